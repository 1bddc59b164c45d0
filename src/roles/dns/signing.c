#include "roles/dns/signing.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/zones/keystore.h"
#include "services/zones/sign.h"

#define POLL  1000 /* ms between two looks at the keys and the clock */
#define RETRY 60   /* seconds after which a zone that was to be signed is tried again */

METRIC(metric_signed, "posta_dns_zone_signings_total", "", METRIC_COUNTER, "Zones signed.");
METRIC(metric_made, "posta_dns_signatures_total", "from=\"key\"", METRIC_COUNTER,
       "Signatures of signed zones: computed, or taken over from the version before.");
METRIC(metric_taken, "posta_dns_signatures_total", "from=\"before\"", METRIC_COUNTER,
       "Signatures of signed zones: computed, or taken over from the version before.");
METRIC(metric_failed, "posta_dns_zone_signings_failed_total", "", METRIC_COUNTER,
       "Zones that could not be signed: the version before stays.");
METRIC(metric_changes, "posta_dns_key_changes_total", "", METRIC_COUNTER,
       "Steps of roll-overs that this node made.");

struct signed_zone {
	int64_t since; /* of the policy that is in force: with bump, which keys */
	uint32_t bump;
	int64_t next; /* when it is to be signed again */
	struct dns_name apex;
};
struct dns_signing {
	const char *db, *key;
	struct dns_load *load;
	struct fiber *follow;
	pthread_mutex_t lock; /* of all below; helper threads alone take it */
	struct secrets *store;
	int64_t data_version;
	struct map zones; /* struct signed_zone, by name as text */
};

struct dns_signing *dns_signing_new(const char *db, const char *key)
{
	struct dns_signing *s = MEM_NEW(struct dns_signing);

	s->db = db;
	s->key = key;
	s->data_version = -1;
	pthread_mutex_init(&s->lock, NULL);
	map_init(&s->zones);
	return s;
}

void dns_signing_free(struct dns_signing *s)
{
	str key;
	void *value;

	if (!s)
		return;
	for (size_t at = 0; map_each(&s->zones, &at, &key, &value);)
		mem_free(value);
	map_free(&s->zones);
	secrets_close(s->store);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

/* ---- on helper threads ---- */

/* "example.org", as the keys are stored. */
static str text_of(str apex, struct buf *b)
{
	buf_init(b, KIB(2));
	dns_name_print(apex, b);
	if (b->n > 1)
		b->n--;
	return buf_str(b);
}

static err need_store(struct dns_signing *s)
{
	return s->store ? OK : secrets_open(s->db, s->key, false, &s->store);
}

static struct signed_zone *remember(struct dns_signing *s, str name, str apex)
{
	struct signed_zone *z = map_get(&s->zones, name);

	if (z)
		return z;
	z = MEM_NEW(struct signed_zone);
	memcpy(z->apex.p, apex.p, apex.n);
	z->apex.n = (unsigned char)apex.n;
	(void)map_put(&s->zones, name, z);
	return z;
}

static err take_keys(struct dns_signing *s, str name, str apex, int64_t now,
		     struct zone_keys **keys)
{
	int64_t next = 0;
	size_t changes = 0;

	TRY(need_store(s));
	TRY(keystore_advance(s->store, name, now, keys, &next, &changes));
	struct signed_zone *z = remember(s, name, apex);
	int64_t tick = (*keys)->policy.since +
		       (sign_ticks(&(*keys)->policy, now) + 1) * sign_tick(&(*keys)->policy);

	z->since = (*keys)->policy.since;
	z->bump = (*keys)->policy.bump;
	z->next = next < tick ? next : tick;
	metric_add(&metric_changes, (int64_t)changes);
	if (changes)
		LOG(LOG_INFO, "dns.keys_changed", KS("zone", name), KI("changes", changes));
	return OK;
}

/* Signed no more: nothing is due. */
static void forget(struct dns_signing *s, str name)
{
	pthread_mutex_lock(&s->lock);
	mem_free(map_remove(&s->zones, name));
	pthread_mutex_unlock(&s->lock);
}

static err sign(struct dns_signing *s, struct zone_builder *b, const struct zone *old, str name)
{
	int64_t now = clock_unix();
	struct zone_keys *keys = NULL;
	struct sign_result r;

	pthread_mutex_lock(&s->lock);
	err e = take_keys(s, name, zone_builder_apex(b), now, &keys);

	pthread_mutex_unlock(&s->lock);
	TRY(e);
	e = zone_sign(b, old, keys, now, &r);
	zone_keys_free(keys);
	TRY(e);
	metric_add(&metric_signed, 1);
	metric_add(&metric_made, (int64_t)r.made);
	metric_add(&metric_taken, (int64_t)(r.signatures - r.made));
	LOG(LOG_INFO, "dns.signed", KS("zone", name), KI("serial", zone_builder_serial(b)),
	    KI("signatures", r.signatures), KI("made", r.made));
	return OK;
}

err dns_signing_apply(struct dns_signing *s, struct zone_builder *b, const struct zone *old,
		      const struct dns_source *source)
{
	CLEANUP(buf_free) struct buf text = { 0 };
	str name = text_of(zone_builder_apex(b), &text);

	if (!source->sign) {
		forget(s, name);
		return OK;
	}
	err e = sign(s, b, old, name);

	if (e)
		metric_add(&metric_failed, 1);
	return e;
}

/* ---- what is due ---- */

struct due {
	struct dns_signing *s;
	int64_t now;
	struct dns_name *v; /* apexes */
	size_t n, cap;
};

static void push(struct due *d, const struct dns_name *apex)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->v = mem_resize(d->v, size_mul(d->cap, sizeof(*d->v)));
	}
	d->v[d->n++] = *apex;
}

