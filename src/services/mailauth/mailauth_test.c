#include "services/mailauth/mailauth.h"

#include "base/limits.h"
#include "base/test.h"
#include "formats/mailauth/authres.h"
#include "run/fiber.h"
#include "services/mailauth/zone_test.h"

/* What a slow DNS does: each question takes this long. */
enum { SLOW = 30, QUESTIONS = 20 };

static const struct zone_row rows[] = {
	{ S("b.example"), DNS_TXT, S("v=spf1 ip4:192.0.2.1 -all") },
	{ S("_dmarc.b.example"), DNS_TXT, S("v=DMARC1; p=reject") },
	{ S("h.example"), DNS_TXT, S("v=spf1 a -all") },
	{ S("h.example"), DNS_A, S("192.0.2.1") },
};

WAITS static err ask_slowly(void *arg, str name, enum dns_type type, msec deadline, struct arena *a,
			    struct dns_answer *out)
{
	TRY(fiber_sleep(clock_now() + SLOW));
	if (clock_now() > deadline)
		return fail(E_TIMEOUT, "no answer in time");
	return zone_ask(arg, name, type, deadline, a, out);
}

struct run {
	str message, from, helo;
	str ip;
	msec for_long;
	struct mailauth_result *out;
	struct arena *a;
	struct buf *field;
	msec took;
};

WAITS static err run_fiber(void *arg)
{
	struct run *r = arg;
	struct zone z = { rows, COUNT(rows), 0 };
	struct mailauth_dns dns = { ask_slowly, &z };
	struct net_addr ip;

	TRY(net_parse(r->ip, &ip));
	struct mailauth_question q = { .message = r->message,
				       .ip = &ip,
				       .helo = r->helo,
				       .from = r->from,
				       .hostname = STR("mx.example"),
				       .now = 1700000000 };
	msec begin = clock_now();

	TRY(mailauth_check_by(&dns, &q, begin + r->for_long, r->a, r->out));
	r->took = clock_now() - begin;
	mailauth_add_field(r->field, STR("mx.example"), &q, r->out);
	return OK;
}

TEST(mailauth_parts_run_side_by_side)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf field = { 0 };
	struct mailauth_result out;
	struct run r = { .message = STR("From: a@b.example\r\n\r\nx\r\n"),
			 .from = STR("a@b.example"),
			 .helo = STR("h.example"),
			 .ip = STR("192.0.2.1:25"),
			 .for_long = 2000,
			 .out = &out,
			 .a = &a,
			 .field = &field };

	arena_init(&a, MIB(1));
	buf_init(&field, LIM_AUTHRES_FIELD);
	CHECK_OK(loop_main(run_fiber, &r));
	CHECK(out.spf == AUTH_PASS && out.spf_helo == AUTH_PASS && out.dmarc.result == AUTH_PASS);
	CHECK(out.dmarc.spf_aligned && !out.dmarc.dkim_aligned && out.dmarc.policy == 'r');
	CHECK(mailauth_confirms(&out, STR("B.example")));
	CHECK(!mailauth_confirms(&out, STR("c.example")));
	/* SPF asks one question, HELO's two, DMARC two */
	CHECK(r.took < 5 * SLOW);
	CHECK_STR(buf_str(&field),
		  STR("Authentication-Results: mx.example;\r\n"
		      "\tspf=pass smtp.mailfrom=a@b.example;\r\n"
		      "\tspf=pass smtp.helo=h.example;\r\n"
		      "\tdkim=none;\r\n"
		      "\tdmarc=pass policy.dmarc=reject header.from=b.example\r\n"));
}

TEST(mailauth_ends_with_its_deadline)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf field = { 0 };
	struct mailauth_result out;
	struct run r = { .message = STR("From: a@b.example\r\n\r\nx\r\n"),
			 .from = STR("a@b.example"),
			 .helo = STR("h.example"),
			 .ip = STR("192.0.2.1:25"),
			 .for_long = SLOW / 2,
			 .out = &out,
			 .a = &a,
			 .field = &field };

	arena_init(&a, MIB(1));
	buf_init(&field, LIM_AUTHRES_FIELD);
	CHECK_OK(loop_main(run_fiber, &r));
	CHECK(out.spf == AUTH_TEMPERROR && out.spf_helo == AUTH_TEMPERROR);
	CHECK(out.dmarc.result == AUTH_TEMPERROR);
	CHECK(!mailauth_confirms(&out, STR("b.example")));
	CHECK(r.took < QUESTIONS * SLOW);
}

