#include "services/rules/rules.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "run/file.h"
#include "services/rules/set.h"

/* A folder for rule files and caches, gone at the end. */
struct home {
	char path[64];
	str folder;
};

static void home_make(struct home *h)
{
	memcpy(h->path, "/tmp/posta-rules-XXXXXX", 24);
	CHECK(mkdtemp(h->path) != NULL);
	h->folder = str_z(h->path);
}

static void home_clear(struct home *h)
{
	char command[128];
	struct buf b = { .p = command, .cap = sizeof(command), .max = sizeof(command) };

	buf_fmt(&b, "rm -rf %s%c", h->path, 0);
	CHECK(system(command) == 0); /* allowed: a test's folder */
}

static void write_rules(const struct home *h, const char *name, str text)
{
	struct arena a;

	arena_init(&a, KIB(4));
	CHECK_OK(file_replace(arena_fmt(&a, "%s/%s%c", h->path, name, 0).p, text, 0600));
	arena_free(&a);
}

static err load(const struct home *h, bool compile, struct rules **out)
{
	const struct rules_source src = { .folders = &h->folder,
					  .nfolders = 1,
					  .cache = h->folder };

	return rules_load(&src, compile, NULL, NULL, out);
}

/* "NAME(times) ..." of what hits, in the set's order. */
static void hits(const struct rules *r, struct rules_scratch *s, str message, bool net,
		 struct buf *out)
{
	struct arena a;
	struct scan_envelope env = { .now = 1795262400 };
	struct rules_options o = { .net = net };
	struct rules_result res;

	arena_init(&a, LIM_SCAN_ARENA);
	buf_reset(out);
	CHECK_OK(rules_run(r, s, scan_mail_new(&a, message, &env, NULL), &o, &res));
	for (size_t i = 0; i < res.n; i++) {
		buf_fmt(out, "%s%.*s", i ? " " : "", STRF(res.v[i].name));
		if (res.v[i].times > 1)
			buf_fmt(out, "(%u)", res.v[i].times);
	}
	buf_fmt(out, " = %.3f", res.score);
	arena_free(&a);
}

/* One set for each row would take long: each row is a rule file and what it does to one message. */
static const str mail = S("From: Ana <ana@a.example>\n"
			  "To: Bob <bob@b.example>\n"
			  "Subject: hello HELLO world\n"
			  "X-Empty:\n"
			  "Content-Type: text/plain; charset=us-ascii\n"
			  "\n"
			  "one two one\n"
			  "\n"
			  "three one http://w.example.com/bob@b.example/x\n");

