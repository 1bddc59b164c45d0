/* A session keeps its connections to back-ends for its later messages: none is held by a
 * transaction, since RCPT is asked and reset at once, so a client that trickles its message costs
 * the store an idle connection and no more. */
#include "roles/mx/mx.h"

#include <string.h>

#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

enum { LINES = 4, FRESH = 2000 };

METRIC(m_away, "posta_mx_backend_away_total", "", METRIC_COUNTER,
       "Times that a back-end or relay did not answer and its mail went to the queue.");

struct mx_lines {
	struct line {
		struct mx_home *home;
		struct smtp_client *c;
		msec used;
	} v[LINES];
};

struct mx_lines *mx_lines_new(struct arena *session)
{
	return NEW(session, struct mx_lines);
}

void mx_lines_close(struct mx_lines *l)
{
	for (size_t i = 0; l && i < LINES; i++) {
		smtp_client_close(l->v[i].c);
		l->v[i] = (struct line){ 0 };
	}
}

static bool is_away(struct mx_home *h)
{
	return clock_now() < h->away_until;
}

/* It failed to answer: for a while nobody spends a time-out on it. */
static void went_away(struct mx_home *h, const struct smtp_reply *r)
{
	if (!is_away(h))
		LOG(LOG_WARN, "mx.backend_away", KS("backend", h->relay ? STR("relay") : h->name),
		    KS("why", str_z(r->text)));
	metric_add(&m_away, 1);
	h->away_until = clock_in(mx_settings()->backend_pause);
}

static void came_back(struct mx_home *h)
{
	if (!h->away_until)
		return;
	h->away_until = 0;
	LOG(LOG_INFO, "mx.backend_back", KS("backend", h->relay ? STR("relay") : h->name));
	if (mx_here()->queue)
		queue_kick(mx_here()->queue, STR(""));
}

WAITS static err dial(struct mx_home *h, struct smtp_client **out, struct smtp_reply *r)
{
	const struct mx_settings *set = mx_settings();
	struct smtp_client_options o = { .lmtp = !h->relay,
					 .helo = set->hostname,
					 .connect = set->backend_timeout,
					 .command = set->backend_timeout,
					 .data = set->delivery_timeout,
					 .final = set->delivery_timeout };
	err e = E_NOTFOUND;

	*r = (struct smtp_reply){ .text = "no address" };
	for (size_t i = 0; i < h->naddr && e != OK && e != E_CANCELED; i++)
		e = smtp_client_open(&h->addr[i], NULL, &o, out, r);
	return e;
}

/* The kept connection to this home if it is alive. */
WAITS static struct smtp_client *kept(struct mx_lines *l, struct mx_home *h)
{
	for (size_t i = 0; l && i < LINES; i++) {
		struct smtp_client *c = l->v[i].c;
		bool fresh = clock_now() - l->v[i].used < FRESH;

		if (!c || l->v[i].home != h)
			continue;
		l->v[i] = (struct line){ 0 };
		if (fresh || smtp_client_reset(c) == OK)
			return c;
		smtp_client_close(c);
	}
	return NULL;
}

static void give_back(struct mx_lines *l, struct mx_home *h, struct smtp_client *c)
{
	for (size_t i = 0; l && i < LINES; i++) {
		if (!l->v[i].c) {
			l->v[i] = (struct line){ h, c, clock_now() };
			return;
		}
	}
	smtp_client_close(c);
}

/* A new connection to the home; *r says why not. */
WAITS static err fresh_line(const struct mx_batch *b, struct mx_home *h, struct smtp_client **c,
			    struct smtp_reply *r)
{
	/* The queue (no lines) goes on trying: it finds out when the home is back. */
	if (b->lines && is_away(h)) {
		*r = (struct smtp_reply){ .status = "4.4.1", .text = "did not answer lately" };
		return E_AGAIN;
	}
	err e = dial(h, c, r);

	if (e == OK)
		came_back(h);
	else if (e != E_CANCELED)
		went_away(h, r);
	return e;
}

WAITS static err take_line(struct mx_batch *b, struct mx_home *h, struct smtp_client **c,
			   struct smtp_reply *r)
{
	*c = kept(b->lines, h);
	return *c ? OK : fresh_line(b, h, c, r);
}

static bool good(const struct smtp_reply *r)
{
	return r->code >= 200 && r->code < 300;
}

/* MAIL, RCPT, RSET. */
WAITS static err ask(struct smtp_client *c, const struct mx_batch *b, struct smtp_out_rcpt *to)
{
	TRY(smtp_client_mail(c, &b->mail, &to->reply));
	if (!good(&to->reply))
		return OK;
	TRY(smtp_client_rcpt(c, to));
	return smtp_client_reset(c);
}

/* old: over the kept connection, which the home may have closed meanwhile; E_NOTFOUND when there is
 * none. */
WAITS static err ask_over(struct mx_batch *b, struct mx_home *h, bool old, struct smtp_out_rcpt *to)
{
	struct smtp_client *c = old ? kept(b->lines, h) : NULL;

	if (old && !c)
		return E_NOTFOUND;
	if (!old)
		TRY(fresh_line(b, h, &c, &to->reply));
	err e = ask(c, b, to);

	if (e == OK) {
		give_back(b->lines, h, c);
		return OK;
	}
	smtp_client_close(c);
	if (!old && e != E_CANCELED)
		went_away(h, &to->reply);
	return e;
}

