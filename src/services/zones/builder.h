/* services/zones/builder.h: the builder's inside, for building, checking and compiling. */
#ifndef SERVICES_ZONES_BUILDER_H
#define SERVICES_ZONES_BUILDER_H

#include "base/arena.h"
#include "services/zones/zone.h"

struct builder_set {
	struct builder_set *next;
	uint16_t type, covers, n;
	uint32_t ttl;
	uint32_t size, room; /* octets of data: used, there */
	uint32_t last;	     /* where the last record begins: sorted input is added there */
	unsigned char *data; /* n times: length, data; canonical order */
};
struct builder_node {
	struct builder_set *sets; /* types ascending, RRSIGs by what they cover */
	uint64_t hash;
	unsigned char n;
	unsigned char name[]; /* lower case */
};
struct zone_builder {
	struct arena arena;
	struct dns_name apex;
	struct builder_node **slots; /* by hash; a power of two of them */
	size_t nslots, nnodes;
	size_t records;
	/* Those with records, in canonical order, when it is known. */
	struct builder_node **sorted;
	size_t nsorted;
	bool in_order;
};

static inline str builder_owner(const struct builder_node *n)
{
	return str_of(n->name, n->n);
}
/* NULL when there is none. */
struct builder_node *builder_node(const struct zone_builder *b, str owner);
struct builder_set *builder_set(const struct builder_node *n, uint16_t type, uint16_t covers);
/* Makes sorted what it says. */
void builder_sort(struct zone_builder *b);

#endif
