#include <string.h>

#include "run/log.h"
#include "run/metrics.h"
#include "run/role.h"
#include "sessions/radius/internal.h"

METRIC(unknown_nas, "posta_radius_dropped_total", "why=\"unknown_nas\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(malformed, "posta_radius_dropped_total", "why=\"malformed\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(wrong_code, "posta_radius_dropped_total", "why=\"code\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(no_ma, "posta_radius_dropped_total", "why=\"no_message_authenticator\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(bad_secret, "posta_radius_dropped_total", "why=\"authenticator\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(at_work, "posta_radius_dropped_total", "why=\"at_work\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(overload, "posta_radius_dropped_total", "why=\"overload\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(unanswered, "posta_radius_dropped_total", "why=\"unanswered\"", METRIC_COUNTER,
       "Packets dropped, by reason.");
METRIC(repeated, "posta_radius_repeated_total", "", METRIC_COUNTER,
       "Requests answered again from memory.");
METRIC(access_requests, "posta_radius_requests_total", "kind=\"access\"", METRIC_COUNTER,
       "Requests taken.");
METRIC(accounting_requests, "posta_radius_requests_total", "kind=\"accounting\"", METRIC_COUNTER,
       "Requests taken.");
METRIC(status_requests, "posta_radius_requests_total", "kind=\"status\"", METRIC_COUNTER,
       "Requests taken.");
METRIC(accepts, "posta_radius_answers_total", "kind=\"accept\"", METRIC_COUNTER, "Answers sent.");
METRIC(rejects, "posta_radius_answers_total", "kind=\"reject\"", METRIC_COUNTER, "Answers sent.");
METRIC(challenges, "posta_radius_answers_total", "kind=\"challenge\"", METRIC_COUNTER,
       "Answers sent.");
METRIC(responses, "posta_radius_answers_total", "kind=\"accounting\"", METRIC_COUNTER,
       "Answers sent.");
METRIC(pending, "posta_radius_pending", "", METRIC_GAUGE, "Requests at work.");

enum { TELL = 1000 /* ms between lines of the log about bad packets */ };

/* A request at work, with the octets of its packet and the room of its answer behind it. */
struct job {
	struct radius_request r;
	struct radius_server *server;
	struct radius_loop *loop;
	uint64_t ticket;
	unsigned char reply[RADIUS_MAX];
	char packet[];
};

struct radius_server *radius_server_new(const struct radius_role *role)
{
	struct radius_server *s = MEM_NEW(struct radius_server);

	s->role = role;
	for (size_t i = 0; i < LIM_LOOPS; i++) {
		duplicates_init(&s->loops[i].duplicates);
		delays_init(&s->loops[i].delays);
		map_init(&s->loops[i].nas);
	}
	return s;
}

void radius_server_free(struct radius_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < LIM_LOOPS; i++) {
		duplicates_free(&s->loops[i].duplicates);
		delays_free(&s->loops[i].delays);
		map_free(&s->loops[i].nas);
	}
	mem_free(s);
}

/* A second's bad packets are one line of the log: a flood must not fill it. */
static void dropped(struct radius_loop *l, struct metric *m, const struct net_addr *peer,
		    const char *why)
{
	CLEANUP(buf_free) struct buf from = { 0 };
	msec now = clock_now();

	metric_add(m, 1);
	l->untold++;
	if (l->told && now - l->told < TELL)
		return;
	buf_init(&from, 128);
	net_print(peer, &from);
	LOG(LOG_WARN, "radius.dropped", KS("why", str_z(why)), KS("peer", buf_str(&from)),
	    KI("packets", l->untold));
	l->told = now;
	l->untold = 0;
}

/* ---- requests at work ---- */

static str nas_key(const struct radius_nas *const *nas)
{
	return str_of(nas, sizeof(*nas));
}

/* Logins of one NAS are bounded alone: each may cost a crypt(3), and what waits longer than a NAS
 * does is in vain. */
static bool enter(struct radius_loop *l, const struct radius_nas *nas, enum radius_port port,
		  const struct radius_limits *lim)
{
	intptr_t n = port == RADIUS_ACCESS ? (intptr_t)map_get(&l->nas, nas_key(&nas)) : 0;

	if (l->pending >= lim->pending || n >= lim->pending_nas)
		return false;
	if (port == RADIUS_ACCESS)
		(void)map_put(&l->nas, nas_key(&nas), (void *)(n + 1));
	l->pending++;
	metric_add(&pending, 1);
	return true;
}

