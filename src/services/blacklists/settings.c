/* posta.conf's group "blacklists". */
#include "base/limits.h"
#include "services/blacklists/blacklists.h"

struct group {
	const struct conf_node *lists;
	int64_t test, time, domains, questions;
	struct conf_strs trusted, skip;
};
static const struct conf_key keys[] = {
	{ "lists", CONF_NODE, offsetof(struct group, lists), 0, 0, "",
	  "( { zone = \"bl.example.org\"; kinds = [\"ip4\"]; codes = [\"127.0.0.2\"]; }, ... )" },
	{ "test", CONF_DURATION, offsetof(struct group, test), 100, 86400000, "5m",
	  "how often each list is tested with the points that every list has" },
	{ "time", CONF_DURATION, offsetof(struct group, time), 10, 60000, "1s",
	  "for all look-ups of one message; what has not answered by then counts for nothing" },
	{ "domains", CONF_INT, offsetof(struct group, domains), 1, 1000, "30",
	  "most domains of one message's links that are asked" },
	{ "questions", CONF_INT, offsetof(struct group, questions), 1, LIM_BLACKLIST_QUESTIONS,
	  "200", "most look-ups of one message" },
	{ "trusted", CONF_STRS, offsetof(struct group, trusted), 0, 0,
	  "127.0.0.0/8, ::1/128, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7",
	  "networks whose mail nobody refuses by lists: their addresses are never asked" },
	{ "skip", CONF_STRS, offsetof(struct group, skip), 0, 0, "",
	  "domains that are never asked, with all below them: large and known good ones" },
};

struct item {
	str zone, symbol, mx, level, point;
	struct conf_strs kinds, codes, servers, of;
	const struct conf_node *results;
	double score;
	bool white;
};
static const struct conf_key item_keys[] = {
	{ "zone", CONF_STR, offsetof(struct item, zone), 0, 0, NULL, "where it is asked" },
	{ "kinds", CONF_STRS, offsetof(struct item, kinds), 0, 0, "ip4",
	  "what it lists: ip4, ip6, names" },
	{ "of", CONF_STRS, offsetof(struct item, of), 0, 0, "",
	  "what of a message it is asked for: client, relays, helo, rdns, from, author, uris; "
	  "none: client for addresses, all others but relays for names" },
	{ "level", CONF_STR, offsetof(struct item, level), 0, 0, "domain",
	  "the names that it has: domain (registered ones), host (whole names) or both" },
	{ "codes", CONF_STRS, offsetof(struct item, codes), 0, 0, "127.0.0.2-127.0.0.254",
	  "the answers that mean \"listed\": addresses (127.0.*.3), ranges, or bits of the last "
	  "octet (&64); every other one means nothing" },
	{ "symbol", CONF_STR, offsetof(struct item, symbol), 0, 0, "",
	  "the name of a hit in the filter's answers; none: DNSBL_ and the zone" },
	{ "score", CONF_REAL, offsetof(struct item, score), -100, 100, "0",
	  "what a hit adds to a message's score" },
	{ "mx", CONF_STR, offsetof(struct item, mx), 0, 0, "score",
	  "what the mx does before DATA: reject, defer, or score (nothing)" },
	{ "white", CONF_BOOL, offsetof(struct item, white), 0, 0, "false",
	  "a list of good ones: a client that it has is refused by no other list" },
	{ "results", CONF_NODE, offsetof(struct item, results), 0, 0, "",
	  "for codes that differ: ( { codes = [\"127.0.0.4\"]; symbol = \"X\"; score = 2.5; mx = "
	  "\"defer\"; }, ... ) in the place of codes" },
	{ "point", CONF_STR, offsetof(struct item, point), 0, 0, "test",
	  "a list of names: the one that it has for tests; \"\": none" },
	{ "servers", CONF_STRS, offsetof(struct item, servers), 0, 0, "",
	  "whom to ask, e.g. [\"127.0.0.1:54\"]; none: the mirrors of all nodes" },
};

struct result_item {
	struct conf_strs codes;
	str symbol, mx;
	double score;
};
static const struct conf_key result_keys[] = {
	{ "codes", CONF_STRS, offsetof(struct result_item, codes), 0, 0, NULL,
	  "as the list's codes" },
	{ "symbol", CONF_STR, offsetof(struct result_item, symbol), 0, 0, "",
	  "none: the list's symbol" },
	{ "score", CONF_REAL, offsetof(struct result_item, score), -100, 100, "0",
	  "left out: the list's score" },
	{ "mx", CONF_STR, offsetof(struct result_item, mx), 0, 0, "", "none: the list's mx" },
};

