#include "run/fiber.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "run/log.h"
#include "run/loop_state.h"
#include "run/metrics.h"

METRIC(slow_fibers, "posta_fiber_slow_total", "", METRIC_COUNTER,
       "Times that a fiber ran too long without a wait.");

enum {
	EVENTS = 64,
	TRIM_AFTER = 2000, /* ms of waiting before a fiber's stack is trimmed */
	FAKE_GRACE = 2,	   /* ms that real descriptors get before a faked clock jumps */
	POLL_EVERY = 64,   /* turns of fibers, at most, before the kernel is asked */
	SLOW_EVERY = 1000, /* ms between two log lines about slow fibers */
};

static _Thread_local struct loop *here;

struct loop *loop_here(void)
{
	return here;
}

struct loop *loop_enter(struct loop *l)
{
	struct loop *was = here;

	here = l;
	return was;
}

err loop_new(struct loop **out)
{
	struct poller *poller;

	TRY(poller_new(&poller));
	/* OpenSSL writes to its sockets with write(2): a peer that went away must not end the
	 * process. */
	(void)signal(SIGPIPE, SIG_IGN);
	struct loop *l = MEM_NEW(struct loop);

	l->poller = poller;
	list_init(&l->ready);
	list_init(&l->fibers);
	list_init(&l->quiet);
	l->last_post = &l->posts;
	l->now = clock_fresh();
	l->slow_said = l->now - SLOW_EVERY;
	(void)pthread_mutex_init(&l->lock, NULL);
	*out = l;
	return OK;
}

void loop_free(struct loop *l)
{
	assert(!l->alive);
	(void)pthread_mutex_lock(
		&l->lock); /* a helper thread may be in the middle of its last wake-up */
	struct post *left = l->posts;
	(void)pthread_mutex_unlock(&l->lock);

	for (struct post *p = left, *next; p; p = next) {
		next = p->next;
		if (p->owned)
			mem_free(p);
	}
	while (l->npool)
		stack_free(&l->pool[--l->npool]);
	(void)pthread_mutex_destroy(&l->lock);
	timers_free(&l->timers);
	poller_free(l->poller);
	mem_free(l->fds);
	mem_free(l);
}

/* ---- from other threads ---- */

void loop_post_intrusive(struct loop *l, struct post *p)
{
	p->next = NULL;
	(void)pthread_mutex_lock(&l->lock);
	bool first = !l->posts;

	*l->last_post = p;
	l->last_post = &p->next;
	atomic_store(&l->posted, true);
	if (first) /* inside the lock: the loop may be freed as soon as it has run p */
		poller_wake(l->poller);
	(void)pthread_mutex_unlock(&l->lock);
}

void loop_post(struct loop *l, void (*fn)(void *), void *arg)
{
	struct post *p = MEM_NEW(struct post);

	*p = (struct post){ .fn = fn, .arg = arg, .owned = true };
	loop_post_intrusive(l, p);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	poller_wake(l->poller);
}

static bool run_posts(struct loop *l)
{
	if (!atomic_load(&l->posted))
		return false;
	(void)pthread_mutex_lock(&l->lock);
	struct post *p = l->posts;

	atomic_store(&l->posted, false);
	l->posts = NULL;
	l->last_post = &l->posts;
	(void)pthread_mutex_unlock(&l->lock);
	bool any = p != NULL;

	while (p) {
		struct post now = *p;

		if (now.owned)
			mem_free(p);
		now.fn(now.arg); /* may free *p */
		p = now.next;
	}
	return any;
}

/* ---- descriptors ---- */

/* Grows the table; NULL never. Slots move: look them up again after a wait. */
static struct fd_slot *slot_of(struct loop *l, int fd)
{
	size_t want = (size_t)fd + 1, n = l->nfds ? l->nfds : 64;

	if (want > l->nfds) {
		while (n < want)
			n *= 2;
		l->fds = mem_resize(l->fds, size_mul(n, sizeof(*l->fds)));
		memset(l->fds + l->nfds, 0, (n - l->nfds) * sizeof(*l->fds));
		l->nfds = n;
	}
	return &l->fds[fd];
}

