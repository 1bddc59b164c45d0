#include "services/zones/rollover.h"

#include "base/mem.h"

const struct sign_policy sign_policy_default = {
	.algorithm = KEY_ECDSAP256SHA256,
	.validity = 14 * 86400,
	.key_ttl = 3600,
	.max_ttl = 86400,
	.ds_ttl = 86400,
	.propagation = 3600,
	.zsk_lifetime = 90 * 86400,
};

struct zone_keys *zone_keys_new(void)
{
	struct zone_keys *k = MEM_NEW(struct zone_keys);

	k->policy = sign_policy_default;
	return k;
}

void zone_keys_free(struct zone_keys *k)
{
	if (!k)
		return;
	mem_wipe(k, sizeof(*k));
	mem_free(k);
}

/* ---- what a key does ---- */

bool key_signs_keys(const struct zone_key *k)
{
	return k->use & KEY_SIGNS_KEYS;
}

bool key_signs_zone(const struct zone_key *k)
{
	return k->use & KEY_SIGNS_ZONE && k->state == KEY_ACTIVE;
}

static bool replaces(const struct zone_key *k)
{
	return k->state == KEY_READY || k->state == KEY_SEEN;
}

bool key_for_parent(const struct zone_keys *keys, const struct zone_key *k)
{
	if (!key_signs_keys(k))
		return false;
	for (size_t i = 0; i < keys->n; i++)
		if (key_signs_keys(&keys->v[i]) && replaces(&keys->v[i]))
			return replaces(k);
	return k->state == KEY_ACTIVE;
}

/* ---- what is due ---- */

/* A key of the same use that is on its way to ACTIVE. */
static bool has_successor(const struct zone_keys *keys, enum key_use use)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].use == use && keys->v[i].state < KEY_ACTIVE)
			return true;
	return false;
}

/* Until every cache that has the old DNSKEY set, or none, has the new one (RFC 7583 3.2.1: Ipub).
 */
static int64_t publishing(const struct sign_policy *p)
{
	return (int64_t)p->key_ttl + p->propagation;
}

/* What this key does next by itself, and when; false: nothing. */
static bool next_of(const struct zone_keys *keys, const struct zone_key *k, int64_t *at,
		    struct key_change *c)
{
	const struct sign_policy *p = &keys->policy;
	bool zsk = k->use == KEY_SIGNS_ZONE;

	switch (k->state) {
	case KEY_PUBLISHED:
		*at = k->since + publishing(p);
		*c = (struct key_change){ KEY_MOVE, .to = zsk ? KEY_ACTIVE : KEY_READY };
		return true;
	case KEY_READY:
		return false;
	case KEY_SEEN:
		*at = k->since + p->ds_ttl + p->propagation;
		*c = (struct key_change){ KEY_MOVE, .to = KEY_ACTIVE };
		return true;
	case KEY_ACTIVE:
		*at = k->since + p->zsk_lifetime - publishing(p);
		*c = (struct key_change){ KEY_MAKE, .use = KEY_SIGNS_ZONE };
		return zsk && p->zsk_lifetime && !has_successor(keys, k->use);
	case KEY_RETIRED:
		*at = k->since + p->max_ttl + p->propagation;
		*c = (struct key_change){ KEY_DROP };
		return true;
	}
	return false;
}

void rollover_due(const struct zone_keys *keys, int64_t now, struct key_change *out, int64_t *next)
{
	*out = (struct key_change){ KEY_NOTHING };
	*next = INT64_MAX;
	for (size_t i = 0; i < keys->n; i++) {
		struct key_change c;
		int64_t at;

		if (!next_of(keys, &keys->v[i], &at, &c))
			continue;
		c.key = i;
		if (at <= now) {
			*out = c;
			return;
		}
		if (at < *next)
			*next = at;
	}
}

static void move(struct zone_key *k, enum key_state to, int64_t now)
{
	k->state = to;
	k->since = now;
}

void rollover_apply(struct zone_keys *keys, const struct key_change *c, int64_t now)
{
	struct zone_key *k = &keys->v[c->key];

	if (c->what == KEY_DROP) {
		mem_wipe(k->pkcs8, sizeof(k->pkcs8));
		*k = keys->v[--keys->n];
	}
	if (c->what != KEY_MOVE)
		return;
	for (size_t i = 0; c->to == KEY_ACTIVE && i < keys->n; i++)
		if (keys->v[i].use & k->use && keys->v[i].state == KEY_ACTIVE)
			move(&keys->v[i], KEY_RETIRED, now);
	move(k, c->to, now);
}

err rollover_may_begin(const struct zone_keys *keys, enum key_use use)
{
	if (has_successor(keys, use))
		return fail(E_AGAIN, "a roll-over is under way: see posta zone keys");
	return keys->n < ZONE_KEYS
		       ? OK
		       : fail(E_AGAIN, "the zone has %zu keys: wait until old ones are gone",
			      keys->n);
}

err rollover_ds_seen(const struct zone_keys *keys, struct key_change *out)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].state == KEY_READY) {
			*out = (struct key_change){ KEY_MOVE, .key = i, .to = KEY_SEEN };
			return OK;
		}
	return fail(E_NOTFOUND, "no key waits for its DS");
}

/* ---- times ---- */

int64_t sign_tick(const struct sign_policy *p)
{
	int64_t t = p->validity / (2 * SIGN_PARTS);

	return t ? t : 1;
}

int64_t sign_ticks(const struct sign_policy *p, int64_t now)
{
	return now > p->since ? (now - p->since) / sign_tick(p) : 0;
}

uint32_t sign_serial_step(const struct sign_policy *p, int64_t now)
{
	return p->bump + (uint32_t)sign_ticks(p, now);
}
