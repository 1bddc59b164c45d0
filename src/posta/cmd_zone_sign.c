/* posta zone sign, unsign: DNSSEC on and off. Keys come before the directory says that the zone is
 * signed, and go after it says that it is not: in between the zone is served as it was. */
#include <stdio.h>

#include "base/limits.h"
#include "posta/cmd_zone_parent.h"
#include "posta/config.h"
#include "run/conf_value.h"

enum { VALIDITY_MIN = 32, VALIDITY_MAX = 400 * 86400, TTL_MAX = 30 * 86400 };

struct work_on {
	struct dirzone_name name;
	uint64_t id; /* 0: a file of posta.conf */
};

/* ---- which zone ---- */

/* Files of posta.conf are signed as well, where it says so. */
static bool in_conf(struct dircmd *c, str name)
{
	const struct conf_node *files = conf_find(conf_root(c->env->config->conf), "dns.zones");

	for (size_t i = 0; i < conf_count(files); i++) {
		const struct conf_node *n = conf_find(conf_at(files, i), "name");
		struct dirzone_name file;

		if (n && !dirzone_name_parse(conf_str(n, NULL), &file) && str_eq(file.text, name))
			return true;
	}
	return false;
}

static err find(struct dircmd *c, struct work_on *w)
{
	TRY(dirzone_name_parse(c->words[0], &w->name));
	err e = dirzone_find(c->d, c->words[0], &w->id);

	if (e == E_NOTFOUND && in_conf(c, w->name.text)) {
		w->id = 0;
		return OK;
	}
	return e;
}

/* ---- options ---- */

enum option {
	ALGORITHM,
	SPLIT,
	NSEC3,
	NSEC,
	VALIDITY,
	ZSK_LIFETIME,
	KEY_TTL,
	DS_TTL,
	MAX_TTL,
	PROPAGATION,
	OPTIONS
};
static const struct time_option {
	enum option option;
	size_t at; /* in struct sign_policy */
	uint32_t min, max;
} times[] = {
	{ VALIDITY, offsetof(struct sign_policy, validity), VALIDITY_MIN, VALIDITY_MAX },
	{ ZSK_LIFETIME, offsetof(struct sign_policy, zsk_lifetime), 0, VALIDITY_MAX * 4u },
	{ KEY_TTL, offsetof(struct sign_policy, key_ttl), 1, TTL_MAX },
	{ DS_TTL, offsetof(struct sign_policy, ds_ttl), 1, TTL_MAX },
	{ MAX_TTL, offsetof(struct sign_policy, max_ttl), 1, TTL_MAX },
	{ PROPAGATION, offsetof(struct sign_policy, propagation), 1, TTL_MAX },
};

static int read_times(struct dircmd *c, const struct dircmd_option *o, struct sign_policy *p)
{
	for (size_t i = 0; i < COUNT(times); i++) {
		const struct dircmd_option *given = &o[times[i].option];
		int64_t ms;

		if (!given->given)
			continue;
		if (conf_parse_duration(given->value, &ms) || ms % 1000 ||
		    ms / 1000 < times[i].min || ms / 1000 > times[i].max)
			return cmd_usage(c->env,
					 "%s: write a time as 30s, 2h or 14d, from %us to %us",
					 given->name, times[i].min, times[i].max);
		*(uint32_t *)(void *)((char *)p + times[i].at) = (uint32_t)(ms / 1000);
	}
	/* Else a record could stay in caches longer than its signature is good (RFC 6781 4.4.2). */
	if (p->validity / 2 <= p->max_ttl)
		return cmd_usage(c->env, "--validity must be more than twice --max-ttl (%us, %us)",
				 p->validity, p->max_ttl);
	if (p->split && p->zsk_lifetime &&
	    p->zsk_lifetime <= p->key_ttl + p->propagation * 2 + p->max_ttl)
		return cmd_usage(
			c->env,
			"--zsk-lifetime is shorter than a roll-over takes: key TTL, longest "
			"TTL and twice the propagation");
	return CMD_OK;
}

static int read_options(struct dircmd *c, const struct dircmd_option *o, struct sign_policy *p)
{
	if (o[ALGORITHM].given && key_algorithm_parse(o[ALGORITHM].value, &p->algorithm))
		return cmd_usage(c->env, "--algorithm: %s", err_last()->text);
	if (o[NSEC3].given && o[NSEC].given)
		return cmd_usage(c->env, "--nsec or --nsec3?");
	p->split |= o[SPLIT].given;
	p->nsec3 = o[NSEC3].given || (p->nsec3 && !o[NSEC].given);
	return read_times(c, o, p);
}

/* What there is, or the defaults. */
static err policy_of(struct dircmd *c, const struct work_on *w, struct sign_policy *p)
{
	struct zone_keys *keys = NULL;
	err e = keystore_load(c->zone_keys, w->name.text, KEYSTORE_PUBLIC, &keys);
	int64_t ttl = 0;

	if (!e) {
		*p = keys->policy;
		zone_keys_free(keys);
		return OK;
	}
	*p = sign_policy_default;
	if (e != E_NOTFOUND || !w->id)
		return e == E_NOTFOUND ? OK : e;
	TRY(SQL_GET(directory_sql(c->d), &ttl, "SELECT ttl_max FROM zones WHERE id = ?",
		    SQL_I(w->id)));
	p->max_ttl = ttl > 0 && ttl < TTL_MAX ? (uint32_t)ttl : p->max_ttl;
	return OK;
}

/* ---- sign ---- */

