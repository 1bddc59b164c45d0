/* Who wants TLS reports. Relay knows no policies, neither MTA-STS nor DANE: where a domain has one,
 * a report that says "no-policy-found" would be wrong, and none is sent. */
#include "formats/mailauth/report_uri.h"
#include "services/reports/send_part.h"

enum { PATIENCE = 20000 };

/* OK also when it does not exist. */
WAITS static err ask(const struct mailauth_dns *dns, str name, enum dns_type type, struct arena *a,
		     struct dns_answer *answer, bool *later)
{
	*answer = (struct dns_answer){ .n = 0 };
	if (!name.p || name.n > LIM_SPF_NAME)
		return OK;
	err e = dns->ask(dns->arg, name, type, clock_in(PATIENCE), a, answer);

	if (e)
		answer->n = 0;
	*later = *later || e == E_AGAIN || e == E_TIMEOUT;
	return e == E_CANCELED ? e : OK;
}

WAITS static err has_policy(const struct mailauth_dns *dns, str domain, const str *hosts,
			    size_t nhosts, struct arena *a, bool *has, bool *later)
{
	struct dns_answer answer;
	str text;

	TRY(ask(dns, arena_fmt(a, "_mta-sts.%.*s", STRF(domain)), DNS_TXT, a, &answer, later));
	for (size_t i = 0; i < answer.n; i++)
		*has = *has || (mailauth_txt(answer.rdata[i], a, &text) == OK &&
				str_starts(text, STR("v=STSv1")));
	for (size_t i = 0; i < nhosts && !*has; i++) {
		TRY(ask(dns, arena_fmt(a, "_25._tcp.%.*s", STRF(hosts[i])), DNS_TLSA, a, &answer,
			later));
		*has = answer.n > 0;
	}
	return OK;
}

WAITS err reports_tls_ask(const struct mailauth_dns *dns, str domain, const str *hosts,
			  size_t nhosts, struct arena *a, struct reports_tls_asked *out)
{
	struct dns_answer answer;
	bool has = false;
	size_t n = 0;
	str text;

	*out = (struct reports_tls_asked){ .rua = STR("") };
	TRY(ask(dns, arena_fmt(a, "_smtp._tls.%.*s", STRF(domain)), DNS_TXT, a, &answer,
		&out->later));
	for (size_t i = 0; i < answer.n; i++) {
		if (mailauth_txt(answer.rdata[i], a, &text) != OK ||
		    !str_starts(text, STR("v=TLSRPTv1")))
			continue;
		out->rua = report_tls_rua(text);
		n++;
	}
	if (n != 1) /* RFC 8460 3: of several none counts */
		out->why = "not asked";
	else if (!out->later)
		TRY(has_policy(dns, domain, hosts, nhosts, a, &has, &out->later));
	if (has)
		out->why = "has a policy";
	return OK;
}
