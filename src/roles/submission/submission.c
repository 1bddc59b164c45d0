#include "roles/submission/submission.h"

#include "base/limits.h"
#include "run/metrics.h"
#include "services/auth/auth.h"
#include "services/trace/trace.h"
#include "services/verdict/verdict.h"

METRIC(crowded, "posta_submission_refused_total", "why=\"network\"", METRIC_COUNTER,
       "Commands refused, by reason.");

enum {
	USERS = 100000,
	HOUR = 3600 * 1000,
	DAY = 24 * HOUR,
	FILTER_PAUSE = 10000, /* that a filter which did not answer is left alone */
};

#define AT(member) offsetof(struct submission_settings, member)
static const struct conf_key keys[] = {
	{ "hostname", CONF_STR, AT(hostname), 0, 0, "",
	  "name in greetings; empty: the node's hostname" },
	{ "default_domain", CONF_STR, AT(default_domain), 0, 0, "",
	  "domain of logins without '@'" },
	{ "scram", CONF_BOOL, AT(scram), 0, 0, "false", "announce SCRAM-SHA-256 and -PLUS" },
	{ "hide_client", CONF_BOOL, AT(hide_client), 0, 0, "false",
	  "keep the customer's address out of the Received field" },
	{ "remove_bcc", CONF_BOOL, AT(remove_bcc), 0, 0, "false",
	  "take Bcc fields out (RFC 6409 8.5 leaves that to the client)" },
	{ "check_from", CONF_BOOL, AT(check_from), 0, 0, "false",
	  "the From field too must be an address of the login" },
	{ "sign", CONF_BOOL, AT(sign), 0, 0, "true",
	  "sign with the DKIM keys of the author's domain (posta domain dkim); a domain's sign=no "
	  "leaves its mail out" },
	{ "per_hour", CONF_INT, AT(per_hour), 0, 10000000, "500",
	  "recipients of a user in an hour; 0: any" },
	{ "per_day", CONF_INT, AT(per_day), 0, 10000000, "2000",
	  "recipients of a user in a day; 0: any" },
	{ "connections_network", CONF_INT, AT(connections_network), 1, 1000000, "500",
	  "connections of a network at a time" },
	{ "message_max", CONF_SIZE, AT(limits.message), 1000, INT64_MAX, "50M",
	  "octets of a message" },
	{ "rcpts_max", CONF_INT, AT(limits.rcpts), 100, LIM_SMTP_RCPTS, "1000",
	  "recipients of a message" },
	{ "transactions", CONF_INT, AT(limits.transactions), 1, 1000000, "1000",
	  "messages over one connection" },
	{ "errors", CONF_INT, AT(limits.errors), 1, 1000, "20",
	  "refused commands before the connection ends" },
	{ "command_time", CONF_DURATION, AT(limits.command), 1000, 3600000, "5m",
	  "time for the next command" },
	{ "data_time", CONF_DURATION, AT(limits.data_block), 1000, 3600000, "3m",
	  "time for a part of the message" },
	{ "login_time", CONF_DURATION, AT(limits.login), 1000, 3600000, "3m",
	  "time until logged in" },
	{ "session_time", CONF_DURATION, AT(limits.whole), 10000, 86400000, "2h",
	  "time for a session" },
	{ "remember", CONF_DURATION, AT(remember), 0, 86400000, "10m",
	  "how long a verified password is remembered in memory" },
	{ "failures_address", CONF_INT, AT(failures_address), 1, 1000000, "20",
	  "wrong passwords from one network within the window" },
	{ "failures_account", CONF_INT, AT(failures_account), 1, 1000000, "10",
	  "wrong passwords for one account within the window" },
	{ "window", CONF_DURATION, AT(window), 1000, 86400000, "10m", "the window of the two" },
	{ "lesson_spam", CONF_STR, AT(lesson_spam), 0, 0, "spam",
	  "local part, in each domain of ours that has no such address itself: messages attached "
	  "to "
	  "mail for it, or redirected there, are spam to who sent it; empty: none" },
	{ "lesson_ham", CONF_STR, AT(lesson_ham), 0, 0, "notspam", "the same for what is no spam" },
	{ "filters", CONF_STRS, AT(filter_texts), 0, 0, "",
	  "addresses of filters that learn from it, or \"none\"; nothing: this node's, or else "
	  "those "
	  "of all nodes" },
};
#undef AT

