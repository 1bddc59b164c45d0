#include "base/limits.h"
#include "base/test.h"
#include "run/conf.h"
#include "run/conf_value.h"

TEST(conf_size)
{
	static const struct {
		str in;
		err want;
		int64_t v;
	} rows[] = {
		{ S("10"), OK, 10 },	    { S("64k"), OK, 65536 },
		{ S("50M"), OK, 50 << 20 }, { S("1g"), OK, 1 << 30 },
		{ S(""), E_SYNTAX, 0 },	    { S("k"), E_SYNTAX, 0 },
		{ S("10kb"), E_SYNTAX, 0 }, { S("-1"), E_SYNTAX, 0 },
		{ S("abc"), E_SYNTAX, 0 },  { S("9000000T"), E_LIMIT, 0 },
		{ S("1 k"), E_SYNTAX, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t v = 0;
		err e = conf_parse_size(rows[i].in, &v);

		CHECK_ROW(i, e == rows[i].want);
		CHECK_ROW(i, e || v == rows[i].v);
	}
}

static bool not_secret(const void *arg, str name)
{
	return !str_eq(name, str_z(arg));
}

/* Decision 0100. Whatever way a setting is written, it goes whole, and the others stay. */
TEST(conf_only)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("a = 1; s = 2; b = 3;"), S("a = 1;        b = 3;") },
		{ S("s: { x = \"}\"; y: { z = ( \"a\\\"{\" ); }; };\nb = 3;"),
		  S("                                        \nb = 3;") },
		{ S("s = 2 b = 3"), S("      b = 3") }, /* terminators may be left out */
		{ S("s = \"x\" \"y\" b = -5 c = true"), S("            b = -5 c = true") },
		{ S("s : [1,\n2], b = 1.5e+3,"), S("       \n    b = 1.5e+3,") },
		{ S("a = 1 # s\n/* { */ s = 1 // b\nb = { };"),
		  S("a = 1    \n                  \nb = { };") },
		{ S("ss = 1; s-s = 2;"), S("ss = 1; s-s = 2;") },
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		conf_only(rows[i].in, not_secret, "s", &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
	}
}

