#include "services/zones/journal.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "run/file.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/zones/journal_part.h"

METRIC(metric_octets, "posta_zone_journal_octets", "", METRIC_GAUGE,
       "Differences of zones that are remembered.");
METRIC(metric_steps, "posta_zone_journal_steps", "", METRIC_GAUGE,
       "Versions of zones that an incremental transfer can begin at.");
METRIC(metric_lost, "posta_zone_journal_errors_total", "", METRIC_COUNTER,
       "Times that the journal of zones could not be written or read.");

enum {
	BATCH = 64,	  /* changes that are taken down at once */
	SLACK = 64 << 10, /* octets of the file that are not worth writing it anew */
};

/* The differences of one zone: each begins where the one before it ends. */
struct chain {
	struct dns_name apex;
	struct link steps;
	size_t octets;
};
/* A change that waits. */
struct change {
	struct link link;
	struct dns_name apex;
	struct zone *old, *fresh; /* held */
};
struct journal {
	struct journal_options o;
	char path[LIM_FILE_PATH];
	/* The fiber alone changes what stands here; the lock is for those who read elsewhere. */
	pthread_mutex_t lock;
	struct map chains;
	struct link all; /* steps, oldest first */
	size_t octets, steps;
	size_t file_octets;
	bool rewrite; /* the file's end is not sound */
	struct link waiting;
	struct waitq wake;
	struct fiber *fiber;
	bool closing;
};

/* ---- chains; with the lock held, or before anyone reads ---- */

static void unlink_step(struct journal *j, struct step *s)
{
	list_remove(&s->mine);
	list_remove(&s->all);
	s->of->octets -= step_size(s);
	j->octets -= step_size(s);
	j->steps--;
	s->of = NULL;
	step_drop(s);
}

static void forget_chain(struct journal *j, str apex)
{
	struct chain *c = map_remove(&j->chains, apex);

	if (!c)
		return;
	while (!list_empty(&c->steps))
		unlink_step(j, CONTAINER(c->steps.next, struct step, mine));
	mem_free(c);
}

static struct step *last_step(const struct chain *c)
{
	return c && !list_empty(&c->steps) ? CONTAINER(c->steps.prev, struct step, mine) : NULL;
}

/* Drops what is oldest until the bounds hold. A chain that lost its last step goes. */
static void trim(struct journal *j, struct chain *c)
{
	while (c->octets > j->o.zone_max)
		unlink_step(j, CONTAINER(c->steps.next, struct step, mine));
	if (list_empty(&c->steps))
		forget_chain(j, str_of(c->apex.p, c->apex.n));
	while (j->octets > j->o.max) {
		struct step *oldest = CONTAINER(j->all.next, struct step, all);
		struct chain *of = oldest->of;

		unlink_step(j, oldest);
		if (list_empty(&of->steps))
			forget_chain(j, dns_name_str(&of->apex));
	}
}

/* Takes the step over. */
static void link_step(struct journal *j, str apex, struct step *s)
{
	struct chain *c = map_get(&j->chains, apex);
	struct step *last = last_step(c);

	if (last && last->s.to != s->s.from) {
		forget_chain(j, apex);
		c = NULL;
	}
	if (!c) {
		c = MEM_NEW(struct chain);
		memcpy(c->apex.p, apex.p, apex.n);
		c->apex.n = (unsigned char)apex.n;
		list_init(&c->steps);
		map_put(&j->chains, apex, c);
	}
	s->of = c;
	list_add_tail(&c->steps, &s->mine);
	list_add_tail(&j->all, &s->all);
	c->octets += step_size(s);
	j->octets += step_size(s);
	j->steps++;
	trim(j, c);
}

/* ---- the file ---- */

static void take_frame(void *arg, const struct journal_frame *f)
{
	struct journal *j = arg;

	if (f->forget) {
		forget_chain(j, f->apex);
		return;
	}
	struct step *s =
		step_new(f->step.from, f->step.to, f->digest, f->step.deleted, f->step.added);

	if (s)
		link_step(j, f->apex, s);
}

static err load(void *arg)
{
	CLEANUP(buf_free) struct buf file = { 0 };
	struct journal *j = arg;

	buf_init(&file, size_add(size_mul(j->o.max, 3), MIB(64)));
	err e = file_read(j->path, &file);

	if (e == E_NOTFOUND) {
		j->rewrite = true;
		return OK;
	}
	TRY(e);
	size_t sound = journal_read(buf_str(&file), take_frame, j);

	j->file_octets = sound;
	j->rewrite = sound != file.n;
	return sound == file.n ? OK
			       : fail(E_CORRUPT, "%s: %zu octets at its end are not sound", j->path,
				      file.n - sound);
}

