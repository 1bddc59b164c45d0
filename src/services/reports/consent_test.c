#include "services/reports/consent.h"

#include "base/test.h"
#include "services/mailauth/zone_test.h"
#include "services/reports/send_part.h"

#define YES "v=DMARC1"
static const struct zone_row rows[] = {
	{ S("_dmarc.b.example"), DNS_TXT, S("v=DMARC1; p=none; rua=mailto:r@b.example") },
	{ S("b.example._report._dmarc.takes.example"), DNS_TXT, S(YES) },
	{ S("b.example._report._dmarc.says.example"), DNS_TXT, S("spf?") },
	{ S("b.example._report._dmarc.says.example"), DNS_TXT, S(YES ";") },
	{ S("b.example._report._dmarc.other.example"), DNS_TXT,
	  S(YES "; rua=mailto:x@evil.example,mailto:in@other.example!5") },
	{ S("b.example._report._dmarc.away.example"), DNS_TXT,
	  S(YES "; rua=mailto:x@evil.example") },
	{ S("b.example._report._dmarc.wrong.example"), DNS_TXT, S("v=DMARC2") },
	{ S("b.example._report._dmarc.late.example"), 0, S("TIMEOUT") },
	{ S("_dmarc.lost.example"), 0, S("TIMEOUT") },
	{ S("_dmarc.own.b.example"), DNS_TXT, S("v=DMARC1; p=none; psd=n") },
};

TEST(reports_ask_for_consent) /* RFC 9990 4 */
{
	static const struct {
		str domain, to;
		enum consent want;
		str sent;
	} table[] = {
		{ S("b.example"), S("mailto:r@b.example"), CONSENT_YES, S("r@b.example") },
		{ S("b.example"), S("mailto:r@in.b.example"), CONSENT_YES, S("r@in.b.example") },
		{ S("sub.b.example"), S("mailto:r@b.example"), CONSENT_YES, S("r@b.example") },
		{ S("b.example"), S("mailto:r@victim.example"), CONSENT_NO, S("r@victim.example") },
		{ S("b.example"), S("mailto:r@own.b.example"), CONSENT_NO, S("r@own.b.example") },
		{ S("b.example"), S("mailto:r@takes.example"), CONSENT_YES, S("r@takes.example") },
		{ S("c.example"), S("mailto:r@takes.example"), CONSENT_NO, S("r@takes.example") },
		{ S("b.example"), S("mailto:r@says.example"), CONSENT_YES, S("r@says.example") },
		{ S("b.example"), S("mailto:r@other.example"), CONSENT_YES, S("in@other.example") },
		{ S("b.example"), S("mailto:r@away.example"), CONSENT_YES, S("r@away.example") },
		{ S("b.example"), S("mailto:r@wrong.example"), CONSENT_NO, S("r@wrong.example") },
		{ S("b.example"), S("mailto:r@late.example"), CONSENT_LATER, S("r@late.example") },
		{ S("b.example"), S("mailto:r@lost.example"), CONSENT_LATER, S("r@lost.example") },
		{ S("x y.example"), S("mailto:r@b.example"), CONSENT_NO, S("r@b.example") },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct zone z = { rows, COUNT(rows), 0 };
		const struct mailauth_dns dns = { zone_ask, &z };
		struct report_uri u;
		enum consent got;
		str rest = table[i].to;

		CHECK(report_next_uri(&rest, &u));
		CHECK_OK(reports_consent(&dns, table[i].domain, NEVER, &u, &got));
		CHECK_ROW(i, got == table[i].want);
		CHECK_ROW(i, str_eq(report_address(&u), table[i].sent));
	}
}

static const struct zone_row tls_rows[] = {
	{ S("_smtp._tls.b.example"), DNS_TXT, S("v=TLSRPTv1; rua=mailto:t@b.example") },
	{ S("_smtp._tls.two.example"), DNS_TXT, S("v=TLSRPTv1; rua=mailto:t@b.example") },
	{ S("_smtp._tls.two.example"), DNS_TXT, S("v=TLSRPTv1; rua=mailto:u@b.example") },
	{ S("_smtp._tls.sts.example"), DNS_TXT, S("v=TLSRPTv1; rua=mailto:t@b.example") },
	{ S("_mta-sts.sts.example"), DNS_TXT, S("v=STSv1; id=1") },
	{ S("_smtp._tls.dane.example"), DNS_TXT, S("v=TLSRPTv1; rua=mailto:t@b.example") },
	{ S("_25._tcp.mx.dane.example"), DNS_TLSA, S("x") },
	{ S("_smtp._tls.late.example"), 0, S("TIMEOUT") },
};

TEST(reports_of_tls_asked) /* RFC 8460 3; a policy that relay did not look at is not told of */
{
	static const struct {
		str domain, host, rua, why;
		bool later;
	} table[] = {
		{ S("b.example"), S("mx.b.example"), S("mailto:t@b.example"), S(""), false },
		{ S("none.example"), S("mx.b.example"), S(""), S("not asked"), false },
		{ S("two.example"), S("mx.b.example"), S("mailto:u@b.example"), S("not asked"),
		  false },
		{ S("sts.example"), S("mx.b.example"), S("mailto:t@b.example"), S("has a policy"),
		  false },
		{ S("dane.example"), S("mx.dane.example"), S("mailto:t@b.example"),
		  S("has a policy"), false },
		{ S("late.example"), S("mx.b.example"), S(""), S("not asked"), true },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct zone z = { tls_rows, COUNT(tls_rows), 0 };
		const struct mailauth_dns dns = { zone_ask, &z };
		CLEANUP(arena_free) struct arena a = { 0 };
		struct reports_tls_asked got;

		arena_init(&a, KIB(200));
		CHECK_OK(reports_tls_ask(&dns, table[i].domain, &table[i].host, 1, &a, &got));
		CHECK_ROW(i, str_eq(got.rua, table[i].rua));
		CHECK_ROW(i, str_eq(got.why ? str_z(got.why) : STR(""), table[i].why));
		CHECK_ROW(i, got.later == table[i].later);
	}
}
