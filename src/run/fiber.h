/* run/fiber.h: stackful fibers on an event loop.
 * A loop is a thread; a fiber never leaves its loop. Fibers of a loop take turns only where a WAITS
 * function waits, so between two waits no lock is needed against fibers of the same loop.
 * Cancel sticks: every wait returns E_CANCELED from then on. */
#ifndef RUN_FIBER_H
#define RUN_FIBER_H

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "run/clock.h"

struct loop;
struct fiber;

/* ---- loops ---- */
/* A loop for the calling thread to run. E_IO when the kernel gives no descriptor. */
MUST_USE err loop_new(struct loop **out);
/* Runs until loop_stop and until its last fiber has ended. Marks the loop as the thread's current
 * one. */
void loop_run(struct loop *l);
/* From any thread: cancels every fiber of the loop and lets loop_run return when they are gone. */
void loop_stop(struct loop *l);
void loop_free(struct loop *l);
/* The loop that runs on this thread, or NULL. */
struct loop *loop_here(void);
/* From any thread: fn(arg) runs on l's thread soon (not in a fiber: it must not wait). */
void loop_post(struct loop *l, void (*fn)(void *), void *arg);
/* For tests and commands: runs fn in a fiber of a new loop on this thread until it and all that it
 * spawned ended; returns its result. */
MUST_USE err loop_main(err (*fn)(void *), void *arg);

/* ---- fibers ---- */
/* Starts fn(arg) soon, on this thread's loop. name is static text, for logs. Nobody need join it:
 * it frees itself. Never fails but for memory, which ends the process; callers bound their number.
 */
struct fiber *fiber_spawn(const char *name, err (*fn)(void *), void *arg);
/* The same with a handle that stays valid until fiber_join, which must be called once. */
struct fiber *fiber_start(const char *name, err (*fn)(void *), void *arg);
/* Waits until f has ended, frees it, gives its result. Not ended by a cancel of the caller (the
 * callee's data may lie on the caller's stack): cancels f instead and goes on waiting. */
WAITS MUST_USE err fiber_join(struct fiber *f);
/* From the same loop. Its wait, and every later one, returns E_CANCELED. */
void fiber_cancel(struct fiber *f);
/* The running fiber; NULL outside. */
struct fiber *fiber_here(void);
const char *fiber_name(const struct fiber *f);

WAITS MUST_USE err fiber_sleep(msec until); /* OK at the time, or E_CANCELED */
WAITS MUST_USE err fiber_yield(void);	    /* lets all ready fibers run once */
/* Waits until fd is readable (or writable). E_TIMEOUT, E_CANCELED. One fiber a descriptor and
 * direction. Readiness is edge-triggered: call after EAGAIN alone. fiber_fd_forget before
 * close(fd). */
WAITS MUST_USE err fiber_wait_read(int fd, msec deadline);
WAITS MUST_USE err fiber_wait_write(int fd, msec deadline);
/* Until any of n (at most FIBER_READS) is readable. */
enum { FIBER_READS = 64 };
WAITS MUST_USE err fiber_wait_reads(const int *fds, size_t n, msec deadline);
void fiber_fd_forget(int fd);
/* For a descriptor on which this loop will never wait to write, before its first wait. */
MUST_USE err fiber_fd_input(int fd);

/* The id under which this fiber's log lines and trace events are found; at most 31 bytes, copied.
 * Inherited by fibers that it starts. "" at first. */
void fiber_set_trace(str id);
str fiber_trace(void);

/* ---- waiting for one another, on one loop ---- */
struct waitq {
	struct link waiters;
};
void waitq_init(struct waitq *q);
/* Sleeps until woken. The condition is looked at again by the caller. E_TIMEOUT, E_CANCELED. */
WAITS MUST_USE err waitq_wait(struct waitq *q, msec deadline);
/* The same, and readable input on fd ends it as well (OK): call after EAGAIN alone, as
 * fiber_wait_read. */
WAITS MUST_USE err waitq_wait_read(struct waitq *q, int fd, msec deadline);
void waitq_wake_one(struct waitq *q);
void waitq_wake_all(struct waitq *q);
bool waitq_empty(const struct waitq *q);

/* Metrics: fibers alive on all loops of the process. */
int64_t fiber_count(void);

#endif