TEST(rules_hits)
{
	static const struct {
		str rules, want;
	} rows[] = {
		{ S("body A /two/\nscore A 2.5\nbody B /four/\n"), S("A = 2.500") },
		{ S("body T_A /two/\nbody C /two/\ntflags C nice\n"), S("T_A C = -0.990") },
		/* each hit of a multiple rule counts */
		{ S("body A /one/\ntflags A multiple\n"), S("A(3) = 3.000") },
		{ S("body A /one/\ntflags A multiple maxhits=2\n"), S("A(2) = 2.000") },
		{ S("body A /hello/\ntflags A nosubject\nbody B /hello/\n"), S("B = 1.000") },
		{ S("header A Subject =~ /hello/i\ntflags A multiple\nscore A 0.5\n"),
		  S("A(2) = 1.000") },
		{ S("header A X-None =~ /^$/\nheader B X-None =~ /x/ [if-unset: xyz]\n"
		    "header C X-None !~ /x/\nheader D exists:X-None\nheader E exists:To\n"),
		  S("A B C E = 4.000") },
		{ S("header A To:addr !~ /bob/\nheader B To:addr !~ /ana/\n"), S("B = 1.000") },
		/* PCRE2 has the last word: a look-ahead, a back-reference */
		{ S("body A /on(?!e)/\nbody B /(?<=t)wo/\nbody C /\\b(\\w)\\w*\\1\\b/\n"
		    "body D /(o)ne t\\1/\n"),
		  S("B C = 2.000") },
		{ S("uri A /w\\.example/\nrawbody B /one$/m\nfull C /^From: Ana/m\n"),
		  S("A B C = 3.000") },
		{ S("body __A /one/\ntflags __A multiple\nbody __B /two/\nbody __C /zwei/\n"
		    "meta M1 (__A > 2) && __B\nmeta M2 __A * 2 == 6 && !__C\nmeta M3 M1 - M2\n"
		    "meta M4 __A > 3 || __C\n"),
		  S("M1 M2 = 2.000") },
		/* a rule without a score does not run, and counts as 0 for metas */
		{ S("body A /one/\nscore A 0\nmeta M !A\nmeta N UNKNOWN || M\n"),
		  S("M N = 2.000") },
		/* ... but a meta without one is never known */
		{ S("body __A /one/\nmeta Z __A\nscore Z 0\nmeta M !Z\n"), S(" = 0.000") },
		{ S("meta A B\nmeta B A\nmeta C 1\n"), S("C = 1.000") },
		{ S("body __R_A /one/\nbody __R_B /two/\nmeta M rules_matching(__R_*) == 2\n"),
		  S("M = 1.000") },
		{ S("score A 1 2 3 4\nbody A /one/\nscore B 0 1 0 1\nbody B /one/\n"),
		  S("A = 1.000") },
		{ S("score A 1\nscore A (0.5)\nbody A /one/\n"), S("A = 1.500") },
		{ S("replace_tag O [o0]\nreplace_rules A\nbody A /<O>ne/\n"), S("A = 1.000") },
		{ S("header __TO To:addr =~ /(?<TO_ADDR>.+)/\nuri A m,/%{TO_ADDR}/,\n"
		    "uri B /%{NONE}/\n"),
		  S("A = 1.000") },
		/* the later definition counts */
		{ S("body A /four/\nbody A /two/\nmeta B A\nheader B To =~ /bob/i\n"),
		  S("A B = 2.000") },
		{ S("mimeheader A Content-Type =~ /us-ascii/\nmimeheader B Content-Type =~ /zz/\n"),
		  S("A = 1.000") },
		{ S("body A /[\\xc0-\\xc5]/i\nbody B /one|\\xe4/\n"), S("B = 1.000") },
	};
	struct rules_scratch *s = rules_scratch_new();
	struct home h;
	struct buf out;

	home_make(&h);
	buf_init(&out, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules *r = NULL;

		write_rules(&h, "10_t.cf", rows[i].rules);
		CHECK_ROW(i, load(&h, true, &r) == OK);
		hits(r, s, mail, false, &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].want);
		rules_drop(r);
	}
	buf_free(&out);
	rules_scratch_free(s);
	home_clear(&h);
}

TEST(rules_scores_of_the_network)
{
	struct rules_scratch *s = rules_scratch_new();
	struct rules *r = NULL;
	struct home h;
	struct buf out;

	home_make(&h);
	buf_init(&out, KIB(4));
	write_rules(&h, "10_t.cf", STR("body A /one/\nscore A 1 2 3 4\n"));
	CHECK_OK(load(&h, true, &r));
	hits(r, s, mail, true, &out);
	CHECK_STR(buf_str(&out), STR("A = 2.000"));
	rules_drop(r);
	buf_free(&out);
	rules_scratch_free(s);
	home_clear(&h);
}

TEST(rules_bad_files)
{
	static const struct {
		str rules, fault;
	} rows[] = {
		{ S("body A /one/\nbody B /(/\n"), S("10_t.cf:2: B: ") },
		{ S("body A one\n"), S("10_t.cf:1: ") },
		{ S("meta A B &&\n"), S("10_t.cf:1: ") },
		{ S("score A x\n"), S("10_t.cf:1: ") },
		{ S("if (\nendif\n"), S("10_t.cf:1: ") },
		{ S("header A eval:f(\n"), S("10_t.cf:1: ") },
		{ S("body 1A /x/\n"), S("10_t.cf:1: ") },
		{ S("replace_tag P (\nreplace_rules A\n\nbody A /<P>/\n"), S("10_t.cf:4: A: ") },
	};
	struct home h;

	home_make(&h);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rules *r = NULL;

		write_rules(&h, "10_t.cf", rows[i].rules);
		CHECK_ROW(i, load(&h, true, &r) == E_SYNTAX);
		str text = str_z(err_last()->text);
		CHECK_ROW(i, str_search(text, rows[i].fault) < text.n);
	}
	home_clear(&h);
}