TEST(conf_duration)
{
	static const struct {
		str in;
		err want;
		int64_t v;
	} rows[] = {
		{ S("0"), OK, 0 },	  { S("250ms"), OK, 250 },    { S("30s"), OK, 30000 },
		{ S("5m"), OK, 300000 },  { S("2h"), OK, 7200000 },   { S("5d"), OK, 432000000 },
		{ S("30"), E_SYNTAX, 0 }, { S("30 s"), E_SYNTAX, 0 }, { S("s"), E_SYNTAX, 0 },
		{ S("1y"), E_SYNTAX, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t v = -1;
		err e = conf_parse_duration(rows[i].in, &v);

		CHECK_ROW(i, e == rows[i].want);
		CHECK_ROW(i, e || v == rows[i].v);
	}
}

TEST(conf_print_value)
{
	static const struct {
		enum conf_type type;
		int64_t v;
		str want;
	} rows[] = {
		{ CONF_SIZE, 65536, S("64k") },	    { CONF_SIZE, 65537, S("65537") },
		{ CONF_DURATION, 90000, S("90s") }, { CONF_DURATION, 60000, S("1m") },
		{ CONF_DURATION, 0, S("0") },	    { CONF_INT, 1024, S("1024") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		buf_init(&b, 64);
		conf_print_value(rows[i].type, rows[i].v, &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
		buf_free(&b);
	}
}

struct settings {
	bool on;
	int64_t rcpts, max, patience;
	str name;
	struct conf_strs nets;
	const struct conf_node *extra;
	double score;
};
static const struct conf_key keys[] = {
	{ "on", CONF_BOOL, offsetof(struct settings, on), 0, 0, "true", "a switch" },
	{ "rcpts_max", CONF_INT, offsetof(struct settings, rcpts), 1, 100, "50", "recipients" },
	{ "message_max", CONF_SIZE, offsetof(struct settings, max), 1024, 1 << 30, "50M",
	  "octets" },
	{ "patience", CONF_DURATION, offsetof(struct settings, patience), 1000, 60000, "5s",
	  "a wait" },
	{ "name", CONF_STR, offsetof(struct settings, name), 0, 0, "x", "a name" },
	{ "nets", CONF_STRS, offsetof(struct settings, nets), 0, 0, "127.0.0.1/32, ::1/128",
	  "networks" },
	{ "extra", CONF_NODE, offsetof(struct settings, extra), 0, 0, "", "a group" },
	{ "score", CONF_REAL, offsetof(struct settings, score), -10, 10, "-0.5", "a score" },
};

static err read_text(str text, struct settings *s, struct buf *complaints, struct conf **conf,
		     struct arena *a)
{
	TRY(conf_parse(text, STR("t.conf"), complaints, conf));
	return conf_read(conf_find(conf_root(*conf), "mx"), keys, COUNT(keys), s, a, complaints);
}

TEST(conf_read_defaults)
{
	struct settings s;
	struct arena a;
	struct buf complaints;

	arena_init(&a, KIB(64));
	buf_init(&complaints, KIB(4));
	CHECK_OK(conf_read(NULL, keys, COUNT(keys), &s, &a, &complaints));
	CHECK(s.on && s.rcpts == 50 && s.max == 50 << 20 && s.patience == 5000 && s.extra == NULL);
	CHECK(s.nets.n == 2);
	CHECK(s.score < -0.49 && s.score > -0.51);
	CHECK_STR(s.nets.v[1], STR("::1/128"));
	CHECK(complaints.n == 0);
	arena_free(&a);
}

TEST(conf_read_values)
{
	struct settings s;
	struct conf *c = NULL;
	struct arena a;
	struct buf complaints;

	arena_init(&a, KIB(64));
	buf_init(&complaints, KIB(4));
	CHECK_OK(read_text(
		STR("mx: { on = false; rcpts_max = 7; message_max = \"64k\"; patience = \"1m\";\n"
		    "name = \"n\"; nets = [\"a\", \"b\", \"c\"]; extra: { x = 1; }; score = 2.25; "
		    "};"),
		&s, &complaints, &c, &a));
	CHECK(!s.on && s.rcpts == 7 && s.max == 65536 && s.patience == 60000 && s.nets.n == 3);
	CHECK_STR(s.name, STR("n"));
	CHECK(conf_count(s.extra) == 1);
	CHECK(s.score > 2.24 && s.score < 2.26);
	conf_free(c);
	buf_free(&complaints);
	arena_free(&a);
}

/* Each mistake names file, line and remedy. */
TEST(conf_complaints)
{
	static const struct {
		str text, want;
	} rows[] = {
		{ S("mx: {\n rcpt_max = 1; };"),
		  S("t.conf:2: unknown setting \"rcpt_max\"; write \"rcpts_max\" instead\n") },
		{ S("mx: {\n zzzzzzzz = 1; };"), S("t.conf:2: unknown setting \"zzzzzzzz\"; remove "
						   "it, `posta check --settings` lists all\n") },
		{ S("mx: {\n\n patience = 5; };"),
		  S("t.conf:3: \"patience\" cannot have this value; write a time such as "
		    "\"250ms\", \"30s\", \"5m\", "
		    "\"2h\" or \"5d\"\n") },
		{ S("mx: { rcpts_max = 101; };"),
		  S("t.conf:1: \"rcpts_max\" is out of range; write a value from 1 to 100\n") },
		{ S("mx: { message_max = \"1k\"; patience = \"0\"; };"),
		  S("t.conf:1: \"patience\" is out of range; write a value from 1s to 1m\n") },
		{ S("mx: { score = 10.01; };"),
		  S("t.conf:1: \"score\" is out of range; write a value from -10 to 10\n") },
		{ S("mx: { score = \"2\"; };"),
		  S("t.conf:1: \"score\" cannot have this value; write a number such as 2 or "
		    "2.5\n") },
		{ S("mx: { on = 1; };"),
		  S("t.conf:1: \"on\" cannot have this value; write true or false\n") },
		{ S("mx: { nets = [1]; };"),
		  S("t.conf:1: \"nets\" cannot have this value; write text in double quotes, or a "
		    "list of such: [\"a\", \"b\"]\n") },
		{ S("mx = 3;"), S("t.conf:1: \"mx\" is no group; write mx: { ... };\n") },
		{ S("mx: {\n on = true\n name = 3 4 };"),
		  S("t.conf:3: syntax error; look here and on the line before for a "
		    "missing \";\", \"}\" or quote\n") },
		{ S("a = 1;\n@include \"/etc/passwd\"\n"),
		  S("t.conf:2: @include is not supported; write all settings in one file\n") },
		{ S("mx: { name = \"a\"; };\nmx: { };"),
		  S("t.conf:2: duplicate setting name; look here and on the line before "
		    "for a missing \";\", \"}\" or quote\n") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings s;
		struct conf *c = NULL;
		struct arena a;
		struct buf complaints;

		arena_init(&a, KIB(64));
		buf_init(&complaints, KIB(4));
		CHECK_ROW(i, read_text(rows[i].text, &s, &complaints, &c, &a) == E_SYNTAX);
		CHECK_STR_ROW(i, buf_str(&complaints), rows[i].want);
		conf_free(c);
		buf_free(&complaints);
		arena_free(&a);
	}
}

TEST(conf_limits)
{
	struct buf text, complaints;
	struct conf *c;

	buf_init(&text, MIB(2));
	buf_init(&complaints, KIB(4));
	for (int i = 0; i < LIM_CONF_DEPTH + 2; i++)
		buf_add(&text, STR("a: { "));
	for (int i = 0; i < LIM_CONF_DEPTH + 2; i++)
		buf_add(&text, STR("}; "));
	CHECK(conf_parse(buf_str(&text), STR("t"), &complaints, &c) == E_SYNTAX);
	CHECK_STR(buf_str(&complaints), STR("t:1: more than 16 groups inside one another\n"));

	buf_reset(&text);
	buf_reset(&complaints);
	while (text.n <= LIM_CONF)
		buf_add(&text, STR("# a comment that goes on and on\n"));
	CHECK(conf_parse(buf_str(&text), STR("t"), &complaints, &c) == E_SYNTAX);
	CHECK_STR(buf_str(&complaints), STR("t:1: the file is over 1 MiB\n"));
	buf_reset(&complaints);
	CHECK(conf_parse(STR("a = 1;\0b"), STR("t"), &complaints, &c) == E_SYNTAX);
	CHECK_STR(buf_str(&complaints), STR("t:1: the file has a NUL byte; it is not text\n"));
	buf_free(&text);
	buf_free(&complaints);
}

TEST(conf_nearest)
{
	static const char *const names[] = { "hostname", "store", "mx" };

	CHECK(conf_nearest(STR("hostnmae"), names, 3) == names[0]);
	CHECK(conf_nearest(STR("my"), names, 3) == names[2]);
	CHECK(conf_nearest(STR("wireless"), names, 3) == NULL);
}
