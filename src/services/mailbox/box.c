/* A user's box: opened, read, counted, closed. */
#include "services/mailbox/box.h"

#include <string.h>

/* ---- memory of folders ---- */
static int folder_at(const struct box *b, str name, bool *found)
{
	size_t lo = 0, hi = b->nfolders;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = str_cmp(b->folders[mid]->rec.name, name);

		*found = *found || !order;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (int)lo;
}

struct folder *box_find(const struct box *b, str name)
{
	bool found;
	int at = folder_at(b, name, &found);

	return found ? b->folders[at] : NULL;
}

struct folder *box_find_id(const struct box *b, uint64_t id)
{
	for (size_t i = 0; i < b->nfolders; i++) {
		if (b->folders[i]->rec.id == id)
			return b->folders[i];
	}
	return NULL;
}

void box_add_folder(struct box *b, struct folder *f)
{
	bool found;
	size_t at = (size_t)folder_at(b, f->rec.name, &found);

	b->folders = mem_resize(b->folders, size_mul(b->nfolders + 1, sizeof(struct folder *)));
	memmove(b->folders + at + 1, b->folders + at, (b->nfolders - at) * sizeof(struct folder *));
	b->folders[at] = f;
	b->nfolders++;
}

void box_remove_folder(struct box *b, struct folder *f)
{
	for (size_t i = 0; i < b->nfolders; i++) {
		if (b->folders[i] != f)
			continue;
		memmove(b->folders + i, b->folders + i + 1,
			(b->nfolders - i - 1) * sizeof(struct folder *));
		b->nfolders--;
		return;
	}
}