TEST(rules_unsupported_is_named)
{
	struct rules *r = NULL;
	struct home h;
	struct buf out;

	home_make(&h);
	buf_init(&out, KIB(4));
	write_rules(&h, "10_t.cf",
		    STR("no_such_setting x\nheader A eval:no_such_function()\n"
			"urirhssub B x.example. A 2\nreport text\n"));
	CHECK_OK(load(&h, true, &r));
	rules_unsupported(r, &out);

	str text = buf_str(&out);

	CHECK(str_search(text, STR("10_t.cf:1: unknown setting no_such_setting\n")) < text.n);
	CHECK(str_search(text, STR("10_t.cf:2: A: no function no_such_function()\n")) < text.n);
	CHECK(str_search(text, STR("10_t.cf:3: B: ")) < text.n);
	CHECK(str_search(text, STR("report")) == text.n);
	rules_drop(r);
	buf_free(&out);
	home_clear(&h);
}

/* A rule of the stock set that fitted.cf names; its package says 7, its administrator may say more.
 */
TEST(rules_fitted_scores)
{
	struct rules_scratch *s = rules_scratch_new();
	str folders[2];
	struct home package, admin;
	struct rules_source src = { .folders = folders, .nfolders = 2, .fitted = true };
	struct rules *r = NULL;
	struct buf out;

	home_make(&package);
	home_make(&admin);
	folders[0] = package.folder;
	folders[1] = admin.folder;
	buf_init(&out, KIB(4));
	write_rules(&package, "10.cf",
		    STR("body AC_FROM_MANY_DOTS /two/\nscore AC_FROM_MANY_DOTS 7\n"
			"body NOT_STOCK /two/\nscore NOT_STOCK 7\n"));
	CHECK_OK(rules_load(&src, true, NULL, NULL, &r));
	hits(r, s, mail, false, &out);
	CHECK(str_search(buf_str(&out), STR("AC_FROM_MANY_DOTS NOT_STOCK = ")) == 0);
	CHECK(str_search(buf_str(&out), STR("= 14")) == out.n);
	rules_drop(r);
	write_rules(&admin, "local.cf", STR("score AC_FROM_MANY_DOTS 7\n"));
	CHECK_OK(rules_load(&src, true, NULL, NULL, &r));
	hits(r, s, mail, false, &out);
	CHECK_STR(buf_str(&out), STR("AC_FROM_MANY_DOTS NOT_STOCK = 14.000"));
	rules_drop(r);
	buf_free(&out);
	rules_scratch_free(s);
	home_clear(&package);
	home_clear(&admin);
}

TEST(rules_cache)
{
	struct rules_scratch *s = rules_scratch_new();
	struct rules *r = NULL, *again = NULL;
	struct home h;
	struct buf out;

	home_make(&h);
	buf_init(&out, KIB(4));
	write_rules(&h, "10_t.cf", STR("body A /two/\nbody B /(?!x)one/\nbody C /(o)ne t\\1/\n"));
	CHECK(load(&h, false, &r) == E_AGAIN);
	CHECK_OK(load(&h, true, &r));
	CHECK_OK(load(&h, false, &again));
	CHECK_STR(rules_digest(r), rules_digest(again));
	hits(again, s, mail, false, &out);
	CHECK_STR(buf_str(&out), STR("A B = 2.000"));
	/* A scratch goes on with another set, also when the old one is gone elsewhere. */
	rules_drop(again);
	hits(r, s, mail, false, &out);
	CHECK_STR(buf_str(&out), STR("A B = 2.000"));
	/* Another file is another set. */
	write_rules(&h, "20_t.cf", STR("score A 3\n"));
	CHECK(load(&h, false, &again) == E_AGAIN);
	rules_drop(r);
	buf_free(&out);
	rules_scratch_free(s);
	home_clear(&h);
}

