/* Flags and keywords. */
#include "services/mailbox/box.h"

#include <string.h>

enum { STEP = 1000 }; /* mails of one commit */

struct op_store {
	struct op op;
	struct view *view;
	const uint32_t *uids;
	size_t n;
	const struct flag_change *change;
	uint32_t *modified;
	size_t nmodified;
	struct staged *staged;
};

static err keyword_bits(struct txn *t, struct staged *s, const struct flag_change *c,
			uint64_t *bits)
{
	size_t before = s->rec.nkeywords;

	*bits = 0;
	for (size_t i = 0; i < c->nkeywords; i++) {
		int bit = txn_keyword(t, s, c->keywords[i]);

		if (bit < 0)
			return fail(E_LIMIT, "a folder has room for %d keywords of %d octets",
				    LIM_KEYWORDS, LIM_KEYWORD);
		/* What is removed and was never there is not made. */
		if (c->op == FLAGS_REMOVE && (size_t)bit >= before)
			s->rec.nkeywords = before;
		else
			*bits |= 1ull << bit;
	}
	return OK;
}

static struct mail changed(const struct mail *old, const struct flag_change *c, uint64_t bits)
{
	struct mail m = *old;
	unsigned flags = c->flags & ~(unsigned)FLAG_RECENT;

	switch (c->op) {
	case FLAGS_SET:
		m.flags = flags;
		m.keywords = bits;
		break;
	case FLAGS_ADD:
		m.flags |= flags;
		m.keywords |= bits;
		break;
	case FLAGS_REMOVE:
		m.flags &= ~flags;
		m.keywords &= ~bits;
		break;
	}
	return m;
}

static err run_store(struct txn *t, struct op *op)
{
	struct op_store *o = CONTAINER(op, struct op_store, op);
	struct staged *s;
	uint64_t bits, modseq = 0;
	size_t at = 0;

	TRY(view_stage(t, o->view, &s));
	TRY(keyword_bits(t, s, o->change, &bits));
	s->changed =
		arena_get(&t->a, size_mul(o->n + 1, sizeof(struct mail)), _Alignof(struct mail));
	for (size_t i = 0; i < o->n; i++) {
		const struct mail *old = folder_mail(s->was, o->uids[i], &at);

		if (!old)
			continue;
		if (old->modseq > o->change->unchanged_since) {
			o->modified[o->nmodified++] = old->uid;
			continue;
		}
		struct mail m = changed(old, o->change, bits);
		if (m.flags == old->flags && m.keywords == old->keywords)
			continue;
		if (!modseq)
			modseq = txn_modseq(t);
		m.modseq = modseq;
		folder_count(&s->rec, old, -1);
		folder_count(&s->rec, &m, 1);
		s->changed[s->nchanged++] = m;
	}
	if (modseq)
		s->rec.modseq = modseq;
	o->staged = s;
	return OK;
}

static void done_store(struct txn *t, struct op *op)
{
	struct op_store *o = CONTAINER(op, struct op_store, op);

	if (o->staged->nchanged)
		view_apply(t, o->view, o->staged);
}

WAITS err folder_store(struct folder_view *v, const uint32_t *uids, size_t n,
		       const struct flag_change *c, struct arena *a, uint32_t **modified,
		       size_t *nmodified)
{
	uint32_t *refused = NEW_TRY(a, uint32_t, n + 1);
	size_t nrefused = 0;

	if (!refused)
		return fail(E_LIMIT, "%zu UIDs do not fit", n);
	for (size_t done = 0; done < n;) {
		struct op_store o = {
			.op = { .run = run_store, .done = done_store },
			.view = view_of(v),
			.uids = uids + done,
			.n = n - done < STEP ? n - done : STEP,
			.change = c,
			.modified = refused + nrefused,
		};

		TRY(op_run(v->box, &o.op));
		done += o.n;
		nrefused += o.nmodified;
	}
	*modified = refused;
	*nmodified = nrefused;
	return OK;
}
