#include "run/work.h"

#include <pthread.h>
#include <signal.h>

#include "base/list.h"
#include "run/loop_state.h"
#include "run/metrics.h"

METRIC(disk_waiting, "posta_work_waiting", "pool=\"disk\"", METRIC_GAUGE,
       "Jobs of helper threads.");
METRIC(crypt_waiting, "posta_work_waiting", "pool=\"crypt\"", METRIC_GAUGE,
       "Jobs of helper threads.");
METRIC(cpu_waiting, "posta_work_waiting", "pool=\"cpu\"", METRIC_GAUGE, "Jobs of helper threads.");

struct job {
	struct link link;
	struct post done;
	err (*fn)(void *);
	void *arg;
	struct fiber *fiber;
	str trace;
	err result;
	struct fault fault;
};

/* Threads are started as jobs find none idle, and stay until the process ends. */
static struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct link jobs;
	unsigned most, threads, idle;
	size_t waiting; /* jobs that no thread has taken yet */
	struct metric *metric;
} workers[POOL_COUNT_] = {
#define POOL(id, n, m)                                                                             \
	[id] = { PTHREAD_MUTEX_INITIALIZER,                                                        \
		 PTHREAD_COND_INITIALIZER,                                                         \
		 { &workers[id].jobs, &workers[id].jobs },                                         \
		 n,                                                                                \
		 0,                                                                                \
		 0,                                                                                \
		 0,                                                                                \
		 &m }
	POOL(POOL_DISK, 8, disk_waiting),
	POOL(POOL_CRYPT, 2, crypt_waiting),
	POOL(POOL_CPU, 2, cpu_waiting),
#undef POOL
};

void work_threads(enum pool p, unsigned n)
{
	struct workers *w = &workers[p];

	(void)pthread_mutex_lock(&w->lock);
	w->most = n ? n : 1;
	(void)pthread_mutex_unlock(&w->lock);
}

static void job_done(void *arg)
{
	struct job *j = arg;

	fiber_wake(j->fiber, OK);
}

static void job_run(struct job *j)
{
	struct fault *was = err_slot(&j->fault);

	fiber_lend_trace(j->trace);
	j->result = j->fn(j->arg);
	fiber_lend_trace(STR(""));
	(void)err_slot(was);
}

static void *worker(void *arg)
{
	struct workers *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		struct link *at = list_pop(&w->jobs);

		if (!at) {
			w->idle++;
			(void)pthread_cond_wait(&w->more, &w->lock);
			w->idle--;
			continue;
		}
		w->waiting--;
		(void)pthread_mutex_unlock(&w->lock);
		struct job *j = CONTAINER(at, struct job, link);

		job_run(j);
		loop_post_intrusive(j->fiber->loop, &j->done); /* from here on *j may be gone */
		(void)pthread_mutex_lock(&w->lock);
	}
	return NULL;
}

/* Signals go to the threads that expect them. */
static bool worker_start(struct workers *w)
{
	sigset_t all, was;
	pthread_t t;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	bool ok = !pthread_create(&t, NULL, worker, w);

	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (ok)
		(void)pthread_detach(t);
	return ok;
}

/* A forked child has no threads but its own, and nobody who waits for their jobs. */
static void forget_threads(void)
{
	for (size_t i = 0; i < COUNT(workers); i++) {
		struct workers *w = &workers[i];

		(void)pthread_mutex_init(&w->lock, NULL);
		(void)pthread_cond_init(&w->more, NULL);
		list_init(&w->jobs);
		w->threads = w->idle = 0;
		w->waiting = 0;
	}
}

__attribute__((constructor)) static void expect_forks(void)
{
	(void)pthread_atfork(NULL, NULL, forget_threads);
}

/* False: not one thread can be had. */
static bool job_hand_over(struct workers *w, struct job *j)
{
	bool ok = true;

	(void)pthread_mutex_lock(&w->lock);
	if (w->waiting >= w->idle && w->threads < w->most) {
		if (worker_start(w))
			w->threads++;
		else
			ok = w->threads > 0;
	}
	if (ok) {
		list_add_tail(&w->jobs, &j->link);
		w->waiting++;
		(void)pthread_cond_signal(&w->more);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return ok;
}

WAITS err work(enum pool p, err (*fn)(void *), void *arg)
{
	struct workers *w = &workers[p];
	struct fiber *f = fiber_here();

	if (!f)
		return fn(arg);
	struct job j = { .fn = fn, .arg = arg, .fiber = f, .trace = fiber_trace() };

	list_init(&j.link);
	j.done = (struct post){ .fn = job_done, .arg = &j };
	metric_add(w->metric, 1);
	if (job_hand_over(w, &j)) {
		f->loop->working++;
		(void)fiber_park(NEVER, true);
		f->loop->working--;
		if (j.result != OK)
			f->fault = j.fault;
	} else {
		j.result = fn(arg); /* slow, but not wrong */
	}
	metric_add(w->metric, -1);
	return j.result;
}