/* Keys that a command or another node changed, or that a zone waits for. */
static err compare(void *arg, str name, int64_t since, uint32_t bump)
{
	struct due *d = arg;
	const struct signed_zone *z = map_get(&d->s->zones, name);
	struct dns_name apex;

	if (z && z->since == since && z->bump == bump)
		return OK;
	if (dns_name_parse(name, STR("\0"), &apex) == OK)
		push(d, &apex);
	return OK;
}

static err look_at_keys(struct due *d)
{
	struct dns_signing *s = d->s;
	int64_t version;

	TRY(need_store(s));
	TRY(sql_data_version(secrets_sql(s->store), &version));
	if (version == s->data_version)
		return OK;
	TRY(keystore_each(s->store, compare, d));
	s->data_version = version;
	return OK;
}

static err look(void *arg)
{
	struct due *d = arg;
	struct dns_signing *s = d->s;
	str key;
	void *value;

	pthread_mutex_lock(&s->lock);
	for (size_t at = 0; map_each(&s->zones, &at, &key, &value);) {
		struct signed_zone *z = value;

		if (z->next > d->now)
			continue;
		z->next = d->now + RETRY; /* should it fail */
		push(d, &z->apex);
	}
	err e = look_at_keys(d);

	pthread_mutex_unlock(&s->lock);
	return e == E_NOTFOUND ? OK : e; /* nothing was ever signed */
}

WAITS static err follow(void *arg)
{
	struct dns_signing *s = arg;
	err e = OK, before = OK;

	while (e != E_CANCELED) {
		struct due d = { .s = s, .now = clock_unix() };

		e = work(POOL_DISK, look, &d);
		if (e && e != before && e != E_CANCELED)
			LOG(LOG_WARN, "dns.zone_keys", KE(e));
		before = e;
		for (size_t i = 0; i < d.n; i++)
			dns_load_again(s->load, dns_name_str(&d.v[i]));
		mem_free(d.v);
		if (e != E_CANCELED)
			e = fiber_sleep(clock_in(POLL));
	}
	return e;
}

WAITS void dns_signing_follow(struct dns_signing *s, struct dns_load *l)
{
	s->load = l;
	s->follow = fiber_start("dns signing", follow, s);
}

WAITS void dns_signing_stop(struct dns_signing *s)
{
	if (!s || !s->follow)
		return;
	fiber_cancel(s->follow);
	err e = fiber_join(s->follow);

	if (e != E_CANCELED)
		LOG(LOG_ERROR, "dns.signing", KE(e));
	s->follow = NULL;
}
