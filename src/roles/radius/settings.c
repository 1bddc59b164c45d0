#include <stdlib.h>
#include <string.h>

#include "roles/radius/radius.h"

#define AT(member) offsetof(struct radius_settings, member)
const struct conf_key radius_keys[RADIUS_NKEYS] = {
	{ "default_domain", CONF_STR, AT(default_domain), 0, 0, "",
	  "domain of logins without '@'" },
	{ "nas", CONF_NODE, AT(lists), 0, 0, "", "the access servers: a list of groups" },
	{ "profiles", CONF_NODE, AT(lists), 0, 0, "", "what is answered: a list of groups" },
	{ "telcos", CONF_NODE, AT(lists), 0, 0, "",
	  "whose line a call came over, for accounting: a list of groups, the first that fits" },
	{ "realms", CONF_NODE, AT(realms_node), 0, 0, "",
	  "other providers, whose home servers decide: a list of groups" },
	{ "realm_probe", CONF_DURATION, AT(realm_probe), 100, 600000, "5s",
	  "pause between looks at a home server that was silent" },
	{ "tls_ca", CONF_STR, AT(tls_ca), 0, 0, "",
	  "path of the authorities' certificates that access servers show over TLS" },
	{ "dictionary", CONF_STR, AT(dictionary), 0, 0, "/usr/share/freeradius/dictionary",
	  "the names of attributes, in FreeRADIUS's form (package freeradius-common)" },
	{ "time_zone", CONF_STR, AT(time_zone), 0, 0, "+00:00",
	  "zone of login hours and last days, hours and minutes east of UTC" },
	{ "eap", CONF_STRS, AT(eap_texts), 0, 0, "md5,mschapv2",
	  "EAP methods: md5, mschapv2; the first is offered first" },
	{ "mschap1", CONF_BOOL, AT(mschap1), 0, 0, "true", "take MS-CHAP of version 1 too" },
	{ "memory", CONF_DURATION, AT(memory), 0, 30 * INT64_C(86400000), "1d",
	  "how long users seen before are let in while the directory is away" },
	{ "reject_delay", CONF_DURATION, AT(limits.reject_delay), 0, 10000, "1s",
	  "how long an Access-Reject waits" },
	{ "duplicates_time", CONF_DURATION, AT(limits.remember), 1000, 60000, "20s",
	  "how long a repeated request gets the same answer" },
	{ "duplicates_max", CONF_INT, AT(limits.duplicates), 100, 1000000, "50000",
	  "answers that a thread remembers for that" },
	{ "pending_max", CONF_INT, AT(limits.pending), 10, 1000000, "5000",
	  "requests at work of a thread; more are dropped" },
	{ "pending_nas", CONF_INT, AT(limits.pending_nas), 10, 1000000, "200",
	  "logins of one access server among them" },
	{ "failures_station", CONF_INT, AT(failures_station), 1, 1000000, "20",
	  "wrong passwords from one calling station within the window" },
	{ "failures_account", CONF_INT, AT(failures_account), 1, 1000000, "10",
	  "wrong passwords for one account within the window" },
	{ "window", CONF_DURATION, AT(window), 1000, 86400000, "10m", "the window of the two" },
	{ "reply_messages", CONF_BOOL, AT(reply_messages), 0, 0, "true",
	  "say why an account may not in (Reply-Message)" },
	{ "accounting_log_max", CONF_SIZE, AT(acct_log_max), 1 << 20, INT64_MAX, "4G",
	  "octets of accounting that wait for the database at most" },
	{ "accounting_reserve", CONF_SIZE, AT(acct_reserve), 0, INT64_MAX, "256M",
	  "octets of disk that accounting leaves free" },
	{ "accounting_silent", CONF_DURATION, AT(acct_silent), 0, INT64_MAX, "1h",
	  "a session that sent interim updates is closed after so long without; 0: never" },
	{ "accounting_longest", CONF_DURATION, AT(acct_longest), 0, INT64_MAX, "7d",
	  "a session of which only the start was heard is closed after so long; 0: never" },
	{ "accounting_settle", CONF_DURATION, AT(acct_settle), 0, INT64_MAX, "6h",
	  "how long a closed session waits until it is summed up" },
	{ "accounting_keep_days", CONF_INT, AT(acct_keep_days), 0, 36500, "400",
	  "days that single sessions are kept; 0: for ever" },
};
#undef AT

#define AT(member) offsetof(struct acct_telco, member)
const struct conf_key radius_telco_keys[RADIUS_NTELCO_KEYS] = {
	{ "name", CONF_STR, AT(name), 0, 0, NULL, "the company whose line a call came over" },
	{ "nas", CONF_STR, AT(nas), 0, 0, "", "begins the access server's name; empty: any" },
	{ "called", CONF_STR, AT(called), 0, 0, "", "begins the called number; empty: any" },
};
#undef AT

