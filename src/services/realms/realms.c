#include "services/realms/realms.h"

#include <openssl/rand.h>
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "formats/radius/password.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(forwarded, "posta_radius_forwarded_total", "", METRIC_COUNTER,
       "Requests passed to home servers and answered.");
METRIC(unanswered, "posta_radius_forward_failures_total", "", METRIC_COUNTER,
       "Requests that no home server of their realm answered.");
METRIC(silent_now, "posta_radius_home_silent", "", METRIC_GAUGE,
       "Home servers that are left out until they answer again.");

enum { KEYS_FIRST = 16, KEYS_LAST = 17, TUNNEL_PASSWORD = 69 }; /* attributes, RFC 2548, 2868 */

/* ---- settings ---- */

struct item {
	str name;
	bool strip;
	const struct conf_node *servers;
};
#define AT(member) offsetof(struct item, member)
const struct conf_key realm_keys[REALM_KEYS] = {
	{ "name", CONF_STR, AT(name), 0, 0, NULL,
	  "behind the @ of the user's name; \"*\": every realm that is nobody else's" },
	{ "strip", CONF_BOOL, AT(strip), 0, 0, "false", "the name goes on without its realm" },
	{ "servers", CONF_NODE, AT(servers), 0, 0, NULL,
	  "( { address = \"192.0.2.1:1812\"; secret = \"...\"; }, ... ), the first that answers" },
};
#undef AT

struct server_item {
	str address, accounting, secret;
	int64_t wait, tries;
	bool status, need_ma;
};
#define AT(member) offsetof(struct server_item, member)
const struct conf_key realm_server_keys[REALM_SERVER_KEYS] = {
	{ "address", CONF_STR, AT(address), 0, 0, NULL, "where it takes Access-Requests" },
	{ "accounting", CONF_STR, AT(accounting), 0, 0, "",
	  "where it takes Accounting-Requests; empty: the next port" },
	{ "secret", CONF_STR, AT(secret), 0, 0, NULL, "shared with it" },
	{ "wait", CONF_DURATION, AT(wait), 50, 30000, "1s",
	  "time for its answer to the first try; doubles with each" },
	{ "tries", CONF_INT, AT(tries), 1, 10, "2", "before the next server is asked" },
	{ "status", CONF_BOOL, AT(status), 0, 0, "true", "it answers Status-Server (RFC 5997)" },
	{ "require_message_authenticator", CONF_BOOL, AT(need_ma), 0, 0, "true",
	  "drop answers without one; off for old servers alone" },
};
#undef AT

static err read_server(const struct role_env *env, const struct conf_node *n,
		       struct realm_server *out, struct buf *complaints)
{
	struct server_item i;

	TRY(conf_read(n, realm_server_keys, REALM_SERVER_KEYS, &i, env->arena, complaints));
	out->name = i.address;
	out->status = i.status;
	out->access = (struct radius_target){
		.secret = i.secret, .wait = i.wait, .tries = (unsigned)i.tries, .need_ma = i.need_ma
	};
	if (net_parse(i.address, &out->access.addr) != OK || net_is_unix(&out->access.addr)) {
		conf_complain(n, complaints, "\"%.*s\" is no address; write \"192.0.2.1:1812\"",
			      STRF(i.address));
		return E_SYNTAX;
	}
	out->accounting = out->access;
	out->accounting.need_ma = false; /* RFC 2866 answers have none */
	net_set_port(&out->accounting.addr, net_port(&out->access.addr) + 1);
	if (i.accounting.n && (net_parse(i.accounting, &out->accounting.addr) != OK ||
			       net_is_unix(&out->accounting.addr))) {
		conf_complain(n, complaints, "\"%.*s\" is no address; write \"192.0.2.1:1813\"",
			      STRF(i.accounting));
		return E_SYNTAX;
	}
	return OK;
}

static err read_realm(const struct role_env *env, const struct conf_node *n, struct realm *out,
		      struct buf *complaints)
{
	struct item i;
	err e = OK;

	TRY(conf_read(n, realm_keys, REALM_KEYS, &i, env->arena, complaints));
	out->name = i.name;
	out->strip = i.strip;
	size_t count = conf_count(i.servers);