static void frame_of_step(struct buf *out, const struct step *s, str apex)
{
	journal_frame_add(
		out, &(struct journal_frame){ .apex = apex, .step = s->s, .digest = s->digest });
}

/* All that is known, in the order in which it came. */
static err rewrite(struct journal *j)
{
	CLEANUP(buf_free) struct buf out = { 0 };

	buf_init(&out, size_add(size_mul(j->o.max, 2), MIB(1)));
	buf_add(&out, journal_magic);
	LIST_EACH (l, &j->all) {
		const struct step *s = CONTAINER(l, struct step, all);

		frame_of_step(&out, s, dns_name_str(&s->of->apex));
	}
	TRY(buf_done(&out));
	TRY(file_replace(j->path, buf_str(&out), 0600));
	j->file_octets = out.n;
	j->rewrite = false;
	return OK;
}

static err append(struct journal *j, str frames)
{
	j->rewrite = true; /* until it is known to be whole */
	TRY(file_append(j->path, frames));
	j->rewrite = false;
	j->file_octets += frames.n;
	return OK;
}

/* ---- taking down ---- */

struct job {
	struct journal *j;
	struct change *changes[BATCH];
	struct {
		struct step *step; /* what it came to, or */
		bool forget;	   /* differences from before are of no use */
		err why;
	} done[BATCH];
	size_t n;
	struct buf frames;
};

/* A zone that was not there before: is it what the chain ends with? */
static bool continues(const struct journal *j, const struct change *c)
{
	const struct step *last = last_step(map_get(&j->chains, dns_name_str(&c->apex)));

	return !last ||
	       (last->s.to == zone_serial(c->fresh) && last->digest == journal_digest(c->fresh));
}

static void judge(struct job *job, size_t i)
{
	const struct change *c = job->changes[i];
	struct journal *j = job->j;

	if (!c->fresh) {
		job->done[i].forget = true;
	} else if (!c->old) {
		job->done[i].forget = !continues(j, c);
	} else {
		err e = journal_diff(c->old, c->fresh, j->o.zone_max, &job->done[i].step);

		job->done[i].why = e;
		job->done[i].forget = e != OK && e != E_NOTFOUND;
	}
	if (job->done[i].step)
		frame_of_step(&job->frames, job->done[i].step, dns_name_str(&c->apex));
	else if (job->done[i].forget && map_get(&j->chains, dns_name_str(&c->apex)))
		journal_frame_add(
			&job->frames,
			&(struct journal_frame){ .apex = dns_name_str(&c->apex), .forget = true });
}

/* On a helper thread: the fiber waits, and nobody else changes the chains. */
static err take_down(void *arg)
{
	struct job *job = arg;

	for (size_t i = 0; i < job->n; i++)
		judge(job, i);
	return OK;
}

/* On a helper thread, behind what others are told: a slow disk delays no NOTIFY. */
static err write_down(void *arg)
{
	struct job *job = arg;
	struct journal *j = job->j;

	if (buf_done(&job->frames) != OK)
		j->rewrite = true;
	if (!j->rewrite && job->frames.n)
		TRY(append(j, buf_str(&job->frames)));
	if (!j->rewrite && j->file_octets <= size_mul(j->octets, 2) + SLACK)
		return OK;
	return rewrite(j);
}

/* Of each zone one change: a second one builds upon what the first one leaves. */
static bool in_job(const struct job *job, const struct change *c)
{
	for (size_t i = 0; i < job->n; i++)
		if (dns_name_eq(dns_name_str(&job->changes[i]->apex), dns_name_str(&c->apex)))
			return true;
	return false;
}

static void take_waiting(struct job *job)
{
	while (job->n < BATCH && !list_empty(&job->j->waiting)) {
		struct change *c = CONTAINER(job->j->waiting.next, struct change, link);

		if (in_job(job, c))
			break;
		list_remove(&c->link);
		job->changes[job->n++] = c;
	}
}

static void publish(struct job *job)
{
	struct journal *j = job->j;

	(void)pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < job->n; i++) {
		str apex = dns_name_str(&job->changes[i]->apex);

		if (job->done[i].forget)
			forget_chain(j, apex);
		else if (job->done[i].step)
			link_step(j, apex, job->done[i].step);
	}
	(void)pthread_mutex_unlock(&j->lock);
	metric_set(&metric_octets, (int64_t)j->octets);
	metric_set(&metric_steps, (int64_t)j->steps);
}

