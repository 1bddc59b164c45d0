#include "base/limits.h"
#include "run/metrics.h"
#include "services/filter/step.h"

METRIC(m_temp, "posta_filter_away_total", "what=\"dns\"", METRIC_COUNTER,
       "Messages for which something could not be asked.");

static bool wanted(const struct scan *s)
{
	return s->tools->dns != NULL;
}

/* The value of the field, on one line. */
static str value_of(struct arena *a, str field)
{
	CLEANUP(buf_free) struct buf flat;
	str word, rest = str_skip(field, sizeof("Authentication-Results:") - 1);

	buf_init(&flat, rest.n + 1);
	while (str_next(&rest, '\n', &word)) {
		word = str_trim_ws(word);
		if (word.n && flat.n)
			buf_addc(&flat, ' ');
		buf_add(&flat, word);
	}
	return buf_done(&flat) == OK ? arena_dup(a, buf_str(&flat)) : STR("");
}

static bool temporary(const struct mailauth_result *r)
{
	bool any = r->spf == AUTH_TEMPERROR || r->dmarc.result == AUTH_TEMPERROR;

	for (size_t i = 0; i < r->ndkim; i++)
		any |= r->dkim[i].result == AUTH_TEMPERROR;
	return any;
}

WAITS static void run(struct scan *s)
{
	CLEANUP(buf_free) struct buf field;

	msec deadline = clock_in(s->set->auth_time);

	if (deadline > s->deadline)
		deadline = s->deadline;
	buf_init(&field, KIB(64));
	s->asked = (struct mailauth_question){ .message = s->message,
					       .ip = s->ip_known ? &s->ip : NULL,
					       .helo = s->q->env.helo,
					       .from = s->q->env.from,
					       .hostname = s->set->hostname,
					       .now = s->q->env.now };
	if (mailauth_check(s->tools->dns, &s->asked, deadline, s->a, &s->auth) != OK)
		return;
	s->auth_known = true;
	if (temporary(&s->auth)) {
		metric_add(&m_temp, 1);
		filter_symbol(s, STR("AUTH_TEMPERROR"), STR("the DNS did not answer"), 0);
	}
	mailauth_add_field(&field, s->set->hostname, &s->asked, &s->auth);
	if (buf_done(&field) == OK)
		s->out->auth_results = value_of(s->a, buf_str(&field));
	if (!s->out->auth_results.p)
		s->out->auth_results = STR("");
}

const struct step step_auth = { .name = "auth", .wanted = wanted, .run = run };
