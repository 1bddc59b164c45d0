/* What posta.conf says of transfers. */
#include "base/enc.h"
#include "roles/dns/transfers_state.h"

struct key_texts {
	str name, algorithm, secret;
};
const struct conf_key dns_key_keys[DNS_KEY_KEYS] = {
	{ "name", CONF_STR, offsetof(struct key_texts, name), 0, 0, NULL,
	  "the key's name, the same at the other server" },
	{ "algorithm", CONF_STR, offsetof(struct key_texts, algorithm), 0, 0, "hmac-sha256",
	  "hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224 or hmac-sha1" },
	{ "secret", CONF_STR, offsetof(struct key_texts, secret), 0, 0, NULL,
	  "the secret in base64, as tsig-keygen and keymgr print it" },
};

struct secondary_texts {
	str name, key;
	struct conf_strs primaries, transfer, notify;
};
const struct conf_key dns_secondary_keys[DNS_SECONDARY_KEYS] = {
	{ "name", CONF_STR, offsetof(struct secondary_texts, name), 0, 0, NULL,
	  "the zone: \"example.org\"" },
	{ "primaries", CONF_STRS, offsetof(struct secondary_texts, primaries), 0, 0, NULL,
	  "servers that it is taken from: \"192.0.2.1:53\", \"192.0.2.1@KEY\"" },
	{ "key", CONF_STR, offsetof(struct secondary_texts, key), 0, 0, "",
	  "the TSIG key of primaries that name none" },
	{ "transfer", CONF_STRS, offsetof(struct secondary_texts, transfer), 0, 0, "",
	  "who may take it from us; as dns.transfer" },
	{ "notify", CONF_STRS, offsetof(struct secondary_texts, notify), 0, 0, "",
	  "who is told of its changes by us; as dns.notify" },
};

static err bad(const struct conf_node *n, struct buf *complaints, const char *what)
{
	conf_complain(n, complaints, "%s", what);
	return E_SYNTAX;
}

static err bad_text(const struct conf_node *n, struct buf *complaints)
{
	return bad(n, complaints, err_last()->text);
}

/* ---- keys ---- */

static err read_key(const struct role_env *env, const struct conf_node *n, struct tsig_key *to,
		    struct buf *complaints)
{
	CLEANUP(buf_wipe) struct buf secret = { 0 };
	struct key_texts t;

	buf_init(&secret, 512);
	TRY(conf_read(n, dns_key_keys, DNS_KEY_KEYS, &t, env->arena, complaints));
	if (dns_name_parse(t.name, STR("\0"), &to->name) != OK)
		return bad(n, complaints,
			   "the key's name is no domain name; write \"xfer.example\"");
	dns_name_lower(&to->name);
	if (tsig_algorithm_parse(t.algorithm, &to->algorithm) != OK)
		return bad(n, complaints, "unknown algorithm; write \"hmac-sha256\"");
	if (dec_base64(&secret, t.secret) != OK || !secret.n)
		return bad(n, complaints,
			   "the secret is not base64; write what tsig-keygen prints");
	to->secret = arena_dup(env->arena, buf_str(&secret));
	return to->secret.p ? OK : fail(E_LIMIT, "memory for keys");
}

static err read_keys(const struct role_env *env, struct dns_transfer_settings *s,
		     struct buf *complaints)
{
	size_t n = conf_count(s->keys_node);

	s->keys = arena_get(env->arena, size_mul(n + 1, sizeof(*s->keys)), 16);
	for (size_t i = 0; i < n; i++) {
		TRY(read_key(env, conf_at(s->keys_node, i), &s->keys[i], complaints));
		s->nkeys++;
	}
	return OK;
}

static const struct tsig_key *find_key(const struct dns_transfer_settings *s, str name)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (dns_name_eq(dns_name_str(&s->keys[i].name), name))
			return &s->keys[i];
	return NULL;
}

const struct tsig_key *transfers_key(const struct transfers *t, str name)
{
	return find_key(t->o.settings(), name);
}

/* A list that names a key that there is not would never do what it was written for. */
static err check_key(const struct dns_transfer_settings *s, const struct dns_name *key,
		     const struct conf_node *n, struct buf *complaints)
{
	if (!key->n || find_key(s, dns_name_str(key)))
		return OK;
	return bad(n, complaints, "no key of that name; add it to dns.keys");
}

/* ---- lists ---- */

static err check_access(const struct dns_transfer_settings *s, str item, const struct conf_node *n,
			struct buf *complaints)
{
	struct zone_access a;

	if (zone_access_parse(item, &a) != OK)
		return bad_text(n, complaints);
	return check_key(s, &a.key, n, complaints);
}

static err check_target(const struct dns_transfer_settings *s, str item, const struct conf_node *n,
			struct buf *complaints)
{
	struct zone_target t;

