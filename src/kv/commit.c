/* Batches and group commit. A commit encodes its changes on its own thread, then joins the queue;
 * the thread whose job is first writes for all that wait, in one synced write, while the next group
 * gathers. */
#include "kv/engine.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* ---- batches ---- */
struct kv_batch {
	struct buf ops, expects; /* what, key, value as octet and two lstr */
	size_t nops, nexpects;
	err e;
};
enum { OP_PUT, OP_DEL, OP_DEL_RANGE };
enum { EXPECT_ABSENT, EXPECT_VALUE };

struct kv_batch *kv_batch_new(void)
{
	struct kv_batch *b = MEM_NEW(struct kv_batch);

	buf_init(&b->ops, LIM_KV_BATCH);
	buf_init(&b->expects, LIM_KV_BATCH);
	return b;
}

void kv_batch_free(struct kv_batch *b)
{
	if (!b)
		return;
	buf_free(&b->ops);
	buf_free(&b->expects);
	mem_free(b);
}

void kv_batch_reset(struct kv_batch *b)
{
	buf_reset(&b->ops);
	buf_reset(&b->expects);
	b->nops = b->nexpects = 0;
	b->e = OK;
}

size_t kv_batch_size(const struct kv_batch *b)
{
	return b->ops.n;
}

static void add(struct kv_batch *b, struct buf *to, unsigned what, str key, str value)
{
	if (key.n > LIM_KV_KEY || value.n > LIM_KV_VALUE)
		b->e = E_LIMIT;
	buf_u8(to, what);
	buf_lstr(to, key);
	buf_lstr(to, value);
	if (to->e != OK)
		b->e = E_LIMIT;
}

void kv_put(struct kv_batch *b, str key, str value)
{
	add(b, &b->ops, OP_PUT, key, value);
	b->nops++;
}

void kv_del(struct kv_batch *b, str key)
{
	add(b, &b->ops, OP_DEL, key, STR(""));
	b->nops++;
}

void kv_del_range(struct kv_batch *b, str from, str to)
{
	add(b, &b->ops, OP_DEL_RANGE, from, to);
	b->nops++;
}

void kv_expect(struct kv_batch *b, str key, str value)
{
	add(b, &b->expects, value.p ? EXPECT_VALUE : EXPECT_ABSENT, key, value);
	b->nexpects++;
}

/* ---- jobs ---- */
struct job {
	struct link link;
	str part;
	uint64_t epoch;
	bool take;    /* kv_take: raise the epoch, no changes */
	bool barrier; /* nothing of its own: what waits is written */
	const struct kv_batch *batch;
	struct change *changes;
	size_t nchanges, octets;
	struct buf bytes; /* what the changes point into */
	struct waiter *waiter;
	err result;
	bool fresh; /* the partition has no row in SPACE_PARTS yet */
	char text[256];
};
/* A thread that waits for its jobs. */
struct waiter {
	pthread_cond_t wake;
	size_t left;
};

void commit_init(struct kv *k)
{
	(void)pthread_mutex_init(&k->mu, NULL);
	list_init(&k->waiting);
	list_init(&k->pending);
	list_init(&k->writing);
}

/* Blobs that no commit referred to may be lost. */
void commit_end(struct kv *k)
{
	for (struct link *l; (l = list_pop(&k->pending));)
		pending_free(CONTAINER(l, struct pending, link));
	(void)pthread_mutex_destroy(&k->mu);
}

/* ---- blobs that wait ---- */
void pending_free(struct pending *p)
{
	buf_free(&p->bytes);
	mem_free(p->changes);
	mem_free(p);
}

bool commit_pend(struct kv *k, struct pending *p)
{
	(void)pthread_mutex_lock(&k->mu);
	bool room = k->pending_octets + p->bytes.n <= LIM_KV_GROUP;
	if (room) {
		k->pending_octets += p->bytes.n;
		list_add_tail(&k->pending, &p->link);
	}
	(void)pthread_mutex_unlock(&k->mu);
	return room;
}

static bool has_head(const struct link *list, str head)
{
	LIST_EACH (l, list) {
		if (str_eq(CONTAINER(l, struct pending, link)->changes[0].key, head))
			return true;
	}
	return false;
}

