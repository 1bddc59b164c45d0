#include "roles/relay/relay.h"

#include <stdio.h>

#include "base/limits.h"
#include "run/log.h"
#include "run/work.h"
#include "services/trace/trace.h"

enum { CLOSE = 15000 }; /* milliseconds that running deliveries get to end */

static struct relay relay;

struct relay *relay_here(void)
{
	return &relay;
}

const struct relay_settings *relay_settings(void)
{
	return role_settings();
}

static err open_kv(void *arg)
{
	const struct kv_options *o = arg;

	return kv_open_rocksdb(o, &relay.kv);
}

WAITS static err open_store(const struct role_env *env)
{
	char dir[1024];
	int n = snprintf(dir, sizeof(dir), "%s/queue", env->data);
	struct kv_options o = { .dir = dir, .reserve = (uint64_t)relay_settings()->reserve };

	if (n < 0 || (size_t)n >= sizeof(dir))
		return fail(E_LIMIT, "the data folder's name is too long");
	return work(POOL_DISK, open_kv, &o);
}

WAITS static err open_clients(const struct role_env *env)
{
	const struct relay_settings *set = relay_settings();
	const struct dns_options dns = { .forward = set->resolvers.v,
					 .nforward = set->resolvers.n,
					 .dnssec = set->dnssec };
	str snapshot = arena_fmt(env->arena, "%s/directory.snapshot", env->data);
	const struct dirtable_options table = { .database = env->directory,
						.snapshot = snapshot.p };

	TRY(dns_open(&dns, &relay.dns));
	TRY(tls_client_new(false, STR(""), &relay.tls));
	TRY(tls_client_new(true, STR(""), &relay.tls_verify));
	return dirtable_open(&table, &relay.table);
}

static struct queue_options queue_settings(void)
{
	const struct relay_settings *set = relay_settings();

	return (struct queue_options){ .kv = relay.kv,
				       .spool_dir = set->limits.spool_dir,
				       .name = STR("relay"),
				       .hostname = set->hostname,
				       .report_note = RELAY_REPORT,
				       .attempt = relay_attempt,
				       .destination = relay_destination,
				       .limits = relay_limits,
				       .schedule = set->schedule,
				       .nschedule = set->nschedule,
				       .lifetime = set->lifetime,
				       .warn = set->warn,
				       .parallel = (unsigned)set->parallel,
				       .per_destination = (unsigned)set->per_destination };
}

static const struct reports_policy *sending(void)
{
	return &relay_settings()->sending;
}

static void start_sender(const struct role_env *env)
{
	const struct reports_sending o = { .dir = env->data,
					   .tls = true,
					   .policy = sending,
					   .hostname = &relay_settings()->hostname,
					   .dns = mailauth_dns_of(relay.dns) };

	relay.sender = reports_sender_start(&o);
}

WAITS static err start(const struct role_env *env)
{
	TRY(trace_open(env->trace, env->name, 0));
	TRY(open_store(env));
	TRY(open_clients(env));
	relay_pool_open();
	/* Mail goes without its being counted. */
	if (reports_open(env->data, &relay.reports) != OK)
		LOG(LOG_WARN, "relay.reports", KS("why", str_z(err_last()->text)));
	else
		start_sender(env);
	const struct queue_options o = queue_settings();

	return queue_open(&o, &relay.queue);
}

/* All but what was opened with its setting: resolvers, dnssec, reserve, hostname of reports. */
WAITS static err reload(const struct role_env *env)
{
	const struct queue_options o = queue_settings();

	queue_configure(relay.queue, &o);
	return OK;
}

static err close_kv(void *arg)
{
	(void)arg;
	kv_close(relay.kv);
	return OK;
}

WAITS static void stop(void)
{
	relay.stopping = true;
	if (relay.queue)
		queue_close(relay.queue, clock_in(CLOSE));
	relay_pool_close();
	reports_sender_stop(relay.sender);
	reports_close(relay.reports);
	dirtable_close(relay.table);
	dns_close(relay.dns);
	tls_drop(relay.tls);
	tls_drop(relay.tls_verify);
	if (work(POOL_DISK, close_kv, NULL) != OK)
		LOG(LOG_ERROR, "relay.close", KS("why", str_z(err_last()->text)));
	trace_close();
}

WAITS static err control(str method, str path, str body, struct buf *json)
{
	return queue_control(relay.queue, method, path, body, json);
}

static const char *const peers[] = { "submission", "store", "mx", NULL };
static const struct listener listeners[] = {
	{ .kind = "smtp", .internal = true, .peers = peers, .session = relay_session },
};

static const struct role_list lists[] = { { "routes", relay_route_keys, RELAY_NROUTE_KEYS } };

const struct role role_relay = {
	.name = "relay",
	.user = "posta-relay",
	.may = MAY_CONNECT | MAY_DATA | MAY_DIRECTORY,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct relay_settings),
	.read = relay_read_settings,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = control,
	.groups = (const char *const[]){ "reports", NULL },
	.keys = relay_keys,
	.nkeys = RELAY_NKEYS,
	.lists = lists,
	.nlists = COUNT(lists),
	.exclusive = true,
};
