/* clients/filter/internal.h: what the parts of the client share. */
#ifndef CLIENTS_FILTER_INTERNAL_H
#define CLIENTS_FILTER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "clients/filter/filter_client.h"
#include "run/stream.h"

struct idle {
	struct stream *io;
	struct loop *loop; /* a stream belongs to it */
	msec since;
};
struct filter {
	struct net_addr addr;
	_Atomic unsigned busy;		   /* questions under way */
	_Atomic msec down;		   /* not to be asked before */
	_Atomic msec answered;		   /* when it last did */
	struct idle idle[LIM_FILTER_IDLE]; /* under the lock; the newest last */
	size_t nidle;
};
struct filters {
	struct filter *v;
	size_t n;
	msec pause;
	_Atomic unsigned turn;
	pthread_mutex_t lock;
};

/* ---- idle.c ---- */
/* A kept connection of this loop, or NULL. */
struct stream *filter_idle_take(struct filters *f, struct filter *to);
/* Takes io over. */
void filter_idle_keep(struct filters *f, struct filter *to, struct stream *io);
void filter_idle_close(struct filter *to);

/* ---- exchange.c ---- */
/* One request and its answer over io; status as HTTP has it. keep: the connection may be used
 * again. *begun: something of an answer came, so that the connection was not dead from the start.
 */
WAITS MUST_USE err filter_exchange(struct stream *io, str path, const struct filter_question *q,
				   int *status, struct buf *answer, bool *keep, bool *begun);

#endif
