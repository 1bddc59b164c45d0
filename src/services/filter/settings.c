#include "base/limits.h"
#include "services/filter/filter.h"

#define AT(member) offsetof(struct filter_settings, member)
const struct conf_key filter_keys[FILTER_KEYS] = {
	{ "hostname", CONF_STR, AT(hostname), 0, 0, "",
	  "our name in Authentication-Results; empty: the node's hostname" },
	{ "required", CONF_REAL, AT(required), -1000, 1000, "5",
	  "score from which the answer's action is \"add header\"" },
	{ "reject", CONF_REAL, AT(reject), -1000, 100000, "15",
	  "score from which it is \"reject\"; callers with levels of their own go by the score" },
	{ "networks", CONF_STRS, AT(peer_texts), 0, 0, "",
	  "who may ask over TCP, e.g. [\"10.0.0.0/8\"]; none: roles of this machine alone" },
	{ "scans", CONF_INT, AT(scans), 1, 10000, "64",
	  "messages that are worked on at a time; more wait, and are told to come again" },
	{ "time", CONF_DURATION, AT(time), 100, 600000, "6s",
	  "for one message; what has not answered by then is left out and marked" },
	{ "message_max", CONF_SIZE, AT(message_max), 1000, INT64_MAX, "128M",
	  "octets of a message; a larger one is refused" },
	{ "clamd", CONF_STRS, AT(clamd.texts), 0, 0, "",
	  "clamd's sockets, e.g. [\"/run/clamav/clamd.ctl\", \"192.0.2.7:3310\"]; none: no viruses "
	  "are looked for" },
	{ "clamd_pause", CONF_DURATION, AT(clamd.pause), 0, 3600000, "5s",
	  "how long a clamd that failed is left alone" },
	{ "clamd_max", CONF_SIZE, AT(clamd.max), 1000, INT64_MAX, "25M",
	  "octets of a message that clamd is given, its StreamMaxLength" },
	{ "clamd_away", CONF_STR, AT(clamd.away_text), 0, 0, "mark",
	  "while no clamd answers: \"mark\" the answer, or \"later\": action \"soft reject\", "
	  "4xx" },
	{ "milter_reject", CONF_STR, AT(milter_reject), 0, 0, "reject",
	  "a mail server that asks by milter is told to \"reject\" or to \"quarantine\" (its hold "
	  "queue) what has the action \"reject\"" },
	{ "trusted_networks", CONF_STRS, AT(networks_texts[0]), 0, 0, "",
	  "relays that do not lie in Received fields; none: inferred, as SpamAssassin does" },
	{ "internal_networks", CONF_STRS, AT(networks_texts[1]), 0, 0, "",
	  "our own relays; none: the trusted ones" },
	{ "msa_networks", CONF_STRS, AT(networks_texts[2]), 0, 0, "",
	  "relays that take mail from authenticated users only" },
	{ "auth", CONF_BOOL, AT(auth), 0, 0, "true",
	  "check SPF, DKIM, DMARC and ARC, which asks the DNS" },
	{ "auth_time", CONF_DURATION, AT(auth_time), 10, 60000, "3s",
	  "for the DNS to answer what these ask" },
	{ "learning", CONF_BOOL, AT(learning), 0, 0, "true",
	  "what each user calls spam counts for that user" },
	{ "attachments", CONF_BOOL, AT(attachments_on), 0, 0, "true",
	  "look for files that no mail should bring: the group attachments" },
	{ "rules", CONF_STRS, AT(rules.folders), 0, 0, "default",
	  "folders of SpamAssassin's rule files; \"default\": sa-update's, else the package's; "
	  "empty: "
	  "no rules" },
	{ "rule_files", CONF_STRS, AT(rules.files), 0, 0, "",
	  "rule files that are read after those" },
	{ "fitted_scores", CONF_BOOL, AT(rules.fitted), 0, 0, "true",
	  "scores of posta's own for the stock rules; false: the package's. Those of rule_files "
	  "and "
	  "of /etc/spamassassin count before either" },
	{ "rule_cache", CONF_STR, AT(rules.cache), 0, 0, "",
	  "folder of compiled rules; empty: rules in the role's own" },
	{ "rule_check", CONF_DURATION, AT(rules.check), 0, 86400000, "60s",
	  "how often the rule files are looked at for change; 0: at a reload alone" },
	{ "budget", CONF_DURATION, AT(budget), 0, 60000, "1s",
	  "CPU time that the rules have for one message; 0: any" },
	{ "resolvers", CONF_STRS, AT(resolvers), 0, 0, "",
	  "name servers to ask, e.g. [\"192.0.2.53:53\"]; none: the root and down from it" },
	{ "dnssec", CONF_BOOL, AT(dnssec), 0, 0, "true", "validate answers of the DNS" },
};
#undef AT

static err bad(const struct role_env *env, struct buf *complaints, const char *name, str text,
	       const char *instead)
{
	conf_complain(conf_find(env->conf, name), complaints, "%s: \"%.*s\" does not fit; write %s",
		      name, STRF(text), instead);
	return E_SYNTAX;
}

static err read_clamd(const struct role_env *env, struct buf *complaints,
		      struct filter_settings *set)
{
	const struct conf_strs *texts = &set->clamd.texts;