/* OK: an edge is there already, no need to wait. E_AGAIN: wait. */
static err fd_begin(struct loop *l, const struct fd_want *w, struct fiber *f)
{
	struct fd_slot *s = slot_of(l, w->fd);

	if (!s->added) {
		err e = poller_add(l->poller, w->fd);

		if (e == E_NOTFOUND)
			return OK;
		TRY(e);
		s->added = true;
	}
	unsigned ready = s->ready & w->what;

	s->ready &= (unsigned char)~ready;
	if (ready)
		return OK;
	if (w->what & POLLER_READ) {
		assert(!s->reader || s->reader == f);
		s->reader = f;
	}
	if (w->what & POLLER_WRITE) {
		assert(!s->writer || s->writer == f);
		s->writer = f;
	}
	return E_AGAIN;
}

static void fd_end(struct loop *l, const struct fd_want *want, size_t n, const struct fiber *f)
{
	for (size_t i = 0; i < n; i++) {
		struct fd_slot *s = slot_of(l, want[i].fd);

		if (s->reader == f)
			s->reader = NULL;
		if (s->writer == f)
			s->writer = NULL;
	}
}

WAITS err fiber_wait_any(const struct fd_want *want, size_t n, msec deadline)
{
	struct fiber *f = fiber_here();

	assert(f != NULL);
	struct loop *l = f->loop;
	err e = E_AGAIN;

	if (f->canceled)
		return fail(E_CANCELED, "%s: canceled", f->name);
	if (deadline <= clock_now())
		return fail(E_TIMEOUT, "%s: the deadline passed", f->name);
	for (size_t i = 0; i < n && e == E_AGAIN; i++)
		e = fd_begin(l, &want[i], f);
	if (e == E_AGAIN) {
		l->watching++;
		e = fiber_park(deadline, false);
		l->watching--;
		if (e != OK)
			e = fail(e, "%s: %s while it waited for its peer", f->name, err_name(e));
	}
	fd_end(l, want, n, f);
	return e;
}

WAITS err fiber_wait_read(int fd, msec deadline)
{
	return fiber_wait_any(&(struct fd_want){ fd, POLLER_READ }, 1, deadline);
}

WAITS err fiber_wait_reads(const int *fds, size_t n, msec deadline)
{
	struct fd_want want[FIBER_READS];

	assert(n <= FIBER_READS);
	for (size_t i = 0; i < n; i++)
		want[i] = (struct fd_want){ fds[i], POLLER_READ };
	return fiber_wait_any(want, n, deadline);
}

WAITS err fiber_wait_write(int fd, msec deadline)
{
	return fiber_wait_any(&(struct fd_want){ fd, POLLER_WRITE }, 1, deadline);
}

err fiber_fd_input(int fd)
{
	struct fd_slot *s = slot_of(here, fd);

	if (s->added)
		return OK;
	TRY(poller_add_input(here->poller, fd));
	s->added = true;
	return OK;
}

void fiber_fd_forget(int fd)
{
	struct loop *l = here;

	if (!l || fd < 0 || (size_t)fd >= l->nfds || !l->fds[fd].added)
		return;
	struct fd_slot was = l->fds[fd];

	poller_remove(l->poller, fd);
	l->fds[fd] = (struct fd_slot){ 0 };
	/* Whoever still waits must not touch the number again: it may soon be another's. */
	if (was.reader)
		fiber_wake(was.reader, E_IO);
	if (was.writer)
		fiber_wake(was.writer, E_IO);
}

static void deliver(struct loop *l, const struct poller_event *ev)
{
	struct fd_slot *s = slot_of(l, ev->fd);

	s->ready |= (unsigned char)ev->what;
	if ((s->ready & POLLER_READ) && s->reader) {
		s->ready &= (unsigned char)~POLLER_READ;
		fiber_wake(s->reader, OK);
	}
	if ((s->ready & POLLER_WRITE) && s->writer) {
		s->ready &= (unsigned char)~POLLER_WRITE;
		fiber_wake(s->writer, OK);
	}
}

/* ---- the turn ---- */

static void fire_timers(struct loop *l)
{
	struct timer *t;

	l->now = clock_fresh();
	while ((t = timer_first(&l->timers)) && t->at <= l->now)
		fiber_wake(CONTAINER(t, struct fiber, timer), E_TIMEOUT);
}