	if (count == 0 || count > LIM_REALM_SERVERS) {
		conf_complain(n, complaints, "a realm has 1 to %d servers", LIM_REALM_SERVERS);
		return E_SYNTAX;
	}
	struct realm_server *v = arena_get(env->arena, size_mul(count, sizeof(*v)), 16);

	for (size_t k = 0; k < count; k++)
		if (read_server(env, conf_at(i.servers, k), &v[k], complaints) != OK)
			e = E_SYNTAX;
	out->servers = v;
	out->nservers = count;
	return e;
}

err realms_read(const struct role_env *env, const struct conf_node *n, struct buf *complaints,
		struct realms_settings *out)
{
	err e = OK;

	out->n = 0;
	out->v = arena_get(env->arena, size_mul(conf_count(n) + 1, sizeof(*out->v)), 16);
	for (size_t i = 0; i < conf_count(n); i++)
		if (read_realm(env, conf_at(n, i), &out->v[out->n++], complaints) != OK)
			e = E_SYNTAX;
	return e;
}

/* ---- state ---- */

struct health {
	_Atomic bool silent; /* a fiber of its own asks until it answers */
	struct realms *r;
	const struct realm_server *server;
};
struct realms {
	_Atomic bool closing;
	struct realms *older;
	const struct realms_settings *set;
	struct health *health; /* of all servers, realm by realm */
	size_t n;
};

static struct health *health_of(const struct realms *r, const struct realm *realm, size_t server)
{
	size_t at = 0;

	for (const struct realm *m = r->set->v; m < realm; m++)
		at += m->nservers;
	return &r->health[at + server];
}

bool realms_silent(const struct realms *r, const struct realm *realm, size_t server)
{
	return health_of(r, realm, server)->silent;
}

struct realms *realms_open(const struct realms_settings *set, struct realms *older)
{
	struct realms *r = MEM_NEW(struct realms);

	r->set = set;
	r->older = older;
	for (size_t i = 0; i < set->n; i++)
		r->n += set->v[i].nservers;
	r->health = mem_get(size_mul(r->n + 1, sizeof(*r->health)));
	return r;
}

WAITS void realms_close(struct realms *r)
{
	if (!r)
		return;
	realms_close(r->older);
	r->closing = true;
	for (size_t i = 0; i < r->n; i++)
		while (r->health[i].silent && fiber_sleep(clock_in(5)) == OK)
			continue;
	mem_free(r->health);
	mem_free(r);
}

const struct realms_settings *realms_set(const struct realms *r)
{
	return r->set;
}

const struct realm *realms_find(const struct realms *r, str user_name)
{
	size_t at = str_rfind(user_name, '@');
	str realm = at < user_name.n ? str_skip(user_name, at + 1) : STR("");
	const struct realm *any = NULL;

	for (size_t i = 0; realm.n && i < r->set->n; i++) {
		if (str_eqi(r->set->v[i].name, realm))
			return &r->set->v[i];
		if (str_eq(r->set->v[i].name, STR("*")))
			any = &r->set->v[i];
	}
	return any;
}

/* ---- a server that was silent ---- */

WAITS static err ask_status(const struct realm_server *s)
{
	unsigned char room[64], dice[RADIUS_AUTH + 1];
	struct radius_target t = s->access;
	struct radius_packet answer;
	struct radius_writer w;

	if (RAND_bytes(dice, sizeof(dice)) != 1)
		return fail(E_IO, "no random octets");
	t.tries = 1;
	t.need_ma = false;
	radius_begin(&w, room, sizeof(room), RADIUS_STATUS_SERVER, dice[RADIUS_AUTH]);
	radius_put_ma(&w);
	size_t n = radius_finish_request(&w, s->access.secret, dice);

	char *back = mem_get(RADIUS_MAX);
	err e = radius_exchange(&t, str_of(room, n), back, &answer);

	mem_free(back);
	return e;
}

WAITS static err probe(void *arg)
{
	struct health *h = arg;
	err e;

	do {
		e = fiber_sleep(clock_in(h->r->set->probe));
		if (e == OK && !h->r->closing && h->server->status)
			e = ask_status(h->server);
	} while (e != OK && e != E_CANCELED && !h->r->closing);
	h->silent = false;
	metric_add(&silent_now, -1);
	LOG(LOG_INFO, "radius.home", KS("server", h->server->name), KI("silent", 0));
	return OK;
}

