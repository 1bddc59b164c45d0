#include "services/zones/zones.h"

#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "services/zones/lookup.h"

enum { FIRST_SLOTS = 16 };

/* A slot is taken once and for all: zone NULL means that it was removed. */
struct slot {
	_Atomic uint64_t hash; /* 0: never taken */
	struct zone *_Atomic zone;
};
struct table {
	size_t nslots, taken;
	_Atomic uint64_t depths[2]; /* has zones of so many labels: one bit each */
	struct slot slots[];
};
/* What readers may still look at. */
struct retired {
	struct retired *next;
	struct zone *zone;
	struct table *table;
};
struct watcher {
	struct watcher *next;
	void (*fn)(void *arg, struct zone *old, struct zone *fresh);
	void *arg;
};
struct zones {
	struct table *_Atomic table;
	size_t n;
	struct watcher *watchers, **last_watcher;
	struct loop **readers;
	size_t nreaders;
	struct retired *retired; /* since the last grace period began */
	bool in_grace, dying;
};
/* Lives until each loop has come round. */
struct grace {
	struct zones *z;
	struct loop *home;
	struct retired *retired;
	_Atomic size_t left;
};

static struct table *table_new(size_t nslots)
{
	struct table *t = mem_get(size_add(sizeof(*t), size_mul(nslots, sizeof(struct slot))));

	t->nslots = nslots;
	return t;
}

struct zones *zones_new(void)
{
	struct zones *z = MEM_NEW(struct zones);

	atomic_init(&z->table, table_new(FIRST_SLOTS));
	z->last_watcher = &z->watchers;
	return z;
}

static void free_retired(struct retired *r)
{
	for (struct retired *next; r; r = next) {
		next = r->next;
		zone_drop(r->zone);
		mem_free(r->table);
		mem_free(r);
	}
}

static void free_all(struct zones *z)
{
	free_retired(z->retired);
	mem_free(z->readers);
	mem_free(z);
}

void zones_free(struct zones *z)
{
	struct table *t = z ? atomic_load(&z->table) : NULL;

	for (size_t i = 0; t && i < t->nslots; i++)
		zone_drop(atomic_load(&t->slots[i].zone));
	mem_free(t);
	for (struct watcher *w = z ? z->watchers : NULL, *next; w; w = next) {
		next = w->next;
		mem_free(w);
	}
	if (z && z->in_grace)
		z->dying = true;
	else if (z)
		free_all(z);
}

void zones_readers(struct zones *z, struct loop *const *loops, size_t n)
{
	z->readers = mem_resize(z->readers, size_mul(n, sizeof(struct loop *)));
	memcpy(z->readers, loops, n * sizeof(struct loop *));
	z->nreaders = n;
}

/* ---- what was replaced ---- */

static void begin_grace(struct zones *z);

static void end_grace(void *arg)
{
	struct grace *g = arg;
	struct zones *z = g->z;

	free_retired(g->retired);
	mem_free(g);
	z->in_grace = false;
	if (z->dying)
		free_all(z);
	else if (z->retired)
		begin_grace(z);
}

static void come_round(void *arg)
{
	struct grace *g = arg;

	if (atomic_fetch_sub(&g->left, 1) == 1)
		loop_post(g->home, end_grace, g);
}

static void begin_grace(struct zones *z)
{
	struct grace *g = MEM_NEW(struct grace);

	g->z = z;
	g->home = loop_here();
	g->retired = z->retired;
	atomic_init(&g->left, z->nreaders);
	z->retired = NULL;
	z->in_grace = true;
	for (size_t i = 0; i < z->nreaders; i++)
		loop_post(z->readers[i], come_round, g);
}

static void retire(struct zones *z, struct zone *zone, struct table *table)
{
	struct retired *r = MEM_NEW(struct retired);

	*r = (struct retired){ z->retired, zone, table };
	z->retired = r;
	if (!z->nreaders) {
		free_retired(z->retired);
		z->retired = NULL;
	} else if (!z->in_grace) {
		begin_grace(z);
	}
}

/* ---- looking up ---- */

static bool is_apex(const struct zone *z, const struct zone_name *k, unsigned labels)
{
	return z->apex_n == k->n - k->at[labels] &&
	       memcmp(z->apex, k->p + k->at[labels], z->apex_n) == 0;
}

/* The slot of the ancestor of so many labels, or a free one. 0 is kept for those. */
static struct slot *find(struct table *t, const struct zone_name *k, unsigned labels)
{
	uint64_t hash = k->hash[labels] | 1;

	for (size_t i = (size_t)(hash >> 32) & (t->nslots - 1);; i = (i + 1) & (t->nslots - 1)) {
		struct slot *s = &t->slots[i];
		uint64_t h = atomic_load_explicit(&s->hash, memory_order_acquire);

		if (!h)
			return s;
		if (h != hash)
			continue;
		const struct zone *z = atomic_load_explicit(&s->zone, memory_order_acquire);

		if (!z || is_apex(z, k, labels))
			return s;
	}
}

