#include "clients/clamd/clamd.h"

#include "base/limits.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/stream.h"

METRIC(m_clean, "posta_clamd_scans_total", "result=\"clean\"", METRIC_COUNTER,
       "Messages that clamd was asked about, by its answer.");
METRIC(m_infected, "posta_clamd_scans_total", "result=\"infected\"", METRIC_COUNTER,
       "Messages that clamd was asked about, by its answer.");
METRIC(m_none, "posta_clamd_scans_total", "result=\"none\"", METRIC_COUNTER,
       "Messages that clamd was asked about, by its answer.");
METRIC(m_too_big, "posta_clamd_too_big_total", "", METRIC_COUNTER,
       "Messages of which clamd did not see all.");
METRIC(m_failures, "posta_clamd_failures_total", "", METRIC_COUNTER,
       "Times that one clamd did not answer.");
METRIC(m_sessions, "posta_clamd_sessions_total", "", METRIC_COUNTER,
       "Sessions opened to clamd; each serves many messages.");

enum {
	KEPT = 4,     /* idle sessions of one clamd */
	IDLE = 10000, /* milliseconds after which one is not used again; clamd's IdleTimeout is 30 s
		       */
	CONNECT = 2000,	  /* milliseconds for a connection */
	CHUNK = 32 << 10, /* octets of one piece of a message */
};

struct server {
	const struct net_addr *addr;
	msec paused; /* until then */
	struct {
		struct stream *io;
		msec used;
	} kept[KEPT];
};
struct clamds {
	struct server *v;
	size_t n, next;
	msec pause;
	size_t max;
};

err clamds_open(const struct net_addr *addr, size_t n, msec pause, size_t max, struct clamds **out)
{
	struct clamds *c;

	if (!n)
		return fail(E_NOTFOUND, "no clamd is named");
	c = MEM_NEW(struct clamds);
	*c = (struct clamds){ .n = n, .pause = pause, .max = max };
	c->v = mem_get(size_mul(n, sizeof(*c->v)));
	for (size_t i = 0; i < n; i++)
		c->v[i].addr = &addr[i];
	*out = c;
	return OK;
}

static void drop_kept(struct server *s)
{
	for (size_t i = 0; i < KEPT; i++) {
		stream_close(s->kept[i].io);
		s->kept[i].io = NULL;
	}
}

WAITS void clamds_close(struct clamds *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		drop_kept(&c->v[i]);
	mem_free(c->v);
	mem_free(c);
}

/* ---- sessions ---- */

/* A session that was kept; one that clamd has closed meanwhile shows at its first use. */
static struct stream *take_kept(struct server *s)
{
	struct stream *io = NULL;

	for (size_t i = 0; i < KEPT; i++) {
		if (s->kept[i].io && clock_now() - s->kept[i].used > IDLE) {
			stream_close(s->kept[i].io);
			s->kept[i].io = NULL;
		}
		if (!io && s->kept[i].io) {
			io = s->kept[i].io;
			s->kept[i].io = NULL;
		}
	}
	return io;
}

static void keep(struct server *s, struct stream *io)
{
	for (size_t i = 0; i < KEPT; i++)
		if (!s->kept[i].io) {
			s->kept[i].io = io;
			s->kept[i].used = clock_now();
			return;
		}
	stream_close(io);
}

WAITS static err open_session(struct server *s, msec deadline, struct stream **out)
{
	msec end = clock_in(CONNECT);
	int fd;

	TRY(net_connect(s->addr, NULL, end < deadline ? end : deadline, &fd));
	struct stream *io = stream_open(fd, s->addr);

	stream_deadline(io, deadline);
	err e = stream_write(io, str_of("zIDSESSION", sizeof("zIDSESSION")));

	if (e) {
		stream_close(io);
		return e;
	}
	metric_add(&m_sessions, 1);
	*out = io;
	return OK;
}

/* ---- one message ---- */

/* Pieces with their lengths, an empty one at the end. */
WAITS static err send_message(struct stream *io, str message)
{
	TRY(stream_write(io, str_of("zINSTREAM", sizeof("zINSTREAM"))));
	for (;;) {
		str piece = str_take(message, CHUNK);
		unsigned char n[4] = { (unsigned char)(piece.n >> 24),
				       (unsigned char)(piece.n >> 16),
				       (unsigned char)(piece.n >> 8), (unsigned char)piece.n };

		TRY(stream_write(io, str_of(n, sizeof(n))));
		if (!piece.n)
			return stream_flush(io);
		TRY(stream_write(io, piece));
		message = str_skip(message, piece.n);
	}
}