/* A cache that is cut or changed is no cache. */
TEST(rules_cache_damaged)
{
	struct rules *r = NULL;
	struct home h;
	struct buf b, path;

	home_make(&h);
	buf_init(&b, MIB(8));
	buf_init(&path, KIB(1));
	write_rules(&h, "10_t.cf", STR("body A /two/\n"));
	CHECK_OK(load(&h, true, &r));
	buf_fmt(&path, "%s/rules-%.16s.cache%c", h.path, rules_digest(r).p, 0);
	rules_drop(r);
	CHECK_OK(file_read(path.p, &b));
	for (size_t n = 0; n < b.n; n += 1 + b.n / 50) {
		CHECK_OK(file_replace(path.p, str_take(buf_str(&b), n), 0600));
		CHECK(load(&h, false, &r) == E_AGAIN);
	}
	for (size_t i = 0; i < 140; i += 7) {
		b.p[i] ^= 0x55;
		CHECK_OK(file_replace(path.p, buf_str(&b), 0600));
		CHECK(load(&h, false, &r) == E_AGAIN);
		b.p[i] ^= 0x55;
	}
	buf_free(&path);
	buf_free(&b);
	home_clear(&h);
}

/* A pattern that tries ever so many ways ends at its limit, and what else hits counts. */
TEST(rules_limits_end_a_pattern)
{
	struct rules_scratch *s = rules_scratch_new();
	struct rules *r = NULL;
	struct home h;
	struct arena a;
	struct scan_envelope env = { .now = 0 };
	struct rules_options o = { .budget_us = 0 };
	struct rules_result res;

	home_make(&h);
	write_rules(&h, "10_t.cf", STR("body A /^(?:a|aa)+(?=\\d)/\nbody B /aaa/\n"));
	CHECK_OK(load(&h, true, &r));
	arena_init(&a, LIM_SCAN_ARENA);
	CHECK_OK(rules_run(r, s,
			   scan_mail_new(&a,
					 STR("Subject: x\n\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n"),
					 &env, NULL),
			   &o, &res));
	CHECK(res.n == 1 && res.ran_out);
	arena_free(&a);
	rules_drop(r);
	rules_scratch_free(s);
	home_clear(&h);
}

/* A message whose views have taken all memory keeps what hit. */
TEST(rules_without_memory_for_views)
{
	struct rules_scratch *s = rules_scratch_new();
	struct rules *r = NULL;
	struct home h;
	struct arena a;
	struct scan_envelope env = { .now = 0 };
	struct rules_options o = { .budget_us = 0 };
	struct rules_result res;

	home_make(&h);
	write_rules(&h, "10_t.cf", STR("full A /two/\nscore A 4\n"));
	CHECK_OK(load(&h, true, &r));
	arena_init(&a, KIB(256));
	struct scan_mail *m = scan_mail_new(&a, mail, &env, NULL);

	while (arena_try(&a, 16, 16))
		;
	CHECK_OK(rules_run(r, s, m, &o, &res));
	CHECK(res.n == 1 && res.score > 3.9);
	arena_free(&a);
	rules_drop(r);
	rules_scratch_free(s);
	home_clear(&h);
}

TEST(rules_lists)
{
	struct rules *r = NULL;
	struct home h;

	home_make(&h);
	write_rules(&h, "10_t.cf",
		    STR("freemail_domains a.example *.b.example\nwhitelist_from *@c.example x@y.z\n"
			"unwhitelist_from x@y.z\nenlist_uri_host (WL) d.example !e.example\n"
			"blacklist_uri_host f.example\nutil_rb_tld com\nclear_util_rb\n"
			"util_rb_tld org\n"));
	CHECK_OK(load(&h, true, &r));
	CHECK(rules_listed(&r->lists, STR("freemail_domains"), STR("A.example")));
	CHECK(rules_listed(&r->lists, STR("freemail_domains"), STR("x.b.example")));
	CHECK(!rules_listed(&r->lists, STR("freemail_domains"), STR("b.example")));
	CHECK(rules_listed(&r->lists, STR("welcomelist_from"), STR("who@c.example")));
	CHECK(!rules_listed(&r->lists, STR("welcomelist_from"), STR("x@y.z")));
	CHECK(rules_listed(&r->lists, STR("enlist_uri_host WL"), STR("d.example")));
	CHECK(rules_listed(&r->lists, STR("enlist_uri_host WL"), STR("!e.example")));
	CHECK(rules_listed(&r->lists, STR("enlist_uri_host BLOCK"), STR("f.example")));
	CHECK(!rules_listed(&r->lists, STR("util_rb_tld"), STR("com")));
	CHECK(rules_list(&r->lists, STR("util_rb_tld")).n == 1);
	CHECK(rules_list(&r->lists, STR("none")).n == 0);
	rules_drop(r);
	home_clear(&h);
}