	set->clamd.addr =
		arena_get(env->arena, size_mul(texts->n + 1, sizeof(*set->clamd.addr)), 16);
	for (size_t i = 0; i < texts->n; i++) {
		if (texts->v[i].n == 0)
			continue;
		if (set->clamd.n == LIM_ADDRESSES ||
		    net_parse(texts->v[i], &set->clamd.addr[set->clamd.n++]) != OK)
			return bad(env, complaints, "clamd", texts->v[i],
				   "a socket such as \"/run/clamav/clamd.ctl\" or "
				   "\"192.0.2.7:3310\"");
	}
	set->clamd.away = str_eq(set->clamd.away_text, STR("later")) ? FILTER_LATER : FILTER_MARK;
	if (set->clamd.away == FILTER_LATER || str_eq(set->clamd.away_text, STR("mark")))
		return OK;
	return bad(env, complaints, "clamd_away", set->clamd.away_text, "\"mark\" or \"later\"");
}

/* "!10.0.0.1" takes an address out again, as in SpamAssassin's settings. */
static err read_network(str text, struct scan_network *out)
{
	struct net_block b;

	out->not = text.n && text.p[0] == '!';
	TRY(net_block_parse(out->not ? str_skip(text, 1) : text, &b));
	if (b.family == AF_INET) {
		out->addr[10] = out->addr[11] = 0xff;
		for (size_t i = 0; i < 4; i++)
			out->addr[12 + i] = b.ip[i];
	} else {
		for (size_t i = 0; i < 16; i++)
			out->addr[i] = b.ip[i];
	}
	out->bits = b.bits + (b.family == AF_INET ? 96 : 0);
	return OK;
}

static err read_networks(const struct role_env *env, struct buf *complaints, const char *name,
			 const struct conf_strs *texts, const struct scan_network **out, size_t *n)
{
	struct scan_network *v = arena_get(env->arena, size_mul(texts->n + 1, sizeof(*v)),
					   _Alignof(struct scan_network));

	*n = 0;
	*out = v;
	for (size_t i = 0; i < texts->n; i++)
		if (texts->v[i].n && read_network(texts->v[i], &v[(*n)++]) != OK)
			return bad(env, complaints, name, texts->v[i],
				   "a network such as \"10.0.0.0/8\"");
	return OK;
}

static err read_all_networks(const struct role_env *env, struct buf *complaints,
			     struct filter_settings *set)
{
	struct scan_networks *to = &set->networks;

	TRY(read_networks(env, complaints, "trusted_networks", &set->networks_texts[0],
			  &to->trusted, &to->ntrusted));
	TRY(read_networks(env, complaints, "internal_networks", &set->networks_texts[1],
			  &to->internal, &to->ninternal));
	TRY(read_networks(env, complaints, "msa_networks", &set->networks_texts[2], &to->msa,
			  &to->nmsa));
	to->trusted_given = to->ntrusted > 0;
	to->internal_given = to->ninternal > 0;
	return OK;
}

static err read_milter(const struct role_env *env, struct buf *complaints,
		       struct filter_settings *set)
{
	set->milter_quarantine = str_eq(set->milter_reject, STR("quarantine"));
	if (set->milter_quarantine || str_eq(set->milter_reject, STR("reject")))
		return OK;
	return bad(env, complaints, "milter_reject", set->milter_reject,
		   "\"reject\" or \"quarantine\"");
}

static err read_peers(const struct role_env *env, struct buf *complaints,
		      struct filter_settings *set)
{
	const struct conf_strs *texts = &set->peer_texts;

	set->peers = arena_get(env->arena, size_mul(texts->n + 1, sizeof(*set->peers)), 16);
	for (size_t i = 0; i < texts->n; i++)
		if (texts->v[i].n && net_block_parse(texts->v[i], &set->peers[set->npeers++]) != OK)
			return bad(env, complaints, "networks", texts->v[i],
				   "a network such as \"10.0.0.0/8\"");
	return OK;
}

static void read_rules(const struct role_env *env, struct filter_settings *set)
{
	struct ruleset_settings *r = &set->rules;
	str *files = arena_get(env->arena, size_mul(r->files.n + 1, sizeof(str)), _Alignof(str));
	size_t n = 0;

	if (r->folders.n == 1 && str_eq(r->folders.v[0], STR("default")))
		r->folders = ruleset_default_folders(env->arena);
	else if (r->folders.n && r->folders.v[0].n == 0)
		r->folders.n = 0;
	for (size_t i = 0; i < r->files.n && r->folders.n; i++)
		if (r->files.v[i].n)
			files[n++] = r->files.v[i];
	r->files = (struct conf_strs){ files, n };
	if (r->cache.n == 0 && env->data)
		r->cache = arena_fmt(env->arena, "%s/rules", env->data);
}

err filter_read(const struct role_env *env, struct buf *complaints, struct filter_settings *out)
{
	err e = conf_read(env->conf, filter_keys, FILTER_KEYS, out, env->arena, complaints);

	if (e == OK)
		e = read_milter(env, complaints, out);
	if (e == OK)
		e = read_peers(env, complaints, out);
	if (e == OK)
		e = read_clamd(env, complaints, out);
	if (e == OK)
		e = read_all_networks(env, complaints, out);
	if (e == OK)
		e = attachments_read(env, complaints, &out->attachments);
	if (e == OK)
		e = blacklists_read(env, complaints, &out->lists);
	if (e == OK)
		e = verdict_read(env, complaints, &out->verdict);
	if (e == OK)
		e = reports_policy_read(env, complaints, &out->reports);
	if (!out->hostname.n)
		out->hostname = env->hostname;
	if (e == OK)
		read_rules(env, out);
	out->net = out->auth || out->lists.n > 0;
	out->spool_dir = env->data;
	out->directory = env->directory;
	return e;
}
