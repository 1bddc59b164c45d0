#include "formats/mailauth/canon.h"

#include "base/limits.h"
#include "base/test.h"
#include "formats/mailauth/tags.h"

static void add(void *arg, str s)
{
	buf_add(arg, s);
}

static void body_of(str body, bool relaxed, size_t piece, struct buf *out)
{
	struct canon_body c;

	buf_init(out, MIB(4));
	canon_body_begin(&c, relaxed, (struct canon_sink){ add, out });
	for (; body.n; body = str_skip(body, piece))
		canon_body_add(&c, str_take(body, piece));
	canon_body_end(&c);
}

TEST(canon_bodies)
{
	static const struct {
		str in, simple, relaxed;
	} rows[] = {
		/* 6376 3.4.5 */
		{ S(" C \r\nD \t E\r\n\r\n\r\n"), S(" C \r\nD \t E\r\n"), S(" C\r\nD E\r\n") },
		/* 3.4.3, 3.4.4: empty bodies */
		{ S(""), S("\r\n"), S("") },
		{ S("\r\n\r\n"), S("\r\n"), S("") },
		{ S(" \r\n\t\r\n"), S(" \r\n\t\r\n"), S("") },
		/* no line end at the end */
		{ S("a"), S("a\r\n"), S("a\r\n") },
		{ S("a  "), S("a  \r\n"), S("a\r\n") },
		{ S("a\r\n  "), S("a\r\n  \r\n"), S("a\r\n") },
		/* LF alone ends lines, CR alone does not */
		{ S("a\n\nb\n\n"), S("a\r\n\r\nb\r\n"), S("a\r\n\r\nb\r\n") },
		{ S("a\rb\r\r\nc\r"), S("a\rb\r\r\nc\r\r\n"), S("a\rb\r\r\nc\r\r\n") },
		{ S("a \r b"), S("a \r b\r\n"), S("a \r b\r\n") },
		/* white space inside, at the beginning and at the end of lines */
		{ S("\ta\t\tb  c \t\r\n d"), S("\ta\t\tb  c \t\r\n d\r\n"), S(" a b c\r\n d\r\n") },
		{ S("\r\n\r\na\r\n \r\nb"), S("\r\n\r\na\r\n \r\nb\r\n"),
		  S("\r\n\r\na\r\n\r\nb\r\n") },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t piece = 1; piece < 20; piece++) {
			struct buf simple, relaxed;

			body_of(rows[i].in, false, piece, &simple);
			body_of(rows[i].in, true, piece, &relaxed);
			CHECK_STR_ROW(i, buf_str(&simple), rows[i].simple);
			CHECK_STR_ROW(i, buf_str(&relaxed), rows[i].relaxed);
			buf_free(&simple);
			buf_free(&relaxed);
		}
}

TEST(canon_many_empty_lines) /* they wait, and go out in linear time */
{
	struct buf in, out;

	buf_init(&in, MIB(4));
	for (int i = 0; i < 1000000; i++)
		buf_add(&in, STR("\r\n"));
	body_of(buf_str(&in), true, SIZE_MAX, &out);
	CHECK(out.n == 0);
	buf_free(&out);
	buf_add(&in, STR("x"));
	body_of(buf_str(&in), true, SIZE_MAX, &out);
	CHECK(out.n == 2000003);
	buf_free(&out);
	buf_free(&in);
}

