/* run/poller.h: the kernel's event queue, edge-triggered. epoll here; kqueue fits the same
 * (EV_CLEAR, EVFILT_USER for poller_wake). One thread waits, any thread wakes. */
#ifndef RUN_POLLER_H
#define RUN_POLLER_H

#include <stddef.h>

#include "base/err.h"
#include "run/clock.h"

struct poller;
enum { POLLER_READ = 1, POLLER_WRITE = 2 };
struct poller_event {
	int fd;
	unsigned what; /* an end of file or an error counts as both */
};

MUST_USE err poller_new(struct poller **out);
void poller_free(struct poller *p);
/* Both directions, until removed. E_NOTFOUND: fd is of a kind that is always ready (a plain file).
 */
MUST_USE err poller_add(struct poller *p, int fd);
/* Input alone: a datagram socket becomes writable again with each datagram that left, and nobody
 * waits for it. */
MUST_USE err poller_add_input(struct poller *p, int fd);
void poller_remove(struct poller *p, int fd);
/* Waits at most ms (negative: no limit). Returns how many events. */
size_t poller_wait(struct poller *p, msec ms, struct poller_event *ev, size_t max);
/* From any thread: the wait that runs, or else the next one, returns. */
void poller_wake(struct poller *p);

#endif
