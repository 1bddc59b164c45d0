/* Changes in the middle of a session (RFC 5176): Disconnect and CoA. From here towards the access
 * server that has the session; asked for by the operator (control socket) or by a peer that may. */
#include <openssl/rand.h>
#include <string.h>

#include "clients/radius/radius_client.h"
#include "roles/radius/radius.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(acked, "posta_radius_dynamic_total", "answer=\"ack\"", METRIC_COUNTER,
       "Disconnect- and CoA-Requests sent to access servers.");
METRIC(refused, "posta_radius_dynamic_total", "answer=\"nak\"", METRIC_COUNTER,
       "Disconnect- and CoA-Requests sent to access servers.");
METRIC(silent, "posta_radius_dynamic_total", "answer=\"none\"", METRIC_COUNTER,
       "Disconnect- and CoA-Requests sent to access servers.");

enum {
	SESSIONS = 100, /* of one user that are looked at */
	WAIT = 1000,	/* milliseconds for the first try */
	TRIES = 3,
	SKEW = 300,	  /* seconds that an Event-Timestamp may be apart, RFC 5176 6.3 */
	NO_SESSION = 503, /* Error-Cause, RFC 5176 3.6 */
	NOT_ROUTABLE = 502,
	MISSING = 402,
	PROHIBITED = 501,
};

/* What is to be done to which sessions. */
struct change {
	unsigned code;	    /* RADIUS_DISCONNECT_REQUEST or _COA_REQUEST */
	str login, session; /* session "": all of the user's */
	str attributes;	    /* in wire form, of a CoA */
};
struct outcome {
	str nas, session, login;
	const char *what; /* "ack", "nak", "none", "unroutable" */
	uint32_t cause;
};

static const struct radius_client *client_of(str nas)
{
	const struct radius_settings *set = radius_settings();

	for (size_t i = 0; i < set->nclients; i++)
		if (str_eq(set->clients[i].nas.name, nas))
			return &set->clients[i];
	return NULL;
}

/* Identification (3): the session by its id and who and where it is, so that an access server that
 * started again does not end another's. */
static size_t build(const struct change *c, const struct acct_open *s, str secret,
		    unsigned char room[RADIUS_MAX])
{
	struct radius_writer w;
	unsigned char id = 0;

	(void)RAND_bytes(&id, 1);
	radius_begin(&w, room, RADIUS_MAX, c->code, id);
	radius_put_ma(&w);
	radius_put(&w, RADIUS_USER_NAME, s->login);
	radius_put(&w, RADIUS_ACCT_SESSION_ID, s->session);
	if (s->ip)
		radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, s->ip);
	radius_put_u32(&w, RADIUS_EVENT_TIMESTAMP, (uint32_t)clock_unix());
	radius_put_raw(&w, c->attributes);
	return radius_finish_accounting(&w, secret);
}

WAITS static void change_one(const struct change *c, const struct acct_open *s, struct outcome *o)
{
	const struct radius_client *client = client_of(s->nas);
	unsigned char *room = mem_get(RADIUS_MAX);
	char *back = mem_get(RADIUS_MAX);
	struct radius_packet answer;

	*o = (struct outcome){ s->nas, s->session, s->login, "unroutable", NOT_ROUTABLE };
	if (client && client->has_coa) {
		const struct radius_target t = { .addr = client->coa,
						 .secret = client->nas.secret,
						 .wait = WAIT,
						 .tries = TRIES };
		size_t n = build(c, s, t.secret, room);
		err e = n ? radius_exchange(&t, str_of(room, n), back, &answer) : E_LIMIT;
		bool ack = e == OK && answer.code == c->code + 1;

		o->what = e ? "none" : ack ? "ack" : "nak";
		o->cause = 0;
		if (e == OK)
			(void)radius_find_u32(&answer, RADIUS_ERROR_CAUSE, &o->cause);
		metric_add(e ? &silent : ack ? &acked : &refused, 1);
	}
	LOG(LOG_INFO, "radius.dynamic", KS("login", s->login), KS("nas", s->nas),
	    KS("session", s->session), KI("code", c->code), KS("answer", str_z(o->what)));
	mem_free(room);
	mem_free(back);
}

/* All sessions that are meant; E_NOTFOUND: there is none. */
WAITS static err change_all(const struct change *c, struct arena *a, struct outcome **out,
			    size_t *n)
{
	struct acct_open *open;
	size_t count;

	*n = 0;
	TRY(acct_sessions_of(radius_here()->acct, c->login, SESSIONS, a, &open, &count));
	*out = arena_get(a, size_mul(count + 1, sizeof(**out)), 16);
	for (size_t i = 0; i < count; i++)
		if (!c->session.n || str_eq(c->session, open[i].session))
			change_one(c, &open[i], &(*out)[(*n)++]);
	return *n ? OK : fail(E_NOTFOUND, "%.*s has no such session", STRF(c->login));
}

/* The directory's name of a login. */
WAITS static str canonical(str login, struct arena *a)
{
	struct dir_user user;

	return dirtable_login(radius_here()->table, login, radius_settings()->default_domain, a,
			      &user) == OK
		       ? user.login
		       : login;
}

/* ---- from a peer: the port of RFC 5176 ---- */

