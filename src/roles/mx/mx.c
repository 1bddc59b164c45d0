#include "roles/mx/mx.h"

#include "base/limits.h"
#include "run/log.h"
#include "services/trace/trace.h"

enum { REMEMBERED = 65536 }; /* networks, recipients, pairs that a counter knows */

#define AT(member) offsetof(struct mx_settings, member)
static const struct conf_key keys[] = {
	{ "hostname", CONF_STR, AT(hostname), 0, 0, "",
	  "name in greetings; empty: the node's hostname" },
	{ "message_max", CONF_SIZE, AT(message_max), 1000, INT64_MAX, "50M",
	  "octets of a message" },
	{ "rcpts_max", CONF_INT, AT(rcpts_max), 100, 100000, "1000", "recipients of one message" },
	{ "errors_max", CONF_INT, AT(limits.errors), 1, 10000, "20",
	  "mistakes before the connection is closed" },
	{ "transactions_max", CONF_INT, AT(limits.transactions), 1, 1000000, "1000",
	  "messages of one connection" },
	{ "command_timeout", CONF_DURATION, AT(limits.command), 1000, 3600000, "5m",
	  "time for the next command" },
	{ "data_timeout", CONF_DURATION, AT(limits.data_block), 1000, 3600000, "3m",
	  "time for each 4 KiB of a message" },
	{ "session_timeout", CONF_DURATION, AT(limits.whole), 10000, 86400000, "2h",
	  "time for a whole connection" },
	{ "connections", CONF_INT, AT(connections), 1, 1000000, "5000",
	  "connections at a time, all together" },
	{ "connections_network", CONF_INT, AT(connections_network), 1, 1000000, "100",
	  "connections at a time from one network (IPv4 /24, IPv6 /64)" },
	{ "connection_rate", CONF_INT, AT(connection_rate), 0, 1000000, "1200",
	  "connections in a minute from one network; 0: any" },
	{ "unknown_slow", CONF_INT, AT(unknown_slow), 0, 1000000, "20",
	  "unknown recipients of a network before its answers slow down" },
	{ "unknown_refuse", CONF_INT, AT(unknown_refuse), 0, 1000000, "200",
	  "unknown recipients of a network before it is refused" },
	{ "unknown_window", CONF_DURATION, AT(unknown_window), 1000, 86400000, "10m",
	  "the window of the two" },
	{ "tarpit", CONF_DURATION, AT(tarpit), 0, 60000, "10s", "the longest delay of an answer" },
	{ "rate_recipient", CONF_INT, AT(rate_recipient), 0, 1000000, "1000",
	  "messages to one recipient within the window; 0: any" },
	{ "rate_pair", CONF_INT, AT(rate_pair), 0, 1000000, "300",
	  "messages of one sender to one recipient within the window; 0: any" },
	{ "rate_window", CONF_DURATION, AT(rate_window), 1000, 86400000, "10m",
	  "the window of the two" },
	{ "backend_timeout", CONF_DURATION, AT(backend_timeout), 100, 600000, "5s",
	  "time for a back-end's answer to a command" },
	{ "delivery_timeout", CONF_DURATION, AT(delivery_timeout), 100, 600000, "20s",
	  "time for a back-end to take a message; then it is queued" },
	{ "backend_pause", CONF_DURATION, AT(backend_pause), 0, 600000, "10s",
	  "how long a back-end that did not answer is not asked again" },
	{ "resolvers", CONF_STRS, AT(resolver_texts), 0, 0, "",
	  "name servers that are asked for clients' names, e.g. [\"192.0.2.53:53\"]; none: this "
	  "node's resolver, or nobody" },
	{ "rdns_time", CONF_DURATION, AT(rdns_time), 0, 60000, "2s",
	  "time for the name of a client's address; 0: it is not asked for" },
	{ "queue_reserve", CONF_SIZE, AT(queue_reserve), 0, INT64_MAX, "256M",
	  "octets of disk that the queue leaves free" },
	{ "queue_lifetime", CONF_DURATION, AT(queue_lifetime), 60000, INT64_MAX, "5d",
	  "how long the queue tries" },
	{ "filters", CONF_STRS, AT(filter_texts), 0, 0, "",
	  "filters that speak rspamd's HTTP protocol, e.g. [\"127.0.0.1:11333\"], or \"none\"; "
	  "nothing: this node's, or else those of all nodes" },
	{ "filter_timeout", CONF_DURATION, AT(filter_timeout), 10, 600000, "8s",
	  "time for the verdict on a message" },
	{ "filter_pause", CONF_DURATION, AT(filter_pause), 0, 600000, "10s",
	  "how long a filter that did not answer is not asked again" },
	{ "authenticate", CONF_BOOL, AT(authenticate), 0, 0, "true",
	  "ask the DNS for SPF, DKIM and DMARC where the filter does not say (rspamd)" },
	{ "authenticate_timeout", CONF_DURATION, AT(authenticate_timeout), 10, 600000, "5s",
	  "time for that" },
	{ "dnssec", CONF_BOOL, AT(dnssec), 0, 0, "true", "validate answers of the DNS" },
	{ "filter_away", CONF_STR, AT(filter_away), 0, 0, "deliver",
	  "mail while no filter answers: deliver (marked as not scanned), defer (451)" },
};

static struct mx mx;

struct mx *mx_here(void)
{
	return &mx;
}

const struct mx_settings *mx_settings(void)
{
	return role_settings();
}

