#include "services/zones/keystore.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

/* ---- reading ---- */

#define POLICY                                                                                     \
	"algorithm, split, nsec3, leaving, validity, key_ttl, max_ttl, ds_ttl, propagation,"       \
	" zsk_lifetime, since, bump"

static void take_policy(struct sql_stmt *st, struct sign_policy *p)
{
	*p = (struct sign_policy){
		.algorithm = (uint8_t)sql_int(st, 0),
		.split = sql_int(st, 1) != 0,
		.nsec3 = sql_int(st, 2) != 0,
		.leaving = sql_int(st, 3) != 0,
		.validity = (uint32_t)sql_int(st, 4),
		.key_ttl = (uint32_t)sql_int(st, 5),
		.max_ttl = (uint32_t)sql_int(st, 6),
		.ds_ttl = (uint32_t)sql_int(st, 7),
		.propagation = (uint32_t)sql_int(st, 8),
		.zsk_lifetime = (uint32_t)sql_int(st, 9),
		.since = sql_int(st, 10),
		.bump = (uint32_t)sql_int(st, 11),
	};
}

static err load_policy(struct secrets *s, str zone, struct sign_policy *p)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(secrets_sql(s), &st, "SELECT " POLICY " FROM zone_signing WHERE zone = ?",
		      SQL_T(zone)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? fail(E_NOTFOUND, "%.*s is not signed: see posta zone sign",
					 STRF(zone))
				  : e;
	take_policy(st, p);
	return OK;
}

static err take_key(struct sql_stmt *st, struct zone_key *k)
{
	str dnskey = sql_text(st, 6);
	int64_t use = sql_int(st, 2), state = sql_int(st, 3);

	if (dnskey.n < 5 || dnskey.n > sizeof(k->dnskey) || use < KEY_SIGNS_KEYS ||
	    use > KEY_SIGNS_BOTH || state < KEY_PUBLISHED || state > KEY_RETIRED)
		return fail(E_CORRUPT, "a key of a zone is not what it should be");
	*k = (struct zone_key){ .id = sql_int(st, 0),
				.algorithm = (uint8_t)sql_int(st, 1),
				.use = (enum key_use)use,
				.state = (enum key_state)state,
				.since = sql_int(st, 4),
				.created = sql_int(st, 5),
				.tag = key_tag(dnskey),
				.ndnskey = (uint16_t)dnskey.n };
	memcpy(k->dnskey, dnskey.p, dnskey.n);
	return OK;
}

static err load_keys(struct secrets *s, str zone, struct zone_keys *keys)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(secrets_sql(s), &st,
		      "SELECT id, algorithm, use, state, since, created, dnskey FROM zone_keys"
		      " WHERE zone = ? ORDER BY id",
		      SQL_T(zone)));
	while ((e = sql_step(st)) == OK) {
		if (keys->n == ZONE_KEYS)
			return fail(E_CORRUPT, "%.*s has more than %d keys", STRF(zone), ZONE_KEYS);
		TRY(take_key(st, &keys->v[keys->n]));
		keys->n++;
	}
	return e == E_EOF ? OK : e;
}

/* The name under which the private half is sealed. */
struct key_name {
	char p[1100];
	str s;
};
static void name_key(str zone, int64_t id, struct key_name *out)
{
	int n = snprintf(out->p, sizeof(out->p), "zone:%.*s:%lld", STRF(zone), (long long)id);

	out->s = str_of(out->p, n < 0 || (size_t)n >= sizeof(out->p) ? 0 : (size_t)n);
}

static err load_private(struct secrets *s, str zone, struct zone_key *k)
{
	CLEANUP(buf_wipe) struct buf b = { 0 };
	struct key_name name;

	buf_init(&b, LIM_SEALED_KEY);
	name_key(zone, k->id, &name);
	TRY(secrets_key_get(s, name.s, &b));
	if (b.n > sizeof(k->pkcs8))
		return fail(E_CORRUPT, "a private key of %zu octets", b.n);
	memcpy(k->pkcs8, b.p, b.n);
	k->npkcs8 = (uint16_t)b.n;
	return OK;
}

