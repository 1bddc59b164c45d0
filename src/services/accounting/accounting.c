/* Opening, closing, and the way of an event into the log: fibers put their records together and
 * sleep, one thread writes and syncs what has gathered, and wakes them. */
#include "services/accounting/accounting.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "run/log.h"
#include "run/metrics.h"
#include "services/accounting/record.h"
#include "services/accounting/state.h"

METRIC(appended, "posta_accounting_events_total", "kind=\"logged\"", METRIC_COUNTER,
       "Accounting events.");
METRIC(refused, "posta_accounting_events_total", "kind=\"refused\"", METRIC_COUNTER,
       "Accounting events.");
METRIC(syncs, "posta_accounting_syncs_total", "", METRIC_COUNTER,
       "Syncs of the accounting log; many events share one.");

/* ---- settings ---- */

static str keep(struct arena *a, str s)
{
	return arena_dup(a, s);
}

/* Under the lock. */
static void take_options(struct acct *a, const struct acct_options *o)
{
	struct acct_telco *t;

	arena_reset(&a->settings);
	a->options = *o;
	a->options.dir = a->dir;
	a->options.database = a->database;
	a->options.log_max = o->log_max ? o->log_max : LIM_ACCT_LOG;
	a->options.fold_every = o->fold_every ? o->fold_every : 500;
	t = arena_get(&a->settings, size_mul(o->ntelcos + 1, sizeof(*t)),
		      _Alignof(struct acct_telco));
	for (size_t i = 0; i < o->ntelcos; i++)
		t[i] = (struct acct_telco){ keep(&a->settings, o->telcos[i].name),
					    keep(&a->settings, o->telcos[i].nas),
					    keep(&a->settings, o->telcos[i].called) };
	a->options.telcos = t;
}

void acct_set(struct acct *a, const struct acct_options *o)
{
	(void)pthread_mutex_lock(&a->lock);
	take_options(a, o);
	(void)pthread_mutex_unlock(&a->lock);
}

/* ---- the writer ---- */

static struct acct_group *group_new(struct acct *a, unsigned parity)
{
	struct acct_group *g = MEM_NEW(struct acct_group);

	g->a = a;
	g->parity = parity;
	g->refs = 1; /* the writer's */
	return g;
}

/* Under the lock. */
static void group_drop(struct acct_group *g)
{
	if (--g->refs == 0)
		mem_free(g);
}

static void wake(void *arg)
{
	waitq_wake_all(arg);
}

/* Under the lock. */
static void group_done(struct acct *a, struct acct_group *g, err e)
{
	g->e = e;
	g->done = true;
	(void)pthread_cond_broadcast(&a->done);
	(void)pthread_cond_signal(&a->synced);
	for (size_t i = 0; i < a->nlanes; i++)
		if (g->lanes[i])
			loop_post(a->lanes[i]->loop, wake, &a->lanes[i]->waits[g->parity]);
	group_drop(g);
}

/* The alarm: once for each row of failures. */
static void tell(err e, bool *failing)
{
	if (e && !*failing)
		LOG(LOG_ERROR, "accounting.log_failed", KE(e));
	else if (!e && *failing)
		LOG(LOG_INFO, "accounting.log_again");
	*failing = e != OK;
	metric_add(&syncs, 1);
}

/* Under the lock, which is open while it writes. */
static void write_group(struct acct *a, bool *failing)
{
	struct acct_group *g = a->group;
	struct buf records = a->pending;
	uint64_t max = a->options.log_max, reserve = a->options.reserve;

	a->group = group_new(a, !g->parity);
	a->pending = a->writing;
	(void)pthread_mutex_unlock(&a->lock);
	err e = buf_done(&records);

	if (e == OK)
		e = log_append(a->log, buf_str(&records), max, reserve);
	tell(e, failing);
	buf_reset(&records);
	(void)pthread_mutex_lock(&a->lock);
	a->writing = records;
	group_done(a, g, e);
}

