/* One attempt at one lot: load, try, and write down what became of it, with the DSNs it calls for,
 * in one commit. */
#include "services/queue/state.h"

#include <stdio.h>

#include "run/metrics.h"
#include "services/trace/trace.h"

METRIC(delivered, "posta_queue_recipients_total", "outcome=\"delivered\"", METRIC_COUNTER,
       "Outcomes of delivery attempts, one a recipient.");
METRIC(delayed, "posta_queue_recipients_total", "outcome=\"later\"", METRIC_COUNTER,
       "Outcomes of delivery attempts, one a recipient.");
METRIC(failed, "posta_queue_recipients_total", "outcome=\"failed\"", METRIC_COUNTER,
       "Outcomes of delivery attempts, one a recipient.");
METRIC(aside, "posta_queue_corrupt_total", "", METRIC_COUNTER,
       "Lots set aside because they could not be read.");

enum {
	HOLD = 60000,	     /* until a moving mailbox is asked for again */
	COMMIT_AGAIN = 1000, /* until an outcome that could not be written is written again */
	PIECE = 256 * 1024   /* octets read from the store at a time */
};

struct attempt {
	struct queue *q;
	struct ready *r;
	struct arena arena;
	struct loaded l;
	struct spool *message;
	struct queue_rcpt *rcpts; /* of the lot, and what became of each */
	struct queue_try *tries;
	enum report *reports;
	int64_t old_due;
};

struct stage stage_of(const struct queue *q, const char *what)
{
	struct stage s;

	(void)snprintf(s.text, sizeof(s.text), "%s.%s", q->name, what);
	return s;
}

/* ---- loading ---- */
static err load(void *arg)
{
	struct attempt *t = arg;

	return store_load(t->q, &t->l);
}

struct piece {
	struct attempt *t;
	uint64_t at;
	struct arena arena;
	str bytes;
};

static err load_piece(void *arg)
{
	struct piece *p = arg;
	const struct entry *e = &p->t->l.entry;
	uint64_t left = e->size - p->at;

	return kv_blob_get(p->t->q->o.kv, e->blob, p->at, left < PIECE ? left : PIECE, &p->arena,
			   &p->bytes);
}

WAITS static err load_message(struct attempt *t)
{
	const struct entry *e = &t->l.entry;
	struct piece p = { .t = t };
	err er = OK;

	t->message = spool_new(t->q->o.spool_dir, e->size + 1);
	arena_init(&p.arena, 2 * PIECE);
	while (er == OK && p.at < e->size) {
		arena_reset(&p.arena);
		er = work(POOL_DISK, load_piece, &p);
		if (er == OK && !p.bytes.n)
			er = fail(E_CORRUPT, "the message is shorter than it was");
		if (er == OK)
			er = spool_add(t->message, p.bytes);
		p.at += p.bytes.n;
	}
	arena_free(&p.arena);
	return er == E_NOTFOUND ? fail(E_CORRUPT, "the message is gone") : er;
}

static err set_aside(void *arg)
{
	struct attempt *t = arg;
	const struct ready *r = t->r;

	return store_aside(t->q, dest_name(r->dest), r->due, ready_id(r), r->no, err_last()->text);
}

/* What cannot be read is set aside, so that it is neither lost nor in the way. */
WAITS static void cannot_load(struct attempt *t, err e)
{
	if (e == E_NOTFOUND || e == E_CANCELED)
		return; /* removed meanwhile */
	LOG(LOG_ERROR, "queue.unreadable", KS("id", ready_id(t->r)), KE(e));
	if (e != E_CORRUPT) {
		schedule_again(t->q, t->r->dest);
		return;
	}
	metric_add(&aside, 1);
	if (work(POOL_DISK, set_aside, t) != OK)
		LOG(LOG_ERROR, "queue.aside", KS("id", ready_id(t->r)),
		    KS("why", str_z(err_last()->text)));
}