static err fill(struct secrets *s, str zone, enum keystore_how how, struct zone_keys *keys)
{
	TRY(load_policy(s, zone, &keys->policy));
	TRY(load_keys(s, zone, keys));
	for (size_t i = 0; how == KEYSTORE_PRIVATE && i < keys->n; i++)
		TRY(load_private(s, zone, &keys->v[i]));
	return OK;
}

static err load(struct secrets *s, str zone, enum keystore_how how, struct zone_keys **out)
{
	struct zone_keys *keys = zone_keys_new();
	err e = fill(s, zone, how, keys);

	if (e)
		zone_keys_free(keys);
	else
		*out = keys;
	return e;
}

err keystore_load(struct secrets *s, str zone, enum keystore_how how, struct zone_keys **out)
{
	TRY(sql_begin(secrets_sql(s), SQL_READ)); /* one steady view */
	err e = load(s, zone, how, out);

	sql_rollback(secrets_sql(s));
	return e;
}

err keystore_each(struct secrets *s, err (*fn)(void *arg, str zone, int64_t since, uint32_t bump),
		  void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(secrets_sql(s), &st, "SELECT zone, since, bump FROM zone_signing"));
	while ((e = sql_step(st)) == OK)
		TRY(fn(arg, sql_text(st, 0), sql_int(st, 1), (uint32_t)sql_int(st, 2)));
	return e == E_EOF ? OK : e;
}

/* ---- writing; inside a transaction ---- */

static err put_policy(struct secrets *s, str zone, const struct sign_policy *p)
{
	/* No REPLACE: keys refer to the row. */
	TRY(SQL_RUN(secrets_sql(s),
		    "UPDATE zone_signing SET algorithm = ?, split = ?, nsec3 = ?, leaving = ?,"
		    " validity = ?, key_ttl = ?, max_ttl = ?, ds_ttl = ?, propagation = ?,"
		    " zsk_lifetime = ?, since = ?, bump = ? WHERE zone = ?",
		    SQL_I(p->algorithm), SQL_I(p->split), SQL_I(p->nsec3), SQL_I(p->leaving),
		    SQL_I(p->validity), SQL_I(p->key_ttl), SQL_I(p->max_ttl), SQL_I(p->ds_ttl),
		    SQL_I(p->propagation), SQL_I(p->zsk_lifetime), SQL_I(p->since), SQL_I(p->bump),
		    SQL_T(zone)));
	if (sql_changed(secrets_sql(s)))
		return OK;
	return SQL_RUN(secrets_sql(s),
		       "INSERT INTO zone_signing (zone, " POLICY
		       ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       SQL_T(zone), SQL_I(p->algorithm), SQL_I(p->split), SQL_I(p->nsec3),
		       SQL_I(p->leaving), SQL_I(p->validity), SQL_I(p->key_ttl), SQL_I(p->max_ttl),
		       SQL_I(p->ds_ttl), SQL_I(p->propagation), SQL_I(p->zsk_lifetime),
		       SQL_I(p->since), SQL_I(p->bump));
}

static err bump(struct secrets *s, str zone)
{
	return SQL_RUN(secrets_sql(s), "UPDATE zone_signing SET bump = bump + 1 WHERE zone = ?",
		       SQL_T(zone));
}

static bool tag_taken(const struct zone_keys *keys, uint16_t tag)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].tag == tag)
			return true;
	return false;
}

/* Two keys of one tag would make validators try both (RFC 4034 B): another one is drawn. */
static err draw(const struct zone_keys *keys, enum key_use use, struct buf *priv, struct buf *pub)
{
	uint16_t flags = use & KEY_SIGNS_KEYS ? KEY_ZONE | KEY_SEP : KEY_ZONE;

	do {
		buf_reset(priv);
		buf_reset(pub);
		TRY(key_make(keys->policy.algorithm, flags, priv, pub));
	} while (tag_taken(keys, key_tag(buf_str(pub))));
	return OK;
}

static err add_key(struct secrets *s, str zone, struct zone_keys *keys, enum key_use use,
		   enum key_state state, int64_t now)
{
	CLEANUP(buf_wipe) struct buf priv = { 0 };
	CLEANUP(buf_free) struct buf pub = { 0 };
	struct key_name name;

