/* Opening, closing, taking mail in. */
#include "services/queue/queue.h"

#include <stdio.h>

#include "run/metrics.h"
#include "services/queue/state.h"
#include "services/trace/trace.h"

METRIC(added, "posta_queue_added_total", "", METRIC_COUNTER, "Messages taken into the queue.");
METRIC(refused, "posta_queue_refused_total", "", METRIC_COUNTER,
       "Messages that the queue could not take.");

static const msec default_schedule[] = { 5 * 60000,  15 * 60000,     30 * 60000,
					 60 * 60000, 2 * 60 * 60000, 4 * 60 * 60000 };

/* ---- open and close ---- */
struct sweep {
	struct queue *q;
	uint64_t entries;
};

static err run_sweep(void *arg)
{
	struct sweep *s = arg;

	return store_sweep(s->q, &s->entries);
}

/* Once, beside the work, after a start: what a crash left is taken away. */
WAITS static err sweep_fiber(void *arg)
{
	struct sweep s = { .q = arg };
	err e = work(POOL_DISK, run_sweep, &s);

	if (e != OK && !s.q->closing)
		LOG(LOG_ERROR, "queue.sweep", KE(e));
	else
		LOG(LOG_INFO, "queue.opened", KS("queue", s.q->o.name), KI("messages", s.entries));
	return OK;
}

struct open_job {
	struct queue *q;
};

static err read_epoch(void *arg)
{
	struct open_job *j = arg;

	return kv_epoch(j->q->o.kv, j->q->part.name, &j->q->part.epoch);
}

void queue_configure(struct queue *q, const struct queue_options *o)
{
	q->o.schedule = o->nschedule ? o->schedule : default_schedule;
	q->o.nschedule = o->nschedule ? o->nschedule : COUNT(default_schedule);
	q->o.lifetime = o->lifetime;
	q->o.warn = o->warn;
	q->o.parallel = o->parallel ? o->parallel : 100;
	q->o.per_destination = o->per_destination ? o->per_destination : 10;
}

static void settle_options(struct queue *q, const struct queue_options *o)
{
	q->o = *o;
	(void)snprintf(q->name, sizeof(q->name), "%.*s", STRF(o->name));
	(void)snprintf(q->hostname, sizeof(q->hostname), "%.*s", STRF(o->hostname));
	q->o.name = str_z(q->name);
	q->o.hostname = str_z(q->hostname);
	queue_configure(q, o);
}

WAITS err queue_open(const struct queue_options *o, struct queue **out)
{
	struct queue *q = MEM_NEW(struct queue);
	struct open_job j = { .q = q };

	settle_options(q, o);
	q->part.name = STR("queue");
	q->home = loop_here();
	trace_id_new(q->born);
	err e = work(POOL_DISK, read_epoch, &j);

	if (e != OK) {
		mem_free(q);
		return e;
	}
	schedule_init(q);
	q->dispatcher = fiber_start("queue", schedule_fiber, q);
	q->sweeper = fiber_start("queue.sweep", sweep_fiber, q);
	*out = q;
	return OK;
}

WAITS static void join(struct fiber *f)
{
	err e = fiber_join(f);

	if (e != OK && e != E_CANCELED)
		LOG(LOG_ERROR, "queue.fiber", KE(e));
}

/* False: we were canceled ourselves, so that nobody may wait for the attempts. */
WAITS static bool attempts_ended(struct queue *q, msec deadline)
{
	while (q->running || q->kicking) {
		if (waitq_wait(&q->idle, deadline) == OK)
			continue;
		LIST_EACH (l, &q->attempts)
			fiber_cancel(CONTAINER(l, struct ready, link)->fiber);
		if (fiber_sleep(clock_in(10)) == E_CANCELED)
			return false;
	}
	return true;
}

WAITS void queue_close(struct queue *q, msec deadline)
{
	q->closing = true;
	schedule_poke(q);
	join(q->dispatcher);
	join(q->sweeper);
	if (!attempts_ended(q, deadline))
		return; /* the process ends: what still points to q stays valid */
	schedule_free(q);
	mem_free(q);
}

/* ---- adding ---- */
struct note {
	struct queue *q;
	int64_t now;
	size_t n;
	char id[ID_MAX + 1];
	size_t id_n;
	char *names; /* destination NUL, one a lot, in their order */
};

static void take_note(void *arg)
{
	struct note *m = arg;
	str rest = str_of(m->names, m->n), name;

	for (unsigned no = 0; str_next(&rest, '\0', &name) && rest.p; no++)
		schedule_note(m->q, name, str_of(m->id, m->id_n), no, m->now);
	mem_free(m->names);
	mem_free(m);
}

