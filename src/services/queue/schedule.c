/* Who is next: destinations take turns, each with its limits; only what is ready is in memory, and
 * of that at most LIM_QUEUE_READY lots a destination and LIM_QUEUE_DESTINATIONS destinations. A
 * destination that does not answer backs off as a whole: until its time its lots are put off
 * without a connection, then one of them asks again. */
#include "services/queue/state.h"

#include <stdio.h>
#include <string.h>

#include "run/metrics.h"

METRIC(destinations, "posta_queue_destinations", "", METRIC_GAUGE,
       "Destinations that the queue has in memory.");
METRIC(running, "posta_queue_attempts_running", "", METRIC_GAUGE, "Delivery attempts under way.");

enum { BACK_OFF_MAX = 30 * 60000, MINUTE = 60000 };

struct lot_id {
	char text[ID_MAX + 16];
	size_t n;
};

static struct lot_id lot_name(str id, unsigned no)
{
	struct lot_id l;

	l.n = (size_t)snprintf(l.text, sizeof(l.text), "%.*s/%u", STRF(str_take(id, ID_MAX)), no);
	return l;
}

struct ready *schedule_find(struct queue *q, str id, unsigned no)
{
	struct lot_id l = lot_name(id, no);

	return map_get(&q->here, str_of(l.text, l.n));
}

void schedule_poke(struct queue *q)
{
	q->poked = true;
	waitq_wake_one(&q->wake);
}

/* ---- destinations ---- */
static struct queue_limits limits_of(struct queue *q, const struct dest *d)
{
	struct queue_limits l = { 0 };

	if (q->o.limits)
		l = q->o.limits(q->o.arg, dest_name(d));
	if (!l.parallel)
		l.parallel = q->o.per_destination ? q->o.per_destination : 1;
	return l;
}

static struct dest *dest_get(struct queue *q, str name)
{
	struct dest *d = map_get(&q->dests, name);

	if (d)
		return d;
	if (q->dests.n >= LIM_QUEUE_DESTINATIONS) {
		q->missed_dests = true;
		return NULL;
	}
	d = MEM_NEW(struct dest);
	d->name_n = str_take(name, DESTINATION_MAX).n;
	memcpy(d->name, name.p, d->name_n);
	list_init(&d->link);
	list_init(&d->lots);
	(void)map_put(&q->dests, dest_name(d), d);
	metric_set(&destinations, (int64_t)q->dests.n);
	return d;
}

static void dest_free(struct queue *q, struct dest *d)
{
	list_remove(&d->link);
	(void)map_remove(&q->dests, dest_name(d));
	mem_free(d);
	metric_set(&destinations, (int64_t)q->dests.n);
}

static void sleep_until(struct queue *q, struct dest *d, msec until)
{
	list_add_tail(&q->asleep, &d->link);
	if (until < q->next_wake)
		q->next_wake = until;
}

/* Puts the destination where it belongs now: in the ring, asleep, nowhere (its limit is reached),
 * or away. */
static void dest_place(struct queue *q, struct dest *d)
{
	msec now = clock_now();
	bool pending = d->nlots || d->more, backs_off = d->back_off_until > now;
	struct queue_limits limits = limits_of(q, d);
	bool counting = limits.per_minute && d->begun && now - d->minute < MINUTE;
	unsigned limit = limits.parallel;

	if (d->failures && !backs_off)
		limit = 1; /* one asks whether it is back */
	list_remove(&d->link);
	if (d->loading)
		return;
	if (pending && d->rate_until > now && !backs_off)
		sleep_until(q, d, d->rate_until);
	else if (pending && d->running < limit)
		list_add_tail(&q->ring, &d->link);
	else if (!pending && !d->running && (backs_off || counting))
		sleep_until(q, d, backs_off ? d->back_off_until : d->minute + MINUTE);
	else if (!pending && !d->running)
		dest_free(q, d);
}

static void wake_sleepers(struct queue *q)
{
	struct link all;

	if (clock_now() < q->next_wake)
		return;
	q->next_wake = NEVER;
	list_init(&all);
	for (struct link *l; (l = list_pop(&q->asleep));)
		list_add_tail(&all, l);
	for (struct link *l; (l = list_pop(&all));)
		dest_place(q, CONTAINER(l, struct dest, link));
}

void schedule_answered(struct queue *q, struct dest *d)
{
	bool was_away = d->failures > 0;

	d->failures = 0;
	d->back_off_until = 0;
	if (was_away) /* what was put off meanwhile need not wait for its own time */
		queue_kick(q, dest_name(d));
}

