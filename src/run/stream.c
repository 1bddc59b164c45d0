#include "run/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/loop_state.h"
#include "run/stream_state.h"

enum {
	PIECE_LEAST = 4096,
	PIECE_MOST = 32768,
	BURST = 64, /* reads and writes without a wait before other fibers have a turn */
};

/* ---- the plain carrier ---- */

static err plain_result(struct stream *s, ssize_t n, unsigned want, size_t *done)
{
	if (n > 0) {
		*done = (size_t)n;
		return OK;
	}
	if (n == 0)
		return fail(E_EOF, "the peer closed the connection");
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
		s->want = want;
		return E_AGAIN;
	}
	if (errno == ECONNRESET || errno == EPIPE)
		return fail(E_EOF, "the peer closed the connection: %s", strerror(errno));
	return fail(E_IO, "connection: %s", strerror(errno));
}

static err plain_read(struct stream *s, char *p, size_t n, size_t *got)
{
	return plain_result(s, read(s->fd, p, n), POLLER_READ, got);
}

static err plain_write(struct stream *s, const char *p, size_t n, size_t *put)
{
	ssize_t r = send(s->fd, p, n, MSG_NOSIGNAL);

	if (r < 0 && errno == ENOTSOCK)
		r = write(s->fd, p, n);
	return plain_result(s, r, POLLER_WRITE, put);
}

static void plain_close(struct stream *s)
{
	(void)s;
}

static const struct carrier plain = { plain_read, plain_write, plain_close };

/* ---- life ---- */

struct stream *stream_new(const struct carrier *c, int fd)
{
	struct stream *s = MEM_NEW(struct stream);

	s->carrier = c;
	s->fd = fd;
	s->deadline = NEVER;
	s->piece = PIECE_LEAST;
	s->peer.ss.ss_family = AF_UNSPEC;
	buf_init(&s->in, LIM_STREAM_IN);
	buf_init(&s->out, LIM_STREAM_OUT);
	return s;
}

struct stream *stream_open(int fd, const struct net_addr *peer)
{
	struct stream *s = stream_new(&plain, fd);

	if (peer)
		s->peer = *peer;
	return s;
}

/* Closing a TCP socket that has unread input makes the kernel send a reset, which can overtake our
 * last reply (a refusal to a client that pipelined). What has come is thrown away first. */
static void drain(const struct stream *s)
{
	char sink[2048];

	for (size_t i = 0; i < LIM_STREAM_IN / sizeof(sink); i++) {
		if (recv(s->fd, sink, sizeof(sink), MSG_DONTWAIT) <= 0)
			return;
	}
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	s->carrier->close(s);
	if (s->fd >= 0) {
		if (s->peer.ss.ss_family == AF_INET || s->peer.ss.ss_family == AF_INET6)
			drain(s);
		fiber_fd_forget(s->fd);
		(void)close(s->fd);
	}
	mem_wipe(s->in.p, s->in.cap); /* passwords and mail pass through */
	mem_wipe(s->out.p, s->out.cap);
	buf_free(&s->in);
	buf_free(&s->out);
	mem_free(s);
}

const struct net_addr *stream_peer(const struct stream *s)
{
	return &s->peer;
}

int stream_fd(const struct stream *s)
{
	return s->fd;
}

void stream_deadline(struct stream *s, msec deadline)
{
	s->deadline = deadline;
}

/* ---- waiting ---- */

/* Who waits for long holds no buffer that is empty. */
static void release_buffers(struct stream *s)
{
	if (s->at == s->in.n) {
		mem_wipe(s->in.p, s->in.n);
		buf_free(&s->in);
		s->at = 0;
		if (s->piece > PIECE_LEAST)
			s->piece /= 2;
	}
	if (!s->out.n)
		buf_free(&s->out);
}

WAITS err stream_wait(struct stream *s)
{
	s->burst = 0;
	return fiber_wait_any(&(struct fd_want){ s->fd, s->want }, 1, s->deadline);
}