static str packed(char **at, str s)
{
	str copy = { *at, s.n };

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

/* One allocation: the keywords' array, then all bytes. */
void folder_own(struct folder *f, const struct folder_rec *r)
{
	size_t n = size_mul(r->nkeywords, sizeof(str)) + r->name.n + 1;

	for (size_t i = 0; i < r->nkeywords; i++)
		n = size_add(n, r->keywords[i].n);
	char *own = mem_get(n);
	str *keywords = (str *)(void *)own;
	char *at = own + r->nkeywords * sizeof(str);
	struct folder_rec copy = *r;

	copy.name = packed(&at, r->name);
	for (size_t i = 0; i < r->nkeywords; i++)
		keywords[i] = packed(&at, r->keywords[i]);
	copy.keywords = keywords;
	mem_free(f->own);
	f->own = own;
	f->rec = copy;
}

void folder_free(struct folder *f)
{
	snap_drop(f->snap);
	mem_free(f->own);
	mem_free(f);
}

static void subs_free(str *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mem_free((char *)(uintptr_t)v[i].p);
	mem_free(v);
}

void box_set_subs(struct box *b, const str *v, size_t n)
{
	str *new = mem_get(size_mul(n + 1, sizeof(str)));

	for (size_t i = 0; i < n; i++) {
		char *at = mem_get(v[i].n + 1);

		new[i] = packed(&at, v[i]);
	}
	subs_free(b->subs, b->nsubs);
	b->subs = new;
	b->nsubs = n;
}

static void forget(struct box *b)
{
	for (size_t i = 0; i < b->nfolders; i++)
		folder_free(b->folders[i]);
	mem_free(b->folders);
	b->folders = NULL;
	b->nfolders = 0;
}

/* ---- reading ---- */
struct kv_part box_part(const struct box *b)
{
	return (struct kv_part){ str_z(b->part), b->epoch };
}

static err load_folders(struct box *b, struct arena *a)
{
	struct key from = key_num(KEY_FOLDER, 0), to = key_plain(KEY_FOLDER + 1);
	struct kv_row *rows;
	size_t n;
	bool more;

	TRY(kv_range(b->store->kv, str_z(b->part), key_str(&from), key_str(&to), false,
		     LIM_FOLDERS + 100, a, &rows, &n, &more));
	for (size_t i = 0; i < n; i++) {
		struct folder_rec rec;
		struct cur id = { .rest = str_skip(rows[i].key, 1) };

		TRY(folder_rec_read(cur_u64(&id), rows[i].value, a, &rec));
		struct folder *f = MEM_NEW(struct folder);
		folder_own(f, &rec);
		box_add_folder(b, f);
	}
	return OK;
}

static err load_subs(struct box *b, struct arena *a)
{
	struct key from = key_plain(KEY_SUB), to = key_plain(KEY_SUB + 1);
	struct kv_row *rows;
	size_t n;
	bool more;

	TRY(kv_range(b->store->kv, str_z(b->part), key_str(&from), key_str(&to), false, LIM_FOLDERS,
		     a, &rows, &n, &more));
	str *names = arena_get(a, size_mul(n + 1, sizeof(str)), _Alignof(str));
	for (size_t i = 0; i < n; i++)
		names[i] = str_skip(rows[i].key, 1);
	box_set_subs(b, names, n);
	return OK;
}

static err load_rows(struct box *b, struct arena *a)
{
	struct key key = key_plain(KEY_BOX);
	str row;

	err e = kv_get(b->store->kv, str_z(b->part), key_str(&key), a, &row);
	b->fresh = e == E_NOTFOUND;
	b->rec = (struct box_rec){ .next_folder = 1 };
	if (b->fresh)
		return OK;
	TRY(e);
	TRY(box_rec_read(row, &b->rec));
	TRY(load_folders(b, a));
	return load_subs(b, a);
}

err box_load(struct box *b)
{
	struct arena a;

	arena_init(&a, MIB(64));
	(void)pthread_mutex_lock(&b->mu);
	forget(b);
	(void)pthread_mutex_unlock(&b->mu);
	/* Nobody looks at folders while the box is not loaded: see box_fresh's callers. */
	struct box tmp = { .store = b->store, .user = b->user };
	memcpy(tmp.part, b->part, sizeof(tmp.part));
	err e = load_rows(&tmp, &a);
	arena_free(&a);
	(void)pthread_mutex_lock(&b->mu);
	subs_free(b->subs, b->nsubs);
	b->rec = tmp.rec;
	b->fresh = tmp.fresh;
	b->folders = tmp.folders;
	b->nfolders = tmp.nfolders;
	b->subs = tmp.subs;
	b->nsubs = tmp.nsubs;
	b->loaded = e == OK;
	LIST_EACH (l, &b->views) {
		const struct view *v = CONTAINER(l, struct view, link);
		struct folder *f = v->resting ? NULL : box_find_id(b, v->pub.folder);

		if (f)
			f->views++;
	}
	(void)pthread_mutex_unlock(&b->mu);
	return e;
}

/* ---- opening ---- */
static struct box *box_new(struct mailstore *m, uint64_t user)
{
	struct box *b = MEM_NEW(struct box);

	b->store = m;
	b->user = user;
	(void)part_name(user, b->part);
	(void)pthread_mutex_init(&b->mu, NULL);
	list_init(&b->ops);
	list_init(&b->ready);
	list_init(&b->views);
	return b;
}

static struct box *box_take(struct mailstore *m, uint64_t user)
{
	str key = str_of(&user, sizeof(user));

	(void)pthread_mutex_lock(&m->mu);
	struct box *b = map_get(&m->boxes, key);
	if (!b) {
		b = box_new(m, user);
		(void)map_put(&m->boxes, key, b);
	}
	b->refs++;
	(void)pthread_mutex_unlock(&m->mu);
	return b;
}

struct box *box_hold(struct box *b)
{
	(void)pthread_mutex_lock(&b->store->mu);
	b->refs++;
	(void)pthread_mutex_unlock(&b->store->mu);
	return b;
}

void box_drop(struct box *b)
{
	if (!b)
		return;
	struct mailstore *m = b->store;

	(void)pthread_mutex_lock(&m->mu);
	bool last = !--b->refs;
	if (last)
		(void)map_remove(&m->boxes, str_of(&b->user, sizeof(b->user)));
	(void)pthread_mutex_unlock(&m->mu);
	if (!last)
		return;
	forget(b);
	subs_free(b->subs, b->nsubs);
	(void)pthread_mutex_destroy(&b->mu);
	mem_free(b);
}

struct op_open {
	struct op op;
	struct box *b;
	uint64_t epoch, quota;
	bool stored; /* take the epoch and quota that are stored */
};

static err take_epoch(struct op_open *o)
{
	struct box *b = o->b;
	uint64_t now;

	TRY(kv_epoch(b->store->kv, str_z(b->part), &now));
	if (o->stored)
		o->epoch = now;
	if (o->epoch < now)
		return fail(E_DENIED, "%s was taken with epoch %llu", b->part,
			    (unsigned long long)now);
	if (o->epoch > now)
		TRY(kv_take(b->store->kv, str_z(b->part), o->epoch));
	(void)pthread_mutex_lock(&b->mu);
	b->epoch = o->epoch;
	(void)pthread_mutex_unlock(&b->mu);
	return b->loaded ? OK : box_load(b);
}

static void first_folders(struct txn *t)
{
	static const struct {
		str name;
		enum folder_use use;
	} folders[] = {
		{ S("INBOX"), USE_INBOX }, { S("Drafts"), USE_DRAFTS },
		{ S("Sent"), USE_SENT },   { S("Spam"), USE_JUNK },
		{ S("Trash"), USE_TRASH }, { S("Archive"), USE_ARCHIVE },
	};

	for (size_t i = 0; i < COUNT(folders); i++)
		txn_new_folder(t, folders[i].name, folders[i].use)->rec.subscribed = true;
	t->kv_flags |= KV_GROWS;
}

static err run_open(struct txn *t, struct op *op)
{
	struct op_open *o = CONTAINER(op, struct op_open, op);

	if (!t)
		return take_epoch(o);
	if (t->b->fresh && !o->stored)
		first_folders(t);
	if (!o->stored && t->rec.quota != o->quota) {
		t->rec.quota = o->quota;
		t->dirty = true;
	}
	return OK;
}

WAITS static err open_with(struct mailstore *m, uint64_t user, struct op_open *o, struct box **out)
{
	struct box *b = box_take(m, user);

	o->b = b;
	o->op.run = run_open;
	o->op.opening = true;
	(void)pthread_mutex_lock(&b->mu);
	bool ready = b->loaded && !b->fresh &&
		     (o->stored || (b->epoch == o->epoch && b->rec.quota == o->quota));
	(void)pthread_mutex_unlock(&b->mu);
	err e = ready ? OK : op_run(b, &o->op);
	if (e != OK) {
		box_drop(b);
		return e;
	}
	*out = b;
	return OK;
}

WAITS err box_open(struct mailstore *m, uint64_t user, uint64_t epoch, uint64_t quota,
		   struct box **out)
{
	struct op_open o = { .epoch = epoch, .quota = quota };

	return open_with(m, user, &o, out);
}

WAITS err box_open_stored(struct mailstore *m, uint64_t user, struct box **out)
{
	struct op_open o = { .stored = true };

	return open_with(m, user, &o, out);
}

/* ---- what it is ---- */
uint64_t box_user(const struct box *b)
{
	return b->user;
}

uint64_t box_modseq(struct box *b)
{
	(void)pthread_mutex_lock(&b->mu);
	uint64_t modseq = b->rec.modseq;
	(void)pthread_mutex_unlock(&b->mu);
	return modseq;
}

void box_quota(struct box *b, struct box_quota *out)
{
	(void)pthread_mutex_lock(&b->mu);
	*out = (struct box_quota){ b->rec.used, b->rec.quota, b->rec.mails };
	(void)pthread_mutex_unlock(&b->mu);
}

err box_room(struct box *b, uint64_t size, bool *disk)
{
	struct box_quota q;

	*disk = false;
	box_quota(b, &q);
	if (q.limit && (q.used >= q.limit || size > q.limit - q.used))
		return fail(E_FULL, "over quota: %llu of %llu octets are used",
			    (unsigned long long)q.used, (unsigned long long)q.limit);
	err e = kv_room(b->store->kv);
	*disk = e == E_FULL;
	return e;
}
