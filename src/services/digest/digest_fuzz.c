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

static void try_text(str s)
{
	const struct digest_mail m = {
		.from = s, .subject = s, .score = s, .place = s, .release = s, .why = ""
	};
	const struct digest d = { .login = STR("ana@demo.test"),
				  .hostname = STR("h"),
				  .mails = &m,
				  .n = 1,
				  .id = STR("x") };
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf out, text;
	size_t lines = 0;

	arena_init(&a, LIM_MIME_ARENA);
	buf_init(&out, 2 * LIM_DIGEST);
	buf_init(&text, LIM_DIGEST);
	digest_print(&d, &out);
	if (buf_done(&out))
		return; /* a release address without end */
	assert(str_ascii(buf_str(&out)));
	assert(mime_decode_body(mime_parse(buf_str(&out), &a), &text) == OK);
	assert(utf8_valid(buf_str(&text)));
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	assert(lines == 11);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	try_detail(str_of(data, n));
	try_text(str_of(data, n));
	return 0;
}