/* Tells the home loop of the new lots. */
static void tell_home(struct queue *q, const struct stored_mail *s)
{
	struct note *m = MEM_NEW(struct note);
	struct buf names;

	buf_init(&names, size_mul(s->nlots, DESTINATION_MAX + 1));
	for (size_t i = 0; i < s->nlots; i++) {
		buf_add(&names, s->lots[i].destination);
		buf_addc(&names, '\0');
	}
	*m = (struct note){ .q = q, .now = s->now, .n = names.n, .names = names.p };
	m->id_n = (size_t)snprintf(m->id, sizeof(m->id), "%.*s", STRF(s->id));
	if (loop_here() == q->home)
		take_note(m);
	else
		loop_post(q->home, take_note, m);
}

struct add_job {
	struct queue *q;
	struct stored_mail s;
};

static err run_add(void *arg)
{
	struct add_job *j = arg;

	return store_add(j->q, &j->s);
}

static void trace_added(const struct queue *q, const struct stored_mail *s)
{
	struct stage stage = stage_of(q, "queued");

	for (size_t i = 0; i < s->mail->nrcpts; i++)
		trace_event_for(entry_trace(s->id), stage.text, s->mail->rcpts[i].address,
				"from <%.*s> as %.*s, %zu octets", STRF(s->mail->from), STRF(s->id),
				s->message.n);
}

WAITS err queue_add(struct queue *q, const struct queue_mail *m, struct spool *message)
{
	CLEANUP(arena_free) struct arena a;
	struct add_job j = { .q = q };

	arena_init(&a, MIB(16));
	j.s = (struct stored_mail){
		.mail = m, .spool = message, .arena = &a, .now = clock_unix_ms()
	};
	err e = q->closing ? fail(E_AGAIN, "the queue is closing") : store_lots(q, &j.s);

	if (e == OK)
		e = work(POOL_DISK, run_add, &j);
	metric_add(e == OK ? &added : &refused, 1);
	TRY(e);
	trace_added(q, &j.s);
	tell_home(q, &j.s);
	return OK;
}

/* ---- kicking ---- */
struct kick_job {
	struct queue *q;
	struct page page;
	struct map which;
	struct buf cursor;
};

static err run_kick(void *arg)
{
	struct kick_job *j = arg;

	return store_kick(j->q, &j->page, &j->which, &j->cursor);
}

WAITS static void kick_round(struct kick_job *j)
{
	do {
		CLEANUP(arena_free) struct arena a;

		arena_init(&a, MIB(8));
		j->page = (struct page){ .arena = &a, .max = 1000 };
		err e = work(POOL_DISK, run_kick, j);

		if (e != OK) {
			LOG(LOG_ERROR, "queue.kick", KE(e));
			return;
		}
		for (size_t i = 0; i < j->page.n; i++) {
			struct page_row *r = &j->page.rows[i];

			schedule_note(j->q, r->destination, r->id, r->no, r->due);
		}
	} while (j->cursor.n && !j->q->closing);
}

WAITS static err kick_fiber(void *arg)
{
	struct queue *q = arg;

	while (q->kicks.n && !q->closing) {
		struct kick_job j = { .q = q, .which = q->kicks };

		map_init(&q->kicks);
		buf_init(&j.cursor, LIM_KV_KEY);
		kick_round(&j);
		map_free(&j.which);
		buf_free(&j.cursor);
	}
	q->kicking = false;
	waitq_wake_all(&q->idle);
	return OK;
}

struct kick {
	struct queue *q;
	char name[DESTINATION_MAX + 1];
	size_t n;
};

static void forget_back_off(struct queue *q, str name)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&q->dests, &at, &key, &value);) {
		struct dest *d = value;

		if (!name.n || str_eq(name, key))
			d->failures = 0, d->back_off_until = 0;
	}
	q->next_wake = 0; /* all that sleep are placed anew */
	schedule_poke(q);
}

static void take_kick(void *arg)
{
	struct kick *k = arg;
	struct queue *q = k->q;

	forget_back_off(q, str_of(k->name, k->n));
	(void)map_put(&q->kicks, str_of(k->name, k->n), q);
	if (!q->kicking && !q->closing) {
		q->kicking = true;
		(void)fiber_spawn("queue.kick", kick_fiber, q);
	}
	mem_free(k);
}

void queue_kick(struct queue *q, str destination)
{
	struct kick *k = MEM_NEW(struct kick);

	k->q = q;
	k->n = (size_t)snprintf(k->name, sizeof(k->name), "%.*s",
				STRF(str_take(destination, DESTINATION_MAX)));
	if (loop_here() == q->home)
		take_kick(k);
	else
		loop_post(q->home, take_kick, k);
}
