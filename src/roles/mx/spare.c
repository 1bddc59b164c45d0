#include "base/limits.h"
#include "roles/mx/mx.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/trace/trace.h"

METRIC(m_queued, "posta_mx_queued_total", "", METRIC_COUNTER,
       "Copies that went to the mx's queue because their back-end was away or said later.");

enum { PARALLEL = 32, PER_DESTINATION = 8, PATIENCE = 10000 };

/* A back-end on the same network comes back soon, or an administrator is at it. */
static const msec schedule[] = { 2000, 5000, 10000, 20000, 60000, 120000, 300000 };

/* The key is for grouping and limits alone: an attempt looks the address up anew. */
static str destination(void *arg, str address, struct arena *a)
{
	struct dir_answer d;
	str key = { NULL, 0 };

	if (dirtable_address(mx_here()->table, address, a, &d) != OK || d.what == DIR_NOTABLE)
		return STR("unknown");
	if (d.what == DIR_USER)
		key = arena_fmt(a, "store/%.*s", STRF(str_take(d.user.backend, 200)));
	else if (d.what == DIR_FOREIGN)
		key = STR("relay");
	return key.p ? key : STR("several");
}

static void set_try(struct queue_try *t, enum try_what what, str status, str text)
{
	t->what = what;
	if (str_to_z(status, t->status, sizeof(t->status)) != OK)
		t->status[0] = 0;
	if (str_to_z(str_take(text, sizeof(t->text) - 1), t->text, sizeof(t->text)) != OK)
		t->text[0] = 0;
}

static void conclude_copy(const struct mx_copy *c, struct queue_try *t)
{
	static const enum try_what meaning[] = {
		[COPY_NEW] = TRY_LATER,	   [COPY_WELCOME] = TRY_LATER,	[COPY_AWAY] = TRY_LATER,
		[COPY_LATER] = TRY_LATER,  [COPY_FAILED] = TRY_FAILED,	[COPY_KEPT] = TRY_DELIVERED,
		[COPY_QUEUED] = TRY_LATER, [COPY_DROPPED] = TRY_FAILED,
	};
	enum try_what what = meaning[c->state];

	if (c->moving)
		what = TRY_HOLD;
	else if (what == TRY_DELIVERED && c->home->relay)
		what = TRY_PASSED;
	set_try(t, what, str_z(c->reply.status), str_z(c->reply.text));
	t->away = c->state == COPY_AWAY;
}

/* One recipient of the queue may have come down to several copies: done when all are; delivery ids
 * keep those that are from coming twice. */
static void conclude(const struct mx_batch *b, size_t owner, enum dir_what what,
		     struct queue_try *t)
{
	static const int weight[] = {
		[COPY_NEW] = 5,	   [COPY_WELCOME] = 5, [COPY_AWAY] = 4,	  [COPY_LATER] = 3,
		[COPY_FAILED] = 2, [COPY_KEPT] = 1,    [COPY_QUEUED] = 5, [COPY_DROPPED] = 0,
	};
	const struct mx_copy *worst = NULL;

	for (size_t i = 0; i < b->n; i++) {
		const struct mx_copy *c = &b->v[i];

		if (c->owner == owner && (!worst || weight[c->state] > weight[worst->state]))
			worst = c;
	}
	if (what == DIR_UNKNOWN)
		set_try(t, TRY_FAILED, STR("5.1.1"), STR("550 5.1.1 No such user any more"));
	else if (worst)
		conclude_copy(worst, t);
	else
		set_try(t, TRY_LATER, STR("4.3.0"), STR("451 4.3.0 Directory is not at hand"));
}

static enum dir_what route_again(struct mx_batch *b, str address, size_t owner)
{
	enum dir_what what;
	size_t *idx, n;
	err e = mx_route(b, address, owner, &what, &idx, &n);

	if (e == OK && what == DIR_FOREIGN)
		e = mx_route_elsewhere(b, address, owner);
	return e == OK ? what : DIR_NOTABLE;
}

WAITS static void attempt(void *arg, const struct queue_mail *m, struct spool *message,
			  struct queue_try *t, size_t n)
{
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, LIM_SMTP_TX);
	struct mx_batch b = {
		.mail = { .from = m->from,
			  .size = spool_size(message),
			  .smtputf8 = m->smtputf8,
			  .body8bit = m->body8bit,
			  .delivery_id = n ? t[0].rcpt->delivery : STR("") },
		.message = message,
		.a = &a,
	};
	enum dir_what *what = NEW_TRY(&a, enum dir_what, n);

	if (!what)
		return; /* they came as TRY_LATER */
	for (size_t i = 0; i < n; i++)
		what[i] = route_again(&b, t[i].rcpt->address, i);
	if (mx_groups_of_queue(&b) != OK)
		return;
	for (size_t i = 0; i < b.n; i++) {
		b.v[i].group = mx_group_of_note(&b, t[b.v[i].owner].rcpt->note);
		if (b.v[i].state == COPY_NEW)
			b.v[i].state = COPY_WELCOME;
	}
	if (mx_deliver(&b) != OK)
		return;
	for (size_t i = 0; i < n; i++)
		conclude(&b, i, what[i], &t[i]);
}

