/* Copying and moving between folders of a box: rows are copied, bodies are counted. */
#include "services/mailbox/box.h"

#include "run/clock.h"
#include "run/log.h"

enum { COPY_STEP = 100 }; /* mails of one commit: each brings its cached row along */

struct op_copy {
	struct op op;
	struct view *view;
	const uint32_t *uids;
	size_t n;
	str to;
	bool move;
	struct copied *out;
};

static uint64_t map_keywords(struct txn *t, const struct staged *from, struct staged *to,
			     uint64_t bits)
{
	uint64_t out = 0;

	for (size_t i = 0; i < from->rec.nkeywords; i++) {
		int bit = bits >> i & 1 ? txn_keyword(t, to, from->rec.keywords[i]) : -1;

		if (bit >= 0)
			out |= 1ull << bit;
	}
	return out;
}

/* The row beside the mail: copied, and the body counted once more, or moved. */
static err copy_cache(struct txn *t, const struct key *from, const struct key *to, bool move)
{
	struct cache_rec rec;
	bool dropped;
	str row;

	TRY(kv_get(t->b->store->kv, str_z(t->b->part), key_str(from), &t->a, &row));
	TRY(cache_rec_read(row, &rec));
	if (move)
		kv_del(t->batch, key_str(from));
	else
		TRY(body_count(t, &rec.body, 1, &dropped));
	kv_put(t->batch, key_str(to), row);
	return OK;
}

static err copy_one(struct txn *t, struct staged *from, struct staged *to, const struct mail *m,
		    bool move, uint32_t *uid)
{
	struct mail copy = *m;
	struct key source = key_num2(KEY_CACHE, from->rec.id, m->uid);
	struct key dest = key_num2(KEY_CACHE, to->rec.id, to->rec.uidnext);

	/* What comes out of quarantine begins to count. */
	bool counts = !move || !folder_counts(&from->rec);

	if (counts && t->rec.quota && t->rec.used + m->size > t->rec.quota)
		return fail(E_FULL, "over quota: %llu of %llu octets are used",
			    (unsigned long long)t->rec.used, (unsigned long long)t->rec.quota);
	TRY(copy_cache(t, &source, &dest, move));
	copy.keywords = map_keywords(t, from, to, m->keywords);
	copy.saved = clock_unix();
	copy.modseq = t->rec.modseq;
	txn_add_mail(t, to, &copy);
	*uid = copy.uid;
	if (counts) {
		t->rec.used += m->size;
		t->rec.mails++;
	}
	if (move)
		folder_count(&from->rec, m, -1);
	return OK;
}

static err run_copy(struct txn *t, struct op *op)
{
	struct op_copy *o = CONTAINER(op, struct op_copy, op);
	struct staged *from, *to;
	size_t at = 0, first = o->out->n;
	str name;

	TRY(folder_name(o->to, &t->a, &name));
	TRY(view_stage(t, o->view, &from));
	to = txn_folder(t, name);
	if (!to || to->rec.noselect)
		return fail(E_NOTFOUND, "no folder %.*s", STRF(name));
	(void)txn_modseq(t);
	for (size_t i = 0; i < o->n; i++) {
		const struct mail *m = folder_mail(from->was, o->uids[i], &at);

		if (!m)
			continue;
		TRY(copy_one(t, from, to, m, o->move, &o->out->to[o->out->n]));
		o->out->from[o->out->n++] = m->uid;
	}
	if (o->move) {
		from->removed = o->out->from + first;
		from->nremoved = o->out->n - first;
		from->rec.modseq = t->rec.modseq;
	}
	o->out->uidvalidity = to->rec.uidvalidity;
	if (!o->move)
		t->kv_flags |= KV_GROWS;
	return OK;
}

/* What a copy that failed half-way has made already: RFC 9051 6.4.7 asks to leave nothing. */
struct op_undo {
	struct op op;
	str to;
	const struct copied *made;
};

static err run_undo(struct txn *t, struct op *op)
{
	struct op_undo *o = CONTAINER(op, struct op_undo, op);
	uint64_t now = (uint64_t)clock_unix_ms();
	size_t at = 0;
	str name;

	TRY(folder_name(o->to, &t->a, &name));
	struct staged *s = txn_folder(t, name);
	if (!s)
		return OK;
	TRY(folder_load(t->b, s->was));
	uint32_t *removed =
		arena_get(&t->a, size_mul(o->made->n + 1, sizeof(*removed)), _Alignof(uint32_t));
	for (size_t i = 0; i < o->made->n; i++) {
		const struct mail *m = folder_mail(s->was, o->made->to[i], &at);

		if (!m)
			continue;
		removed[s->nremoved++] = m->uid;
		expunge_one(t, s, m, now);
	}
	s->removed = removed;
	s->rec.modseq = txn_modseq(t);
	return OK;
}

WAITS err folder_copy(struct folder_view *v, const uint32_t *uids, size_t n, str to, bool move,
		      struct arena *a, struct copied *out)
{
	*out = (struct copied){ .from = NEW_TRY(a, uint32_t, n + 1),
				.to = NEW_TRY(a, uint32_t, n + 1) };
	if (!out->from || !out->to)
		return fail(E_LIMIT, "%zu UIDs do not fit", n);
	for (size_t done = 0; done < n || !n;) {
		struct copied before = *out;
		struct op_copy o = {
			.op = { .run = run_copy },
			.view = view_of(v),
			.uids = uids + done,
			.n = n - done < COPY_STEP ? n - done : COPY_STEP,
			.to = to,
			.move = move,
			.out = out,
		};

		err e = op_run(v->box, &o.op);
		if (e != OK && !move && before.n) {
			struct op_undo u = { .op = { .run = run_undo }, .to = to, .made = &before };

			if (op_run(v->box, &u.op) != OK)
				LOG(LOG_WARN, "mailbox.copy.undo", KE(err_last()->code));
		}
		if (e != OK && !move)
			before.n = 0;
		if (e != OK)
			*out = before;
		TRY(e);
		done += o.n;
		if (!n)
			break;
	}
	return OK;
}
