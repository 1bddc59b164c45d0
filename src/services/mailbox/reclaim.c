/* Reclaiming: expunged mail whose time is over, deleted folders, forgotten deliveries, bodies
 * without references. In small steps, each a commit of its own, so that nobody waits long. */
#include "services/mailbox/box.h"

#include <string.h>

#include "run/clock.h"
#include "run/log.h"
#include "run/work.h"

enum {
	STEP_ROWS = 200,
	PAGE = 500,
	SWEEP_PAGES = 100, /* of a run: a look at 50,000 bodies takes about a second */
	DELIVERY_SECONDS = 7 * 24 * 3600, /* a queue gives up after five days */
	TIDY_OCTETS = 16 << 20,		  /* of bodies gone in one run: worth a look at the disk */
};

/* ---- one box ---- */
struct op_reclaim {
	struct op op;
	uint64_t before, now, quarantine; /* milliseconds since 1970 */
	struct body_id dropped[STEP_ROWS];
	size_t ndropped;
	bool more;
};

/* The mail's rows go; its body is remembered when this was its last reference here. */
static err reclaim_mail(struct txn *t, struct op_reclaim *o, uint64_t folder, uint32_t uid)
{
	struct key key = key_num2(KEY_CACHE, folder, uid);
	struct cache_rec rec;
	bool dropped;
	str row;

	err e = kv_get(t->b->store->kv, str_z(t->b->part), key_str(&key), &t->a, &row);
	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	TRY(cache_rec_read(row, &rec));
	TRY(body_count(t, &rec.body, -1, &dropped));
	kv_del(t->batch, key_str(&key));
	if (dropped)
		o->dropped[o->ndropped++] = rec.body;
	return OK;
}

static err rows_between(struct txn *t, struct key from, struct key to, size_t max,
			struct kv_row **rows, size_t *n, bool *more)
{
	return kv_range(t->b->store->kv, str_z(t->b->part), key_str(&from), key_str(&to), false,
			max, &t->a, rows, n, more);
}

static err reclaim_expunged(struct txn *t, struct op_reclaim *o)
{
	struct kv_row *rows;
	size_t n;

	TRY(rows_between(t, key_plain(KEY_EXPUNGED), key_num(KEY_EXPUNGED, o->before), STEP_ROWS,
			 &rows, &n, &o->more));
	for (size_t i = 0; i < n; i++) {
		struct cur c = { .rest = str_skip(rows[i].key, 9) };
		uint64_t folder = cur_u64(&c);

		TRY(reclaim_mail(t, o, folder, cur_u32(&c)));
		kv_del(t->batch, rows[i].key);
		t->dirty = true;
	}
	return OK;
}

/* The oldest deleted folder loses a step of its mails, and its own row when there are none left. */
static err reclaim_grave(struct txn *t, struct op_reclaim *o)
{
	struct kv_row *graves, *rows;
	size_t n;
	bool more;

	TRY(rows_between(t, key_plain(KEY_GRAVE), key_num(KEY_GRAVE, o->before), 1, &graves, &n,
			 &more));
	if (!n)
		return OK;
	struct cur c = { .rest = str_skip(graves[0].key, 9) };
	uint64_t folder = cur_u64(&c);
	bool others = more;
	TRY(rows_between(t, key_num(KEY_MAIL, folder), key_num(KEY_MAIL, folder + 1), STEP_ROWS,
			 &rows, &n, &more));
	for (size_t i = 0; i < n; i++) {
		struct cur uid = { .rest = str_skip(rows[i].key, 9) };

		TRY(reclaim_mail(t, o, folder, cur_u32(&uid)));
		kv_del(t->batch, rows[i].key);
	}
	if (!more)
		kv_del(t->batch, graves[0].key);
	t->dirty = true;
	o->more = others || more;
	return OK;
}

static err forget_deliveries(struct txn *t, struct op_reclaim *o)
{
	uint64_t now = o->now / 1000, before = now > DELIVERY_SECONDS ? now - DELIVERY_SECONDS : 0;
	struct key to = t->rec.deliveries > LIM_DELIVERIES ? key_plain(KEY_DELIVERED + 1)
							   : key_num(KEY_DELIVERED, before);
	struct kv_row *rows;
	size_t n;
	bool more;

	TRY(rows_between(t, key_plain(KEY_DELIVERED), to, STEP_ROWS, &rows, &n, &more));
	for (size_t i = 0; i < n; i++) {
		struct key id = key_text(KEY_DELIVERY, str_skip(rows[i].key, 9));

		kv_del(t->batch, rows[i].key);
		kv_del(t->batch, key_str(&id));
		t->rec.deliveries -= t->rec.deliveries > 0;
		t->dirty = true;
	}
	o->more = o->more || more;
	return OK;
}

static err run_reclaim(struct txn *t, struct op *op)
{
	struct op_reclaim *o = CONTAINER(op, struct op_reclaim, op);

	TRY(quarantine_expire(t, o->quarantine, STEP_ROWS, &o->more));
	if (!o->more)
		TRY(reclaim_expunged(t, o));
	if (!o->more)
		TRY(reclaim_grave(t, o));
	if (!o->more)
		TRY(forget_deliveries(t, o));
	return OK;
}

struct bodies_job {
	struct mailstore *m;
	const struct body_id *ids;
	size_t n;
	struct reclaimed *gone;
};

static err reclaim_bodies(void *arg)
{
	struct bodies_job *j = arg;
	for (size_t i = 0; i < j->n; i++)
		TRY(body_reclaim(j->m, &j->ids[i], j->gone));
	return OK;
}