static void leave_out(struct realms *r, struct health *h, const struct realm_server *s)
{
	if (atomic_exchange(&h->silent, true))
		return; /* another loop has seen it as well */
	h->r = r;
	h->server = s;
	metric_add(&silent_now, 1);
	LOG(LOG_ERROR, "radius.home", KS("server", s->name), KI("silent", 1));
	fiber_spawn("probe", probe, h);
}

/* ---- a request on its way ---- */

/* What the other end needs in its own form: the secret is another one from hop to hop. */
struct hop {
	const struct radius_packet *request;
	str from, to; /* secrets: of the NAS, of the server */
	unsigned char authenticator[RADIUS_AUTH];
	unsigned char state[8]; /* our Proxy-State */
};

static err put_password(const struct hop *h, struct radius_writer *w, str hidden)
{
	unsigned char clear[RADIUS_PASSWORD], again[RADIUS_PASSWORD];
	size_t n, m;
	err e = radius_password_reveal(h->from, h->request->authenticator, hidden, clear, &n);

	if (e == OK)
		e = radius_password_hide(h->to, h->authenticator, str_of(clear, n), again, &m);
	mem_wipe(clear, sizeof(clear));
	if (e == OK)
		radius_put(w, RADIUS_USER_PASSWORD, str_of(again, m));
	return e;
}

static void put_name(const struct realm *realm, struct radius_writer *w, str name)
{
	radius_put(w, RADIUS_USER_NAME, realm->strip ? str_take(name, str_rfind(name, '@')) : name);
}

static err put_request(const struct hop *h, const struct realm *realm, struct radius_writer *w)
{
	str rest = h->request->attributes, challenge;
	struct radius_field f;
	bool has_chap = false;

	while (radius_next(&rest, &f)) {
		if (f.type == RADIUS_MESSAGE_AUTHENTICATOR)
			continue;
		if (f.type == RADIUS_USER_PASSWORD)
			TRY(put_password(h, w, f.value));
		else if (f.type == RADIUS_USER_NAME)
			put_name(realm, w, f.value);
		else
			radius_put(w, f.type, f.value);
		has_chap |= f.type == RADIUS_CHAP_PASSWORD;
	}
	/* RFC 2865 2.2: without a CHAP-Challenge the authenticator was it, which is another one
	 * now. */
	if (has_chap && !radius_find(h->request, RADIUS_CHAP_CHALLENGE, &challenge))
		radius_put(w, RADIUS_CHAP_CHALLENGE,
			   str_of(h->request->authenticator, RADIUS_AUTH));
	radius_put(w, RADIUS_PROXY_STATE, str_of(h->state, sizeof(h->state)));
	return OK;
}

/* RFC 2548 2.4.2, RFC 2868 3.5: hidden under the secret and the request's authenticator, a salt of
 * two octets before. before: a tag in front. */
static err put_salted(const struct hop *h, struct radius_writer *w, uint32_t vendor, unsigned type,
		      str value, size_t before)
{
	unsigned char clear[RADIUS_VALUE], out[RADIUS_VALUE];
	size_t n, m;

	if (value.n < before + 2)
		return fail(E_SYNTAX, "a key is cut");
	unsigned salt =
		(unsigned)(unsigned char)value.p[before] << 8 | (unsigned char)value.p[before + 1];
	err e = radius_salted_reveal(h->to, h->authenticator, str_skip(value, before), clear, &n);

	memcpy(out, value.p, before);
	if (e == OK)
		e = radius_salted_hide(h->from, h->request->authenticator, salt, str_of(clear, n),
				       before + (vendor ? 6 : 0), out + before, &m);
	mem_wipe(clear, sizeof(clear));
	if (e == OK && vendor)
		radius_put_vendor(w, vendor, type, str_of(out, before + m));
	else if (e == OK)
		radius_put(w, type, str_of(out, before + m));
	return e;
}

/* One Microsoft attribute alone in its Vendor-Specific, as every server writes it. */
static bool is_key(str value, unsigned *type)
{
	const unsigned char *p = (const void *)value.p;

	*type = value.n > 6 ? p[4] : 0;
	return value.n > 6 && radius_get32(p) == VENDOR_MICROSOFT && p[5] == value.n - 4 &&
	       *type >= KEYS_FIRST && *type <= KEYS_LAST;
}