TEST(canon_headers)
{
	static const struct {
		str in, simple, relaxed;
		bool last;
	} rows[] = {
		/* 6376 3.4.5 */
		{ S("A: X\r\n"), S("A: X\r\n"), S("a:X\r\n"), false },
		{ S("B : Y\t\r\n\tZ  \r\n"), S("B : Y\t\r\n\tZ  \r\n"), S("b:Y Z\r\n"), false },
		{ S("B : Y\n\tZ  \n"), S("B : Y\r\n\tZ  "), S("b:Y Z"), true },
		{ S("Empty:\r\n"), S("Empty:\r\n"), S("empty:\r\n"), false },
		{ S("Spaces:   \r\n \r\n"), S("Spaces:   \r\n \r\n"), S("spaces:\r\n"), false },
		{ S("C: a:b;  c"), S("C: a:b;  c\r\n"), S("c:a:b; c\r\n"), false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct canon_message m;
		struct arena a;
		struct buf simple, relaxed;

		arena_init(&a, KIB(64));
		buf_init(&simple, KIB(4));
		buf_init(&relaxed, KIB(4));
		CHECK_OK(canon_split(rows[i].in, &a, &m));
		CHECK_ROW(i, m.n == 1);
		canon_field(m.fields, false, rows[i].last, (struct canon_sink){ add, &simple });
		canon_field(m.fields, true, rows[i].last, (struct canon_sink){ add, &relaxed });
		CHECK_STR_ROW(i, buf_str(&simple), rows[i].simple);
		CHECK_STR_ROW(i, buf_str(&relaxed), rows[i].relaxed);
		buf_free(&simple);
		buf_free(&relaxed);
		arena_free(&a);
	}
}

TEST(canon_splits)
{
	static const struct {
		str in;
		size_t n;
		str body;
	} rows[] = {
		{ S("A: 1\r\nB: 2\r\n 3\r\n\r\nbody\r\n"), 2, S("body\r\n") },
		{ S("A: 1\nB: 2\n\nbody\n"), 2, S("body\n") },
		{ S("A: 1\r\n"), 1, S("") },
		{ S("\r\nbody"), 0, S("body") },
		{ S(""), 0, S("") },
		{ S("no field\r\nA: 1\r\n\r\n"), 2, S("") },
		{ S(" first\r\nA: 1\r\n\r\nx"), 2, S("x") },
	};
	struct canon_message m;
	struct arena a;

	arena_init(&a, MIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_OK(canon_split(rows[i].in, &a, &m));
		CHECK_ROW(i, m.n == rows[i].n);
		CHECK_STR_ROW(i, m.body, rows[i].body);
	}
	struct buf many;

	buf_init(&many, MIB(1));
	for (int i = 0; i <= LIM_DKIM_FIELDS; i++)
		buf_add(&many, STR("a:\n"));
	CHECK(canon_split(buf_str(&many), &a, &m) == E_LIMIT);
	buf_free(&many);
	arena_free(&a);
}

TEST(canon_takes_from_the_last) /* 6376 5.4.2 */
{
	struct canon_message m;
	struct arena a;
	bool used[4] = { 0 };
	size_t at = 9;

	arena_init(&a, KIB(4));
	CHECK_OK(canon_split(STR("A: 1\r\nb: 2\r\na : 3\r\n\r\n"), &a, &m));
	CHECK(canon_take(&m, STR("a"), used, &at) && at == 2);
	CHECK(canon_take(&m, STR("A"), used, &at) && at == 0);
	CHECK(!canon_take(&m, STR("A"), used, &at));
	CHECK(canon_take(&m, STR("B"), used, &at) && at == 1);
	arena_free(&a);
}

TEST(tag_lists) /* 6376 3.2 */
{
	static const struct {
		str in;
		err want;
		size_t n;
		str a;
	} rows[] = {
		{ S("a=1; b=2"), OK, 2, S("1") },
		{ S(" a = x y ; b =;"), OK, 2, S("x y") },
		{ S("\r\n\ta=1\r\n\t2 ; \r\n "), OK, 1, S("1\r\n\t2") },
		{ S("a="), OK, 1, S("") },
		{ S("a_1=x;a=b=c"), OK, 2, S("b=c") },
		{ S("A=2;a=1"), OK, 2, S("1") },
		{ S("a=1;;b=2"), E_SYNTAX, 0, S("") },
		{ S("a=1;a=1"), E_SYNTAX, 0, S("") },
		{ S("a"), E_SYNTAX, 0, S("") },
		{ S("=1"), E_SYNTAX, 0, S("") },
		{ S("1a=1"), E_SYNTAX, 0, S("") },
		{ S("a-b=1"), E_SYNTAX, 0, S("") },
		{ S("a=\x01"), E_SYNTAX, 0, S("") },
		{ S(""), E_SYNTAX, 0, S("") },
		{ S(";"), E_SYNTAX, 0, S("") },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tags t;

		CHECK_ROW(i, tags_parse(rows[i].in, &t) == rows[i].want);
		if (rows[i].want != OK)
			continue;
		CHECK_ROW(i, t.n == rows[i].n);
		CHECK_STR_ROW(i, tags_value(&t, STR("a")), rows[i].a);
	}
}

TEST(tag_limit)
{
	struct buf b;
	struct tags t;

	buf_init(&b, KIB(4));
	for (int i = 0; i < LIM_DKIM_TAGS; i++)
		buf_fmt(&b, "a%d=;", i);
	CHECK_OK(tags_parse(buf_str(&b), &t));
	buf_add(&b, STR("z="));
	CHECK(tags_parse(buf_str(&b), &t) == E_LIMIT);
	buf_free(&b);
}
