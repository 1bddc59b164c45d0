/* Transactions: staged folders, their rows, and their publication to memory. */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/clock.h"

enum { TXN_ARENA = 64 << 20 };

void txn_begin(struct txn *t, struct box *b)
{
	*t = (struct txn){ .b = b, .batch = kv_batch_new(), .rec = b->rec };
	arena_init(&t->a, TXN_ARENA);
}

void txn_end(struct txn *t)
{
	kv_batch_free(t->batch);
	arena_free(&t->a);
}

uint64_t txn_modseq(struct txn *t)
{
	t->dirty = true;
	return ++t->rec.modseq;
}

/* ---- folders ---- */
struct staged *txn_stage(struct txn *t, struct folder *f)
{
	for (struct staged *s = t->staged; s; s = s->next) {
		if (s->was == f)
			return s;
	}
	struct staged *s = NEW(&t->a, struct staged);

	s->was = f;
	(void)pthread_mutex_lock(&t->b->mu); /* sessions move f->rec.recent */
	s->rec = f->rec;
	(void)pthread_mutex_unlock(&t->b->mu);
	s->rec.keywords = arena_get(&t->a, LIM_KEYWORDS * sizeof(str), _Alignof(str));
	if (f->rec.nkeywords)
		memcpy(s->rec.keywords, f->rec.keywords, f->rec.nkeywords * sizeof(str));
	s->next = t->staged;
	t->staged = s;
	return s;
}

struct staged *txn_folder(struct txn *t, str name)
{
	bool gone = false;

	for (struct staged *s = t->staged; s; s = s->next) {
		if (!s->gone && str_eq(s->rec.name, name))
			return s;
	}
	struct folder *f = box_find(t->b, name);
	for (struct staged *s = t->staged; s && f; s = s->next)
		gone = gone || s->was == f; /* deleted or renamed in this transaction */
	return f && !gone ? txn_stage(t, f) : NULL;
}

struct staged *txn_folder_for(struct txn *t, enum folder_use use)
{
	for (struct staged *s = t->staged; s; s = s->next)
		if (!s->gone && s->rec.use == use)
			return s;
	for (size_t i = 0; i < t->b->nfolders; i++) {
		struct folder *f = t->b->folders[i];
		struct staged *s = f->rec.use == use ? txn_stage(t, f) : NULL;

		if (s && !s->gone && s->rec.use == use)
			return s;
	}
	return NULL;
}

struct staged *txn_folder_by_id(struct txn *t, uint64_t id)
{
	for (struct staged *s = t->staged; s; s = s->next) {
		if (s->rec.id == id)
			return s->gone ? NULL : s;
	}
	struct folder *f = box_find_id(t->b, id);

	return f ? txn_stage(t, f) : NULL;
}

static uint32_t next_uidvalidity(struct txn *t)
{
	int64_t now = clock_unix();

	t->rec.uidvalidity = now > t->rec.uidvalidity ? (uint32_t)now : t->rec.uidvalidity + 1;
	return t->rec.uidvalidity;
}

struct staged *txn_new_folder(struct txn *t, str name, enum folder_use use)
{
	struct staged *s = NEW(&t->a, struct staged);

	s->rec = (struct folder_rec){
		.id = t->rec.next_folder++,
		.name = name,
		.use = use,
		.uidvalidity = next_uidvalidity(t),
		.uidnext = 1,
		.recent = 1,
		.modseq = txn_modseq(t),
		.keywords = arena_get(&t->a, LIM_KEYWORDS * sizeof(str), _Alignof(str)),
	};
	s->next = t->staged;
	t->staged = s;
	return s;
}

int txn_keyword(struct txn *t, struct staged *s, str name)
{
	for (size_t i = 0; i < s->rec.nkeywords; i++) {
		if (str_eqi(s->rec.keywords[i], name))
			return (int)i;
	}
	if (s->rec.nkeywords == LIM_KEYWORDS || name.n > LIM_KEYWORD)
		return -1;
	s->rec.keywords[s->rec.nkeywords] = arena_dup(&t->a, name);
	return (int)s->rec.nkeywords++;
}

/* ---- mails ---- */
void folder_count(struct folder_rec *r, const struct mail *m, int by)
{
	r->mails += (uint32_t)by;
	r->unseen += m->flags & FLAG_SEEN ? 0 : (uint32_t)by;
	r->deleted += m->flags & FLAG_DELETED ? (uint32_t)by : 0;
	r->octets += by > 0 ? m->size : -m->size;
}