TEST(rules_fold)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("(?i)a\\xe4b"), S("(?i)a[\\xe4\\xc4]b") },
		{ S("(?i)[\\xe4x-z]"), S("(?i)[\\xe4x-z\\xc4]") },
		{ S("(?i)[^\\xe0-\\xe1]"), S("(?i)[^\\xe0-\\xe1\\xc0\\xc0\\xc1]") },
		{ S("(?i)[]\\xe4]"), S("(?i)[]\\xe4\\xc4]") },
		{ S("(?i)\\\\xe4\\xd7"), S("(?i)\\\\xe4\\xd7") },
		{ S("\\xe4"), S("\\xe4") },
		{ S("(?i:x)\\xe4"), S("(?i:x)\\xe4") },
		{ S("(?!i)\\xe4"), S("(?!i)\\xe4") },
	};
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_STR_ROW(i, rules_fold(&a, rows[i].in), rows[i].want);
	arena_free(&a);
}

TEST(rules_ascii)
{
	static const struct {
		str in, want;
		bool known;
	} rows[] = {
		{ S("(?i)(?:[a\\xe4]|\\xc3[\\xa4-\\xa6])b"), S("(?i)(?:[a])b"), true },
		{ S("a\\xe4?b"), S("ab"), true },
		{ S("a\\xe4{0,3}b|c"), S("ab|c"), true },
		{ S("a\\xe4{00,3}b\\xe4{01}|c"), S("c"), true },
		{ S("(?:\\xe4){00}b"), S("b"), true },
		{ S("a\\xe4b|c"), S("c"), true },
		{ S("a\\xe4"), S(""), true },
		{ S("[^\\xe4]x"), S("[\\x00-\\xff]x"), true },
		{ S("[a-\\xe4]"), S("[\\x61-\\x7f]"), true },
		{ S("(?!\\xe4)a(?<!x\\xe4)"), S("(?:)a(?:)"), true },
		{ S("(?=\\xe4)a"), S(""), true },
		{ S("[]x\\xe4]\\d+?\\s{2}"), S("[]x]\\d+?\\s{2}"), true },
		{ S("a{x}[[:alpha:]\\xe4]"), S("a{x}[[:alpha:]]"), true },
		{ S("(a)\\1\\xe4"), S(""), false }, /* a reference may lose its group */
		{ S("(?x) a # \\xe4"), S(""), false },
		{ S("(a"), S(""), false },
		{ S("a)"), S(""), false },
	};
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		str out = STR("");

		CHECK_ROW(i, rules_ascii(&a, rows[i].in, &out) == rows[i].known);
		if (rows[i].known)
			CHECK_STR_ROW(i, out, rows[i].want);
	}
	arena_free(&a);
}

TEST(rules_loosen)
{
	static const struct {
		str in, want; /* "": it cannot be said */
		unsigned times;
		bool anchors;
	} rows[] = {
		{ S("(?i)<a\\s[^>]{0,2048}?>x"), S("(?i)<a\\s[^>]{0,}?>x"), 1, false },
		{ S("a{2,8}b{3}+c*+d{2}?"), S("a{2,8}b{3,3}c*d{2,2}?"), 1, false },
		{ S("x(?:abc){9}"), S("x(?:abc){2,}"), 1, false },
		{ S("(?>ab)c{x}[]{9}]"), S("(?:ab)c{x}[]{9}]"), 1, false },
		{ S("a(?!b{0,100})(?<=c{9})(?=d{0,100})"), S("a(?!b{0,100})(?<=c{9})(?=d{0,})"), 1,
		  false },
		{ S("&#(?:1[23]\\d|4(?:56|78)9|\\x30[\\x31-\\x33])+;"), S("&#(?:\\d*)+;"), 1,
		  false },
		{ S("(?:12|345|67|[-8]9|01)"), S("(?:12|345|67|[-8]9|01)"), 1, false },
		{ S("(?:ab$|c)\\sd^$"), S("(?:ab(?:)|c)\\sd(?:)$"), 1, true },
		{ S("(?i)(?:(?:a[bc]){999}d){5}"), S("(?i)(?:(?:a[bc]){2,}d){2,}"), 1, false },
		{ S("(?x)a {9}"), S(""), 1, false },
		{ S("(a)(?(1)b)"), S(""), 1, false },
		{ S("\\Qa{9}\\E"), S(""), 1, false },
		{ S("(*UTF)a"), S(""), 1, false },
		{ S("(a"), S(""), 1, false },
		{ S("[a"), S(""), 1, false },
		{ S("a)"), S(""), 1, false },
		{ S("a\\"), S(""), 1, false },
	};
	struct loosened out;
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, rules_loosen(&a, rows[i].in, rows[i].anchors, &out) ==
				     (rows[i].want.n > 0));
		if (rows[i].want.n)
			CHECK_STR_ROW(i, out.re, rows[i].want);
		if (rows[i].want.n)
			CHECK_ROW(i, out.times == rows[i].times);
	}
	arena_free(&a);
}