static err open_kv(void *arg)
{
	const struct kv_options *o = arg;

	return kv_open_rocksdb(o, &mx_here()->kv);
}

WAITS err mx_queue_open(const struct role_env *env)
{
	const struct mx_settings *set = mx_settings();
	char dir[512];
	CLEANUP(buf_free) struct buf path;

	buf_init(&path, sizeof(dir) - 1);
	buf_fmt(&path, "%s/queue", env->data);
	TRY(buf_done(&path));
	TRY(str_to_z(buf_str(&path), dir, sizeof(dir)));
	struct kv_options kv = { .dir = dir, .reserve = (uint64_t)set->queue_reserve };

	TRY(work(POOL_DISK, open_kv, &kv));
	struct queue_options o = {
		.kv = mx_here()->kv,
		.spool_dir = set->limits.spool_dir,
		.name = STR("mx"),
		.hostname = set->hostname,
		.attempt = attempt,
		.destination = destination,
		.schedule = schedule,
		.nschedule = COUNT(schedule),
		.lifetime = set->queue_lifetime,
		.parallel = PARALLEL,
		.per_destination = PER_DESTINATION,
	};
	return queue_open(&o, &mx_here()->queue);
}

static err close_kv(void *arg)
{
	kv_close(mx_here()->kv);
	return OK;
}

WAITS void mx_queue_close(void)
{
	queue_close(mx_here()->queue, clock_in(PATIENCE));
	mx_here()->queue = NULL;
	if (work(POOL_DISK, close_kv, NULL) == OK)
		mx_here()->kv = NULL;
}

static bool to_queue(const struct mx_copy *c)
{
	return c->state == COPY_AWAY || c->state == COPY_LATER;
}

/* Collects up to max copies of the group from *from on, which moves behind them. */
static size_t collect(const struct mx_batch *b, size_t group, size_t *from, struct queue_rcpt *v,
		      size_t max)
{
	size_t n = 0;

	for (; *from < b->n && n < max; ++*from) {
		const struct mx_copy *c = &b->v[*from];

		if (!to_queue(c) || c->group != group)
			continue;
		v[n++] = (struct queue_rcpt){
			.address = c->address,
			.orcpt = c->orcpt,
			/* No DSN from here: nothing says yet that the sender is the sender. */
			.notify = SMTP_NOTIFY_NEVER,
			.delivery = b->mail.delivery_id,
			.note = mx_note(b, c),
		};
	}
	return n;
}

static void mark_queued(struct mx_batch *b, size_t group, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (!to_queue(&b->v[i]) || b->v[i].group != group)
			continue;
		metric_add(&m_queued, 1);
		trace_event("mx.waits", b->v[i].address, "%s",
			    b->v[i].moving ? "mailbox is moving" : b->v[i].reply.text);
		b->v[i].state = COPY_QUEUED;
	}
}

/* The message as this group gets it: the header fields of its verdict before it. */
WAITS static err with_head(const struct mx_batch *b, const struct mx_group *g, struct spool *to)
{
	enum { BLOCK = 16 * 1024 };
	CLEANUP(buf_free) struct buf block;
	size_t got = 1;

	buf_init(&block, BLOCK);
	char *p = buf_room(&block, BLOCK);

	if (!p)
		return fail(E_LIMIT, "no memory for a block");
	TRY(spool_add(to, g->head));
	for (uint64_t at = 0; got; at += got) {
		TRY(spool_read(b->message, at, p, BLOCK, &got));
		TRY(spool_add(to, str_of(p, got)));
	}
	return OK;
}

WAITS static err queue_group(struct mx_batch *b, str id, size_t group, struct spool *message,
			     struct queue_rcpt *v)
{
	size_t at = 0, from = 0;

	for (;;) {
		size_t n = collect(b, group, &at, v, LIM_SMTP_RCPTS);

		if (!n)
			return OK;
		const struct queue_mail m = { .id = id,
					      .from = b->mail.from,
					      .envid = b->mail.envid,
					      .ret_hdrs = b->mail.ret_hdrs,
					      .smtputf8 = b->mail.smtputf8,
					      .body8bit = b->mail.body8bit,
					      .rcpts = v,
					      .nrcpts = n };

		TRY(queue_add(mx_here()->queue, &m, message));
		mark_queued(b, group, from, at);
		from = at;
	}
}

static bool any_to_queue(const struct mx_batch *b, size_t group)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].group == group && to_queue(&b->v[i]))
			return true;
	return false;
}

WAITS err mx_queue_copies(struct mx_batch *b, str id)
{
	struct queue_rcpt *v = NEW_TRY(b->a, struct queue_rcpt, LIM_SMTP_RCPTS);
	err e = OK;

	if (!v)
		return fail(E_LIMIT, "no memory for the queue's recipients");
	for (size_t g = 0; g < b->ngroups && !e; g++) {
		const struct mx_group *group = &b->groups[g];
		struct spool *own = NULL;

		if (!any_to_queue(b, g))
			continue;
		if (group->head.n) {
			own = spool_new(mx_settings()->limits.spool_dir,
					size_add(spool_size(b->message), group->head.n));
			e = with_head(b, group, own);
		}
		if (!e)
			e = queue_group(b, id, g, own ? own : b->message, v);
		spool_drop(own);
	}
	return e;
}
