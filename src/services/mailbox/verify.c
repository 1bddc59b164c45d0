/* Walks a whole store and says what is wrong: rows that cannot be read, counters that do not agree
 * with what they count, mail without body, bodies that do not name who refers to them, damaged
 * bodies. Changes nothing. */
#include "services/mailbox/box.h"

#include <string.h>

enum { PAGE = 1000, BODY_PAGE = 200 };

struct verify {
	struct kv *kv;
	struct buf *report;
	uint64_t findings, mails, bodies, orphans;
};

/* One mail of a partition, from its cache row until its mail row was seen. */
struct known_mail {
	uint64_t size;
	bool claimed;
};
struct known_folder {
	struct folder_rec rec, seen;
	bool grave;
};
struct walk {
	struct verify *v;
	str part;
	uint64_t user;
	bool has_box;
	struct box_rec box;
	struct map folders, mails,
		bodies; /* -> known_folder, known_mail, references left (int64_t) */
	struct arena a; /* of the maps */
};

static void finding(struct verify *v, const char *fmt, ...) PRINTF(2, 3);

static void finding(struct verify *v, const char *fmt, ...)
{
	va_list ap;

	v->findings++;
	va_start(ap, fmt);
	buf_vfmt(v->report, fmt, ap);
	va_end(ap);
	buf_addc(v->report, '\n');
}

/* ---- rows, in the order of their keys ---- */
static void row_box(struct walk *w, str key, str value)
{
	(void)key;
	w->has_box = box_rec_read(value, &w->box) == OK;
	if (!w->has_box)
		finding(w->v, "%.*s: the box's row cannot be read", STRF(w->part));
}

static void add_folder(struct walk *w, str id, str value, bool grave)
{
	struct known_folder *f = NEW(&w->a, struct known_folder);
	struct cur c = { .rest = id };

	f->grave = grave;
	if (folder_rec_read(cur_u64(&c), value, &w->a, &f->rec) != OK) {
		finding(w->v, "%.*s: the row of a folder cannot be read", STRF(w->part));
		return;
	}
	f->rec.name = arena_dup(&w->a, f->rec.name);
	if (map_put(&w->folders, id, f))
		finding(w->v, "%.*s: folder %.*s is there twice", STRF(w->part), STRF(f->rec.name));
}

static void row_folder(struct walk *w, str key, str value)
{
	add_folder(w, str_skip(key, 1), value, false);
}

static void row_grave(struct walk *w, str key, str value)
{
	add_folder(w, str_take(str_skip(key, 9), 8), value, true);
}

static void row_body(struct walk *w, str key, str value)
{
	struct cur c = { .rest = value };
	int64_t *left = NEW(&w->a, int64_t);
	str tag;
	bool named = false;
	struct arena a;

	*left = (int64_t)cur_varint(&c);
	(void)map_put(&w->bodies, str_skip(key, 1), left);
	arena_init(&a, MIB(1));
	err e = kv_blob_tag(w->v->kv, str_skip(key, 1), &a, &tag);
	for (c = (struct cur){ .rest = e == OK ? tag : STR("") }; c.rest.n && c.e == OK;)
		named = cur_u64(&c) == w->user || named;
	if (e != OK)
		finding(w->v, "%.*s: a body it refers to: %s", STRF(w->part), err_name(e));
	else if (!named)
		finding(w->v, "%.*s: a body does not name it as one that refers to it",
			STRF(w->part));
	arena_free(&a);
}

static void row_cache(struct walk *w, str key, str value)
{
	struct known_mail *m = NEW(&w->a, struct known_mail);
	struct cache_rec rec;

	if (cache_rec_read(value, &rec) != OK) {
		finding(w->v, "%.*s: what is kept beside a mail cannot be read", STRF(w->part));
		return;
	}
	int64_t *left = map_get(&w->bodies, body_str(&rec.body));
	if (left)
		--*left;
	else
		finding(w->v, "%.*s: a mail's body is not counted", STRF(w->part));
	if (kv_blob_size(w->v->kv, body_str(&rec.body), &m->size) == OK)
		m->size += rec.prefix.n;
	(void)map_put(&w->mails, str_skip(key, 1), m);
}

