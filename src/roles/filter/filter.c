#include "roles/filter/filter.h"

#include "run/log.h"
#include "run/metrics.h"
#include "services/filter/filter.h"
#include "sessions/milter/milter.h"
#include "sessions/rspamd/rspamd.h"
#include "sessions/spamd/spamd.h"

METRIC(m_stranger, "posta_filter_strangers_total", "", METRIC_COUNTER,
       "Connections from peers that are not listed.");

static struct filter *filter; /* from start to stop */
static struct reports_sender *sender;

static err read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	return filter_read(env, complaints, settings);
}

/* What sa-update fetched, and what an operator has elsewhere. */
static void reads(const void *settings, void (*add)(void *arg, str folder), void *arg)
{
	const struct filter_settings *set = settings;

	add(arg, STR("/var/lib/spamassassin"));
	for (size_t i = 0; i < set->rules.folders.n; i++)
		add(arg, set->rules.folders.v[i]);
	for (size_t i = 0; i < set->rules.files.n; i++)
		add(arg, str_take(set->rules.files.v[i], str_rfind(set->rules.files.v[i], '/')));
}

static const struct reports_policy *sending(void)
{
	const struct filter_settings *set = role_settings();

	return &set->reports;
}

WAITS static err start(const struct role_env *env)
{
	const struct filter_settings *set = role_settings();
	struct reports_sending o = { .dir = env->data,
				     .policy = sending,
				     .hostname = &set->hostname };

	TRY(filter_open(set, false, &filter));
	if (!set->auth)
		return OK;
	o.dns = filter_dns(filter);
	sender = reports_sender_start(&o);
	return OK;
}

WAITS static err reload(const struct role_env *env)
{
	(void)env;
	return filter_configure(filter, role_settings());
}

WAITS static void stop(void)
{
	reports_sender_stop(sender);
	filter_close(filter);
}

/* No role trusts an address alone: over TCP listed peers only, over the socket roles of this
 * machine. */
static bool may_ask(struct stream *io, const struct listener *l)
{
	const struct filter_settings *set = role_settings();

	if (net_is_unix(stream_peer(io)))
		return role_peer(io, l).n > 0;
	for (size_t i = 0; i < set->npeers; i++)
		if (net_block_has(&set->peers[i], stream_peer(io)))
			return true;
	return false;
}

WAITS static err serve(struct stream *io, const struct listener *l,
		       WAITS err (*session)(struct stream *io, struct filter *f))
{
	if (may_ask(io, l))
		return session(io, filter);
	metric_add(&m_stranger, 1);
	stream_close(io);
	return OK;
}

WAITS static err http(struct stream *io, const struct listener *l)
{
	return serve(io, l, rspamd_session);
}

WAITS static err spamd(struct stream *io, const struct listener *l)
{
	return serve(io, l, spamd_session);
}

WAITS static err milter(struct stream *io, const struct listener *l)
{
	return serve(io, l, milter_session);
}

static const char *const askers[] = { "mx", "submission", "store", NULL };

/* ---- control: POST /learn/spam/USER, /learn/ham/USER with a message, /forget/USER ---- */

WAITS static err learn(str user, bool spam, str message)
{
	struct filter_request q = { .id = STR("control") };

	q.env.ip = q.env.helo = q.env.rdns = q.env.from = q.env.user = STR("");
	TRY(filter_spool(filter, &q));
	err e = spool_add(q.message, message);

	if (e == OK)
		e = filter_teach(filter, &q, user, spam);
	spool_drop(q.message);
	return e;
}

WAITS static err control(str method, str path, str body, struct buf *json)
{
	static const str spam = S("/learn/spam/"), ham = S("/learn/ham/"), gone = S("/forget/");
	err e = fail(E_NOTFOUND, "no such path");

	if (!str_eq(method, STR("POST")))
		return e;
	if (str_starts(path, spam))
		e = learn(str_skip(path, spam.n), true, body);
	else if (str_starts(path, ham))
		e = learn(str_skip(path, ham.n), false, body);
	else if (str_starts(path, gone))
		e = filter_forget(filter, str_skip(path, gone.n));
	if (e == OK)
		buf_add(json, STR("{}\n"));
	return e;
}

static const struct listener listeners[] = {
	{ .kind = "filter", .port = 11333, .internal = true, .peers = askers, .session = http },
	{ .kind = "spamd", .port = 783, .session = spamd },
	{ .kind = "milter", .port = 11332, .session = milter },
};

const struct role role_filter = {
	.name = "filter",
	.user = "posta-filter",
	.may = MAY_CONNECT | MAY_DATA | MAY_DIRECTORY | MAY_SPAWN,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.settings = sizeof(struct filter_settings),
	.read = read_settings,
	.reads = reads,
	.start = start,
	.reload = reload,
	.stop = stop,
	.control = control,
	.groups = (const char *const[]){ "attachments", "blacklists", "reports", "verdict", NULL },
	.keys = filter_keys,
	.nkeys = FILTER_KEYS,
};