static void tell(struct job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		struct change *c = job->changes[i];

		if (job->j->o.told)
			job->j->o.told(job->j->o.arg, dns_name_str(&c->apex), c->fresh);
		zone_drop(c->old);
		zone_drop(c->fresh);
		mem_free(c);
	}
}

static void complain(err e)
{
	if (e == OK || e == E_CANCELED)
		return;
	metric_add(&metric_lost, 1);
	LOG(LOG_WARN, "zone.journal", KE(e));
}

WAITS static void take_some(struct journal *j)
{
	struct job job = { .j = j };

	buf_init(&job.frames, size_add(size_mul(j->o.zone_max, BATCH), MIB(1)));
	take_waiting(&job);
	complain(work(POOL_CPU, take_down, &job));
	publish(&job);
	tell(&job);
	complain(work(POOL_DISK, write_down, &job));
	buf_free(&job.frames);
}

WAITS static err journal_fiber(void *arg)
{
	struct journal *j = arg;
	err e = OK;

	while (e == OK) {
		while (!list_empty(&j->waiting))
			take_some(j);
		if (j->closing)
			return OK;
		e = waitq_wait(&j->wake, NEVER);
	}
	while (!list_empty(&j->waiting))
		take_some(j);
	return e;
}

static void on_change(void *arg, struct zone *old, struct zone *fresh)
{
	struct journal *j = arg;
	struct change *c = MEM_NEW(struct change);
	str apex = zone_apex(fresh ? fresh : old);

	memcpy(c->apex.p, apex.p, apex.n);
	c->apex.n = (unsigned char)apex.n;
	c->old = old ? zone_hold(old) : NULL;
	c->fresh = fresh ? zone_hold(fresh) : NULL;
	list_add_tail(&j->waiting, &c->link);
	waitq_wake_one(&j->wake);
}

/* ---- open, close ---- */

WAITS err journal_open(const struct journal_options *o, struct zones *z, struct journal **out)
{
	struct journal *j = MEM_NEW(struct journal);

	j->o = *o;
	err e = str_to_z(str_z(o->path), j->path, sizeof(j->path));

	if (e != OK) {
		mem_free(j);
		return e;
	}
	(void)pthread_mutex_init(&j->lock, NULL);
	map_init(&j->chains);
	list_init(&j->all);
	list_init(&j->waiting);
	waitq_init(&j->wake);
	e = work(POOL_DISK, load, j);
	if (e != OK)
		j->rewrite = true;
	complain(e);
	metric_set(&metric_octets, (int64_t)j->octets);
	metric_set(&metric_steps, (int64_t)j->steps);
	zones_on_change(z, on_change, j);
	j->fiber = fiber_start("journal", journal_fiber, j);
	*out = j;
	return OK;
}

void journal_configure(struct journal *j, size_t zone_max, size_t max)
{
	j->o.zone_max = zone_max;
	j->o.max = max;
}

WAITS void journal_close(struct journal *j)
{
	void *value;
	str key;

	if (!j)
		return;
	j->closing = true;
	waitq_wake_all(&j->wake);
	(void)!fiber_join(j->fiber);
	while (!list_empty(&j->all))
		unlink_step(j, CONTAINER(j->all.next, struct step, all));
	for (size_t at = 0; map_each(&j->chains, &at, &key, &value);)
		mem_free(value);
	map_free(&j->chains);
	(void)pthread_mutex_destroy(&j->lock);
	mem_free(j);
}

/* ---- reading ---- */

static err collect(const struct chain *c, uint32_t from, uint32_t to, struct journal_steps *out)
{
	size_t n = 0;

	if (!c || last_step(c)->s.to != to)
		return E_NOTFOUND;
	LIST_EACH (l, &c->steps) {
		n += n || CONTAINER(l, struct step, mine)->s.from == from;
	}
	if (!n)
		return E_NOTFOUND;
	out->v = mem_get(n * sizeof(*out->v));
	LIST_EACH (l, &c->steps) {
		struct step *s = CONTAINER(l, struct step, mine);

		if (!out->n && s->s.from != from)
			continue;
		atomic_fetch_add(&s->refs, 1);
		out->v[out->n++] = &s->s;
		out->octets += s->s.deleted.n + s->s.added.n;
	}
	return OK;
}

err journal_find(struct journal *j, str apex, uint32_t from, uint32_t to, struct journal_steps *out)
{
	*out = (struct journal_steps){ 0 };
	(void)pthread_mutex_lock(&j->lock);
	err e = collect(map_get(&j->chains, apex), from, to, out);

	(void)pthread_mutex_unlock(&j->lock);
	return e == OK ? OK : fail(E_NOTFOUND, "no differences since serial %u", from);
}
