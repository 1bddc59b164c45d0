/* One TCP connection (RFC 7766). */
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/metrics.h"
#include "run/role.h"
#include "services/rates/rates.h"
#include "sessions/dns/server.h"

METRIC(over_limit, "posta_dns_tcp_refused_total", "", METRIC_COUNTER,
       "Connections closed at once: their network has too many.");

struct session {
	struct stream *io;
	struct dns_server *s;
	unsigned loop;
	str network;
	char network_room[17];
};

static void session_close(struct session *c)
{
	if (c->network.n)
		tally_leave(c->s->clients, c->network);
	stream_close(c->io);
}

/* The next message: a view into the input, not yet eaten. */
WAITS static err read_message(struct session *c, str *message)
{
	role_idle(stream_peek(c->io).n == 0);
	for (;;) {
		str in = stream_peek(c->io);

		if (in.n >= 2 && in.n >= 2 + dns_get16(in.p)) {
			*message = str_of(in.p + 2, dns_get16(in.p));
			role_idle(false);
			return OK;
		}
		TRY(stream_fill(c->io));
	}
}

/* Its request must outlive waits: it has an exchange of its own. */
WAITS static err transfer(struct session *c, struct exchange *shared, str message)
{
	struct exchange *own = MEM_NEW(struct exchange);
	const struct dns_role *role = c->s->role;
	char *copy = mem_get(message.n + 1);

	memcpy(copy, message.p, message.n);
	own->s = c->s;
	own->hash = shared->hash;
	enum exchange_step step =
		exchange_begin(own, stream_peer(c->io), true, str_of(copy, message.n));
	err e = E_DENIED;

	if (step == EXCHANGE_TRANSFER) {
		struct dns_request request = exchange_request(own);

		stream_deadline(c->io, NEVER); /* the transfer's own */
		e = role->transfer(c->io, &request);
	}
	mem_free(own->verified);
	mem_free(own);
	mem_free(copy);
	return e;
}

/* The loop's room for answers is another connection's as soon as this one waits. */
WAITS static err send_answer(struct stream *io, str answer)
{
	CLEANUP(buf_free) struct buf own = { 0 };

	if (stream_unsent(io) + answer.n <= LIM_STREAM_OUT)
		return stream_write(io, answer);
	buf_init(&own, answer.n);
	buf_add(&own, answer);
	TRY(buf_done(&own));
	return stream_write(io, buf_str(&own));
}

WAITS static err serve(struct session *c, str message)
{
	struct exchange *x = &c->s->x[c->loop];
	enum exchange_step step = exchange_begin(x, stream_peer(c->io), true, message);

	if (step == EXCHANGE_TRANSFER && c->s->role->transfer)
		return transfer(c, x, message);
	size_t n = exchange_finish(x, step, x->out + 2, DNS_MESSAGE_MAX);

	if (!n)
		return fail(E_SYNTAX, "nothing to answer"); /* no more is worth reading */
	dns_put16(x->out, (unsigned)n);
	return send_answer(c->io, str_of(x->out, n + 2));
}

static bool may_come(struct session *c, const struct dns_service *o)
{
	c->network = net_prefix(stream_peer(c->io), (unsigned)o->rrl_v4, (unsigned)o->rrl_v6,
				c->network_room);
	if (!c->network.n || tally_enter(c->s->clients, c->network) <= o->tcp_clients)
		return true;
	metric_add(&over_limit, 1);
	return false;
}

WAITS static err converse(struct session *c, const struct dns_service *o)
{
	for (int64_t i = 0; i < o->tcp_queries; i++) {
		str message;

		/* RFC 7766 6.2.3: time without a question, and for each one to come and its
		 * answer to go. */
		stream_deadline(c->io, clock_in(o->tcp_idle));
		TRY(read_message(c, &message));
		TRY(serve(c, message));
		stream_eat(c->io, 2 + message.n);
	}
	return E_EOF;
}

WAITS err dns_session(struct stream *io, struct dns_server *s, unsigned loop)
{
	CLEANUP(session_close) struct session c = { .io = io, .s = s, .loop = loop };
	const struct dns_service *o = s->role->options();

	if (!may_come(&c, o))
		return OK;
	err e = converse(&c, o);

	/* Who has asked all and closed one direction still wants the answers. */
	return e == E_EOF ? stream_flush(io) : e;
}
