/* Bodies: blobs with a unique id, whose tag names the users that may refer to them. Each partition
 * counts its own references, so to reclaim one asks just the named partitions. A body is written
 * before the first commit that refers to it: a crash leaves at worst a body without references,
 * which the sweep finds by its age. */
#include "services/mailbox/box.h"

#include <string.h>
#include <sys/random.h>

#include "run/clock.h"

void body_new_id(struct body_id *id)
{
	int64_t ms = clock_unix_ms();

	/* Without the kernel's randomness the process could not do TLS either. */
	if (getrandom(id->b, sizeof(id->b), 0) != sizeof(id->b))
		memset(id->b, 0, sizeof(id->b));
	for (size_t i = 0; i < 6; i++)
		id->b[i] = (uint8_t)(ms >> (40 - 8 * i) & 0xff);
}

void body_inflight(struct mailstore *m, const struct body_id *id, bool on)
{
	(void)pthread_mutex_lock(&m->mu);
	if (on)
		(void)map_put(&m->inflight, body_str(id), m);
	else
		(void)map_remove(&m->inflight, body_str(id));
	(void)pthread_mutex_unlock(&m->mu);
}

static bool is_inflight(struct mailstore *m, const struct body_id *id)
{
	(void)pthread_mutex_lock(&m->mu);
	bool is = map_get(&m->inflight, body_str(id)) != NULL;
	(void)pthread_mutex_unlock(&m->mu);
	return is;
}

err body_put(struct mailstore *m, const struct body_id *id, const uint64_t *users, size_t n,
	     str bytes)
{
	struct buf tag;

	buf_init(&tag, LIM_KV_TAG);
	for (size_t i = 0; i < n; i++)
		buf_u64(&tag, users[i]);
	err e = buf_done(&tag);
	if (e == OK)
		e = kv_blob_put_tagged(m->kv, body_str(id), buf_str(&tag), bytes);
	buf_free(&tag);
	return e;
}

/* ---- references of one partition ---- */
struct count {
	struct count *next;
	struct body_id id;
	uint64_t n;
};

static err stored_count(struct txn *t, const struct body_id *id, uint64_t *n)
{
	struct key key = key_text(KEY_BODY, body_str(id));
	str row;

	err e = kv_get(t->b->store->kv, str_z(t->b->part), key_str(&key), &t->a, &row);
	*n = 0;
	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	struct cur c = { .rest = row };
	*n = cur_varint(&c);
	return OK;
}

err body_count(struct txn *t, const struct body_id *id, int by, bool *dropped)
{
	struct count *c = t->counts;

	while (c && memcmp(c->id.b, id->b, sizeof(id->b)) != 0)
		c = c->next;
	if (!c) {
		c = NEW(&t->a, struct count);
		c->id = *id;
		TRY(stored_count(t, id, &c->n));
		c->next = t->counts;
		t->counts = c;
	}
	if (by < 0 && !c->n)
		return fail(E_CORRUPT, "a body of %s has fewer references than mails", t->b->part);
	c->n += (uint64_t)by;
	*dropped = !c->n;
	return OK;
}

void body_counts_put(struct txn *t)
{
	struct buf row;

	buf_init(&row, 16);
	for (const struct count *c = t->counts; c; c = c->next) {
		struct key key = key_text(KEY_BODY, body_str(&c->id));

		buf_reset(&row);
		buf_varint(&row, c->n);
		if (c->n)
			kv_put(t->batch, key_str(&key), buf_str(&row));
		else
			kv_del(t->batch, key_str(&key));
	}
	buf_free(&row);
}

/* ---- reclaiming ---- */
static err is_referred(struct mailstore *m, const struct body_id *id, struct arena *a, bool *is)
{
	struct key key = key_text(KEY_BODY, body_str(id));
	str tag, row;

	TRY(kv_blob_tag(m->kv, body_str(id), a, &tag));
	struct cur c = { .rest = tag };
	while (c.rest.n && c.e == OK) {
		char name[PART_NAME];
		str part = part_name(cur_u64(&c), name);

		err e = kv_get(m->kv, part, key_str(&key), a, &row);
		*is = e == OK;
		if (e != E_NOTFOUND)
			return e;
	}
	*is = false;
	return OK;
}

err body_reclaim(struct mailstore *m, const struct body_id *id, struct reclaimed *gone)
{
	struct arena a;
	bool is = true;
	uint64_t size;

	if (m->o.body_age > 0 && clock_unix_ms() - body_made(id) < m->o.body_age)
		return OK;
	/* Asked before the partitions: a delivery commits its reference before it leaves the set.
	 */
	if (is_inflight(m, id))
		return OK;
	arena_init(&a, MIB(1));
	err e = is_referred(m, id, &a, &is);
	arena_free(&a);
	if (e == OK && !is)
		e = kv_blob_size(m->kv, body_str(id), &size);
	if (e == E_NOTFOUND)
		return OK;
	TRY(e);
	if (is)
		return OK;
	TRY(kv_blob_del(m->kv, body_str(id)));
	gone->bodies++;
	gone->octets += size;
	return OK;
}
