#include "services/blacklists/blacklists.h"

#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(aside_now, "posta_blacklist_aside", "", METRIC_GAUGE,
       "Black lists that are not asked, since they failed their test.");
METRIC(odd, "posta_blacklist_odd_total", "", METRIC_COUNTER,
       "Answers with a code that the list's configuration does not name.");

enum { TEST_TIME = 3000, FAILS = 2 }; /* milliseconds; tests in a row before a list is put aside */

/* ---- settings ---- */

struct group {
	const struct conf_node *lists;
	int64_t test;
};
static const struct conf_key keys[] = {
	{ "lists", CONF_NODE, offsetof(struct group, lists), 0, 0, "",
	  "( { zone = \"bl.example.org\"; kinds = [\"ip4\"]; codes = [\"127.0.0.2\"]; }, ... )" },
	{ "test", CONF_DURATION, offsetof(struct group, test), 100, 86400000, "5m",
	  "how often each list is tested with the points that every list has" },
};

struct item {
	str zone;
	struct conf_strs kinds, codes, servers;
};
static const struct conf_key item_keys[] = {
	{ "zone", CONF_STR, offsetof(struct item, zone), 0, 0, NULL, "where it is asked" },
	{ "kinds", CONF_STRS, offsetof(struct item, kinds), 0, 0, "ip4",
	  "what it lists: ip4, ip6, names" },
	{ "codes", CONF_STRS, offsetof(struct item, codes), 0, 0, "127.0.0.2-127.0.0.254",
	  "the answers that mean \"listed\": addresses and ranges; every other one means nothing" },
	{ "servers", CONF_STRS, offsetof(struct item, servers), 0, 0, "",
	  "whom to ask, e.g. [\"127.0.0.1:54\"]; none: the mirrors of all nodes" },
};

void blacklists_describe(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
	buf_add(out, STR("\nblacklists.lists, each:\n"));
	for (size_t i = 0; i < COUNT(item_keys); i++)
		conf_describe(&item_keys[i], out);
}

/* "127.0.0.2", "127.0.0.2-127.0.0.11". */
static err read_code(str text, struct blacklist_code *out)
{
	struct net_block b;
	str part[2] = { text, text };

	(void)str_cut(text, '-', &part[0], &part[1]);
	for (unsigned i = 0; i < 2; i++) {
		TRY(net_block_parse(str_trim(part[i]), &b));
		if (b.family != AF_INET || b.bits != 32)
			return fail(E_SYNTAX, "no address");
		uint32_t v = (uint32_t)b.ip[0] << 24 | (uint32_t)b.ip[1] << 16 |
			     (uint32_t)b.ip[2] << 8 | b.ip[3];

		*(i ? &out->last : &out->first) = v;
	}
	return out->first <= out->last && out->first >> 24 == 127
		       ? OK
		       : fail(E_SYNTAX, "no range of addresses of 127/8");
}

static err bad(const struct conf_node *n, struct buf *complaints, str text, const char *instead)
{
	conf_complain(n, complaints, "\"%.*s\" does not fit; write %s", STRF(text), instead);
	return E_SYNTAX;
}

static err read_kinds(const struct conf_node *n, const struct item *i, struct blacklist *l,
		      struct buf *complaints)
{
	for (size_t k = 0; k < i->kinds.n; k++) {
		str kind = i->kinds.v[k];

		l->ip4 |= str_eq(kind, STR("ip4"));
		l->ip6 |= str_eq(kind, STR("ip6"));
		l->names |= str_eq(kind, STR("names"));
		if (!str_eq(kind, STR("ip4")) && !str_eq(kind, STR("ip6")) &&
		    !str_eq(kind, STR("names")))
			return bad(n, complaints, kind, "ip4, ip6 or names");
	}
	return OK;
}

static err read_servers(const struct role_env *env, const struct conf_node *n, const struct item *i,
			struct blacklist *l, struct buf *complaints)
{
	bool own = i->servers.n && i->servers.v[0].n;
	struct net_addr *at =
		arena_get(env->arena, ((own ? i->servers.n : LIM_ADDRESSES) + 1) * sizeof(*at), 16);