WAITS static err reclaim_box(struct mailstore *m, uint64_t user, struct reclaimed *gone)
{
	struct op_reclaim *o = MEM_NEW(struct op_reclaim);
	uint64_t now = (uint64_t)clock_unix_ms(), keep = (uint64_t)m->o.keep_expunged;
	uint64_t quarantine = (uint64_t)m->o.keep_quarantine;
	struct box *b = NULL;

	err e = box_open_stored(m, user, &b);
	do {
		*o = (struct op_reclaim){ .op = { .run = run_reclaim }, .now = now };
		o->before = now > keep ? now - keep + 1 : 0;
		o->quarantine = now > quarantine ? now - quarantine + 1 : 0;
		if (e == OK)
			e = op_run(b, &o->op);
		struct bodies_job j = { .m = m, .ids = o->dropped, .n = o->ndropped, .gone = gone };
		if (e == OK && o->ndropped)
			e = work(POOL_DISK, reclaim_bodies, &j);
	} while (e == OK && o->more);
	box_drop(b);
	mem_free(o);
	return e;
}

/* ---- all boxes: which have something to do? ---- */
struct look_job {
	struct mailstore *m;
	char after[PART_NAME];
	uint64_t users[PAGE], before, forget, quarantine;
	size_t n;
	bool end;
};

static err has_rows(struct mailstore *m, str part, char what, uint64_t before, struct arena *a,
		    bool *has)
{
	struct key from = key_plain(what), to = key_num(what, before);
	struct kv_row *rows;
	size_t n;
	bool more;

	TRY(kv_range(m->kv, part, key_str(&from), key_str(&to), false, 1, a, &rows, &n, &more));
	*has = *has || n;
	return OK;
}

static err look_part(struct look_job *j, str part, struct arena *a)
{
	bool has = false;
	uint64_t user;

	if (part_user(part, &user) != OK)
		return OK;
	TRY(has_rows(j->m, part, KEY_EXPUNGED, j->before, a, &has));
	TRY(has_rows(j->m, part, KEY_GRAVE, j->before, a, &has));
	TRY(has_rows(j->m, part, KEY_DELIVERED, j->forget, a, &has));
	TRY(has_rows(j->m, part, KEY_HELD, j->quarantine, a, &has));
	if (has)
		j->users[j->n++] = user;
	return OK;
}

static err look_page(void *arg)
{
	struct look_job *j = arg;
	struct arena a;
	str *names;
	size_t n;

	j->n = 0;
	arena_init(&a, MIB(4));
	err e = kv_parts(j->m->kv, STR("u/"), str_z(j->after), PAGE, &a, &names, &n);
	for (size_t i = 0; i < n && e == OK; i++)
		e = look_part(j, names[i], &a);
	if (e == OK && n)
		e = str_to_z(names[n - 1], j->after, sizeof(j->after));
	j->end = n < PAGE;
	arena_free(&a);
	return e;
}

WAITS static err reclaim_boxes(struct mailstore *m, struct reclaimed *gone)
{
	struct look_job *j = MEM_NEW(struct look_job);
	uint64_t now = (uint64_t)clock_unix_ms(), keep = (uint64_t)m->o.keep_expunged;
	err e = OK;

	j->m = m;
	j->before = now > keep ? now - keep + 1 : 0;
	j->quarantine =
		now > (uint64_t)m->o.keep_quarantine ? now - (uint64_t)m->o.keep_quarantine + 1 : 0;
	j->forget = now / 1000 > DELIVERY_SECONDS ? now / 1000 - DELIVERY_SECONDS : 0;
	while (e == OK && !j->end) {
		e = work(POOL_DISK, look_page, j);
		for (size_t i = 0; i < j->n && e == OK; i++)
			e = reclaim_box(m, j->users[i], gone);
	}
	mem_free(j);
	return e;
}

/* ---- orphans: a stretch of all bodies in each run, going on where the last one ended ---- */
struct sweep_job {
	struct mailstore *m;
	bool end;
	struct reclaimed gone;
};

static err sweep_page(void *arg)
{
	struct sweep_job *j = arg;
	struct mailstore *m = j->m;
	struct arena a;
	str *ids;
	size_t n;

	arena_init(&a, MIB(4));
	err e = kv_blobs(m->kv, m->sweeping ? body_str(&m->swept) : STR(""), PAGE, &a, &ids, &n);
	for (size_t i = 0; i < n && e == OK; i++) {
		if (ids[i].n != sizeof(m->swept.b))
			continue; /* not a mail's: a queue may share the store */
		memcpy(m->swept.b, ids[i].p, ids[i].n);
		m->sweeping = true;
		e = body_reclaim(m, &m->swept, &j->gone);
	}
	j->end = n < PAGE;
	if (j->end)
		m->sweeping = false;
	arena_free(&a);
	return e;
}

static err tidy(void *arg)
{
	return kv_tidy(arg);
}

WAITS err mailstore_reclaim(struct mailstore *m)
{
	struct sweep_job j = { .m = m };
	struct reclaimed gone = { 0 };

	TRY(reclaim_boxes(m, &gone));
	for (size_t page = 0; page < SWEEP_PAGES && !j.end; page++)
		TRY(work(POOL_DISK, sweep_page, &j));
	if (j.gone.bodies || gone.bodies)
		LOG(LOG_INFO, "mailbox.reclaim", KI("bodies", gone.bodies),
		    KI("orphans", j.gone.bodies), KI("octets", gone.octets + j.gone.octets));
	if (gone.octets + j.gone.octets >= TIDY_OCTETS)
		return work(POOL_DISK, tidy, m->kv);
	return OK;
}
