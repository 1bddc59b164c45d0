#include "services/trace/trace.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/trace/store.h"

METRIC(written, "posta_trace_events_total", "", METRIC_COUNTER, "Trace events written.");
METRIC(dropped, "posta_trace_dropped_total", "", METRIC_COUNTER,
       "Trace events lost because the store was full or slow.");

enum {
	GATHER = 200,		   /* events are collected for this long before they are written */
	PRUNE_EVERY = 10 * 60000,  /* how often old events are removed */
	KEEP_DFLT = 14 * 24 * 3600 /* seconds */
};

/* Process-wide, as events come from every loop. The lock is never held across a wait. */
static struct {
	pthread_mutex_t lock;
	struct buf pending; /* records that the next batch takes */
	uint64_t npending;
	struct loop *loop; /* where the writer lives; NULL: closed */
	struct fiber *writer;
	struct waitq wake;
	bool stop;
	struct trace_db *db;
	int64_t keep_ms;
	msec pruned;
} trace = { .lock = PTHREAD_MUTEX_INITIALIZER };

void trace_id_new(char out[21])
{
	/* In the order of ASCII, so that ids sort by time. */
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint64_t ms = (uint64_t)clock_unix_ms();
	unsigned char random[12];

	/* 12 octets come whole, without waiting, once the kernel's pool is ready: long before us.
	 */
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		memset(random, 0, sizeof(random));
	for (int i = 7; i >= 0; i--, ms /= 62)
		out[i] = digits[ms % 62];
	for (int i = 0; i < 12; i++)
		out[8 + i] = digits[random[i] % 62];
	out[20] = '\0';
}

static void wake_writer(void *arg UNUSED)
{
	waitq_wake_one(&trace.wake);
}

void trace_event_for(str id, const char *stage, str address, const char *fmt, ...)
{
	char text[LIM_TRACE_DETAIL];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trace_event_add(id, stage, address, str_z(text));
}

void trace_event(const char *stage, str address, const char *fmt, ...)
{
	char text[LIM_TRACE_DETAIL];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trace_event_add(fiber_trace(), stage, address, str_z(text));
}

void trace_event_add(str id, const char *stage, str address, str detail)
{
	(void)pthread_mutex_lock(&trace.lock);
	struct loop *loop = trace.loop;
	bool first = trace.pending.n == 0;
	size_t before = trace.pending.n;

	if (loop) {
		buf_u64(&trace.pending, (uint64_t)clock_unix_ms());
		buf_lstr(&trace.pending, id);
		buf_lstr(&trace.pending, str_z(stage));
		buf_lstr(&trace.pending, str_take(address, LIM_SMTP_PATH));
		buf_lstr(&trace.pending, str_take(detail, LIM_TRACE_DETAIL));
		if (buf_done(&trace.pending) != OK) {
			trace.pending.n = before;
			trace.pending.e = OK;
			metric_add(&dropped, 1);
		} else {
			trace.npending++;
		}
		if (first)
			loop_post(loop, wake_writer, NULL);
	}
	(void)pthread_mutex_unlock(&trace.lock);
}

struct batch {
	struct trace_db *db;
	struct buf events;
	uint64_t n;
	int64_t prune_before; /* unix milliseconds; 0: not now */
};

static void take_batch(struct batch *b)
{
	(void)pthread_mutex_lock(&trace.lock);
	b->events = trace.pending;
	b->n = trace.npending;
	buf_init(&trace.pending, LIM_TRACE_PENDING);
	trace.npending = 0;
	(void)pthread_mutex_unlock(&trace.lock);
}

static err write_batch(void *arg)
{
	struct batch *b = arg;

	TRY(trace_db_add(b->db, buf_str(&b->events)));
	return b->prune_before ? trace_db_prune(b->db, b->prune_before) : OK;
}

/* Mail never waits for its trace and no error of the trace reaches mail: it is counted here. */
WAITS static void write_pending(void)
{
	struct batch b = { .db = trace.db };

	take_batch(&b);
	if (clock_now() - trace.pruned >= PRUNE_EVERY) {
		trace.pruned = clock_now();
		b.prune_before = clock_unix_ms() - trace.keep_ms;
	}
	err e = work(POOL_DISK, write_batch, &b);

	if (e == E_CANCELED) /* the last batch of a process that is told to stop */
		e = write_batch(&b);
	if (e != OK) {
		metric_add(&dropped, (int64_t)b.n);
		LOG(LOG_WARN, "trace.write", KE(e), KI("events", b.n));
	} else {
		metric_add(&written, (int64_t)b.n);
	}
	buf_free(&b.events);
}

static bool any_pending(void)
{
	(void)pthread_mutex_lock(&trace.lock);
	bool any = trace.pending.n > 0;

	(void)pthread_mutex_unlock(&trace.lock);
	return any;
}

WAITS static err writer_fiber(void *arg UNUSED)
{
	while (!trace.stop) {
		if (!any_pending()) {
			err e = waitq_wait(&trace.wake, clock_in(PRUNE_EVERY));

			if (e == E_CANCELED)
				return e;
		}
		if (!trace.stop)
			TRY(fiber_sleep(clock_in(GATHER)));
		write_pending();
	}
	return OK;
}

struct open_job {
	const char *dir, *role;
	struct trace_db *db;
};

static err open_db(void *arg)
{
	struct open_job *j = arg;

	return trace_db_open(j->dir, j->role, &j->db);
}

WAITS err trace_open(const char *dir, const char *role, msec keep)
{
	struct open_job j = { .dir = dir, .role = role };

	TRY(work(POOL_DISK, open_db, &j));
	trace.db = j.db;
	trace.keep_ms = keep ? keep : (int64_t)KEEP_DFLT * 1000;
	trace.stop = false;
	trace.pruned = clock_now() - PRUNE_EVERY; /* with the first batch */
	waitq_init(&trace.wake);
	(void)pthread_mutex_lock(&trace.lock);
	buf_init(&trace.pending, LIM_TRACE_PENDING);
	trace.npending = 0;
	trace.loop = loop_here();
	(void)pthread_mutex_unlock(&trace.lock);
	trace.writer = fiber_start("trace", writer_fiber, NULL);
	return OK;
}

WAITS void trace_close(void)
{
	if (!trace.loop)
		return;
	trace.stop = true;
	waitq_wake_all(&trace.wake);
	fiber_cancel(trace.writer);
	err e = fiber_join(trace.writer);

	if (e != OK && e != E_CANCELED)
		LOG(LOG_WARN, "trace.close", KE(e));
	(void)pthread_mutex_lock(&trace.lock);
	trace.loop = NULL;
	(void)pthread_mutex_unlock(&trace.lock);
	write_pending();
	buf_free(&trace.pending);
	trace_db_close(trace.db);
	trace.db = NULL;
}