bool commit_pends(struct kv *k, str head)
{
	(void)pthread_mutex_lock(&k->mu);
	bool has = has_head(&k->pending, head) || has_head(&k->writing, head);
	(void)pthread_mutex_unlock(&k->mu);
	return has;
}

static void move_all(struct link *from, struct link *to)
{
	for (struct link *l; (l = list_pop(from));)
		list_add_tail(to, l);
}

/* Written: forgotten. Not written: they wait for the next group, since their commits may still
 * come. */
static void end_writing(struct kv *k, err e)
{
	if (e != OK) {
		move_all(&k->pending, &k->writing);
		move_all(&k->writing, &k->pending);
	}
	for (struct link *l; (l = list_pop(&k->writing));) {
		struct pending *p = CONTAINER(l, struct pending, link);

		k->pending_octets -= p->bytes.n;
		pending_free(p);
	}
}

static void full_key(struct buf *out, str part, str key)
{
	buf_add(out, part);
	buf_addc(out, '\0');
	buf_add(out, key);
}

/* The room that job->bytes needs is known before, so that it never moves and the changes may point
 * into it. */
static err encode(struct job *j)
{
	struct cur c = { .rest = buf_str(&j->batch->ops) };
	size_t each = 2 * (j->part.n + 1) + 4;
	size_t room = size_add(c.rest.n, size_add(size_mul(j->batch->nops, each), 128));

	if (j->batch->e != OK)
		return fail(E_LIMIT, "a key, a value or the batch is too large");
	buf_init(&j->bytes, room);
	if (!buf_room(&j->bytes, room))
		return fail(E_LIMIT, "a batch of %zu octets", room);
	j->octets = room;
	j->changes = mem_get(size_mul(j->batch->nops + 1, sizeof(*j->changes)));
	for (size_t i = 0; i < j->batch->nops; i++) {
		struct change *ch = &j->changes[j->nchanges++];
		unsigned what = cur_u8(&c);
		str key = cur_lstr(&c), value = cur_lstr(&c);
		size_t at = j->bytes.n;

		full_key(&j->bytes, j->part, key);
		*ch = (struct change){ .space = SPACE_ROWS,
				       .key = str_of(j->bytes.p + at, j->bytes.n - at) };
		at = j->bytes.n;
		if (what == OP_PUT) {
			checked_add(&j->bytes, ch->key, value);
			ch->what = CHANGE_PUT;
		} else if (what == OP_DEL_RANGE) {
			full_key(&j->bytes, j->part, value);
			ch->what = CHANGE_DEL_RANGE;
		} else {
			ch->what = CHANGE_DEL;
		}
		ch->value = str_of(j->bytes.p + at, j->bytes.n - at);
	}
	return buf_done(&j->bytes);
}

static void add_epoch(struct job *j, uint64_t epoch)
{
	struct buf v;
	char octets[16];

	buf_init(&v, sizeof(octets));
	buf_u64(&v, epoch);
	size_t at = j->bytes.n;
	checked_add(&j->bytes, j->part, buf_str(&v));
	buf_free(&v);
	j->changes[j->nchanges++] =
		(struct change){ .what = CHANGE_PUT,
				 .space = SPACE_PARTS,
				 .key = j->part,
				 .value = str_of(j->bytes.p + at, j->bytes.n - at) };
}

/* ---- guards: what must hold before a job is written ---- */
static err guard_epoch(struct kv *k, struct job *j)
{
	struct buf b;
	uint64_t now = 0;

	buf_init(&b, 64);
	err e = k->engine->ops->get(k->engine, SPACE_PARTS, j->part, &b);
	if (e == OK) {
		str v;

		e = checked_take(j->part, buf_str(&b), &v);
		struct cur c = { .rest = e == OK ? v : STR("") };
		now = cur_u64(&c);
	} else if (e == E_NOTFOUND) {
		e = OK;
		j->fresh = true;
	}
	buf_free(&b);
	TRY(e);
	if (j->take ? now >= j->epoch : now != j->epoch)
		return fail(E_DENIED, "partition %.*s has epoch %llu, not %llu", STRF(j->part),
			    (unsigned long long)now, (unsigned long long)j->epoch);
	return OK;
}