/* Up to the NUL that ends it. */
WAITS static err read_reply(struct stream *io, char out[LIM_CLAMD_REPLY], str *reply)
{
	size_t n = 0;

	for (;;) {
		str in = stream_peek(io);
		size_t zero = str_find(in, '\0');

		if (n + zero > LIM_CLAMD_REPLY)
			return fail(E_LIMIT, "an answer of clamd over %d octets", LIM_CLAMD_REPLY);
		for (size_t i = 0; i < zero; i++)
			out[n++] = in.p[i];
		stream_eat(io, zero < in.n ? zero + 1 : in.n);
		if (zero < in.n) {
			*reply = str_of(out, n);
			return OK;
		}
		TRY(stream_fill(io));
	}
}

/* "1: stream: OK", "1: stream: Eicar-Test-Signature FOUND", "INSTREAM size limit exceeded. ERROR".
 * The name: what is between, some clamds add "(hash:size)". */
static err judge(str reply, struct arena *a, struct clamd_answer *out)
{
	size_t at = str_search(reply, STR("stream: "));
	str said = str_skip(reply, at + 8);

	if (at < reply.n && str_eq(said, STR("OK")))
		return OK;
	if (at < reply.n && str_ends(said, STR(" FOUND"))) {
		str name = str_take(said, said.n - 6);

		out->infected = true;
		out->name = arena_dup(a, str_take(name, str_find(name, '(')));
		return OK;
	}
	if (str_search(reply, STR("size limit exceeded")) < reply.n) {
		out->too_big = true;
		return OK;
	}
	return fail(E_IO, "clamd says: %.*s", STRF(reply));
}

WAITS static err converse(struct stream *io, str message, struct arena *a, struct clamd_answer *out)
{
	char room[LIM_CLAMD_REPLY];
	str reply = STR("");
	err sent = send_message(io, message), e;

	if (sent == E_CANCELED || sent == E_TIMEOUT)
		return sent;
	/* It may have said why it takes no more. */
	e = read_reply(io, room, &reply);
	if (e == E_CANCELED)
		return e;
	if (e)
		return sent || e == E_EOF ? fail(E_IO, "clamd closed the session") : e;
	return judge(reply, a, out);
}

WAITS static err ask_over(struct server *s, struct stream *io, str message, msec deadline,
			  struct arena *a, struct clamd_answer *out)
{
	stream_deadline(io, deadline);
	err e = converse(io, message, a, out);

	if (e == OK && !out->too_big) {
		keep(s, io);
		return OK;
	}
	stream_close(io); /* after "too big" clamd closes it as well */
	return e;
}

/* Over a kept session, and where that one has ended over a new one. */
WAITS static err ask(struct server *s, str message, msec deadline, struct arena *a,
		     struct clamd_answer *out)
{
	struct stream *io = take_kept(s);

	if (io) {
		err e = ask_over(s, io, message, deadline, a, out);

		if (e == OK || e == E_CANCELED || e == E_TIMEOUT)
			return e;
		drop_kept(s);
	}
	TRY(open_session(s, deadline, &io));
	return ask_over(s, io, message, deadline, a, out);
}

/* ---- which one ---- */

static bool is_paused(const struct server *s)
{
	return clock_now() < s->paused;
}

static size_t others_left(const struct clamds *c, size_t first, size_t tried)
{
	size_t n = 0;

	for (size_t i = tried + 1; i < c->n; i++)
		n += !is_paused(&c->v[(first + i) % c->n]);
	return n;
}

static void failed(struct clamds *c, struct server *s, err e)
{
	CLEANUP(buf_free) struct buf name;

	buf_init(&name, 300);
	net_print(s->addr, &name);
	metric_add(&m_failures, 1);
	LOG(LOG_WARN, "clamd.away", KS("clamd", buf_str(&name)), KE(e));
	s->paused = clock_in(c->pause);
	drop_kept(s);
}

WAITS static err try_each(struct clamds *c, str message, msec deadline, struct arena *a,
			  struct clamd_answer *out)
{
	size_t first = c->next++ % c->n;

	for (size_t i = 0; i < c->n; i++) {
		struct server *s = &c->v[(first + i) % c->n];
		msec end = deadline;

		if (is_paused(s))
			continue;
		if (others_left(c, first, i))
			end = clock_now() + (deadline - clock_now()) / 2;
		err e = ask(s, message, end, a, out);

		if (e == OK || e == E_CANCELED)
			return e;
		failed(c, s, e);
		*out = (struct clamd_answer){ 0 };
	}
	return fail(E_AGAIN, "no clamd answers");
}

WAITS err clamds_scan(struct clamds *c, str message, msec deadline, struct arena *a,
		      struct clamd_answer *out)
{
	*out = (struct clamd_answer){ 0 };
	err e = try_each(c, str_take(message, c->max), deadline, a, out);

	if (e) {
		metric_add(&m_none, 1);
		return e;
	}
	out->too_big |= message.n > c->max;
	metric_add(&m_too_big, out->too_big);
	metric_add(out->infected ? &m_infected : &m_clean, 1);
	return OK;
}
