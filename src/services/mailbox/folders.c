/* Folders: list, create, delete, rename, subscribe. */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/clock.h"

/* ---- looking ---- */
static bool is_below(str name, str parent)
{
	return name.n > parent.n && str_starts(name, parent) && name.p[parent.n] == '/';
}

static bool has_children(const struct box *b, str name)
{
	for (size_t i = 0; i < b->nfolders; i++) {
		if (is_below(b->folders[i]->rec.name, name))
			return true;
	}
	return false;
}

static struct folder_info info_of(const struct box *b, const struct folder_rec *r, struct arena *a)
{
	uint32_t recent = r->uidnext - r->recent;

	return (struct folder_info){
		.id = r->id,
		.name = arena_dup(a, r->name),
		.use = r->use,
		.subscribed = r->subscribed,
		.noselect = r->noselect,
		.has_children = has_children(b, r->name),
		.uidvalidity = r->uidvalidity,
		.uidnext = r->uidnext,
		.mails = r->mails,
		.recent = recent < r->mails ? recent : r->mails,
		.unseen = r->unseen,
		.deleted = r->deleted,
		.octets = r->octets,
		.modseq = r->modseq,
	};
}

/* The box's mutex held, memory being what is stored. */
WAITS static err lock_fresh(struct box *b)
{
	for (;;) {
		(void)pthread_mutex_lock(&b->mu);
		if (b->loaded)
			return OK;
		(void)pthread_mutex_unlock(&b->mu);
		TRY(box_fresh(b));
	}
}

WAITS err box_folders(struct box *b, struct arena *a, struct folder_info **v, size_t *n)
{
	TRY(lock_fresh(b));
	size_t i = 0, s = 0;
	struct folder_info *out = NEW_TRY(a, struct folder_info, b->nfolders + b->nsubs + 1);
	*n = 0;
	while (out && (i < b->nfolders || s < b->nsubs)) {
		bool sub = i == b->nfolders ||
			   (s < b->nsubs && str_cmp(b->subs[s], b->folders[i]->rec.name) < 0);

		if (sub)
			out[*n] = (struct folder_info){ .name = arena_dup(a, b->subs[s++]),
							.subscribed = true };
		else
			out[*n] = info_of(b, &b->folders[i++]->rec, a);
		*n += sub || folder_counts(&b->folders[i - 1]->rec);
	}
	(void)pthread_mutex_unlock(&b->mu);
	*v = out;
	return out ? OK : fail(E_LIMIT, "the list of folders does not fit");
}

WAITS err box_folder(struct box *b, str name, struct arena *a, struct folder_info *out)
{
	TRY(folder_name(name, a, &name));
	TRY(lock_fresh(b));
	struct folder *f = box_find(b, name);
	if (f)
		*out = info_of(b, &f->rec, a);
	(void)pthread_mutex_unlock(&b->mu);
	return f ? OK : fail(E_NOTFOUND, "no folder %.*s", STRF(name));
}

/* ---- subscriptions of names without a folder ---- */
static size_t sub_at(const str *v, size_t n, str name)
{
	size_t i = 0;

	while (i < n && str_cmp(v[i], name) < 0)
		i++;
	return i;
}

static void set_sub(struct txn *t, str name, bool on)
{
	const str *old = t->subs_changed ? t->subs : t->b->subs;
	size_t n = t->subs_changed ? t->nsubs : t->b->nsubs, at = sub_at(old, n, name);
	bool there = at < n && str_eq(old[at], name);

	if (there == on)
		return;
	str *new = arena_get(&t->a, size_mul(n + 1, sizeof(str)), _Alignof(str));
	str key = sub_key(&t->a, name);
	if (at)
		memcpy(new, old, at * sizeof(str));
	if (on) {
		new[at] = name;
		kv_put(t->batch, key, STR(""));
	} else {
		kv_del(t->batch, key);
	}
	if (at + there < n)
		memcpy(new + at + on, old + at + there, (n - at - there) * sizeof(str));
	t->subs = new;
	t->nsubs = on ? n + 1 : n - 1;
	t->subs_changed = t->dirty = true;
}

