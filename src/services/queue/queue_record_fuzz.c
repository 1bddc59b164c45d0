/* Records and keys of a queue as a damaged store might hold them: read, printed, read again. The
 * first octet chooses the form; the checksum is put right, since a wrong one hides all else. */
#include <assert.h>

#include "base/hash.h"
#include "base/limits.h"
#include "services/queue/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again_entry(str row, struct buf *out)
{
	struct entry e, e2;

	if (entry_parse(row, STR("A1"), &e) != OK)
		return;
	entry_print(out, &e);
	assert(entry_parse(buf_str(out), STR("A1"), &e2) == OK);
	assert(str_eq(e.from, e2.from) && str_eq(e.blob, e2.blob) && e.nlots == e2.nlots);
}

static void again_lot(str row, struct arena *a, struct buf *out)
{
	struct lot l, l2;

	if (lot_parse(row, STR("A1"), 1, a, &l) != OK)
		return;
	lot_print(out, &l);
	assert(lot_parse(buf_str(out), STR("A1"), 1, a, &l2) == OK);
	assert(str_eq(l.destination, l2.destination) && l.nrcpts == l2.nrcpts && l.due == l2.due);
}

static void keys(str key)
{
	str id, destination;
	unsigned no;
	int64_t due;

	(void)!parse_lot_key(key, &id, &no);
	(void)!parse_due_key(key, &due, &id, &no);
	(void)!parse_ready_key(key, &destination, &due, &id, &no);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str rest = str_skip(str_of(data, size), 1);
	struct arena a;
	struct buf row, out;

	arena_init(&a, MIB(1));
	buf_init(&row, MIB(1));
	buf_init(&out, MIB(1));
	buf_add(&row, rest);
	buf_u32(&row, hash_crc32c(0, rest));
	switch (size ? data[0] % 3 : 0) {
	case 0:
		again_entry(buf_str(&row), &out);
		break;
	case 1:
		again_lot(buf_str(&row), &a, &out);
		break;
	default:
		keys(rest);
	}
	buf_free(&out);
	buf_free(&row);
	arena_free(&a);
	return 0;
}
