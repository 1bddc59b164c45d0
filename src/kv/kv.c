#include "kv/engine.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "run/log.h"

err kv_open_rocksdb(const struct kv_options *o, struct kv **out)
{
	struct engine *e;

	TRY(engine_rocksdb(o->dir, o->existing, &e));
	*out = MEM_NEW(struct kv);
	**out = (struct kv){ .engine = e, .reserve = o->reserve };
	commit_init(*out);
	blob_init(*out);
	return OK;
}

err kv_open_memory(struct kv **out)
{
	*out = MEM_NEW(struct kv);
	**out = (struct kv){ .engine = engine_memory() };
	commit_init(*out);
	blob_init(*out);
	return OK;
}

void kv_close(struct kv *k)
{
	if (!k)
		return;
	err e = commit_settle(k);
	(void)e; /* what nobody has referred to */
	blob_end(k);
	commit_end(k);
	/* RocksDB asserts that a log which failed is not touched again, by closing either: it stays
	 * open until the process ends. */
	if (!k->broken)
		k->engine->ops->close(k->engine);
	mem_free(k);
}

void kv_pretend_full(struct kv *k, bool full)
{
	k->pretend_full = full;
}

void checked_add(struct buf *out, str key, str value)
{
	buf_add(out, value);
	buf_u32(out, hash_crc32c(hash_crc32c(0, key), value));
}

err checked_take(str key, str stored, str *value)
{
	str plain = str_take(stored, stored.n - 4);
	struct cur c = { .rest = str_skip(stored, plain.n) };

	if (stored.n < 4 || cur_u32(&c) != hash_crc32c(hash_crc32c(0, key), plain))
		return fail(E_CORRUPT, "checksum of a stored row of %zu octets", stored.n);
	*value = plain;
	return OK;
}

err kv_epoch(struct kv *k, str part, uint64_t *epoch)
{
	struct buf b;
	str v = STR("");

	buf_init(&b, 64);
	err e = k->engine->ops->get(k->engine, SPACE_PARTS, part, &b);
	if (e == OK)
		e = checked_take(part, buf_str(&b), &v);
	struct cur c = { .rest = v };
	*epoch = e == OK ? cur_u64(&c) : 0;
	buf_free(&b);
	return e == E_NOTFOUND ? OK : e;
}

/* The engine's key of a row; "" as key gives the partition's start. */
static void row_key(struct buf *out, str part, str key)
{
	buf_add(out, part);
	buf_addc(out, '\0');
	buf_add(out, key);
}

err kv_get(struct kv *k, str part, str key, struct arena *a, str *value)
{
	struct buf full, b;
	str plain = STR("");

	buf_init(&full, 2 * LIM_KV_KEY);
	buf_init(&b, LIM_KV_VALUE + 64);
	row_key(&full, part, key);
	err e = buf_done(&full);
	if (e == OK)
		e = k->engine->ops->get(k->engine, SPACE_ROWS, buf_str(&full), &b);
	if (e == OK)
		e = checked_take(buf_str(&full), buf_str(&b), &plain);
	if (e == OK) {
		*value = arena_dup(a, plain);
		if (!value->p)
			e = fail(E_LIMIT, "a value of %zu octets", plain.n);
	}
	buf_free(&full);
	buf_free(&b);
	return e;
}

/* ---- ranges ---- */
struct collect {
	struct arena *a;
	struct kv_row *rows;
	size_t n, cap, max, skip; /* skip: octets of the partition's name and its NUL */
	bool more;
	err e;
};

static bool collect_grow(struct collect *c)
{
	if (c->n < c->cap)
		return true;
	size_t cap = c->cap ? size_mul(c->cap, 2) : 16;
	struct kv_row *rows = NEW_TRY(c->a, struct kv_row, cap);

	if (!rows)
		return false;
	if (c->n)
		memcpy(rows, c->rows, c->n * sizeof(*rows));
	c->rows = rows;
	c->cap = cap;
	return true;
}

static bool collect_row(void *arg, str key, str stored)
{
	struct collect *c = arg;
	str value;

	if (c->n == c->max) {
		c->more = true;
		return false;
	}
	c->e = checked_take(key, stored, &value);
	if (c->e != OK)
		return false;
	struct kv_row r = { arena_dup(c->a, str_skip(key, c->skip)), STR("") };
	if (r.key.p)
		r.value = arena_dup(c->a, value);
	if (!r.key.p || !r.value.p || !collect_grow(c)) {
		c->e = fail(E_LIMIT, "rows of a range do not fit");
		return false;
	}
	c->rows[c->n++] = r;
	return true;
}