/* ---- trying ---- */
static err prepare_tries(struct attempt *t)
{
	const struct lot *l = &t->l.lot;

	t->rcpts = NEW_TRY(&t->arena, struct queue_rcpt, l->nrcpts + 1);
	t->tries = NEW_TRY(&t->arena, struct queue_try, l->nrcpts + 1);
	t->reports = NEW_TRY(&t->arena, enum report, l->nrcpts + 1);
	if (!t->rcpts || !t->tries || !t->reports)
		return fail(E_LIMIT, "memory for %zu recipients", l->nrcpts);
	for (size_t i = 0; i < l->nrcpts; i++) {
		t->rcpts[i] = l->rcpts[i].r;
		t->tries[i].rcpt = &t->rcpts[i];
		t->tries[i].what = TRY_LATER;
	}
	return OK;
}

/* The destination is known not to answer: its other mail shares what was heard. */
static void put_off(struct attempt *t)
{
	const struct dest *d = t->r->dest;

	for (size_t i = 0; i < t->l.lot.nrcpts; i++) {
		struct queue_try *y = &t->tries[i];

		(void)snprintf(y->status, sizeof(y->status), "%s", d->status);
		(void)snprintf(y->text, sizeof(y->text), "%s", d->text);
		(void)snprintf(y->server, sizeof(y->server), "%s", d->server);
	}
}

WAITS static void try_now(struct attempt *t)
{
	const struct entry *e = &t->l.entry;
	const struct lot *l = &t->l.lot;
	struct queue_mail m = { .id = e->id,
				.from = e->from,
				.envid = e->envid,
				.ret_hdrs = e->ret_hdrs,
				.smtputf8 = e->smtputf8,
				.body8bit = e->body8bit,
				.arrived = e->arrived,
				.rcpts = t->rcpts,
				.nrcpts = l->nrcpts };

	t->q->o.attempt(t->q->o.arg, &m, t->message, t->tries, l->nrcpts);
}

/* Told to stop before anything was settled: the lot stays as it is. */
static bool broken_off(const struct attempt *t)
{
	bool none = t->q->closing;

	for (size_t i = 0; i < t->l.lot.nrcpts; i++)
		none = none && t->tries[i].what == TRY_LATER;
	return none;
}

static void learn_of_destination(struct attempt *t)
{
	const struct queue_try *y = t->tries;
	bool away = t->l.lot.nrcpts > 0;

	for (size_t i = 0; i < t->l.lot.nrcpts; i++)
		away = away && y[i].what == TRY_LATER && y[i].away;
	if (away)
		schedule_away(t->q, t->r->dest, y);
	else
		schedule_answered(t->q, t->r->dest);
}

/* ---- what became of it ---- */
static bool over(const struct attempt *t, msec limit)
{
	return limit && clock_unix_ms() - t->l.entry.arrived * 1000 >= limit;
}

/* RFC 3463: what the attempt did not say itself. */
static void default_status(struct queue_try *y)
{
	static const char *const status[] = {
		[TRY_DELIVERED] = "2.0.0", [TRY_RELAYED] = "2.0.0", [TRY_PASSED] = "2.0.0",
		[TRY_LATER] = "4.0.0",	   [TRY_FAILED] = "5.0.0",  [TRY_HOLD] = "4.2.1"
	};

	if (!y->status[0])
		(void)snprintf(y->status, sizeof(y->status), "%s", status[y->what]);
}

static void expire(struct queue_try *y)
{
	char last[sizeof(y->text)];

	(void)snprintf(last, sizeof(last), "%s", y->text);
	(void)snprintf(y->text, sizeof(y->text), "%.420s (tried for too long, no longer)",
		       last[0] ? last : "no answer");
	(void)snprintf(y->status, sizeof(y->status), "4.4.7"); /* delivery time expired */
	y->what = TRY_FAILED;
}