WAITS err mx_ask(struct mx_batch *b, struct mx_copy *copy)
{
	struct smtp_out_rcpt to = { .address = copy->address, .orcpt = copy->orcpt };
	struct mx_home *h = copy->home;

	copy->state = COPY_AWAY;
	err e = ask_over(b, h, true, &to);
	if (e && e != E_CANCELED)
		e = ask_over(b, h, false, &to);
	copy->reply = to.reply;
	if (e) {
		copy->reply.code = 0;
		return e == E_CANCELED ? e : OK;
	}
	copy->state = mx_judge(&to.reply, h->ours);
	if (copy->state == COPY_KEPT)
		copy->state = COPY_WELCOME;
	return OK;
}

/* The copies of one group for one home, and their places in the batch. */
struct lot {
	struct smtp_out_rcpt *to;
	size_t *at, n;
};

static bool waits_for(const struct mx_copy *c, const struct mx_home *h)
{
	return c->state == COPY_WELCOME && c->home == h;
}

static err gather(struct mx_batch *b, const struct mx_home *h, size_t group, struct lot *lot)
{
	size_t n = 0;

	lot->n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += waits_for(&b->v[i], h) && b->v[i].group == group;
	if (!n)
		return OK;
	lot->to = NEW_TRY(b->a, struct smtp_out_rcpt, n);
	lot->at = NEW_TRY(b->a, size_t, n);
	if (!lot->to || !lot->at)
		return fail(E_LIMIT, "no memory for %zu recipients", b->n);
	for (size_t i = 0; i < b->n; i++) {
		const struct mx_copy *c = &b->v[i];

		if (!waits_for(c, h) || c->group != group)
			continue;
		str address = mx_address(b, c);
		if (!address.p)
			return fail(E_LIMIT, "no memory for %zu recipients", b->n);
		lot->to[lot->n] = (struct smtp_out_rcpt){
			.address = address,
			.orcpt = c->orcpt,
			/* A stranger's mail, forwarded: no DSN before SPF or DKIM says that the
			   sender is the sender. */
			.notify = h->relay ? SMTP_NOTIFY_NEVER : 0,
		};
		lot->at[lot->n++] = i;
	}
	return OK;
}

static void note(const struct mx_copy *c, bool queued)
{
	static const char *const stages[] = {
		[COPY_KEPT] = "mx.delivered",
		[COPY_AWAY] = "mx.away",
		[COPY_LATER] = "mx.deferred",
		[COPY_FAILED] = "mx.refused",
	};

	/* The queue writes its own events. */
	if (stages[c->state] && !queued)
		trace_event(c->state == COPY_KEPT && c->home->relay ? "mx.relayed"
								    : stages[c->state],
			    c->address, "%s", c->reply.text);
	/* After a 250 for the others nobody tells the sender: the log has to know. */
	if (c->state == COPY_FAILED)
		LOG(LOG_WARN, "mx.copy_refused", KS("to", c->address),
		    KS("why", str_z(c->reply.text)));
}

WAITS static err deliver_to(struct mx_batch *b, struct mx_home *h, const struct mx_group *g,
			    struct lot *lot)
{
	struct smtp_client *c;
	struct smtp_reply r = { 0 };
	struct smtp_out_mail mail = b->mail;
	err e = take_line(b, h, &c, &r);

	for (size_t i = 0; e && i < lot->n; i++)
		lot->to[i].reply = r;
	if (!e) {
		mail.size += g->head.n;
		e = smtp_client_send(c, &mail, g->head, b->message, lot->to, lot->n);
		if (e) {
			went_away(h, &lot->to[0].reply);
			smtp_client_close(c);
		} else {
			give_back(b->lines, h, c);
		}
	} else {
		for (size_t i = 0; i < lot->n; i++)
			lot->to[i].reply.code = 0; /* a greeting of 5xx is no word about the mail */
	}
	for (size_t i = 0; i < lot->n; i++) {
		struct mx_copy *copy = &b->v[lot->at[i]];

		copy->reply = lot->to[i].reply;
		copy->state = mx_judge(&copy->reply, h->ours);
		note(copy, !b->lines);
	}
	return e == E_CANCELED ? e : OK;
}

struct errand {
	struct mx_batch *b;
	struct mx_home *home;
	struct fiber *fiber;
};

/* One group after the other, over the same connection. */
WAITS static err run_errand(void *arg)
{
	struct errand *e = arg;
	struct lot lot;

	for (size_t g = 0; g < e->b->ngroups; g++) {
		TRY(gather(e->b, e->home, g, &lot));
		if (lot.n)
			TRY(deliver_to(e->b, e->home, &e->b->groups[g], &lot));
	}
	return OK;
}

/* Several back-ends at a time: one that is slow does not hold up the others. */
WAITS static err run_errands(struct errand *v, size_t n)
{
	err worst = OK;

	if (n == 1)
		return run_errand(v);
	for (size_t i = 0; i < n; i++)
		v[i].fiber = fiber_start("mx.deliver", run_errand, &v[i]);
	for (size_t i = 0; i < n; i++) {
		err e = fiber_join(v[i].fiber);

		worst = e ? e : worst;
	}
	return worst;
}

static bool any_waits(const struct mx_batch *b, const struct mx_home *h)
{
	for (size_t i = 0; i < b->n; i++)
		if (waits_for(&b->v[i], h))
			return true;
	return false;
}

WAITS err mx_deliver(struct mx_batch *b)
{
	const struct mx_settings *set = mx_settings();
	struct errand *v = NEW_TRY(b->a, struct errand, set->nhomes);
	size_t n = 0;

	if (!v)
		return fail(E_LIMIT, "no memory for %zu back-ends", set->nhomes);
	for (size_t i = 0; i < set->nhomes; i++) {
		v[n] = (struct errand){ .b = b, .home = &set->homes[i] };
		n += any_waits(b, v[n].home);
	}
	return n ? run_errands(v, n) : OK;
}
