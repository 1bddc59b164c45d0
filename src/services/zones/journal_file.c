/* The journal's file: a line that says what it is, then frames: length, CRC-32C, contents. Only its
 * end can be torn, since it is written at its end alone; what is behind a frame that is not sound
 * is not used. */
#include "base/hash.h"
#include "base/limits.h"
#include "services/zones/journal_part.h"

const str journal_magic = S("posta zone journal 1\n");

enum { KIND_STEP = 1, KIND_FORGET = 2, HEAD = 8 };

void journal_frame_add(struct buf *out, const struct journal_frame *f)
{
	size_t at = out->n;

	buf_u32(out, 0);
	buf_u32(out, 0);
	buf_u8(out, f->forget ? KIND_FORGET : KIND_STEP);
	buf_lstr(out, f->apex);
	if (!f->forget) {
		buf_u32(out, f->step.from);
		buf_u32(out, f->step.to);
		buf_u64(out, f->digest);
		buf_lstr(out, f->step.deleted);
		buf_lstr(out, f->step.added);
	}
	if (buf_done(out) != OK)
		return;
	str contents = str_skip(buf_str(out), at + HEAD);

	dns_put32(out->p + at, (uint32_t)contents.n);
	dns_put32(out->p + at + 4, hash_crc32c(0, contents));
}

/* Every record of a half can be read, the SOA is in front. */
static bool half_sound(str half, str apex)
{
	struct journal_record r;
	bool first = true;
	str rest = half;

	while (rest.n) {
		if (!journal_next(&rest, &r))
			return false;
		if (first && (r.type != DNS_SOA || !dns_name_eq(r.owner, apex)))
			return false;
		if (!dns_name_under(r.owner, apex))
			return false;
		first = false;
	}
	return !first;
}

static bool read_contents(str contents, struct journal_frame *f)
{
	struct cur c = { .rest = contents };
	unsigned kind = cur_u8(&c);

	*f = (struct journal_frame){ .apex = cur_lstr(&c), .forget = kind == KIND_FORGET };
	if (kind == KIND_STEP) {
		f->step.from = cur_u32(&c);
		f->step.to = cur_u32(&c);
		f->digest = cur_u64(&c);
		f->step.deleted = cur_lstr(&c);
		f->step.added = cur_lstr(&c);
	}
	if (c.e != OK || c.rest.n || !dns_name_valid(f->apex))
		return false;
	if (kind == KIND_STEP)
		return half_sound(f->step.deleted, f->apex) && half_sound(f->step.added, f->apex);
	return kind == KIND_FORGET;
}

size_t journal_read(str file, void (*fn)(void *arg, const struct journal_frame *f), void *arg)
{
	struct journal_frame f;
	str rest = file;

	if (!str_starts(file, journal_magic))
		return 0;
	for (rest = str_skip(file, journal_magic.n); rest.n >= HEAD;) {
		str contents = str_skip(rest, HEAD);
		size_t n = dns_get32(rest.p);

		if (n > contents.n ||
		    hash_crc32c(0, str_take(contents, n)) != dns_get32(rest.p + 4))
			break;
		if (!read_contents(str_take(contents, n), &f))
			break;
		fn(arg, &f);
		rest = str_skip(contents, n);
	}
	return file.n - rest.n;
}