	l->servers = at;
	if (!own)
		l->nservers = role_addresses(env, STR(""), "dnsbl.dnsbl", ROLE_REACHED, at,
					     LIM_ADDRESSES);
	for (size_t k = 0; own && k < i->servers.n; k++) {
		if (net_parse(i->servers.v[k], &at[k]) != OK || net_is_unix(&at[k]))
			return bad(n, complaints, i->servers.v[k],
				   "an address such as \"127.0.0.1:54\"");
		l->nservers++;
	}
	if (l->nservers)
		return OK;
	return bad(n, complaints, i->zone, "servers = [\"...\"]: no node has a mirror");
}

static err read_item(const struct role_env *env, const struct conf_node *n, struct blacklist *l,
		     struct buf *complaints)
{
	struct item i;

	TRY(conf_read(n, item_keys, COUNT(item_keys), &i, env->arena, complaints));
	l->label = i.zone;
	if (dns_name_parse(i.zone, str_of("", 1), &l->zone) != OK || l->zone.n < 2)
		return bad(n, complaints, i.zone, "a zone such as \"bl.example.org\"");
	dns_name_lower(&l->zone);
	TRY(read_kinds(n, &i, l, complaints));
	struct blacklist_code *codes =
		arena_get(env->arena, size_mul(i.codes.n + 1, sizeof(*codes)), 16);

	for (size_t k = 0; k < i.codes.n; k++)
		if (read_code(i.codes.v[k], &codes[l->ncodes++]) != OK)
			return bad(n, complaints, i.codes.v[k],
				   "\"127.0.0.2\" or \"127.0.0.2-127.0.0.11\"");
	l->codes = codes;
	return read_servers(env, n, &i, l, complaints);
}

err blacklists_read(const struct role_env *env, struct buf *complaints,
		    struct blacklists_settings *out)
{
	const struct conf_node *n = conf_find(env->root, "blacklists");
	struct group g;
	err e = conf_read(n, keys, COUNT(keys), &g, env->arena, complaints);

	TRY(e);
	out->test = g.test;
	out->n = 0;
	out->v = arena_get(env->arena, size_mul(conf_count(g.lists) + 1, sizeof(*out->v)), 16);
	if (conf_count(g.lists) > LIM_BLACKLISTS)
		return bad(g.lists, complaints, STR("lists"), "fewer lists");
	for (size_t i = 0; i < conf_count(g.lists); i++)
		if (read_item(env, conf_at(g.lists, i), &out->v[out->n++], complaints) != OK)
			e = E_SYNTAX;
	return e;
}

/* ---- state ---- */

struct health {
	unsigned fails;
	bool aside;
};
struct blacklists {
	const struct blacklists_settings *set;
	struct health *health;
	struct fiber *tests;
};

bool blacklists_aside(const struct blacklists *b, size_t index)
{
	return b->health[index].aside;
}

/* ---- tests ---- */

struct point {
	struct blacklist_question q;
	bool listed;
};

static size_t add_points(const struct blacklist *l, struct point v[6])
{
	static const char *const ips[] = { "127.0.0.2:1", "127.0.0.1:1", "[::ffff:7f00:2]:1",
					   "[::ffff:7f00:1]:1" };
	struct net_addr a;
	size_t n = 0;

	for (unsigned i = 0; i < COUNT(ips); i++)
		if (net_parse(str_z(ips[i]), &a) == OK && blacklist_ip(l, &a, &v[n].q) == OK)
			v[n++].listed = i % 2 == 0;
	if (blacklist_domain(l, STR("test"), &v[n].q) == OK)
		v[n++].listed = true;
	if (blacklist_domain(l, STR("invalid"), &v[n].q) == OK)
		v[n++].listed = false;
	return n;
}

