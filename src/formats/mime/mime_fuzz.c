/* A message: parsed whole and in pieces, printed as IMAP shows it, its sections found, its text
 * decoded. */
#include <assert.h>

#include "base/enc.h"
#include "formats/mime/forwarded.h"
#include "formats/mime/imap.h"
#include "formats/mime/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_ranges(const struct mime_part *root, size_t n)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p)) {
		assert(p->header_at <= p->body_at && p->body_at <= p->end && p->end <= n);
		assert(p->type.n && p->subtype.n && p->depth < LIM_MIME_DEPTH);
		assert((p->kind == MIME_LEAF) == (p->child == NULL));
		if (p->parent)
			assert(p->header_at >= p->parent->body_at && p->end <= p->parent->end);
	}
}

static void print(struct buf *out, const struct mime_part *root)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		buf_fmt(out, "%zu %zu %zu %zu %x\n", p->header_at, p->body_at, p->end, p->lines,
			p->defects);
	mime_add_envelope(root, out);
	mime_add_bodystructure(root, out, true);
	mime_add_bodystructure(root, out, false);
}

static struct mime_part *in_pieces(str message, size_t step, struct arena *a)
{
	struct mime_scan s;

	mime_scan_init(&s, a);
	for (; message.n; message = str_skip(message, step))
		mime_scan_feed(&s, str_take(message, step));
	return mime_scan_end(&s);
}

static void sections(const struct mime_part *root, str seed)
{
	uint32_t numbers[4];
	size_t at, len;

	for (size_t i = 0; i < 4; i++)
		numbers[i] = i < seed.n ? (uint32_t)seed.p[i] & 3 : 1;
	for (size_t i = 0; i <= 4; i++)
		for (int what = MIME_S_ALL; what <= MIME_S_MIME; what++)
			if (mime_section_range(root, numbers, i, (enum mime_section_text)what, &at,
					       &len))
				assert(at + len <= root->end);
}

static void forwarded(const struct mime_part *root, size_t n)
{
	CLEANUP(buf_free) struct buf text;

	buf_init(&text, n / 2 + 1);
	for (const struct mime_part *p = mime_attached(root, NULL); p; p = mime_attached(root, p)) {
		buf_reset(&text);
		mime_attached_text(p, &text);
		assert(text.n <= p->body.n);
	}
	buf_reset(&text);
	mime_resent_text(root, &text);
	assert(buf_done(&text) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str message = str_of(data, n);
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf whole, pieces, text;

	arena_init(&a, MIB(16));
	buf_init(&whole, MIB(64));
	buf_init(&pieces, MIB(64));
	buf_init(&text, KIB(64));
	struct mime_part *root = mime_parse(message, &a);

	check_ranges(root, n);
	print(&whole, root);
	sections(root, message);
	forwarded(root, n);
	if (mime_all_text(root, &text) == OK)
		assert(utf8_valid(buf_str(&text)));
	print(&pieces, in_pieces(message, n % 61 + 1, &a));
	assert(str_eq(buf_str(&whole), buf_str(&pieces)));
	return 0;
}
