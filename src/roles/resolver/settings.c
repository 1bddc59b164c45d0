#include "base/limits.h"
#include "roles/resolver/resolver.h"

#define AT(member) offsetof(struct resolver_settings, member)
const struct conf_key resolver_keys[RESOLVER_KEYS] = {
	{ "networks", CONF_STRS, AT(networks), 0, 0, "127.0.0.0/8, ::1",
	  "customers' networks: all others are refused" },
	{ "dnssec", CONF_BOOL, AT(dnssec), 0, 0, "true", "validate answers" },
	{ "insecure", CONF_STRS, AT(insecure), 0, 0, "",
	  "zones that are not validated, e.g. [\"test\"]; those under .test are looked up, too" },
	{ "anchors", CONF_STRS, AT(anchors), 0, 0, "",
	  "trust anchors beside the root's: DS or DNSKEY records as in a zone file" },
	{ "forward", CONF_STRS, AT(forward), 0, 0, "",
	  "resolvers to ask, e.g. [\"192.0.2.53:53\"]; none: the root and down from it" },
	{ "stubs", CONF_NODE, AT(stubs_node), 0, 0, "",
	  "( { name = \"example.org\"; servers = [\"10.0.0.53:53\"]; }, ... )" },
	{ "prefetch", CONF_BOOL, AT(prefetch), 0, 0, "true",
	  "fetch popular names anew before they expire" },
	{ "serve_expired", CONF_BOOL, AT(serve_expired), 0, 0, "true",
	  "answer with what has expired where nobody answers (RFC 8767)" },
	{ "expired_ttl", CONF_DURATION, AT(expired_ttl), 1000, 2592000000, "3d",
	  "how long after its expiry an answer is still given" },
	{ "expired_after", CONF_DURATION, AT(expired_after), 0, 60000, "1800ms",
	  "how long a fresh answer is tried for before an expired one is given" },
	{ "cache", CONF_SIZE, AT(cache), 1 << 20, INT64_MAX, "64M",
	  "octets of its caches; two thirds are for record sets" },
	{ "threads", CONF_INT, AT(threads), 1, 64, "1", "threads that answer" },
	{ "rate_address", CONF_INT, AT(rate_address), 0, 1000000, "0",
	  "questions a second from one address; 0: any" },
	{ "udp_size", CONF_INT, AT(udp_size), 512, 4096, "1232", "octets of the largest datagram" },
	{ "probe", CONF_DURATION, AT(probe), 50, 60000, "500ms",
	  "pause between looks at its health" },
	{ "probe_time", CONF_DURATION, AT(probe_time), 50, 60000, "2s",
	  "an Unbound that does not answer for so long is started anew" },
	{ "program", CONF_STR, AT(program), 0, 0, "/usr/sbin/unbound", "path of Unbound" },
	{ "root_anchor", CONF_STR, AT(root_anchor), 0, 0, "/usr/share/dns/root.key",
	  "file of the root's key, to begin with" },
};
#undef AT

struct stub {
	str name;
	struct conf_strs servers;
};
const struct conf_key resolver_stub_keys[RESOLVER_STUB_KEYS] = {
	{ "name", CONF_STR, offsetof(struct stub, name), 0, 0, NULL, "the zone: \"example.org\"" },
	{ "servers", CONF_STRS, offsetof(struct stub, servers), 0, 0, NULL,
	  "its name servers, e.g. [\"10.0.0.53:53\"]" },
};

/* What goes into another program's configuration holds nothing but a name's or address's octets. */
static bool plain(str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!ch_alnum(text.p[i]) && str_find(STR("-_./:"), text.p[i]) == 5)
			return false;
	return text.n > 0 && text.n < 254;
}

static err bad(const struct conf_node *n, struct buf *complaints, str text, const char *instead)
{
	conf_complain(n, complaints, "\"%.*s\" does not fit here; write %s", STRF(text), instead);
	return E_SYNTAX;
}

static err check_texts(const struct role_env *env, const struct resolver_settings *set,
		       struct buf *complaints)
{
	struct net_block b;
	struct net_addr a;

