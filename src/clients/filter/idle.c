#include <errno.h>

#include "base/limits.h"
#include "clients/filter/internal.h"

enum { IDLE_MOST = 15000 }; /* milliseconds; the other end waits for longer */

/* The other end has closed it, or said something that nobody asked for. */
static bool stale(const struct stream *io)
{
	char c;
	ssize_t n = recv(stream_fd(io), &c, 1, MSG_PEEK | MSG_DONTWAIT);

	return stream_peek(io).n || n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static struct idle take(struct filters *f, struct filter *to)
{
	struct idle got = { 0 };

	(void)pthread_mutex_lock(&f->lock);
	for (size_t i = to->nidle; i > 0; i--) {
		if (to->idle[i - 1].loop != loop_here())
			continue;
		got = to->idle[i - 1];
		to->nidle--;
		for (size_t k = i - 1; k < to->nidle; k++)
			to->idle[k] = to->idle[k + 1];
		break;
	}
	(void)pthread_mutex_unlock(&f->lock);
	return got;
}

struct stream *filter_idle_take(struct filters *f, struct filter *to)
{
	for (;;) {
		struct idle i = take(f, to);

		if (!i.io)
			return NULL;
		if (clock_now() - i.since < IDLE_MOST && !stale(i.io))
			return i.io;
		stream_close(i.io);
	}
}

void filter_idle_keep(struct filters *f, struct filter *to, struct stream *io)
{
	(void)pthread_mutex_lock(&f->lock);
	if (to->nidle < LIM_FILTER_IDLE) {
		to->idle[to->nidle++] = (struct idle){ io, loop_here(), clock_now() };
		io = NULL;
	}
	(void)pthread_mutex_unlock(&f->lock);
	stream_close(io);
}

void filter_idle_close(struct filter *to)
{
	while (to->nidle)
		stream_close(to->idle[--to->nidle].io);
}
