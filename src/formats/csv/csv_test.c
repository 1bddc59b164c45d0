#include "formats/csv/csv.h"

#include "base/mem.h"
#include "base/test.h"

#include <string.h>

TEST(csv_records)
{
	static const struct {
		str in;
		err want;
		str fields; /* with | between */
		size_t used, lines;
	} rows[] = {
		{ S("aaa,bbb,ccc\r\nzzz"), OK, S("aaa|bbb|ccc"), 13, 1 }, /* 4180 2.1 */
		{ S("zzz,yyy,xxx"), OK, S("zzz|yyy|xxx"), 11, 0 },     /* 2.2: no end at the end */
		{ S("a b, c ,\n"), OK, S("a b| c |"), 9, 1 },	       /* 2.4: spaces count */
		{ S("\"aaa\",\"bbb\"\r\n"), OK, S("aaa|bbb"), 13, 1 }, /* 2.5 */
		{ S("\"b\r\nbb\",c\n"), OK, S("b\r\nbb|c"), 10, 2 },   /* 2.6 */
		{ S("\"a\"\"b\",\"\"\n"), OK, S("a\"b|"), 10, 1 },     /* 2.7 */
		{ S("\n"), OK, S(""), 1, 1 },
		{ S("a\rb\n"), OK, S("a\rb"), 4, 1 },
		{ S("a\"b\n"), E_SYNTAX, S(""), 0, 0 }, /* 2.5 */
		{ S("\"a\"b\n"), E_SYNTAX, S(""), 0, 0 },
		{ S("\"a"), E_SYNTAX, S(""), 0, 0 },
		{ S(""), E_EOF, S(""), 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf space;
		CLEANUP(buf_free) struct buf got;
		struct csv_record r;

		buf_init(&space, LIM_CSV_LINE);
		buf_init(&got, LIM_CSV_LINE);
		CHECK_ROW(i, csv_parse(rows[i].in, true, &space, &r) == rows[i].want);
		if (rows[i].want)
			continue;
		for (size_t k = 0; k < r.n; k++)
			buf_fmt(&got, "%s%.*s", k ? "|" : "", STRF(r.fields[k]));
		CHECK_STR_ROW(i, buf_str(&got), rows[i].fields);
		CHECK_ROW(i, r.used == rows[i].used && r.lines == rows[i].lines);
		/* of each shorter piece it asks for more, or says what the whole says */
		for (size_t n = 0; n < rows[i].used - 1; n++)
			CHECK_ROW(i,
				  csv_parse(str_take(rows[i].in, n), false, &space, &r) == E_AGAIN);
	}
}

TEST(csv_limits)
{
	CLEANUP(buf_free) struct buf space;
	struct csv_record r;
	char *big = mem_get(LIM_CSV_LINE + 10);

	buf_init(&space, LIM_CSV_LINE);
	memset(big, 'x', LIM_CSV_LINE + 10);
	CHECK(csv_parse(str_of(big, LIM_CSV_LINE + 10), false, &space, &r) == E_LIMIT);
	memset(big, ',', LIM_CSV_LINE);
	CHECK(csv_parse(str_of(big, LIM_CSV_LINE), true, &space, &r) == E_LIMIT);
	mem_free(big);
}

TEST(csv_print_parses_again)
{
	static const str fields[] = { S("plain"),	 S(""),	 S("a,b"), S("say \"hi\""),
				      S("two\r\nlines"), S("\"") };
	CLEANUP(buf_free) struct buf out;
	CLEANUP(buf_free) struct buf space;
	struct csv_record r;

	buf_init(&out, LIM_CSV_LINE);
	buf_init(&space, LIM_CSV_LINE);
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (i)
			buf_addc(&out, ',');
		csv_print(fields[i], &out);
	}
	buf_add(&out, STR("\r\n"));
	CHECK_OK(csv_parse(buf_str(&out), true, &space, &r));
	CHECK(r.n == COUNT(fields));
	for (size_t i = 0; i < r.n; i++)
		CHECK_STR_ROW(i, r.fields[i], fields[i]);
}
