#include "roles/store/store.h"

#include <unistd.h>

#include "base/limits.h"
#include "run/log.h"
#include "run/work.h"
#include "services/trace/trace.h"

#define AT(member) offsetof(struct store_settings, member)
static const struct conf_key keys[] = {
	{ "hostname", CONF_STR, AT(hostname), 0, 0, "",
	  "name in greetings; empty: the node's hostname" },
	{ "backend", CONF_STR, AT(backend), 0, 0, "",
	  "name of this store in users' locations; empty: the only one" },
	{ "reserve", CONF_SIZE, AT(reserve), 0, INT64_MAX, "256M",
	  "octets of disk kept free: below it deliveries get 452, expunge still works" },
	{ "keep_expunged", CONF_DURATION, AT(keep_expunged), 0, INT64_MAX, "7d",
	  "how long an expunged mail can be restored" },
	{ "keep_quarantine", CONF_DURATION, AT(keep_quarantine), 1000, INT64_MAX, "30d",
	  "how long a mail stays in quarantine" },
	{ "reclaim", CONF_DURATION, AT(reclaim), 1000, INT64_MAX, "1m",
	  "how often expunged mails over their time are reclaimed" },
	{ "message_max", CONF_SIZE, AT(message_max), 1000, INT64_MAX, "50M",
	  "octets of a message" },
	{ "rcpts_max", CONF_INT, AT(rcpts_max), 100, 100000, "1000", "recipients of one delivery" },
	{ "over_quota_permanent", CONF_BOOL, AT(over_quota_permanent), 0, 0, "false",
	  "say 552 5.2.2 when a mailbox is full, rather than 452 4.2.2" },
	{ "lmtp_peers", CONF_STRS, AT(lmtp_peer_texts), 0, 0, "",
	  "networks that may deliver over TCP LMTP, e.g. [\"10.0.0.0/8\"]" },
	{ "place_peers", CONF_STRS, AT(place_peer_texts), 0, 0, "",
	  "those of them that are posta's mx on other nodes: what they deliver to user+Spam and "
	  "user+Quarantine goes there" },
	{ "digest", CONF_STR, AT(digest_word), 0, 0, "quarantine",
	  "a mail a day to users of whom nobody says anything (posta user set --digest), when "
	  "something new was held back: quarantine, all (the Spam folder too) or off" },
	{ "digest_every", CONF_DURATION, AT(digest_every), 1000, INT64_C(31) * 86400000, "24h",
	  "how often such a mail may come" },
	{ "digest_at", CONF_DURATION, AT(digest_at), 0, 86400000, "6h",
	  "when: time after midnight, UTC" },
	{ "filters", CONF_STRS, AT(filter_texts), 0, 0, "",
	  "unix sockets of filters that learn what users move into and out of Spam, or \"none\"; "
	  "nothing: this node's" },
	{ "lmtp_timeout", CONF_DURATION, AT(lmtp.command), 1000, 86400000, "5m",
	  "time for the next LMTP command, and for each part of a message" },
};

static struct store store;
static struct fiber *care_fiber, *digest_fiber;

static err read_peers(const struct role_env *env, struct buf *complaints, const char *key,
		      const struct conf_strs *texts, const struct net_block **out, size_t *n)
{
	struct net_block *v =
		arena_get(env->arena, size_mul(texts->n + 1, sizeof(struct net_block)), 16);

	*out = v;
	for (size_t i = 0; i < texts->n; i++) {
		str text = texts->v[i];

		if (!text.n)
			continue;
		if (net_block_parse(text, &v[*n]) != OK) {
			conf_complain(conf_find(env->conf, key), complaints,
				      "\"%.*s\" is no network; write one as \"10.0.0.0/8\"",
				      STRF(text));
			return E_SYNTAX;
		}
		++*n;
	}
	return OK;
}

/* A store opens no connection to the network: a filter of this node learns. */
static err read_filters(const struct role_env *env, struct buf *complaints,
			struct store_settings *set)
{
	size_t n = 0;

	TRY(verdict_filters(env, complaints, &set->filter_texts, &set->filters, &set->nfilters));
	while (n < set->nfilters && net_is_unix(&set->filters[n]))
		n++;
	if (n < set->nfilters && set->filter_texts.n && set->filter_texts.v[0].n) {
		conf_complain(conf_find(env->conf, "filters"), complaints,
			      "a store connects to unix sockets alone; write \"unix:/path\"");
		return E_SYNTAX;
	}
	set->nfilters = n;
	return OK;
}

static err read_digest(const struct role_env *env, struct buf *complaints,
		       struct store_settings *set)
{
	static const struct {
		str word;
		enum dir_digest digest;
	} words[] = { { S("off"), DIGEST_OFF },
		      { S("quarantine"), DIGEST_QUARANTINE },
		      { S("all"), DIGEST_ALL } };

	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq(words[i].word, set->digest_word))
			set->digest = words[i].digest;
	if (set->digest)
		return OK;
	conf_complain(conf_find(env->conf, "digest"), complaints,
		      "\"%.*s\" is no word for it; write off, quarantine or all",
		      STRF(set->digest_word));
	return E_SYNTAX;
}