err kv_range(struct kv *k, str part, str from, str to, bool reverse, size_t max, struct arena *a,
	     struct kv_row **rows, size_t *n, bool *more)
{
	struct collect c = { .a = a, .max = max, .skip = part.n + 1 };
	struct buf f, t;

	buf_init(&f, 2 * LIM_KV_KEY);
	buf_init(&t, 2 * LIM_KV_KEY);
	row_key(&f, part, from);
	if (to.n) {
		row_key(&t, part, to);
	} else {
		buf_add(&t, part);
		buf_addc(&t, '\1'); /* just behind the partition, whose names have no NUL */
	}
	err e = f.e != OK ? f.e : t.e;
	if (e == OK)
		e = k->engine->ops->range(k->engine, SPACE_ROWS, buf_str(&f), buf_str(&t), reverse,
					  collect_row, &c);
	buf_free(&f);
	buf_free(&t);
	*rows = c.rows;
	*n = c.n;
	*more = c.more;
	return e != OK ? e : c.e;
}

/* Names alone, without looking at values. */
struct names {
	struct arena *a;
	str *v, prefix, after;
	size_t n, max;
	err e;
};

static bool name_row(void *arg, str key, str value)
{
	struct names *c = arg;

	(void)value;
	if (c->n == c->max || !str_starts(key, c->prefix))
		return false;
	if (str_eq(key, c->after))
		return true;
	c->v[c->n] = arena_dup(c->a, key);
	if (!c->v[c->n].p) {
		c->e = fail(E_LIMIT, "names of partitions do not fit");
		return false;
	}
	c->n++;
	return true;
}

err kv_parts(struct kv *k, str prefix, str after, size_t max, struct arena *a, str **names,
	     size_t *n)
{
	struct names c = { .a = a, .prefix = prefix, .after = after, .max = max };
	str from = str_cmp(after, prefix) > 0 ? after : prefix;

	*n = 0;
	c.v = *names = NEW_TRY(a, str, max);
	if (!c.v)
		return fail(E_LIMIT, "%zu names of partitions do not fit", max);
	TRY(k->engine->ops->range(k->engine, SPACE_PARTS, from, STR(""), false, name_row, &c));
	*n = c.n;
	return c.e;
}

/* ---- care ---- */
err kv_space(struct kv *k, struct kv_space *out)
{
	TRY(k->engine->ops->space(k->engine, &out->used, &out->free));
	out->full = k->pretend_full || out->free < k->reserve || out->free < LIM_KV_FLOOR;
	return OK;
}

static err room_for(struct kv *k, uint64_t octets)
{
	uint64_t left;

	TRY(k->engine->ops->space(k->engine, NULL, &left));
	if (left < octets)
		return fail(E_FULL, "the disk's reserve is reached: %llu octets free, %llu kept",
			    (unsigned long long)left, (unsigned long long)octets);
	return OK;
}

err kv_room(struct kv *k)
{
	if (k->pretend_full)
		return fail(E_FULL, "the disk's reserve is reached");
	return room_for(k, k->reserve > LIM_KV_FLOOR ? k->reserve : LIM_KV_FLOOR);
}

bool kv_broken(struct kv *k)
{
	return k->broken;
}

err kv_write(struct kv *k, const struct change *v, size_t n, bool sync)
{
	uint64_t octets = LIM_KV_FLOOR;

	for (size_t i = 0; i < n; i++)
		octets += v[i].key.n + v[i].value.n;
	TRY(room_for(k, octets));
	if (k->broken)
		return fail(E_IO, "an earlier write failed: nothing more is written until the "
				  "store is opened anew");
	err e = k->engine->ops->write(k->engine, v, n, sync);
	if (e != OK && !atomic_exchange(&k->broken, true))
		LOG(LOG_ERROR, "kv.broken", KE(e));
	return e;
}

err kv_tidy(struct kv *k)
{
	TRY(commit_settle(k));
	return k->engine->ops->tidy(k->engine);
}

err kv_compact(struct kv *k)
{
	TRY(commit_settle(k));
	return k->engine->ops->compact(k->engine);
}

err kv_checkpoint(struct kv *k, const char *dir)
{
	TRY(commit_settle(k));
	return k->engine->ops->checkpoint(k->engine, dir);
}
