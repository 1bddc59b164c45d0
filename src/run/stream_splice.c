/* Both directions of a proxied session in one fiber: a customer who idles costs one stack, not two.
 */
#include "run/loop_state.h"
#include "run/stream_state.h"

#include "base/limits.h"

enum { ROUNDS = 32 /* without a wait before other fibers have a turn */ };

struct way {
	struct stream *from, *to;
	uint64_t *count;
	unsigned want_from, want_to; /* edges to wait for */
	bool ended;		     /* nothing more will come */
};

/* Sends what `to` had buffered before, then what came from `from`. *moved: something went. */
static err way_push(struct way *w, bool *moved)
{
	struct stream *to = w->to;

	while (stream_unsent(to) || stream_peek(w->from).n) {
		bool old = stream_unsent(to) > 0;
		str s = old ? str_skip(buf_str(&to->out), to->sent) : stream_peek(w->from);
		size_t put = 0;
		err e = to->carrier->write(to, s.p, s.n, &put);

		if (e == E_AGAIN)
			w->want_to = to->want;
		if (e != OK)
			return e;
		*moved = true;
		if (old) {
			to->sent += put;
			if (!stream_unsent(to)) {
				to->sent = 0;
				buf_reset(&to->out);
			}
		} else {
			stream_eat(w->from, put);
			*w->count += put;
		}
	}
	return OK;
}

/* Reads once. The buffer is freed when there is nothing: this wait may last for half an hour. */
static err way_pull(struct way *w, bool *moved)
{
	struct stream *from = w->from;

	from->at = from->in.n = 0;
	char *p = buf_room(&from->in, from->piece);
	size_t got = 0;

	if (!p)
		return fail(E_LIMIT, "no memory for input");
	err e = from->carrier->read(from, p, from->piece, &got);

	if (e == OK) {
		from->in.n = got;
		*moved = true;
		if (got == from->piece && from->piece * 2 <= LIM_STREAM_IN / 2)
			from->piece *= 2;
	} else {
		buf_free(&from->in);
		from->piece = 4096;
		if (e == E_AGAIN)
			w->want_from = from->want;
	}
	return e;
}

/* OK: goes on. E_EOF: this way has ended and all of it is sent. */
static err way_turn(struct way *w, bool *moved)
{
	w->want_from = w->want_to = 0;
	err e = way_push(w, moved);

	if (e != OK)
		return e == E_AGAIN ? OK : e;
	if (!w->ended) {
		e = way_pull(w, moved);
		if (e == E_EOF)
			w->ended = true;
		else
			return e == E_AGAIN ? OK : e;
	}
	return E_EOF;
}

/* The edges of both ways; each descriptor once. */
static size_t wants(const struct way w[2], struct fd_want out[2])
{
	unsigned a = w[0].want_from | w[1].want_to, b = w[1].want_from | w[0].want_to;
	size_t n = 0;

	if (a)
		out[n++] = (struct fd_want){ w[0].from->fd, a };
	if (b)
		out[n++] = (struct fd_want){ w[1].from->fd, b };
	return n;
}

WAITS err stream_splice(struct stream *a, struct stream *b, msec idle, uint64_t *a_to_b,
			uint64_t *b_to_a)
{
	struct way w[2] = { { .from = a, .to = b, .count = a_to_b },
			    { .from = b, .to = a, .count = b_to_a } };
	struct fd_want want[2];

	*a_to_b = *b_to_a = 0;
	for (unsigned round = 1;; round++) {
		bool moved = false;

		for (size_t i = 0; i < 2; i++) {
			err e = way_turn(&w[i], &moved);

			if (e != OK)
				return e == E_EOF ? OK : e;
		}
		if (moved) {
			if (round % ROUNDS == 0)
				TRY(fiber_yield());
			continue;
		}
		msec until = clock_in(idle);

		until = a->deadline < until ? a->deadline : until;
		until = b->deadline < until ? b->deadline : until;
		TRY(fiber_wait_any(want, wants(w, want), until));
	}
}
