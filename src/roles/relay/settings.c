#include "base/limits.h"
#include "roles/relay/relay.h"
#include "run/conf_value.h"

#define AT(member) offsetof(struct relay_settings, member)
const struct conf_key relay_keys[] = {
	{ "hostname", CONF_STR, AT(hostname), 0, 0, "",
	  "name in EHLO and reports; empty: the node's hostname" },
	{ "mx", CONF_STR, AT(mx), 0, 0, "",
	  "where mail for our own domains goes, e.g. \"10.0.0.5:25\"; empty: the mx of this node" },
	{ "tls", CONF_STR, AT(tls), 0, 0, "may", "to others: never, may, must, verify" },
	{ "schedule", CONF_STRS, AT(schedule_texts), 0, 0, "5m, 15m, 30m, 1h, 2h, 4h",
	  "waits between attempts; the last one repeats" },
	{ "lifetime", CONF_DURATION, AT(lifetime), 1000, INT64_MAX, "5d",
	  "then a mail goes back as failed" },
	{ "warn", CONF_DURATION, AT(warn), 0, INT64_MAX, "4h",
	  "then the sender is told of the delay; 0: never" },
	{ "parallel", CONF_INT, AT(parallel), 1, 10000, "300", "deliveries at a time" },
	{ "per_destination", CONF_INT, AT(per_destination), 1, 1000, "10",
	  "deliveries at a time to one destination" },
	{ "per_minute", CONF_INT, AT(per_minute), 0, 1000000, "0",
	  "deliveries begun a minute to one destination; 0: any" },
	{ "reserve", CONF_SIZE, AT(reserve), 0, INT64_MAX, "256M",
	  "octets of disk kept free: below it mail gets 452" },
	{ "resolvers", CONF_STRS, AT(resolvers), 0, 0, "",
	  "DNS resolvers to ask, e.g. [\"192.0.2.53:53\"]; none: this node's, or else the root and "
	  "down from it" },
	{ "dnssec", CONF_BOOL, AT(dnssec), 0, 0, "true", "validate answers of the DNS" },
	{ "ipv6", CONF_BOOL, AT(ipv6), 0, 0, "true", "deliver over IPv6 too" },
	{ "allow_loopback", CONF_BOOL, AT(loopback), 0, 0, "false",
	  "deliver where an MX names this machine's loopback (tests)" },
	{ "port", CONF_INT, AT(port), 1, 65535, "25", "port of other mail servers (tests)" },
	{ "idle", CONF_DURATION, AT(idle), 0, 300000, "5s",
	  "how long a connection waits for the next mail" },
	{ "reuse", CONF_INT, AT(reuse), 1, 100000, "100", "mails over one connection" },
	{ "connect_time", CONF_DURATION, AT(connect), 100, 300000, "30s",
	  "time to connect to one address" },
	{ "command_time", CONF_DURATION, AT(command), 1000, 3600000, "5m",
	  "time for the answer to a command" },
	{ "data_time", CONF_DURATION, AT(data), 1000, 3600000, "3m",
	  "time to send a part of the message" },
	{ "final_time", CONF_DURATION, AT(final), 1000, 3600000, "10m",
	  "time for the answer to the message" },
	{ "message_max", CONF_SIZE, AT(limits.message), 1000, INT64_MAX, "50M",
	  "octets of a message" },
	{ "rcpts_max", CONF_INT, AT(limits.rcpts), 100, LIM_SMTP_RCPTS, "1000",
	  "recipients of a message" },
	{ "routes", CONF_NODE, AT(routes_node), 0, 0, "",
	  "( { domain = \"example.org\"; to = \"10.0.0.9:25\"; tls = \"must\"; }, ... )" },
};
#undef AT

#define AT(member) offsetof(struct relay_route, member)
const struct conf_key relay_route_keys[] = {
	{ "domain", CONF_STR, AT(domain), 0, 0, NULL,
	  "\"example.org\", \".example.org\" for all below it, \"*\" for every other one" },
	{ "to", CONF_STR, AT(to), 0, 0, "mx", "\"host:port\", or \"mx\": as the DNS says" },
	{ "tls", CONF_STR, AT(tls), 0, 0, "may", "never, may, must, verify" },
	{ "user", CONF_STR, AT(user), 0, 0, "", "login at a smart host" },
	{ "password", CONF_STR, AT(password), 0, 0, "", "its password" },
	{ "parallel", CONF_INT, AT(parallel), 0, 1000, "0",
	  "deliveries at a time; 0: as the others" },
	{ "per_minute", CONF_INT, AT(per_minute), 0, 1000000, "0",
	  "deliveries begun a minute; 0: as the others" },
};
#undef AT

static err check_tls(const struct conf_node *n, str tls, struct buf *complaints)
{
	static const str words[] = { S("never"), S("may"), S("must"), S("verify") };

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(tls, words[i]))
			return OK;
	conf_complain(n, complaints, "tls is \"%.*s\"; write never, may, must or verify",
		      STRF(tls));
	return E_SYNTAX;
}

static err read_routes(const struct role_env *env, struct buf *complaints,
		       struct relay_settings *set)
{
	size_t n = conf_count(set->routes_node);
	err e = OK;

