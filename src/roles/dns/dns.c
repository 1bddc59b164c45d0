/* The authoritative name server: it answers from memory, over UDP and TCP, on every loop. */
#include "roles/dns/dns.h"

#include "base/limits.h"
#include "roles/dns/signing.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(zones_now, "posta_dns_zones", "", METRIC_GAUGE, "Zones that are served.");

static struct {
	struct zones *zones;
	struct dns_load *load; /* where zones come from */
	struct dns_signing *signing;
	struct dns_server *server;
} dns; /* set by start, before the listeners are read */

static const struct dns_service *service(void)
{
	const struct dns_settings *set = role_settings();

	return &set->answer;
}

static const struct dns_role functions = {
	.options = service,
	.key = dns_transfers_key,
	.notify = dns_transfers_notify,
	.transfer = dns_transfers_send,
	.ixfr = dns_transfers_ixfr,
	.awaited = dns_transfers_awaited,
};

WAITS static err session(struct stream *io, const struct listener *l)
{
	return dns_session(io, dns.server, role_loop());
}

static size_t datagram(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	return dns_answer(dns.server, role_loop(), &q->path->peer, false, q->data, out, room);
}

static void changed(void *arg, struct zone *old, struct zone *fresh)
{
	metric_set(&zones_now, (int64_t)zones_count(dns.zones));
}

static const struct dns_load_settings *load_settings(void)
{
	const struct dns_settings *set = role_settings();

	return &set->load;
}

static const struct dns_transfer_settings *transfer_settings(void)
{
	const struct dns_settings *set = role_settings();

	return &set->transfers;
}

/* What a source says of who may take its zone. */
static void said(void *arg, str apex, const struct dns_source *source)
{
	dns_transfers_peers(apex, source ? source->transfer : STR(""),
			    source ? source->notify : STR(""));
}

/* A zone that is served, or that would be were its source not wrong. */
static bool known(str apex)
{
	return dns_load_source(dns.load, apex) != NULL;
}

static err sign(void *arg, struct zone_builder *b, const struct zone *old,
		const struct dns_source *source)
{
	return dns_signing_apply(dns.signing, b, old, source);
}

WAITS static err start_transfers(const struct role_env *env)
{
	const struct dns_transfers_options o = { .zones = dns.zones,
						 .settings = transfer_settings,
						 .known = known,
						 .folder = env->data };

	return dns_transfers_start(&o);
}

WAITS static err start(const struct role_env *env)
{
	struct loop *loops[LIM_LOOPS];

	dns.zones = zones_new();
	for (unsigned i = 0; i < env->loops; i++)
		loops[i] = role_loop_at(i);
	zones_readers(dns.zones, loops, env->loops);
	zones_on_change(dns.zones, changed, NULL);
	dns.server = dns_server_new(dns.zones, &functions, env->loops);
	const struct dns_load_options o = {
		.zones = dns.zones,
		.settings = load_settings,
		.directory = env->directory,
		.snapshot = arena_fmt(env->arena, "%s/zones.db%c", env->data, 0).p,
		.said = said,
		.sign = sign,
	};

	dns.signing = dns_signing_new(env->secrets, env->secret_key);
	TRY(start_transfers(env));
	TRY(dns_load_start(&o, &dns.load));
	dns_signing_follow(dns.signing, dns.load);
	dns_transfers_ready();
	return OK;
}

WAITS static err reload(const struct role_env *env)
{
	dns_transfers_reload();
	return dns_load_reload(dns.load);
}

WAITS static void stop(void)
{
	dns_signing_stop(dns.signing);
	dns_load_stop(dns.load);
	bool quiet = dns_transfers_stop();

	dns_signing_free(dns.signing);
	if (!quiet)
		return; /* the process ends; a transfer still reads a zone */
	dns_server_free(dns.server);
	zones_free(dns.zones);
}

/* ---- control ---- */

/* As in a master file, as JSON text: only backslashes and quotes are in the way. */
static void add_name(const struct zone *z, struct buf *json)
{
	CLEANUP(buf_free) struct buf name = { 0 };

	buf_init(&name, 5 * DNS_NAME_MAX);
	dns_name_print(zone_apex(z), &name);
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '\\' || name.p[i] == '"')
			buf_addc(json, '\\');
		buf_addc(json, name.p[i]);
	}
}

static void describe(const struct zone *z, struct buf *json)
{
	buf_add(json, STR("{\"name\":\""));
	add_name(z, json);
	buf_fmt(json, "\",\"serial\":%u,\"records\":%zu,\"octets\":%zu,\"signed\":%s}",
		zone_serial(z), zone_records(z), zone_octets(z), zone_signed(z) ? "true" : "false");
}

static err describe_next(void *arg, struct zone *z)
{
	struct buf *json = arg;

	if (json->p[json->n - 1] != '[')
		buf_addc(json, ',');
	describe(z, json);
	return buf_done(json);
}

WAITS static err control(str method, str path, str body, struct buf *json)
{
	str name = str_skip(path, 7);
	struct dns_name apex;

	if (str_eq(path, STR("/zones"))) {
		buf_addc(json, '[');
		TRY(zones_each(dns.zones, describe_next, json));
		buf_addc(json, ']');
		return buf_done(json);
	}
	if (dns_transfers_control(method, path, json) == OK)
		return buf_done(json);
	if (!str_starts(path, STR("/zones/")) || dns_name_parse(name, STR("\0"), &apex) != OK)
		return fail(E_NOTFOUND, "no such path");
	struct zone *z = zones_get(dns.zones, dns_name_str(&apex));

	if (!z)
		return fail(E_NOTFOUND, "no such zone is served");
	describe(z, json);
	zone_drop(z);
	return buf_done(json);
}

static const struct listener listeners[] = {
	{ .kind = "dns", .port = 53, .session = session, .datagram = datagram },
};
static const struct role_list lists[] = {
	{ "zones", dns_file_keys, DNS_FILE_KEYS },
	{ "keys", dns_key_keys, DNS_KEY_KEYS },
	{ "secondary", dns_secondary_keys, DNS_SECONDARY_KEYS },
	{ "catalogs", dns_secondary_keys, DNS_SECONDARY_KEYS },
};

const struct role role_dns = {
	.name = "dns",
	.user = "posta-dns",
	.may = MAY_CONNECT | MAY_DATA | MAY_DIRECTORY | MAY_ZONE_KEYS,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct dns_settings),
	.read = dns_read_settings,
	.reads = dns_reads,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = control,
	.keys = dns_keys,
	.nkeys = DNS_KEYS,
	.lists = lists,
	.nlists = COUNT(lists),
	.wide = true,
};