void schedule_away(struct queue *q, struct dest *d, const struct queue_try *t)
{
	size_t step = d->failures < q->o.nschedule ? d->failures : q->o.nschedule - 1;
	msec wait = q->o.schedule[step] < BACK_OFF_MAX ? q->o.schedule[step] : BACK_OFF_MAX;

	d->failures++;
	d->back_off_until = clock_in(wait);
	memcpy(d->status, t->status, sizeof(d->status));
	memcpy(d->text, t->text, sizeof(d->text));
	memcpy(d->server, t->server, sizeof(d->server));
}

/* ---- lots ---- */
static void lot_load(struct queue *q, struct dest *d, str id, unsigned no, int64_t due)
{
	struct lot_id name = lot_name(id, no);

	if (map_get(&q->here, str_of(name.text, name.n)) || id.n > ID_MAX)
		return;
	struct ready *r = MEM_NEW(struct ready);

	*r = (struct ready){ .q = q, .dest = d, .id_n = id.n, .no = no, .due = due };
	memcpy(r->id, id.p, id.n);
	list_add_tail(&d->lots, &r->link);
	d->nlots++;
	(void)map_put(&q->here, str_of(name.text, name.n), r);
}

static void lot_forget(struct queue *q, struct ready *r)
{
	struct lot_id name = lot_name(ready_id(r), r->no);

	(void)map_remove(&q->here, str_of(name.text, name.n));
	list_remove(&r->link);
	mem_free(r);
}

void schedule_again(struct queue *q, struct dest *d)
{
	d->more = true;
	d->rate_until = clock_in(1000);
	schedule_poke(q);
}

err schedule_unload(struct queue *q, str id, unsigned no)
{
	struct ready *r = schedule_find(q, id, no);

	if (!r)
		return OK;
	if (r->running)
		return fail(E_AGAIN, "an attempt is under way");
	struct dest *d = r->dest;

	d->nlots--;
	d->more = true;
	lot_forget(q, r);
	dest_place(q, d);
	return OK;
}

void schedule_note(struct queue *q, str destination, str id, unsigned no, int64_t due)
{
	struct dest *d = dest_get(q, destination);

	if (!d)
		return; /* found by the search for destinations, when there is room */
	if (d->more || d->loading || d->nlots >= LIM_QUEUE_READY)
		d->more = true;
	else
		lot_load(q, d, id, no, due);
	dest_place(q, d);
	schedule_poke(q);
}

void schedule_later(struct queue *q, int64_t due)
{
	if (due < q->next_due)
		q->next_due = due;
	schedule_poke(q);
}

void schedule_done(struct queue *q, struct ready *r)
{
	struct dest *d = r->dest;

	d->running--;
	q->running--;
	metric_add(&running, -1);
	lot_forget(q, r);
	dest_place(q, d);
	schedule_poke(q);
	waitq_wake_all(&q->idle);
}

/* ---- reading the store ---- */
struct page_job {
	struct queue *q;
	struct page page;
	err (*read)(struct queue *, struct page *);
	struct buf *cursor;
};

static err run_page(void *arg)
{
	struct page_job *j = arg;

	return j->cursor ? store_destinations(j->q, &j->page, j->cursor) : j->read(j->q, &j->page);
}

WAITS static void load_lots(struct queue *q, struct dest *d)
{
	CLEANUP(arena_free) struct arena a;
	struct page_job j = { .q = q, .read = store_ready };

	arena_init(&a, MIB(4));
	j.page = (struct page){ .arena = &a, .destination = dest_name(d) };
	/* Those under way stand first in the store. */
	j.page.max = LIM_QUEUE_READY + d->running;
	d->loading = true;
	d->more = false; /* a note that comes while we wait sets it again */
	err e = work(POOL_DISK, run_page, &j);

	d->loading = false;
	if (e != OK) {
		LOG(LOG_ERROR, "queue.read", KS("destination", dest_name(d)), KE(e));
		schedule_again(q, d);
		return;
	}
	size_t i = 0;

	for (; i < j.page.n && d->nlots < LIM_QUEUE_READY; i++)
		lot_load(q, d, j.page.rows[i].id, j.page.rows[i].no, j.page.rows[i].due);
	/* Attempts that ended while we read are loaded again, and take the room of others. */
	d->more |= j.page.more || i < j.page.n;
}

/* Moves lots whose time has come to the ready ones. */
WAITS static void move_due(struct queue *q)
{
	CLEANUP(arena_free) struct arena a;
	struct page_job j = { .q = q, .read = store_due };

	arena_init(&a, MIB(8));
	j.page = (struct page){ .arena = &a, .max = 500, .now = clock_unix_ms() };
	q->next_due = INT64_MAX; /* an outcome that comes while we wait lowers it again */
	err e = work(POOL_DISK, run_page, &j);

	if (e != OK) {
		LOG(LOG_ERROR, "queue.due", KE(e));
		j.page.next_due = clock_unix_ms() + 1000;
	}
	for (size_t i = 0; e == OK && i < j.page.n; i++) {
		struct page_row *r = &j.page.rows[i];

		schedule_note(q, r->destination, r->id, r->no, r->due);
	}
	if (j.page.more)
		j.page.next_due = clock_unix_ms();
	if (j.page.next_due < q->next_due)
		q->next_due = j.page.next_due;
}

