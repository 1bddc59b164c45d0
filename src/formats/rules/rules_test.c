#include "base/limits.h"
#include "base/test.h"
#include "formats/rules/lines.h"
#include "formats/rules/meta.h"
#include "formats/rules/replace.h"
#include "formats/rules/test.h"

/* Lines as "key=value;". */
static err add_line(void *arg, const struct rule_line *l)
{
	if (str_eq(l->key, STR("bad")))
		return fail(E_SYNTAX, "it is bad");
	buf_fmt(arg, "%.*s=%.*s;", STRF(l->key), STRF(l->value));
	return OK;
}

TEST(rule_lines)
{
	static const struct {
		str in, want;
		err e;
	} rows[] = {
		{ S("body A /x/\n# all comment\nscore A 1 # why\n"), S("body=A /x/;score=A 1;"),
		  OK },
		{ S("  Required-Score\t5\r\n"), S("required_score=5;"), OK },
		{ S("body A /a\\#b/ # c"), S("body=A /a#b/;"), OK },
		{ S("lang de describe A x\nlang en describe A y"), S("describe=A y;"), OK },
		{ S("ifplugin Mail::SpamAssassin::Plugin::SPF\na 1\nelse\na 2\nendif\n"), S("a=1;"),
		  OK },
		{ S("ifplugin No::Such\na 1\nelse\na 2\nendif\na 3"), S("a=2;a=3;"), OK },
		{ S("if (version >= 3.004002)\na 1\nendif"), S("a=1;"), OK },
		{ S("if (version < 4.000000)\na 1\nif (version > 1)\na 2\nelse\na 3\nendif\nendif"),
		  S(""), OK },
		{ S("if can(Mail::SpamAssassin::Conf::feature_bug6558_free)\na 1\nendif"),
		  S("a=1;"), OK },
		{ S("if !(can(Mail::SpamAssassin::Plugin::ASN::has_check_asn))\na 1\nendif"),
		  S("a=1;"), OK },
		{ S("if !plugin(Mail::SpamAssassin::Plugin::DKIM)\na 1\nendif"), S(""), OK },
		{ S("if (version >= 4) && !plugin(X) || 0\na 1\nendif"), S("a=1;"), OK },
		{ S("require_version 3.0\na 1"), S(""), OK },
		{ S("endif"), S(""), E_SYNTAX },
		{ S("if 1\na"), S("a=;"), E_SYNTAX },
		{ S("else"), S(""), E_SYNTAX },
		{ S("if (1\nendif"), S(""), E_SYNTAX },
		{ S("if nonsense\nendif"), S(""), E_SYNTAX },
		{ S("bad line"), S(""), E_SYNTAX },
	};
	struct arena a;
	struct buf b;

	arena_init(&a, MIB(1));
	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct rule_reader r = { .a = &a, .line = add_line, .arg = &b };

		buf_reset(&b);
		CHECK_ROW(i, rule_lines_read(&r, STR("t.cf"), rows[i].in) == rows[i].e);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
		if (rows[i].e)
			CHECK_ROW(i, str_starts(str_z(err_last()->text), STR("t.cf:1: ")));
	}
	buf_free(&b);
	arena_free(&a);
}

TEST(rule_pattern)
{
	static const struct {
		str in, want;
		err e;
	} rows[] = {
		{ S("/foo/i"), S("(?i)foo"), OK },
		{ S("m{a{2}b}xs"), S("(?xs)a{2}b"), OK },
		{ S("m,a/b,"), S("a/b"), OK },
		{ S("qr#a#"), S("a"), OK },
		{ S("/a{,3}[{,3}]/"), S("a{0,3}[{,3}]"), OK },
		{ S("/a\\/b/"), S("a\\/b"), OK },
		{ S("/a/b/"), S(""), E_SYNTAX },
		{ S("/a"), S(""), E_SYNTAX },
		{ S("a"), S(""), E_SYNTAX },
		{ S("/a/e"), S(""), E_SYNTAX },
		{ S("/(?{ die })/"), S(""), E_SYNTAX },
		{ S("mama"), S(""), E_SYNTAX },
	};
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		str out = STR("");

		CHECK_ROW(i, rule_pattern_parse(&a, rows[i].in, &out) == rows[i].e);
		if (rows[i].e == OK)
			CHECK_STR_ROW(i, out, rows[i].want);
	}
	CHECK(rule_pattern_captures(STR("a(?<NAME>b)")) && rule_pattern_captures(STR("(?P<X>b)")));
	CHECK(!rule_pattern_captures(STR("(?<!b)(?<=c)(?:d)")));
	CHECK(rule_pattern_uses(STR("a%{TO_ADDR}b")) && !rule_pattern_uses(STR("a\\%{X}%{x}")));
	arena_free(&a);
}