TEST(mailauth_field_survives_strangers)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf field = { 0 };
	struct net_addr ip;
	struct mailauth_dkim dkim[] = {
		{ AUTH_FAIL, S("b.example"), S("s1"), S("\"x\"\r\nX: y@b.example"), S("rsa-sha256"),
		  S("a/b+c=\"x"), S("body (has) changed"), 0, 0, 2048 },
		{ AUTH_PASS, S("c.example"), S("s"), S("@c.example"), S("ed25519-sha256"),
		  S("12345678"), S(""), 0, 1, 0 },
	};
	struct mailauth_result r = { .spf = AUTH_FAIL,
				     .spf_domain = S("b.example"),
				     .spf_why = S("because; dkim=pass header.d=x.example"),
				     .dkim = dkim,
				     .ndkim = 2,
				     .dmarc = { .result = AUTH_FAIL, .domain = S("b.example") },
				     .arc = AUTH_PASS,
				     .arc_instances = 2,
				     .arc_sealer = S("l.example") };
	struct authres got;

	arena_init(&a, MIB(4));
	buf_init(&field, LIM_AUTHRES_FIELD);
	CHECK_OK(net_parse(STR("192.0.2.1:25"), &ip));
	struct mailauth_question q = { .ip = &ip,
				       .helo = STR("x; dkim=pass"),
				       .from = STR("a@b.example;\r\n dkim=pass") };

	mailauth_add_field(&field, STR("mx.example"), &q, &r);
	CHECK_OK(buf_done(&field));
	str line, rest = buf_str(&field);

	while (str_next(&rest, '\n', &line))
		CHECK(!line.n || (line.n < 998 && line.p[line.n - 1] == '\r' &&
				  (line.p[0] == '\t' || line.p == field.p)));
	CHECK_OK(authres_parse(str_skip(buf_str(&field), 23), &a, &got));
	CHECK_STR(got.id, STR("mx.example"));
	CHECK(got.n == 5);
	CHECK_STR(got.results[0].reason, r.spf_why);
	CHECK_STR(got.results[2].method, STR("dkim"));
	CHECK_STR(got.results[2].result, STR("pass"));
	CHECK(got.results[2].nprops == 6);
	CHECK_STR(got.results[2].props[5].name, STR("dkim-rules"));
	CHECK_STR(got.results[2].props[5].value, STR("unsigned-body"));
	CHECK_STR(got.results[4].props[0].value, STR("l.example"));
}

TEST(mailauth_confirms_what_a_white_list_needs)
{
	static const struct {
		enum auth_result spf;
		str spf_domain;
		enum auth_result dkim;
		str signer;
		bool test, partial;
		str asked;
		bool want;
	} tests[] = {
		{ AUTH_PASS, S("b.com"), AUTH_NONE, S(""), 0, 0, S("b.com"), true },
		{ AUTH_PASS, S("bounce.b.com"), AUTH_NONE, S(""), 0, 0, S("b.com"), true },
		{ AUTH_SOFTFAIL, S("b.com"), AUTH_NONE, S(""), 0, 0, S("b.com"), false },
		{ AUTH_PASS, S("a.co.uk"), AUTH_NONE, S(""), 0, 0, S("b.co.uk"), false },
		{ AUTH_NONE, S(""), AUTH_PASS, S("B.com"), 0, 0, S("news.b.com"), true },
		{ AUTH_NONE, S(""), AUTH_PASS, S("com"), 0, 0, S("b.com"), false },
		{ AUTH_NONE, S(""), AUTH_PASS, S("b.com"), 1, 0, S("b.com"), false },
		{ AUTH_NONE, S(""), AUTH_PASS, S("b.com"), 0, 1, S("b.com"), false },
		{ AUTH_NONE, S(""), AUTH_FAIL, S("b.com"), 0, 0, S("b.com"), false },
		{ AUTH_PASS, S(""), AUTH_PASS, S(""), 0, 0, S(""), false },
	};
	for (size_t i = 0; i < COUNT(tests); i++) {
		struct mailauth_dkim d = { .result = tests[i].dkim,
					   .domain = tests[i].signer,
					   .test = tests[i].test,
					   .partial = tests[i].partial };
		struct mailauth_result r = { .spf = tests[i].spf,
					     .spf_domain = tests[i].spf_domain,
					     .dkim = &d,
					     .ndkim = 1 };

		CHECK_ROW(i, mailauth_confirms(&r, tests[i].asked) == tests[i].want);
	}
}
