/* A folder as a session sees it: a shared list of mails that changes only when the session says so.
 */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/clock.h"

enum { LOAD_PAGE = 2000, VIEW_ARENA = 64 << 10 };

/* ---- lists of mails ---- */
struct snap *snap_new(size_t cap)
{
	struct snap *s = mem_get(size_add(sizeof(*s), size_mul(cap, sizeof(struct mail))));

	s->refs = 1;
	s->cap = cap;
	return s;
}

struct snap *snap_hold(struct snap *s)
{
	(void)atomic_fetch_add(&s->refs, 1);
	return s;
}

void snap_drop(struct snap *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1)
		mem_free(s);
}

static err load_page(struct box *b, const struct folder *f, uint32_t from, struct arena *a,
		     struct kv_row **rows, size_t *n, bool *more)
{
	struct key lo = key_num2(KEY_MAIL, f->rec.id, from), hi = key_num(KEY_MAIL, f->rec.id + 1);

	return kv_range(b->store->kv, str_z(b->part), key_str(&lo), key_str(&hi), false, LOAD_PAGE,
			a, rows, n, more);
}

static err load_mails(struct box *b, const struct folder *f, struct snap **snap, size_t *count)
{
	struct arena a;
	bool more = true;
	err e = OK;

	*snap = snap_new(f->rec.mails + f->rec.mails / 8 + 8);
	*count = 0;
	arena_init(&a, MIB(16));
	for (uint32_t from = 0; more && e == OK;) {
		struct kv_row *rows;
		size_t n;

		arena_reset(&a);
		e = load_page(b, f, from, &a, &rows, &n, &more);
		for (size_t i = 0; i < n && e == OK; i++) {
			struct cur uid = { .rest = str_skip(rows[i].key, 9) };

			from = cur_u32(&uid);
			if (*count == (*snap)->cap)
				e = fail(E_CORRUPT, "a folder of %s has more mails than it counts",
					 b->part);
			else
				e = mail_rec_read(from, rows[i].value, &(*snap)->v[(*count)++]);
		}
		from++;
	}
	arena_free(&a);
	if (e != OK)
		snap_drop(*snap);
	return e;
}

err folder_load(struct box *b, struct folder *f)
{
	struct snap *snap;
	size_t n;

	if (f->snap)
		return OK;
	TRY(load_mails(b, f, &snap, &n));
	(void)pthread_mutex_lock(&b->mu);
	f->snap = snap;
	f->n = n;
	(void)pthread_mutex_unlock(&b->mu);
	return OK;
}

err view_stage(struct txn *t, struct view *v, struct staged **s)
{
	*s = txn_folder_by_id(t, v->pub.folder);
	if (!*s || (*s)->rec.noselect)
		return fail(E_NOTFOUND, "the folder is gone");
	return folder_load(t->b, (*s)->was);
}

const struct mail *folder_mail(const struct folder *f, uint32_t uid, size_t *from)
{
	size_t lo = *from, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->snap->v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	*from = lo;
	return lo < f->n && f->snap->v[lo].uid == uid ? &f->snap->v[lo] : NULL;
}

/* ---- opening ---- */
struct view *view_of(struct folder_view *v)
{
	return CONTAINER(v, struct view, pub);
}

/* Keywords are only ever added to a folder. */
static bool view_keywords(struct view *v, const struct folder_rec *rec)
{
	bool new = rec->nkeywords > v->pub.nkeywords;

	while (v->pub.nkeywords < rec->nkeywords) {
		v->pub.keywords[v->pub.nkeywords] =
			arena_dup(&v->pub.arena, rec->keywords[v->pub.nkeywords]);
		v->pub.nkeywords++;
	}
	return new;
}

static void view_show(struct view *v, struct snap *snap, size_t n)
{
	struct snap *old = v->snap;

	v->snap = snap_hold(snap);
	v->pub.mails = snap->v;
	v->pub.n = n;
	snap_drop(old);
}