static err guard_value(struct kv *k, struct job *j, unsigned what, str key, str want)
{
	struct buf full, b;
	str have = STR("");

	buf_init(&full, 2 * LIM_KV_KEY);
	buf_init(&b, LIM_KV_VALUE + 64);
	full_key(&full, j->part, key);
	err e = buf_done(&full);
	if (e == OK)
		e = k->engine->ops->get(k->engine, SPACE_ROWS, buf_str(&full), &b);
	if (e == OK)
		e = checked_take(buf_str(&full), buf_str(&b), &have);
	bool holds = what == EXPECT_ABSENT ? e == E_NOTFOUND : e == OK && str_eq(have, want);
	buf_free(&full);
	buf_free(&b);
	if (e != OK && e != E_NOTFOUND)
		return e;
	return holds ? OK
		     : fail(E_AGAIN, "an expected value of partition %.*s has changed",
			    STRF(j->part));
}

static err guard(struct kv *k, struct job *j)
{
	if (j->barrier)
		return OK;
	TRY(guard_epoch(k, j));
	if (j->take) {
		add_epoch(j, j->epoch);
		return OK;
	}
	struct cur c = { .rest = buf_str(&j->batch->expects) };
	for (size_t i = 0; i < j->batch->nexpects; i++) {
		unsigned what = cur_u8(&c);
		str key = cur_lstr(&c), value = cur_lstr(&c);

		TRY(guard_value(k, j, what, key, value));
	}
	if (j->fresh)
		add_epoch(j, j->epoch);
	return OK;
}

static void job_failed(struct job *j, err e)
{
	j->result = e;
	(void)snprintf(j->text, sizeof(j->text), "%s", err_last()->text);
}

/* ---- the group ---- */
static bool has_guard(const struct job *j)
{
	return j->take || j->batch->nexpects;
}

/* Guards read what is stored, so a guarded job may not share a group with an earlier one of its
 * partition, and nothing of a partition may follow its take. */
static bool may_join(const struct link *group, const struct job *j)
{
	LIST_EACH (l, group) {
		const struct job *g = CONTAINER(l, struct job, link);

		if ((has_guard(j) || g->take) && str_eq(g->part, j->part))
			return false;
	}
	return true;
}

static void gather(struct kv *k, struct link *group)
{
	size_t octets = 0;

	list_init(group);
	while (!list_empty(&k->waiting)) {
		struct job *j = CONTAINER(k->waiting.next, struct job, link);

		if (!list_empty(group) &&
		    (octets + j->octets > LIM_KV_GROUP || !may_join(group, j)))
			return;
		octets += j->octets;
		list_remove(&j->link);
		list_add_tail(group, &j->link);
	}
}

static size_t add_changes(struct change *all, size_t n, const struct change *v, size_t more)
{
	if (more)
		memcpy(all + n, v, more * sizeof(*v));
	return n + more;
}

/* The changes of the blobs, then those of the jobs whose guards hold. */
static struct change *group_changes(const struct link *blobs, const struct link *group, size_t *n)
{
	size_t most = 0;

	LIST_EACH (l, blobs)
		most += CONTAINER(l, struct pending, link)->n;
	LIST_EACH (l, group)
		most += CONTAINER(l, struct job, link)->nchanges;
	struct change *all = mem_get(size_mul(most + 1, sizeof(*all)));

	*n = 0;
	LIST_EACH (l, blobs) {
		const struct pending *p = CONTAINER(l, struct pending, link);

		*n = add_changes(all, *n, p->changes, p->n);
	}
	LIST_EACH (l, group) {
		const struct job *j = CONTAINER(l, struct job, link);

		if (j->result == OK)
			*n = add_changes(all, *n, j->changes, j->nchanges);
	}
	return all;
}