static void describe(const struct conf_key *k, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		conf_describe(&k[i], out);
}

void blacklists_describe(struct buf *out)
{
	describe(keys, COUNT(keys), out);
	buf_add(out, STR("\nblacklists.lists, each:\n"));
	describe(item_keys, COUNT(item_keys), out);
	buf_add(out, STR("\nblacklists.lists.results, each:\n"));
	describe(result_keys, COUNT(result_keys), out);
}

struct reading {
	const struct role_env *env;
	const struct conf_node *n; /* the list in hand */
	struct buf *complaints;
	const struct item *i;
	struct blacklists_list *l;
};

static err bad(const struct reading *r, str text, const char *instead)
{
	conf_complain(r->n, r->complaints, "\"%.*s\" does not fit; write %s", STRF(text), instead);
	return E_SYNTAX;
}

static void *room_for(const struct reading *r, size_t n, size_t size)
{
	return arena_get(r->env->arena, size_mul(n + 1, size), 16);
}

/* ---- codes ---- */

/* "127.0.0.2"; "*" in the place of an octet that does not count. */
static err read_address(str text, uint32_t *out, uint32_t *ignored)
{
	str piece;
	unsigned n = 0;

	*out = *ignored = 0;
	while (str_next(&text, '.', &piece)) {
		uint64_t v = 0;
		bool any = str_eq(piece, STR("*"));

		if (!any)
			TRY(str_u64(piece, 255, &v));
		*out = *out << 8 | (uint32_t)v;
		*ignored = *ignored << 8 | (any ? 255u : 0u);
		n++;
	}
	return n == 4 && *out >> 24 == 127 ? OK : fail(E_SYNTAX, "no address of 127/8");
}

/* "127.0.0.2", "127.0.0.2-127.0.0.11", "127.0.*.3", "&64". */
static err read_code(str text, struct blacklist_code *out)
{
	str part[2] = { text, text };
	uint32_t ignored;
	uint64_t bits = 0;

	*out = (struct blacklist_code){ .first = 0x7f000000, .last = 0x7f0000ff };
	if (str_starts(text, STR("&"))) {
		TRY(str_u64(str_skip(text, 1), 254, &bits));
		out->bits = (uint32_t)bits;
		return bits && !(bits & 1) ? OK : fail(E_SYNTAX, "the lowest bit is an error's");
	}
	(void)str_cut(text, '-', &part[0], &part[1]);
	TRY(read_address(str_trim(part[0]), &out->first, &out->ignored));
	TRY(read_address(str_trim(part[1]), &out->last, &ignored));
	return out->first <= out->last && ignored == out->ignored
		       ? OK
		       : fail(E_SYNTAX, "the first is above the last");
}

static err read_codes(const struct reading *r, const struct conf_strs *from,
		      struct blacklists_result *out)
{
	struct blacklist_code *v = room_for(r, from->n, sizeof(*v));

	out->codes = v;
	for (size_t k = 0; k < from->n; k++)
		if (read_code(from->v[k], &v[out->ncodes++]) != OK)
			return bad(r, from->v[k],
				   "\"127.0.0.2\", \"127.0.0.2-127.0.0.11\", \"127.0.*.3\" or "
				   "\"&64\"");
	return OK;
}

/* ---- results ---- */

static err read_act(const struct reading *r, str text, enum blacklists_act *out)
{
	static const struct {
		str name;
		enum blacklists_act act;
	} acts[] = { { S("score"), BLACKLISTS_SCORE },
		     { S("defer"), BLACKLISTS_DEFER },
		     { S("reject"), BLACKLISTS_REJECT } };

	for (size_t k = 0; k < COUNT(acts); k++)
		if (str_eq(text, acts[k].name)) {
			*out = acts[k].act;
			return OK;
		}
	return bad(r, text, "mx = \"reject\", \"defer\" or \"score\"");
}