WAITS err blacklists_test(const struct blacklist *l, msec deadline)
{
	struct point points[6] = { 0 };
	struct blacklist_question v[6];
	size_t n = add_points(l, points), silent = 0;

	for (size_t i = 0; i < n; i++)
		v[i] = points[i].q;
	TRY(blacklist_ask(v, n, deadline));
	for (size_t i = 0; i < n; i++) {
		bool listed = v[i].what == BLACKLIST_LISTED;

		silent += v[i].what == BLACKLIST_SILENT;
		if (v[i].what == BLACKLIST_ERROR)
			return fail(E_DENIED, "%.*s answers with an error: %u.%u.%u.%u",
				    STRF(l->label), v[i].code >> 24, v[i].code >> 16 & 255,
				    v[i].code >> 8 & 255, v[i].code & 255);
		if (v[i].what != BLACKLIST_SILENT && listed != points[i].listed)
			return fail(E_DENIED, "%.*s %s what every list %s", STRF(l->label),
				    listed ? "lists" : "does not list",
				    listed ? "leaves out (127.0.0.1)" : "has (127.0.0.2)");
	}
	return silent ? fail(E_NOTFOUND, "%.*s does not answer", STRF(l->label)) : OK;
}

/* One that is silent costs time at each mail: it is put aside as well, after more than one test. */
static void judge(struct blacklists *b, size_t i, err e)
{
	struct health *h = &b->health[i];
	bool aside;

	h->fails = e ? h->fails + 1 : 0;
	aside = e == E_DENIED || h->fails >= FAILS;
	if (aside != h->aside)
		LOG(aside ? LOG_ERROR : LOG_INFO, "blacklist.aside", KS("list", b->set->v[i].label),
		    KI("aside", aside),
		    KS("why", str_z(e ? err_last()->text : "it passes its test")));
	h->aside = aside;
}

WAITS static err test_all(struct blacklists *b)
{
	int64_t aside = 0;

	for (size_t i = 0; i < b->set->n; i++) {
		err e = blacklists_test(&b->set->v[i], clock_in(TEST_TIME));

		if (e == E_CANCELED)
			return e;
		judge(b, i, e);
		aside += b->health[i].aside;
	}
	metric_set(&aside_now, aside);
	return OK;
}

WAITS static err test_fiber(void *arg)
{
	struct blacklists *b = arg;

	for (;;) {
		TRY(test_all(b));
		TRY(fiber_sleep(clock_in(b->set->test)));
	}
}

struct blacklists *blacklists_open(const struct blacklists_settings *set)
{
	struct blacklists *b = MEM_NEW(struct blacklists);

	b->set = set;
	b->health = mem_get(size_mul(set->n + 1, sizeof(*b->health)));
	if (set->n)
		b->tests = fiber_start("blacklists", test_fiber, b);
	return b;
}

WAITS void blacklists_close(struct blacklists *b)
{
	if (!b)
		return;
	if (b->tests) {
		fiber_cancel(b->tests);
		(void)!fiber_join(b->tests);
	}
	mem_free(b->health);
	mem_free(b);
}

/* ---- asking ---- */

WAITS static err ask(struct blacklist_question *v, size_t n, msec deadline)
{
	TRY(blacklist_ask(v, n, deadline));
	for (size_t i = 0; i < n; i++)
		metric_add(&odd, v[i].what == BLACKLIST_ODD);
	return OK;
}

WAITS err blacklists_ip(struct blacklists *b, const struct net_addr *who, msec deadline,
			struct blacklist_question *v, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < b->set->n; i++)
		if (!b->health[i].aside && blacklist_ip(&b->set->v[i], who, &v[*n]) == OK)
			++*n;
	return ask(v, *n, deadline);
}

WAITS err blacklists_domain(struct blacklists *b, str domain, msec deadline,
			    struct blacklist_question *v, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < b->set->n; i++)
		if (!b->health[i].aside && blacklist_domain(&b->set->v[i], domain, &v[*n]) == OK)
			++*n;
	return ask(v, *n, deadline);
}