/* Attributes of a CoA that are passed on: those that identify are put anew. */
static str passed_on(const struct radius_packet *p, struct buf *out)
{
	str rest = p->attributes;
	struct radius_field f;

	while (radius_next(&rest, &f)) {
		if (f.type == RADIUS_USER_NAME || f.type == RADIUS_ACCT_SESSION_ID ||
		    f.type == RADIUS_EVENT_TIMESTAMP || f.type == RADIUS_PROXY_STATE ||
		    f.type == RADIUS_FRAMED_IP_ADDRESS || f.type == RADIUS_MESSAGE_AUTHENTICATOR ||
		    f.type == RADIUS_NAS_IP_ADDRESS || f.type == RADIUS_NAS_IDENTIFIER)
			continue;
		buf_u8(out, f.type);
		buf_u8(out, (unsigned)f.value.n + 2);
		buf_add(out, f.value);
	}
	return buf_str(out);
}

static void nak(struct radius_request *r, uint32_t cause)
{
	radius_answer(r, (enum radius_code)(r->packet.code + 2));
	radius_put_u32(&r->reply, RADIUS_ERROR_CAUSE, cause);
}

WAITS err radius_dynamic(struct radius_request *r)
{
	const struct radius_client *client = r->nas->more;
	const struct radius_packet *p = &r->packet;
	CLEANUP(buf_free) struct buf attributes = { 0 };
	struct change c = { .code = p->code, .session = STR("") };
	struct outcome *done = NULL;
	uint32_t stamp;
	size_t n = 0, acks = 0;

	/* 6.3: a packet that was caught and sent again later is dropped. */
	if (radius_find_u32(p, RADIUS_EVENT_TIMESTAMP, &stamp) &&
	    (stamp + INT64_C(0) > clock_unix() + SKEW || stamp + SKEW < clock_unix()))
		return fail(E_DENIED, "an old request");
	if (!client->dynamic) {
		nak(r, PROHIBITED);
		return OK;
	}
	(void)radius_find(p, RADIUS_USER_NAME, &c.login);
	(void)radius_find(p, RADIUS_ACCT_SESSION_ID, &c.session);
	if (!c.login.n) {
		nak(r, MISSING);
		return OK;
	}
	buf_init(&attributes, RADIUS_MAX);
	c.attributes = p->code == RADIUS_COA_REQUEST ? passed_on(p, &attributes) : STR("");
	c.login = canonical(c.login, &r->arena);
	err e = change_all(&c, &r->arena, &done, &n);

	if (e == E_NOTFOUND) {
		nak(r, NO_SESSION);
		return OK;
	}
	TRY(e);
	for (size_t i = 0; i < n; i++)
		acks += str_eq(str_z(done[i].what), STR("ack"));
	if (acks == n)
		radius_answer(r, (enum radius_code)(p->code + 1));
	else
		nak(r, done[0].cause ? done[0].cause : NOT_ROUTABLE);
	return OK;
}

/* ---- from the operator: POST /disconnect/LOGIN[/SESSION], POST /coa/LOGIN[/SESSION] with
 * attributes as text ---- */

static err read_attributes(str text, struct arena *a, struct buf *wire)
{
	struct radius_pair *pairs;

	if (!radius_here()->dict)
		return fail(E_DENIED, "the dictionary of attributes is not there");
	TRY(radius_pairs_parse(radius_here()->dict, str_trim_ws(text), a, &pairs));
	if (radius_pairs_hidden(pairs))
		return fail(E_SYNTAX, "hidden attributes cannot be sent this way");
	return radius_pairs_write(pairs, NULL, wire);
}

static void print_text(struct buf *out, str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\')
			buf_fmt(out, "\\u%04x", (unsigned)(unsigned char)s.p[i]);
		else
			buf_addc(out, s.p[i]);
	buf_addc(out, '"');
}

static void print_outcomes(const struct outcome *v, size_t n, struct buf *out)
{
	buf_add(out, STR("{\"sessions\": ["));
	for (size_t i = 0; i < n; i++) {
		buf_add(out, i ? STR(",\n  {\"nas\": ") : STR("\n  {\"nas\": "));
		print_text(out, v[i].nas);
		buf_add(out, STR(", \"session\": "));
		print_text(out, v[i].session);
		buf_add(out, STR(", \"login\": "));
		print_text(out, v[i].login);
		buf_fmt(out, ", \"answer\": \"%s\", \"cause\": %u}", v[i].what, v[i].cause);
	}
	buf_add(out, STR("\n]}\n"));
}

WAITS static err command(struct change *c, str rest, str body, struct arena *a, struct buf *json)
{
	CLEANUP(buf_free) struct buf wire = { 0 };
	struct outcome *done;
	size_t n;

	c->login = rest;
	c->session = STR("");
	(void)str_cut(rest, '/', &c->login, &c->session);
	c->login = canonical(c->login, a);
	buf_init(&wire, RADIUS_MAX / 2);
	if (c->code == RADIUS_COA_REQUEST)
		TRY(read_attributes(body, a, &wire));
	c->attributes = buf_str(&wire);
	TRY(change_all(c, a, &done, &n));
	print_outcomes(done, n, json);
	return buf_done(json);
}

WAITS err radius_control(str method, str path, str body, struct buf *json)
{
	struct change c = { .code = RADIUS_DISCONNECT_REQUEST };
	struct arena a;
	str rest;

	if (str_starts(path, STR("/disconnect/"))) {
		rest = str_skip(path, 12);
	} else if (str_starts(path, STR("/coa/"))) {
		rest = str_skip(path, 5);
		c.code = RADIUS_COA_REQUEST;
	} else {
		return fail(E_NOTFOUND, "no such path");
	}
	if (!str_eq(method, STR("POST")))
		return fail(E_NOTFOUND, "only POST");
	arena_init(&a, MIB(1));
	err e = command(&c, rest, body, &a, json);

	arena_free(&a);
	return e;
}
