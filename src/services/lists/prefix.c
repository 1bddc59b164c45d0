/* ip4trie, ip6trie and ip6tset. Nested prefixes become borders: from each one on, up to the next,
 * one value holds, that of the deepest prefix. A look-up is one search for the last border. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "services/lists/table.h"

err prefix_add(struct loading *l, const struct rbl_entry *e)
{
	struct raw_prefix p = { .bits = (uint8_t)e->bits, .order = (uint32_t)l->nprefixes };

	if (!e->exclude && (e->type != RBL_IP6TSET || l->t->nvalues == 1))
		TRY(loading_value(l, &e->value, &p.value));
	if (e->type == RBL_IP4TRIE) {
		p.bits = 32;
		for (uint32_t host = e->last - e->first; host; host >>= 1)
			p.bits--;
		for (unsigned i = 0; i < 4; i++)
			p.first[i] = (unsigned char)(e->first >> (24 - 8 * i));
	} else {
		memcpy(p.first, e->ip6, 16);
	}
	if (l->nprefixes == LIM_RBL_ENTRIES)
		return fail(E_LIMIT, "more than %d networks", LIM_RBL_ENTRIES);
	if (l->nprefixes == l->prefixes_cap) {
		l->prefixes_cap = l->prefixes_cap ? l->prefixes_cap * 2 : 1024;
		l->prefixes =
			mem_resize(l->prefixes, size_mul(l->prefixes_cap, sizeof(*l->prefixes)));
	}
	l->prefixes[l->nprefixes++] = p;
	return OK;
}

/* Outer ones before inner ones; of equal ones the first that was written. */
static int cmp_prefix(const void *a, const void *b)
{
	const struct raw_prefix *x = a, *y = b;
	int c = memcmp(x->first, y->first, 16);

	if (c)
		return c;
	if (x->bits != y->bits)
		return x->bits < y->bits ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The address behind a prefix; false when there is none. */
static bool behind(const struct raw_prefix *p, unsigned width, unsigned char out[16])
{
	memcpy(out, p->first, 16);
	for (int i = p->bits - 1; i >= 0; i--) {
		unsigned char bit = (unsigned char)(0x80 >> (i % 8));

		out[i / 8] ^= bit;
		if (out[i / 8] & bit)
			return true;
	}
	(void)width;
	return false;
}

/* Borders while they are made; one at the same address as the last one takes its place. */
struct borders {
	unsigned char (*at)[16];
	uint32_t *value;
	size_t n, cap;
};

static void border(struct borders *b, const unsigned char at[16], uint32_t value)
{
	if (b->n && memcmp(b->at[b->n - 1], at, 16) == 0)
		b->n--;
	if (b->n ? b->value[b->n - 1] == value : value == 0)
		return;
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 1024;
		b->at = mem_resize(b->at, size_mul(b->cap, sizeof(*b->at)));
		b->value = mem_resize(b->value, size_mul(b->cap, sizeof(*b->value)));
	}
	memcpy(b->at[b->n], at, 16);
	b->value[b->n++] = value;
}

/* Ends every open prefix that ends at or before this address; what is around it holds again. */
static unsigned close_until(const struct loading *l, struct borders *b, const size_t *open,
			    unsigned nopen, const unsigned char *until)
{
	unsigned char end[16];

	while (nopen) {
		const struct raw_prefix *p = &l->prefixes[open[nopen - 1]];
		bool ends = behind(p, 0, end);

		if (until && (!ends || memcmp(end, until, 16) > 0))
			break;
		nopen--;
		if (ends)
			border(b, end, nopen ? l->prefixes[open[nopen - 1]].value : 0);
	}
	return nopen;
}

static void sweep(const struct loading *l, struct borders *b)
{
	size_t open[130];
	unsigned nopen = 0;

	for (size_t i = 0; i < l->nprefixes; i++) {
		const struct raw_prefix *p = &l->prefixes[i], *last = i ? p - 1 : NULL;

		if (last && last->bits == p->bits && memcmp(last->first, p->first, 16) == 0) {
			l->prefixes[i].value = last->value; /* said twice: the first counts */
			continue;
		}
		nopen = close_until(l, b, open, nopen, p->first);
		open[nopen++] = i;
		border(b, p->first, p->value);
	}
	(void)close_until(l, b, open, nopen, NULL);
}

