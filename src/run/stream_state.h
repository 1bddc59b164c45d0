/* run/stream_state.h: for the files of the stream alone: its parts, and what carries its octets. */
#ifndef RUN_STREAM_STATE_H
#define RUN_STREAM_STATE_H

#include "run/poller.h"
#include "run/stream.h"

/* One try, without waiting. OK: *got > 0. E_AGAIN: s->want says for which edge to wait.
 * E_EOF, E_IO (with a text) otherwise. */
struct carrier {
	err (*read)(struct stream *s, char *p, size_t n, size_t *got);
	err (*write)(struct stream *s, const char *p, size_t n, size_t *put);
	void (*close)(struct stream *s); /* its own part; the descriptor is closed by the stream */
};

struct stream_tls; /* stream_tls.c */
struct script;	   /* stream_script.c */

struct stream {
	const struct carrier *carrier;
	int fd;		/* -1: a script */
	unsigned want;	/* POLLER_READ | POLLER_WRITE after E_AGAIN */
	unsigned burst; /* successes since the last wait */
	msec deadline;
	struct buf in; /* in.p[at..in.n) is unread */
	size_t at;
	size_t piece;	/* how much the next read asks for; grows with a peer that sends a lot */
	bool skipping;	/* inside a line that was too long */
	struct buf out; /* out.p[sent..out.n) waits to be sent */
	size_t sent;
	bool sending;	    /* a fiber waits in the middle of it */
	err broken;	    /* what the output failed with, once and for all */
	struct fault fault; /* and why */
	struct stream_tls *tls;
	struct script *script;
	struct net_addr peer;
};

struct stream *stream_new(const struct carrier *c, int fd);
/* Waits for s->want until the stream's deadline. */
WAITS MUST_USE err stream_wait(struct stream *s);
/* Forgets input that nobody has read; true when there was any. */
bool stream_drop_input(struct stream *s);

#endif