/* A header field and JSON bear it. */
static err check_symbol(const struct reading *r, str s)
{
	for (size_t k = 0; k < s.n; k++)
		if (!ch_alnum(s.p[k]) && s.p[k] != '_')
			return bad(r, s, "a symbol of letters, digits and \"_\"");
	return s.n <= 64 ? OK : bad(r, s, "a symbol of at most 64 letters");
}

static str default_symbol(const struct reading *r)
{
	struct buf b;

	buf_init(&b, 64);
	buf_add(&b, r->i->white ? STR("DNSWL_") : STR("DNSBL_"));
	for (size_t k = 0; k < r->i->zone.n && b.n < 60; k++)
		buf_addc(&b, ch_alnum(r->i->zone.p[k]) ? ch_upper(r->i->zone.p[k]) : '_');
	str s = arena_dup(r->env->arena, buf_str(&b));

	buf_free(&b);
	return s;
}

static err read_result(struct reading *r, const struct conf_node *n,
		       const struct blacklists_result *of_list, struct blacklists_result *out)
{
	struct result_item i;

	TRY(conf_read(n, result_keys, COUNT(result_keys), &i, r->env->arena, r->complaints));
	*out = *of_list;
	out->ncodes = 0;
	if (i.symbol.n)
		out->symbol = i.symbol;
	if (conf_find(n, "score"))
		out->score = i.score;
	TRY(check_symbol(r, out->symbol));
	if (i.mx.n)
		TRY(read_act(r, i.mx, &out->act));
	return read_codes(r, &i.codes, out);
}

/* The client knows one set of codes for a list: those of all its results. */
static void join_codes(const struct reading *r)
{
	struct blacklists_list *l = r->l;
	struct blacklist_code *all;
	size_t n = 0;

	for (size_t k = 0; k < l->nresults; k++)
		n += l->results[k].ncodes;
	l->dns.codes = all = room_for(r, n, sizeof(*all));
	for (size_t k = 0; k < l->nresults; k++)
		for (size_t j = 0; j < l->results[k].ncodes; j++)
			all[l->dns.ncodes++] = l->results[k].codes[j];
}

static err read_results(struct reading *r)
{
	const struct item *i = r->i;
	size_t n = conf_count(i->results);
	struct blacklists_result *v = room_for(r, n, sizeof(*v)), of_list = { 0 };

	of_list.symbol = i->symbol.n ? i->symbol : default_symbol(r);
	of_list.score = i->score;
	TRY(check_symbol(r, of_list.symbol));
	TRY(read_act(r, i->mx, &of_list.act));
	r->l->results = v;
	r->l->nresults = n ? n : 1;
	if (n > LIM_BLACKLIST_RESULTS)
		return bad(r, STR("results"), "fewer results");
	if (!n) {
		v[0] = of_list;
		TRY(read_codes(r, &i->codes, &v[0]));
	}
	for (size_t k = 0; k < n; k++)
		TRY(read_result(r, conf_at(i->results, k), &of_list, &v[k]));
	join_codes(r);
	return OK;
}

/* ---- what is asked ---- */

static err read_kinds(const struct reading *r)
{
	const struct conf_strs *kinds = &r->i->kinds;
	struct blacklist *l = &r->l->dns;

	for (size_t k = 0; k < kinds->n; k++) {
		str kind = kinds->v[k];

		l->ip4 |= str_eq(kind, STR("ip4"));
		l->ip6 |= str_eq(kind, STR("ip6"));
		l->names |= str_eq(kind, STR("names"));
		if (!str_eq(kind, STR("ip4")) && !str_eq(kind, STR("ip6")) &&
		    !str_eq(kind, STR("names")))
			return bad(r, kind, "ip4, ip6 or names");
	}
	return OK;
}

static err read_level(const struct reading *r)
{
	str level = r->i->level;

	r->l->domains = str_eq(level, STR("domain")) || str_eq(level, STR("both"));
	r->l->hosts = str_eq(level, STR("host")) || str_eq(level, STR("both"));
	return r->l->domains || r->l->hosts
		       ? OK
		       : bad(r, level, "level = \"domain\", \"host\" or \"both\"");
}