	if (keys->n == ZONE_KEYS)
		return fail(E_AGAIN, "%.*s has %d keys already", STRF(zone), ZONE_KEYS);
	buf_init(&priv, KEY_PKCS8);
	buf_init(&pub, KEY_DNSKEY);
	TRY(draw(keys, use, &priv, &pub));
	TRY(SQL_RUN(secrets_sql(s),
		    "INSERT INTO zone_keys (zone, algorithm, use, state, since, created, dnskey)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?)",
		    SQL_T(zone), SQL_I(keys->policy.algorithm), SQL_I(use), SQL_I(state),
		    SQL_I(now), SQL_I(now), SQL_B(buf_str(&pub))));
	struct zone_key *k = &keys->v[keys->n];

	*k = (struct zone_key){ .id = sql_last_id(secrets_sql(s)),
				.algorithm = keys->policy.algorithm,
				.use = use,
				.state = state,
				.since = now,
				.created = now,
				.tag = key_tag(buf_str(&pub)),
				.ndnskey = (uint16_t)pub.n };
	memcpy(k->dnskey, pub.p, pub.n);
	keys->n++;
	name_key(zone, k->id, &name);
	return secrets_key_put(s, name.s, buf_str(&priv));
}

static err drop_key(struct secrets *s, str zone, int64_t id)
{
	struct key_name name;

	name_key(zone, id, &name);
	TRY(SQL_RUN(secrets_sql(s), "DELETE FROM zone_keys WHERE id = ?", SQL_I(id)));
	err e = secrets_key_remove(s, name.s);

	return e == E_NOTFOUND ? OK : e;
}

static err store_states(struct secrets *s, const struct zone_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		TRY(SQL_RUN(
			secrets_sql(s), "UPDATE zone_keys SET state = ?, since = ? WHERE id = ?",
			SQL_I(keys->v[i].state), SQL_I(keys->v[i].since), SQL_I(keys->v[i].id)));
	return OK;
}

static err make_change(struct secrets *s, str zone, struct zone_keys *keys,
		       const struct key_change *c, int64_t now)
{
	if (c->what == KEY_MAKE)
		TRY(add_key(s, zone, keys, c->use, KEY_PUBLISHED, now));
	else if (c->what == KEY_DROP)
		TRY(drop_key(s, zone, keys->v[c->key].id));
	rollover_apply(keys, c, now);
	TRY(store_states(s, keys));
	return bump(s, zone);
}

/* Runs fn in a transaction with the zone's keys as they are. */
struct change {
	struct secrets *s;
	str zone;
	struct zone_keys *keys; /* loaded; for fn to change */
	int64_t now;
	const struct sign_policy *policy;
	enum key_use use;
	bool leaving;
	size_t changes;
	uint16_t tag;
};
static err in_transaction(struct change *c, err (*fn)(struct change *c))
{
	TRY(secrets_begin(c->s));
	err e = load(c->s, c->zone, KEYSTORE_PUBLIC, &c->keys);

	if (!e || e == E_NOTFOUND)
		e = e && !c->policy ? e : fn(c);
	if (!e)
		e = secrets_commit(c->s);
	if (e)
		secrets_rollback(c->s);
	zone_keys_free(c->keys);
	return e;
}

/* ---- what is due ---- */

static err advance(struct change *c)
{
	struct key_change due;
	int64_t next;

	for (rollover_due(c->keys, c->now, &due, &next); due.what != KEY_NOTHING;
	     rollover_due(c->keys, c->now, &due, &next)) {
		TRY(make_change(c->s, c->zone, c->keys, &due, c->now));
		c->changes++;
	}
	return OK;
}

err keystore_advance(struct secrets *s, str zone, int64_t now, struct zone_keys **out,
		     int64_t *next, size_t *changes)
{
	struct change c = { .s = s, .zone = zone, .now = now };
	struct key_change due;

	*changes = 0;
	TRY(keystore_load(s, zone, KEYSTORE_PRIVATE, out));
	rollover_due(*out, now, &due, next);
	if (due.what == KEY_NOTHING) /* the usual case writes nothing */
		return OK;
	zone_keys_free(*out);
	*out = NULL;
	TRY(in_transaction(&c, advance));
	*changes = c.changes;
	TRY(keystore_load(s, zone, KEYSTORE_PRIVATE, out));
	rollover_due(*out, now, &due, next);
	return OK;
}

