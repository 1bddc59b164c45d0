/* dnset and generic: names in one pool, found through a hash of their octets. What a name has
 * stands behind it: the values of the name itself, of all names below it, or records. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"
#include "services/lists/table.h"

/* ---- a keyed hash, so that nobody can choose names that collide ---- */

static uint64_t seed(void)
{
	static _Atomic uint64_t drawn;

	if (!drawn)
		drawn = hash_keyed(STR("names of lists")) | 1;
	return drawn;
}

/* A name's hash goes from its last label to its first, so that those of all its ends are had on the
 * way. */
static uint32_t add_label(uint64_t *h, const char *label)
{
	unsigned n = (unsigned char)label[0] + 1u;

	for (unsigned i = 0; i < n; i++)
		*h = (*h ^ (unsigned char)label[i]) * UINT64_C(0x9E3779B97F4A7C15) + (*h >> 29);
	uint64_t x = *h ^ *h >> 32;

	return (uint32_t)(x * UINT64_C(0xD6E8FEB86659FD93) >> 32);
}

/* Where each label begins; gives their number. */
static unsigned labels_of(str name, unsigned char at[DNS_LABELS_MAX + 1])
{
	unsigned n = 0;

	for (size_t i = 0; i < name.n && n < DNS_LABELS_MAX; i += (unsigned char)name.p[i] + 1u)
		at[n++] = (unsigned char)i;
	return n;
}

static uint32_t hash_name(str name)
{
	unsigned char at[DNS_LABELS_MAX + 1];
	uint64_t h = seed();
	uint32_t out = (uint32_t)(h >> 32);

	for (unsigned n = labels_of(name, at); n; n--)
		out = add_label(&h, name.p + at[n - 1]);
	return out;
}

/* ---- loading ---- */

static err add(struct loading *l, uint32_t at, uint32_t hash, uint32_t value, uint8_t kind)
{
	if (l->nnames == LIM_RBL_ENTRIES)
		return fail(E_LIMIT, "more than %d names", LIM_RBL_ENTRIES);
	if (l->nnames == l->names_cap) {
		l->names_cap = l->names_cap ? l->names_cap * 2 : 1024;
		l->names = mem_resize(l->names, size_mul(l->names_cap, sizeof(*l->names)));
	}
	l->names[l->nnames++] = (struct raw_name){ at, value, hash, kind };
	return OK;
}

/* A record's place among the octets: type, TTL, data. */
static void keep_record(struct loading *l, const struct rbl_entry *e)
{
	buf_u8(&l->octets, e->rr_type >> 8);
	buf_u8(&l->octets, e->rr_type & 255);
	buf_u32(&l->octets, e->ttl);
	buf_u8(&l->octets, (unsigned)(e->rdata.n >> 8));
	buf_u8(&l->octets, (unsigned)(e->rdata.n & 255));
	buf_add(&l->octets, e->rdata);
}

err names_add(struct loading *l, const struct rbl_entry *e)
{
	uint32_t at = (uint32_t)l->octets.n, value = 0, hash = hash_name(dns_name_str(&e->name));

	buf_u8(&l->octets, e->name.n);
	buf_add(&l->octets, dns_name_str(&e->name));
	if (e->type == RBL_GENERIC || e->type == RBL_ZONE) {
		value = (uint32_t)l->octets.n;
		keep_record(l, e);
		TRY(buf_done(&l->octets));
		return add(l, at, hash, value, e->wildcard ? NAME_WILD_RECORD : NAME_RECORD);
	}
	if (!e->exclude)
		TRY(loading_value(l, &e->value, &value));
	TRY(buf_done(&l->octets));
	if (e->plain)
		TRY(add(l, at, hash, value, NAME_PLAIN));
	return e->wildcard ? add(l, at, hash, value, NAME_WILDCARD) : OK;
}

static str name_of(const char *octets, const struct raw_name *r)
{
	return str_of(octets + r->at + 1, (unsigned char)octets[r->at]);
}

