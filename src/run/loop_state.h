/* run/loop_state.h: for the files of the scheduler alone: what a loop and a fiber consist of. */
#ifndef RUN_LOOP_STATE_H
#define RUN_LOOP_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "run/context.h"
#include "run/fiber.h"
#include "run/poller.h"
#include "run/sanitize.h"
#include "run/stack.h"

/* Something to do on a loop's thread; lies in its sender's memory. */
struct post {
	struct post *next;
	void (*fn)(void *);
	void *arg;
	bool owned; /* freed by the loop */
};

struct timer {
	msec at;
	uint64_t order; /* equal times fire in the order of their start */
	size_t place;	/* in the heap, from 1; 0: not in it */
};
struct timers {
	struct timer **heap;
	size_t n, cap;
	uint64_t order;
};
void timers_free(struct timers *h);
void timer_add(struct timers *h, struct timer *t, msec at);
void timer_remove(struct timers *h, struct timer *t); /* nothing when it is not in */
struct timer *timer_first(const struct timers *h);    /* or NULL */

enum fiber_state { FIBER_READY, FIBER_RUNS, FIBER_WAITS, FIBER_ENDED };

struct fiber {
	struct link turn;  /* in loop.ready, or in a waitq */
	struct link all;   /* in loop.fibers */
	struct link quiet; /* in loop.quiet while it waits */
	struct timer timer;
	struct loop *loop;
	struct context context;
	struct stack stack;
	struct san_side san;
	const char *name;
	err (*fn)(void *);
	void *arg;
	enum fiber_state state;
	bool canceled;
	bool firm;   /* this wait is not ended by a cancel */
	bool handle; /* somebody will join */
	err woken;   /* what its wait returns */
	err result;
	msec since; /* when it began to wait */
	struct fiber *joiner, *joins;
	struct fault fault;
	char trace[32];
	unsigned char ntrace;
};

struct fd_slot {
	struct fiber *reader, *writer;
	unsigned char added, ready; /* ready: POLLER_* edges that nobody waited for */
};

struct loop {
	struct link ready, fibers, quiet;
	struct fiber *runs;
	struct context context;
	struct san_side san;
	struct poller *poller;
	struct timers timers;
	struct fd_slot *fds;
	size_t nfds;
	struct stack pool[LIM_FIBER_POOL];
	size_t npool, alive;
	size_t working;	 /* fibers that wait for a helper thread */
	size_t turns;	 /* of fibers since the kernel was asked for events */
	size_t watching; /* fibers that wait for a descriptor */
	msec now;
	msec slow_said; /* when a slow fiber was last logged */
	bool stopping, until_idle;
	pthread_mutex_t lock; /* over the posts */
	/* Said by other threads; apart from what one read of a word would take along. */
	atomic_bool stop, posted; /* posted: there are some posts */
	struct post *posts, **last_post;
};

/* Makes l the thread's loop; gives the one that was. */
struct loop *loop_enter(struct loop *l);
/* As loop_post with the sender's memory; it may be gone as soon as p->fn runs. */
void loop_post_intrusive(struct loop *l, struct post *p);

/* Runs f until it waits or ends. On the loop's own stack. */
void fiber_resume(struct loop *l, struct fiber *f);
/* Sleeps until fiber_wake, the deadline, or (unless firm) a cancel. */
WAITS err fiber_park(msec deadline, bool firm);
/* Its wait returns e. Nothing when f does not wait. */
void fiber_wake(struct fiber *f, err e);
/* Gives back the stack pages that fibers do not need which have waited since before then. */
void fiber_trim_quiet(struct loop *l, msec before);
/* Waits for any of n edges on descriptors: the splice of two streams is one fiber. */
struct fd_want {
	int fd;
	unsigned what; /* POLLER_READ | POLLER_WRITE */
};
WAITS MUST_USE err fiber_wait_any(const struct fd_want *want, size_t n, msec deadline);

/* The trace id of what a helper thread does on behalf of a fiber. */
void fiber_lend_trace(str id);

/* The clock that the loop reads at each wake-up: real or faked. */
msec clock_fresh(void);
bool clock_faked(void);
/* Faked: moves both clocks on to monotonic time `to`. */
void clock_jump(msec to);

#endif
