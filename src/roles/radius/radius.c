#include "roles/radius/radius.h"

#include "run/log.h"
#include "run/work.h"

static struct radius_here here;

struct radius_here *radius_here(void)
{
	return &here;
}

static const struct radius_limits *limits(void)
{
	return &radius_settings()->limits;
}

static const struct radius_role decisions = {
	.nas = radius_nas_of,
	.limits = limits,
	.access = radius_access,
	.accounting = radius_accounting,
	.dynamic = radius_dynamic,
};

/* ---- start and stop ---- */

struct load {
	const char *path;
	struct buf complaints;
	struct radius_dict *dict;
};

static err load_dictionary(void *arg)
{
	struct load *l = arg;

	return radius_dictionary_load(l->path, &l->complaints, &l->dict);
}

/* Users' own attributes need it; all else goes without. */
WAITS static void open_dictionary(void)
{
	char path[LIM_FILE_PATH];
	struct load l = { .path = path };

	buf_init(&l.complaints, KIB(4));
	if (str_to_z(radius_settings()->dictionary, path, sizeof(path)) ||
	    work(POOL_DISK, load_dictionary, &l))
		LOG(LOG_WARN, "radius.dictionary", KS("path", radius_settings()->dictionary),
		    KS("why", str_trim_ws(buf_str(&l.complaints))));
	here.dict = l.dict;
	buf_free(&l.complaints);
}

static err load_cas(void *arg)
{
	return radius_load_cas(radius_settings(), arg);
}

/* Without it RADIUS over TLS lets nobody in; all else goes on. */
WAITS static void open_cas(void)
{
	struct tls_cas *fresh = NULL, *old = here.cas;

	if (work(POOL_DISK, load_cas, &fresh) != OK)
		LOG(LOG_ERROR, "radius.tls_ca", KS("why", str_z(err_last()->text)));
	here.cas = fresh;
	tls_cas_drop(old);
}

static err open_accounting(void *arg)
{
	return acct_open(arg, &here.acct);
}

WAITS static err start_accounting(const struct role_env *env)
{
	struct acct_options o = radius_settings()->accounting;
	o.dir = arena_fmt(env->arena, "%s/accounting%c", env->data, 0).p;
	o.database = env->accounting;
	return work(POOL_DISK, open_accounting, &o);
}

WAITS static err start(const struct role_env *env)
{
	const struct radius_settings *set = radius_settings();
	str snapshot = arena_fmt(env->arena, "%s/directory.snapshot", env->data);
	const struct dirtable_options table = { .database = env->directory,
						.snapshot = snapshot.p };

	TRY(dirtable_open(&table, &here.table));
	const struct auth_options auth = { .table = here.table,
					   .secrets = env->secrets,
					   .key = env->secret_key,
					   .default_domain = set->default_domain,
					   .remember = set->memory,
					   .failures_address = set->failures_station,
					   .failures_account = set->failures_account,
					   .window = set->window };

	TRY(auth_open(&auth, &here.auth));
	TRY(access_open(here.table, env->directory, set->memory, &here.access));
	open_dictionary();
	open_cas();
	radius_open_realms();
	TRY(start_accounting(env));
	here.eap = eap_table_new();
	here.server = radius_server_new(&decisions);
	return OK;
}

WAITS static err reload(const struct role_env *env)
{
	(void)env;
	open_cas();
	radius_open_realms();
	access_keep(here.access, radius_settings()->memory);
	acct_set(here.acct, &radius_settings()->accounting);
	return OK;
}

static err close_accounting(void *arg)
{
	acct_close(arg);
	return OK;
}

WAITS static void stop(void)
{
	radius_server_free(here.server);
	(void)!work(POOL_DISK, close_accounting, here.acct);
	eap_table_free(here.eap);
	access_close(here.access);
	auth_close(here.auth);
	dirtable_close(here.table);
	radius_dict_free(here.dict);
	tls_cas_drop(here.cas);
	here = (struct radius_here){ 0 };
}

/* ---- listeners ---- */

static size_t take_access(const struct udp_query *q, const struct listener *l, char *out,
			  size_t room)
{
	return radius_datagram(here.server, q, RADIUS_ACCESS);
}

static size_t take_accounting(const struct udp_query *q, const struct listener *l, char *out,
			      size_t room)
{
	return radius_datagram(here.server, q, RADIUS_ACCOUNTING);
}

static size_t take_dynamic(const struct udp_query *q, const struct listener *l, char *out,
			   size_t room)
{
	return radius_datagram(here.server, q, RADIUS_DYNAMIC);
}

static const struct listener listeners[] = {
	{ .kind = "access", .port = 1812, .datagram = take_access },
	{ .kind = "accounting", .port = 1813, .datagram = take_accounting },
	{ .kind = "coa", .port = 3799, .datagram = take_dynamic },
	{ .kind = "radsec", .port = 2083, .session = radius_tls },
};
static const struct role_list lists[] = {
	{ "nas", radius_nas_keys, RADIUS_NNAS_KEYS },
	{ "profiles", radius_profile_keys, RADIUS_NPROFILE_KEYS },
	{ "telcos", radius_telco_keys, RADIUS_NTELCO_KEYS },
	{ "realms", realm_keys, REALM_KEYS },
	{ "realms.servers", realm_server_keys, REALM_SERVER_KEYS },
};

const struct role role_radius = {
	.name = "radius",
	.user = "posta-radius",
	.may = MAY_DATA | MAY_DIRECTORY | MAY_SECRETS | MAY_ACCOUNTING | MAY_CONNECT | MAY_TLS,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct radius_settings),
	.read = radius_read_settings,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = radius_control,
	.keys = radius_keys,
	.nkeys = RADIUS_NKEYS,
	.lists = lists,
	.nlists = COUNT(lists),
	.wide = true,
	.exclusive = true,
};
