/* The quarantine: what lies beyond a recipient's level, out of every client's sight and outside the
 * quota, until somebody releases it or its time is over. */
#include "services/mailbox/box.h"

#include <stdlib.h>
#include <string.h>

#include "run/clock.h"
#include "run/work.h"

static struct staged *make(struct txn *t, enum folder_use place)
{
	struct staged *s;

	if (place == USE_QUARANTINE)
		return txn_new_folder(t, STR(QUARANTINE), place);
	/* The user's own folder of that name will do. */
	s = txn_folder(t, STR("Spam"));
	if (s && !s->rec.noselect)
		return s;
	if (s)
		return NULL;
	s = txn_new_folder(t, STR("Spam"), place);
	s->rec.subscribed = true;
	return s;
}

err place_folder(struct txn *t, enum folder_use place, struct staged **out)
{
	*out = txn_folder_for(t, place);
	if (!*out)
		*out = make(t, place);
	if (!*out || (*out)->rec.noselect)
		*out = txn_folder(t, STR("INBOX"));
	return *out ? OK : fail(E_CORRUPT, "%s has no INBOX", t->b->part);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* uids[n], in any order, leave s. */
static err expunge(struct txn *t, struct staged *s, uint32_t *uids, size_t n)
{
	uint64_t now = (uint64_t)clock_unix_ms();
	size_t at = 0, removed = 0;

	if (!n || !s->was)
		return OK;
	TRY(folder_load(t->b, s->was));
	qsort(uids, n, sizeof(*uids), by_number);
	for (size_t i = 0; i < n; i++) {
		const struct mail *m = folder_mail(s->was, uids[i], &at);

		if (!m || (removed && uids[removed - 1] == m->uid))
			continue;
		expunge_one(t, s, m, now);
		uids[removed++] = m->uid;
	}
	s->removed = uids;
	s->nremoved = removed;
	if (removed)
		s->rec.modseq = txn_modseq(t);
	return OK;
}

err quarantine_expire(struct txn *t, uint64_t before, size_t max, bool *more)
{
	struct key from = key_plain(KEY_HELD), to = key_num(KEY_HELD, before);
	struct staged *s = txn_folder_for(t, USE_QUARANTINE);
	uint32_t *uids = arena_get(&t->a, size_mul(max + 1, sizeof(*uids)), _Alignof(uint32_t));
	struct kv_row *rows;
	size_t n, due = 0;

	TRY(kv_range(t->b->store->kv, str_z(t->b->part), key_str(&from), key_str(&to), false, max,
		     &t->a, &rows, &n, more));
	for (size_t i = 0; i < n; i++) {
		struct cur c = { .rest = str_skip(rows[i].key, 9) };
		uint64_t folder = cur_u64(&c);
		uint32_t uid = cur_u32(&c);

		if (s && s->rec.id == folder && c.e == OK)
			uids[due++] = uid;
		kv_del(t->batch, rows[i].key);
		t->dirty = true;
	}
	return s ? expunge(t, s, uids, due) : OK;
}

/* ---- by hand ---- */
struct op_delete {
	struct op op;
	struct view *view;
	const uint32_t *uids;
	size_t n;
};

static err run_delete(struct txn *t, struct op *op)
{
	struct op_delete *o = CONTAINER(op, struct op_delete, op);
	uint32_t *own = arena_get(&t->a, size_mul(o->n + 1, sizeof(*own)), _Alignof(uint32_t));
	struct staged *s;

	TRY(view_stage(t, o->view, &s));
	if (o->n)
		memcpy(own, o->uids, o->n * sizeof(*own));
	return expunge(t, s, own, o->n);
}

WAITS err quarantine_delete(struct folder_view *v, const uint32_t *uids, size_t n)
{
	struct op_delete o = {
		.op = { .run = run_delete }, .view = view_of(v), .uids = uids, .n = n
	};

	return op_run(v->box, &o.op);
}

/* ---- whose quarantine has something ---- */
struct look_job {
	struct mailstore *m;
	uint64_t after, *users;
	size_t max, n;
};

static err look_part(struct look_job *j, str part, struct arena *a)
{
	struct key from = key_plain(KEY_HELD), to = key_plain(KEY_HELD + 1);
	struct kv_row *rows;
	uint64_t user;
	size_t n;
	bool more;

	if (part_user(part, &user) != OK)
		return OK;
	TRY(kv_range(j->m->kv, part, key_str(&from), key_str(&to), false, 1, a, &rows, &n, &more));
	if (n)
		j->users[j->n++] = user;
	return OK;
}

static err look(void *arg)
{
	enum { PAGE = 500 };
	struct look_job *j = arg;
	char after[PART_NAME];
	str at = part_name(j->after, after), *names;
	struct arena a;
	size_t n = PAGE;
	err e = OK;

	arena_init(&a, MIB(4));
	while (e == OK && n == PAGE && j->n < j->max) {
		char last[PART_NAME];

		arena_reset(&a);
		e = kv_parts(j->m->kv, STR("u/"), at, PAGE, &a, &names, &n);
		for (size_t i = 0; i < n && e == OK && j->n < j->max; i++)
			e = look_part(j, names[i], &a);
		if (e == OK && n)
			e = str_to_z(names[n - 1], last, sizeof(last));
		if (e == OK && n) {
			memcpy(after, last, sizeof(after));
			at = str_z(after);
		}
	}
	arena_free(&a);
	return e;
}

WAITS err mailstore_quarantined(struct mailstore *m, uint64_t after, uint64_t *users, size_t max,
				size_t *n)
{
	struct look_job j = { .m = m, .after = after, .users = users, .max = max };
	err e = work(POOL_DISK, look, &j);

	*n = j.n;
	return e;
}