struct op_view {
	struct op op;
	str name;
	bool hidden; /* the name is our own word for a folder that no client can name */
	struct view *view;
};

static err run_folder_open(struct txn *t, struct op *op)
{
	struct op_view *o = CONTAINER(op, struct op_view, op);
	str name = o->name;

	if (!o->hidden)
		TRY(folder_name(o->name, &t->a, &name));
	struct folder *f = box_find(t->b, name);
	if (!f || f->rec.noselect)
		return fail(E_NOTFOUND, "no folder %.*s", STRF(name));
	return folder_load(t->b, f);
}

static void done_folder_open(struct txn *t, struct op *op)
{
	struct op_view *o = CONTAINER(op, struct op_view, op);
	struct view *v = o->view;
	str name = o->name;

	if (!o->hidden && folder_name(o->name, &t->a, &name) != OK)
		return;
	struct folder *f = box_find(t->b, name);
	v->pub.folder = f->rec.id;
	v->pub.uidvalidity = f->rec.uidvalidity;
	v->pub.uidnext = f->rec.uidnext;
	v->pub.modseq = f->rec.modseq;
	v->pub.first_recent_uid = f->rec.recent;
	/* Written with the next commit: after a crash they are recent once more (RFC 3501 2.3.2
	 * allows it). */
	if (!v->pub.readonly)
		f->rec.recent = f->rec.uidnext;
	(void)view_keywords(v, &f->rec);
	view_show(v, f->snap, f->n);
	f->views++;
	list_add_tail(&t->b->views, &v->link);
}

WAITS static err open_view(struct box *b, str name, bool examine, bool hidden,
			   struct folder_view **out)
{
	struct view *v = MEM_NEW(struct view);
	struct op_view o = { .op = { .run = run_folder_open, .done = done_folder_open },
			     .name = name,
			     .hidden = hidden,
			     .view = v };

	v->pub.box = box_hold(b);
	v->pub.readonly = examine;
	arena_init(&v->pub.arena, VIEW_ARENA);
	list_init(&v->link);
	err e = op_run(b, &o.op);
	if (e != OK) {
		folder_close(&v->pub);
		return e;
	}
	*out = &v->pub;
	return OK;
}

WAITS err folder_open(struct box *b, str name, bool examine, struct folder_view **out)
{
	return open_view(b, name, examine, false, out);
}

WAITS err quarantine_open(struct box *b, struct folder_view **out)
{
	return open_view(b, STR(QUARANTINE), false, true, out);
}

enum folder_use folder_use_of(const struct folder_view *v)
{
	(void)pthread_mutex_lock(&v->box->mu);
	const struct folder *f = box_find_id(v->box, v->folder);
	enum folder_use use = f ? f->rec.use : USE_NONE;

	(void)pthread_mutex_unlock(&v->box->mu);
	return use;
}

void folder_unview(struct box *b, struct folder *f)
{
	if (!f || !f->views || --f->views || b->scheduled)
		return;
	snap_drop(f->snap); /* nobody looks at it: it is read again when somebody does */
	f->snap = NULL;
	f->n = 0;
}

void folder_close(struct folder_view *pub)
{
	if (!pub)
		return;
	struct view *v = view_of(pub);
	struct box *b = pub->box;

	(void)pthread_mutex_lock(&b->mu);
	struct folder *f = list_empty(&v->link) ? NULL : box_find_id(b, pub->folder);
	list_remove(&v->link);
	if (!v->resting)
		folder_unview(b, f);
	(void)pthread_mutex_unlock(&b->mu);
	snap_drop(v->snap);
	buf_free(&v->uids);
	waker_drop(v->w);
	arena_free(&pub->arena);
	mem_free(v);
	box_drop(b);
}