static err read_homes(const struct role_env *env, struct buf *complaints, struct mx_settings *set)
{
	struct backends all;
	struct net_addr *relay = NEW(env->arena, struct net_addr);

	TRY(backends_read(env, complaints, &all));
	set->homes = arena_get(env->arena, size_mul(all.n + 1, sizeof(*set->homes)), 16);
	role_socket(env, "relay", "smtp", relay);
	set->homes[0] = (struct mx_home){ .relay = true, .addr = relay, .naddr = 1 };
	for (size_t i = 0; i < all.n; i++) {
		set->homes[i + 1].name = arena_dup(env->arena, all.v[i].name);
		set->homes[i + 1].ours = all.v[i].internal;
		set->homes[i + 1].spam = all.v[i].spam;
		set->homes[i + 1].addr = all.v[i].addr[BACKEND_LMTP];
		set->homes[i + 1].naddr = all.v[i].naddr[BACKEND_LMTP];
	}
	set->nhomes = all.n + 1;
	return OK;
}

static err read_filters(const struct role_env *env, struct buf *complaints, struct mx_settings *set)
{
	TRY(verdict_filters(env, complaints, &set->filter_texts, &set->filters, &set->nfilters));
	set->defer = str_eq(set->filter_away, STR("defer"));
	if (set->defer || str_eq(set->filter_away, STR("deliver")))
		return OK;
	conf_complain(conf_find(env->conf, "filter_away"), complaints,
		      "\"%.*s\" is not known; write deliver or defer", STRF(set->filter_away));
	return E_SYNTAX;
}

static err read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct mx_settings *set = settings;
	err e = conf_read(env->conf, keys, COUNT(keys), set, env->arena, complaints);
	err also = read_homes(env, complaints, set);
	err lists = blacklists_read(env, complaints, &set->blacklists);
	err resolvers = mx_read_resolvers(env, complaints, set);
	err verdicts = verdict_read(env, complaints, &set->verdict);

	TRY(e);
	TRY(also);
	TRY(lists);
	TRY(resolvers);
	TRY(verdicts);
	TRY(read_filters(env, complaints, set));
	if (!set->hostname.n)
		set->hostname = env->hostname;
	set->limits.rcpts = set->rcpts_max;
	set->limits.message = set->message_max;
	set->limits.spool_dir = env->data;
	return OK;
}

/* Windows of the counters are those of the start. */
static void make_counters(const struct mx_settings *set)
{
	mx.now = tally_new();
	mx.connects = rates_new(REMEMBERED, 60 * 1000);
	mx.unknown = rates_new(REMEMBERED, set->unknown_window);
	mx.rcpt = rates_new(REMEMBERED, set->rate_window);
	mx.pair = rates_new(REMEMBERED, set->rate_window);
}

WAITS static err start(const struct role_env *env)
{
	make_counters(mx_settings());
	TRY(trace_open(env->trace, env->name, 0));
	str snapshot = arena_fmt(env->arena, "%s/directory.snapshot", env->data);
	const struct dirtable_options table = { .database = env->directory,
						.snapshot = snapshot.p };

	TRY(dirtable_open(&table, &mx.table));
	if (mx_settings()->nfilters)
		TRY(filters_open(mx_settings()->filters, mx_settings()->nfilters,
				 mx_settings()->filter_pause, &mx.filters));
	mx.blacklists = blacklists_open(&mx_settings()->blacklists);
	return mx_queue_open(env);
}

/* The lists that are asked are those of the newest settings. */
WAITS static err reload(const struct role_env *env)
{
	(void)env;
	mx.blacklists = blacklists_replace(mx.blacklists, &mx_settings()->blacklists);
	return OK;
}

WAITS static void stop(void)
{
	mx_queue_close();
	blacklists_close(mx.blacklists);
	filters_close(mx.filters);
	mx_authenticate_close();
	dirtable_close(mx.table);
	trace_close();
	tally_free(mx.now);
	rates_free(mx.connects);
	rates_free(mx.unknown);
	rates_free(mx.rcpt);
	rates_free(mx.pair);
}

WAITS static err control(str method, str path, str body, struct buf *json)
{
	return queue_control(mx.queue, method, path, body, json);
}

/* ---- the session's questions ---- */
static const struct smtp_limits *limits(void)
{
	return &mx_settings()->limits;
}

static str hostname(void)
{
	return mx_settings()->hostname;
}

static const struct smtp_role smtp = {
	.name = "mx",
	.starttls = true,
	.received = true,
	.limits = limits,
	.connect = mx_connect,
	.mail = mx_mail,
	.rcpt = mx_rcpt,
	.data = mx_data,
	.gone = mx_gone,
	.hostname = hostname,
};

/* The same for relay of this node, with whom the trace id comes along. */
static const struct smtp_role smtp_inside = {
	.name = "mx",
	.received = true,
	.xclient_delivery_id = true,
	.limits = limits,
	.connect = mx_connect,
	.mail = mx_mail,
	.rcpt = mx_rcpt,
	.data = mx_data,
	.gone = mx_gone,
	.hostname = hostname,
};

WAITS static err session(struct stream *io, const struct listener *l)
{
	return smtp_session(io, l->tls, role_peer(io, l), l->internal ? &smtp_inside : &smtp);
}

static const char *const inside_peers[] = { "relay", NULL };

static const struct listener listeners[] = {
	{ .kind = "smtp", .port = 25, .session = session },
	{ .kind = "inside", .internal = true, .peers = inside_peers, .session = session },
};

const struct role role_mx = {
	.name = "mx",
	.user = "posta-mx",
	.may = MAY_CONNECT | MAY_DATA | MAY_DIRECTORY | MAY_TLS,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.keys = keys,
	.nkeys = COUNT(keys),
	.groups = (const char *const[]){ "backends", "blacklists", "verdict", NULL },
	.settings = sizeof(struct mx_settings),
	.read = read_settings,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = control,
	.wide = true,
	.exclusive = true,
};