/* ---- what commands do ---- */

static err first_keys(struct change *c)
{
	struct zone_keys *keys = c->keys = zone_keys_new();

	keys->policy = *c->policy;
	keys->policy.since = c->now;
	keys->policy.bump = 0;
	TRY(put_policy(c->s, c->zone, &keys->policy));
	if (!keys->policy.split)
		return add_key(c->s, c->zone, keys, KEY_SIGNS_BOTH, KEY_ACTIVE, c->now);
	TRY(add_key(c->s, c->zone, keys, KEY_SIGNS_KEYS, KEY_ACTIVE, c->now));
	return add_key(c->s, c->zone, keys, KEY_SIGNS_ZONE, KEY_ACTIVE, c->now);
}

/* Another length of a tick begins a new count of them; the serial must not fall back, so what it
 * was ahead stays. */
static err store_policy(struct change *c, const struct sign_policy *p)
{
	const struct sign_policy *was = &c->keys->policy;
	struct sign_policy next = *p;
	bool same = sign_tick(was) == sign_tick(p);

	next.since = same ? was->since : c->now;
	next.bump = (same ? was->bump : sign_serial_step(was, c->now)) + 1;
	return put_policy(c->s, c->zone, &next);
}

static err sign(struct change *c)
{
	if (!c->keys)
		return first_keys(c);
	if (c->policy->algorithm != c->keys->policy.algorithm ||
	    c->policy->split != c->keys->policy.split)
		return fail(E_DENIED, "%.*s is signed with other kinds of keys; unsign it first",
			    STRF(c->zone));
	return store_policy(c, c->policy);
}

err keystore_sign(struct secrets *s, str zone, const struct sign_policy *p, int64_t now)
{
	struct change c = { .s = s, .zone = zone, .policy = p, .now = now };

	return in_transaction(&c, sign);
}

static err leave(struct change *c)
{
	struct sign_policy p = c->keys->policy;

	if (p.leaving == c->leaving)
		return OK;
	p.leaving = c->leaving;
	return store_policy(c, &p);
}

err keystore_leave(struct secrets *s, str zone, bool leaving, int64_t now)
{
	struct change c = { .s = s, .zone = zone, .leaving = leaving, .now = now };

	return in_transaction(&c, leave);
}

static err roll(struct change *c)
{
	const struct key_change make = { KEY_MAKE, .use = c->use };

	TRY(rollover_may_begin(c->keys, c->use));
	TRY(make_change(c->s, c->zone, c->keys, &make, c->now));
	c->tag = c->keys->v[c->keys->n - 1].tag;
	return OK;
}

err keystore_roll(struct secrets *s, str zone, enum key_use use, int64_t now, uint16_t *tag)
{
	struct change c = { .s = s, .zone = zone, .use = use, .now = now };

	TRY(in_transaction(&c, roll));
	*tag = c.tag;
	return OK;
}

static err ds_seen(struct change *c)
{
	struct key_change seen;

	TRY(rollover_ds_seen(c->keys, &seen));
	c->tag = c->keys->v[seen.key].tag;
	return make_change(c->s, c->zone, c->keys, &seen, c->now);
}

err keystore_ds_seen(struct secrets *s, str zone, int64_t now, uint16_t *tag)
{
	struct change c = { .s = s, .zone = zone, .now = now };

	TRY(in_transaction(&c, ds_seen));
	*tag = c.tag;
	return OK;
}

static err drop_all(struct change *c)
{
	for (size_t i = 0; i < c->keys->n; i++)
		TRY(drop_key(c->s, c->zone, c->keys->v[i].id));
	return SQL_RUN(secrets_sql(c->s), "DELETE FROM zone_signing WHERE zone = ?",
		       SQL_T(c->zone));
}

err keystore_remove(struct secrets *s, str zone)
{
	struct change c = { .s = s, .zone = zone };

	return in_transaction(&c, drop_all);
}
