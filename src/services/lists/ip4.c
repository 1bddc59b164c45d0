/* ip4set and ip4tset: addresses and whole octets of networks, level by level, the narrowest first.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "services/lists/table.h"

static err add(struct loading *l, unsigned level, uint32_t key, uint32_t value)
{
	struct raw4s *r = &l->level[level];

	if (r->n == LIM_RBL_ENTRIES)
		return fail(E_LIMIT, "more than %d networks", LIM_RBL_ENTRIES);
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 1024;
		r->v = mem_resize(r->v, size_mul(r->cap, sizeof(*r->v)));
	}
	r->v[r->n++] = (struct raw4){ key, value };
	return OK;
}

/* A range as networks of whole octets: whole ones go a level up, what is left over at both ends
 * stays. units: the range's addresses divided by the level's size. */
static err add_range(struct loading *l, uint64_t first, uint64_t last, uint32_t value)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		bool top = level == LEVELS - 1;
		uint64_t size = UINT64_C(1) << (8 * level);

		while (first <= last && (top || first % 256 != 0 || last - first < 255)) {
			TRY(add(l, level, (uint32_t)(first * size), value));
			first++;
		}
		while (first <= last && !top && last % 256 != 255) {
			TRY(add(l, level, (uint32_t)(last * size), value));
			last--;
		}
		if (first > last)
			break;
		first /= 256;
		last /= 256;
	}
	return OK;
}

err ip4_add(struct loading *l, const struct rbl_entry *e)
{
	uint32_t value = 0;

	if (e->type == RBL_IP4TSET && l->t->nvalues > 1)
		value = 1; /* one value for all: the first entry's */
	else if (!e->exclude)
		TRY(loading_value(l, &e->value, &value));
	if (e->first == e->last)
		return add(l, 0, e->first, value);
	return add_range(l, e->first, e->last, value);
}

static int cmp_raw(const void *a, const void *b)
{
	const struct raw4 *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

/* Radix sort, 11 bits a pass: stable, so that values follow in order within a key once that order
 * came from loading; equal keys are few and sorted after it. */
static void sort_raw(struct raw4s *r)
{
	struct raw4 *from = r->v, *to = mem_get(size_mul(r->n, sizeof(*to)));
	size_t *count = mem_get(2048 * sizeof(*count));

	for (unsigned shift = 0; shift < 33; shift += 11) {
		size_t sum = 0;

		memset(count, 0, 2048 * sizeof(*count));
		for (size_t i = 0; i < r->n; i++)
			count[from[i].key >> shift & 2047]++;
		for (size_t i = 0; i < 2048; i++) {
			size_t n = count[i];

			count[i] = sum;
			sum += n;
		}
		for (size_t i = 0; i < r->n; i++)
			to[count[from[i].key >> shift & 2047]++] = from[i];
		struct raw4 *swap = from;

		from = to;
		to = swap;
	}
	mem_free(to);
	mem_free(count);
	r->v = from;
	r->cap = r->n;
	for (size_t i = 0, end; i < r->n; i = end) {
		for (end = i + 1; end < r->n && r->v[end].key == r->v[i].key; end++)
			continue;
		if (end - i > 1)
			qsort(r->v + i, end - i, sizeof(*r->v), cmp_raw);
	}
}

static bool is_sorted(const struct raw4s *r)
{
	for (size_t i = 1; i < r->n; i++)
		if (cmp_raw(&r->v[i - 1], &r->v[i]) > 0)
			return false;
	return true;
}

static void remove_doubles(struct raw4s *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (n == 0 || cmp_raw(&r->v[n - 1], &r->v[i]) != 0)
			r->v[n++] = r->v[i];
	r->n = n;
}

static void finish_level(const struct loading *l, struct raw4s *r, struct keys *k)
{
	uint32_t most = l->t->nvalues - 1;
	bool plain = true;

	if (!is_sorted(r))
		sort_raw(r);
	remove_doubles(r);
	k->n = (uint32_t)r->n;
	k->v = mem_get(size_mul(r->n ? r->n : 1, sizeof(*k->v)));
	for (size_t i = 0; i < r->n; i++) {
		k->v[i] = r->v[i].key;
		plain &= r->v[i].value == 1;
	}
	if (!plain) {
		numbers_new(&k->values, r->n, most);
		for (size_t i = 0; i < r->n; i++)
			numbers_set(&k->values, i, r->v[i].value);
	}
	mem_free(r->v);
	*r = (struct raw4s){ 0 };
	keys_index(k);
}

void ip4_finish(struct loading *l)
{
	for (unsigned i = 0; i < LEVELS; i++)
		finish_level(l, &l->level[i], &l->t->level[i]);
}

/* The levels are asked one after the other, but what they look at is fetched side by side. */
static void fetch(const struct table *t, uint32_t ip)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		const struct keys *k = &t->level[level];
		uint32_t key = ip & (UINT32_MAX << (8 * level));

		if (k->index)
			__builtin_prefetch(
				&k->v[k->index[key >> 16] / 2 + k->index[(key >> 16) + 1] / 2]);
	}
}

size_t ip4_find(const struct table *t, uint32_t ip, uint32_t values[LIST_HITS], bool *found)
{
	fetch(t, ip);
	for (unsigned level = 0; level < LEVELS; level++) {
		const struct keys *k = &t->level[level];
		uint32_t key = ip & (UINT32_MAX << (8 * level)), at, n = 0;

		if (k->n == 0)
			continue;
		at = keys_find(k, key);
		if (at == k->n || k->v[at] != key)
			continue;
		/* An exclusion is the first of its key. */
		*found = number_at(&k->values, at) != 0;
		for (; *found && at < k->n && k->v[at] == key && n < LIST_HITS; at++)
			values[n++] = number_at(&k->values, at);
		return n;
	}
	return 0;
}
