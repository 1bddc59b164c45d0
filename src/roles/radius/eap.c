/* EAP at the server (RFC 3579 2): identity, MD5-Challenge, MS-CHAP-V2. What an exchange is about
 * stands in memory under its State, which is good once: an answer that is played back finds
 * nothing. */
#include "formats/radius/eap.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "formats/radius/mschap.h"
#include "formats/radius/password.h"
#include "roles/radius/radius.h"
#include "run/metrics.h"

METRIC(exchanges, "posta_radius_eap_exchanges", "", METRIC_GAUGE, "EAP exchanges under way.");

enum { STATE = 16, CHALLENGE = 16, KEEP = 60000 /* ms, RFC 3748 4.3 leaves it to us */ };

struct exchange {
	struct link by_age;
	msec until;
	char state[STATE];
	uint64_t name; /* hash of the User-Name that began it */
	unsigned type, id;
	bool proven; /* MS-CHAP-V2: only the peer's note of our success is awaited */
	unsigned char challenge[CHALLENGE], send[16], receive[16];
};
struct eap_table {
	pthread_mutex_t lock;
	struct map by_state;
	struct link by_age;
};

struct eap_table *eap_table_new(void)
{
	struct eap_table *t = MEM_NEW(struct eap_table);

	(void)pthread_mutex_init(&t->lock, NULL);
	map_init(&t->by_state);
	list_init(&t->by_age);
	return t;
}

static void drop(struct exchange *x)
{
	mem_wipe(x, sizeof(*x));
	mem_free(x);
}

