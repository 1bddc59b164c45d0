#include "base/enc.h"
#include "base/limits.h"
#include "roles/dnsbl/dnsbl.h"

#define AT(member) offsetof(struct dnsbl_settings, member)
const struct conf_key dnsbl_keys[DNSBL_KEYS] = {
	{ "lists", CONF_NODE, AT(lists_node), 0, 0, "",
	  "( { zone = \"bl.example.org\"; type = \"ip4set\"; files = [\"/path\"]; }, ... )" },
	{ "networks", CONF_STRS, AT(network_texts), 0, 0, "",
	  "who may ask, e.g. [\"10.0.0.0/8\"]; empty: anyone" },
	{ "check", CONF_DURATION, AT(check), 50, 86400000, "60s",
	  "how often files are looked at for change" },
	{ "settle", CONF_DURATION, AT(settle), 0, 3600000, "2s",
	  "a file that changed more recently may still be written: it is left for the next look" },
};
#undef AT

#define AT(member) offsetof(struct dnsbl_list, member)
const struct conf_key dnsbl_list_keys[DNSBL_LIST_KEYS] = {
	{ "zone", CONF_STR, AT(zone), 0, 0, NULL,
	  "where it is asked: \"bl.example.org\"; lists of one zone are answered together" },
	{ "type", CONF_STR, AT(type_text), 0, 0, NULL,
	  "ip4set, ip4trie, ip4tset, ip6trie, ip6tset, dnset, generic or combined; zone: by "
	  "transfer" },
	{ "files", CONF_STRS, AT(files), 0, 0, "",
	  "its data files, plain or compressed by gzip, read as one" },
	{ "primaries", CONF_STRS, AT(primary_texts), 0, 0, "",
	  "name servers that give the zone by transfer, e.g. [\"192.0.2.53:53\"], instead of "
	  "files" },
	{ "key", CONF_STR, AT(key_text), 0, 0, "",
	  "TSIG key of the transfer: \"hmac-sha256:name:BASE64\"" },
	{ "ttl", CONF_INT, AT(ttl), 1, 604800, "2100",
	  "seconds that an answer is kept where the files do not say" },
	{ "max_age", CONF_DURATION, AT(max_age), 0, INT64_MAX, "0",
	  "an alarm when the newest file is older; 0: never" },
	{ "max_shrink", CONF_INT, AT(max_shrink), 0, 100, "50",
	  "a list that lost more of its entries, in percent, is not taken, with an alarm; 100: any "
	  "is" },
	{ "end", CONF_STR, AT(end), 0, 0, "",
	  "the last line of a complete file; a file without it is not taken; empty: any" },
};
#undef AT

static err bad(const struct conf_node *n, struct buf *complaints, const char *what)
{
	conf_complain(n, complaints, "%s", what);
	return E_SYNTAX;
}

/* "hmac-sha256:name:BASE64", as dig -y has it. */
static err read_key(const struct role_env *env, const struct conf_node *n, struct dnsbl_list *l,
		    struct buf *complaints)
{
	struct tsig_key *k = NEW(env->arena, struct tsig_key);
	CLEANUP(buf_wipe) struct buf secret = { 0 };
	str algorithm, rest, name, base64;

	buf_init(&secret, KIB(1));
	if (!str_cut(l->key_text, ':', &algorithm, &rest) || !str_cut(rest, ':', &name, &base64) ||
	    tsig_algorithm_parse(algorithm, &k->algorithm) != OK ||
	    dns_name_parse(name, str_of("", 1), &k->name) != OK ||
	    dec_base64(&secret, base64) != OK || secret.n == 0)
		return bad(n, complaints, "key: write \"hmac-sha256:name:BASE64\"");
	dns_name_lower(&k->name);
	k->secret = arena_dup(env->arena, buf_str(&secret));
	l->key = k;
	return OK;
}

/* A list by transfer: its file is ours. */
static err read_primaries(const struct role_env *env, const struct conf_node *n,
			  struct dnsbl_list *l, struct buf *complaints)
{
	str *file = NEW(env->arena, str);

