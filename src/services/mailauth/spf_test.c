#include "services/mailauth/spf.h"

#include "base/limits.h"
#include "base/test.h"
#include "services/mailauth/zone_test.h"

/* The suite of RFC 7208 runs in tests/conformance/test_spf.py; here is what it leaves out. */
static const struct zone_row rows[] = {
	{ S("b.example"), DNS_TXT, S("v=spf1 ip4:192.0.2.1 -all exp=why.b.example") },
	{ S("b.example"), DNS_TXT, S("something else") },
	{ S("why.b.example"), DNS_TXT, S("%{i} is not %{d}'s") },
	{ S("xn--bcher-kva.example"), DNS_TXT, S("v=spf1 ip4:192.0.2.1 -all") },
	{ S("l.example"), DNS_TXT, S("v=spf1 exists:%{l}.u.l.example -all") },
	{ S("ana.u.l.example"), DNS_A, S("127.0.0.2") },
	{ S("loop.example"), DNS_TXT, S("v=spf1 include:loop.example -all") },
	{ S("void.example"), DNS_TXT,
	  S("v=spf1 a:x1.example a:x2.example a:x3.example ip4:192.0.2.1 -all") },
	{ S("ptr.example"), DNS_TXT, S("v=spf1 ptr -all") },
	{ S("1.2.0.192.in-addr.arpa"), DNS_PTR, S("mail.ptr.example") },
	{ S("mail.ptr.example"), DNS_A, S("192.0.2.1") },
	{ S("ctl.example"), DNS_TXT, S("v=spf1 -all exp=e.ctl.example") },
	{ S("e.ctl.example"), DNS_TXT, S("a\r\nX-Spam: no") },
	{ S("nullmx.example"), DNS_TXT, S("v=spf1 mx -all") },
	{ S("nullmx.example"), DNS_MX, S("0 ") },
	{ S("h.example"), DNS_TXT, S("v=spf1 a ~all") },
	{ S("h.example"), DNS_A, S("192.0.2.7") },
	{ S("esc.example"), DNS_TXT, S("v=spf1 include:a\\.b.example -all") },
};

static struct spf_answer check(struct arena *a, str ip, str helo, str from)
{
	struct zone z = { rows, COUNT(rows), 0 };
	struct mailauth_dns dns = { zone_ask, &z };
	struct net_addr addr;
	struct spf_answer answer;

	CHECK_OK(net_parse(ip, &addr));
	struct spf_question q = {
		.ip = &addr, .helo = helo, .from = from, .receiver = STR("mx.example"), .now = 1
	};

	CHECK_OK(spf_check(&dns, &q, NEVER, a, &answer));
	return answer;
}

TEST(spf_results)
{
	static const struct {
		str ip, helo, from;
		enum auth_result want;
		str domain;
	} tests[] = {
		{ S("192.0.2.1:25"), S("x"), S("a@b.example"), AUTH_PASS, S("b.example") },
		{ S("192.0.2.2:25"), S("x"), S("a@B.example"), AUTH_FAIL, S("B.example") },
		{ S("[::ffff:192.0.2.1]:25"), S("x"), S("a@b.example"), AUTH_PASS, S("b.example") },
		{ S("[2001:db8::1]:25"), S("x"), S("a@b.example"), AUTH_FAIL, S("b.example") },
		{ S("192.0.2.1:25"), S("x"), S("a@none.example"), AUTH_NONE, S("none.example") },
		{ S("192.0.2.1:25"), S("x"), S("@b.example"), AUTH_PASS, S("b.example") },
		/* 2.4: MAIL FROM:<> is the HELO's postmaster */
		{ S("192.0.2.7:25"), S("h.example"), S(""), AUTH_PASS, S("h.example") },
		{ S("192.0.2.8:25"), S("h.example"), S(""), AUTH_SOFTFAIL, S("h.example") },
		{ S("192.0.2.8:25"), S("[192.0.2.8]"), S(""), AUTH_NONE, S("[192.0.2.8]") },
		/* RFC 8616 4: U-labels are asked as A-labels; a local part that is not ASCII
		 * matches nothing that it is made part of */
		{ S("192.0.2.1:25"), S("x"),
		  S("a@b\xc3\xbc"
		    "cher.example"),
		  AUTH_PASS, S("xn--bcher-kva.example") },
		{ S("192.0.2.1:25"), S("x"), S("ana@l.example"), AUTH_PASS, S("l.example") },
		{ S("192.0.2.1:25"), S("x"), S("an\xc3\xa4@l.example"), AUTH_FAIL, S("l.example") },
		/* no escape of a sender leads elsewhere */
		{ S("192.0.2.1:25"), S("x"), S("ana.u.l\\@l.example"), AUTH_FAIL, S("l.example") },
		{ S("192.0.2.1:25"), S("x"), S("a@loop.example"), AUTH_PERMERROR,
		  S("loop.example") },
		{ S("192.0.2.1:25"), S("x"), S("a@void.example"), AUTH_PERMERROR,
		  S("void.example") },
		{ S("192.0.2.1:25"), S("x"), S("a@ptr.example"), AUTH_PASS, S("ptr.example") },
		{ S("192.0.2.9:25"), S("x"), S("a@ptr.example"), AUTH_FAIL, S("ptr.example") },
		{ S("192.0.2.1:25"), S("x"), S("a@nullmx.example"), AUTH_FAIL,
		  S("nullmx.example") },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(4));
	for (size_t i = 0; i < COUNT(tests); i++) {
		struct spf_answer r = check(&a, tests[i].ip, tests[i].helo, tests[i].from);

		CHECK_STR_ROW(i, str_z(mailauth_name(r.result)),
			      str_z(mailauth_name(tests[i].want)));
		CHECK_STR_ROW(i, r.domain, tests[i].domain);
	}
}

TEST(spf_explains)
{
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(1));
	struct spf_answer r = check(&a, STR("192.0.2.2:25"), STR("x"), STR("a@b.example"));

	CHECK_STR(r.explanation, STR("192.0.2.2 is not b.example's"));
	CHECK_STR(r.why, STR("-all matches in b.example"));
	/* 6.2: what is not printable is no explanation */
	r = check(&a, STR("192.0.2.2:25"), STR("x"), STR("a@ctl.example"));
	CHECK(r.result == AUTH_FAIL && !r.explanation.n);
}