#define AT(member) offsetof(struct radius_client, member)
const struct conf_key radius_nas_keys[RADIUS_NNAS_KEYS] = {
	{ "name", CONF_STR, AT(nas.name), 0, 0, NULL, "its name, in logs and accounting" },
	{ "address", CONF_STRS, AT(address), 0, 0, NULL, "addresses or networks of it" },
	{ "secret", CONF_STR, AT(nas.secret), 0, 0, NULL, "the secret shared with it" },
	{ "require_message_authenticator", CONF_BOOL, AT(nas.require_ma), 0, 0, "true",
	  "drop Access-Requests without a Message-Authenticator (CVE-2024-3596)" },
	{ "type", CONF_STR, AT(type_text), 0, 0, "any",
	  "how it wants rates: mikrotik, wispr, any (both), plain (none)" },
	{ "tls_name", CONF_STR, AT(tls_name), 0, 0, "",
	  "name in its certificate, for RADIUS over TLS; empty: not over TLS" },
	{ "coa", CONF_STR, AT(coa_text), 0, 0, "",
	  "where it takes Disconnect and CoA, e.g. \"192.0.2.1:3799\"; empty: nowhere" },
	{ "dynamic", CONF_BOOL, AT(dynamic), 0, 0, "false",
	  "it may ask here for Disconnect and CoA of any session" },
	{ "profile", CONF_STR, AT(profile_name), 0, 0, "",
	  "profile of users who have none of their own; empty: the one called default" },
};
#undef AT

#define AT(member) offsetof(struct radius_profile, member)
const struct conf_key radius_profile_keys[RADIUS_NPROFILE_KEYS] = {
	{ "name", CONF_STR, AT(name), 0, 0, NULL, "what users and access servers call it" },
	{ "attributes", CONF_STRS, AT(attributes), 0, 0, "",
	  "attributes of the answer: \"Filter-Id = x\"" },
	{ "pool", CONF_STR, AT(pool), 0, 0, "", "address pool of users without an address" },
	{ "session_timeout", CONF_DURATION, AT(session_timeout), 0, 31622400000, "0",
	  "the longest session; 0: any" },
	{ "idle_timeout", CONF_DURATION, AT(idle_timeout), 0, 31622400000, "0",
	  "silence that ends a session; 0: any" },
	{ "interim", CONF_DURATION, AT(interim), 0, 86400000, "10m",
	  "time between accounting updates; 0: as the access server likes" },
	{ "up_kbit", CONF_INT, AT(up_kbit), 0, 100000000, "0", "kbit/s from the user; 0: any" },
	{ "down_kbit", CONF_INT, AT(down_kbit), 0, 100000000, "0", "kbit/s to the user; 0: any" },
};
#undef AT

const struct radius_settings *radius_settings(void)
{
	return role_settings();
}

const struct radius_profile *radius_profile_find(const struct radius_settings *set, str name)
{
	for (size_t i = 0; i < set->nprofiles; i++)
		if (str_eq(set->profiles[i].name, name))
			return &set->profiles[i];
	return NULL;
}

/* ---- profiles ---- */

static err compile(const struct radius_dict *d, struct radius_profile *p, struct arena *a)
{
	CLEANUP(buf_free) struct buf text = { 0 }, wire = { 0 };
	CLEANUP(arena_free) struct arena scratch = { 0 };
	struct radius_pair *pairs;

	buf_init(&text, LIM_RADIUS_TEXT);
	buf_init(&wire, RADIUS_MAX);
	arena_init(&scratch, MIB(1));
	for (size_t i = 0; i < p->attributes.n; i++) {
		buf_add(&text, i ? STR(", ") : STR(""));
		buf_add(&text, p->attributes.v[i]);
	}
	TRY(buf_done(&text));
	TRY(radius_pairs_parse(d, buf_str(&text), &scratch, &pairs));
	p->text = arena_dup(a, buf_str(&text));
	p->hidden = radius_pairs_hidden(pairs);
	if (!p->hidden)
		TRY(radius_pairs_write(pairs, NULL, &wire));
	p->wire = arena_dup(a, buf_str(&wire));
	return OK;
}

static bool has_attributes(const struct radius_profile *p)
{
	return p->attributes.n > 1 || (p->attributes.n == 1 && p->attributes.v[0].n);
}

static err compile_profiles(const struct role_env *env, const struct conf_node *list,
			    struct buf *complaints, struct radius_settings *set)
{
	CLEANUP(buf_free) struct buf wrong = { 0 };
	struct radius_dict *d = NULL;
	char path[LIM_FILE_PATH];
	err e = OK;