/* id: folder and UID. */
static bool claim(struct walk *w, str id, str value, struct mail *m)
{
	struct cur c = { .rest = str_skip(id, 8) };
	struct known_mail *known = map_get(&w->mails, id);

	w->v->mails++;
	if (mail_rec_read(cur_u32(&c), value, m) != OK) {
		finding(w->v, "%.*s: the row of a mail cannot be read", STRF(w->part));
		return false;
	}
	if (!known)
		finding(w->v, "%.*s: mail %u has no body", STRF(w->part), m->uid);
	else if (known->claimed)
		finding(w->v, "%.*s: mail %u is there twice", STRF(w->part), m->uid);
	else if (known->size != m->size)
		finding(w->v, "%.*s: mail %u has %llu octets, not %llu", STRF(w->part), m->uid,
			(unsigned long long)known->size, (unsigned long long)m->size);
	if (known)
		known->claimed = true;
	if (m->modseq > w->box.modseq)
		finding(w->v, "%.*s: mail %u has a higher MODSEQ than the box", STRF(w->part),
			m->uid);
	return true;
}

static void row_expunged(struct walk *w, str key, str value)
{
	struct mail m;

	(void)claim(w, str_skip(key, 9), value, &m);
}

static void row_mail(struct walk *w, str key, str value)
{
	str id = str_skip(key, 1);
	struct known_folder *f = map_get(&w->folders, str_take(id, 8));
	struct mail m;

	if (!claim(w, id, value, &m))
		return;
	if (!f) {
		finding(w->v, "%.*s: mail %u belongs to no folder", STRF(w->part), m.uid);
		return;
	}
	folder_count(&f->seen, &m, 1);
	if (m.uid >= f->rec.uidnext)
		finding(w->v, "%.*s: mail %u of %.*s is not below UIDNEXT %u", STRF(w->part), m.uid,
			STRF(f->rec.name), f->rec.uidnext);
}

static const struct row_kind {
	char what;
	size_t key; /* octets of its key; 0: any */
	void (*see)(struct walk *w, str key, str value);
} kinds[] = {
	{ KEY_BOX, 1, row_box },
	{ KEY_DELIVERY, 0, NULL },
	{ KEY_FOLDER, 9, row_folder },
	{ KEY_GRAVE, 21, row_grave },
	{ KEY_SUB, 0, NULL },
	{ KEY_DELIVERED, 0, NULL },
	{ KEY_BODY, 17, row_body },
	{ KEY_CACHE, 13, row_cache },
	{ KEY_EXPUNGED, 21, row_expunged },
	{ KEY_MAIL, 13, row_mail },
	{ KEY_HELD, 21, NULL }, /* stays behind a mail that was released */
	{ KEY_REF, 9, NULL },
};

static void see_row(struct walk *w, const struct kv_row *r)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (!r->key.n || kinds[i].what != r->key.p[0] ||
		    (kinds[i].key && kinds[i].key != r->key.n))
			continue;
		if (kinds[i].see)
			kinds[i].see(w, r->key, r->value);
		return;
	}
	finding(w->v, "%.*s: a row of an unknown kind", STRF(w->part));
}

static err walk_rows(struct walk *w)
{
	struct arena a;
	struct buf from;
	bool more = true;
	err e = OK;

	arena_init(&a, MIB(512));
	buf_init(&from, 2 * LIM_KV_KEY);
	while (more && e == OK) {
		struct kv_row *rows;
		size_t n;

		arena_reset(&a);
		e = kv_range(w->v->kv, w->part, buf_str(&from), STR(""), false, PAGE, &a, &rows, &n,
			     &more);
		for (size_t i = 0; i < n; i++)
			see_row(w, &rows[i]);
		buf_reset(&from);
		if (n) {
			buf_add(&from, rows[n - 1].key);
			buf_addc(&from, '\0');
		}
	}
	if (e != OK)
		finding(w->v, "%.*s: rows cannot be read: %s", STRF(w->part), err_last()->text);
	buf_free(&from);
	arena_free(&a);
	return e;
}

/* ---- what must agree when all rows were seen ---- */
static void check_folder(struct walk *w, const struct known_folder *f, uint64_t *mails,
			 uint64_t *octets)
{
	const struct folder_rec *r = &f->rec, *s = &f->seen;

	if (f->grave)
		return;
	if (r->use != USE_QUARANTINE) {
		*mails += s->mails;
		*octets += s->octets;
	}
	if (r->mails != s->mails || r->unseen != s->unseen || r->deleted != s->deleted ||
	    r->octets != s->octets)
		finding(w->v,
			"%.*s: %.*s counts %u mails, %u unseen, %u deleted, %llu octets; there are "
			"%u, %u, %u, %llu",
			STRF(w->part), STRF(r->name), r->mails, r->unseen, r->deleted,
			(unsigned long long)r->octets, s->mails, s->unseen, s->deleted,
			(unsigned long long)s->octets);
	if (r->modseq > w->box.modseq)
		finding(w->v, "%.*s: %.*s has a higher MODSEQ than the box", STRF(w->part),
			STRF(r->name));
}

