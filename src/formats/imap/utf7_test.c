#include "formats/imap/utf7.h"

#include "base/test.h"

TEST(imap_utf7)
{
	static const struct {
		str seven, utf8;
	} rows[] = {
		{ S("~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
		  S("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
		    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e") }, /* 3501 5.1.3 */
		{ S("p&AOQA5A-"), S("p\xc3\xa4\xc3\xa4") },
		{ S("a&-b"), S("a&b") },
		{ S("&-&-"), S("&&") },
		{ S("&2D3eAA-"), S("\xf0\x9f\x98\x80") }, /* a surrogate pair */
		{ S("Entw&APw-rfe"), S("Entw\xc3\xbcrfe") },
		{ S(""), S("") },
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		CHECK_ROW(i, utf7_decode(rows[i].seven, &b) == OK);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].utf8);
		buf_reset(&b);
		utf7_encode(rows[i].utf8, &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].seven);
	}
}

TEST(imap_utf7_refused)
{
	static const str rows[] = {
		S("&"),		 S("&AOQ"),  S("&AGE-"),		/* 'a' stands for itself */
		S("&AOQ-&AOQ-"),					/* superfluous shift */
		S("\xc3\xa4"),	 S("a\x01"), S("&A-"),	    S("&AOR-"), /* stray bits */
		S("&2D0-"),	 S("&3gA-"), S("&2D0A5A-"), S("&AO$-"),
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		CHECK_ROW(i, utf7_decode(rows[i], &b) == E_SYNTAX);
	}
	struct buf small;
	buf_init(&small, 2);
	CHECK(utf7_decode(STR("abc"), &small) == E_LIMIT);
	buf_free(&small);
}
