/* A compiled zone's sets in canonical order: its nodes and its NSEC3 nodes, merged. */
#include <string.h>

#include "base/mem.h"
#include "services/zones/lookup.h"

enum { PLACES = 2 * 2 * 256 }; /* sets of a node with their RRSIGs, for both kinds of node */

struct zone_walk {
	const struct zone *z;
	uint32_t at, nsec3_at;	 /* the next nodes */
	struct zone_rrset *sets; /* of the owner in hand */
	unsigned n, next;
	struct dns_name owner;
};

struct zone_walk *zone_walk_new(const struct zone *z)
{
	struct zone_walk *w = MEM_NEW(struct zone_walk);

	w->z = z;
	w->at = z->nodes;
	w->nsec3_at = z->nsec3s;
	w->sets = mem_get(PLACES * sizeof(*w->sets));
	return w;
}

void zone_walk_free(struct zone_walk **w)
{
	if (*w)
		mem_free((*w)->sets);
	mem_free(*w);
	*w = NULL;
}

/* In their place among those that are there; they come almost in order. */
static void add(struct zone_walk *w, struct zone_rrset set)
{
	unsigned i = w->n++;

	for (; i && zone_rrset_cmp(&w->sets[i - 1], &set) > 0; i--)
		w->sets[i] = w->sets[i - 1];
	w->sets[i] = set;
}

static void add_set(struct zone_walk *w, uint16_t type, uint16_t covers, unsigned n,
		    const unsigned char *p, size_t size)
{
	if (n)
		add(w, (struct zone_rrset){ .type = type,
					    .covers = covers,
					    .ttl = dns_get32(p + 6),
					    .n = (uint16_t)n,
					    .skip = ZONE_RR_HEAD - 2,
					    .data = str_of(p, size) });
}

static uint32_t take(struct zone_walk *w, uint32_t at)
{
	const struct zone_node *n = (const struct zone_node *)zone_at(w->z, at);
	const struct zone_set *s = (const struct zone_set *)(n->name + n->n), *end = s + n->nsets;
	const unsigned char *p = (const unsigned char *)end;

	memcpy(w->owner.p, n->name, n->n);
	memcpy(w->owner.p + n->n, w->z->apex, w->z->apex_n);
	w->owner.n = (unsigned char)(n->n + w->z->apex_n);
	for (; s < end; p += s->size + s->sigs_size, s++) {
		add_set(w, s->type, 0, s->n, p, s->size);
		add_set(w, DNS_RRSIG, s->type, s->nsigs, p + s->size, s->sigs_size);
	}
	return (uint32_t)(p - (const unsigned char *)w->z);
}

static str name_at(const struct zone_walk *w, uint32_t at)
{
	const struct zone_node *n = (const struct zone_node *)zone_at(w->z, at);

	return str_of(n->name, n->n);
}

/* Both names are relative and have no root: compared as if they were below it, which dns_name_cmp
 * wants to see. */
static int order(const struct zone_walk *w)
{
	struct dns_name a, b;
	str x = name_at(w, w->at), y = name_at(w, w->nsec3_at);

	memcpy(a.p, x.p, x.n);
	a.p[x.n] = 0;
	memcpy(b.p, y.p, y.n);
	b.p[y.n] = 0;
	return dns_name_cmp(str_of(a.p, x.n + 1), str_of(b.p, y.n + 1));
}

static void next_owner(struct zone_walk *w)
{
	bool more = w->at < w->z->nodes_end, more3 = w->nsec3_at < w->z->nsec3s_end;
	int which = !more ? 1 : !more3 ? -1 : order(w);

	w->n = w->next = 0;
	if (more && which <= 0)
		w->at = take(w, w->at);
	if (more3 && which >= 0)
		w->nsec3_at = take(w, w->nsec3_at);
}

err zone_walk_next(struct zone_walk *w, struct zone_rrset *out)
{
	while (w->next == w->n) {
		if (w->at == w->z->nodes_end && w->nsec3_at == w->z->nsec3s_end)
			return E_EOF;
		next_owner(w);
	}
	*out = w->sets[w->next++];
	out->owner = dns_name_str(&w->owner);
	return OK;
}

err zone_each(const struct zone *z, err (*fn)(void *arg, const struct zone_rrset *s), void *arg)
{
	CLEANUP(zone_walk_free) struct zone_walk *w = zone_walk_new(z);
	struct zone_rrset set;

	while (zone_walk_next(w, &set) == OK)
		TRY(fn(arg, &set));
	return OK;
}