/* What the sender is to hear of one recipient; expires those that waited long enough. */
static enum report judge(struct attempt *t, struct queue_try *y)
{
	const struct loaded *l = &t->l;

	if (y->what == TRY_LATER && over(t, t->q->o.lifetime))
		expire(y);
	default_status(y);
	switch (y->what) {
	case TRY_FAILED:
		metric_add(&failed, 1);
		return report_wanted(l, y->rcpt, REPORT_FAILED);
	case TRY_DELIVERED:
		metric_add(&delivered, 1);
		return report_wanted(l, y->rcpt, REPORT_DELIVERED);
	case TRY_RELAYED:
		metric_add(&delivered, 1);
		return report_wanted(l, y->rcpt, REPORT_RELAYED);
	case TRY_PASSED:
		metric_add(&delivered, 1);
		return REPORT_NONE;
	case TRY_LATER:
		metric_add(&delayed, 1);
		if (!l->lot.warned && over(t, t->q->o.warn))
			return report_wanted(l, y->rcpt, REPORT_DELAYED);
		return REPORT_NONE;
	case TRY_HOLD:
		break;
	}
	return REPORT_NONE;
}

static void trace_try(const struct attempt *t, const struct queue_try *y)
{
	static const char *const words[] = {
		[TRY_DELIVERED] = "delivered", [TRY_RELAYED] = "sent",	[TRY_PASSED] = "sent",
		[TRY_LATER] = "later",	       [TRY_FAILED] = "failed", [TRY_HOLD] = "moving"
	};
	struct stage s = stage_of(t->q, words[y->what]);

	trace_event(s.text, y->rcpt->address, "%s%s%s%s%s", y->status, y->server[0] ? " " : "",
		    y->server, y->text[0] ? ": " : "", y->text);
}

/* When the lot is tried again, unix milliseconds. */
static int64_t next_try(const struct attempt *t, bool moving)
{
	const struct queue *q = t->q;
	const struct lot *l = &t->l.lot;
	size_t step =
		l->attempts && l->attempts <= q->o.nschedule ? l->attempts - 1 : q->o.nschedule - 1;
	int64_t now = clock_unix_ms(), at = now + (moving ? HOLD : q->o.schedule[step]);
	int64_t end = t->l.entry.arrived * 1000 + q->o.lifetime;
	msec back = t->r->dest->back_off_until - clock_now();

	if (t->r->put_off && back > 0 && now + back > at)
		at = now + back;
	return q->o.lifetime && end > now && end < at ? end
						      : at; /* the last one when its life ends */
}

/* The lot that goes on: those who wait, with what was heard of them. False: nobody waits. */
static bool keep_waiting(struct attempt *t)
{
	struct lot *l = &t->l.lot;
	size_t kept = 0;
	bool moving = true;

	for (size_t i = 0; i < l->nrcpts; i++) {
		const struct queue_try *y = &t->tries[i];

		if (y->what != TRY_LATER && y->what != TRY_HOLD)
			continue;
		moving = moving && y->what == TRY_HOLD;
		l->warned |= t->reports[i] == REPORT_DELAYED;
		l->rcpts[kept++] = (struct lot_rcpt){ .r = *y->rcpt,
						      .status = str_z(y->status),
						      .text = str_z(y->text),
						      .server = str_z(y->server) };
	}
	l->nrcpts = kept;
	l->last_try = clock_unix_ms();
	if (!moving)
		l->attempts++;
	l->due = next_try(t, moving);
	return kept > 0;
}

/* ---- writing it down ---- */
struct outcome {
	struct attempt *t;
	size_t n; /* recipients that were tried */
	bool keep;
	struct arena arena;
	struct stored_mail dsn[REPORT_KINDS];
	size_t ndsn;
};

