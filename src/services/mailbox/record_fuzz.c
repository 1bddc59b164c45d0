/* Rows of a mailbox as a damaged store might hold them: read, printed, read again. The first octet
 * chooses the row. */
#include <assert.h>

#include "services/mailbox/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again_folder(str row, struct arena *a, struct buf *out)
{
	struct folder_rec r, r2;

	if (folder_rec_read(7, row, a, &r) != OK)
		return;
	folder_rec_add(out, &r);
	assert(folder_rec_read(7, buf_str(out), a, &r2) == OK);
	assert(str_eq(r.name, r2.name) && r.nkeywords == r2.nkeywords && r.octets == r2.octets);
}

static void again_cache(str row, struct buf *out)
{
	struct cache_rec r, r2;

	if (cache_rec_read(row, &r) != OK)
		return;
	cache_rec_add(out, &r);
	assert(cache_rec_read(buf_str(out), &r2) == OK);
	assert(str_eq(r.prefix, r2.prefix) && str_eq(r.mime.header, r2.mime.header));
}

static void again_mail(str row, struct buf *out)
{
	struct mail m, m2;

	if (mail_rec_read(1, row, &m) != OK)
		return;
	mail_rec_add(out, &m);
	assert(mail_rec_read(1, buf_str(out), &m2) == OK);
	assert(m.modseq == m2.modseq && m.keywords == m2.keywords && m.size == m2.size);
}

static void names(str row, struct arena *a)
{
	uint64_t user;
	str name;

	if (folder_name(row, a, &name) == OK)
		assert(folder_name(name, a, &name) == OK);
	(void)!part_user(row, &user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str all = str_of(data, size), row = str_skip(all, 1);
	struct box_rec box;
	struct arena a;
	struct buf out;

	arena_init(&a, MIB(1));
	buf_init(&out, MIB(1));
	switch (size ? data[0] % 5 : 0) {
	case 0:
		again_folder(row, &a, &out);
		break;
	case 1:
		again_cache(row, &out);
		break;
	case 2:
		again_mail(row, &out);
		break;
	case 3:
		names(row, &a);
		break;
	default:
		(void)!box_rec_read(row, &box);
	}
	buf_free(&out);
	arena_free(&a);
	return 0;
}