	if (l->type != RBL_ZONE)
		return bad(n, complaints, "a list by transfer has type = \"zone\"");
	if (l->files.n && l->files.v[0].n)
		return bad(n, complaints, "a list has files or primaries, not both");
	l->primaries =
		arena_get(env->arena, size_mul(l->primary_texts.n, sizeof(*l->primaries)), 16);
	for (size_t i = 0; i < l->primary_texts.n; i++)
		if (net_parse(l->primary_texts.v[i], &l->primaries[l->nprimaries++]) != OK)
			return bad(n, complaints,
				   "primaries: write addresses such as \"192.0.2.53:53\"");
	*file = arena_fmt(env->arena, "%s/%.*s.list", env->data, STRF(l->zone));
	l->files = (struct conf_strs){ file, 1 };
	return l->key_text.n ? read_key(env, n, l, complaints) : OK;
}

static err read_list(const struct role_env *env, const struct conf_node *n, struct dnsbl_list *l,
		     struct buf *complaints)
{
	TRY(conf_read(n, dnsbl_list_keys, DNSBL_LIST_KEYS, l, env->arena, complaints));
	if (rbl_type_parse(l->type_text, &l->type) != OK) {
		conf_complain(n, complaints, "%s", err_last()->text);
		return E_SYNTAX;
	}
	if (dns_name_parse(l->zone, str_of("", 1), &l->name) != OK || l->name.n < 2) {
		conf_complain(n, complaints,
			      "\"%.*s\" is no zone; write a name such as "
			      "\"bl.example.org\"",
			      STRF(l->zone));
		return E_SYNTAX;
	}
	dns_name_lower(&l->name);
	if (l->primary_texts.n && l->primary_texts.v[0].n)
		return read_primaries(env, n, l, complaints);
	if (l->type == RBL_ZONE)
		return bad(
			n, complaints,
			"type = \"zone\" comes by transfer: write primaries = [\"192.0.2.53:53\"]");
	for (size_t i = 0; i < l->files.n; i++)
		if (l->files.v[i].n == 0 || l->files.v[i].p[0] != '/' || l->files.n > DNSBL_FILES) {
			conf_complain(n, complaints, "\"%.*s\": write 1 to %d whole paths of files",
				      STRF(l->files.v[i]), DNSBL_FILES);
			return E_SYNTAX;
		}
	return OK;
}

static err read_networks(const struct role_env *env, struct dnsbl_settings *set,
			 struct buf *complaints)
{
	set->networks = arena_get(env->arena,
				  size_mul(set->network_texts.n + 1, sizeof(*set->networks)), 16);
	for (size_t i = 0; i < set->network_texts.n; i++) {
		str text = set->network_texts.v[i];

		if (text.n == 0)
			continue;
		if (net_block_parse(text, &set->networks[set->nnetworks]) != OK) {
			conf_complain(conf_find(env->conf, "networks"), complaints,
				      "\"%.*s\" is no network; write one as \"10.0.0.0/8\"",
				      STRF(text));
			return E_SYNTAX;
		}
		set->nnetworks++;
	}
	return OK;
}

err dnsbl_read(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct dnsbl_settings *set = settings;
	err e = conf_read(env->conf, dnsbl_keys, DNSBL_KEYS, set, env->arena, complaints);
	size_t n = conf_count(set->lists_node);

	TRY(e);
	if (n > LIM_RBL_LISTS) {
		conf_complain(set->lists_node, complaints, "more than %d lists", LIM_RBL_LISTS);
		return E_SYNTAX;
	}
	set->lists = arena_get(env->arena, size_mul(n + 1, sizeof(*set->lists)), 16);
	for (size_t i = 0; i < n; i++)
		if (read_list(env, conf_at(set->lists_node, i), &set->lists[set->nlists++],
			      complaints) != OK)
			e = E_SYNTAX;
	err also = read_networks(env, set, complaints);

	return e ? e : also;
}
