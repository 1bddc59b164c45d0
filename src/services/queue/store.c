#include "services/queue/state.h"

#include <string.h>

#include "services/trace/trace.h"

static const str PART = S("queue");

/* ---- adding ---- */
static struct lot *lot_for(struct queue *q, struct stored_mail *s, struct map *open,
			   str destination)
{
	struct lot *l = map_get(open, destination);

	if (l && l->nrcpts < LIM_QUEUE_LOT)
		return l;
	l = &s->lots[s->nlots];
	*l = (struct lot){ .no = (unsigned)s->nlots++, .destination = destination, .due = s->now };
	l->rcpts = NEW_TRY(s->arena, struct lot_rcpt, LIM_QUEUE_LOT);
	if (l->rcpts)
		(void)map_put(open, destination, l);
	return l->rcpts ? l : NULL;
}

static err group(struct queue *q, struct stored_mail *s, struct map *open)
{
	for (size_t i = 0; i < s->mail->nrcpts; i++) {
		const struct queue_rcpt *r = &s->mail->rcpts[i];
		str destination = q->o.destination(q->o.arg, r->address, s->arena);

		if (!destination.p || destination.n > DESTINATION_MAX ||
		    memchr(destination.p, 0, destination.n))
			return fail(E_LIMIT, "destination of a recipient");
		if (r->note.n > LIM_QUEUE_NOTE)
			return fail(E_LIMIT, "note of a recipient");
		struct lot *l = lot_for(q, s, open, destination);

		if (!l)
			return fail(E_LIMIT, "memory for %zu recipients", s->mail->nrcpts);
		l->rcpts[l->nrcpts++] = (struct lot_rcpt){ .r = *r };
	}
	return OK;
}

err store_lots(struct queue *q, struct stored_mail *s)
{
	CLEANUP(map_free) struct map open;

	map_init(&open);
	if (!s->mail->nrcpts || s->mail->nrcpts > LIM_SMTP_RCPTS)
		return fail(E_LIMIT, "%zu recipients", s->mail->nrcpts);
	s->nlots = 0;
	s->lots = NEW_TRY(s->arena, struct lot, s->mail->nrcpts);
	if (!s->lots)
		return fail(E_LIMIT, "memory for %zu recipients", s->mail->nrcpts);
	return group(q, s, &open);
}

static void put_lot(struct kv_batch *b, struct arena *a, const struct lot *l)
{
	CLEANUP(buf_free) struct buf v;

	buf_init(&v, LIM_KV_VALUE);
	lot_print(&v, l);
	kv_put(b, key_lot(a, l->id, l->no), buf_str(&v));
}

static void put_ready(struct kv_batch *b, struct arena *a, const struct lot *l)
{
	kv_put(b, key_ready(a, l->destination, l->due, l->id, l->no), STR(""));
}

/* Ordered by the time of adding, and never before the queue was opened, although the clock may be
 * set back: the sweep takes older ones for left over. The entry's id behind lets it find out
 * whether they are wanted. */
static str blob_name(struct queue *q, struct arena *a, str id)
{
	char unique[21];

	trace_id_new(unique);
	if (memcmp(unique, q->born, BORN) < 0)
		memcpy(unique, q->born, BORN);
	return arena_fmt(a, "q/%s/%.*s", unique, STRF(id));
}

err store_add_to(struct queue *q, struct stored_mail *s, struct kv_batch *b)
{
	CLEANUP(buf_free) struct buf v = { 0 };

	s->blob = blob_name(q, s->arena, s->id);
	struct entry e = { .id = s->id,
			   .blob = s->blob,
			   .from = s->mail->from,
			   .envid = s->mail->envid,
			   .ret_hdrs = s->mail->ret_hdrs,
			   .smtputf8 = s->mail->smtputf8,
			   .body8bit = s->mail->body8bit,
			   .size = s->message.n,
			   .nlots = (unsigned)s->nlots };

	e.arrived = s->mail->arrived ? s->mail->arrived : s->now / 1000;
	TRY(kv_blob_put(q->o.kv, e.blob, s->message));
	buf_init(&v, LIM_KV_VALUE);
	entry_print(&v, &e);
	kv_put(b, key_entry(s->arena, e.id), buf_str(&v));
	for (size_t i = 0; i < s->nlots; i++) {
		s->lots[i].id = e.id;
		put_lot(b, s->arena, &s->lots[i]);
		put_ready(b, s->arena, &s->lots[i]);
	}
	return OK;
}

/* An id that no entry has: the mail's own, or the same with a number when parts of one message come
 * in several transactions. */