static err write_group(struct kv *k, struct link *group)
{
	size_t n;

	LIST_EACH (l, group) {
		struct job *j = CONTAINER(l, struct job, link);

		j->result = OK;
		err e = guard(k, j);
		if (e != OK)
			job_failed(j, e);
	}
	struct change *all = group_changes(&k->writing, group, &n);
	err e = n ? kv_write(k, all, n, true) : OK;
	mem_free(all);
	LIST_EACH (l, group) {
		struct job *j = CONTAINER(l, struct job, link);

		if (j->result == OK && e != OK)
			job_failed(j, e);
	}
	return e;
}

/* With k->mu held; comes back with it. */
static void lead(struct kv *k)
{
	struct link group;

	k->leading = true;
	gather(k, &group);
	move_all(&k->pending, &k->writing);
	(void)pthread_mutex_unlock(&k->mu);
	err e = write_group(k, &group);
	(void)pthread_mutex_lock(&k->mu);
	end_writing(k, e);
	k->leading = false;
	for (struct link *l; (l = list_pop(&group));) {
		struct waiter *w = CONTAINER(l, struct job, link)->waiter;

		if (!--w->left)
			(void)pthread_cond_signal(&w->wake);
	}
	if (!list_empty(&k->waiting)) /* the next group's leader */
		(void)pthread_cond_signal(
			&CONTAINER(k->waiting.next, struct job, link)->waiter->wake);
}

static void run_jobs(struct kv *k, struct job *v, size_t n)
{
	struct waiter w = { .left = 0 };

	(void)pthread_cond_init(&w.wake, NULL);
	(void)pthread_mutex_lock(&k->mu);
	for (size_t i = 0; i < n; i++) {
		if (v[i].result != OK)
			continue;
		v[i].waiter = &w;
		w.left++;
		list_add_tail(&k->waiting, &v[i].link);
	}
	while (w.left) {
		if (k->leading)
			(void)pthread_cond_wait(&w.wake, &k->mu);
		else
			lead(k);
	}
	(void)pthread_mutex_unlock(&k->mu);
	(void)pthread_cond_destroy(&w.wake);
}

static void job_free(struct job *j)
{
	buf_free(&j->bytes);
	mem_free(j->changes);
}

static const struct kv_batch no_changes;

err commit_settle(struct kv *k)
{
	struct job j = { .part = STR(""), .barrier = true, .batch = &no_changes };

	(void)pthread_mutex_lock(&k->mu);
	bool any = !list_empty(&k->pending) || !list_empty(&k->writing);
	(void)pthread_mutex_unlock(&k->mu);
	if (!any)
		return OK;
	run_jobs(k, &j, 1);
	return j.result == OK ? OK : fail(j.result, "%s", j.text);
}

err kv_take(struct kv *k, str part, uint64_t epoch)
{
	struct job j = { .part = part, .epoch = epoch, .take = true, .batch = &no_changes };

	TRY(encode(&j));
	run_jobs(k, &j, 1);
	job_free(&j);
	return j.result == OK ? OK : fail(j.result, "%s", j.text);
}

void kv_commit_many(struct kv *k, struct kv_job *v, size_t n)
{
	struct job *jobs = mem_get(size_mul(n + 1, sizeof(*jobs)));
	err room = OK;
	bool asked = false;

	for (size_t i = 0; i < n; i++) {
		jobs[i] = (struct job){ .part = v[i].part.name,
					.epoch = v[i].part.epoch,
					.batch = v[i].batch };
		if (v[i].flags & KV_GROWS) {
			if (!asked)
				room = kv_room(k);
			asked = true;
			jobs[i].result = room;
		}
		if (jobs[i].result == OK)
			jobs[i].result = encode(&jobs[i]);
		if (jobs[i].result != OK)
			job_failed(&jobs[i], jobs[i].result);
	}
	run_jobs(k, jobs, n);
	for (size_t i = 0; i < n; i++) {
		v[i].result = jobs[i].result == OK ? OK : fail(jobs[i].result, "%s", jobs[i].text);
		job_free(&jobs[i]);
	}
	mem_free(jobs);
}

err kv_commit(struct kv *k, const struct kv_part *p, struct kv_batch *b, unsigned flags)
{
	struct kv_job j = { .part = *p, .batch = b, .flags = flags };

	kv_commit_many(k, &j, 1);
	return j.result;
}
