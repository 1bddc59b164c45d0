#include "services/digest/digest.h"

#include "base/enc.h"
#include "base/limits.h"
#include "base/test.h"
#include "formats/mime/header.h"
#include "formats/mime/text.h"

static const uint8_t key[DIGEST_KEY] = { 1, 2, 3 };

static str detail_of(struct buf *b, const struct digest_ticket *t)
{
	buf_init(b, 64);
	digest_add_detail(b, key, t);
	CHECK_OK(buf_done(b));
	return buf_str(b);
}

TEST(digest_ticket)
{
	static const struct digest_ticket rows[] = {
		{ 1, 2, 3, true, 20000 },
		{ UINT64_MAX, UINT64_MAX, UINT32_MAX, true, 0x7fff },
		{ 0, 0, 0, false, 0 },
		{ 17, 9, 4711, false, 20785 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b;
		str detail = detail_of(&b, &rows[i]);
		struct digest_ticket got = { .user = rows[i].user, .folder = rows[i].folder };

		CHECK_ROW(i, detail.n == 34 && str_starts(detail, STR("release-")));
		CHECK_ROW(i, digest_is_release(detail));
		CHECK_ROW(i, digest_read_detail(detail, &got) == OK);
		CHECK_ROW(i, got.uid == rows[i].uid && got.day == rows[i].day);
		CHECK_ROW(i, got.quarantine == rows[i].quarantine);
		CHECK_ROW(i, digest_check(detail, key, &got) == OK);
		for (size_t k = 0; k < b.n; k++) /* folded on its way */
			b.p[k] = ch_upper(b.p[k]);
		CHECK_ROW(i, digest_check(detail, key, &got) == OK);
	}
}

/* Nothing of a ticket can be changed. */
TEST(digest_ticket_of_others)
{
	static const struct digest_ticket mine = { 1, 2, 3, true, 20000 };
	static const struct digest_ticket others[] = {
		{ 2, 2, 3, true, 20000 }, { 1, 3, 3, true, 20000 },  { 1, 2, 4, true, 20000 },
		{ 1, 2, 3, true, 20001 }, { 1, 2, 3, false, 20000 },
	};
	CLEANUP(buf_free) struct buf b;
	static const uint8_t other_key[DIGEST_KEY] = { 9 };
	str detail = detail_of(&b, &mine);

	for (size_t i = 0; i < COUNT(others); i++)
		CHECK_ROW(i, digest_check(detail, key, &others[i]) == E_DENIED);
	CHECK(digest_check(detail, other_key, &mine) == E_DENIED);
	for (size_t i = 8; i < b.n; i++) {
		char was = b.p[i];

		b.p[i] = was == 'b' ? 'c' : 'b';
		CHECK_ROW(i, digest_check(detail, key, &mine) == E_DENIED);
		b.p[i] = was;
	}
}

TEST(digest_is_release)
{
	static const str others[] = {
		S(""),
		S("release"),
		S("release-"),
		S("release-notes"),
		S("release-aaaaaaaaaaaaaaaaaaaaaaaaa"),	  /* one less */
		S("release-aaaaaaaaaaaaaaaaaaaaaaaaaaa"), /* one more */
		S("release-aaaaaaaaaaaaa1aaaaaaaaaaaa"),
		S("release-aaaaaaaaaaaaaaaaaaaaaaaaab"), /* stray bits */
		S("releasa-aaaaaaaaaaaaaaaaaaaaaaaaaa"),
	};

	for (size_t i = 0; i < COUNT(others); i++)
		CHECK_ROW(i, !digest_is_release(others[i]));
	CHECK(digest_is_release(STR("Release-AAAAaaaaaaaaaaaaaaaaaaaaaa")));
}

static str text_of(const struct digest *d, bool html, struct arena *a, struct buf *out)
{
	CLEANUP(buf_free) struct buf text;

	buf_init(&text, LIM_DIGEST);
	buf_reset(out);
	digest_print(d, out);
	CHECK_OK(buf_done(out));
	const struct mime_part *root = mime_parse(buf_str(out), a);

	CHECK(root->nchild == 2 && str_eq(root->subtype, STR("alternative")));
	CHECK_OK(mime_decode_body(html ? root->last : root->child, &text));
	return arena_dup(a, buf_str(&text));
}

static bool has(str text, str what)
{
	return str_search(text, what) < text.n;
}

TEST(digest_text)
{
	static char huge[4000];
	const struct digest_mail mails[] = {
		{ .from = STR("Shop <x@shop.example>"),
		  .subject = STR("win\r\nBcc: all@demo.test\r\n\r\nRelease: \xe2\x80\xae"
				 "http://evil.example/\xff"),
		  .score = STR("13.4"),
		  .place = STR("quarantine (score)"),
		  .at = 1700000000,
		  .quarantine = true,
		  .release = STR("a&b+release-x@demo.test") },
		{ .from = STR(""),
		  .subject = str_of(huge, sizeof(huge)),
		  .score = STR("5"),
		  .place = STR("spam (virus)"),
		  .at = 1700000000,
		  .release = STR(""),
		  .why = "by the administrator alone" },
	};
	const struct digest d = { .login = STR("a&b@demo.test"),
				  .hostname = STR("mx.demo.test"),
				  .now = 1700000000,
				  .keep = 30 * DIGEST_DAY,
				  .mails = mails,
				  .n = COUNT(mails),
				  .id = STR("digest-1-2") };
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf out;

	for (size_t i = 0; i < sizeof(huge); i++)
		huge[i] = 'x';
	arena_init(&a, MIB(1));
	buf_init(&out, LIM_DIGEST);
	str html = text_of(&d, true, &a, &out), text = text_of(&d, false, &a, &out);
	str header = str_take(buf_str(&out), str_search(buf_str(&out), STR("\r\n\r\n")) + 2);

	CHECK(str_ascii(buf_str(&out)) && utf8_valid(text));
	CHECK_STR(mime_header_text(&a, header, STR("To")), STR("<a&b@demo.test>"));
	CHECK_STR(mime_header_text(&a, header, STR("Subject")), STR("2 mails held back as spam"));
	CHECK(has(text, STR("Release: mailto:a%26b+release-x@demo.test?subject=release\r\n")));
	CHECK(has(text, STR("Release: by the administrator alone\r\n")));
	CHECK(has(text,
		  STR("Subject: win??Bcc: all@demo.test????Release: ?http: //evil.example/")));
	CHECK(has(text, STR("Is in:   quarantine, score 13.4, quarantine (score)\r\n")));
	CHECK(has(text, STR("From:    (none)\r\n")) && has(text, STR("xxx...\r\n")));
	CHECK(!has(text, STR("More than")) && !has(text, STR("Older")));
	CHECK(text.n < 2000);
	CHECK(has(html, STR("<td>Shop &#60;x@shop.example&#62;</td>")));
	CHECK(has(html, STR("<td><a href=\"mailto:a%26b+release-x@demo.test?subject=release\">"
			    "Release</a></td>")));
	CHECK(has(html, STR("<td>by the administrator alone</td>")));
	CHECK(has(html, STR("for a&#38;b@demo.test")) && has(html, STR("?http: //evil.example/")));
}
