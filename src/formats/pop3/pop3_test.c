#include "formats/pop3/pop3.h"

#include "base/test.h"

TEST(pop3_commands)
{
	static const struct {
		str line;
		err e;
		str verb, first, second, rest;
	} rows[] = {
		{ S("QUIT"), OK, S("QUIT"), S(""), S(""), S("") },
		{ S("top 1 10"), OK, S("top"), S("1"), S("10"), S("1 10") },
		{ S("PASS my pass word"), OK, S("PASS"), S("my"), S("pass word"),
		  S("my pass word") },
		{ S("PASS  x"), OK, S("PASS"), S("x"), S(""), S(" x") }, /* 1939 7: spaces count */
		{ S("PASS \xc3\xa9"), OK, S("PASS"), S("\xc3\xa9"), S(""),
		  S("\xc3\xa9") }, /* 6856 2.1 */
		{ S("RETR \xc3\xa9"), E_SYNTAX, S(""), S(""), S(""), S("") },
		{ S(""), E_SYNTAX, S(""), S(""), S(""), S("") },
		{ S(" QUIT"), E_SYNTAX, S(""), S(""), S(""), S("") },
		{ S("QUITE"), E_SYNTAX, S(""), S(""), S(""), S("") },
		{ S("ST\0LS"), E_SYNTAX, S(""), S(""), S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pop3_command c = { .verb = S(""), .rest = S("") };

		CHECK_ROW(i, pop3_parse(rows[i].line, &c) == rows[i].e);
		CHECK_STR_ROW(i, c.verb, rows[i].verb);
		CHECK_STR_ROW(i, c.args[0], rows[i].first);
		CHECK_STR_ROW(i, c.args[1], rows[i].second);
		CHECK_STR_ROW(i, c.rest, rows[i].rest);
	}
}

TEST(pop3_numbers)
{
	static const struct {
		str arg;
		err e;
		size_t want;
	} rows[] = {
		{ S("1"), OK, 1 },
		{ S("3"), OK, 3 },
		{ S("4"), E_NOTFOUND, 0 },
		{ S("0"), E_NOTFOUND, 0 },
		{ S("-1"), E_SYNTAX, 0 },
		{ S(""), E_SYNTAX, 0 },
		{ S("99999999999999999999999"), E_NOTFOUND, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t n = 0;

		CHECK_ROW(i, pop3_number(rows[i].arg, 3, &n) == rows[i].e);
		CHECK_ROW(i, n == rows[i].want);
	}
}