static struct submission submission;

struct submission *submission_here(void)
{
	return &submission;
}

const struct submission_settings *submission_settings(void)
{
	return role_settings();
}

static err read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct submission_settings *set = settings;

	TRY(conf_read(env->conf, keys, COUNT(keys), set, env->arena, complaints));
	if (!set->hostname.n)
		set->hostname = env->hostname;
	set->limits.spool_dir = env->data;
	role_socket(env, "relay", "smtp", &set->relay);
	return verdict_filters(env, complaints, &set->filter_texts, &set->filters, &set->nfilters);
}

WAITS static err start(const struct role_env *env)
{
	const struct submission_settings *set = submission_settings();
	const struct dirtable_options table = { .database = env->directory };

	submission.hour = rates_new(USERS, HOUR);
	submission.day = rates_new(USERS, DAY);
	submission.now = tally_new();
	submission.keys = sign_keys_new(env->directory, env->secrets, env->secret_key);
	TRY(trace_open(env->trace, env->name, 0));
	TRY(dirtable_open(&table, &submission.table));
	if (set->nfilters)
		TRY(filters_open(set->filters, set->nfilters, FILTER_PAUSE, &submission.filters));
	const struct auth_options auth = { .table = submission.table,
					   .secrets = env->secrets,
					   .default_domain = set->default_domain,
					   .remember = set->remember,
					   .failures_address = set->failures_address,
					   .failures_account = set->failures_account,
					   .window = set->window };

	return auth_open(&auth, &submission.auth);
}

WAITS static void stop(void)
{
	auth_close(submission.auth);
	sign_keys_free(submission.keys);
	filters_close(submission.filters);
	dirtable_close(submission.table);
	trace_close();
	rates_free(submission.hour);
	rates_free(submission.day);
	tally_free(submission.now);
}

/* ---- the session's questions ---- */
/* One network alone does not take all connections there are. */
WAITS static err begin(struct smtp_info *i, struct verdict *v)
{
	char room[17];

	i->role_session = &submission; /* counted: end() takes it back */
	if (tally_enter(submission.now, net_prefix(i->peer, 24, 64, room)) <=
	    submission_settings()->connections_network)
		return OK;
	metric_add(&crowded, 1);
	verdict_set(v, "421 4.7.0 Too many connections from your network");
	v->close = true;
	return OK;
}

static void end(struct smtp_info *i)
{
	char room[17];

	if (i->role_session)
		tally_leave(submission.now, net_prefix(i->peer, 24, 64, room));
}

static const struct smtp_limits *limits(void)
{
	return &submission_settings()->limits;
}

static str hostname(void)
{
	return submission_settings()->hostname;
}

/* RFC 4954 4, RFC 8314 3: no password in clear, so no AUTH without TLS. */
static const struct sasl_config *sasl(struct smtp_info *i)
{
	if (!i->tls)
		return NULL;
	struct sasl_config *c = NEW(i->session, struct sasl_config);

	*c = (struct sasl_config){ .auth = submission.auth,
				   .service = STR("smtp"),
				   .plain = true,
				   .scram = submission_settings()->scram };
	return c;
}

static const struct smtp_role smtp = {
	.name = "submission",
	.starttls = true,
	.auth_required = true,
	.limits = limits,
	.connect = begin,
	.gone = end,
	.mail = submission_mail,
	.rcpt = submission_rcpt,
	.data = submission_data,
	.sasl = sasl,
	.hostname = hostname,
};

WAITS static err session(struct stream *io, const struct listener *l)
{
	return smtp_session(io, l->tls, STR(""), &smtp);
}

#define BUSY "421 4.3.2 Too many connections\r\n"
static const char *const peers[] = { "relay", "filter", NULL };
static const struct listener listeners[] = {
	{ .kind = "inside", .internal = true, .peers = peers, .session = submission_inside },
	{ .kind = "submission", .port = 587, .busy = BUSY, .session = session },
	{ .kind = "submissions", .port = 465, .tls = true, .session = session },
};

const struct role role_submission = {
	.name = "submission",
	.user = "posta-submission",
	.may = MAY_CONNECT | MAY_DATA | MAY_DIRECTORY | MAY_SECRETS | MAY_TLS,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct submission_settings),
	.read = read_settings,
	.start = start,
	.stop = stop,
	.keys = keys,
	.nkeys = COUNT(keys),
	.wide = true,
};