static err read_of(const struct reading *r)
{
	static const struct {
		str name;
		unsigned bit;
	} words[] = {
		{ S("client"), BLACKLISTS_CLIENT }, { S("relays"), BLACKLISTS_RELAYS },
		{ S("helo"), BLACKLISTS_HELO },	    { S("rdns"), BLACKLISTS_RDNS },
		{ S("from"), BLACKLISTS_FROM },	    { S("author"), BLACKLISTS_AUTHOR },
		{ S("uris"), BLACKLISTS_URIS },
	};
	const struct blacklist *l = &r->l->dns;
	unsigned all = 0;

	for (size_t k = 0; k < r->i->of.n; k++) {
		unsigned bit = 0;

		for (size_t j = 0; j < COUNT(words); j++)
			if (str_eq(r->i->of.v[k], words[j].name))
				bit = words[j].bit;
		if (!bit && r->i->of.v[k].n)
			return bad(r, r->i->of.v[k],
				   "client, relays, helo, rdns, from, author or uris");
		all |= bit;
	}
	if (!all)
		all = (l->ip4 || l->ip6 ? BLACKLISTS_CLIENT : 0u) |
		      (l->names ? BLACKLISTS_HELO | BLACKLISTS_RDNS | BLACKLISTS_FROM |
					  BLACKLISTS_AUTHOR | BLACKLISTS_URIS
				: 0u);
	r->l->of = all;
	return OK;
}

static err read_servers(const struct reading *r)
{
	const struct conf_strs *servers = &r->i->servers;
	bool own = servers->n && servers->v[0].n;
	struct net_addr *at = room_for(r, own ? servers->n : LIM_ADDRESSES, sizeof(*at));
	struct blacklist *l = &r->l->dns;

	l->servers = at;
	if (!own)
		l->nservers = role_addresses(r->env, STR(""), "dnsbl.dnsbl", ROLE_REACHED, at,
					     LIM_ADDRESSES);
	for (size_t k = 0; own && k < servers->n; k++) {
		if (net_parse(servers->v[k], &at[k]) != OK || net_is_unix(&at[k]))
			return bad(r, servers->v[k], "an address such as \"127.0.0.1:54\"");
		l->nservers++;
	}
	if (l->nservers)
		return OK;
	return bad(r, r->i->zone, "servers = [\"...\"]: no node has a mirror");
}

static err read_item(struct reading *r)
{
	struct item i;
	struct blacklists_list *l = r->l;

	TRY(conf_read(r->n, item_keys, COUNT(item_keys), &i, r->env->arena, r->complaints));
	r->i = &i;
	l->dns.label = i.zone;
	l->white = i.white;
	l->point = i.point;
	if (dns_name_parse(i.zone, str_of("", 1), &l->dns.zone) != OK || l->dns.zone.n < 2)
		return bad(r, i.zone, "a zone such as \"bl.example.org\"");
	dns_name_lower(&l->dns.zone);
	TRY(read_kinds(r));
	TRY(read_level(r));
	TRY(read_of(r));
	TRY(read_results(r));
	return read_servers(r);
}

/* ---- the group ---- */

static err read_trusted(struct reading *r, const struct conf_strs *from,
			struct blacklists_settings *out)
{
	struct net_block *v = room_for(r, from->n, sizeof(*v));

	out->trusted = v;
	for (size_t k = 0; k < from->n; k++)
		if (from->v[k].n && net_block_parse(from->v[k], &v[out->ntrusted++]) != OK)
			return bad(r, from->v[k], "a network such as \"10.0.0.0/8\"");
	return OK;
}

err blacklists_read(const struct role_env *env, struct buf *complaints,
		    struct blacklists_settings *out)
{
	const struct conf_node *n = conf_find(env->root, "blacklists");
	struct reading r = { .env = env, .n = n, .complaints = complaints };
	struct group g;
	err e = conf_read(n, keys, COUNT(keys), &g, env->arena, complaints);

	TRY(e);
	*out = (struct blacklists_settings){ .test = g.test,
					     .time = g.time,
					     .domains = g.domains,
					     .questions = g.questions,
					     .skip = g.skip };
	TRY(read_trusted(&r, &g.trusted, out));
	out->v = room_for(&r, conf_count(g.lists), sizeof(*out->v));
	if (conf_count(g.lists) > LIM_BLACKLISTS)
		return bad(&r, STR("lists"), "fewer lists");
	for (size_t i = 0; i < conf_count(g.lists); i++) {
		r.n = conf_at(g.lists, i);
		r.l = &out->v[out->n++];
		if (read_item(&r) != OK)
			e = E_SYNTAX;
	}
	return e;
}
