#include "services/reports/consent.h"

#include "formats/mailauth/dmarc.h"
#include "services/mailauth/dmarc.h"
#include "services/mailauth/name.h"

struct asking {
	const struct mailauth_dns *dns;
	str domain, host;
	msec deadline;
	struct arena *a;
};

static enum consent away(err e)
{
	return e == E_AGAIN || e == E_TIMEOUT ? CONSENT_LATER : CONSENT_NO;
}

/* Of one organisation no consent is asked for. */
WAITS static err is_same(const struct asking *q, bool *same, enum consent *out)
{
	struct dmarc_walk here, there;

	*same = str_eq(q->domain, q->host);
	if (*same)
		return OK;
	err e = dmarc_walk(q->dns, q->domain, q->deadline, q->a, &here);

	if (!e)
		e = dmarc_walk(q->dns, q->host, q->deadline, q->a, &there);
	if (e)
		*out = away(e);
	*same = !e && str_eq(here.organization, there.organization);
	return e == E_CANCELED ? e : OK;
}

/* It may name another address of its own host, for all that would come. */
static void take_instead(const struct asking *q, const struct dmarc_record *r,
			 struct report_uri *to)
{
	struct report_uri u;
	str rest = r->rua;

	while (report_next_uri(&rest, &u))
		if (str_eq(report_host(&u), q->host)) {
			u.max = u.max < to->max ? u.max : to->max;
			*to = u;
			return;
		}
}

WAITS static err ask_other(const struct asking *q, struct report_uri *to, enum consent *out)
{
	struct dns_answer answer;
	struct dmarc_record r;
	str text,
		name = arena_fmt(q->a, "%.*s._report._dmarc.%.*s", STRF(q->domain), STRF(q->host));

	*out = CONSENT_NO;
	if (!name.p || name.n > LIM_SPF_NAME)
		return OK;
	err e = q->dns->ask(q->dns->arg, name, DNS_TXT, q->deadline, q->a, &answer);

	if (e) {
		*out = away(e);
		return e == E_CANCELED ? e : OK;
	}
	for (size_t i = 0; i < answer.n && *out == CONSENT_NO; i++)
		if (mailauth_txt(answer.rdata[i], q->a, &text) == OK && dmarc_parse(text, &r)) {
			*out = CONSENT_YES;
			take_instead(q, &r, to);
		}
	return OK;
}

WAITS err reports_consent(const struct mailauth_dns *dns, str domain, msec deadline,
			  struct report_uri *to, enum consent *out)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	struct asking q = { .dns = dns, .deadline = deadline, .a = &a };
	bool same = false;

	arena_init(&a, LIM_MAILAUTH_ARENA);
	q.domain = mailauth_name_of(&a, domain);
	q.host = mailauth_name_of(&a, report_host(to));
	*out = CONSENT_NO;
	if (!q.domain.p || !q.host.p)
		return OK;
	TRY(is_same(&q, &same, out));
	if (same)
		*out = CONSENT_YES;
	if (same || *out == CONSENT_LATER)
		return OK;
	return ask_other(&q, to, out);
}
