#include "run/fiber.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "run/loop_state.h"
#include "run/metrics.h"

METRIC(fibers_alive, "posta_fibers", "", METRIC_GAUGE, "Fibers alive.");

enum { TRIM_KEEP = 8192 }; /* octets of a pooled stack that stay in memory */

static _Thread_local str lent_trace;

static void fiber_set_trace_of(struct fiber *f, str id)
{
	id = str_take(id, sizeof(f->trace) - 1);
	f->ntrace = (unsigned char)id.n;
	if (id.n)
		memmove(f->trace, id.p, id.n);
}

/* ---- birth and death ---- */

/* The first frame of each fiber. It must not return: there is nothing below it. */
static void fiber_first(void)
{
	struct loop *l = loop_here();
	struct fiber *f = l->runs;

	san_arrive(&f->san, &l->san);
	f->result = f->fn(f->arg);
	f->state = FIBER_ENDED;
	san_leave(&f->san, &l->san, true);
	context_switch(&f->context, &l->context);
	abort();
}

static void stack_take(struct loop *l, struct fiber *f)
{
	if (l->npool)
		f->stack = l->pool[--l->npool];
	else
		stack_get(&f->stack);
	san_stack_clean(f->stack.base, f->stack.size);
	f->san.base = f->stack.base;
	f->san.size = f->stack.size;
}

static void stack_give(struct loop *l, struct fiber *f)
{
	if (l->npool == LIM_FIBER_POOL) {
		stack_free(&f->stack);
		return;
	}
	stack_trim(&f->stack, f->stack.base + f->stack.size - TRIM_KEEP);
	l->pool[l->npool++] = f->stack;
}

static struct fiber *fiber_new(const char *name, err (*fn)(void *), void *arg, bool handle)
{
	struct loop *l = loop_here();

	assert(l != NULL);
	struct fiber *f = MEM_NEW(struct fiber);

	*f = (struct fiber){ .loop = l, .name = name, .fn = fn, .arg = arg, .handle = handle };
	f->canceled = l->stopping;
	fiber_set_trace_of(f, fiber_trace());
	list_init(&f->quiet);
	stack_take(l, f);
	san_thread_new(&f->san);
	context_make(&f->context, f->stack.base, f->stack.size, fiber_first);
	list_add_tail(&l->fibers, &f->all);
	list_add_tail(&l->ready, &f->turn);
	l->alive++;
	metric_add(&fibers_alive, 1);
	return f;
}

struct fiber *fiber_spawn(const char *name, err (*fn)(void *), void *arg)
{
	return fiber_new(name, fn, arg, false);
}

struct fiber *fiber_start(const char *name, err (*fn)(void *), void *arg)
{
	return fiber_new(name, fn, arg, true);
}

static void fiber_bury(struct loop *l, struct fiber *f)
{
	list_remove(&f->all);
	stack_give(l, f);
	san_thread_free(&f->san);
	l->alive--;
	metric_add(&fibers_alive, -1);
	if (f->joiner)
		fiber_wake(f->joiner, OK);
	if (!f->handle)
		mem_free(f);
}

void fiber_resume(struct loop *l, struct fiber *f)
{
	struct fault *was = err_slot(&f->fault);

	l->runs = f;
	f->state = FIBER_RUNS;
	san_leave(&l->san, &f->san, false);
	context_switch(&l->context, &f->context);
	san_arrive(&l->san, &f->san);
	l->runs = NULL;
	(void)err_slot(was);
	if (f->state == FIBER_ENDED)
		fiber_bury(l, f);
}

/* ---- waiting ---- */

WAITS static void fiber_leave(struct fiber *f)
{
	struct loop *l = f->loop;

	san_leave(&f->san, &l->san, false);
	context_switch(&f->context, &l->context);
	san_arrive(&f->san, &l->san);
}

WAITS err fiber_park(msec deadline, bool firm)
{
	struct fiber *f = fiber_here();

	assert(f != NULL);
	struct loop *l = f->loop;

	f->state = FIBER_WAITS;
	f->firm = firm;
	f->since = l->now;
	list_add_tail(&l->quiet, &f->quiet);
	if (deadline != NEVER)
		timer_add(&l->timers, &f->timer, deadline);
	fiber_leave(f);
	return f->woken;
}