static void *writer_thread(void *arg)
{
	struct acct *a = arg;
	bool failing = false;

	(void)pthread_mutex_lock(&a->lock);
	while (!a->stop || a->pending.n) {
		if (a->pending.n)
			write_group(a, &failing);
		else
			(void)pthread_cond_wait(&a->more, &a->lock);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- append ---- */

/* Under the lock. NULL: not on a loop. */
static struct acct_lane *lane_here(struct acct *a, size_t *index)
{
	struct loop *l = fiber_here() ? loop_here() : NULL;
	size_t i = 0;

	while (l && i < a->nlanes && a->lanes[i]->loop != l)
		i++;
	if (!l || i == ACCT_LOOPS)
		return NULL;
	if (i == a->nlanes) {
		struct acct_lane *lane = MEM_NEW(struct acct_lane);

		lane->loop = l;
		waitq_init(&lane->waits[0]);
		waitq_init(&lane->waits[1]);
		a->lanes[a->nlanes++] = lane;
	}
	*index = i;
	return a->lanes[i];
}

/* Under the lock, which is open while the fiber sleeps. */
WAITS static err wait_in_lane(struct acct *a, struct acct_group *g, struct acct_lane *lane)
{
	err e = OK;

	while (!g->done && e == OK) {
		(void)pthread_mutex_unlock(&a->lock);
		e = waitq_wait(&lane->waits[g->parity], NEVER);
		(void)pthread_mutex_lock(&a->lock);
	}
	return e;
}

static err put_in(struct acct *a, const struct acct_event *e, str body, struct acct_group **out)
{
	if (a->stop)
		return fail(E_CANCELED, "the accounting log is closed");
	if (a->pending.n + body.n + 8 > LIM_ACCT_PENDING)
		return fail(E_FULL, "too many accounting events wait for the disk");
	log_frame(&a->pending, body);
	acct_seen_add(a, e);
	*out = a->group;
	(*out)->refs++;
	(void)pthread_cond_signal(&a->more);
	return OK;
}

WAITS static err append(struct acct *a, const struct acct_event *e, str body)
{
	struct acct_group *g;
	struct acct_lane *lane;
	size_t index = 0;

	TRY(put_in(a, e, body, &g));
	lane = lane_here(a, &index);
	err waited = OK;

	if (lane) {
		g->lanes[index] = true;
		waited = wait_in_lane(a, g, lane);
	} else {
		while (!g->done)
			(void)pthread_cond_wait(&a->done, &a->lock);
	}
	err result = g->done ? g->e : waited;

	group_drop(g);
	if (result == OK) {
		a->state.appended++;
		a->oldest = a->oldest ? a->oldest : e->arrived;
	} else {
		acct_seen_drop(a, e);
	}
	return result == OK ? OK : fail(result, "the accounting log takes no event");
}

WAITS err acct_append(struct acct *a, const struct acct_event *event)
{
	struct acct_event e = *event;
	struct buf body;

	TRY(acct_check(&e));
	e.arrived = e.arrived ? e.arrived : clock_unix();
	buf_init(&body, LIM_ACCT_RECORD);
	acct_record_print(&e, &body);
	err result = buf_done(&body);

	if (result == OK) {
		(void)pthread_mutex_lock(&a->lock);
		result = append(a, &e, buf_str(&body));
		(void)pthread_mutex_unlock(&a->lock);
	}
	buf_free(&body);
	metric_add(result == OK ? &appended : &refused, 1);
	return result;
}

WAITS err acct_on_off(struct acct *a, const struct acct_event *e)
{
	if (e->kind != ACCT_ON && e->kind != ACCT_OFF)
		return fail(E_SYNTAX, "neither Accounting-On nor Accounting-Off");
	return acct_append(a, e);
}

/* ---- open and close ---- */

static char *copy_z(const char *z)
{
	str s = str_z(z);
	char *p = mem_get(s.n + 1);

	memcpy(p, s.p, s.n);
	return p;
}

/* Signals go to the threads that expect them. */
static err start_thread(pthread_t *t, bool *has, void *(*fn)(void *), void *arg)
{
	sigset_t all, was;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	*has = pthread_create(t, NULL, fn, arg) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
	return *has ? OK : fail(E_IO, "no thread for the accounting");
}

static err start(struct acct *a, const struct acct_options *o)
{
	TRY(log_open(o->dir, &a->log));
	TRY(start_thread(&a->writer, &a->has_writer, writer_thread, a));
	return start_thread(&a->folder, &a->has_folder, acct_fold_thread, a);
}

err acct_open(const struct acct_options *o, struct acct **out)
{
	struct acct *a = MEM_NEW(struct acct);

	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_mutex_init(&a->reading, NULL);
	(void)pthread_cond_init(&a->more, NULL);
	(void)pthread_cond_init(&a->done, NULL);
	(void)pthread_cond_init(&a->synced, NULL);
	arena_init(&a->settings, MIB(1));
	buf_init(&a->pending, LIM_ACCT_PENDING);
	buf_init(&a->writing, LIM_ACCT_PENDING);
	map_init(&a->users);
	list_init(&a->seen);
	a->dir = copy_z(o->dir);
	a->database = copy_z(o->database);
	a->group = group_new(a, 0);
	take_options(a, o);
	err e = start(a, o);

	if (e) {
		acct_close(a);
		return e;
	}
	*out = a;
	return OK;
}

static void stop_threads(struct acct *a)
{
	(void)pthread_mutex_lock(&a->lock);
	a->stop = true;
	(void)pthread_cond_broadcast(&a->more);
	(void)pthread_cond_broadcast(&a->synced);
	(void)pthread_mutex_unlock(&a->lock);
	if (a->has_writer)
		(void)pthread_join(a->writer, NULL);
	if (a->has_folder)
		(void)pthread_join(a->folder, NULL);
}

void acct_close(struct acct *a)
{
	if (!a)
		return;
	stop_threads(a);
	log_close(a->log);
	sql_close(a->reader);
	acct_seen_free(a);
	for (size_t i = 0; i < a->nlanes; i++)
		mem_free(a->lanes[i]);
	mem_free(a->group);
	buf_free(&a->pending);
	buf_free(&a->writing);
	arena_free(&a->settings);
	mem_free(a->dir);
	mem_free(a->database);
	mem_free(a);
}

void acct_state(struct acct *a, struct acct_state *out)
{
	(void)pthread_mutex_lock(&a->lock);
	*out = a->state;
	out->log_octets = log_octets(a->log, a->folded);
	out->behind = a->oldest ? clock_unix() - a->oldest : 0;
	(void)pthread_mutex_unlock(&a->lock);
}

WAITS err acct_settled(struct acct *a, msec deadline)
{
	struct acct_place want = log_end(a->log);

	for (;;) {
		(void)pthread_mutex_lock(&a->lock);
		struct acct_place have = a->folded;

		(void)pthread_mutex_unlock(&a->lock);
		if (want.file == 0 || have.file > want.file ||
		    (have.file == want.file && have.at >= want.at))
			return OK;
		if (clock_now() >= deadline)
			return fail(E_TIMEOUT, "the accounting database is behind");
		TRY(fiber_sleep(clock_in(20)));
	}
}
