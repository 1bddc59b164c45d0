#include "formats/imap/command.h"

#include "base/test.h"
#include "formats/imap/write.h"

TEST(imap_command)
{
	static const struct {
		str in, tag, name, rest;
		bool uid;
		err want;
	} rows[] = {
		{ S("a1 NOOP"), S("a1"), S("NOOP"), S(""), false, OK },
		{ S("* NOOP"), S(""), S(""), S(""), false, E_SYNTAX },
		{ S("a+ NOOP"), S(""), S(""), S(""), false,
		  E_SYNTAX }, /* 9051 9: no "+" in a tag */
		{ S("1.2]x uid fetch 1 UID"), S("1.2]x"), S("fetch"), S(" 1 UID"), true, OK },
		{ S("a"), S(""), S(""), S(""), false, E_SYNTAX },
		{ S("a "), S("a"), S(""), S(""), false, E_SYNTAX },
		{ S(""), S(""), S(""), S(""), false, E_SYNTAX },
		{ S("a UID"), S("a"), S("UID"), S(""), true, E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, NULL };
		struct imap_command c;

		CHECK_ROW(i, imap_parse_command(&in, &c) == rows[i].want);
		CHECK_STR_ROW(i, c.tag, rows[i].tag);
		CHECK_STR_ROW(i, c.name, rows[i].name);
		CHECK_ROW(i, c.uid == rows[i].uid);
		if (!rows[i].want)
			CHECK_STR_ROW(i, in.rest, rows[i].rest);
	}
}

TEST(imap_astring)
{
	static const struct {
		str in, want, rest;
		err e;
	} rows[] = {
		{ S("abc def"), S("abc"), S(" def"), OK },
		{ S("a]b"), S("a]b"), S(""), OK },
		{ S("\"a \\\"b\\\\\" x"), S("a \"b\\"), S(" x"), OK },
		{ S("\"\""), S(""), S(""), OK },
		{ S("{3}\r\na\r\n)"), S("a\r\n"), S(")"), OK },
		{ S("{3+}\r\nabc"), S("abc"), S(""), OK },
		{ S("{0}\r\n"), S(""), S(""), OK },
		{ S("\"\xc3\xa4\""), S("\xc3\xa4"), S(""), OK }, /* 9051 4.3: UTF-8 in quotes */
		{ S("\"\xc3\""), S(""), S(""), E_SYNTAX },
		{ S("\"abc"), S(""), S(""), E_SYNTAX },
		{ S("\"abc\\"), S(""), S(""), E_SYNTAX },
		{ S("\"a\rb\""), S(""), S(""), E_SYNTAX },
		{ S("{4}\r\nabc"), S(""), S(""), E_SYNTAX },
		{ S("{99999999999999999999}\r\nabc"), S(""), S(""), E_LIMIT },
		{ S("{3}abc"), S(""), S(""), E_SYNTAX },
		{ S("(a)"), S(""), S(""), E_SYNTAX },
		{ S(""), S(""), S(""), E_SYNTAX },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, &a };
		str got = STR("");

		CHECK_ROW(i, imap_astring(&in, &got) == rows[i].e);
		if (rows[i].e)
			continue;
		CHECK_STR_ROW(i, got, rows[i].want);
		CHECK_STR_ROW(i, in.rest, rows[i].rest);
	}
}

TEST(imap_append_arguments)
{
	static const struct {
		str in, mailbox;
		int64_t date;
		uint64_t size;
		err want;
	} rows[] = {
		{ S("saved-messages (\\Seen) {326}"), S("saved-messages"), 0, 326,
		  OK }, /* 9051 6.3.12 */
		{ S("inbox \"17-Jul-1996 02:44:25 -0700\" {1+}"), S("INBOX"), 837596665, 1, OK },
		{ S("x (\\Seen) \" 7-Jul-1996 02:44:25 +0000\" ~{5}"), S("x"), 836707465, 5, OK },
		{ S("{5}"), S(""), 0, 0, E_AGAIN }, /* the name itself is a literal */
		{ S("{1}\r\nx {7}"), S("x"), 0, 7, OK },
		{ S("x UTF8 (~{9}"), S("x"), 0, 9, OK }, /* 6855 4 */
		{ S("x UTF8 ({9}"), S(""), 0, 0, E_SYNTAX },
		{ S("x {5"), S(""), 0, 0, E_SYNTAX },
		{ S("x (\\Seen {5}"), S(""), 0, 0, E_SYNTAX },
		{ S("x bogus {5}"), S(""), 0, 0, E_SYNTAX },
		{ S("x \"40-Jul-1996 02:44:25 -0700\" {5}"), S(""), 0, 0, E_SYNTAX },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, KIB(64));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, &a };
		struct imap_append ap = { .mailbox = STR("") };

		CHECK_ROW(i, imap_parse_append(&in, false, &ap) == rows[i].want);
		CHECK_STR_ROW(i, ap.mailbox, rows[i].mailbox);
		CHECK_ROW(i, ap.date == rows[i].date && ap.literal.size == rows[i].size);
	}
}

TEST(imap_literal_at_end)
{
	struct imap_literal l;

	CHECK(imap_literal_at_end(STR("a LOGIN {5}"), &l) && l.size == 5 && !l.nosync && l.at == 8);
	CHECK(imap_literal_at_end(STR("a ~{5+}"), &l) && l.nosync && l.binary && l.at == 2);
	CHECK(!imap_literal_at_end(STR("a {5} "), &l));
	CHECK(!imap_literal_at_end(STR("a {}"), &l));
	CHECK(!imap_literal_at_end(STR("a {5-}"), &l));
	CHECK(imap_literal_at_end(STR("{99999999999999999999}"), &l) && l.size == INT64_MAX);
}

TEST(imap_write)
{
	static const struct {
		str in, string, mailbox;
	} rows[] = {
		{ S("a"), S("\"a\""), S("\"a\"") },
		{ S("a\"\\"), S("\"a\\\"\\\\\""), S("\"a\\\"\\\\\"") },
		{ S("\xc3\xa4"), S("{2}\r\n\xc3\xa4"), S("\"&AOQ-\"") },
		{ S("a&b"), S("\"a&b\""), S("\"a&-b\"") },
		{ S("a\r\n"), S("{3}\r\na\r\n"), S("{3}\r\na\r\n") },
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		imap_put_string(&b, rows[i].in, false);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].string);
		if (i == 4)
			continue;
		buf_reset(&b);
		imap_put_mailbox(&b, rows[i].in, false);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].mailbox);
	}
	buf_reset(&b);
	imap_put_mailbox(&b, STR("\xc3\xa4"), true);
	CHECK_STR(buf_str(&b), STR("\"\xc3\xa4\""));
}

TEST(imap_dates)
{
	int64_t v;

	CHECK_OK(imap_parse_date(STR("1-Feb-1994"), &v));
	CHECK(v == 8797);
	CHECK_OK(imap_parse_date(STR("31-Dec-1969"), &v));
	CHECK(v == -1);
	CHECK(imap_parse_date(STR("1-Feb-94"), &v) == E_SYNTAX);
	CHECK(imap_parse_date(STR("29-Feb-2023"), &v) == E_SYNTAX);
	CHECK(imap_parse_date_time(STR("1-Feb-1994 00:00:00 +0000"), &v) == E_SYNTAX);
}
