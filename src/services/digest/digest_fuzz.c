/* Any text as what a mail says of itself, and as a detail. */
#include <assert.h>

#include "base/enc.h"
#include "base/limits.h"
#include "formats/mime/text.h"
#include "services/digest/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void try_detail(str s)
{
	static const uint8_t key[DIGEST_KEY] = { 1 };
	struct digest_ticket t = { .user = 1, .folder = 2 };
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 64);
	if (digest_read_detail(s, &t))
		return;
	assert(digest_is_release(s));
	digest_add_detail(&b, key, &t);
	assert(buf_done(&b) == OK && digest_check(buf_str(&b), key, &t) == OK);
	assert((digest_check(s, key, &t) == OK) == str_eqi(s, buf_str(&b)));
}

/* Line ends, tags and quotes of a body, as decoded. */
struct shape {
	size_t lines, tags, quotes;
};

static struct shape shape_of(const struct mime_part *p)
{
	CLEANUP(buf_free) struct buf text;
	struct shape s = { 0 };

	buf_init(&text, LIM_DIGEST);
	assert(mime_decode_body(p, &text) == OK && utf8_valid(buf_str(&text)));
	for (size_t i = 0; i < text.n; i++) {
		s.lines += text.p[i] == '\n';
		s.tags += text.p[i] == '<' || text.p[i] == '>';
		s.quotes += text.p[i] == '"';
	}
	return s;
}

/* False: the release address has no end. */
static bool shapes(str text, struct shape *plain, struct shape *html)
{
	const struct digest_mail m = {
		.from = text, .subject = text, .score = text, .place = text, .release = text
	};
	const struct digest d = { .login = STR("ana@demo.test"),
				  .hostname = STR("h"),
				  .mails = &m,
				  .n = 1,
				  .id = STR("x") };
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf out;

	arena_init(&a, LIM_MIME_ARENA);
	buf_init(&out, LIM_DIGEST);
	digest_print(&d, &out);
	if (buf_done(&out))
		return false;
	assert(str_ascii(buf_str(&out)));
	const struct mime_part *root = mime_parse(buf_str(&out), &a);

	assert(root->nchild == 2);
	*plain = shape_of(root->child);
	*html = shape_of(root->last);
	return true;
}

/* Whatever a mail says of itself, there is no line, tag or attribute more. The plain text has it as
 * it is but for the lines. */
static void try_text(str s)
{
	struct shape plain, html, plain_of_any, html_of_any;

	if (!s.n || !shapes(s, &plain, &html))
		return;
	assert(shapes(STR("any"), &plain_of_any, &html_of_any));
	assert(plain.lines == plain_of_any.lines && html.lines == html_of_any.lines);
	assert(html.tags == html_of_any.tags && html.quotes == html_of_any.quotes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	try_detail(str_of(data, n));
	try_text(str_of(data, n));
	return 0;
}
