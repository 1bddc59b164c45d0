#include "roles/proxy/proxy.h"

#include "base/limits.h"
#include "roles/proxy/connect.h"
#include "run/log.h"
#include "services/auth/auth.h"
#include "services/directory/directory.h"
#include "sessions/login/login.h"

struct settings {
	struct login_settings login;
	struct proxy_backends back;
	int64_t hold, remember, failures_address, failures_account, window;
	str hostname, default_domain;
};

#define AT(member) offsetof(struct settings, member)
static const struct conf_key keys[] = {
	{ "hostname", CONF_STR, AT(hostname), 0, 0, "",
	  "name in greetings; empty: the node's hostname" },
	{ "default_domain", CONF_STR, AT(default_domain), 0, 0, "",
	  "domain of logins without '@'" },
	{ "scram", CONF_BOOL, AT(login.scram), 0, 0, "false", "announce SCRAM-SHA-256 and -PLUS" },
	{ "plain_in_clear", CONF_BOOL, AT(login.plain_in_clear), 0, 0, "false",
	  "allow passwords without TLS" },
	{ "patience", CONF_DURATION, AT(login.patience), 1000, 3600000, "60s",
	  "time for a command before login" },
	{ "login_time", CONF_DURATION, AT(login.whole), 1000, 3600000, "3m",
	  "time until logged in" },
	{ "idle", CONF_DURATION, AT(login.idle), 60000, 86400000, "35m", "a silent session's end" },
	{ "attempts", CONF_INT, AT(login.attempts), 1, 100, "3", "wrong passwords a connection" },
	{ "waiting_network", CONF_INT, AT(login.waiting), 1, 1000000, "1000",
	  "connections of a network that have not logged in" },
	{ "hold", CONF_DURATION, AT(hold), 0, 60000, "10s",
	  "how long a login waits for its store to come back" },
	{ "remember", CONF_DURATION, AT(remember), 0, 86400000, "10m",
	  "how long a verified password is remembered in memory" },
	{ "failures_address", CONF_INT, AT(failures_address), 1, 1000000, "20",
	  "wrong passwords from one network within the window" },
	{ "failures_account", CONF_INT, AT(failures_account), 1, 1000000, "10",
	  "wrong passwords for one account within the window" },
	{ "window", CONF_DURATION, AT(window), 1000, 86400000, "10m", "the window of the two" },
};

static struct dirtable *table;
static struct auth *auth;
static struct tally *waiting;

static err read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct settings *set = settings;
	err e = conf_read(env->conf, keys, COUNT(keys), set, env->arena, complaints);
	err also = backends_read(env, complaints, &set->back.all);

	set->back.hold = set->hold;
	if (!set->hostname.n)
		set->hostname = env->hostname;
	return e != OK ? e : also;
}

WAITS static err start(const struct role_env *env)
{
	waiting = tally_new();
	const struct settings *set = role_settings();
	const struct dirtable_options directory = { .database = env->directory };

	TRY(dirtable_open(&directory, &table));
	const struct auth_options o = { .table = table,
					.secrets = env->secrets,
					.default_domain = set->default_domain,
					.remember = set->remember,
					.failures_address = set->failures_address,
					.failures_account = set->failures_account,
					.window = set->window };

	return auth_open(&o, &auth);
}

WAITS static void stop(void)
{
	auth_close(auth);
	dirtable_close(table);
	tally_free(waiting);
}

static str hostname(void)
{
	const struct settings *set = role_settings();

	return set->hostname;
}

static const struct login_settings *login_settings(void)
{
	const struct settings *set = role_settings();

	return &set->login;
}

static struct auth *login_auth(void)
{
	return auth;
}

static struct tally *login_waiting(void)
{
	return waiting;
}

static WAITS err connect_mailbox(const struct net_addr *peer, str service,
				 const struct dir_user *user, str password, struct arena *a,
				 struct login_back *out)
{
	const struct settings *set = role_settings();

	return proxy_connect(&set->back, table, peer, service, user, password, a, out);
}

static const struct login_role logins = {
	.hostname = hostname,
	.settings = login_settings,
	.auth = login_auth,
	.waiting = login_waiting,
	.connect = connect_mailbox,
};

static WAITS err imap(struct stream *io, const struct listener *l)
{
	return imap_login_session(io, &logins);
}

static WAITS err pop3(struct stream *io, const struct listener *l)
{
	return pop3_login_session(io, &logins);
}

static const struct listener listeners[] = {
	{ .kind = "imap", .port = 143, .session = imap },
	{ .kind = "imaps", .port = 993, .tls = true, .session = imap },
	{ .kind = "pop3", .port = 110, .session = pop3 },
	{ .kind = "pop3s", .port = 995, .tls = true, .session = pop3 },
};

const struct role role_proxy = {
	.name = "proxy",
	.user = "posta-proxy",
	.may = MAY_CONNECT | MAY_DIRECTORY | MAY_SECRETS | MAY_TLS,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.keys = keys,
	.nkeys = COUNT(keys),
	.groups = (const char *const[]){ "backends", NULL },
	.settings = sizeof(struct settings),
	.read = read_settings,
	.start = start,
	.stop = stop,
};