size_t folder_at_uid(const struct folder_view *v, uint32_t uid)
{
	size_t lo = 0, hi = v->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v->mails[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- own changes ---- */
static void apply_changed(struct view *v, const struct mail *changed, size_t n)
{
	struct snap *own = snap_new(v->pub.n + 1);

	if (v->pub.n)
		memcpy(own->v, v->pub.mails, v->pub.n * sizeof(struct mail));
	for (size_t i = 0; i < n; i++) {
		size_t at = folder_at_uid(&v->pub, changed[i].uid);

		if (at < v->pub.n && own->v[at].uid == changed[i].uid)
			own->v[at] = changed[i];
	}
	view_show(v, own, v->pub.n);
	snap_drop(own);
}

void view_apply(struct txn *t, struct view *v, const struct staged *s)
{
	struct folder *f = box_find_id(t->b, v->pub.folder);

	if (!f)
		return;
	(void)view_keywords(v, &f->rec);
	/* Up to date before: the view goes on with the folder. Else others' changes must stay
	 * unseen. */
	if (f->snap && v->snap == s->old_snap && v->pub.n == s->old_n)
		view_show(v, f->snap, f->n);
	else if (s->nchanged)
		apply_changed(v, s->changed, s->nchanged);
}

/* ---- learning of others' changes ---- */
struct op_load {
	struct op op;
	uint64_t folder;
};

static err run_load(struct txn *t, struct op *op)
{
	struct folder *f = box_find_id(t->b, CONTAINER(op, struct op_load, op)->folder);

	return f ? folder_load(t->b, f) : OK;
}

/* The folder as it is now, held; snap NULL: it is gone. */
struct now {
	struct snap *snap;
	size_t n;
	uint64_t modseq;
	uint32_t uidnext;
	bool keywords;
};

/* False: it is not in memory. */
static bool look(struct view *v, struct now *now)
{
	struct box *b = v->pub.box;
	bool known = false;

	(void)pthread_mutex_lock(&b->mu);
	struct folder *f = b->loaded ? box_find_id(b, v->pub.folder) : NULL;
	if (b->loaded && (!f || f->rec.noselect)) {
		v->pub.gone = true;
		known = true;
	} else if (f && f->snap) {
		*now = (struct now){ snap_hold(f->snap), f->n, f->rec.modseq, f->rec.uidnext,
				     view_keywords(v, &f->rec) };
		if (!v->pub.readonly)
			f->rec.recent = f->rec.uidnext;
		known = true;
	}
	(void)pthread_mutex_unlock(&b->mu);
	return known;
}

/* Walks old and new list together: both are ordered by UID, and new UIDs are higher than all old
 * ones. */
static void compare(const struct folder_view *v, const struct now *now, bool may_expunge,
		    struct folder_changes *out)
{
	size_t j = 0, seq = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct mail *old = &v->mails[i];
		bool there = j < now->n && now->snap->v[j].uid == old->uid;

		if (!there && may_expunge) {
			out->expunged_uid[out->nexpunged] = old->uid;
			out->expunged_seq[out->nexpunged++] = (uint32_t)seq + 1;
			continue;
		}
		seq++;
		if (there && now->snap->v[j].modseq != old->modseq)
			out->changed_seq[out->nchanged++] = (uint32_t)seq;
		j += there;
	}
	out->exists = j < now->n;
}

/* The new list with the expunged mails still in it. */
static struct snap *with_expunged(const struct folder_view *v, const struct now *now, size_t *n)
{
	struct snap *s = snap_new(v->n + now->n + 1);
	size_t j = 0;

	*n = 0;
	for (size_t i = 0; i < v->n; i++) {
		bool there = j < now->n && now->snap->v[j].uid == v->mails[i].uid;

		s->v[(*n)++] = there ? now->snap->v[j++] : v->mails[i];
	}
	for (; j < now->n; j++)
		s->v[(*n)++] = now->snap->v[j];
	return s;
}

static err changes_room(const struct folder_view *v, struct arena *a, struct folder_changes *out)
{
	out->expunged_uid = NEW_TRY(a, uint32_t, v->n + 1);
	out->expunged_seq = NEW_TRY(a, uint32_t, v->n + 1);
	out->changed_seq = NEW_TRY(a, uint32_t, v->n + 1);
	if (!out->expunged_uid || !out->expunged_seq || !out->changed_seq)
		return fail(E_LIMIT, "changes of a folder do not fit");
	return OK;
}

static err see(struct view *v, const struct now *now, bool may_expunge, struct arena *a,
	       struct folder_changes *out)
{
	struct folder_view *p = &v->pub;

	out->keywords = now->keywords;
	if (v->snap == now->snap && p->n == now->n) {
		p->modseq = now->modseq;
		return OK;
	}
	TRY(changes_room(p, a, out));
	compare(p, now, may_expunge, out);
	p->uidnext = now->uidnext;
	p->modseq = now->modseq;
	if (may_expunge) {
		view_show(v, now->snap, now->n);
	} else {
		size_t n;
		struct snap *s = with_expunged(p, now, &n);

		/* Nothing was expunged: share the folder's list rather than keep a copy. */
		view_show(v, n == now->n ? now->snap : s, n);
		snap_drop(s);
	}
	return OK;
}

WAITS err folder_sync(struct folder_view *pub, bool may_expunge, struct arena *a,
		      struct folder_changes *out)
{
	struct view *v = view_of(pub);
	struct now now = { 0 };

	*out = (struct folder_changes){ 0 };
	TRY(view_rouse(v));
	while (!look(v, &now)) {
		struct op_load o = { .op = { .run = run_load }, .folder = pub->folder };

		TRY(op_run(pub->box, &o.op));
	}
	if (pub->gone)
		return OK;
	err e = see(v, &now, may_expunge, a, out);
	snap_drop(now.snap);
	return e;
}

/* ---- IDLE ---- */
void views_wake(struct box *b, uint64_t folder)
{
	LIST_EACH (l, &b->views) {
		struct view *v = CONTAINER(l, struct view, link);

		if (v->pub.folder == folder && v->waiting) {
			v->waiting = false;
			waker_wake(v->w);
		}
	}
}

/* Box's mutex held. */
static bool has_news(struct view *v)
{
	struct box *b = v->pub.box;

	if (!b->loaded)
		return true;
	struct folder *f = box_find_id(b, v->pub.folder);

	if (!f || f->rec.modseq != v->pub.modseq)
		return true;
	return !v->resting && (f->snap != v->snap || f->n != v->pub.n);
}

/* True when there is news; else, with waiting, the next news will wake the view's waker. */
static bool watch(struct view *v, bool waiting)
{
	struct box *b = v->pub.box;

	if (!v->w)
		v->w = waker_new();
	(void)pthread_mutex_lock(&b->mu);
	bool news = has_news(v);
	v->waiting = !news && waiting;
	v->since = clock_now();
	(void)pthread_mutex_unlock(&b->mu);
	return news;
}

WAITS static err wait_for_news(struct view *v, msec deadline)
{
	err e = OK;

	for (;;) {
		bool news = watch(v, e == OK);

		if (news || e != OK)
			return news ? OK : e;
		e = waker_wait(v->w, deadline);
	}
}

WAITS static err wait_for_input(struct view *v, struct stream *io, bool *input)
{
	while (!watch(v, true)) {
		err e = waker_wait_input(v->w, io);

		if (e == E_AGAIN)
			continue;
		*input = e == OK;
		return e;
	}
	return OK;
}

WAITS err folder_wait(struct folder_view *pub, msec deadline)
{
	struct view *v = view_of(pub);
	err e = wait_for_news(v, deadline), awake = view_rouse(v);

	return e != OK ? e : awake;
}

WAITS err folder_wait_or_input(struct folder_view *pub, struct stream *io, bool *input)
{
	struct view *v = view_of(pub);

	*input = false;
	err e = wait_for_input(v, io, input), awake = view_rouse(v);

	return e != OK ? e : awake;
}