/* What the server said, for the NAS. Its own Proxy-States are put by whoever answers it. */
static err put_reply(const struct hop *h, const struct radius_packet *answer,
		     struct radius_writer *w)
{
	str rest = answer->attributes;
	struct radius_field f;
	unsigned type;

	while (radius_next(&rest, &f)) {
		if (f.type == RADIUS_PROXY_STATE || f.type == RADIUS_MESSAGE_AUTHENTICATOR)
			continue;
		if (f.type == TUNNEL_PASSWORD)
			TRY(put_salted(h, w, 0, f.type, f.value, 1));
		else if (f.type == RADIUS_VENDOR_SPECIFIC && is_key(f.value, &type))
			TRY(put_salted(h, w, VENDOR_MICROSOFT, type, str_skip(f.value, 6), 0));
		else
			radius_put(w, f.type, f.value);
	}
	return OK;
}

WAITS static err ask(const struct realm *realm, const struct realm_server *s, struct hop *h,
		     char back[RADIUS_MAX], struct radius_packet *answer)
{
	bool accounting = h->request->code == RADIUS_ACCOUNTING_REQUEST;
	const struct radius_target *t = accounting ? &s->accounting : &s->access;
	unsigned char *room = mem_get(RADIUS_MAX), id;
	struct radius_writer w;
	size_t n = 0;
	err e = RAND_bytes(h->authenticator, RADIUS_AUTH) == 1 && RAND_bytes(&id, 1) == 1 &&
				RAND_bytes(h->state, sizeof(h->state)) == 1
			? OK
			: fail(E_IO, "no random octets");

	h->to = t->secret;
	if (e == OK) {
		radius_begin(&w, room, RADIUS_MAX, h->request->code, id);
		if (!accounting)
			radius_put_ma(&w);
		e = put_request(h, realm, &w);
	}
	if (e == OK) {
		n = accounting ? radius_finish_accounting(&w, t->secret)
			       : radius_finish_request(&w, t->secret, h->authenticator);
		memcpy(h->authenticator, room + 4, RADIUS_AUTH); /* of accounting: a digest */
		e = n ? radius_exchange(t, str_of(room, n), back, answer)
		      : fail(E_LIMIT, "no room for a Proxy-State");
	}
	mem_free(room);
	return e;
}

static err take_reply(const struct hop *h, const struct radius_packet *answer, struct buf *out)
{
	unsigned char *room = mem_get(RADIUS_MAX);
	struct radius_writer w;

	radius_begin(&w, room, RADIUS_MAX, answer->code, answer->id);
	err e = put_reply(h, answer, &w);

	if (e == OK && w.full)
		e = fail(E_LIMIT, "an answer of a home server is too long");
	if (e == OK)
		buf_add(out, str_of(room + RADIUS_HEADER, w.n - RADIUS_HEADER));
	mem_free(room);
	return e ? e : buf_done(out);
}

WAITS err realms_forward(struct realms *r, const struct realm *realm,
			 const struct radius_packet *request, str nas_secret, unsigned *code,
			 struct buf *attributes)
{
	struct hop h = { .request = request, .from = nas_secret };
	struct radius_packet answer;
	char *back = mem_get(RADIUS_MAX);
	err e = fail(E_TIMEOUT, "no home server of %.*s answers", STRF(realm->name));

	/* First those that answered last, then, rather than nobody, the others. */
	for (size_t i = 0; i < 2 * realm->nservers && e != OK && e != E_CANCELED; i++) {
		size_t k = i % realm->nservers;
		struct health *health = health_of(r, realm, k);

		if (health->silent != (i >= realm->nservers))
			continue;
		e = ask(realm, &realm->servers[k], &h, back, &answer);
		if (e == E_TIMEOUT || e == E_IO)
			leave_out(r, health, &realm->servers[k]);
	}
	if (e == OK) {
		*code = answer.code;
		e = take_reply(&h, &answer, attributes);
	}
	metric_add(e == OK ? &forwarded : &unanswered, 1);
	mem_free(back);
	return e;
}
