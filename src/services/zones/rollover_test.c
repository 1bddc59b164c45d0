#include "services/zones/rollover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/test.h"
#include "services/zones/keystore.h"

#define T0 INT64_C(1800000000)

static const struct sign_policy quick = {
	.algorithm = KEY_ED25519,
	.split = true,
	.validity = 3200,
	.key_ttl = 10,
	.max_ttl = 20,
	.ds_ttl = 15,
	.propagation = 3,
	.zsk_lifetime = 100,
};

/* ---- the table ---- */

TEST(rollover_table) /* RFC 7583 3.2.1, 3.3.1 */
{
	static const struct {
		enum key_use use;
		enum key_state state;
		int64_t after; /* seconds in the state when it is due; -1: never */
		int what;
		enum key_state to;
	} rows[] = {
		{ KEY_SIGNS_ZONE, KEY_PUBLISHED, 13, KEY_MOVE, KEY_ACTIVE },
		{ KEY_SIGNS_ZONE, KEY_ACTIVE, 87, KEY_MAKE, 0 },
		{ KEY_SIGNS_ZONE, KEY_RETIRED, 23, KEY_DROP, 0 },
		{ KEY_SIGNS_KEYS, KEY_PUBLISHED, 13, KEY_MOVE, KEY_READY },
		{ KEY_SIGNS_KEYS, KEY_READY, -1, KEY_NOTHING, 0 },
		{ KEY_SIGNS_KEYS, KEY_SEEN, 18, KEY_MOVE, KEY_ACTIVE },
		{ KEY_SIGNS_KEYS, KEY_ACTIVE, -1, KEY_NOTHING, 0 },
		{ KEY_SIGNS_BOTH, KEY_PUBLISHED, 13, KEY_MOVE, KEY_READY },
		{ KEY_SIGNS_BOTH, KEY_ACTIVE, -1, KEY_NOTHING, 0 },
		{ KEY_SIGNS_BOTH, KEY_RETIRED, 23, KEY_DROP, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct zone_keys *k = zone_keys_new();
		struct key_change c;
		int64_t next, at = rows[i].after < 0 ? 1 << 30 : rows[i].after;

		k->policy = quick;
		k->n = 1;
		k->v[0] = (struct zone_key){ .use = rows[i].use,
					     .state = rows[i].state,
					     .since = T0 };
		rollover_due(k, T0 + at - 1, &c, &next);
		CHECK_ROW(i, c.what == KEY_NOTHING);
		CHECK_ROW(i, next == (rows[i].after < 0 ? INT64_MAX : T0 + at));
		rollover_due(k, T0 + at, &c, &next);
		CHECK_ROW(i, (int)c.what == rows[i].what && c.to == rows[i].to);
		zone_keys_free(k);
	}
}

TEST(key_active_for_ever)
{
	struct zone_keys *k = zone_keys_new();
	struct key_change c;
	int64_t next;

	k->policy = quick;
	k->policy.zsk_lifetime = 0;
	k->n = 1;
	k->v[0] = (struct zone_key){ .use = KEY_SIGNS_ZONE, .state = KEY_ACTIVE, .since = T0 };
	rollover_due(k, T0 + (1 << 30), &c, &next);
	CHECK(c.what == KEY_NOTHING && next == INT64_MAX);
	zone_keys_free(k);
}

/* ---- what validators see, whatever they have in their caches ---- */

enum { SECONDS = 1200 };
struct seen { /* bits of keys */
	unsigned dnskey, signs_keys, signs_zone, ds;
};
struct world {
	struct zone_keys *keys;
	struct seen at[SECONDS];
	unsigned nkeys, ds;
	int64_t swap, tell; /* when the parent changes its DS, and when we see it */
};

static void look(struct world *w, int64_t t)
{
	struct seen *s = &w->at[t];

	*s = (struct seen){ .ds = w->ds };
	for (size_t i = 0; i < w->keys->n; i++) {
		const struct zone_key *k = &w->keys->v[i];
		unsigned bit = 1u << k->id;

		s->dnskey |= bit;
		s->signs_keys |= key_signs_keys(k) ? bit : 0;
		s->signs_zone |= key_signs_zone(k) ? bit : 0;
	}
}

static void add(struct world *w, enum key_use use, enum key_state state, int64_t t)
{
	w->keys->v[w->keys->n++] =
		(struct zone_key){ .id = w->nkeys++, .use = use, .state = state, .since = T0 + t };
}

static unsigned for_parent(const struct world *w)
{
	unsigned bits = 0;

	for (size_t i = 0; i < w->keys->n; i++)
		if (key_for_parent(w->keys, &w->keys->v[i]))
			bits |= 1u << w->keys->v[i].id;
	return bits;
}

/* The parent follows CDS after 7 seconds; we look 5 seconds later. */
static void parent(struct world *w, int64_t t)
{
	struct key_change c;

	if (for_parent(w) != w->ds && !w->swap)
		w->swap = t + 7;
	if (w->swap == t) {
		w->ds = for_parent(w);
		w->tell = t + 5;
		w->swap = 0;
	}
	if (w->tell == t && rollover_ds_seen(w->keys, &c) == OK)
		rollover_apply(w->keys, &c, T0 + t);
}

static void second(struct world *w, int64_t t)
{
	struct key_change c;
	int64_t next;

	for (rollover_due(w->keys, T0 + t, &c, &next); c.what != KEY_NOTHING;
	     rollover_due(w->keys, T0 + t, &c, &next)) {
		if (c.what == KEY_MAKE)
			add(w, c.use, KEY_PUBLISHED, t);
		rollover_apply(w->keys, &c, T0 + t);
	}
	parent(w, t);
	look(w, t);
}

static int64_t oldest(int64_t t, uint32_t ttl)
{
	int64_t from = t - ttl - quick.propagation;

	return from < 0 ? 0 : from;
}

/* Any DNSKEY set that may still be in a cache fits any signature and any DS that may be. */
static void check_second(const struct world *w, int64_t t)
{
	for (int64_t k = oldest(t, quick.key_ttl); k <= t; k++) {
		for (int64_t d = oldest(t, quick.max_ttl); d <= t; d++)
			CHECK_ROW(t, w->at[k].dnskey & w->at[d].signs_zone);
		for (int64_t d = oldest(t, quick.ds_ttl); d <= t; d++)
			CHECK_ROW(t, w->at[k].signs_keys & w->at[d].ds);
	}
}

TEST(rollover_validates_at_each_second) /* RFC 6781 4.1, RFC 7583 3 */
{
	for (int split = 0; split < 2; split++) {
		struct world *w = MEM_NEW(struct world);
		enum key_use top = split ? KEY_SIGNS_KEYS : KEY_SIGNS_BOTH;

		w->keys = zone_keys_new();
		w->keys->policy = quick;
		add(w, top, KEY_ACTIVE, 0);
		if (split)
			add(w, KEY_SIGNS_ZONE, KEY_ACTIVE, 0);
		w->ds = 1;
		for (int64_t t = 0; t < SECONDS; t++) {
			if (t == 300 || t == 650 || t == 1000) {
				CHECK_OK(rollover_may_begin(w->keys, top));
				add(w, top, KEY_PUBLISHED, t);
				CHECK(rollover_may_begin(w->keys, top) == E_AGAIN);
			}
			second(w, t);
			check_second(w, t);
		}
		CHECK(w->nkeys >= (split ? 1 + 3 + SECONDS / 100u : 4));
		CHECK(w->keys->n == (split ? 3 : 1)); /* the next ZSK is published */
		zone_keys_free(w->keys);
		mem_free(w);
	}
}

TEST(sign_serial_never_falls)
{
	struct sign_policy p = quick;

	p.since = T0;
	CHECK(sign_tick(&p) == 100);
	CHECK(sign_serial_step(&p, T0 - 5) == 0); /* a clock that is behind */
	CHECK(sign_serial_step(&p, T0 + 99) == 0);
	CHECK(sign_serial_step(&p, T0 + 100) == 1);
	p.bump = 3;
	CHECK(sign_serial_step(&p, T0 + 1000) == 13);
	p.validity = 1;
	CHECK(sign_tick(&p) == 1);
}

/* ---- stored ---- */

struct store {
	char dir[40], db[64], key[64];
	struct secrets *s;
};

static void store_open(struct store *t)
{
	(void)snprintf(t->dir, sizeof(t->dir), "/tmp/posta-zonekeys-XXXXXX");
	CHECK(mkdtemp(t->dir) != NULL);
	(void)snprintf(t->db, sizeof(t->db), "%s/zonekeys.db", t->dir);
	(void)snprintf(t->key, sizeof(t->key), "%s/zone.key", t->dir);
	CHECK_OK(secrets_open(t->db, t->key, true, &t->s));
}

static void store_close(struct store *t)
{
	char path[80];

	secrets_close(t->s);
	(void)unlink(t->db);
	(void)unlink(t->key);
	(void)snprintf(path, sizeof(path), "%s-wal", t->db);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s-shm", t->db);
	(void)unlink(path);
	CHECK(rmdir(t->dir) == 0);
}

static err count(void *arg, str zone, int64_t since, uint32_t bump)
{
	(void)zone, (void)since, (void)bump;
	++*(int *)arg;
	return OK;
}

TEST(keystore_signs_and_unsigns)
{
	struct store t;
	struct zone_keys *k = NULL;
	struct signer *signer = NULL;
	struct sign_policy p = quick;
	uint16_t tag;
	int n = 0;
	str zone = STR("example.org");

	store_open(&t);
	CHECK(keystore_load(t.s, zone, KEYSTORE_PUBLIC, &k) == E_NOTFOUND);
	CHECK(keystore_roll(t.s, zone, KEY_SIGNS_KEYS, T0, &tag) == E_NOTFOUND);
	CHECK_OK(keystore_sign(t.s, zone, &p, T0));
	CHECK_OK(keystore_load(t.s, zone, KEYSTORE_PRIVATE, &k));
	CHECK(k->n == 2 && k->policy.since == T0 && k->policy.bump == 0 && k->policy.split);
	CHECK(k->v[0].use == KEY_SIGNS_KEYS && k->v[0].dnskey[1] == 1);
	CHECK(k->v[1].use == KEY_SIGNS_ZONE && k->v[1].dnskey[1] == 0);
	CHECK_OK(signer_open(KEY_ED25519, str_of(k->v[1].pkcs8, k->v[1].npkcs8), &signer));
	signer_free(signer);
	zone_keys_free(k);

	/* Another policy: the serial goes on from where it is. */
	p.nsec3 = true;
	CHECK_OK(keystore_sign(t.s, zone, &p, T0 + 250));
	CHECK_OK(keystore_load(t.s, zone, KEYSTORE_PUBLIC, &k));
	CHECK(k->policy.nsec3 && k->policy.since == T0 && k->policy.bump == 1 && !k->v[0].npkcs8);
	CHECK(sign_serial_step(&k->policy, T0 + 250) == 3);
	zone_keys_free(k);
	p.validity = 6400;
	CHECK_OK(keystore_sign(t.s, zone, &p, T0 + 250));
	CHECK_OK(keystore_load(t.s, zone, KEYSTORE_PUBLIC, &k));
	CHECK(k->policy.since == T0 + 250 && sign_serial_step(&k->policy, T0 + 250) == 4);
	zone_keys_free(k);
	p.algorithm = KEY_ECDSAP256SHA256;
	CHECK(keystore_sign(t.s, zone, &p, T0 + 250) == E_DENIED);

	CHECK_OK(keystore_leave(t.s, zone, true, T0 + 250));
	CHECK_OK(keystore_load(t.s, zone, KEYSTORE_PUBLIC, &k));
	CHECK(k->policy.leaving && k->policy.bump == 5);
	zone_keys_free(k);
	CHECK_OK(keystore_each(t.s, count, &n));
	CHECK(n == 1);
	CHECK_OK(keystore_remove(t.s, zone));
	CHECK(keystore_remove(t.s, zone) == E_NOTFOUND);
	store_close(&t);
}

TEST(keystore_rolls_over)
{
	struct store t;
	struct zone_keys *k = NULL;
	struct sign_policy p = quick;
	uint16_t first, second_tag, tag;
	int64_t next;
	size_t changes;
	str zone = STR("example.org");

	static const struct {
		int64_t at;
		bool seen; /* the DS, just before */
		size_t changes, keys;
		int64_t next;
	} rows[] = {
		{ 12, false, 0, 2, 13 },	/* published */
		{ 13, false, 1, 2, INT64_MAX }, /* ready */
		{ 500, false, 0, 2, INT64_MAX }, { 501, true, 0, 2, 519 },
		{ 530, false, 1, 2, 553 }, /* active, somebody was late */
		{ 553, false, 1, 1, INT64_MAX },
	};

	store_open(&t);
	p.split = false;
	CHECK_OK(keystore_sign(t.s, zone, &p, T0));
	CHECK(keystore_ds_seen(t.s, zone, T0, &tag) == E_NOTFOUND);
	CHECK_OK(keystore_roll(t.s, zone, KEY_SIGNS_BOTH, T0, &second_tag));
	CHECK(keystore_roll(t.s, zone, KEY_SIGNS_BOTH, T0, &tag) == E_AGAIN);
	CHECK_OK(keystore_load(t.s, zone, KEYSTORE_PUBLIC, &k));
	first = k->v[0].tag;
	CHECK(first != second_tag && k->v[1].tag == second_tag);
	zone_keys_free(k);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].seen)
			CHECK_OK(keystore_ds_seen(t.s, zone, T0 + rows[i].at, &tag));
		CHECK_OK(keystore_advance(t.s, zone, T0 + rows[i].at, &k, &next, &changes));
		CHECK_ROW(i, changes == rows[i].changes && k->n == rows[i].keys);
		CHECK_ROW(i, next == (rows[i].next == INT64_MAX ? INT64_MAX : T0 + rows[i].next));
		CHECK_ROW(i, k->v[0].npkcs8);
		zone_keys_free(k);
	}
	CHECK(tag == second_tag);
	CHECK_OK(keystore_load(t.s, zone, KEYSTORE_PUBLIC, &k));
	CHECK(k->v[0].tag == second_tag && k->policy.bump == 5);
	zone_keys_free(k);
	store_close(&t);
}