/* A peer that always has something to say does not keep the loop from the others. */
WAITS static err take_turns(struct stream *s)
{
	if (++s->burst < BURST || !fiber_here())
		return OK;
	s->burst = 0;
	if (s->deadline <= clock_now())
		return fail(E_TIMEOUT, "the deadline passed");
	return fiber_yield();
}

/* ---- input ---- */

str stream_peek(const struct stream *s)
{
	return str_of(s->in.p ? s->in.p + s->at : "", s->in.n - s->at);
}

void stream_eat(struct stream *s, size_t n)
{
	assert(n <= s->in.n - s->at);
	s->at += n;
}

bool stream_drop_input(struct stream *s)
{
	bool any = s->at < s->in.n;

	s->at = s->in.n;
	s->skipping = false;
	return any;
}

/* Room behind the unread octets: moves them to the front when the end is near. */
static char *in_room(struct stream *s, size_t *n)
{
	if (s->at == s->in.n)
		s->at = s->in.n = 0;
	if (s->at && s->in.n + s->piece > s->in.max) {
		buf_eat(&s->in, s->at);
		s->at = 0;
	}
	*n = s->in.max - s->in.n < s->piece ? s->in.max - s->in.n : s->piece;
	return *n ? buf_room(&s->in, *n) : NULL;
}

/* One try. E_AGAIN: nothing there. */
WAITS static err fill_once(struct stream *s)
{
	size_t n, got = 0;
	char *p = in_room(s, &n);

	if (!p)
		return fail(E_LIMIT, "more than %zu octets of input wait", s->in.max);
	err e = s->carrier->read(s, p, n, &got);

	if (e == OK) {
		s->in.n += got;
		if (got == n && s->piece < PIECE_MOST)
			s->piece *= 2;
		return take_turns(s);
	}
	return e;
}

/* The peer may be waiting for what we have not sent yet: that goes first. q may be NULL. */
WAITS static err wait_input(struct stream *s, struct waitq *q)
{
	if (s->out.n && !s->sending)
		return stream_flush(s);
	release_buffers(s);
	/* TLS may have to write before it can read; that is soon over. */
	if (!q || s->want != POLLER_READ)
		return stream_wait(s);
	s->burst = 0;
	return waitq_wait_read(q, s->fd, s->deadline);
}

WAITS err stream_fill(struct stream *s)
{
	for (;;) {
		err e = fill_once(s);

		if (e != E_AGAIN)
			return e;
		TRY(wait_input(s, NULL));
	}
}

WAITS err stream_fill_or(struct stream *s, struct waitq *q)
{
	err e = fill_once(s);

	if (e != E_AGAIN)
		return e;
	TRY(wait_input(s, q));
	return fill_once(s);
}

/* Where the line ends: n octets of text, then *end octets of line end. False: no end in s yet. */
static bool find_end(str s, size_t from, enum line_end how, size_t *n, size_t *end)
{
	for (size_t i = from; i < s.n; i++) {
		const char *lf = memchr(s.p + i, '\n', s.n - i);

		if (!lf)
			return false;
		i = (size_t)(lf - s.p);
		bool cr = i > 0 && lf[-1] == '\r';

		if (cr || how == LINE_LENIENT) {
			*n = cr ? i - 1 : i;
			*end = cr ? 2 : 1;
			return true;
		}
	}
	return false;
}

/* Throws away the rest of a line that was too long, in the memory of one buffer. */
WAITS static err skip_line(struct stream *s, enum line_end how)
{
	size_t n, end;

	while (s->skipping) {
		str have = stream_peek(s);

		if (find_end(have, 0, how, &n, &end)) {
			stream_eat(s, n + end);
			s->skipping = false;
			return OK;
		}
		bool cr = have.n && have.p[have.n - 1] == '\r'; /* perhaps half of a line end */

		stream_eat(s, have.n - (cr ? 1 : 0));
		TRY(stream_fill(s));
	}
	return OK;
}

