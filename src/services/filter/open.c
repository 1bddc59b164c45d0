/* What a filter holds open: what its settings name, and what outlives them. */
#include "base/date.h"
#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/work.h"
#include "services/filter/step.h"

enum { MODELS = 1000 }; /* users' models in memory */

/* ---- what one set of settings opened ---- */

WAITS static err open_tools(struct tools *t)
{
	const struct filter_settings *set = t->set;
	const struct dns_options dns = { .forward = set->resolvers.v,
					 .nforward = set->resolvers.n,
					 .dnssec = set->dnssec };

	if (set->clamd.n)
		TRY(clamds_open(set->clamd.addr, set->clamd.n, set->clamd.pause,
				(size_t)set->clamd.max, &t->clamds));
	if (set->auth)
		TRY(dns_open(&dns, &t->dns));
	if (set->lists.n)
		t->lists = blacklists_open(&set->lists);
	return OK;
}

WAITS void filter_tools_drop(struct tools *t)
{
	if (--t->holds)
		return;
	clamds_close(t->clamds);
	blacklists_close(t->lists);
	if (t->dns)
		dns_close(t->dns);
	mem_free(t);
}

WAITS static err tools_new(const struct filter_settings *set, struct tools **out)
{
	struct tools *t = MEM_NEW(struct tools);

	t->set = set;
	t->holds = 1;
	err e = open_tools(t);

	if (e)
		filter_tools_drop(t);
	else
		*out = t;
	return e;
}

/* ---- what outlives them ---- */

struct opening {
	const char *dir;
	struct learning_models *out;
};

static err open_models(void *arg)
{
	CLEANUP(buf_free) struct buf path;
	struct opening *o = arg;

	buf_init(&path, LIM_FILE_PATH);
	buf_fmt(&path, "%s/learning.db%c", o->dir, 0);
	TRY(buf_done(&path));
	return learning_models_open(path.p, MODELS, &o->out);
}

/* Users' models that cannot be opened are a feature less, not a filter less. */
WAITS static void open_learning(struct filter *f, const struct filter_settings *set)
{
	struct opening o = { .dir = set->spool_dir };

	learning_shipped(&f->start);
	if (!set->learning || !set->spool_dir)
		return;
	if (work(POOL_DISK, open_models, &o) != OK)
		LOG(LOG_ERROR, "filter.models", KE(E_IO));
	f->models = o.out;
}

static err close_models(void *arg)
{
	learning_models_close(arg);
	return OK;
}

WAITS static err open_rest(struct filter *f, const struct filter_settings *set, bool compile)
{
	const struct dirtable_options table = { .database = set->directory };

	if (set->rules.folders.n || set->rules.files.n)
		TRY(ruleset_open(&set->rules, compile, &f->rules));
	if (set->directory)
		TRY(dirtable_open(&table, &f->directory));
	open_learning(f, set);
	if (set->auth && set->spool_dir && reports_open(set->spool_dir, &f->reports) != OK)
		LOG(LOG_ERROR, "filter.reports", KE(E_IO));
	return OK;
}

WAITS err filter_open(const struct filter_settings *set, bool compile, struct filter **out)
{
	struct filter *f = MEM_NEW(struct filter);

	waitq_init(&f->room);
	err e = tools_new(set, &f->tools);

	if (e == OK)
		e = open_rest(f, set, compile);
	if (e)
		filter_close(f);
	else
		*out = f;
	return e;
}

/* But for the models and whether there are rules at all, which a start decides. */
WAITS err filter_configure(struct filter *f, const struct filter_settings *set)
{
	struct tools *fresh, *old = f->tools;

	TRY(tools_new(set, &fresh));
	f->tools = fresh;
	if (f->rules)
		ruleset_configure(f->rules, &set->rules);
	filter_tools_drop(old);
	return OK;
}

WAITS static err ask_dns(void *arg, str name, enum dns_type type, msec deadline, struct arena *a,
			 struct dns_answer *out)
{
	struct filter *f = arg;
	struct tools *t = f->tools;

	if (!t->dns)
		return fail(E_AGAIN, "the DNS is not asked");
	t->holds++;
	err e = dns_ask(t->dns, name, type, deadline, a, out);

	filter_tools_drop(t);
	return e;
}

struct mailauth_dns filter_dns(struct filter *f)
{
	return (struct mailauth_dns){ ask_dns, f };
}

WAITS void filter_close(struct filter *f)
{
	if (!f)
		return;
	if (f->tools)
		filter_tools_drop(f->tools);
	ruleset_close(f->rules);
	reports_close(f->reports);
	dirtable_close(f->directory);
	if (f->models)
		(void)!work(POOL_DISK, close_models, f->models);
	mem_free(f);
}

const struct filter_settings *filter_settings_of(const struct filter *f)
{
	return f->tools->set;
}

str filter_user(struct filter *f, str address, struct arena *a, struct dir_answer *d)
{
	*d = (struct dir_answer){ .what = DIR_NOTABLE };
	if (f->directory && dirtable_address(f->directory, address, a, d) == OK &&
	    d->what == DIR_USER)
		return d->user.login;
	return address;
}

/* ---- the message's place ---- */

/* What would end a field, or a comment in it, is no name. */
static str plain(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || str_find(STR("()[]\"\\;\x7f"), s.p[i]) < 8)
			return STR("unknown");
	return s.n ? str_take(s, LIM_SMTP_DOMAIN) : STR("unknown");
}

WAITS err filter_spool(struct filter *f, struct filter_request *q)
{
	CLEANUP(buf_free) struct buf field;
	const struct filter_settings *set = f->tools->set;
	struct net_addr ip;

	buf_init(&field, KIB(4));
	q->before = 0;
	q->message = spool_new(set->spool_dir, (uint64_t)set->message_max + KIB(4));
	if (!filter_ip(q->env.ip, &ip))
		return OK;
	buf_fmt(&field, "Received: from %.*s (%.*s [%.*s])\r\n\tby %.*s (posta) with %s id %.*s; ",
		STRF(plain(q->env.helo)), STRF(plain(q->env.rdns)), STRF(q->env.ip),
		STRF(set->hostname), q->env.user.n ? "ESMTPA" : "ESMTP", STRF(plain(q->id)));
	date_add_rfc5322(&field, clock_unix(), 0);
	buf_add(&field, STR("\r\n"));
	TRY(buf_done(&field));
	q->before = field.n;
	return spool_add(q->message, buf_str(&field));
}