static void check_totals(struct walk *w)
{
	uint64_t mails = 0, octets = 0;
	void *value;
	str key;

	for (size_t at = 0; map_each(&w->folders, &at, &key, &value);)
		check_folder(w, value, &mails, &octets);
	if (w->has_box && (w->box.mails != mails || w->box.used != octets))
		finding(w->v, "%.*s: counts %llu mails, %llu octets; there are %llu, %llu",
			STRF(w->part), (unsigned long long)w->box.mails,
			(unsigned long long)w->box.used, (unsigned long long)mails,
			(unsigned long long)octets);
	for (size_t at = 0; map_each(&w->mails, &at, &key, &value);) {
		if (!((struct known_mail *)value)->claimed)
			finding(w->v, "%.*s: something is kept beside a mail that is not there",
				STRF(w->part));
	}
	for (size_t at = 0; map_each(&w->bodies, &at, &key, &value);) {
		if (*(int64_t *)value)
			finding(w->v, "%.*s: a body has %lld references fewer than counted",
				STRF(w->part), (long long)*(int64_t *)value);
	}
}

static void verify_part(struct verify *v, str part)
{
	struct walk w = { .v = v, .part = part };

	if (part_user(part, &w.user) != OK) {
		finding(v, "%.*s: not a mailbox's name", STRF(part));
		return;
	}
	arena_init(&w.a, SIZE_MAX / 2);
	map_init(&w.folders);
	map_init(&w.mails);
	map_init(&w.bodies);
	if (walk_rows(&w) == OK)
		check_totals(&w);
	map_free(&w.folders);
	map_free(&w.mails);
	map_free(&w.bodies);
	arena_free(&w.a);
}

/* ---- bodies ---- */
static err is_referred(struct verify *v, str id, struct arena *a, bool *is)
{
	struct key key = key_text(KEY_BODY, id);
	char name[PART_NAME];
	str tag, row;

	TRY(kv_blob_tag(v->kv, id, a, &tag));
	*is = false;
	for (struct cur c = { .rest = tag }; c.rest.n && c.e == OK && !*is;)
		*is = kv_get(v->kv, part_name(cur_u64(&c), name), key_str(&key), a, &row) == OK;
	return OK;
}

static void verify_body(struct verify *v, str id)
{
	struct arena a;
	bool is = true;
	str bytes;

	if (id.n != sizeof(struct body_id))
		return; /* not a mail's: a queue may share the store */
	v->bodies++;
	arena_init(&a, SIZE_MAX / 2);
	if (kv_blob_get(v->kv, id, 0, UINT64_MAX, &a, &bytes) != OK ||
	    is_referred(v, id, &a, &is) != OK)
		finding(v, "a body: %s", err_last()->text);
	v->orphans += !is;
	arena_free(&a);
}

static err verify_bodies(struct verify *v)
{
	struct arena a;
	struct buf after;
	size_t n = BODY_PAGE;
	err e = OK;

	arena_init(&a, MIB(16));
	buf_init(&after, LIM_KV_BLOB_ID);
	while (n == BODY_PAGE && e == OK) {
		str *ids;

		arena_reset(&a);
		e = kv_blobs(v->kv, buf_str(&after), BODY_PAGE, &a, &ids, &n);
		for (size_t i = 0; i < n; i++)
			verify_body(v, ids[i]);
		buf_reset(&after);
		if (n)
			buf_add(&after, ids[n - 1]);
	}
	buf_free(&after);
	arena_free(&a);
	return e;
}

err mailstore_verify(struct kv *kv, struct buf *report, uint64_t *findings)
{
	struct verify v = { .kv = kv, .report = report };
	char after[PART_NAME] = "";
	struct arena a;
	size_t n = PAGE;
	err e = OK;

	arena_init(&a, MIB(16));
	while (n == PAGE && e == OK) {
		str *names;

		arena_reset(&a);
		e = kv_parts(kv, STR("u/"), str_z(after), PAGE, &a, &names, &n);
		for (size_t i = 0; i < n && e == OK; i++)
			verify_part(&v, names[i]);
		if (e == OK && n)
			e = str_to_z(names[n - 1], after, sizeof(after));
	}
	arena_free(&a);
	if (e == OK)
		e = verify_bodies(&v);
	/* Not a finding: a crash may leave one, and the next sweep takes it. */
	if (v.orphans)
		buf_fmt(report, "note: %llu bodies without a mail wait to be reclaimed\n",
			(unsigned long long)v.orphans);
	buf_fmt(report, "%llu mails, %llu bodies, %llu findings\n", (unsigned long long)v.mails,
		(unsigned long long)v.bodies, (unsigned long long)v.findings);
	*findings = v.findings;
	return e;
}