WAITS err stream_line(struct stream *s, size_t max, enum line_end how, str *line)
{
	size_t seen = 0, n, end;

	*line = STR("");
	if (max > LIM_STREAM_IN)
		max = LIM_STREAM_IN;
	TRY(skip_line(s, how));
	for (;;) {
		str have = stream_peek(s);

		if (find_end(str_take(have, max), seen, how, &n, &end)) {
			stream_eat(s, n + end);
			*line = str_take(have, n);
			return OK;
		}
		if (have.n >= max) {
			s->skipping = true;
			return fail(E_LIMIT, "a line of more than %zu octets", max);
		}
		seen = have.n; /* a CR there is found through the LF behind it */
		err e = stream_fill(s);

		if (e == E_EOF) {
			*line = stream_peek(s);
			stream_eat(s, line->n);
		}
		TRY(e);
	}
}

WAITS err stream_read(struct stream *s, char *p, size_t n, size_t *got)
{
	str have = stream_peek(s);

	*got = 0;
	if (!n)
		return OK;
	if (have.n) {
		*got = have.n < n ? have.n : n;
		memcpy(p, have.p, *got);
		stream_eat(s, *got);
		return OK;
	}
	for (;;) {
		err e = s->carrier->read(s, p, n, got);

		if (e == OK)
			return take_turns(s);
		if (e != E_AGAIN)
			return e;
		TRY(wait_input(s, NULL));
	}
}

WAITS err stream_read_full(struct stream *s, char *p, size_t n)
{
	for (size_t got; n; p += got, n -= got)
		TRY(stream_read(s, p, n, &got));
	return OK;
}

/* ---- output ---- */

static err broken(struct stream *s, err e)
{
	s->broken = e;
	s->fault = *err_last();
	return e;
}

static err still_broken(const struct stream *s)
{
	if (s->fault.code != s->broken)
		return s->broken;
	return err_fail(s->broken, s->fault.file, s->fault.line, "%s", s->fault.text);
}

/* At least one octet of them leaves. */
WAITS static err send_some(struct stream *s, str bytes, size_t *put)
{
	for (;;) {
		err e = s->carrier->write(s, bytes.p, bytes.n, put);

		if (e == OK)
			e = take_turns(s);
		else if (e == E_AGAIN) {
			s->sending = true;
			e = stream_wait(s);
			s->sending = false;
			if (e == OK)
				continue;
		}
		return e == OK ? OK : broken(s, e);
	}
}

WAITS err stream_flush(struct stream *s)
{
	if (s->broken)
		return still_broken(s);
	for (size_t put; s->sent < s->out.n; s->sent += put) {
		put = 0;
		TRY(send_some(s, str_skip(buf_str(&s->out), s->sent), &put));
	}
	s->sent = 0;
	buf_reset(&s->out);
	return OK;
}

WAITS err stream_write(struct stream *s, str bytes)
{
	if (s->broken)
		return still_broken(s);
	while (bytes.n) {
		size_t put = 0, room = s->out.max - s->out.n;

		if (!s->out.n && bytes.n >= PIECE_MOST) { /* no copy of what is large */
			TRY(send_some(s, bytes, &put));
		} else if (room) {
			put = bytes.n < room ? bytes.n : room;
			buf_add(&s->out, str_take(bytes, put));
			if (buf_done(&s->out) != OK)
				return broken(s, fail(E_LIMIT, "no memory for output"));
		} else
			TRY(stream_flush(s));
		bytes = str_skip(bytes, put);
	}
	return OK;
}

WAITS err stream_fmt(struct stream *s, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	buf_init(&text, LIM_STREAM_OUT);
	va_start(ap, fmt);
	buf_vfmt(&text, fmt, ap);
	va_end(ap);
	err e = buf_done(&text);

	if (e == OK)
		e = stream_write(s, buf_str(&text));
	else
		e = broken(s, fail(E_LIMIT, "more than %zu octets in one write", text.max));
	buf_free(&text);
	return e;
}

size_t stream_unsent(const struct stream *s)
{
	return s->out.n - s->sent;
}
