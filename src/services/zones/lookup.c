#include "services/zones/lookup.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"

#define REPEAT(octet) (0x0101010101010101ULL * (octet))

/* Drawn once a process: a stranger who may fill a zone cannot make names that collide. */
static uint64_t seed[3];

static void draw_seed(void)
{
	seed[0] = hash_keyed(STR("zone names 0"));
	seed[1] = hash_keyed(STR("zone names 1"));
	seed[2] = hash_keyed(STR("zone names 2"));
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t word(const unsigned char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* Eight octets at a time; lengths of labels are below 'A', so they stay. */
static uint64_t lower(uint64_t w)
{
	uint64_t seven = w & REPEAT(0x7f);
	uint64_t above = seven + REPEAT(0x7f - 'Z'), from = seven + REPEAT(0x80 - 'A');

	return w | ((~w & (from ^ above) & REPEAT(0x80)) >> 2);
}

/* A label with its length, below the name that h stands for. Reads up to 7 octets behind it. */
static uint64_t below(uint64_t h, const unsigned char *label)
{
	size_t n = label[0] + 1u;

	for (; n > 8; n -= 8, label += 8)
		h = mix(word(label) ^ seed[1], h ^ seed[0]);
	return mix((word(label) & (~0ULL >> (64 - 8 * n))) ^ seed[1], h ^ seed[2]);
}

void zone_name_set(struct zone_name *k, str wire)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned labels = 0;

	(void)pthread_once(&once, draw_seed);
	memcpy(k->p, wire.p, wire.n);
	k->n = (unsigned char)wire.n;
	for (size_t i = 0; i < wire.n; i += 8) {
		uint64_t w = lower(word(k->p + i));

		memcpy(k->p + i, &w, sizeof(w));
	}
	for (unsigned i = 0; k->p[i]; i += k->p[i] + 1u)
		k->at[labels++] = (unsigned char)i;
	k->at[labels] = (unsigned char)(wire.n - 1);
	k->labels = (unsigned char)labels;
	for (unsigned i = 0; i < labels - i; i++) { /* the root's place becomes the first */
		unsigned char last = k->at[labels - i];

		k->at[labels - i] = k->at[i];
		k->at[i] = last;
	}
	k->hash[0] = seed[0];
	for (unsigned i = 1; i <= labels; i++)
		k->hash[i] = below(k->hash[i - 1], k->p + k->at[i]);
}

uint64_t zone_name_wildcard(const struct zone_name *k, unsigned i)
{
	static const unsigned char star[8] = { 1, '*' };

	return below(k->hash[i], star);
}

/* ---- nodes by hash ---- */

static uint32_t slot_at(const struct zone *z, size_t i)
{
	const unsigned char *slots = zone_at(z, z->slots);
	uint32_t wide;
	uint16_t narrow;

	if (z->wide) {
		memcpy(&wide, slots + 4 * i, 4);
		return wide;
	}
	memcpy(&narrow, slots + 2 * i, 2);
	return narrow;
}

/* first, rest: the name relative to the apex in two pieces ("*" and what it is below). */
static const struct zone_node *find(const struct zone *z, uint64_t hash, str first, str rest)
{
	const unsigned char *tags = zone_at(z, z->tags);
	unsigned char tag = (unsigned char)(hash | 0x80);
	size_t i = (size_t)((unsigned __int128)hash * z->nslots >> 64);

	for (; tags[i]; i = i + 1 == z->nslots ? 0 : i + 1) {
		if (tags[i] != tag)
			continue;
		const struct zone_node *n = (const struct zone_node *)zone_at(z, slot_at(z, i));

		if (n->n == first.n + rest.n && memcmp(n->name, first.p, first.n) == 0 &&
		    memcmp(n->name + first.n, rest.p, rest.n) == 0)
			return n;
	}
	return NULL;
}

/* What stands before the apex in the ancestor of i labels. */
static str relative(const struct zone *z, const struct zone_name *k, unsigned i)
{
	return str_of(k->p + k->at[i], (size_t)(k->at[z->apex_labels] - k->at[i]));
}

const struct zone_node *zone_node(const struct zone *z, const struct zone_name *k, unsigned i)
{
	if (i == z->apex_labels)
		return zone_top(z);
	if (i > z->deepest)
		return NULL;
	return find(z, k->hash[i], relative(z, k, i), STR(""));
}

const struct zone_node *zone_node_wildcard(const struct zone *z, const struct zone_name *k,
					   unsigned i)
{
	return find(z, zone_name_wildcard(k, i), STR("\1*"), relative(z, k, i));
}

size_t zone_node_octets(const struct zone_node *n)
{
	const struct zone_set *s = (const struct zone_set *)(n->name + n->n), *end = s + n->nsets;
	const unsigned char *p = (const unsigned char *)end;

	for (; s < end; s++)
		p += s->size + s->sigs_size;
	return (size_t)(p - (const unsigned char *)n);
}

/* ---- nodes in order ---- */

static const struct zone_node *ordered(const struct zone *z, uint32_t order, uint32_t i)
{
	uint32_t at;

	memcpy(&at, zone_at(z, order) + 4 * (size_t)i, 4);
	return (const struct zone_node *)zone_at(z, at);
}

static unsigned split(str name, unsigned char at[DNS_LABELS_MAX])
{
	unsigned labels = 0;

	for (size_t i = 0; i < name.n; i += (unsigned char)name.p[i] + 1u)
		at[labels++] = (unsigned char)i;
	return labels;
}

/* Canonical order of two names relative to the same apex. */
static int relative_cmp(str a, const unsigned char *at, unsigned na, str b)
{
	unsigned char bt[DNS_LABELS_MAX];
	unsigned nb = split(b, bt);

	while (na && nb) {
		const char *x = a.p + at[--na], *y = b.p + bt[--nb];
		int order =
			str_cmp(str_of(x + 1, (unsigned char)*x), str_of(y + 1, (unsigned char)*y));

		if (order)
			return order;
	}
	return (int)na - (int)nb;
}

const struct zone_node *zone_nsec_before(const struct zone *z, str name)
{
	unsigned char at[DNS_LABELS_MAX];
	unsigned labels = split(name, at);
	uint32_t lo = 0, hi = z->nnsec;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct zone_node *n = ordered(z, z->nsec_order, mid);

		if (relative_cmp(name, at, labels, str_of(n->name, n->n)) >= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? ordered(z, z->nsec_order, lo - 1) : NULL;
}

const struct zone_node *zone_nsec3_before(const struct zone *z, const char hash[32], bool *exact)
{
	uint32_t lo = 0, hi = z->nnsec3;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(hash, ordered(z, z->nsec3_order, mid)->name + 1, 32) >= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*exact = false;
	if (!z->nnsec3)
		return NULL;
	const struct zone_node *n = ordered(z, z->nsec3_order, lo ? lo - 1 : z->nnsec3 - 1);

	*exact = lo && memcmp(hash, n->name + 1, 32) == 0;
	return n;
}
