#include "formats/imap/search.h"

#include "base/test.h"

TEST(imap_search)
{
	static const struct {
		str in, want;
		err e;
	} rows[] = {
		{ S("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\""),
		  S("FLAGGED SINCE 1-Feb-1994 NOT HEADER From \"Smith\""), OK }, /* 9051 6.4.4 */
		{ S("RETURN (MIN COUNT) UNSEEN"), S("RETURN (MIN COUNT) UNSEEN"), OK },
		{ S("RETURN () ALL"), S("RETURN (ALL) ALL"), OK }, /* 4731 3.1 */
		{ S("return (save) 1:*,5 $"), S("RETURN (SAVE) 1:*,5 $"), OK },
		{ S("CHARSET UTF-8 TEXT {6}\r\n\xd0\xbf\xd1\x80\xd0\xb8"),
		  S("CHARSET UTF-8 TEXT {6}\r\n\xd0\xbf\xd1\x80\xd0\xb8"), OK },
		{ S("OR (UNSEEN LARGER 5) NOT OLD"), S("OR (UNSEEN LARGER 5) NOT OLD"), OK },
		{ S("NOT NOT SEEN"), S("NOT UNSEEN"), OK },
		{ S("MODSEQ \"/flags/\\\\draft\" all 620162338"), S("MODSEQ 620162338"),
		  OK }, /* 7162 3.1.5 */
		{ S("HEADER X-A \"\" UID 5:7 KEYWORD $Junk UNKEYWORD x"),
		  S("HEADER X-A \"\" UID 5:7 KEYWORD $Junk UNKEYWORD x"), OK },
		{ S("SENTON \"5-Mar-2020\""), S("SENTON 5-Mar-2020"), OK },
		{ S("EMAILID M1 THREADID T2 YOUNGER 60"), S("EMAILID M1 THREADID T2 YOUNGER 60"),
		  OK },
		{ S("CHARSET KOI8-R ALL"), S(""), E_DENIED },
		{ S(""), S(""), E_SYNTAX },
		{ S("()"), S(""), E_SYNTAX },
		{ S("OR SEEN"), S(""), E_SYNTAX },
		{ S("SINCE 31-Feb-2020"), S(""), E_SYNTAX },
		{ S("LARGER x"), S(""), E_SYNTAX },
		{ S("BOGUS"), S(""), E_SYNTAX },
		{ S("RETURN (PARTIAL 1:2) ALL"), S(""), E_SYNTAX },
		{ S("TEXT \"\xff\""), S(""), E_SYNTAX },
	};
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;

	arena_init(&a, KIB(256));
	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, &a };
		struct imap_search s;

		buf_reset(&b);
		err e = imap_parse_search(&in, &s);
		CHECK_ROW(i, e == rows[i].e);
		if (!e)
			imap_add_search(&b, &s);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(imap_search_limits)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct imap_search s;

	arena_init(&a, MIB(4));
	buf_init(&b, MIB(1));
	for (int i = 0; i < 100000; i++)
		buf_add(&b, STR("NOT "));
	buf_add(&b, STR("ALL"));
	struct imap_in in = { buf_str(&b), &a };
	CHECK(imap_parse_search(&in, &s) == E_LIMIT);

	buf_reset(&b);
	for (int i = 0; i < LIM_IMAP_KEYS; i++)
		buf_add(&b, STR("ALL "));
	buf_add(&b, STR("ALL"));
	in = (struct imap_in){ buf_str(&b), &a };
	CHECK(imap_parse_search(&in, &s) == E_LIMIT);
}