static err start_signing(struct dircmd *c, const struct work_on *w, struct sign_policy *p)
{
	int64_t is = 0;

	p->leaving = false;
	TRY(keystore_sign(c->zone_keys, w->name.text, p, clock_unix()));
	if (!w->id)
		return OK;
	TRY(SQL_GET(directory_sql(c->d), &is, "SELECT signed FROM zones WHERE id = ?",
		    SQL_I(w->id)));
	return is ? OK : dirzone_set_signed(c->d, w->id, true, 0);
}

static err print_signed(struct dircmd *c, const struct work_on *w, struct buf *out)
{
	struct zone_keys *keys = NULL;

	TRY(keystore_load(c->zone_keys, w->name.text, KEYSTORE_PUBLIC, &keys));
	if (c->env->json) {
		buf_add(out, STR("{\"zone\": "));
		cmd_json(out, w->name.text);
		buf_add(out, STR(", \"ds\": "));
	}
	err e = zone_ds_print(c, keys, dns_name_str(&w->name.wire), out);

	if (c->env->json)
		buf_add(out, STR("}\n"));
	zone_keys_free(keys);
	return e ? e : buf_done(out);
}

int cmd_zone_sign(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = {
		[ALGORITHM] = { .name = "--algorithm", .takes = true },
		[SPLIT] = { .name = "--split" },
		[NSEC3] = { .name = "--nsec3" },
		[NSEC] = { .name = "--nsec" },
		[VALIDITY] = { .name = "--validity", .takes = true },
		[ZSK_LIFETIME] = { .name = "--zsk-lifetime", .takes = true },
		[KEY_TTL] = { .name = "--key-ttl", .takes = true },
		[DS_TTL] = { .name = "--ds-ttl", .takes = true },
		[MAX_TTL] = { .name = "--max-ttl", .takes = true },
		[PROPAGATION] = { .name = "--propagation", .takes = true },
		[OPTIONS] = { 0 },
	};
	CLEANUP(buf_free) struct buf b = { 0 };
	struct work_on w;
	struct sign_policy p;
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_ZONE_KEYS);
	if (code)
		return code;
	err e = find(c, &w);

	if (!e)
		e = policy_of(c, &w, &p);
	if (e)
		return dircmd_error(c, e);
	code = read_options(c, options, &p);
	if (code)
		return code;
	buf_init(&b, KIB(64));
	e = start_signing(c, &w, &p);
	if (!e)
		e = print_signed(c, &w, &b);
	if (e)
		return dircmd_error(c, e);
	if (!w.id)
		fprintf(stderr, "write in posta.conf, dns.zones, at this zone: signed = true;\n");
	if (!c->env->json)
		fprintf(stderr, "give this to the registrar when every server has the signed "
				"zone:\n");
	return cmd_print(&b);
}

/* ---- unsign ---- */

/* Is there no DS at the parent? CMD_OK, or what was said and done instead. */
static int parent_is_done(struct dircmd *c, const struct work_on *w, str resolver)
{
	str *ds;
	size_t n = 0;
	err e = zone_parent_ds(c, w->name.text, resolver, &ds, &n);

	if (!e && !n)
		return CMD_OK;
	err asked = e;
	char why[sizeof(err_last()->text)];

	(void)snprintf(why, sizeof(why), "%s", err_last()->text);
	e = keystore_leave(c->zone_keys, w->name.text, true, clock_unix());
	if (e)
		return dircmd_error(c, e);
	if (asked)
		return cmd_failed(
			c->env,
			"the resolvers do not say whether the parent has a DS (%s); CDS "
			"and CDNSKEY now ask it to delete it. --force unsigns all the same",
			why);
	return cmd_failed(
		c->env,
		"the parent has a DS: without signatures the zone would be bogus. CDS and "
		"CDNSKEY now ask it to delete it (RFC 8078); run this again when it is gone "
		"and its TTL has passed, or with --force");
}

static err stop_signing(struct dircmd *c, const struct work_on *w)
{
	struct zone_keys *keys = NULL;

	TRY(keystore_load(c->zone_keys, w->name.text, KEYSTORE_PUBLIC, &keys));
	uint32_t step = sign_serial_step(&keys->policy, clock_unix()) + 1;

	zone_keys_free(keys);
	if (w->id)
		TRY(dirzone_set_signed(c->d, w->id, false, step));
	return keystore_remove(c->zone_keys, w->name.text);
}

int cmd_zone_unsign(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { { .name = "--force" },
					   { .name = "--resolver", .takes = true },
					   { 0 } };
	struct zone_keys *keys = NULL;
	struct work_on w;
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_ZONE_KEYS);
	if (code)
		return code;
	err e = find(c, &w);

	if (!e)
		e = keystore_load(c->zone_keys, w.name.text, KEYSTORE_PUBLIC, &keys);
	zone_keys_free(keys);
	if (e)
		return dircmd_error(c, e);
	if (!options[0].given)
		code = parent_is_done(c, &w, options[1].given ? options[1].value : STR(""));
	if (code)
		return code;
	e = stop_signing(c, &w);
	if (!e && !w.id)
		fprintf(stderr,
			"take signed = true out of posta.conf, and raise the file's serial\n");
	return e ? dircmd_error(c, e) : dircmd_done(c, "zone", w.name.text, "is signed no more");
}

err cmd_zone_forget_keys(struct dircmd *c, str name)
{
	struct dirzone_name n;

	TRY(dirzone_name_parse(name, &n));
	err e = keystore_remove(c->zone_keys, n.text);

	return e == E_NOTFOUND ? OK : e;
}