static err free_id(struct queue *q, struct stored_mail *s)
{
	char fresh[21];
	str value, base = s->mail->id;
	bool fit = base.n > 0 && base.n <= 24;

	for (size_t i = 0; i < base.n; i++)
		fit = fit && ch_alnum(base.p[i]);
	if (!fit) {
		trace_id_new(fresh);
		base = arena_dup(s->arena, str_z(fresh));
	}
	s->id = base;
	for (unsigned i = 2; i < 10000; i++) {
		err e = kv_get(q->o.kv, PART, key_entry(s->arena, s->id), s->arena, &value);

		if (e == E_NOTFOUND)
			return OK;
		TRY(e);
		s->id = arena_fmt(s->arena, "%.*s-%u", STRF(base), i);
	}
	return fail(E_LIMIT, "parts of one message");
}

/* A refused commit must not leave its messages: a full disk would be filled by what it refuses.
 * After E_IO the outcome is unknown, and the sweep finds out. */
static err forget_blobs(struct queue *q, struct stored_mail *s, size_t n, err e)
{
	struct fault kept = *err_last();

	for (size_t i = 0; e != OK && e != E_IO && i < n; i++) {
		if (s[i].blob.n && kv_blob_del(q->o.kv, s[i].blob) != OK)
			LOG(LOG_WARN, "queue.tidy", KS("blob", s[i].blob));
	}
	return e == OK ? OK : fail(e, "%s", kept.text);
}

static err add_once(struct queue *q, struct stored_mail *s, struct kv_batch *b)
{
	TRY(free_id(q, s));
	kv_batch_reset(b);
	kv_expect(b, key_entry(s->arena, s->id), (str){ NULL, 0 });
	TRY(store_add_to(q, s, b));
	err e = kv_commit(q->o.kv, &q->part, b, KV_GROWS);

	return forget_blobs(q, s, 1, e);
}

err store_add(struct queue *q, struct stored_mail *s)
{
	struct kv_batch *b = kv_batch_new();
	err e = s->message.p ? OK : spool_view(s->spool, &s->message);

	for (int i = 0; e == OK && i < 10; i++) {
		e = add_once(q, s, b);
		if (e != E_AGAIN)
			break;
		e = OK;
	}
	kv_batch_free(b);
	return e;
}

/* ---- loading ---- */
err store_load(struct queue *q, struct loaded *l)
{
	str e, v;

	TRY(kv_get(q->o.kv, PART, key_lot(l->arena, l->id, l->no), l->arena, &v));
	TRY(lot_parse(v, l->id, l->no, l->arena, &l->lot));
	TRY(kv_get(q->o.kv, PART, key_entry(l->arena, l->id), l->arena, &e));
	return entry_parse(e, l->id, &l->entry);
}

err store_lots_of(struct queue *q, str id, struct arena *a, struct lot **lots, size_t *n)
{
	struct kv_row *rows;
	str from, to;
	bool more;

	range_lots(a, id, &from, &to);
	TRY(kv_range(q->o.kv, PART, from, to, false, LIM_SMTP_RCPTS, a, &rows, n, &more));
	*lots = NEW_TRY(a, struct lot, *n + 1);
	if (!*lots)
		return fail(E_LIMIT, "memory for %zu lots", *n);
	for (size_t i = 0; i < *n; i++) {
		str rid;
		unsigned no;

		TRY(parse_lot_key(rows[i].key, &rid, &no));
		TRY(lot_parse(rows[i].value, id, no, a, &(*lots)[i]));
	}
	return OK;
}

/* ---- outcomes ---- */
/* Takes the entry's row away when its last lot is gone. Its id may be another's by now, whose row
 * has another blob: only the row that we saw goes. */
static err drop_row(struct queue *q, str key, str row, str id, struct arena *a, struct kv_batch *b,
		    bool *gone)
{
	struct kv_row *rows;
	str from, to;
	size_t n;
	bool more;

	range_lots(a, id, &from, &to);
	TRY(kv_range(q->o.kv, PART, from, to, false, 1, a, &rows, &n, &more));
	*gone = n == 0;
	if (n)
		return OK;
	kv_batch_reset(b);
	kv_expect(b, key, row);
	kv_del(b, key);
	err e = kv_commit(q->o.kv, &q->part, b, 0);

	return e == E_AGAIN ? OK : e;
}

/* Takes the entry and its message away when its last lot is gone. */
static err drop_entry(struct queue *q, const struct entry *e, struct arena *a, struct kv_batch *b)
{
	bool gone = true;

	if (e->nlots > 1) {
		CLEANUP(buf_free) struct buf row;

		buf_init(&row, LIM_KV_VALUE);
		entry_print(&row, e);
		TRY(drop_row(q, key_entry(a, e->id), buf_str(&row), e->id, a, b, &gone));
	}
	return gone ? kv_blob_del(q->o.kv, e->blob) : OK;
}