static bool has_depth(const struct table *t, unsigned labels)
{
	return atomic_load_explicit(&t->depths[labels / 64], memory_order_relaxed) >> labels % 64 &
	       1;
}

const struct zone *zones_lookup(const struct zones *z, const struct zone_name *name, bool strictly)
{
	struct table *t = atomic_load_explicit(&z->table, memory_order_acquire);

	for (int i = name->labels - strictly; i >= 0; i--) {
		if (!has_depth(t, (unsigned)i))
			continue;
		const struct slot *s = find(t, name, (unsigned)i);
		const struct zone *found = atomic_load_explicit(&s->zone, memory_order_acquire);

		if (found)
			return found;
	}
	return NULL;
}

const struct zone *zones_find(const struct zones *z, str name, bool strictly)
{
	struct zone_name k;

	zone_name_set(&k, name);
	return zones_lookup(z, &k, strictly);
}

struct zone *zones_get(const struct zones *z, str apex)
{
	struct zone_name k;

	zone_name_set(&k, apex);
	const struct slot *s = find(atomic_load(&z->table), &k, k.labels);
	struct zone *found = atomic_load(&s->zone);

	return found ? zone_hold(found) : NULL;
}

/* ---- changing ---- */

static void occupy(struct table *t, struct slot *s, const struct zone_name *k, struct zone *zone)
{
	bool taken = atomic_load(&s->hash) != 0;

	atomic_store(&s->zone, zone);
	atomic_fetch_or(&t->depths[k->labels / 64], 1ULL << k->labels % 64);
	if (!taken) {
		t->taken++;
		atomic_store_explicit(&s->hash, k->hash[k->labels] | 1, memory_order_release);
	}
}

/* A table with room for one more, without the slots that were left. */
static void make_room(struct zones *z)
{
	struct table *old = atomic_load(&z->table), *t;
	struct zone_name k;
	size_t n = old->nslots;

	if ((old->taken + 1) * 4 <= old->nslots * 3)
		return;
	while ((z->n + 1) * 2 > n)
		n *= 2;
	t = table_new(n);
	for (size_t i = 0; i < old->nslots; i++) {
		struct zone *zone = atomic_load(&old->slots[i].zone);

		if (!zone)
			continue;
		zone_name_set(&k, zone_apex(zone));
		occupy(t, find(t, &k, k.labels), &k, zone);
	}
	atomic_store_explicit(&z->table, t, memory_order_release);
	retire(z, NULL, old);
}

static void tell(struct zones *z, struct zone *old, struct zone *fresh)
{
	for (struct watcher *w = z->watchers; w; w = w->next)
		w->fn(w->arg, old, fresh);
}

void zones_put(struct zones *z, struct zone *fresh)
{
	struct zone_name k;

	make_room(z);
	zone_name_set(&k, zone_apex(fresh));
	struct table *t = atomic_load(&z->table);
	struct slot *s = find(t, &k, k.labels);
	struct zone *old = atomic_load(&s->zone);

	occupy(t, s, &k, fresh);
	z->n += !old;
	tell(z, old, fresh);
	if (old)
		retire(z, old, NULL);
}

void zones_remove(struct zones *z, str apex)
{
	struct zone_name k;

	zone_name_set(&k, apex);
	struct slot *s = find(atomic_load(&z->table), &k, k.labels);
	struct zone *old = atomic_exchange(&s->zone, NULL);

	if (!old)
		return;
	z->n--;
	tell(z, old, NULL);
	retire(z, old, NULL);
}

void zones_on_change(struct zones *z, void (*fn)(void *arg, struct zone *old, struct zone *fresh),
		     void *arg)
{
	struct watcher *w = MEM_NEW(struct watcher);

	*w = (struct watcher){ .fn = fn, .arg = arg };
	*z->last_watcher = w;
	z->last_watcher = &w->next;
}

WAITS err zones_each(struct zones *z, err (*fn)(void *arg, struct zone *zone), void *arg)
{
	struct table *t = atomic_load(&z->table);
	struct zone **all = mem_get(size_mul(z->n + 1, sizeof(struct zone *)));
	size_t n = 0;
	err e = OK;

	for (size_t i = 0; i < t->nslots; i++) {
		struct zone *zone = atomic_load(&t->slots[i].zone);

		if (zone)
			all[n++] = zone_hold(zone);
	}
	for (size_t i = 0; i < n; i++) {
		if (!e)
			e = fn(arg, all[i]);
		zone_drop(all[i]);
	}
	mem_free(all);
	return e;
}

size_t zones_count(const struct zones *z)
{
	return z->n;
}