/* Hits of one set of rules in a message that has the text for a body. */
static void check_texts(str rules, const str *texts, const str *want, size_t n)
{
	struct rules_scratch *s = rules_scratch_new();
	struct rules *r = NULL;
	struct home h;
	struct buf out, message;

	home_make(&h);
	buf_init(&out, KIB(4));
	buf_init(&message, KIB(4));
	write_rules(&h, "10_t.cf", rules);
	CHECK_OK(load(&h, true, &r));
	for (size_t i = 0; i < n; i++) {
		buf_reset(&message);
		buf_fmt(&message,
			"From: a@a.example\nContent-Type: text/plain; charset=utf-8\n\n%.*s\n",
			STRF(texts[i]));
		hits(r, s, buf_str(&message), false, &out);
		CHECK_STR_ROW(i, buf_str(&out), want[i]);
	}
	rules_drop(r);
	rules_scratch_free(s);
	buf_free(&message);
	buf_free(&out);
	home_clear(&h);
}

/* A form of fields that have many names and must come three times: Hyperscan has one of them. */
TEST(rules_repeated_prefilter)
{
	static const str texts[] = { S("x name: address:field7: x"), S("name: address: x field7:"),
				     S("name:name:name:"), S("name:                      x") };
	static const str want[] = { S("A = 1.000"), S(" = 0.000"), S("A = 1.000"), S(" = 0.000") };
	struct buf re;

	buf_init(&re, KIB(64));
	buf_add(&re, STR("body A /(?:(?:name|address"));
	for (unsigned i = 0; i < 200; i++)
		buf_fmt(&re, "|field%u", i);
	buf_add(&re, STR("):\\s{0,50}){3}/i\n"));
	check_texts(buf_str(&re), texts, want, COUNT(texts));
	buf_free(&re);
}

/* Sub-rules of look-alikes: texts that are not ASCII wait until a meta asks. */
TEST(rules_lazy)
{
	static const str rules = S(
		"body __F /f(?:o|\\xc3\\xb2|\\xc3\\xb3|\\xc3\\xb4|\\xc3\\xb5|\\xc3\\xb6|"
		"\\xc5\\x8d|\\xc5\\x8f|\\xc5\\x91|\\xc6\\xa1|\\xc7\\x92|\\xce\\xbf|\\xd0\\xbe)x/\n"
		"tflags __F multiple\n"
		"body __TWO /two/\nmeta M __F && __TWO\nmeta N __F > 1\n"
		"meta __P __F + 2\nmeta O __TWO && __P > 3\n");
	static const str texts[] = { S("two f\xc3\xb3x"),     S("f\xc3\xb3x"),
				     S("fox\n\nf\xd0\xbex"),  S("two fox\n\nf\xd0\xbex"),
				     S("two f\xc3\xb1x fax"), S("two fox") };
	static const str want[] = { S("M = 1.000"),	S(" = 0.000"), S("N = 1.000"),
				    S("M N O = 3.000"), S(" = 0.000"), S("M = 1.000") };

	check_texts(rules, texts, want, COUNT(texts));
}