/* Coarse: it costs a third of the exact clock, once a switch. */
static msec clock_coarse(void)
{
	struct timespec t;
#ifdef CLOCK_MONOTONIC_COARSE
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
#else
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
#endif
	return (msec)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void complain_slow(struct loop *l, const char *name, msec ms)
{
	metric_add(&slow_fibers, 1);
	if (l->now - l->slow_said < SLOW_EVERY)
		return;
	l->slow_said = l->now;
	LOG(LOG_WARN, "fiber.slow", KS("fiber", str_z(name)), KI("ms", ms));
}

/* Each fiber that is ready now has one turn. */
static void run_ready(struct loop *l)
{
	bool judge = !POSTA_SANITIZED && !RUNNING_ON_VALGRIND;
	struct link batch, *at;
	msec began = judge ? clock_coarse() : 0;

	list_init(&batch);
	if (!list_empty(&l->ready)) { /* splice: fibers that become ready meanwhile wait for the
					 next round */
		batch = l->ready;
		batch.next->prev = batch.prev->next = &batch;
		list_init(&l->ready);
	}
	while ((at = list_pop(&batch))) {
		struct fiber *f = CONTAINER(at, struct fiber, turn);
		const char *name = f->name;

		fiber_resume(l, f);
		l->turns++;
		if (!judge)
			continue;
		msec now = clock_coarse();

		if (now - began > LIM_FIBER_RUN)
			complain_slow(l, name, now - began);
		began = now;
	}
}

/* How long the poller may sleep: until the next timer, or the next stack to trim. */
static msec idle_time(struct loop *l)
{
	const struct timer *t = timer_first(&l->timers);
	msec until = t ? t->at : NEVER;

	if (!list_empty(&l->ready))
		return 0;
	if (clock_faked())
		return l->working || !t ? -1 : l->watching ? FAKE_GRACE : 0;
	if (!list_empty(&l->quiet)) {
		msec trim = CONTAINER(l->quiet.next, struct fiber, quiet)->since + TRIM_AFTER;

		until = trim < until ? trim : until;
	}
	return until == NEVER ? -1 : until > l->now ? until - l->now : 0;
}

/* Sleeps until something happens and makes those fibers ready that it concerns. */
static void wait_events(struct loop *l)
{
	struct poller_event ev[EVENTS];
	msec ms = idle_time(l);
	size_t n = poller_wait(l->poller, ms, ev, EVENTS);

	for (size_t i = 0; i < n; i++)
		deliver(l, &ev[i]);
	bool posted = run_posts(l);
	const struct timer *t = timer_first(&l->timers);

	/* Nobody can move but by time, and time is simulated: it passes at once. */
	if (clock_faked() && !n && !posted && t && ms >= 0 && list_empty(&l->ready))
		clock_jump(t->at);
	fire_timers(l);
	if (!clock_faked())
		fiber_trim_quiet(l, l->now - TRIM_AFTER);
}

static void cancel_all(struct loop *l)
{
	l->stopping = true;
	LIST_EACH (at, &l->fibers)
		fiber_cancel(CONTAINER(at, struct fiber, all));
}

void loop_run(struct loop *l)
{
	struct loop *was = loop_enter(l);

	san_thread_here(&l->san);
	l->now = clock_fresh();
	for (;;) {
		bool posted = run_posts(l);

		if (atomic_load(&l->stop) && !l->stopping)
			cancel_all(l);
		run_ready(l);
		if (!l->alive && !posted && !atomic_load(&l->posted) &&
		    (l->stopping || l->until_idle))
			break;
		/* Two fibers that talk to each other do not pay for a system call at each word. */
		if (!list_empty(&l->ready) && l->turns < POLL_EVERY)
			continue;
		l->turns = 0;
		wait_events(l);
	}
	(void)loop_enter(was);
}

err loop_main(err (*fn)(void *), void *arg)
{
	struct loop *l;

	TRY(loop_new(&l));
	l->until_idle = true;
	struct loop *was = loop_enter(l);
	struct fiber *f = fiber_start("main", fn, arg);

	loop_run(l);
	(void)loop_enter(was);
	err e = f->result;

	if (e != OK && f->fault.code == e)
		e = err_fail(e, f->fault.file, f->fault.line, "%s", f->fault.text);
	mem_free(f);
	loop_free(l);
	return e;
}