static uint32_t upper32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t upper64(const unsigned char *p)
{
	return (uint64_t)upper32(p) << 32 | upper32(p + 4);
}

static void keep4(const struct loading *l, const struct borders *b, struct keys *k)
{
	k->n = (uint32_t)b->n;
	k->v = mem_get(size_mul(b->n ? b->n : 1, sizeof(*k->v)));
	numbers_new(&k->values, b->n, l->t->nvalues - 1);
	for (size_t i = 0; i < b->n; i++) {
		k->v[i] = upper32(b->at[i]);
		numbers_set(&k->values, i, b->value[i]);
	}
	keys_index(k);
}

static void keep6(struct table *t, const struct borders *b)
{
	t->naddr6 = (uint32_t)b->n;
	t->addr6 = mem_get(size_mul(b->n ? b->n : 1, 16));
	numbers_new(&t->values6, b->n, t->nvalues - 1);
	for (size_t i = 0; i < b->n; i++) {
		memcpy(t->addr6[i], b->at[i], 16);
		numbers_set(&t->values6, i, b->value[i]);
	}
}

/* ip6tset: networks as 64 bits, excluded addresses whole. */
static void keep_set6(const struct loading *l)
{
	struct table *t = l->t;

	t->net6 = mem_get(size_mul(l->nprefixes + 1, sizeof(*t->net6)));
	t->addr6 = mem_get(size_mul(l->nprefixes + 1, 16));
	for (size_t i = 0; i < l->nprefixes; i++) {
		const struct raw_prefix *p = &l->prefixes[i];

		if (p->bits == 128)
			memcpy(t->addr6[t->naddr6++], p->first, 16);
		else if (t->nnet6 == 0 || t->net6[t->nnet6 - 1] != upper64(p->first))
			t->net6[t->nnet6++] = upper64(p->first);
	}
	t->net6 = mem_resize(t->net6, size_mul(t->nnet6 + 1, sizeof(*t->net6)));
	t->addr6 = mem_resize(t->addr6, size_mul(t->naddr6 + 1, 16));
}

void prefix_finish(struct loading *l)
{
	struct borders b = { 0 };

	if (l->nprefixes)
		qsort(l->prefixes, l->nprefixes, sizeof(*l->prefixes), cmp_prefix);
	if (l->t->type == RBL_IP6TSET) {
		keep_set6(l);
	} else {
		sweep(l, &b);
		if (l->t->type == RBL_IP4TRIE)
			keep4(l, &b, &l->t->level[0]);
		else
			keep6(l->t, &b);
	}
	mem_free(b.at);
	mem_free(b.value);
	mem_free(l->prefixes);
	l->prefixes = NULL;
}

static size_t one(uint32_t value, uint32_t values[LIST_HITS], bool *found)
{
	*found = value != 0;
	values[0] = value;
	return value != 0;
}

size_t prefix_find4(const struct table *t, uint32_t ip, uint32_t values[LIST_HITS], bool *found)
{
	const struct keys *k = &t->level[0];
	uint32_t at = keys_find(k, ip);

	/* The border at the address itself, or the one before it. */
	if (at == k->n || k->v[at] != ip) {
		if (at == 0)
			return 0;
		at--;
	}
	return one(number_at(&k->values, at), values, found);
}

/* The first of n addresses that is above ip. */
static uint32_t above6(const struct table *t, const unsigned char ip[16])
{
	uint32_t low = 0, high = t->naddr6;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (memcmp(t->addr6[mid], ip, 16) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_net6(const struct table *t, uint64_t net)
{
	uint32_t low = 0, high = t->nnet6;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (t->net6[mid] < net)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->nnet6 && t->net6[low] == net;
}

size_t prefix_find6(const struct table *t, const unsigned char ip[16], uint32_t values[LIST_HITS],
		    bool *found)
{
	uint32_t at = above6(t, ip);

	if (t->type == RBL_IP6TSET) {
		bool excluded = at > 0 && memcmp(t->addr6[at - 1], ip, 16) == 0;

		return one(!excluded && has_net6(t, upper64(ip)), values, found);
	}
	return at == 0 ? 0 : one(number_at(&t->values6, at - 1), values, found);
}