void txn_add_mail(struct txn *t, struct staged *s, struct mail *m)
{
	m->uid = s->rec.uidnext++;
	folder_count(&s->rec, m, 1);
	s->rec.modseq = m->modseq;
	if (s->nadded == s->cap_added) {
		size_t cap = s->cap_added ? s->cap_added * 2 : 4;
		struct mail *v = arena_get(&t->a, size_mul(cap, sizeof(*v)), _Alignof(struct mail));

		if (s->nadded)
			memcpy(v, s->added, s->nadded * sizeof(*v));
		s->added = v;
		s->cap_added = cap;
	}
	s->added[s->nadded++] = *m;
}

/* ---- rows ---- */
static void put_folder(struct txn *t, const struct staged *s, struct buf *row)
{
	struct key key = key_num(KEY_FOLDER, s->rec.id);

	buf_reset(row);
	folder_rec_add(row, &s->rec);
	if (s->gone)
		kv_del(t->batch, key_str(&key));
	else
		kv_put(t->batch, key_str(&key), buf_str(row));
}

static void put_mails(struct txn *t, const struct staged *s, struct buf *row)
{
	struct key key;

	for (size_t i = 0; i < s->nadded + s->nchanged; i++) {
		const struct mail *m = i < s->nadded ? &s->added[i] : &s->changed[i - s->nadded];

		key = key_num2(KEY_MAIL, s->rec.id, m->uid);
		buf_reset(row);
		mail_rec_add(row, m);
		kv_put(t->batch, key_str(&key), buf_str(row));
	}
	for (size_t i = 0; i < s->nremoved; i++) {
		key = key_num2(KEY_MAIL, s->rec.id, s->removed[i]);
		kv_del(t->batch, key_str(&key));
	}
}

err txn_commit(struct txn *t)
{
	struct kv_part p = box_part(t->b);
	struct key key = key_plain(KEY_BOX);
	struct buf row;

	if (!t->dirty)
		return OK;
	buf_init(&row, KIB(64));
	for (struct staged *s = t->staged; s; s = s->next) {
		put_mails(t, s, &row);
		put_folder(t, s, &row);
	}
	buf_reset(&row);
	box_rec_add(&row, &t->rec);
	kv_put(t->batch, key_str(&key), buf_str(&row));
	buf_free(&row);
	body_counts_put(t);
	op_fault(t->b->store, "commit");
	TRY(kv_commit(t->b->store->kv, &p, t->batch, t->kv_flags));
	op_fault(t->b->store, "committed");
	return OK;
}

/* ---- publishing ---- */
static bool has_uid(const uint32_t *v, size_t n, size_t *at, uint32_t uid)
{
	while (*at < n && v[*at] < uid)
		++*at;
	return *at < n && v[*at] == uid;
}

/* The folder's mails without the removed, with the changed, the added behind. */
static void merge(struct folder *f, const struct staged *s)
{
	struct snap *new = snap_new(f->n + s->nadded + (f->n + s->nadded) / 8 + 8);
	size_t r = 0, c = 0, n = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct mail *m = &f->snap->v[i];

		if (has_uid(s->removed, s->nremoved, &r, m->uid))
			continue;
		while (c < s->nchanged && s->changed[c].uid < m->uid)
			c++;
		new->v[n++] = c < s->nchanged && s->changed[c].uid == m->uid ? s->changed[c] : *m;
	}
	snap_drop(f->snap);
	f->snap = new;
	f->n = n;
}

static void publish_mails(struct folder *f, const struct staged *s)
{
	if (!f->snap)
		return;
	if (s->nremoved || s->nchanged || f->n + s->nadded > f->snap->cap)
		merge(f, s);
	if (s->nadded)
		memcpy(f->snap->v + f->n, s->added, s->nadded * sizeof(*s->added));
	f->n += s->nadded;
}

static void publish_folder(struct txn *t, struct staged *s)
{
	struct box *b = t->b;
	struct folder *f = s->was;

	if (s->gone) {
		if (f) {
			box_remove_folder(b, f);
			folder_free(f);
		}
		views_wake(b, s->rec.id);
		return;
	}
	if (!f)
		f = MEM_NEW(struct folder);
	else
		box_remove_folder(b, f);
	s->old_snap = f->snap;
	s->old_n = f->n;
	publish_mails(f, s);
	if (f->rec.recent > s->rec.recent)
		s->rec.recent = f->rec.recent;
	folder_own(f, &s->rec);
	box_add_folder(b, f);
	views_wake(b, s->rec.id);
}

void txn_publish(struct txn *t)
{
	if (!t->dirty)
		return;
	t->b->rec = t->rec;
	t->b->fresh = false;
	for (struct staged *s = t->staged; s; s = s->next)
		publish_folder(t, s);
	if (t->subs_changed)
		box_set_subs(t->b, t->subs, t->nsubs);
}