	if (zone_target_parse(item, &t) != OK)
		return bad_text(n, complaints);
	return check_key(s, &t.key, n, complaints);
}

/* The texts, judged, as one list with commas. */
static err join(const struct role_env *env, const struct dns_transfer_settings *s,
		const struct conf_strs *texts, const struct conf_node *n, struct buf *complaints,
		err (*check)(const struct dns_transfer_settings *s, str item,
			     const struct conf_node *n, struct buf *complaints),
		str *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(64));
	for (size_t i = 0; i < texts->n; i++) {
		str item = str_trim(texts->v[i]);

		if (!item.n)
			continue;
		TRY(check(s, item, n, complaints));
		buf_fmt(&b, "%s%.*s", b.n ? "," : "", STRF(item));
	}
	TRY(buf_done(&b));
	*out = arena_dup(env->arena, buf_str(&b));
	return OK;
}

/* ---- followed zones ---- */

static err read_primaries(const struct role_env *env, const struct dns_transfer_settings *s,
			  const struct conf_node *n, const struct secondary_texts *t,
			  struct dns_secondary *to, struct buf *complaints)
{
	struct zone_access key = { 0 };
	CLEANUP(buf_free) struct buf text = { 0 };

	buf_init(&text, KIB(1));
	if (t->key.n) {
		buf_fmt(&text, "key:%.*s", STRF(t->key));
		TRY(check_access(s, buf_str(&text), n, complaints));
		TRY(zone_access_parse(buf_str(&text), &key));
	}
	to->primaries =
		arena_get(env->arena, size_mul(t->primaries.n + 1, sizeof(*to->primaries)), 16);
	for (size_t i = 0; i < t->primaries.n; i++) {
		struct zone_target *p = &to->primaries[to->nprimaries];
		str item = str_trim(t->primaries.v[i]);

		TRY(check_target(s, item, n, complaints));
		TRY(zone_target_parse(item, p));
		if (!p->key.n)
			p->key = key.key;
		to->nprimaries++;
	}
	return to->nprimaries ? OK
			      : bad(n, complaints, "no primary; write primaries = [\"192.0.2.1\"]");
}

static err read_secondary(const struct role_env *env, struct dns_transfer_settings *s,
			  const struct conf_node *n, bool catalog, struct buf *complaints)
{
	struct dns_secondary *to = &s->secondaries[s->nsecondaries];
	struct secondary_texts t;

	TRY(conf_read(n, dns_secondary_keys, DNS_SECONDARY_KEYS, &t, env->arena, complaints));
	if (dns_name_parse(t.name, STR("\0"), &to->zone) != OK)
		return bad(n, complaints, "the zone's name is no domain name");
	dns_name_lower(&to->zone);
	for (size_t i = 0; i < s->nsecondaries; i++)
		if (dns_name_eq(dns_name_str(&s->secondaries[i].zone), dns_name_str(&to->zone)))
			return bad(n, complaints, "this zone is there twice; remove one of them");
	TRY(read_primaries(env, s, n, &t, to, complaints));
	TRY(join(env, s, &t.transfer, n, complaints, check_access, &to->transfer));
	TRY(join(env, s, &t.notify, n, complaints, check_target, &to->notify));
	to->catalog = catalog;
	s->nsecondaries++;
	return OK;
}

static err read_secondaries(const struct role_env *env, struct dns_transfer_settings *s,
			    struct buf *complaints)
{
	size_t zones = conf_count(s->secondary_node), catalogs = conf_count(s->catalogs_node);

	s->secondaries =
		arena_get(env->arena, size_mul(zones + catalogs + 1, sizeof(*s->secondaries)), 16);
	for (size_t i = 0; i < zones; i++)
		TRY(read_secondary(env, s, conf_at(s->secondary_node, i), false, complaints));
	for (size_t i = 0; i < catalogs; i++)
		TRY(read_secondary(env, s, conf_at(s->catalogs_node, i), true, complaints));
	return OK;
}

err dns_transfers_read(const struct role_env *env, struct buf *complaints,
		       struct dns_transfer_settings *s)
{
	TRY(read_keys(env, s, complaints));
	TRY(join(env, s, &s->transfer_texts, conf_find(env->conf, "transfer"), complaints,
		 check_access, &s->transfer));
	TRY(join(env, s, &s->notify_texts, conf_find(env->conf, "notify"), complaints, check_target,
		 &s->notify));
	if (s->catalog_name.n) {
		if (dns_name_parse(s->catalog_name, STR("\0"), &s->catalog) != OK ||
		    s->catalog.n > DNS_NAME_MAX - 24)
			return bad(
				conf_find(env->conf, "catalog"), complaints,
				"the catalog's name is no domain name; write \"catalog.example\"");
		dns_name_lower(&s->catalog);
	}
	return read_secondaries(env, s, complaints);
}