static void leave(struct radius_loop *l, const struct radius_nas *nas, enum radius_port port)
{
	intptr_t n = port == RADIUS_ACCESS ? (intptr_t)map_remove(&l->nas, nas_key(&nas)) : 0;

	if (n > 1)
		(void)map_put(&l->nas, nas_key(&nas), (void *)(n - 1));
	l->pending--;
	metric_add(&pending, -1);
}

void radius_answer(struct radius_request *r, enum radius_code code)
{
	struct job *j = CONTAINER(r, struct job, r);

	radius_begin(&r->reply, j->reply, sizeof(j->reply), code, r->packet.id);
	if (r->port == RADIUS_ACCESS)
		radius_put_ma(&r->reply);
}

/* RFC 2865 5.33: each of them, in their order. */
static void put_proxy_states(struct radius_request *r)
{
	str rest = r->packet.attributes;

	for (struct radius_field f; radius_next(&rest, &f);)
		if (f.type == RADIUS_PROXY_STATE)
			radius_put(&r->reply, f.type, f.value);
}

static void count_answer(unsigned code)
{
	switch (code) {
	case RADIUS_ACCESS_ACCEPT:
		metric_add(&accepts, 1);
		break;
	case RADIUS_ACCESS_REJECT:
		metric_add(&rejects, 1);
		break;
	case RADIUS_ACCESS_CHALLENGE:
		metric_add(&challenges, 1);
		break;
	default:
		metric_add(&responses, 1);
		break;
	}
}

static void answer(struct job *j)
{
	struct radius_request *r = &j->r;

	put_proxy_states(r);
	size_t n = radius_finish_response(&r->reply, r->nas->secret, r->packet.authenticator);
	str packet = str_of(j->reply, n);

	duplicates_answered(&j->loop->duplicates, j->ticket, packet);
	if (!n) {
		metric_add(&unanswered, 1);
		LOG(LOG_ERROR, "radius.answer_too_long", KS("nas", r->nas->name));
		return;
	}
	count_answer(j->reply[0]);
	if (r->delay && j->reply[0] == RADIUS_ACCESS_REJECT)
		delays_add(&j->loop->delays, &r->source, packet,
			   j->server->role->limits()->reject_delay);
	else
		r->source.send(&r->source, packet);
}

static void end(struct job *j)
{
	leave(j->loop, j->r.nas, j->r.port);
	if (j->r.source.drop)
		j->r.source.drop(j->r.source.stream);
	arena_free(&j->r.arena);
	mem_wipe(j->reply, sizeof(j->reply));
	mem_free(j);
}

WAITS static err serve(void *arg)
{
	struct job *j = arg;
	const struct radius_role *role = j->server->role;
	err e;

	if (j->r.port == RADIUS_ACCOUNTING) {
		radius_answer(&j->r, RADIUS_ACCOUNTING_RESPONSE);
		e = role->accounting(&j->r);
	} else if (j->r.port == RADIUS_DYNAMIC) {
		e = role->dynamic(&j->r);
	} else {
		e = role->access(&j->r);
	}
	if (e || !j->r.reply.n) {
		metric_add(&unanswered, 1);
		duplicates_answered(&j->loop->duplicates, j->ticket, STR(""));
	} else {
		answer(j);
	}
	end(j);
	return OK;
}

static void begin(struct radius_server *s, struct radius_loop *l, const struct radius_source *from,
		  const struct radius_nas *nas, enum radius_port port, str packet, uint64_t ticket)
{
	struct job *j = mem_get(sizeof(*j) + packet.n);

	memcpy(j->packet, packet.p, packet.n);
	j->server = s;
	j->loop = l;
	j->ticket = ticket;
	j->r.nas = nas;
	j->r.port = port;
	j->r.source = *from;
	arena_init(&j->r.arena, LIM_RADIUS_REQUEST);
	if (from->hold)
		from->hold(from->stream);
	if (radius_parse(str_of(j->packet, packet.n), &j->r.packet)) {
		end(j); /* it was well formed a moment ago */
		return;
	}
	fiber_spawn("radius", serve, j);
}

/* ---- packets ---- */

/* RFC 5997 3: alive; no fiber, no memory. */
static void take_status(const struct radius_source *from, const struct radius_nas *nas,
			enum radius_port port, const struct radius_packet *p)
{
	unsigned char b[RADIUS_HEADER + RADIUS_AUTH + 2];
	struct radius_writer w;