void fiber_wake(struct fiber *f, err e)
{
	if (f->state != FIBER_WAITS)
		return;
	f->state = FIBER_READY;
	f->woken = e;
	timer_remove(&f->loop->timers, &f->timer);
	list_remove(&f->quiet);
	list_remove(&f->turn); /* out of the waitq */
	list_add_tail(&f->loop->ready, &f->turn);
}

/* The text is made here: most waits that end early are handed on to somebody who logs it. */
static err told(const struct fiber *f, err e)
{
	if (e == E_TIMEOUT)
		return fail(e, "%s: the deadline passed", f->name);
	if (e == E_CANCELED)
		return fail(e, "%s: canceled", f->name);
	return e;
}

WAITS err fiber_sleep(msec until)
{
	struct fiber *f = fiber_here();

	if (f->canceled)
		return told(f, E_CANCELED);
	if (until <= clock_now())
		return fiber_yield();
	err e = fiber_park(until, false);

	return e == E_TIMEOUT ? OK : told(f, e);
}

WAITS err fiber_yield(void)
{
	struct fiber *f = fiber_here();

	f->state = FIBER_READY;
	list_add_tail(&f->loop->ready, &f->turn);
	fiber_leave(f);
	return f->canceled ? told(f, E_CANCELED) : OK;
}

WAITS err fiber_join(struct fiber *f)
{
	struct fiber *me = fiber_here();

	if (f->state != FIBER_ENDED) {
		if (me->canceled)
			fiber_cancel(f);
		f->joiner = me;
		me->joins = f;
		(void)fiber_park(NEVER, true);
		me->joins = NULL;
	}
	err e = f->result;

	if (e != OK)
		me->fault = f->fault;
	mem_free(f);
	return e;
}

void fiber_cancel(struct fiber *f)
{
	if (f->state == FIBER_ENDED)
		return;
	f->canceled = true;
	if (f->joins)
		fiber_cancel(f->joins);
	else if (!f->firm)
		fiber_wake(f, E_CANCELED);
}

void waitq_init(struct waitq *q)
{
	list_init(&q->waiters);
}

WAITS err waitq_wait(struct waitq *q, msec deadline)
{
	struct fiber *f = fiber_here();

	if (f->canceled)
		return told(f, E_CANCELED);
	if (deadline <= clock_now())
		return told(f, E_TIMEOUT);
	list_add_tail(&q->waiters, &f->turn);
	return told(f, fiber_park(deadline, false));
}

WAITS err waitq_wait_read(struct waitq *q, int fd, msec deadline)
{
	struct fiber *f = fiber_here();

	list_add_tail(&q->waiters, &f->turn);
	err e = fiber_wait_read(fd, deadline);

	list_remove(&f->turn); /* where it did not sleep */
	return e;
}

void waitq_wake_one(struct waitq *q)
{
	if (!list_empty(&q->waiters))
		fiber_wake(CONTAINER(q->waiters.next, struct fiber, turn), OK);
}

void waitq_wake_all(struct waitq *q)
{
	while (!list_empty(&q->waiters))
		waitq_wake_one(q);
}

bool waitq_empty(const struct waitq *q)
{
	return list_empty(&q->waiters);
}

/* ---- what a fiber is called ---- */

struct fiber *fiber_here(void)
{
	struct loop *l = loop_here();

	return l ? l->runs : NULL;
}

const char *fiber_name(const struct fiber *f)
{
	return f->name;
}

void fiber_set_trace(str id)
{
	struct fiber *f = fiber_here();

	if (f)
		fiber_set_trace_of(f, id);
}

str fiber_trace(void)
{
	const struct fiber *f = fiber_here();

	return f ? str_of(f->trace, f->ntrace) : lent_trace;
}

void fiber_lend_trace(str id)
{
	lent_trace = id;
}

int64_t fiber_count(void)
{
	return atomic_load_explicit(&fibers_alive.value, memory_order_relaxed);
}

/* The frames below the one that waits are dead; a mail program that idles for half an hour keeps
 * only the pages above. */
void fiber_trim_quiet(struct loop *l, msec before)
{
	while (!list_empty(&l->quiet)) {
		struct fiber *f = CONTAINER(l->quiet.next, struct fiber, quiet);

		if (f->since > before)
			return;
		list_remove(&f->quiet);
#if defined(__x86_64__) || defined(__aarch64__)
		stack_trim(&f->stack, f->context.sp);
#endif
	}
}
