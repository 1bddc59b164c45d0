/* The memory engine: each space is an array sorted by key. For tests: small, plain, forgetful. */
#include "kv/engine.h"

#include <string.h>

struct row {
	str key, value; /* owned, in one allocation that begins at key.p */
};
struct table {
	struct row *v;
	size_t n, cap;
};
struct memory {
	struct engine engine;
	pthread_mutex_t mu;
	struct table tables[SPACE_COUNT];
	uint64_t used;
};

static struct memory *of(struct engine *e)
{
	return CONTAINER(e, struct memory, engine);
}

/* Index of the first row with a key >= key. */
static size_t lower(const struct table *t, str key)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (str_cmp(t->v[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool at_key(const struct table *t, size_t i, str key)
{
	return i < t->n && str_eq(t->v[i].key, key);
}

static struct row row_new(str key, str value)
{
	char *p = mem_get(size_add(size_add(key.n, value.n), 1));

	memcpy(p, key.p, key.n);
	if (value.n)
		memcpy(p + key.n, value.p, value.n);
	return (struct row){ { p, key.n }, { p + key.n, value.n } };
}

static void row_free(struct memory *m, struct row *r)
{
	m->used -= r->key.n + r->value.n;
	mem_free((char *)(uintptr_t)r->key.p);
}

static void cut(struct memory *m, struct table *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		row_free(m, &t->v[i]);
	if (to < t->n)
		memmove(t->v + from, t->v + to, (t->n - to) * sizeof(*t->v));
	t->n -= to - from;
}

static void put(struct memory *m, struct table *t, str key, str value)
{
	size_t i = lower(t, key);

	m->used += key.n + value.n;
	if (at_key(t, i, key)) {
		struct row r = row_new(key, value);

		row_free(m, &t->v[i]);
		t->v[i] = r;
		return;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? size_mul(t->cap, 2) : 64;
		t->v = mem_resize(t->v, size_mul(t->cap, sizeof(*t->v)));
	}
	memmove(t->v + i + 1, t->v + i, (t->n - i) * sizeof(*t->v));
	t->v[i] = row_new(key, value);
	t->n++;
}

static err memory_write(struct engine *e, const struct change *v, size_t n, bool sync)
{
	struct memory *m = of(e);

	(void)sync;
	(void)pthread_mutex_lock(&m->mu);
	for (size_t i = 0; i < n; i++) {
		struct table *t = &m->tables[v[i].space];
		size_t at = lower(t, v[i].key);

		if (v[i].what == CHANGE_PUT)
			put(m, t, v[i].key, v[i].value);
		else if (v[i].what == CHANGE_DEL_RANGE)
			cut(m, t, at, lower(t, v[i].value));
		else if (at_key(t, at, v[i].key))
			cut(m, t, at, at + 1);
	}
	(void)pthread_mutex_unlock(&m->mu);
	return OK;
}

static err memory_get(struct engine *e, enum space s, str key, struct buf *out)
{
	struct memory *m = of(e);
	const struct table *t = &m->tables[s];

	(void)pthread_mutex_lock(&m->mu);
	size_t i = lower(t, key);
	bool there = at_key(t, i, key);
	if (there)
		buf_add(out, t->v[i].value);
	(void)pthread_mutex_unlock(&m->mu);
	return there ? buf_done(out) : E_NOTFOUND;
}

static err memory_range(struct engine *e, enum space s, str from, str to, bool reverse, row_fn *row,
			void *arg)
{
	struct memory *m = of(e);
	const struct table *t = &m->tables[s];

	(void)pthread_mutex_lock(&m->mu);
	size_t lo = lower(t, from), hi = to.n ? lower(t, to) : t->n;
	for (size_t i = 0; lo + i < hi; i++) {
		const struct row *r = &t->v[reverse ? hi - 1 - i : lo + i];

		if (!row(arg, r->key, r->value))
			break;
	}
	(void)pthread_mutex_unlock(&m->mu);
	return OK;
}

static err memory_space(struct engine *e, uint64_t *used, uint64_t *left)
{
	struct memory *m = of(e);

	(void)pthread_mutex_lock(&m->mu);
	if (used)
		*used = m->used;
	(void)pthread_mutex_unlock(&m->mu);
	*left = UINT64_MAX;
	return OK;
}

static err memory_compact(struct engine *e)
{
	(void)e;
	return OK;
}

static err memory_checkpoint(struct engine *e, const char *dir)
{
	(void)e;
	return fail(E_DENIED, "the memory engine keeps nothing in %s", dir);
}

static void memory_close(struct engine *e)
{
	struct memory *m = of(e);

	for (size_t s = 0; s < SPACE_COUNT; s++) {
		cut(m, &m->tables[s], 0, m->tables[s].n);
		mem_free(m->tables[s].v);
	}
	(void)pthread_mutex_destroy(&m->mu);
	mem_free(m);
}

struct engine *engine_memory(void)
{
	static const struct engine_ops ops = {
		memory_close, memory_get,     memory_range,   memory_write,
		memory_space, memory_compact, memory_compact, memory_checkpoint,
	};
	struct memory *m = MEM_NEW(struct memory);

	m->engine.ops = &ops;
	(void)pthread_mutex_init(&m->mu, NULL);
	return &m->engine;
}
