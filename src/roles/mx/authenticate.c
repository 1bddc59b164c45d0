/* Who really sent a message, asked of the DNS by mx itself: behind a filter that does not say. */
#include "base/limits.h"
#include "roles/mx/mx.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/mailauth/mailauth.h"

METRIC(m_asked, "posta_mx_authenticated_total", "", METRIC_COUNTER,
       "Messages whose sender mx looked up itself, since the filter did not say.");

/* The resolver context of the calling loop. a: until it is opened. */
static err dns_here(struct arena *a, struct dns **out)
{
	const struct mx_settings *set = mx_settings();
	struct dns **mine = &mx_here()->dns[role_loop()];
	CLEANUP(buf_free) struct buf text;
	str *forward = NEW_TRY(a, str, set->nresolvers + 1);

	buf_init(&text, 100);
	for (size_t i = 0; forward && i < set->nresolvers; i++) {
		buf_reset(&text);
		net_print(&set->resolvers[i], &text);
		forward[i] = arena_dup(a, buf_str(&text));
	}
	const struct dns_options o = { .forward = forward,
				       .nforward = forward ? set->nresolvers : 0,
				       .dnssec = set->dnssec };

	if (!*mine)
		TRY(dns_open(&o, mine));
	*out = *mine;
	return OK;
}

WAITS void mx_authenticate_close(void)
{
	struct dns **mine = &mx_here()->dns[role_loop()];

	/* Those of other loops are closed there alone: they end with the process. */
	if (*mine)
		dns_close(*mine);
	*mine = NULL;
}

/* The field's value, as a filter gives it. */
static err keep_field(const struct mailauth_question *q, const struct mailauth_result *r,
		      struct arena *a, struct mx_scan *s)
{
	CLEANUP(buf_free) struct buf field;
	str name, value;

	buf_init(&field, LIM_AUTH_RESULTS);
	mailauth_add_field(&field, q->hostname, q, r);
	TRY(buf_done(&field));
	if (str_cut(buf_str(&field), ':', &name, &value))
		s->auth_results = arena_dup(a, value);
	return s->auth_results.p ? OK : fail(E_LIMIT, "no memory for Authentication-Results");
}

WAITS err mx_authenticate(const struct smtp_info *i, const struct smtp_tx *t, struct arena *a,
			  struct mx_scan *s)
{
	struct mailauth_question q = { .ip = i->peer,
				       .helo = i->helo,
				       .from = t->mail.from.text,
				       .hostname = mx_settings()->hostname,
				       .now = clock_unix() };
	struct mailauth_result r;
	struct dns *dns;

	TRY(spool_view(t->message, &q.message));
	TRY(dns_here(a, &dns));
	metric_add(&m_asked, 1);
	TRY(mailauth_check(dns, &q, clock_in(mx_settings()->authenticate_timeout), a, &r));
	s->sender.from_confirmed = mailauth_confirms(&r, verdict_domain(s->sender.from));
	s->sender.envelope_confirmed = mailauth_confirms(&r, verdict_domain(s->sender.envelope));
	return keep_field(&q, &r, a, s);
}
