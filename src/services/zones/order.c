/* Canonical order (RFC 4034 6.1) of a builder's owners. A name is turned into a key that compares
 * as octets: labels from the right, each ended by a 0 that is less than any octet of a label. */
#include <stdlib.h>
#include <string.h>

#include "services/zones/builder.h"

struct sort_item {
	uint64_t first; /* of the key, big-endian */
	const unsigned char *key;
	uint32_t n;
	struct builder_node *node;
};

/* Octets 0 and 1 of a label become two octets, so that 0 is free: a key is at most twice as long.
 */
static uint32_t make_key(const struct builder_node *n, size_t apex, unsigned char *out)
{
	unsigned char at[DNS_LABELS_MAX];
	unsigned labels = 0;
	uint32_t k = 0;

	for (size_t i = 0; i < n->n - apex; i += n->name[i] + 1u)
		at[labels++] = (unsigned char)i;
	while (labels--) {
		const unsigned char *p = n->name + at[labels];

		for (unsigned i = 1; i <= p[0]; i++) {
			if (p[i] < 2)
				out[k++] = 1;
			out[k++] = p[i] < 2 ? p[i] + 1 : p[i];
		}
		out[k++] = 0;
	}
	return k;
}

static int item_cmp(const void *a, const void *b)
{
	const struct sort_item *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return str_cmp(str_of(x->key, x->n), str_of(y->key, y->n));
}

static uint64_t first_of(const unsigned char *key, uint32_t n)
{
	uint64_t v = 0;

	for (uint32_t i = 0; i < 8; i++)
		v = v << 8 | (i < n ? key[i] : 0);
	return v;
}

void builder_sort(struct zone_builder *b)
{
	struct arena keys;
	struct sort_item *items;
	size_t n = 0;

	if (b->in_order)
		return;
	arena_init(&keys, SIZE_MAX);
	items = mem_get(size_mul(b->nnodes + 1, sizeof(*items)));
	for (size_t i = 0; i < b->nslots; i++) {
		struct builder_node *node = b->slots[i];
		unsigned char key[2 * DNS_NAME_MAX];

		if (!node || !node->sets)
			continue;
		uint32_t nkey = make_key(node, b->apex.n, key);
		unsigned char *p = arena_get(&keys, nkey + 1, 1);

		memcpy(p, key, nkey);
		items[n++] = (struct sort_item){ first_of(p, nkey), p, nkey, node };
	}
	qsort(items, n, sizeof(*items), item_cmp);
	b->sorted = mem_resize(b->sorted, size_mul(n + 1, sizeof(struct builder_node *)));
	for (size_t i = 0; i < n; i++)
		b->sorted[i] = items[i].node;
	b->nsorted = n;
	b->in_order = true;
	mem_free(items);
	arena_free(&keys);
}

/* The first node in order that is not before name. */
static size_t lower_bound(const struct zone_builder *b, str name)
{
	size_t lo = 0, hi = b->nsorted;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (dns_name_cmp(builder_owner(b->sorted[mid]), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool zone_builder_has(struct zone_builder *b, str name)
{
	builder_sort(b);
	size_t i = lower_bound(b, name);

	return i < b->nsorted && dns_name_under(builder_owner(b->sorted[i]), name);
}