	metric_add(&status_requests, 1);
	radius_begin(&w, b, sizeof(b),
		     port == RADIUS_ACCESS ? RADIUS_ACCESS_ACCEPT : RADIUS_ACCOUNTING_RESPONSE,
		     p->id);
	radius_put_ma(&w);
	size_t n = radius_finish_response(&w, nas->secret, p->authenticator);

	from->send(from, str_of(b, n));
}

/* What must be right before a packet costs anything; NULL, or why it is dropped. */
static const char *check_access(const struct radius_nas *nas, const struct radius_packet *p,
				struct metric **m)
{
	enum radius_ma ma = radius_check_ma(p, nas->secret, p->authenticator);
	str unused;

	*m = &no_ma;
	if (ma == RADIUS_MA_BAD) {
		*m = &bad_secret;
		return "the Message-Authenticator is wrong: another secret?";
	}
	if (ma == RADIUS_MA_GOOD)
		return NULL;
	if (nas->require_ma || p->code == RADIUS_STATUS_SERVER)
		return "no Message-Authenticator: require_message_authenticator = false admits it";
	if (radius_find(p, RADIUS_EAP_MESSAGE, &unused))
		return "EAP without Message-Authenticator"; /* RFC 3579 3.2 */
	if (radius_find(p, RADIUS_PROXY_STATE, &unused))
		return "Proxy-State without Message-Authenticator"; /* CVE-2024-3596 */
	return NULL;
}

static const char *check(const struct radius_nas *nas, enum radius_port port,
			 const struct radius_packet *p, struct metric **m)
{
	bool change = p->code == RADIUS_DISCONNECT_REQUEST || p->code == RADIUS_COA_REQUEST;

	if ((p->code == RADIUS_STATUS_SERVER && port != RADIUS_DYNAMIC) ||
	    (p->code == RADIUS_ACCESS_REQUEST && port == RADIUS_ACCESS))
		return check_access(nas, p, m);
	*m = &wrong_code;
	if (port == RADIUS_DYNAMIC
		    ? !change
		    : p->code != RADIUS_ACCOUNTING_REQUEST || port != RADIUS_ACCOUNTING)
		return "no request for this port";
	*m = &bad_secret;
	if (!radius_check_accounting(p, nas->secret) ||
	    radius_check_ma(p, nas->secret, NULL) == RADIUS_MA_BAD)
		return "the authenticator is wrong: another secret?";
	return NULL;
}

void radius_take(struct radius_server *s, const struct radius_source *from,
		 const struct radius_nas *nas, enum radius_port port, str packet)
{
	struct radius_loop *l = &s->loops[role_loop()];
	const struct radius_limits *lim = s->role->limits();
	const struct net_addr *peer = &from->path.peer;
	struct radius_packet p;
	struct metric *m;
	uint64_t ticket;
	str said;

	if (radius_parse(packet, &p)) {
		dropped(l, &malformed, peer, err_last()->text);
		return;
	}
	const char *why = check(nas, port, &p, &m);

	if (why) {
		dropped(l, m, peer, why);
		return;
	}
	if (p.code == RADIUS_STATUS_SERVER) {
		take_status(from, nas, port, &p);
		return;
	}
	metric_add(port == RADIUS_ACCESS ? &access_requests : &accounting_requests, 1);
	switch (duplicates_look(&l->duplicates, from, &p, port, lim, &ticket, &said)) {
	case DUPLICATE_ANSWERED:
		metric_add(&repeated, 1);
		from->send(from, said);
		return;
	case DUPLICATE_AT_WORK:
		metric_add(&at_work, 1);
		return;
	case DUPLICATE_NEW:
		break;
	}
	if (!enter(l, nas, port, lim)) {
		duplicates_answered(&l->duplicates, ticket, STR(""));
		dropped(l, &overload, peer, "too many requests at work");
		return;
	}
	begin(s, l, from, nas, port, p.whole, ticket);
}

static void send_datagram(const struct radius_source *s, str packet)
{
	udp_send(&s->path, packet);
}

size_t radius_datagram(struct radius_server *s, const struct udp_query *q, enum radius_port port)
{
	const struct radius_source from = { .send = send_datagram, .path = *q->path };
	const struct radius_nas *nas = s->role->nas(&q->path->peer);

	if (nas)
		radius_take(s, &from, nas, port, q->data);
	else
		dropped(&s->loops[role_loop()], &unknown_nas, &q->path->peer, "unknown NAS");
	return 0;
}