TEST(rule_header)
{
	struct rule_header_test t;
	struct arena a;

	arena_init(&a, MIB(1));
	CHECK_OK(rule_header_parse(&a, STR("From:addr =~ /x/i [if-unset: no one]"), &t));
	CHECK_STR(t.spec, STR("From:addr"));
	CHECK_STR(t.unset, STR("no one"));
	CHECK_STR(t.re, STR("(?i)x"));
	CHECK(!t.negated && t.has_unset);
	CHECK_OK(rule_header_parse(&a, STR("X-Foo !~ m|a b|"), &t));
	CHECK(t.negated && !t.has_unset);
	CHECK_OK(rule_header_parse(&a, STR("exists:X-Foo"), &t));
	CHECK(t.exists);
	CHECK(rule_header_parse(&a, STR("exists:X Foo"), &t) == E_SYNTAX);
	CHECK(rule_header_parse(&a, STR("Subject /x/"), &t) == E_SYNTAX);
	CHECK(rule_header_parse(&a, STR("=~ /x/"), &t) == E_SYNTAX);
	arena_free(&a);
}

TEST(rule_call)
{
	struct rule_call c;

	CHECK_OK(rule_call_parse(STR("check_x('a, b', \"c\", -3.5 )"), &c));
	CHECK(c.nargs == 3);
	CHECK_STR(c.function, STR("check_x"));
	CHECK_STR(c.args[0], STR("a, b"));
	CHECK_STR(c.args[2], STR("-3.5"));
	CHECK_OK(rule_call_parse(STR("check_y()"), &c));
	CHECK(c.nargs == 0);
	CHECK(rule_call_parse(STR("check_y"), &c) == E_SYNTAX);
	CHECK(rule_call_parse(STR("check_y('a)"), &c) == E_SYNTAX);
	CHECK(rule_call_parse(STR("check_y($x)"), &c) == E_SYNTAX);
	CHECK(rule_call_parse(STR("f(1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8)"), &c) == E_LIMIT);
}

TEST(rule_scores)
{
	struct rule_scores s;

	CHECK_OK(rule_scores_parse(STR("2.5"), &s));
	CHECK(s.v[0] == 2.5 && s.v[3] == 2.5 && !s.relative);
	CHECK_OK(rule_scores_parse(STR("0 -1.25 3 .5"), &s));
	CHECK(s.v[1] == -1.25 && s.v[3] == .5);
	CHECK_OK(rule_scores_parse(STR("(0.5)"), &s));
	CHECK(s.relative && s.v[2] == 0.5);
	CHECK(rule_scores_parse(STR("1 2"), &s) == E_SYNTAX);
	CHECK(rule_scores_parse(STR("x"), &s) == E_SYNTAX);
	CHECK(rule_scores_parse(STR(""), &s) == E_SYNTAX);
}

TEST(rule_flags_and_globs)
{
	unsigned n = 0;

	CHECK(rule_has_flag(STR("multiple maxhits=3 nice"), STR("nice")));
	CHECK(!rule_has_flag(STR("nicely"), STR("nice")));
	CHECK(rule_flag_number(STR("multiple maxhits=3"), STR("maxhits"), &n) && n == 3);
	CHECK(rule_glob(STR("*@*.example.com"), STR("a@b.EXAMPLE.com")));
	CHECK(rule_glob(STR("a?c*"), STR("abc")) && !rule_glob(STR("a?c"), STR("ac")));
	CHECK(!rule_glob(STR("*a*b"), STR("xaxc")));
}

