/* posta zone keys, ds, roll, ds-seen. */
#include <stdio.h>

#include "base/date.h"
#include "base/limits.h"
#include "posta/cmd_zone_parent.h"

static const char *const states[] = { "", "published", "ready", "seen", "active", "retired" };
static const char *const uses[] = { "", "KSK", "ZSK", "CSK" };

struct shown {
	struct dircmd *c;
	struct dirzone_name name;
	struct zone_keys *keys;
};

static int open_keys(struct shown *k, int argc, char **argv, struct dircmd_option *options)
{
	int code = dircmd_parse(k->c, argc, argv, NULL, options, 1, 1);

	if (!code)
		code = dircmd_open(k->c, DIRCMD_WRITE | DIRCMD_ZONE_KEYS);
	if (code)
		return code;
	err e = dirzone_name_parse(k->c->words[0], &k->name);

	if (!e)
		e = keystore_load(k->c->zone_keys, k->name.text, KEYSTORE_PUBLIC, &k->keys);
	return e ? dircmd_error(k->c, e) : CMD_OK;
}

/* ---- keys ---- */

/* When what comes next for this key comes by itself; 0: it does not. */
static int64_t next_of(const struct shown *k, const struct zone_key *key)
{
	struct zone_keys *one = zone_keys_new();
	struct key_change c;
	int64_t next;

	one->policy = k->keys->policy;
	one->v[one->n++] = *key;
	rollover_due(one, INT64_MIN, &c, &next);
	zone_keys_free(one);
	return next == INT64_MAX ? 0 : next;
}

static void add_key(const struct shown *k, const struct zone_key *key, struct buf *out)
{
	bool parent = key_for_parent(k->keys, key);
	str algorithm = key_algorithm_name(key->algorithm);
	int64_t next = next_of(k, key);

	if (k->c->env->json)
		buf_fmt(out,
			"%s\n  {\"key_tag\": %u, \"algorithm\": \"%.*s\", \"use\": \"%s\", "
			"\"state\": "
			"\"%s\", \"parent\": %s, \"since\": \"",
			out->p[out->n - 1] == '[' ? "" : ",", key->tag, STRF(algorithm),
			uses[key->use], states[key->state], parent ? "true" : "false");
	else
		buf_fmt(out, "%5u %-16.*s %s %-9s since ", key->tag, STRF(algorithm),
			uses[key->use], states[key->state]);
	date_add_iso(out, key->since);
	if (k->c->env->json) {
		buf_add(out, next ? STR("\", \"next\": \"") : STR("\", \"next\": null}"));
		if (next) {
			date_add_iso(out, next);
			buf_add(out, STR("\"}"));
		}
		return;
	}
	if (next) {
		buf_add(out, STR(", next at "));
		date_add_iso(out, next);
	}
	if (key->state == KEY_READY)
		buf_add(out, STR(", waits for its DS at the parent: posta zone ds"));
	else if (parent)
		buf_add(out, STR(", named by the DS"));
	buf_addc(out, '\n');
}

int cmd_zone_keys(struct dircmd *c, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct shown k = { .c = c };
	int code = open_keys(&k, argc, argv, NULL);

	if (code)
		return code;
	const struct sign_policy *p = &k.keys->policy;

	buf_init(&b, KIB(64));
	if (c->env->json) {
		buf_add(&b, STR("{\"zone\": "));
		cmd_json(&b, k.name.text);
		buf_fmt(&b, ", \"nsec3\": %s, \"leaving\": %s, \"validity\": %u, \"keys\": [",
			p->nsec3 ? "true" : "false", p->leaving ? "true" : "false", p->validity);
	} else if (p->leaving) {
		buf_add(&b, STR("CDS and CDNSKEY ask the parent to delete the DS\n"));
	}
	for (size_t i = 0; i < k.keys->n; i++)
		add_key(&k, &k.keys->v[i], &b);
	if (c->env->json)
		buf_add(&b, STR("\n ]}\n"));
	zone_keys_free(k.keys);
	return cmd_print(&b);
}

/* ---- ds ---- */

int cmd_zone_ds(struct dircmd *c, int argc, char **argv)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct shown k = { .c = c };
	int code = open_keys(&k, argc, argv, NULL);

	if (code)
		return code;
	buf_init(&b, KIB(64));
	err e = zone_ds_print(c, k.keys, dns_name_str(&k.name.wire), &b);

	zone_keys_free(k.keys);
	if (c->env->json)
		buf_addc(&b, '\n');
	return e ? dircmd_error(c, e) : cmd_print(&b);
}

/* ---- roll ---- */

int cmd_zone_roll(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { .name = "--zsk" }, { 0 } };
	struct shown k = { .c = c };
	uint16_t tag = 0;
	char what[60];
	int code = open_keys(&k, argc, argv, options);

	if (code)
		return code;
	bool split = k.keys->policy.split, zsk = options[0].given;

	zone_keys_free(k.keys);
	if (zsk && !split)
		return cmd_failed(c->env, "the zone has one key for both uses: leave out --zsk");
	err e = keystore_roll(c->zone_keys, k.name.text,
			      zsk     ? KEY_SIGNS_ZONE
			      : split ? KEY_SIGNS_KEYS
				      : KEY_SIGNS_BOTH,
			      clock_unix(), &tag);
	if (e)
		return dircmd_error(c, e);
	(void)snprintf(what, sizeof(what), "rolls over to key %u", tag);
	if (!zsk)
		fprintf(stderr, "when posta zone keys says ready, CDS names the new key: see that "
				"the parent "
				"has its DS (posta zone ds), then posta zone ds-seen\n");
	return dircmd_done(c, "zone", k.name.text, what);
}

/* ---- ds-seen ---- */

static const struct zone_key *waiting(const struct zone_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].state == KEY_READY)
			return &keys->v[i];
	return NULL;
}

/* OK: the new one is there and no other. */
static err check_parent(struct shown *k, str resolver)
{
	const struct zone_key *key = waiting(k->keys);
	str *ds;
	size_t n = 0;
	bool has;

	if (!key)
		return OK; /* keystore_ds_seen says it */
	TRY(zone_parent_ds(k->c, k->name.text, resolver, &ds, &n));
	TRY(zone_parent_has(key, dns_name_str(&k->name.wire), ds, n, &has));
	if (!has)
		return fail(E_NOTFOUND,
			    "the parent has no DS of key %u yet, or the resolver's cache is older; "
			    "--force believes you",
			    key->tag);
	return OK;
}

int cmd_zone_ds_seen(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { .name = "--force" },
					   { .name = "--resolver", .takes = true },
					   { 0 } };
	struct shown k = { .c = c };
	uint16_t tag = 0;
	char what[60];
	int code = open_keys(&k, argc, argv, options);

	if (code)
		return code;
	err e = OK;

	if (!options[0].given)
		e = check_parent(&k, options[1].given ? options[1].value : STR(""));
	zone_keys_free(k.keys);
	if (!e)
		e = keystore_ds_seen(c->zone_keys, k.name.text, clock_unix(), &tag);
	if (e)
		return dircmd_error(c, e);
	(void)snprintf(what, sizeof(what), "has the DS of key %u at its parent", tag);
	return dircmd_done(c, "zone", k.name.text, what);
}