static err read_settings(const struct role_env *env, struct buf *complaints, void *settings)
{
	struct store_settings *set = settings;
	err e = conf_read(env->conf, keys, COUNT(keys), set, env->arena, complaints);

	TRY(e);
	TRY(read_peers(env, complaints, "lmtp_peers", &set->lmtp_peer_texts, &set->lmtp_peers,
		       &set->nlmtp_peers));
	TRY(read_peers(env, complaints, "place_peers", &set->place_peer_texts, &set->place_peers,
		       &set->nplace_peers));
	TRY(read_filters(env, complaints, set));
	TRY(read_digest(env, complaints, set));
	if (!set->hostname.n)
		set->hostname = env->hostname;
	set->lmtp.rcpts = set->rcpts_max;
	set->lmtp.message = set->message_max;
	set->lmtp.errors = 100;
	set->lmtp.transactions = INT64_MAX;
	set->lmtp.data_block = set->lmtp.command;
	set->lmtp.whole = NEVER;
	set->lmtp.spool_dir = env->data;
	return OK;
}

static err open_kv(void *arg)
{
	const struct kv_options *o = arg;

	return kv_open_rocksdb(o, &store.kv);
}

/* What was acknowledged is safe, but nothing more can be written until the store is opened anew:
 * the supervisor starts this role again while its sockets stay open. */
static void end_if_broken(void)
{
	if (!kv_broken(store.kv))
		return;
	LOG(LOG_ERROR, "store.broken");
	_exit(1);
}

/* Gives back what expunged mails held, in small steps, as long as the process lives. */
WAITS static err care(void *arg)
{
	msec due = clock_in(store_settings()->reclaim);

	for (;;) {
		TRY(fiber_sleep(clock_in(1000)));
		end_if_broken();
		if (clock_now() < due)
			continue;
		err e = mailstore_reclaim(store.mail);

		if (e == E_CANCELED)
			return e;
		if (e)
			LOG(LOG_WARN, "store.reclaim", KE(e));
		due = clock_in(store_settings()->reclaim);
	}
}

WAITS static err start(const struct role_env *env)
{
	char dir[512];
	CLEANUP(buf_free) struct buf path;

	buf_init(&path, sizeof(dir) - 1);
	TRY(trace_open(env->trace, env->name, 0));
	const struct store_settings *set = role_settings();

	buf_fmt(&path, "%s/mail", env->data);
	TRY(buf_done(&path));
	TRY(str_to_z(buf_str(&path), dir, sizeof(dir)));
	struct kv_options kv = { .dir = dir, .reserve = (uint64_t)set->reserve };

	TRY(work(POOL_DISK, open_kv, &kv));
	const struct mailstore_options mail = { .kv = store.kv,
						.keep_expunged = set->keep_expunged,
						.keep_quarantine = set->keep_quarantine };

	TRY(mailstore_open(&mail, &store.mail));
	const struct dirtable_options table = { .database = env->directory };

	TRY(dirtable_open(&table, &store.table));
	TRY(store_learn_open());
	TRY(store_release_open(env));
	TRY(store_digest_open(env));
	care_fiber = fiber_start("store.care", care, NULL);
	digest_fiber = fiber_start("store.digest", store_digest_fiber, NULL);
	return OK;
}

static err close_kv(void *arg)
{
	kv_close(store.kv);
	return OK;
}

WAITS static void end_fiber(struct fiber *f)
{
	fiber_cancel(f);
	err e = fiber_join(f);

	if (e && e != E_CANCELED)
		LOG(LOG_WARN, "store.fiber", KE(e));
}

WAITS static void stop(void)
{
	err e;

	end_fiber(digest_fiber);
	end_fiber(care_fiber);
	store_learn_close();
	dirtable_close(store.table);
	mailstore_close(store.mail);
	trace_close();
	e = work(POOL_DISK, close_kv, NULL);
	if (e)
		LOG(LOG_WARN, "store.close", KE(e));
}

const struct store *store_here(void)
{
	return &store;
}

const struct store_settings *store_settings(void)
{
	return role_settings();
}

WAITS err store_open_box(const struct dir_user *u, struct box **box)
{
	const struct store *s = store_here();

	if (u->state == HOME_MOVING)
		return fail(E_AGAIN, "mailbox is moving");
	if (!str_eq(u->backend, store_settings()->backend))
		return fail(E_AGAIN, "mailbox lives on back-end \"%.*s\"", STRF(u->backend));
	return box_open(s->mail, u->id, u->epoch, u->quota, box);
}

static const char *const lmtp_peers[] = { "mx", "relay", "submission", NULL };
static const char *const access_peers[] = { "proxy", "web", NULL };

static const struct listener listeners[] = {
	{ .kind = "lmtp",
	  .port = 24,
	  .internal = true,
	  .peers = lmtp_peers,
	  .session = store_lmtp_session },
	{ .kind = "imap", .internal = true, .peers = access_peers, .session = store_imap_session },
	{ .kind = "pop3", .internal = true, .peers = access_peers, .session = store_pop3_session },
};

const struct role role_store = {
	.name = "store",
	.user = "posta-store",
	.may = MAY_DATA | MAY_DIRECTORY,
	.listeners = listeners,
	.nlisteners = COUNT(listeners),
	.keys = keys,
	.nkeys = COUNT(keys),
	.settings = sizeof(struct store_settings),
	.read = read_settings,
	.start = start,
	.stop = stop,
	.control = store_control,
	.wide = true,
	.exclusive = true,
};