	set->routes = arena_get(env->arena, size_mul(n + 1, sizeof(struct relay_route)), 16);
	for (size_t i = 0; i < n; i++) {
		const struct conf_node *node = conf_at(set->routes_node, i);
		struct relay_route *r = &set->routes[i];

		if (conf_read(node, relay_route_keys, RELAY_NROUTE_KEYS, r, env->arena,
			      complaints) != OK ||
		    check_tls(node, r->tls, complaints) != OK)
			e = E_SYNTAX;
		if (str_find(r->to, ':') == r->to.n && !str_eq(r->to, STR("mx"))) {
			conf_complain(node, complaints,
				      "to = \"%.*s\" has no port; write \"%.*s:25\"", STRF(r->to),
				      STRF(r->to));
			e = E_SYNTAX;
		}
	}
	set->nroutes = n;
	return e;
}

static err read_schedule(const struct role_env *env, struct buf *complaints,
			 struct relay_settings *set)
{
	const str *v = set->schedule_texts.v;
	size_t n = set->schedule_texts.n;

	if (!n) {
		conf_complain(conf_find(env->conf, "schedule"), complaints,
			      "\"schedule\" is empty; write [ \"5m\", \"15m\" ]");
		return E_SYNTAX;
	}
	set->schedule = arena_get(env->arena, size_mul(n, sizeof(msec)), 16);
	for (size_t i = 0; i < n; i++) {
		if (conf_parse_duration(v[i], &set->schedule[i]) == OK && set->schedule[i] > 0)
			continue;
		conf_complain(conf_find(env->conf, "schedule"), complaints,
			      "\"%.*s\" is no time to wait; write \"5m\" or \"2h\"", STRF(v[i]));
		return E_SYNTAX;
	}
	set->nschedule = n;
	return OK;
}

static bool is_on_node(const struct role_env *env, const char *role)
{
	const struct conf_node *nodes = conf_find(env->root, "nodes");

	for (size_t i = 0; i < conf_count(nodes); i++)
		if (str_eq(conf_name(conf_at(nodes, i)), env->node))
			return conf_find(conf_at(nodes, i), role) != NULL;
	return false;
}

/* The mx of this node, by its internal socket; "" when it has none. */
static str mx_of_node(const struct role_env *env, struct arena *a)
{
	CLEANUP(buf_free) struct buf path = { 0 };
	struct net_addr at;

	if (!is_on_node(env, "mx"))
		return STR("");
	buf_init(&path, KIB(1));
	role_socket(env, "mx", "inside", &at);
	net_print(&at, &path);
	return arena_dup(a, buf_str(&path));
}

/* The resolver of this node, with its cache and settings, where there is one. */
static void use_resolver_of_node(const struct role_env *env, struct relay_settings *set)
{
	struct net_addr at[4];
	size_t n = role_addresses(env, env->node, "resolver.resolver", ROLE_REACHED, at, COUNT(at));
	str *v = arena_get(env->arena, sizeof(at) / sizeof(*at) * sizeof(*v), 16);

	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_free) struct buf text = { 0 };

		buf_init(&text, 100);
		net_print(&at[i], &text);
		v[i] = arena_dup(env->arena, buf_str(&text));
	}
	set->resolvers = (struct conf_strs){ v, n };
}

static err check_resolvers(const struct role_env *env, struct buf *complaints,
			   struct relay_settings *set)
{
	struct net_addr a;

	if (set->resolvers.n == 0 || (set->resolvers.n == 1 && !set->resolvers.v[0].n))
		use_resolver_of_node(env, set);
	for (size_t i = 0; i < set->resolvers.n; i++) {
		str text = set->resolvers.v[i];

		if (net_parse(text, &a) == OK && !net_is_unix(&a))
			continue;
		conf_complain(conf_find(env->conf, "resolvers"), complaints,
			      "\"%.*s\" is no address; write it as \"192.0.2.53:53\"", STRF(text));
		return E_SYNTAX;
	}
	return OK;
}

err relay_read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct relay_settings *set = settings;
	err e = conf_read(env->conf, relay_keys, RELAY_NKEYS, set, env->arena, complaints);

	TRY(e);
	e = read_routes(env, complaints, set);
	if (reports_policy_read(env, complaints, &set->sending) != OK)
		e = E_SYNTAX;
	if (read_schedule(env, complaints, set) != OK ||
	    check_resolvers(env, complaints, set) != OK ||
	    check_tls(conf_find(env->conf, "tls"), set->tls, complaints) != OK)
		e = E_SYNTAX;
	if (!set->hostname.n)
		set->hostname = env->hostname;
	if (!set->mx.n)
		set->mx = mx_of_node(env, env->arena);
	set->has_signer = is_on_node(env, "submission");
	role_socket(env, "submission", "inside", &set->signer);
	set->limits.errors = 100;
	set->limits.transactions = INT64_MAX;
	set->limits.command = 5 * 60000;
	set->limits.data_block = 3 * 60000;
	set->limits.whole = NEVER;
	set->limits.spool_dir = env->data;
	return e;
}