	buf_init(&wrong, KIB(4));
	for (size_t i = 0; i < set->nprofiles; i++) {
		struct radius_profile *p = &set->profiles[i];

		if (!has_attributes(p))
			continue;
		if (!d && (str_to_z(set->dictionary, path, sizeof(path)) ||
			   radius_dictionary_load(path, &wrong, &d))) {
			str why = str_trim_ws(buf_str(&wrong));

			conf_complain(conf_find(env->conf, "dictionary"), complaints,
				      "the dictionary cannot be read: %.*s; install "
				      "freeradius-common, or set dictionary",
				      STRF(why));
			return E_SYNTAX;
		}
		if (compile(d, p, env->arena)) {
			conf_complain(conf_at(list, i), complaints,
				      "attributes of the profile \"%.*s\": %s", STRF(p->name),
				      err_last()->text);
			e = E_SYNTAX;
		}
	}
	radius_dict_free(d);
	return e;
}

static err read_profiles(const struct role_env *env, struct buf *complaints,
			 struct radius_settings *set)
{
	const struct conf_node *list = conf_find(env->conf, "profiles");
	size_t n = conf_count(list);
	err e = OK;

	set->profiles = arena_get(env->arena, size_mul(n + 1, sizeof(*set->profiles)), 16);
	set->nprofiles = n;
	for (size_t i = 0; i < n; i++) {
		struct radius_profile *p = &set->profiles[i];

		p->text = p->wire = STR("");
		if (conf_read(conf_at(list, i), radius_profile_keys, RADIUS_NPROFILE_KEYS, p,
			      env->arena, complaints))
			e = E_SYNTAX;
	}
	return e ? e : compile_profiles(env, list, complaints, set);
}

/* ---- access servers ---- */

static int by_length(const void *a, const void *b)
{
	const struct radius_network *x = a, *y = b;

	if (x->block.family != y->block.family)
		return x->block.family - y->block.family;
	if (x->block.bits != y->block.bits)
		return y->block.bits - x->block.bits;
	return memcmp(x->block.ip, y->block.ip, sizeof(x->block.ip));
}

static err read_type(const struct conf_node *node, struct buf *complaints, struct radius_client *c)
{
	static const char *const names[] = { "any", "mikrotik", "wispr", "plain" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_eq(c->type_text, str_z(names[i]))) {
			c->type = (enum radius_nas_type)i;
			return OK;
		}
	conf_complain(node, complaints,
		      "type = \"%.*s\" is not known; write \"any\", \"mikrotik\", \"wispr\" or "
		      "\"plain\"",
		      STRF(c->type_text));
	return E_SYNTAX;
}

static err read_client(const struct role_env *env, const struct conf_node *node,
		       struct buf *complaints, struct radius_settings *set, struct radius_client *c)
{
	TRY(conf_read(node, radius_nas_keys, RADIUS_NNAS_KEYS, c, env->arena, complaints));
	TRY(read_type(node, complaints, c));
	c->nas.more = c;
	c->tls_nas = (struct radius_nas){ .name = c->nas.name, .secret = STR("radsec"), .more = c };
	c->has_coa = c->coa_text.n > 0;
	if (c->has_coa && (net_parse(c->coa_text, &c->coa) != OK || net_is_unix(&c->coa))) {
		conf_complain(node, complaints,
			      "coa = \"%.*s\" is no address; write \"192.0.2.1:3799\"",
			      STRF(c->coa_text));
		return E_SYNTAX;
	}
	if (!c->nas.secret.n || !c->nas.name.n) {
		conf_complain(node, complaints,
			      "an access server has a name and a secret; write "
			      "name = \"nas1\"; secret = \"...\"");
		return E_SYNTAX;
	}
	c->profile = radius_profile_find(set, c->profile_name);
	if (c->profile_name.n && !c->profile) {
		conf_complain(node, complaints, "there is no profile \"%.*s\"; add it to profiles",
			      STRF(c->profile_name));
		return E_SYNTAX;
	}
	for (size_t i = 0; i < c->address.n; i++) {
		struct radius_network *net = &set->networks[set->nnetworks];

		if (set->nnetworks == LIM_RADIUS_NETWORKS ||
		    net_block_parse(c->address.v[i], &net->block)) {
			conf_complain(node, complaints,
				      "\"%.*s\" is no network, or one too many; write "
				      "\"192.0.2.1\" or \"192.0.2.0/24\"",
				      STRF(c->address.v[i]));
			return E_SYNTAX;
		}
		net->client = c;
		c->one = c->address.n == 1 &&
			 net->block.bits == (net->block.family == AF_INET ? 32 : 128);
		set->nnetworks++;
	}
	return OK;
}