/* Finds destinations that have ready lots in the store alone: after a start, or when memory was
 * full. */
WAITS static void find_dests(struct queue *q)
{
	CLEANUP(arena_free) struct arena a;
	struct page_job j = { .q = q, .cursor = &q->cursor };

	arena_init(&a, MIB(4));
	j.page = (struct page){ .arena = &a, .max = 500 };
	err e = work(POOL_DISK, run_page, &j);

	if (e != OK) {
		LOG(LOG_ERROR, "queue.destinations", KE(e));
		q->more_dests = false;
		return;
	}
	for (size_t i = 0; i < j.page.n; i++) {
		struct dest *d = dest_get(q, j.page.rows[i].destination);

		if (!d)
			continue;
		d->more = true;
		dest_place(q, d);
	}
	if (!q->cursor.n) {
		q->more_dests = q->missed_dests;
		q->missed_dests = false;
	}
}

/* ---- starting ---- */
static void start(struct queue *q, struct dest *d)
{
	struct ready *r = CONTAINER(list_pop(&d->lots), struct ready, link);
	struct queue_limits limits = limits_of(q, d);
	msec now = clock_now();

	d->nlots--;
	r->running = true;
	r->put_off = d->back_off_until > now;
	if (now - d->minute >= MINUTE) {
		d->minute = now;
		d->begun = 0;
	}
	if (!r->put_off && ++d->begun >= limits.per_minute && limits.per_minute)
		d->rate_until = d->minute + MINUTE;
	d->running++;
	q->running++;
	metric_add(&running, 1);
	list_add_tail(&q->attempts, &r->link);
	r->fiber = fiber_spawn("attempt", attempt_fiber, r);
}

/* A lot that a control request is changing leaves memory; it comes back from the store. */
static bool locked(struct queue *q, struct dest *d)
{
	struct ready *r = CONTAINER(d->lots.next, struct ready, link);

	if (!q->locked.n || !str_eq(q->locked, ready_id(r)))
		return false;
	d->nlots--;
	d->more = true;
	lot_forget(q, r);
	return true;
}

/* One turn of the ring's first destination. */
WAITS static void turn(struct queue *q)
{
	struct dest *d = CONTAINER(list_pop(&q->ring), struct dest, link);

	if (!d->nlots)
		load_lots(q, d);
	if (d->nlots && !locked(q, d))
		start(q, d);
	dest_place(q, d);
}

WAITS static err wait_for_news(struct queue *q)
{
	msec until = q->next_wake;

	if (q->next_due != INT64_MAX) {
		int64_t ms = q->next_due - clock_unix_ms();
		msec due = clock_in(ms > 0 ? ms : 0);

		until = due < until ? due : until;
	}
	err e = waitq_wait(&q->wake, until);

	return e == E_TIMEOUT ? OK : e;
}

WAITS err schedule_fiber(void *arg)
{
	struct queue *q = arg;

	while (!q->closing) {
		q->poked = false;
		if (q->next_due <= clock_unix_ms())
			move_due(q);
		wake_sleepers(q);
		if (q->more_dests && q->dests.n < LIM_QUEUE_DESTINATIONS / 2)
			find_dests(q);
		while (!q->closing && q->running < q->o.parallel && !list_empty(&q->ring))
			turn(q);
		bool busy = q->more_dests && q->dests.n < LIM_QUEUE_DESTINATIONS / 2;

		if (!q->poked && !busy && !q->closing)
			TRY(wait_for_news(q));
	}
	return OK;
}

void schedule_init(struct queue *q)
{
	map_init(&q->dests);
	map_init(&q->here);
	map_init(&q->kicks);
	list_init(&q->ring);
	list_init(&q->asleep);
	list_init(&q->attempts);
	waitq_init(&q->wake);
	waitq_init(&q->idle);
	buf_init(&q->cursor, DESTINATION_MAX + 16);
	q->next_due = 0;
	q->next_wake = NEVER;
	q->more_dests = true;
}

void schedule_free(struct queue *q)
{
	void *value;
	str key;

	for (size_t at = 0; map_each(&q->here, &at, &key, &value);)
		mem_free(value);
	for (size_t at = 0; map_each(&q->dests, &at, &key, &value);)
		mem_free(value);
	map_free(&q->here);
	map_free(&q->dests);
	map_free(&q->kicks);
	buf_free(&q->cursor);
}
