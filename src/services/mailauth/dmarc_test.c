#include "services/mailauth/dmarc.h"

#include "base/limits.h"
#include "base/test.h"
#include "services/mailauth/psl.h"
#include "services/mailauth/zone_test.h"

static const struct zone_row rows[] = {
	{ S("_dmarc.b.example"), DNS_TXT,
	  S("v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:r@b.example") },
	{ S("b.example"), DNS_A, S("192.0.2.1") },
	{ S("news.b.example"), DNS_A, S("192.0.2.1") },
	{ S("_dmarc.own.b.example"), DNS_TXT, S("v=DMARC1; p=none") },
	{ S("_dmarc.strict.example"), DNS_TXT, S("v=DMARC1; p=reject; adkim=s; aspf=s") },
	{ S("_dmarc.psd.example"), DNS_TXT, S("v=DMARC1; p=reject; sp=quarantine; psd=y") },
	{ S("_dmarc.org.psd.example"), DNS_TXT, S("v=DMARC1; p=none") },
	{ S("_dmarc.apart.b.example"), DNS_TXT, S("v=DMARC1; p=quarantine; psd=n") },
	{ S("_dmarc.two.example"), DNS_TXT, S("v=DMARC1; p=reject") },
	{ S("_dmarc.two.example"), DNS_TXT, S("v=DMARC1; p=none") },
	{ S("_dmarc.test.example"), DNS_TXT, S("v=DMARC1; p=reject; t=y") },
	{ S("_dmarc.co.uk"), DNS_TXT, S("v=DMARC1; p=reject") },
	{ S("_dmarc.idle.example"), DNS_TXT, S("v=DMARC1; pct=3") },
	{ S("_dmarc.late.example"), 0, S("TIMEOUT") },
	{ S("_dmarc.g.h.example"), DNS_TXT, S("v=DMARC1; p=none") },
	{ S("_dmarc.xn--bcher-kva.example"), DNS_TXT, S("v=DMARC1; p=reject") },
	{ S("other.example"), DNS_TXT, S("x") },
};

struct given {
	enum auth_result spf;
	str spf_domain;
	enum auth_result dkim;
	str dkim_domain;
};

static struct mailauth_dmarc judge(struct arena *a, str message, const struct given *g,
				   unsigned *asked)
{
	struct zone z = { rows, COUNT(rows), 0 };
	struct mailauth_dns dns = { zone_ask, &z };
	struct mailauth_dkim dkim = { .result = g->dkim, .domain = g->dkim_domain };
	struct mailauth_result r = {
		.spf = g->spf, .spf_domain = g->spf_domain, .dkim = &dkim, .ndkim = 1
	};
	struct dmarc_authors authors;

	CHECK_OK(dmarc_discover(&dns, message, NEVER, a, &authors));
	CHECK_OK(dmarc_judge(&dns, &authors, NEVER, a, &r));
	*asked = z.asked;
	return r.dmarc;
}

#define NO_SPF	AUTH_NONE, S("")
#define NO_DKIM AUTH_NONE, S("")
#define SPF(d)	AUTH_PASS, S(d)
#define DKIM(d) AUTH_PASS, S(d)
#define FROM(x) S("Subject: x\r\nFrom: " x "\r\n\r\nFrom: z@no.example\r\n")

