#include "services/filter/filter.h"

#include <time.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/filter/step.h"

METRIC(m_scans, "posta_filter_messages_total", "", METRIC_COUNTER, "Messages that were scanned.");
METRIC(m_spam, "posta_filter_spam_total", "", METRIC_COUNTER, "Messages over the required score.");
METRIC(m_incomplete, "posta_filter_incomplete_total", "", METRIC_COUNTER,
       "Messages for which some step was away or ran out of time.");
METRIC(m_time, "posta_filter_milliseconds_total", "", METRIC_COUNTER,
       "Time of all scans together.");
METRIC(m_shed, "posta_filter_shed_total", "", METRIC_COUNTER,
       "Messages that were told to come again, since others took all room.");
METRIC(m_now, "posta_filter_scans", "", METRIC_GAUGE, "Scans under way.");

/* In the order in which they are told; those that come after others run in it. */
static const struct step *const steps[] = {
	&step_auth,  &step_lists,    &step_virus,      &step_attachments,
	&step_rules, &step_learning, &step_recipients,
};

/* ---- symbols ---- */

void filter_symbol(struct scan *s, str name, str text, double score)
{
	struct filter_answer *out = s->out;

	out->score += score;
	if (out->nsymbols == LIM_FILTER_SYMBOLS)
		return;
	name = arena_dup(s->a, name);
	text = text.n ? arena_dup(s->a, str_take(text, LIM_FILTER_TEXT)) : text;
	if (!name.p || !text.p)
		return;
	out->symbols[out->nsymbols++] = (struct filter_symbol){ name, text, score };
}

void filter_missing(struct scan *s, const char *symbol, str why)
{
	s->out->incomplete = true;
	filter_symbol(s, str_z(symbol), why, 0);
}

/* ---- running the steps ---- */

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

struct running {
	struct scan *s;
	const struct step *step;
	struct filter_step *time;
	struct fiber *fiber;
};

WAITS static err run_step(void *arg)
{
	struct running *r = arg;
	double began = now_ms();

	r->step->run(r->s);
	*r->time = (struct filter_step){ str_z(r->step->name), now_ms() - began };
	return OK;
}

/* Those that wait run side by side; what comes after them begins when the last has ended. */
WAITS static void run_steps(struct scan *s)
{
	struct running side[COUNT(steps)] = { 0 }, after[COUNT(steps)] = { 0 };
	size_t nside = 0, nafter = 0;

	for (size_t i = 0; i < COUNT(steps); i++) {
		if (!steps[i]->wanted(s))
			continue;
		struct running *r = steps[i]->after ? &after[nafter++] : &side[nside++];

		*r = (struct running){ s, steps[i], &s->times[s->out->nsteps++], NULL };
	}
	for (size_t i = 0; i < nside; i++)
		side[i].fiber = fiber_start(side[i].step->name, run_step, &side[i]);
	for (size_t i = 0; i < nside; i++)
		(void)!fiber_join(side[i].fiber);
	for (size_t i = 0; i < nafter; i++)
		(void)!run_step(&after[i]);
}

/* ---- the answer ---- */

static void choose_action(struct scan *s)
{
	struct filter_answer *out = s->out;

	if (out->virus.n || out->dangerous.n || out->score >= s->set->reject)
		out->action = STR("reject");
	else if (s->clamd_away && s->set->clamd.away == FILTER_LATER)
		out->action = STR("soft reject");
	else if (out->score >= out->required)
		out->action = STR("add header");
	else
		out->action = STR("no action");
}

/* What a DMARC report tells of it: how it was taken, as far as this filter knows. */
static char disposition(const struct filter_answer *f)
{
	return str_eq(f->action, STR("reject")) ? 'r' : f->score >= f->required ? 'q' : 'n';
}

static void tell(const struct scan *s)
{
	const struct filter_answer *out = s->out;

	metric_add(&m_scans, 1);
	metric_add(&m_spam, out->score >= out->required);
	metric_add(&m_incomplete, out->incomplete);
	metric_add(&m_time, (int64_t)out->ms);
	LOG(LOG_INFO, "filter.scanned", KS("id", s->q->id), KS("from", s->q->env.from),
	    KI("size", s->message.n), KI("score_100", out->score * 100), KS("action", out->action),
	    KI("symbols", out->nsymbols), KS("virus", out->virus), KI("us", out->ms * 1000));
}

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]" */
bool filter_ip(str text, struct net_addr *out)
{
	CLEANUP(buf_free) struct buf b;
	bool bare6 = str_find(text, ':') < text.n && text.p[0] != '[';

	buf_init(&b, 100);
	buf_fmt(&b, bare6 ? "[%.*s]:0" : "%.*s:0", STRF(text));
	return text.n && buf_done(&b) == OK && net_parse(buf_str(&b), out) == OK &&
	       !net_is_unix(out);
}

