/* Expunging: a mail leaves its folder and the quota at once, and the disk when its time is over. */
#include "services/mailbox/box.h"

#include "run/clock.h"

enum { STEP = 1000 }; /* mails of one commit */

struct op_expunge {
	struct op op;
	struct view *view;
	const uint32_t *uids; /* NULL: all */
	size_t n;
	bool more;
};

void expunge_one(struct txn *t, struct staged *s, const struct mail *m, uint64_t now)
{
	struct key key = key_num3(KEY_EXPUNGED, now, s->rec.id, m->uid);
	struct buf row;

	buf_init(&row, 256);
	mail_rec_add(&row, m);
	kv_put(t->batch, key_str(&key), buf_str(&row));
	buf_free(&row);
	folder_count(&s->rec, m, -1);
	if (!folder_counts(&s->rec))
		return;
	t->rec.used -= m->size;
	t->rec.mails--;
}

static err run_expunge(struct txn *t, struct op *op)
{
	struct op_expunge *o = CONTAINER(op, struct op_expunge, op);
	uint64_t now = (uint64_t)clock_unix_ms();
	struct staged *s;
	size_t at = 0;

	TRY(view_stage(t, o->view, &s));
	const struct folder *f = s->was;
	size_t all = o->uids ? o->n : f->n;
	uint32_t *removed = arena_get(&t->a, STEP * sizeof(*removed), _Alignof(uint32_t));
	for (size_t i = 0; i < all; i++) {
		const struct mail *m = o->uids ? folder_mail(f, o->uids[i], &at) : &f->snap->v[i];

		if (!m || !(m->flags & FLAG_DELETED))
			continue;
		if (s->nremoved == STEP) {
			o->more = true;
			break;
		}
		removed[s->nremoved++] = m->uid;
		expunge_one(t, s, m, now);
	}
	s->removed = removed;
	if (s->nremoved)
		s->rec.modseq = txn_modseq(t);
	return OK;
}

WAITS err folder_expunge(struct folder_view *v, const uint32_t *uids, size_t n)
{
	struct op_expunge o = { .more = true };

	while (o.more) {
		o = (struct op_expunge){
			.op = { .run = run_expunge }, .view = view_of(v), .uids = uids, .n = n
		};
		TRY(op_run(v->box, &o.op));
	}
	return OK;
}