static err write_outcome(struct queue *q, struct loaded *l, bool keep, int64_t old_due,
			 struct stored_mail *dsn, size_t ndsn, struct kv_batch *b)
{
	struct arena *a = l->arena;

	kv_del(b, key_ready(a, l->lot.destination, old_due, l->id, l->no));
	kv_del(b, key_due(a, old_due, l->id, l->no));
	if (keep) {
		put_lot(b, a, &l->lot);
		if (l->lot.state == LOT_WAITING)
			kv_put(b, key_due(a, l->lot.due, l->id, l->no), l->lot.destination);
	} else {
		kv_del(b, key_lot(a, l->id, l->no));
		if (l->entry.nlots == 1)
			kv_del(b, key_entry(a, l->id));
	}
	err e = OK;

	for (size_t i = 0; e == OK && i < ndsn; i++)
		e = store_add_to(q, &dsn[i], b);
	if (e == OK)
		e = kv_commit(q->o.kv, &q->part, b, 0);
	TRY(forget_blobs(q, dsn, ndsn, e));
	/* What follows is tidying: the sweep does it if we cannot. */
	if (!keep && drop_entry(q, &l->entry, a, b) != OK)
		LOG(LOG_WARN, "queue.tidy", KS("id", l->id), KS("why", str_z(err_last()->text)));
	return OK;
}

err store_outcome(struct queue *q, struct loaded *l, bool keep, int64_t old_due,
		  struct stored_mail *dsn, size_t ndsn)
{
	struct kv_batch *b = kv_batch_new();
	err e = write_outcome(q, l, keep, old_due, dsn, ndsn, b);

	kv_batch_free(b);
	return e;
}

err store_aside(struct queue *q, str destination, int64_t due, str id, unsigned no, const char *why)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf v;
	struct kv_batch *b = kv_batch_new();
	str raw = STR("");

	arena_init(&a, 2 * LIM_KV_VALUE);
	buf_init(&v, LIM_KV_VALUE);
	if (kv_get(q->o.kv, PART, key_lot(&a, id, no), &a, &raw) != OK)
		raw = STR(""); /* not even readable: what is known is why */
	buf_lstr(&v, str_z(why));
	buf_lstr(&v, raw);
	kv_put(b, key_aside(&a, id, no), buf_str(&v));
	kv_del(b, key_ready(&a, destination, due, id, no));
	kv_del(b, key_due(&a, due, id, no));
	err e = kv_commit(q->o.kv, &q->part, b, 0);

	kv_batch_free(b);
	return e;
}

/* ---- pages ---- */
static err new_rows(struct page *p, size_t n)
{
	p->rows = NEW_TRY(p->arena, struct page_row, n + 1);
	return p->rows ? OK : fail(E_LIMIT, "memory for %zu rows", n);
}

err store_ready(struct queue *q, struct page *p)
{
	struct kv_row *rows;
	str from, to, destination;
	size_t n;

	range_ready(p->arena, p->destination, &from, &to);
	TRY(kv_range(q->o.kv, PART, from, to, false, p->max, p->arena, &rows, &n, &p->more));
	TRY(new_rows(p, n));
	for (size_t i = 0; i < n; i++) {
		struct page_row *r = &p->rows[p->n++];

		TRY(parse_ready_key(rows[i].key, &destination, &r->due, &r->id, &r->no));
		r->destination = p->destination;
	}
	return OK;
}

err store_due(struct queue *q, struct page *p)
{
	struct kv_batch *b = kv_batch_new();
	struct kv_row *rows;
	size_t n;
	err e = kv_range(q->o.kv, PART, STR("t"), STR("u"), false, p->max, p->arena, &rows, &n,
			 &p->more);

	p->next_due = INT64_MAX;
	if (e == OK)
		e = new_rows(p, n);
	for (size_t i = 0; e == OK && i < n; i++) {
		struct page_row r = { .destination = rows[i].value };

		e = parse_due_key(rows[i].key, &r.due, &r.id, &r.no);
		if (e != OK)
			break;
		if (r.due > p->now) {
			p->next_due = r.due;
			p->more = false;
			break;
		}
		p->rows[p->n++] = r;
		kv_del(b, rows[i].key);
		kv_put(b, key_ready(p->arena, r.destination, r.due, r.id, r.no), STR(""));
	}
	if (e == OK && p->n)
		e = kv_commit(q->o.kv, &q->part, b, 0);
	kv_batch_free(b);
	return e;
}

