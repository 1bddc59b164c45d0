/* Views that rest: most sessions of a store sit in IDLE for hours. After a while a waiting view
 * gives its list of mails up and keeps the UIDs alone, about an octet a mail; when something
 * happens the list is made again from what is stored. */
#include "services/mailbox/box.h"

#include <string.h>
#include <time.h>

#include "run/clock.h"

/* Ascending numbers as their differences. */
static struct buf pack_uids(const struct folder_view *v)
{
	struct buf b;
	uint32_t last = 0;

	buf_init(&b, size_add(size_mul(v->n, 5), 1));
	for (size_t i = 0; i < v->n; i++) {
		buf_varint(&b, v->mails[i].uid - last);
		last = v->mails[i].uid;
	}
	return b;
}

/* ---- going to rest; box's mutex held ---- */
static bool may_rest(const struct view *v, msec since)
{
	if (!v->waiting || v->resting || v->since > since || !v->pub.box->loaded)
		return false;
	/* Only what is stored can be made again: the view must be up to date. */
	const struct folder *f = box_find_id(v->pub.box, v->pub.folder);
	return f && f->snap == v->snap && f->n == v->pub.n && f->rec.modseq == v->pub.modseq;
}

static void go_to_rest(struct view *v)
{
	struct box *b = v->pub.box;

	v->uids = pack_uids(&v->pub);
	if (buf_done(&v->uids) != OK) {
		buf_free(&v->uids);
		return;
	}
	v->resting = true;
	v->rested_n = v->pub.n;
	folder_unview(b, box_find_id(b, v->pub.folder));
	snap_drop(v->snap);
	v->snap = NULL;
	v->pub.mails = NULL;
	v->pub.n = 0;
}

static void rest_box(struct box *b, msec since)
{
	(void)pthread_mutex_lock(&b->mu);
	LIST_EACH (l, &b->views) {
		struct view *v = CONTAINER(l, struct view, link);

		if (may_rest(v, since))
			go_to_rest(v);
	}
	(void)pthread_mutex_unlock(&b->mu);
}

static void rest_boxes(struct mailstore *m, msec since)
{
	struct box **v;
	size_t n = 0;
	void *value;
	str key;

	(void)pthread_mutex_lock(&m->mu);
	v = mem_get(size_mul(m->boxes.n + 1, sizeof(struct box *)));
	for (size_t at = 0; map_each(&m->boxes, &at, &key, &value);) {
		v[n] = value;
		v[n++]->refs++;
	}
	(void)pthread_mutex_unlock(&m->mu);
	for (size_t i = 0; i < n; i++) {
		rest_box(v[i], since);
		box_drop(v[i]);
	}
	mem_free(v);
}

void *rest_thread(void *arg)
{
	struct mailstore *m = arg;
	msec period = m->o.rest_after / 4 < 1 ? 1 : m->o.rest_after / 4;

	(void)pthread_mutex_lock(&m->mu);
	while (!m->stop) {
		struct timespec t;

		(void)clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec += period / 1000 + (t.tv_nsec / 1000000 + period % 1000) / 1000;
		t.tv_nsec = (t.tv_nsec + period % 1000 * 1000000) % 1000000000;
		(void)pthread_cond_timedwait(&m->rest, &m->mu, &t);
		(void)pthread_mutex_unlock(&m->mu);
		rest_boxes(m, clock_now() - m->o.rest_after);
		(void)pthread_mutex_lock(&m->mu);
	}
	(void)pthread_mutex_unlock(&m->mu);
	return NULL;
}

/* ---- waking up ---- */
struct op_rouse {
	struct op op;
	struct view *view;
};

static err run_rouse(struct txn *t, struct op *op)
{
	struct folder *f = box_find_id(t->b, CONTAINER(op, struct op_rouse, op)->view->pub.folder);

	return f ? folder_load(t->b, f) : OK;
}

/* What has not changed since is as it was. What has, or is gone, gets a number that was never
 * given: folder_sync will tell. */
static struct snap *unpack_mails(const struct view *v, const struct folder *f)
{
	struct snap *s = snap_new(v->rested_n + 1);
	struct cur c = { .rest = buf_str(&v->uids) };
	size_t at = 0;
	uint32_t uid = 0;

	for (size_t i = 0; i < v->rested_n; i++) {
		uid += (uint32_t)cur_varint(&c);
		const struct mail *m = f ? folder_mail(f, uid, &at) : NULL;

		s->v[i] = m ? *m : (struct mail){ .uid = uid };
		if (m && m->modseq > v->pub.modseq)
			s->v[i].modseq = 0;
	}
	return s;
}

static void done_rouse(struct txn *t, struct op *op)
{
	struct view *v = CONTAINER(op, struct op_rouse, op)->view;
	struct folder *f = box_find_id(t->b, v->pub.folder);

	if (f && f->rec.modseq == v->pub.modseq && f->n == v->rested_n) {
		v->snap = snap_hold(f->snap);
	} else {
		v->snap = unpack_mails(v, f);
	}
	v->pub.mails = v->snap->v;
	v->pub.n = v->rested_n;
	if (f)
		f->views++;
	v->resting = false;
	buf_free(&v->uids);
}

WAITS err view_rouse(struct view *v)
{
	struct op_rouse o = { .op = { .run = run_rouse, .done = done_rouse }, .view = v };
	struct box *b = v->pub.box;

	(void)pthread_mutex_lock(&b->mu);
	v->waiting = false; /* from here on it is not put to rest */
	bool resting = v->resting;
	(void)pthread_mutex_unlock(&b->mu);
	return resting ? op_run(b, &o.op) : OK;
}