	for (size_t i = 0; i < set->networks.n; i++)
		if (set->networks.v[i].n && net_block_parse(set->networks.v[i], &b) != OK)
			return bad(conf_find(env->conf, "networks"), complaints, set->networks.v[i],
				   "a network such as \"10.0.0.0/8\"");
	for (size_t i = 0; i < set->insecure.n; i++)
		if (set->insecure.v[i].n && !plain(set->insecure.v[i]))
			return bad(conf_find(env->conf, "insecure"), complaints, set->insecure.v[i],
				   "a domain name");
	for (size_t i = 0; i < set->forward.n; i++)
		if (set->forward.v[i].n &&
		    (net_parse(set->forward.v[i], &a) != OK || net_is_unix(&a)))
			return bad(conf_find(env->conf, "forward"), complaints, set->forward.v[i],
				   "an address such as \"192.0.2.53:53\"");
	for (size_t i = 0; i < set->anchors.n; i++)
		if (!str_printable(set->anchors.v[i]) ||
		    str_find(set->anchors.v[i], '"') != set->anchors.v[i].n)
			return bad(conf_find(env->conf, "anchors"), complaints, set->anchors.v[i],
				   "a DS or DNSKEY record on one line");
	if (set->program.n == 0 || set->program.p[0] != '/')
		return bad(conf_find(env->conf, "program"), complaints, set->program,
			   "a path from the root");
	return OK;
}

/* ---- stubs ---- */

static struct net_addr *room(const struct role_env *env)
{
	return arena_get(env->arena, LIM_ADDRESSES * sizeof(struct net_addr), 16);
}

static err read_stub(const struct role_env *env, const struct conf_node *n,
		     struct resolver_stub *to, struct buf *complaints)
{
	struct stub stub;

	TRY(conf_read(n, resolver_stub_keys, RESOLVER_STUB_KEYS, &stub, env->arena, complaints));
	if (!plain(stub.name))
		return bad(n, complaints, stub.name, "a domain name");
	to->name = stub.name;
	to->addr = arena_get(env->arena, size_mul(stub.servers.n, sizeof(*to->addr)), 16);
	for (size_t i = 0; i < stub.servers.n; i++) {
		if (net_parse(stub.servers.v[i], &to->addr[i]) != OK || net_is_unix(&to->addr[i]))
			return bad(n, complaints, stub.servers.v[i],
				   "an address such as \"10.0.0.53:53\"");
		to->naddr++;
	}
	return OK;
}

/* The zones of the black lists are at the mirrors of all nodes. */
static void add_lists(const struct role_env *env, struct resolver_settings *set,
		      struct buf *ignored)
{
	const struct conf_node *lists = conf_find(env->root, "dnsbl.lists");
	struct net_addr *mirrors = room(env);
	size_t n =
		role_addresses(env, STR(""), "dnsbl.dnsbl", ROLE_REACHED, mirrors, LIM_ADDRESSES);

	for (size_t i = 0; n && i < conf_count(lists); i++) {
		str zone = conf_str(conf_find(conf_at(lists, i), "zone"), ignored);

		if (plain(zone))
			set->stubs[set->nstubs++] = (struct resolver_stub){ zone, mirrors, n };
	}
}

static err read_stubs(const struct role_env *env, struct resolver_settings *set,
		      struct buf *complaints)
{
	CLEANUP(buf_free) struct buf ignored = { 0 };
	size_t most = conf_count(set->stubs_node) + conf_count(conf_find(env->root, "dnsbl.lists"));
	err e = OK;

	buf_init(&ignored, KIB(1));
	set->stubs = arena_get(env->arena, size_mul(most + 1, sizeof(*set->stubs)), 16);
	for (size_t i = 0; i < conf_count(set->stubs_node); i++)
		if (read_stub(env, conf_at(set->stubs_node, i), &set->stubs[set->nstubs++],
			      complaints) != OK)
			e = E_SYNTAX;
	add_lists(env, set, &ignored);
	return e;
}

err resolver_read(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct resolver_settings *set = settings;

	TRY(conf_read(env->conf, resolver_keys, RESOLVER_KEYS, set, env->arena, complaints));
	TRY(check_texts(env, set, complaints));
	TRY(read_stubs(env, set, complaints));
	set->listen = room(env);
	set->nlisten = role_addresses(env, env->node, "resolver.resolver", ROLE_AS_SAID,
				      set->listen, LIM_ADDRESSES);
	set->dns = room(env);
	set->ndns = role_addresses(env, STR(""), "dns.dns", ROLE_REACHED, set->dns, LIM_ADDRESSES);
	set->root_anchor = str_z(arena_z(env->arena, set->root_anchor));
	set->data = env->data;
	set->directory = env->directory;
	return OK;
}