/* Same names stand together, the name itself before its wildcard, exclusions first. */
static int cmp_names(const void *a, const void *b, void *octets)
{
	const struct raw_name *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	int c = str_cmp(name_of(octets, x), name_of(octets, y));

	if (c)
		return c;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

/* In the pool: length, octets, how many (varint), then for each its kind and value (varints: value
 * times 4 and kind), or for a record its length and octets. */
static size_t put_name(struct loading *l, size_t first, struct buf *pool)
{
	const char *octets = l->octets.p;
	str name = name_of(octets, &l->names[first]);
	size_t end = first + 1, kept = 1;

	while (end < l->nnames && l->names[end].hash == l->names[first].hash &&
	       str_eq(name_of(octets, &l->names[end]), name)) {
		kept += l->names[end].kind != l->names[end - 1].kind ||
			l->names[end].value != l->names[end - 1].value;
		end++;
	}
	buf_u8(pool, (unsigned)name.n);
	buf_add(pool, name);
	buf_varint(pool, kept);
	for (size_t i = first; i < end; i++) {
		const struct raw_name *r = &l->names[i];

		if (i > first && r->kind == r[-1].kind && r->value == r[-1].value)
			continue;
		if (r->kind == NAME_RECORD || r->kind == NAME_WILD_RECORD) {
			const unsigned char *p = (const void *)(octets + r->value);

			buf_varint(pool, r->kind);
			buf_add(pool, str_of(p, 8u + ((unsigned)p[6] << 8 | p[7])));
		} else {
			buf_varint(pool, (uint64_t)r->value << 2 | r->kind);
		}
	}
	return end;
}

static void put_slot(struct table *t, uint32_t hash, uint32_t at)
{
	size_t i = (size_t)((uint64_t)hash * t->nslots >> 32);

	while (t->slots[i])
		i = i + 1 == t->nslots ? 0 : i + 1;
	t->slots[i] = at;
}

err names_finish(struct loading *l)
{
	struct table *t = l->t;
	struct buf pool;

	if (l->nnames)
		qsort_r(l->names, l->nnames, sizeof(*l->names), cmp_names, l->octets.p);
	buf_init(&pool, UINT32_MAX);
	buf_u8(&pool, 0); /* place 0 is an empty slot */
	t->nslots = (uint32_t)(l->nnames + l->nnames / 4 + 1);
	t->slots = mem_get(size_mul(t->nslots, sizeof(*t->slots)));
	for (size_t i = 0; i < l->nnames && buf_done(&pool) == OK;) {
		put_slot(t, l->names[i].hash, (uint32_t)pool.n);
		i = put_name(l, i, &pool);
	}
	mem_free(l->names);
	l->names = NULL;
	buf_free(&l->octets);
	t->npool = pool.n;
	t->pool = pool.p ? mem_resize(pool.p, pool.n) : NULL;
	return buf_done(&pool);
}

/* ---- looking up ---- */

/* What stands behind the name, or an empty cursor. */
static struct cur find(const struct table *t, uint32_t hash, str name)
{
	size_t i = t->nslots ? (size_t)((uint64_t)hash * t->nslots >> 32) : 0;

	for (; t->nslots && t->slots[i]; i = i + 1 == t->nslots ? 0 : i + 1) {
		const char *p = t->pool + t->slots[i];

		if ((unsigned char)p[0] == name.n && memcmp(p + 1, name.p, name.n) == 0)
			return (struct cur){ .rest = str_of(p + 1 + name.n,
							    (size_t)(t->pool + t->npool - p) - 1 -
								    name.n) };
	}
	return (struct cur){ .rest = STR("") };
}

/* The values of one kind; *found: there are any, exclusions among them. */
static size_t values_of(struct cur c, unsigned kind, uint32_t values[LIST_HITS], bool *found,
			bool *excluded)
{
	size_t n = 0;

	for (uint64_t left = c.rest.n ? cur_varint(&c) : 0; left && n < LIST_HITS; left--) {
		uint64_t v = cur_varint(&c);

		if ((v & 3) != kind)
			continue;
		*found = true;
		*excluded |= v >> 2 == 0;
		values[n++] = (uint32_t)(v >> 2);
	}
	return n;
}

size_t names_find(const struct table *t, str *listed, uint32_t values[LIST_HITS], bool *found)
{
	str labels = *listed;
	UNCLEARED unsigned char at[DNS_LABELS_MAX + 1];
	UNCLEARED uint32_t hash[DNS_LABELS_MAX + 1];
	unsigned n = labels_of(labels, at);
	uint64_t h = seed();

	*found = false;
	for (unsigned i = n; i; i--)
		hash[i - 1] = add_label(&h, labels.p + at[i - 1]);
	/* The name itself, then the nearest name above it that has a wildcard. */
	for (unsigned i = 0; i < n; i++) {
		bool any = false, excluded = false;
		size_t k = values_of(find(t, hash[i], str_skip(labels, at[i])),
				     i ? NAME_WILDCARD : NAME_PLAIN, values, &any, &excluded);

		if (!any)
			continue;
		*found = !excluded;
		*listed = str_skip(labels, at[i]);
		return excluded ? 0 : k;
	}
	return 0;
}

/* The records of one kind that stand behind a name. */
static size_t records_of(const struct table *t, struct cur c, unsigned kind,
			 struct list_hit hits[LIST_HITS], size_t n)
{
	for (uint64_t left = c.rest.n ? cur_varint(&c) : 0; left && n < LIST_HITS; left--) {
		bool wanted = cur_varint(&c) == kind;
		unsigned type = cur_u8(&c) << 8;

		type |= cur_u8(&c);
		uint32_t ttl = cur_u32(&c);
		unsigned len = cur_u8(&c) << 8;

		len |= cur_u8(&c);
		str rdata = cur_bytes(&c, len);

		if (wanted)
			hits[n++] = (struct list_hit){ .type = (uint16_t)type,
						       .ttl = ttl ? ttl : t->ttl,
						       .rdata = rdata };
	}
	return n;
}

size_t names_records(const struct table *t, str labels, struct list_hit hits[LIST_HITS], size_t n)
{
	size_t k = records_of(t, find(t, hash_name(labels), labels), NAME_RECORD, hits, n);
	str above = labels;

	while (t->type == RBL_ZONE && k == n && above.n) {
		above = str_skip(above, (unsigned char)above.p[0] + 1u);
		k = records_of(t, find(t, hash_name(above), above), NAME_WILD_RECORD, hits, n);
	}
	return k;
}