static err make_reports(struct outcome *o)
{
	struct attempt *t = o->t;
	const struct entry *e = &t->l.entry;
	int64_t until = t->q->o.lifetime ? e->arrived + t->q->o.lifetime / 1000 : 0;
	str message = STR("");

	if (t->message)
		TRY(spool_view(t->message, &message));
	o->ndsn = 0;
	for (enum report kind = REPORT_FAILED; kind < REPORT_KINDS; kind++) {
		struct stored_mail *dsn = &o->dsn[o->ndsn];
		bool any;

		*dsn = (struct stored_mail){ .arena = &o->arena, .now = clock_unix_ms() };
		TRY(report_make(t->q, &t->l, message, t->tries, t->reports, o->n, kind, until, dsn,
				&any));
		o->ndsn += any;
	}
	return OK;
}

static err write_outcome(void *arg)
{
	struct outcome *o = arg;

	arena_reset(&o->arena);
	TRY(make_reports(o));
	return store_outcome(o->t->q, &o->t->l, o->keep, o->t->old_due, o->dsn, o->ndsn);
}

static void announce(struct outcome *o)
{
	struct queue *q = o->t->q;
	struct stage s = stage_of(q, "report");

	if (o->keep)
		schedule_later(q, o->t->l.lot.due);
	for (size_t i = 0; i < o->ndsn; i++) {
		struct stored_mail *d = &o->dsn[i];

		trace_event(s.text, o->t->l.entry.from, "delivery report %.*s", STRF(d->id));
		schedule_note(q, d->lots[0].destination, d->id, 0, d->now);
	}
}

/* What happened outside cannot be taken back, so it is written again until the disk takes it; only
 * the end of the process gives up, and then SMTP's rule holds that mail may come twice but is never
 * lost. */
WAITS static void settle(struct outcome *o)
{
	for (;;) {
		err e = work(POOL_DISK, write_outcome, o);

		if (e == OK) {
			announce(o);
			return;
		}
		LOG(LOG_ERROR, "queue.outcome", KS("id", ready_id(o->t->r)), KE(e));
		if (fiber_sleep(clock_in(COMMIT_AGAIN)) != OK)
			return;
	}
}

WAITS static void conclude(struct attempt *t)
{
	struct outcome o = { .t = t, .n = t->l.lot.nrcpts };

	t->l.arena = &o.arena; /* emptied for each time that it is written */
	for (size_t i = 0; i < o.n; i++) {
		t->reports[i] = judge(t, &t->tries[i]);
		if (!t->r->put_off || t->tries[i].what != TRY_LATER)
			trace_try(t, &t->tries[i]);
	}
	arena_init(&o.arena, MIB(16));
	o.keep = keep_waiting(t);
	settle(&o);
	t->l.arena = &t->arena;
	arena_free(&o.arena);
}

WAITS static err attempt(struct attempt *t)
{
	TRY(work(POOL_DISK, load, t));
	if (t->l.lot.state != LOT_WAITING || t->l.lot.due != t->r->due)
		return fail(E_NOTFOUND, "changed meanwhile");
	t->old_due = t->l.lot.due;
	TRY(prepare_tries(t));
	bool dsn_may_come = over(t, t->q->o.lifetime) || over(t, t->q->o.warn);

	if (!t->r->put_off || dsn_may_come)
		TRY(load_message(t));
	if (t->r->put_off) {
		put_off(t);
	} else {
		try_now(t);
		if (broken_off(t))
			return E_CANCELED;
		learn_of_destination(t);
	}
	conclude(t);
	return OK;
}

WAITS err attempt_fiber(void *arg)
{
	struct ready *r = arg;
	struct attempt t = { .q = r->q, .r = r };

	arena_init(&t.arena, MIB(8));
	t.l = (struct loaded){ .arena = &t.arena, .id = ready_id(r), .no = r->no };
	fiber_set_trace(entry_trace(ready_id(r)));
	err e = attempt(&t);

	if (e != OK)
		cannot_load(&t, e);
	spool_drop(t.message);
	arena_free(&t.arena);
	schedule_done(r->q, r);
	return OK;
}