err store_kick(struct queue *q, struct page *p, const struct map *which, struct buf *cursor)
{
	struct kv_batch *b = kv_batch_new();
	bool all = map_get(which, STR("")) != NULL;
	struct kv_row *rows;
	size_t n;
	err e = kv_range(q->o.kv, PART, cursor->n ? buf_str(cursor) : STR("t"), STR("u"), false,
			 p->max, p->arena, &rows, &n, &p->more);

	buf_reset(cursor);
	if (e == OK)
		e = new_rows(p, n);
	for (size_t i = 0; e == OK && i < n; i++) {
		struct page_row *r = &p->rows[p->n];

		r->destination = rows[i].value;
		e = parse_due_key(rows[i].key, &r->due, &r->id, &r->no);
		if (e != OK || (!all && !map_get(which, r->destination)))
			continue;
		kv_del(b, rows[i].key);
		kv_put(b, key_ready(p->arena, r->destination, r->due, r->id, r->no), STR(""));
		p->n++;
	}
	if (e == OK && p->n)
		e = kv_commit(q->o.kv, &q->part, b, 0);
	if (e == OK && p->more) {
		buf_add(cursor, rows[n - 1].key);
		buf_addc(cursor, '\0');
		e = buf_done(cursor);
	}
	kv_batch_free(b);
	return e;
}

/* One seek a destination: each next one lies behind all keys of the one before. */
err store_destinations(struct queue *q, struct page *p, struct buf *cursor)
{
	TRY(new_rows(p, p->max));
	while (p->n < p->max) {
		struct kv_row *rows;
		struct page_row *r = &p->rows[p->n];
		size_t n;

		TRY(kv_range(q->o.kv, PART, cursor->n ? buf_str(cursor) : STR("w"), STR("x"), false,
			     1, p->arena, &rows, &n, &p->more));
		buf_reset(cursor);
		if (!n)
			return OK;
		TRY(parse_ready_key(rows[0].key, &r->destination, &r->due, &r->id, &r->no));
		buf_fmt(cursor, "w%.*s\x01", STRF(r->destination));
		TRY(buf_done(cursor));
		p->n++;
	}
	return OK;
}

/* ---- after a crash ---- */
static err sweep_entry(struct queue *q, const struct kv_row *row, struct arena *a)
{
	str id = str_skip(row->key, 1);
	struct entry e;
	bool gone;

	if (entry_parse(row->value, id, &e) != OK)
		return OK; /* its attempt says so */
	struct kv_batch *b = kv_batch_new();
	err er = drop_row(q, row->key, row->value, id, a, b, &gone);

	kv_batch_free(b);
	return er;
}

static err sweep_entries(struct queue *q, uint64_t *count)
{
	CLEANUP(buf_free) struct buf from;
	bool more = true;

	buf_init(&from, LIM_KV_KEY);
	buf_add(&from, STR("e"));
	while (more && !q->closing) {
		CLEANUP(arena_free) struct arena a;
		struct kv_row *rows;
		size_t n;

		arena_init(&a, MIB(32));
		TRY(kv_range(q->o.kv, PART, buf_str(&from), STR("f"), false, 500, &a, &rows, &n,
			     &more));
		for (size_t i = 0; i < n; i++)
			TRY(sweep_entry(q, &rows[i], &a));
		*count += n;
		buf_reset(&from);
		buf_add(&from, n ? rows[n - 1].key : STR("f"));
		buf_addc(&from, '\0');
	}
	return OK;
}

static err sweep_blob(struct queue *q, str blob, struct arena *a)
{
	str id = str_skip(blob, str_rfind(blob, '/') + 1), value;
	struct entry e;
	err er = kv_get(q->o.kv, PART, key_entry(a, id), a, &value);

	if (er == OK && (entry_parse(value, id, &e) != OK || str_eq(e.blob, blob)))
		return OK;
	return er == OK || er == E_NOTFOUND ? kv_blob_del(q->o.kv, blob) : er;
}

/* Of this life: its commit may be under way. */
static bool of_this_life(const struct queue *q, str blob)
{
	return str_cmp(str_take(str_skip(blob, 2), BORN), str_of(q->born, BORN)) >= 0;
}

static err sweep_blobs(struct queue *q)
{
	CLEANUP(buf_free) struct buf after;
	size_t n = 1;

	buf_init(&after, LIM_KV_KEY);
	buf_add(&after, STR("q/"));
	while (n && !q->closing) {
		CLEANUP(arena_free) struct arena a;
		str *ids;

		arena_init(&a, MIB(32));
		TRY(kv_blobs(q->o.kv, buf_str(&after), 500, &a, &ids, &n));
		for (size_t i = 0; i < n; i++) {
			if (str_starts(ids[i], STR("q/")) && !of_this_life(q, ids[i]))
				TRY(sweep_blob(q, ids[i], &a));
		}
		buf_reset(&after);
		buf_add(&after, n ? ids[n - 1] : STR(""));
	}
	return OK;
}

err store_sweep(struct queue *q, uint64_t *entries)
{
	TRY(sweep_entries(q, entries));
	return sweep_blobs(q);
}