static err read_clients(const struct role_env *env, struct buf *complaints,
			struct radius_settings *set)
{
	const struct conf_node *list = conf_find(env->conf, "nas");
	size_t n = conf_count(list), networks = 0;
	err e = OK;

	for (size_t i = 0; i < n; i++) {
		size_t more = conf_count(conf_find(conf_at(list, i), "address"));

		networks += more ? more : 1;
	}
	networks = networks < LIM_RADIUS_NETWORKS ? networks : LIM_RADIUS_NETWORKS;
	set->clients = arena_get(env->arena, size_mul(n + 1, sizeof(*set->clients)), 16);
	set->networks = arena_get(env->arena, size_mul(networks + 1, sizeof(*set->networks)), 16);
	set->nclients = n;
	for (size_t i = 0; i < n; i++)
		if (read_client(env, conf_at(list, i), complaints, set, &set->clients[i]))
			e = E_SYNTAX;
	qsort(set->networks, set->nnetworks, sizeof(*set->networks), by_length);
	return e;
}

/* They are in order of length, so the first that fits is the longest. */
const struct radius_nas *radius_nas_of(const struct net_addr *peer)
{
	const struct radius_settings *set = radius_settings();

	for (size_t i = 0; i < set->nnetworks; i++)
		if (net_block_has(&set->networks[i].block, peer))
			return &set->networks[i].client->nas;
	return NULL;
}

/* ---- the rest ---- */

static err read_telcos(const struct role_env *env, struct buf *complaints,
		       struct radius_settings *set)
{
	const struct conf_node *list = conf_find(env->conf, "telcos");
	size_t n = conf_count(list);
	struct acct_telco *t = arena_get(env->arena, size_mul(n + 1, sizeof(*t)), 16);

	set->accounting.telcos = t;
	set->accounting.ntelcos = n;
	for (size_t i = 0; i < n; i++)
		TRY(conf_read(conf_at(list, i), radius_telco_keys, RADIUS_NTELCO_KEYS, &t[i],
			      env->arena, complaints));
	return OK;
}

static err read_eap(const struct role_env *env, struct buf *complaints, struct radius_settings *set)
{
	for (size_t i = 0; i < set->eap_texts.n; i++) {
		str t = set->eap_texts.v[i];
		bool md5 = str_eq(t, STR("md5"));

		if (!md5 && !str_eq(t, STR("mschapv2")) && t.n) {
			conf_complain(conf_find(env->conf, "eap"), complaints,
				      "\"%.*s\" is no method of ours; write \"md5\" or "
				      "\"mschapv2\"",
				      STRF(t));
			return E_SYNTAX;
		}
		if (!t.n)
			continue;
		set->eap |= md5 ? EAP_ALLOW_MD5 : EAP_ALLOW_MSCHAPV2;
		if (!set->eap_first)
			set->eap_first = md5 ? 4 : 26;
	}
	return OK;
}

/* "-03:00" */
static err read_zone(const struct role_env *env, struct buf *complaints,
		     struct radius_settings *set)
{
	str t = set->time_zone;
	uint64_t hours, minutes;

	if (t.n == 6 && (t.p[0] == '+' || t.p[0] == '-') && t.p[3] == ':' &&
	    !str_u64(str_of(t.p + 1, 2), 14, &hours) && !str_u64(str_skip(t, 4), 59, &minutes)) {
		set->zone = (t.p[0] == '-' ? -1 : 1) * (int)(hours * 60 + minutes);
		return OK;
	}
	conf_complain(conf_find(env->conf, "time_zone"), complaints,
		      "\"%.*s\" is no zone; write \"+00:00\" or \"-03:00\"", STRF(t));
	return E_SYNTAX;
}

err radius_read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct radius_settings *set = settings;
	err e = conf_read(env->conf, radius_keys, RADIUS_NKEYS, set, env->arena, complaints);

	TRY(e);
	if (read_eap(env, complaints, set) || read_zone(env, complaints, set))
		e = E_SYNTAX;
	if (read_telcos(env, complaints, set))
		e = E_SYNTAX;
	if (read_profiles(env, complaints, set) || read_clients(env, complaints, set))
		e = E_SYNTAX;
	if (realms_read(env, set->realms_node, complaints, &set->realms))
		e = E_SYNTAX;
	set->realms.probe = set->realm_probe;
	set->accounting.log_max = (uint64_t)set->acct_log_max;
	set->accounting.reserve = (uint64_t)set->acct_reserve;
	set->accounting.silent = (uint32_t)(set->acct_silent / 1000);
	set->accounting.longest = (uint32_t)(set->acct_longest / 1000);
	set->accounting.settle = (uint32_t)(set->acct_settle / 1000);
	set->accounting.keep_days = (uint32_t)set->acct_keep_days;
	return e;
}