static bool is_sub(const struct box *b, str name)
{
	size_t at = sub_at(b->subs, b->nsubs, name);

	return at < b->nsubs && str_eq(b->subs[at], name);
}

/* ---- changes ---- */
struct op_folder {
	struct op op;
	str name, to;
	enum folder_use use;
	bool on;
};

WAITS static err run_named(struct box *b, err (*run)(struct txn *, struct op *),
			   struct op_folder *o)
{
	o->op.run = run;
	return op_run(b, &o->op);
}

static struct staged *make_folder(struct txn *t, str name, enum folder_use use)
{
	struct staged *s = txn_new_folder(t, name, use);

	if (is_sub(t->b, name)) {
		s->rec.subscribed = true;
		set_sub(t, name, false);
	}
	return s;
}

/* The levels above name that are not there yet. */
static void make_parents(struct txn *t, str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '/' && !txn_folder(t, str_take(name, i)))
			(void)make_folder(t, str_take(name, i), USE_NONE);
	}
}

static err room_for_folders(const struct box *b, str name)
{
	size_t levels = 1;

	for (size_t i = 0; i < name.n; i++)
		levels += name.p[i] == '/';
	if (b->nfolders + levels > LIM_FOLDERS)
		return fail(E_LIMIT, "over %d folders", LIM_FOLDERS);
	return OK;
}

static err run_create(struct txn *t, struct op *op)
{
	struct op_folder *o = CONTAINER(op, struct op_folder, op);
	str name;

	TRY(folder_name(o->name, &t->a, &name));
	TRY(room_for_folders(t->b, name));
	struct staged *s = txn_folder(t, name);
	if (s && !s->rec.noselect)
		return fail(E_EXISTS, "folder %.*s exists", STRF(name));
	if (s) {
		/* A new folder in the place of a mere parent: nothing of an old one may seem to be
		 * its. */
		bool subscribed = s->rec.subscribed;

		s->gone = true;
		s = txn_new_folder(t, name, o->use);
		s->rec.subscribed = subscribed;
	} else {
		make_parents(t, name);
		(void)make_folder(t, name, o->use);
	}
	t->kv_flags |= KV_GROWS;
	return OK;
}

WAITS err box_folder_create(struct box *b, str name, enum folder_use use)
{
	struct op_folder o = { .name = name, .use = use };

	return run_named(b, run_create, &o);
}

/* A deleted folder's mails stay where they are, out of sight and quota; reclaim takes them when
 * their time is over. */
static void bury(struct txn *t, const struct folder_rec *r)
{
	struct buf row;

	if (!r->mails)
		return;
	struct key key = key_num3(KEY_GRAVE, (uint64_t)clock_unix_ms(), r->id, 0);
	buf_init(&row, KIB(64));
	folder_rec_add(&row, r);
	kv_put(t->batch, key_str(&key), buf_str(&row));
	buf_free(&row);
	t->rec.used -= r->octets;
	t->rec.mails -= r->mails;
}

static err run_delete(struct txn *t, struct op *op)
{
	struct op_folder *o = CONTAINER(op, struct op_folder, op);
	str name;

	TRY(folder_name(o->name, &t->a, &name));
	if (str_eq(name, STR("INBOX")))
		return fail(E_DENIED, "INBOX stays");
	struct staged *s = txn_folder(t, name);
	if (!s)
		return fail(E_NOTFOUND, "no folder %.*s", STRF(name));
	bool children = has_children(t->b, name);
	if (children && s->rec.noselect)
		return fail(E_EXISTS, "%.*s has folders below it", STRF(name));
	(void)txn_modseq(t);
	bury(t, &s->rec);
	s->gone = true;
	if (children) {
		struct staged *parent = txn_new_folder(t, name, USE_NONE);

		parent->rec.noselect = true;
		parent->rec.subscribed = s->rec.subscribed;
	} else if (s->rec.subscribed) {
		set_sub(t, name, true); /* RFC 9051 6.3.7: only the user ends a subscription */
	}
	return OK;
}