void eap_table_free(struct eap_table *t)
{
	if (!t)
		return;
	while (!list_empty(&t->by_age))
		drop(CONTAINER(list_pop(&t->by_age), struct exchange, by_age));
	map_free(&t->by_state);
	(void)pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

/* Takes x over. */
static void put(struct eap_table *t, struct exchange *x)
{
	msec now = clock_now();

	x->until = now + KEEP;
	(void)pthread_mutex_lock(&t->lock);
	while (!list_empty(&t->by_age)) {
		struct exchange *old = CONTAINER(t->by_age.next, struct exchange, by_age);

		if (old->until > now && t->by_state.n < LIM_RADIUS_CHALLENGES)
			break;
		(void)map_remove(&t->by_state, str_of(old->state, STATE));
		list_remove(&old->by_age);
		drop(old);
	}
	(void)map_put(&t->by_state, str_of(x->state, STATE), x);
	list_add_tail(&t->by_age, &x->by_age);
	metric_set(&exchanges, (int64_t)t->by_state.n);
	(void)pthread_mutex_unlock(&t->lock);
}

/* Out of the table: the caller drops it. NULL: no such, or too old. */
static struct exchange *take(struct eap_table *t, str state)
{
	(void)pthread_mutex_lock(&t->lock);
	struct exchange *x = map_remove(&t->by_state, state);

	if (x)
		list_remove(&x->by_age);
	metric_set(&exchanges, (int64_t)t->by_state.n);
	(void)pthread_mutex_unlock(&t->lock);
	if (x && x->until <= clock_now()) {
		drop(x);
		return NULL;
	}
	return x;
}

/* Access-Challenge with an EAP request and a State of chance. Takes x over. */
static err challenge(struct radius_login *l, struct exchange *x, str data)
{
	struct radius_request *r = l->r;

	if (RAND_bytes((unsigned char *)x->state, STATE) != 1) {
		drop(x);
		return fail(E_IO, "no randomness from libcrypto");
	}
	buf_reset(&l->eap);
	eap_print(&l->eap, EAP_REQUEST, x->id, x->type, data);
	radius_answer(r, RADIUS_ACCESS_CHALLENGE);
	radius_put_split(&r->reply, RADIUS_EAP_MESSAGE, buf_str(&l->eap));
	radius_put(&r->reply, RADIUS_STATE, str_of(x->state, STATE));
	put(radius_here()->eap, x);
	return OK;
}

/* The first request of a method. */
static err offer(struct radius_login *l, unsigned id, unsigned type)
{
	CLEANUP(buf_free) struct buf data = { 0 };
	struct exchange *x = MEM_NEW(struct exchange);

	x->type = type;
	x->id = (id + 1) & 0xff;
	x->name = hash_keyed(l->name);
	buf_init(&data, EAP_MAX);
	if (RAND_bytes(x->challenge, CHALLENGE) != 1) {
		mem_free(x);
		return fail(E_IO, "no randomness from libcrypto");
	}
	if (type == EAP_MD5)
		eap_md5_print(str_of(x->challenge, CHALLENGE), STR("posta"), &data);
	else
		eap_mschap_print(EAP_MSCHAP_CHALLENGE, x->id, str_of(x->challenge, CHALLENGE),
				 STR("posta"), &data);
	return challenge(l, x, buf_str(&data));
}

static bool allowed(const struct radius_login *l, unsigned type)
{
	return (type == EAP_MD5 && l->set->eap & EAP_ALLOW_MD5) ||
	       (type == EAP_MSCHAPV2 && l->set->eap & EAP_ALLOW_MSCHAPV2);
}

static void finish(struct radius_login *l, unsigned code, unsigned id)
{
	buf_reset(&l->eap);
	eap_print(&l->eap, code, id, 0, STR(""));
}

struct md5 {
	unsigned id;
	const struct exchange *x;
	str value;
};

static bool md5_fits(void *arg, str password)
{
	const struct md5 *m = arg;
	unsigned char value[17];

	value[0] = (unsigned char)m->id;
	memcpy(value + 1, m->value.p, 16);
	return radius_chap_fits(str_of(value, sizeof(value)), password,
				str_of(m->x->challenge, CHALLENGE));
}

WAITS static err answer_md5(struct radius_login *l, const struct exchange *x, const struct eap *e)
{
	struct md5 m = { .id = e->id, .x = x };
	str name;

	TRY(eap_md5_parse(e->data, &m.value, &name));
	if (m.value.n != 16)
		return fail(E_DENIED, "EAP-MD5 value of %zu octets", m.value.n);
	if (l->known && l->access.enabled && l->access.any_password)
		return OK;
	return radius_secret(l, md5_fits, &m);
}

/* RFC 2759 in EAP: the proof goes back in one more request, keys come with the accept. */
struct ms {
	struct radius_login *l;
	const struct exchange *x;
	struct eap_mschap m;
	char proof[MSCHAP_AUTHENTICATOR];
};

static bool ms_fits(void *arg, str password)
{
	struct ms *s = arg;
	unsigned char hash[MSCHAP_HASH];
	const unsigned char *peer = (const void *)s->m.peer.p,
			    *response = (const void *)s->m.response.p;
	bool fits = mschap_hash(password, hash) == OK &&
		    mschap2_fits(hash, peer, s->x->challenge, s->m.name, response);

	if (fits) {
		mschap2_proof(hash, peer, s->x->challenge, s->m.name, response, s->proof);
		mschap2_keys(hash, response, s->l->send, s->l->receive);
	}
	mem_wipe(hash, sizeof(hash));
	return fits;
}

WAITS static err answer_mschap(struct radius_login *l, const struct exchange *x,
			       const struct eap *e, bool *more)
{
	CLEANUP(buf_free) struct buf text = { 0 }, data = { 0 };
	struct ms s = { .l = l, .x = x };

	TRY(eap_mschap_parse(e->data, &s.m));
	if (x->proven) {
		if (s.m.op != EAP_MSCHAP_SUCCESS)
			return fail(E_DENIED, "the peer does not take our proof");
		memcpy(l->send, x->send, sizeof(l->send));
		memcpy(l->receive, x->receive, sizeof(l->receive));
		l->ms_keys = true;
		return OK;
	}
	if (s.m.op != EAP_MSCHAP_RESPONSE)
		return fail(E_DENIED, "no response to the challenge");
	TRY(radius_secret(l, ms_fits, &s));
	struct exchange *next = MEM_NEW(struct exchange);

	next->type = x->type;
	next->name = x->name;
	next->id = (x->id + 1) & 0xff;
	next->proven = true;
	memcpy(next->send, l->send, sizeof(next->send));
	memcpy(next->receive, l->receive, sizeof(next->receive));
	buf_init(&text, 64);
	buf_init(&data, EAP_MAX);
	buf_fmt(&text, "%.*s M=OK", MSCHAP_AUTHENTICATOR, s.proof);
	eap_mschap_print(EAP_MSCHAP_SUCCESS, s.m.id, STR(""), buf_str(&text), &data);
	*more = true;
	return challenge(l, next, buf_str(&data));
}

/* RFC 3748 5.3.1: the peer names what it would rather do. */
static err answer_nak(struct radius_login *l, const struct exchange *x, const struct eap *e,
		      bool *more)
{
	for (size_t i = 0; i < e->data.n && i < 16; i++) {
		unsigned type = (unsigned char)e->data.p[i];

		if (type != x->type && allowed(l, type)) {
			*more = true;
			return offer(l, e->id, type);
		}
	}
	return fail(E_DENIED, "no EAP method in common");
}

WAITS static err go_on(struct radius_login *l, const struct exchange *x, const struct eap *e,
		       bool *more)
{
	if (x->name != hash_keyed(l->name) || x->id != e->id)
		return fail(E_DENIED, "another exchange's answer");
	if (e->type == EAP_NAK && !x->proven)
		return answer_nak(l, x, e, more);
	if (e->type != x->type)
		return fail(E_DENIED, "EAP type %u was not asked for", e->type);
	return e->type == EAP_MD5 ? answer_md5(l, x, e) : answer_mschap(l, x, e, more);
}

WAITS static err step(struct radius_login *l, const struct eap *e, bool *more)
{
	str state;

	if (e->code != EAP_RESPONSE)
		return fail(E_DENIED, "EAP code %u from a peer", e->code);
	if (e->type == EAP_IDENTITY) {
		if (!l->set->eap_first)
			return fail(E_DENIED, "EAP is off");
		*more = true;
		return offer(l, e->id, l->set->eap_first);
	}
	(void)radius_find(&l->r->packet, RADIUS_STATE, &state);
	struct exchange *x = take(radius_here()->eap, state);

	if (!x)
		return fail(E_DENIED, "no such EAP exchange");
	err end = go_on(l, x, e, more);

	drop(x);
	return end;
}

err radius_eap(struct radius_login *l, bool *more)
{
	CLEANUP(buf_free) struct buf packet = { 0 };
	struct eap e;

	buf_init(&packet, RADIUS_MAX);
	radius_join(&l->r->packet, RADIUS_EAP_MESSAGE, &packet);
	TRY(buf_done(&packet));
	err bad = eap_parse(buf_str(&packet), &e);

	if (bad)
		return fail(E_DENIED, "malformed EAP");
	bad = step(l, &e, more);
	if (!*more)
		finish(l, bad ? EAP_FAILURE : EAP_SUCCESS, e.id);
	return bad;
}
