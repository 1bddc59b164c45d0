#include "run/poller.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

enum { EVENTS = 128 };

struct poller {
	int epoll, wake;
};

err poller_new(struct poller **out)
{
	struct poller *p = MEM_NEW(struct poller);

	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epoll >= 0 && p->wake >= 0 && poller_add(p, p->wake) == OK) {
		*out = p;
		return OK;
	}
	err e = fail(E_IO, "event queue: %s", strerror(errno));

	poller_free(p);
	return e;
}

void poller_free(struct poller *p)
{
	if (p->epoll >= 0)
		(void)close(p->epoll);
	if (p->wake >= 0)
		(void)close(p->wake);
	mem_free(p);
}

static err add(struct poller *p, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events | EPOLLET, .data.fd = fd };

	if (!epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) || errno == EEXIST)
		return OK;
	if (errno == EPERM)
		return E_NOTFOUND;
	return fail(E_IO, "cannot watch descriptor %d: %s", fd, strerror(errno));
}

err poller_add(struct poller *p, int fd)
{
	return add(p, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

err poller_add_input(struct poller *p, int fd)
{
	return add(p, fd, EPOLLIN);
}

void poller_remove(struct poller *p, int fd)
{
	(void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static unsigned what_of(uint32_t events)
{
	unsigned what = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		what |= POLLER_READ;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		what |= POLLER_WRITE;
	return what;
}

size_t poller_wait(struct poller *p, msec ms, struct poller_event *ev, size_t max)
{
	struct epoll_event got[EVENTS];
	int limit = max < EVENTS ? (int)max : EVENTS;
	int n = epoll_wait(p->epoll, got, limit, ms < 0 ? -1 : ms > INT_MAX ? INT_MAX : (int)ms);
	size_t out = 0;
	uint64_t count;

	for (int i = 0; i < n; i++) {
		if (got[i].data.fd != p->wake)
			ev[out++] = (struct poller_event){ got[i].data.fd, what_of(got[i].events) };
		else if (read(p->wake, &count, sizeof(count)) < 0)
			continue; /* somebody read it already: the wake-up happened all the same */
	}
	return out;
}

void poller_wake(struct poller *p)
{
	uint64_t one = 1;
	ssize_t n = write(p->wake, &one, sizeof(one));

	(void)n; /* EAGAIN: the counter is full, so a wake-up is under way */
}