WAITS err box_folder_delete(struct box *b, str name)
{
	struct op_folder o = { .name = name };

	return run_named(b, run_delete, &o);
}

/* One folder gets its new name. A subscription goes with it. */
static err rename_one(struct txn *t, struct folder *f, str from, str to)
{
	struct staged *s = txn_stage(t, f);
	str name = arena_fmt(&t->a, "%.*s%.*s", STRF(to), STRF(str_skip(s->rec.name, from.n)));

	if (!name.p || name.n > LIM_FOLDER_NAME)
		return fail(E_LIMIT, "a folder's name of %zu octets", name.n);
	s->rec.name = name;
	s->rec.modseq = txn_modseq(t);
	set_sub(t, name, false);
	return OK;
}

/* RFC 9051 6.3.6: INBOX's mails go to the new folder and an empty INBOX stays; folders below INBOX
 * stay too. The old folder takes the new name, so that nothing has to be copied. */
static err rename_inbox(struct txn *t, str to)
{
	struct folder *inbox = box_find(t->b, STR("INBOX"));

	if (!inbox)
		return fail(E_CORRUPT, "%s has no INBOX", t->b->part);
	TRY(rename_one(t, inbox, STR("INBOX"), to));
	struct staged *s = txn_stage(t, inbox);
	s->rec.use = USE_NONE;
	txn_new_folder(t, STR("INBOX"), USE_INBOX)->rec.subscribed = true;
	return OK;
}

static err run_rename(struct txn *t, struct op *op)
{
	struct op_folder *o = CONTAINER(op, struct op_folder, op);
	str from, to;

	TRY(folder_name(o->name, &t->a, &from));
	TRY(folder_name(o->to, &t->a, &to));
	TRY(room_for_folders(t->b, to));
	struct folder *f = box_find(t->b, from);
	if (!f)
		return fail(E_NOTFOUND, "no folder %.*s", STRF(from));
	if (box_find(t->b, to) || str_eq(to, STR("INBOX")))
		return fail(E_EXISTS, "folder %.*s exists", STRF(to));
	if (is_below(to, from) && !str_eq(from, STR("INBOX")))
		return fail(E_DENIED, "a folder cannot go below itself");
	if (str_eq(from, STR("INBOX"))) {
		TRY(rename_inbox(t, to));
	} else {
		for (size_t i = 0; i < t->b->nfolders; i++) {
			struct folder *each = t->b->folders[i];

			if (each == f || is_below(each->rec.name, from))
				TRY(rename_one(t, each, from, to));
		}
	}
	make_parents(t, to);
	return OK;
}

WAITS err box_folder_rename(struct box *b, str from, str to)
{
	struct op_folder o = { .name = from, .to = to };

	return run_named(b, run_rename, &o);
}

static err run_subscribe(struct txn *t, struct op *op)
{
	struct op_folder *o = CONTAINER(op, struct op_folder, op);
	str name;

	TRY(folder_name(o->name, &t->a, &name));
	struct staged *s = txn_folder(t, name);
	if (!s && o->on && t->b->nsubs >= LIM_FOLDERS)
		return fail(E_LIMIT, "over %d subscriptions", LIM_FOLDERS);
	if (!s) {
		set_sub(t, name, o->on);
		return OK;
	}
	t->dirty = t->dirty || s->rec.subscribed != o->on;
	s->rec.subscribed = o->on;
	return OK;
}

WAITS err box_subscribe(struct box *b, str name, bool on)
{
	struct op_folder o = { .name = name, .on = on };

	return run_named(b, run_subscribe, &o);
}