static double value_of(void *arg, const struct rule_op *op)
{
	(void)arg;
	return op->name.p[0] == 'A' ? 0 : op->name.p[0] - 'A'; /* B is 1, C is 2, ... */
}

TEST(rule_meta)
{
	static const struct {
		str in;
		double want;
		err e;
	} rows[] = {
		{ S("B + C * D"), 7, OK },
		{ S("(B + C) * D"), 9, OK },
		{ S("B && C"), 2, OK }, /* Perl: the operand that decided */
		{ S("C || B"), 2, OK },
		{ S("A || D && !A"), 1, OK },
		{ S("!A"), 1, OK },
		{ S("! (B > 0)"), 0, OK },
		{ S("D - C - B"), 0, OK },
		{ S("D > C == 1"), 1, OK },
		{ S("E / C"), 2, OK },
		{ S("E / A"), 0, OK },
		{ S("A ? B : C ? D : E"), 3, OK },
		{ S("B^D"), 2, OK },
		{ S("(D * 14) / 10 < E && B"), 0, OK },
		{ S("-1 < A"), 1, OK },
		{ S("()"), 0, OK },
		{ S("0"), 0, OK },
		{ S("B &&"), 0, E_SYNTAX },
		{ S("(B"), 0, E_SYNTAX },
		{ S("B C"), 0, E_SYNTAX },
		{ S("B & C"), 0, E_SYNTAX },
		{ S("B ? C"), 0, E_SYNTAX },
		{ S("((((((((((((((((((((((((((((((((((B))))))))))))))))))))))))))))))))))"), 0,
		  E_LIMIT },
		{ S("!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!B"), 0, E_LIMIT },
	};
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rule_meta m;

		CHECK_ROW(i, rule_meta_parse(&a, rows[i].in, &m) == rows[i].e);
		if (rows[i].e == OK)
			CHECK_ROW(i, rule_meta_value(&m, value_of, NULL) == rows[i].want);
	}
	arena_free(&a);
}

static str find_tag(void *arg, str kind, str name)
{
	(void)arg;
	if (str_eq(kind, STR("inter")))
		return STR("\\s?");
	if (str_eq(kind, STR("post")))
		return STR("+");
	if (str_eq(name, STR("A")))
		return STR("[a4]");
	if (str_eq(name, STR("AB")))
		return STR("(?:<A>b)");
	if (str_eq(name, STR("LOOP")))
		return STR("<LOOP><LOOP>");
	return str_of(NULL, 0);
}

TEST(rule_replace_tags)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("x<A>y"), S("x[a4]y") },
		{ S("<inter W1><A><A>"), S("\\s?[a4]\\s?[a4]") },
		{ S("<post P1>(?!x)<A>"), S("(?!x)[a4]+") },
		{ S("<AB>"), S("(?:[a4]b)") },
		{ S("a<b"), S("a<b") },
		{ S("(?<!x)<NONE>"), S("(?<!x)<NONE>") },
	};
	struct arena a;
	str out;

	arena_init(&a, MIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, rule_replace(&a, rows[i].in, find_tag, NULL, &out) == OK);
		CHECK_STR_ROW(i, out, rows[i].want);
	}
	CHECK_OK(rule_replace(&a, STR("<LOOP>"), find_tag, NULL, &out)); /* ends */
	arena_free(&a);
}

TEST(rule_decimal)
{
	static const struct {
		str in;
		double want; /* -1: it is none */
	} rows[] = {
		{ S("12"), 12 }, { S("0.25"), 0.25 }, { S(".5"), 0.5 }, { S("4.000001"), 4.000001 },
		{ S("3."), 3 },	 { S("1.2.3"), -1 },  { S("-1"), -1 },	{ S("1e3"), -1 },
	};
	double v;

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, rule_decimal(rows[i].in, &v) ? v == rows[i].want : rows[i].want == -1);
}
