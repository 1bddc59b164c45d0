/* What deliveries held back. Each such mail has a row under the time when it came, so that who got
 * something lately is found without opening boxes, and what is over its time in quarantine, too; a
 * row whose mail is gone means nothing and goes when its time is over. */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/clock.h"
#include "run/work.h"

void held_note(struct txn *t, const struct staged *s, uint32_t uid)
{
	struct key key = key_num3(KEY_HELD, (uint64_t)clock_unix_ms(), s->rec.id, uid);

	kv_put(t->batch, key_str(&key), STR(""));
}

static err rows_of(struct kv *kv, str part, int64_t since, int64_t until, size_t max,
		   struct arena *a, struct kv_row **rows, size_t *n, bool *more)
{
	struct key from = key_num(KEY_HELD, (uint64_t)since),
		   to = key_num(KEY_HELD, (uint64_t)until);

	return kv_range(kv, part, key_str(&from), key_str(&to), true, max, a, rows, n, more);
}

/* ---- one user's ---- */
struct held_job {
	struct box *b;
	int64_t since, until;
	size_t max, n;
	struct arena *a;
	struct held *v;
	bool more;
};

static err read_held(void *arg)
{
	struct held_job *j = arg;
	struct kv_row *rows;

	TRY(rows_of(j->b->store->kv, str_z(j->b->part), j->since, j->until, j->max, j->a, &rows,
		    &j->n, &j->more));
	j->v = arena_get(j->a, size_mul(j->n + 1, sizeof(*j->v)), _Alignof(struct held));
	for (size_t i = 0; i < j->n; i++) {
		struct cur c = { .rest = str_skip(rows[i].key, 1) };
		struct held *h = &j->v[j->n - 1 - i];

		h->at = (int64_t)cur_u64(&c);
		h->folder = cur_u64(&c);
		h->uid = cur_u32(&c);
		TRY(c.e);
	}
	return OK;
}

WAITS err box_held(struct box *b, int64_t since, int64_t until, size_t max, struct arena *a,
		   struct held **v, size_t *n, bool *more)
{
	struct held_job j = { .b = b, .since = since, .until = until, .max = max, .a = a };

	TRY(work(POOL_DISK, read_held, &j));
	*v = j.v;
	*n = j.n;
	*more = j.more;
	return OK;
}

/* ---- who got something ---- */
struct look_job {
	struct mailstore *m;
	int64_t since, until;
	uint64_t after, *users;
	size_t n;
	bool end;
};

static err look_part(struct look_job *j, str part, struct arena *a)
{
	struct kv_row *rows;
	uint64_t user;
	size_t n;
	bool more;

	if (part_user(part, &user) != OK)
		return OK;
	j->after = user;
	TRY(rows_of(j->m->kv, part, j->since, j->until, 1, a, &rows, &n, &more));
	if (n)
		j->users[j->n++] = user;
	return OK;
}

static err look(void *arg)
{
	struct look_job *j = arg;
	char after[PART_NAME];
	struct arena a;
	str *names;
	size_t n;

	arena_init(&a, MIB(4));
	err e = kv_parts(j->m->kv, STR("u/"), part_name(j->after, after), HELD_LOOK, &a, &names,
			 &n);
	for (size_t i = 0; i < n && e == OK; i++)
		e = look_part(j, names[i], &a);
	j->end = e == OK && n < HELD_LOOK;
	arena_free(&a);
	return e;
}

WAITS err mailstore_held(struct mailstore *m, int64_t since, int64_t until, uint64_t *after,
			 uint64_t users[HELD_LOOK], size_t *n, bool *end)
{
	struct look_job j = {
		.m = m, .since = since, .until = until, .after = *after, .users = users
	};
	err e = work(POOL_DISK, look, &j);

	*after = j.after;
	*n = j.n;
	*end = j.end;
	return e;
}

/* ---- where it is ---- */
/* As place_folder has it. Box's mutex held. */
static const struct folder *find_place(const struct box *b, enum folder_use place)
{
	for (size_t i = 0; i < b->nfolders; i++)
		if (b->folders[i]->rec.use == place && !b->folders[i]->rec.noselect)
			return b->folders[i];
	return place == USE_JUNK ? box_find(b, STR("Spam")) : NULL;
}

WAITS err place_id(struct box *b, enum folder_use place, uint64_t *folder)
{
	TRY(box_fresh(b));
	(void)pthread_mutex_lock(&b->mu);
	const struct folder *f = find_place(b, place);

	*folder = f ? f->rec.id : 0;
	(void)pthread_mutex_unlock(&b->mu);
	return *folder ? OK : fail(E_NOTFOUND, "nothing was ever held back there");
}

WAITS err place_open(struct box *b, enum folder_use place, struct folder_view **out)
{
	CLEANUP(arena_free) struct arena a;
	str name = STR("");

	arena_init(&a, KIB(64));
	if (place == USE_QUARANTINE)
		return quarantine_open(b, out);
	TRY(box_fresh(b));
	(void)pthread_mutex_lock(&b->mu);
	const struct folder *f = find_place(b, place);

	if (f)
		name = arena_dup(&a, f->rec.name);
	(void)pthread_mutex_unlock(&b->mu);
	return name.n ? folder_open(b, name, true, out) : E_NOTFOUND;
}