static str first_field(str message)
{
	size_t n = 0;

	do
		n += str_find(str_skip(message, n), '\n') + 1;
	while (n < message.n && (message.p[n] == ' ' || message.p[n] == '\t'));
	return str_take(message, n);
}

static bool same_ip(const struct net_addr *one, const struct net_addr *other)
{
	CLEANUP(buf_free) struct buf a;
	CLEANUP(buf_free) struct buf b;

	buf_init(&a, 64);
	buf_init(&b, 64);
	net_print_ip(one, &a);
	net_print_ip(other, &b);
	return str_eq(buf_str(&a), buf_str(&b));
}

/* True when the caller's server has put its own field there already: it says of the client what the
 * caller says. One that says something else may be the sender's, who would be trusted for it. */
static bool has_received(const struct scan *s)
{
	CLEANUP(arena_free) struct arena a;
	str field = first_field(s->message), rdns = s->q->env.rdns;
	struct net_addr ip;

	arena_init(&a, MIB(1));
	if (!str_startsi(field, STR("Received:")) || field.n > LIM_SCAN_VALUE)
		return false;
	const struct scan_relays *r = scan_relays(scan_mail_new(&a, field, &s->q->env, NULL));

	if (str_eqi(rdns, STR("unknown")))
		rdns = STR("");
	return r->n == 1 && filter_ip(r->v[0].ip, &ip) && same_ip(&ip, &s->ip) &&
	       str_eqi(r->v[0].rdns, rdns);
}

struct viewing {
	struct scan *s;
	str whole;
};

static err view(void *arg)
{
	struct viewing *v = arg;
	struct scan *s = v->s;

	if (s->q->before && s->ip_known && has_received(s))
		v->whole = s->message;
	s->mail = scan_mail_new(&s->views, v->whole, &s->q->env, &s->set->networks);
	return OK;
}

WAITS static err scan(struct scan *s)
{
	double began = now_ms();

	s->out->symbols = NEW_TRY(s->a, struct filter_symbol, LIM_FILTER_SYMBOLS);
	s->out->steps = s->times = NEW_TRY(s->a, struct filter_step, COUNT(steps));
	if (!s->out->symbols || !s->times)
		return fail(E_LIMIT, "no memory for the answer");
	struct viewing v = { .s = s };

	TRY(spool_view(s->q->message, &v.whole));
	s->message = str_skip(v.whole, s->q->before);
	s->ip_known = filter_ip(s->q->env.ip, &s->ip);
	/* Its parts are read at once, which takes as long as it is. */
	TRY(work(POOL_CPU, view, &v));
	s->out->required = s->set->required;
	run_steps(s);
	if (scan_cut(s->mail) & SCAN_CUT_ARENA)
		filter_symbol(s, STR("VIEWS_RAN_OUT"), STR("the message takes too much memory"), 0);
	choose_action(s);
	s->out->ms = now_ms() - began;
	if (s->auth_known && s->f->reports)
		reports_dmarc(s->f->reports, &s->asked, &s->auth, disposition(s->out));
	tell(s);
	return OK;
}

/* Memory and helper threads are for so many at a time. */
WAITS static err wait_for_room(struct filter *f)
{
	msec deadline = clock_in(f->tools->set->time);

	while (f->scans >= (uint64_t)f->tools->set->scans) {
		err e = waitq_wait(&f->room, deadline);

		if (e == E_TIMEOUT) {
			metric_add(&m_shed, 1);
			return fail(E_AGAIN, "too many messages at a time");
		}
		TRY(e);
	}
	return OK;
}

WAITS err filter_scan(struct filter *f, const struct filter_request *q, struct arena *a,
		      struct filter_answer *out)
{
	TRY(wait_for_room(f));
	struct filter_request whole = *q;
	struct tools *t = f->tools;
	struct scan s = { .f = f,
			  .tools = t,
			  .set = t->set,
			  .q = &whole,
			  .deadline = clock_in(t->set->time),
			  .a = a,
			  .out = out };

	*out = (struct filter_answer){ .action = STR("no action"),
				       .auth_results = STR(""),
				       .virus = STR(""),
				       .dangerous = STR(""),
				       .message_id = STR("") };
	whole.env.hostname = t->set->hostname;
	whole.env.now = clock_unix();
	t->holds++;
	metric_set(&m_now, ++f->scans);
	arena_init(&s.views, LIM_SCAN_ARENA);
	err e = scan(&s);

	arena_free(&s.views);
	metric_set(&m_now, --f->scans);
	waitq_wake_one(&f->room);
	filter_tools_drop(t);
	return e;
}
