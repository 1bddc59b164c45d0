/* RADIUS over TLS (RFC 6614): access and accounting on one connection, whose both ends show a
 * certificate; the shared secret is "radsec". Answers may come in any order, so a fiber writes what
 * the requests' fibers say. */
#include <string.h>

#include "base/list.h"
#include "roles/radius/radius.h"
#include "run/fiber.h"
#include "run/file.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(connections, "posta_radius_tls_total", "", METRIC_COUNTER,
       "Connections of RADIUS over TLS.");
METRIC(strangers, "posta_radius_tls_refused_total", "", METRIC_COUNTER,
       "Connections of RADIUS over TLS without a certificate that is known.");

enum {
	HANDSHAKE = 15000, /* milliseconds */
	IDLE = 600000,	   /* without a packet, RFC 3539 3.4 has watchdogs of 30 s */
	WAITING = 256,	   /* answers that the peer does not take */
};

struct line {
	struct link link;
	size_t n;
	char packet[];
};
/* Counted by the session and by each request at work. */
struct radsec {
	struct stream *io;
	struct link answers;
	size_t nanswers;
	unsigned holds;
	bool gone;
	struct waitq more;
	struct net_addr peer;
};

static void hold(void *stream)
{
	struct radsec *c = stream;

	c->holds++;
}

static void drop(void *stream)
{
	struct radsec *c = stream;

	if (--c->holds)
		return;
	for (struct link *l; (l = list_pop(&c->answers));)
		mem_free(CONTAINER(l, struct line, link));
	mem_free(c);
}

static void say(const struct radius_source *s, str packet)
{
	struct radsec *c = s->stream;

	if (c->gone || c->nanswers == WAITING)
		return;
	struct line *l = mem_get(sizeof(*l) + packet.n);

	l->n = packet.n;
	memcpy(l->packet, packet.p, packet.n);
	list_add_tail(&c->answers, &l->link);
	c->nanswers++;
	waitq_wake_all(&c->more);
}

WAITS static err write_waiting(struct radsec *c)
{
	for (struct link *at; (at = list_pop(&c->answers));) {
		struct line *l = CONTAINER(at, struct line, link);

		c->nanswers--;
		err e = stream_write(c->io, str_of(l->packet, l->n));

		mem_free(l);
		TRY(e);
	}
	return stream_flush(c->io);
}

/* Until a whole packet is buffered; answers are written meanwhile. */
WAITS static err read_packet(struct radsec *c, str *packet)
{
	for (;;) {
		str in = stream_peek(c->io);
		const unsigned char *p = (const void *)in.p;
		size_t n = in.n >= 4 ? (size_t)p[2] << 8 | p[3] : 0;

		if (in.n >= 4 && (n < RADIUS_HEADER || n > RADIUS_MAX))
			return fail(E_SYNTAX, "a packet of %zu octets",
				    n); /* 2.6: the connection ends */
		if (n && in.n >= n) {
			*packet = str_take(in, n);
			return OK;
		}
		TRY(write_waiting(c));
		stream_deadline(c->io, clock_in(IDLE));
		role_idle(c->holds == 1);
		err e = stream_fill_or(c->io, &c->more);

		role_idle(false);
		if (e != OK && e != E_AGAIN)
			return e;
	}
}

WAITS static err serve(struct radsec *c, const struct radius_nas *nas)
{
	const struct radius_source from = {
		.send = say, .path = { .peer = c->peer }, .stream = c, .hold = hold, .drop = drop
	};
	str packet;

	for (;;) {
		TRY(read_packet(c, &packet));
		bool accounting = (unsigned char)packet.p[0] == RADIUS_ACCOUNTING_REQUEST;

		radius_take(radius_here()->server, &from, nas,
			    accounting ? RADIUS_ACCOUNTING : RADIUS_ACCESS, packet);
		stream_eat(c->io, packet.n);
	}
}

/* The access server whose name the certificate has. */
static const struct radius_nas *nas_of(const struct stream *io)
{
	const struct radius_settings *set = radius_settings();

	for (size_t i = 0; i < set->nclients; i++)
		if (set->clients[i].tls_name.n && stream_tls_peer_is(io, set->clients[i].tls_name))
			return &set->clients[i].tls_nas;
	return NULL;
}

WAITS static err meet(struct stream *io, const struct radius_nas **nas)
{
	struct tls_ctx *ctx = role_tls();
	struct tls_cas *cas = radius_here()->cas ? tls_cas_hold(radius_here()->cas) : NULL;

	stream_deadline(io, clock_in(HANDSHAKE));
	err e = ctx && cas ? stream_tls_accept_from(io, ctx, cas)
			   : fail(E_DENIED, "no certificate, or no radius.tls_ca");

	tls_drop(ctx);
	tls_cas_drop(cas);
	TRY(e);
	*nas = nas_of(io);
	return *nas ? OK : fail(E_DENIED, "no access server has a tls_name of its certificate");
}

WAITS err radius_tls(struct stream *io, const struct listener *l)
{
	const struct radius_nas *nas = NULL;

	(void)l;
	metric_add(&connections, 1);
	err e = meet(io, &nas);

	if (e) {
		metric_add(&strangers, 1);
		LOG(LOG_WARN, "radius.tls", KE(e));
		stream_close(io);
		return e;
	}
	struct radsec *c = MEM_NEW(struct radsec);

	c->io = io;
	c->holds = 1;
	c->peer = *stream_peer(io);
	list_init(&c->answers);
	waitq_init(&c->more);
	e = serve(c, nas);
	c->gone = true;
	stream_close(io);
	drop(c);
	return e;
}

/* The authorities' file is read at the start and at a reload. */
err radius_load_cas(const struct radius_settings *set, struct tls_cas **out)
{
	char path[LIM_FILE_PATH];
	CLEANUP(buf_free) struct buf pem = { 0 };

	*out = NULL;
	if (!set->tls_ca.n)
		return OK;
	buf_init(&pem, LIM_CERT_PEM);
	TRY(str_to_z(set->tls_ca, path, sizeof(path)));
	TRY(file_read(path, &pem));
	return tls_cas_new(buf_str(&pem), out);
}
