/* Sorted numbers, and numbers of values in as few octets as they need. */
#include <string.h>

#include "base/mem.h"
#include "services/lists/table.h"

enum { INDEXED = 4096, UPPER = 65536 };

uint32_t number_at(const struct numbers *n, size_t i)
{
	const unsigned char *p = n->p;
	uint16_t narrow;
	uint32_t wide;

	if (!p)
		return 1;
	if (n->width == 1)
		return p[i];
	if (n->width == 2) {
		memcpy(&narrow, p + 2 * i, 2);
		return narrow;
	}
	memcpy(&wide, p + 4 * i, 4);
	return wide;
}

void numbers_new(struct numbers *n, size_t count, uint32_t most)
{
	n->width = most <= UINT8_MAX ? 1 : most <= UINT16_MAX ? 2 : 4;
	n->p = mem_get(size_mul(count ? count : 1, n->width));
}

void numbers_set(struct numbers *n, size_t i, uint32_t v)
{
	unsigned char *p = n->p;
	uint16_t narrow = (uint16_t)v;

	if (n->width == 1)
		p[i] = (unsigned char)v;
	else if (n->width == 2)
		memcpy(p + 2 * i, &narrow, 2);
	else
		memcpy(p + 4 * i, &v, 4);
}

void keys_index(struct keys *k)
{
	uint32_t at = 0;

	if (k->n < INDEXED)
		return;
	k->index = mem_get((UPPER + 1) * sizeof(*k->index));
	for (uint32_t upper = 0; upper < UPPER; upper++) {
		while (at < k->n && k->v[at] >> 16 < upper)
			at++;
		k->index[upper] = at;
	}
	k->index[UPPER] = k->n;
}

void keys_free(struct keys *k)
{
	mem_free(k->v);
	mem_free(k->index);
	mem_free(k->values.p);
}

uint32_t keys_find(const struct keys *k, uint32_t want)
{
	uint32_t low = k->index ? k->index[want >> 16] : 0;
	uint32_t high = k->index ? k->index[(want >> 16) + 1] : k->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (k->v[mid] < want)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