TEST(dmarc_results)
{
	static const struct {
		str message;
		struct given given;
		enum auth_result want;
		char policy;
		str domain, organization;
	} tests[] = {
		{ FROM("a@b.example"),
		  { SPF("b.example"), NO_DKIM },
		  AUTH_PASS,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("A <a@B.Example>"),
		  { NO_SPF, DKIM("b.example") },
		  AUTH_PASS,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@b.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_FAIL,
		  'r',
		  S("b.example"),
		  S("b.example") },
		/* 4.4: relaxed both ways, below one organisation alone */
		{ FROM("a@b.example"),
		  { SPF("bounce.b.example"), NO_DKIM },
		  AUTH_PASS,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@news.b.example"),
		  { NO_SPF, DKIM("b.example") },
		  AUTH_PASS,
		  'q',
		  S("news.b.example"),
		  S("b.example") },
		{ FROM("a@news.b.example"),
		  { NO_SPF, DKIM("evil-b.example") },
		  AUTH_FAIL,
		  'q',
		  S("news.b.example"),
		  S("b.example") },
		{ FROM("a@b.example"),
		  { SPF("other.example"), DKIM("example") },
		  AUTH_FAIL,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@strict.example"),
		  { SPF("m.strict.example"), DKIM("m.strict.example") },
		  AUTH_FAIL,
		  'r',
		  S("strict.example"),
		  S("strict.example") },
		{ FROM("a@strict.example"),
		  { NO_SPF, DKIM("Strict.example") },
		  AUTH_PASS,
		  'r',
		  S("strict.example"),
		  S("strict.example") },
		/* 4.10.1: np= where the domain does not exist, sp= where it does */
		{ FROM("a@gone.b.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_FAIL,
		  'r',
		  S("gone.b.example"),
		  S("b.example") },
		{ FROM("a@own.b.example"),
		  { NO_SPF, DKIM("b.example") },
		  AUTH_PASS,
		  'n',
		  S("own.b.example"),
		  S("b.example") },
		/* 4.10.2: psd=n ends the walk, psd=y is no organisation */
		{ FROM("a@apart.b.example"),
		  { NO_SPF, DKIM("b.example") },
		  AUTH_FAIL,
		  'q',
		  S("apart.b.example"),
		  S("apart.b.example") },
		{ FROM("a@x.y.psd.example"),
		  { SPF("z.y.psd.example"), NO_DKIM },
		  AUTH_PASS,
		  'q',
		  S("x.y.psd.example"),
		  S("y.psd.example") },
		{ FROM("a@y.psd.example"),
		  { SPF("z.psd.example"), NO_DKIM },
		  AUTH_FAIL,
		  'q',
		  S("y.psd.example"),
		  S("y.psd.example") },
		{ FROM("a@m.org.psd.example"),
		  { SPF("org.psd.example"), NO_DKIM },
		  AUTH_PASS,
		  'n',
		  S("m.org.psd.example"),
		  S("org.psd.example") },
		/* the list: others register below co.uk, whatever its record says */
		{ FROM("a@one.co.uk"),
		  { SPF("two.co.uk"), NO_DKIM },
		  AUTH_FAIL,
		  'r',
		  S("one.co.uk"),
		  S("one.co.uk") },
		/* 4.7: t=y */
		{ FROM("a@test.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_FAIL,
		  'q',
		  S("test.example"),
		  S("test.example") },
		/* several records are none; a record that asks for nothing; none */
		{ FROM("a@two.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_NONE,
		  0,
		  S("two.example"),
		  S("two.example") },
		{ FROM("a@idle.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_NONE,
		  0,
		  S("idle.example"),
		  S("idle.example") },
		{ FROM("a@a.b.other.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_NONE,
		  0,
		  S("a.b.other.example"),
		  S("other.example") },
		/* 4.10: eight questions, the second one for seven labels */
		{ FROM("a@a.b.c.d.e.f.g.h.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_FAIL,
		  'n',
		  S("a.b.c.d.e.f.g.h.example"),
		  S("g.h.example") },
		{ FROM("a@late.example"),
		  { SPF("late.example"), NO_DKIM },
		  AUTH_TEMPERROR,
		  0,
		  S("late.example"),
		  S("late.example") },
		/* what might have passed could not be looked up */
		{ FROM("a@b.example"),
		  { AUTH_TEMPERROR, S("b.example"), NO_DKIM },
		  AUTH_TEMPERROR,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@b.example"),
		  { AUTH_TEMPERROR, S("c.example"), NO_DKIM },
		  AUTH_FAIL,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@b\xc3\xbc"
		       "cher.example"),
		  { NO_SPF, DKIM("xn--bcher-kva.example") },
		  AUTH_PASS,
		  'r',
		  S("xn--bcher-kva.example"),
		  S("xn--bcher-kva.example") },
		/* 5.3.1, 10.5: several authors: the worst counts */
		{ FROM("a@own.b.example, c@strict.example"),
		  { NO_SPF, DKIM("own.b.example") },
		  AUTH_FAIL,
		  'r',
		  S("strict.example"),
		  S("strict.example") },
		{ S("From: a@own.b.example\r\nfrom: c@strict.example\r\n\r\n"),
		  { NO_SPF, DKIM("own.b.example") },
		  AUTH_FAIL,
		  'r',
		  S("strict.example"),
		  S("strict.example") },
		{ FROM("a@b.example, d@b.example"),
		  { NO_SPF, DKIM("b.example") },
		  AUTH_PASS,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@b.example, e"),
		  { NO_SPF, DKIM("b.example") },
		  AUTH_PERMERROR,
		  'r',
		  S("b.example"),
		  S("b.example") },
		{ FROM("a@b1.example, a@b2.example, a@b3.example, a@b4.example, a@b5.example"),
		  { NO_SPF, NO_DKIM },
		  AUTH_PERMERROR,
		  0,
		  S("b1.example"),
		  S("b1.example") },
		{ S("Subject: x\r\n\r\n"),
		  { SPF("b.example"), NO_DKIM },
		  AUTH_PERMERROR,
		  0,
		  S(""),
		  S("") },
		{ FROM("a@[192.0.2.1]"), { NO_SPF, NO_DKIM }, AUTH_PERMERROR, 0, S(""), S("") },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(4));
	for (size_t i = 0; i < COUNT(tests); i++) {
		unsigned asked;
		struct mailauth_dmarc d = judge(&a, tests[i].message, &tests[i].given, &asked);

		CHECK_STR_ROW(i, str_z(mailauth_name(d.result)),
			      str_z(mailauth_name(tests[i].want)));
		CHECK_ROW(i, d.policy == tests[i].policy);
		CHECK_STR_ROW(i, d.domain, tests[i].domain);
		CHECK_STR_ROW(i, d.organization, tests[i].organization);
		CHECK_ROW(i, asked <= 4 * (LIM_DMARC_WALK + 1));
		arena_reset(&a);
	}
}

/* Where addresses are left out, it is not known who else is an author. */
TEST(dmarc_endless_authors)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b = { 0 };
	struct given none = { NO_SPF, DKIM("b.example") };
	unsigned asked;

	arena_init(&a, MIB(1));
	buf_init(&b, MIB(2));
	buf_add(&b, STR("From: "));
	for (int i = 0; i < 20000; i++)
		buf_add(&b, STR("a@b.example, "));
	buf_add(&b, STR("c@strict.example\r\n\r\n"));
	CHECK(judge(&a, buf_str(&b), &none, &asked).result == AUTH_PERMERROR);
	CHECK(a.used < KIB(512));
}

TEST(psl_organizations)
{
	static const struct {
		str name, organization;
		bool suffix;
	} tests[] = {
		{ S("com"), S(""), true },
		{ S("b.com"), S("b.com"), false },
		{ S("x.y.b.co.uk"), S("b.co.uk"), false },
		{ S("a.b.unlisted"), S("b.unlisted"), false },
		{ S("a.github.io"), S("a.github.io"), false },
		{ S("www.city.kobe.jp"), S("city.kobe.jp"), false }, /* !city.kobe.jp */
		{ S("a.b.c.kobe.jp"), S("b.c.kobe.jp"), false },     /* *.kobe.jp */
	};
	for (size_t i = 0; i < COUNT(tests); i++) {
		CHECK_ROW(i, psl_is_suffix(tests[i].name) == tests[i].suffix);
		CHECK_STR_ROW(i, psl_organization(tests[i].name), tests[i].organization);
	}
	CHECK(psl_same(STR("a.b.com"), STR("c.b.com")) &&
	      !psl_same(STR("a.co.uk"), STR("b.co.uk")));
	CHECK(psl_same(STR("com"), STR("com")) && !psl_same(STR("com"), STR("net")));
}
