/* services/zones/lookup.h: how a compiled zone is looked at by what answers from it: a name hashed
 * once for all zones and all its ancestors, nodes, sets as they stand in a message, and the orders
 * that denial of existence needs (RFC 4034 6, 5155).
 *
 * A compiled zone is one piece of memory: nodes in canonical order, each with its name relative to
 * the apex, heads of its sets and the sets' records, ready to be copied behind a question: owner as
 * pointer to octet 12, type, class, TTL, length, data (uncompressed). The RRSIGs of a set follow
 * it. NSEC3 records stand apart in an order of their own, since their owners are not names of the
 * zone (RFC 5155 7.2.8). Views live as long as the zone. Nothing waits. */
#ifndef SERVICES_ZONES_LOOKUP_H
#define SERVICES_ZONES_LOOKUP_H

#include "formats/dns/message.h"
#include "services/zones/zone.h"

/* A name in lower case, with the hash of each of its ancestors. Large: keep one a loop. */
struct zone_name {
	unsigned char p[DNS_NAME_MAX + 9]; /* some octets more, so that words can be read */
	unsigned char n, labels;
	unsigned char at[DNS_LABELS_MAX + 1]; /* where the ancestor of i labels begins */
	uint64_t hash[DNS_LABELS_MAX + 1];    /* of the ancestor of i labels */
};
/* wire: a valid name. */
void zone_name_set(struct zone_name *k, str wire);
/* The hash of "*" below the ancestor of i labels. */
uint64_t zone_name_wildcard(const struct zone_name *k, unsigned i);

enum zone_node_flags {
	NODE_CUT = 1,	/* NS below the apex: a delegation */
	NODE_DNAME = 2, /* what is below is renamed */
	NODE_BELOW = 4, /* below a cut or a DNAME: glue, or out of sight */
	NODE_WILD = 8,	/* "*" stands below it */
};
struct zone_node {
	unsigned char n, flags, nsets, labels; /* of the name relative to the apex */
	unsigned char name[];		       /* n octets; then heads, then records */
};
struct zone_set {
	uint16_t type, n, size,
		sigs_size; /* octets of the records, and of the RRSIGs behind them */
	unsigned char nsigs;
	unsigned char names; /* its data begin (behind so many octets) with a name that may be
				compressed; 255: they have none */
} __attribute__((packed));
enum { ZONE_NO_NAMES = 255, ZONE_RR_HEAD = 12 /* octets of a record before its data */ };

struct zone {
	_Atomic uint32_t refs;
	uint32_t octets, records;
	uint32_t nodes, nodes_end;   /* where the nodes are */
	uint32_t nsec3s, nsec3s_end; /* those of NSEC3 */
	uint32_t slots, tags, nslots;
	uint32_t nsec_order, nnsec;   /* nodes with NSEC, in canonical order: offsets */
	uint32_t nsec3_order, nnsec3; /* NSEC3 nodes, by hash */
	uint32_t soa, soa_size;	      /* the SOA's record with its RRSIGs */
	uint32_t negative_ttl;	      /* RFC 2308 5 */
	uint32_t salt;		      /* NSEC3: where its salt is: length, octets */
	uint16_t iterations;
	unsigned char apex_n, apex_labels;
	unsigned char deepest; /* labels of the longest name */
	bool wide;	       /* slots have 32 bits */
	bool is_signed, nsec, nsec3;
	unsigned char apex[]; /* then all the rest */
};

static inline const unsigned char *zone_at(const struct zone *z, uint32_t at)
{
	return (const unsigned char *)z + at;
}
static inline const struct zone_node *zone_top(const struct zone *z)
{
	return (const struct zone_node *)zone_at(z, z->nodes);
}
/* The node of the ancestor of i labels (which is at or below the apex), or NULL. */
const struct zone_node *zone_node(const struct zone *z, const struct zone_name *k, unsigned i);
/* "*" below that ancestor. */
const struct zone_node *zone_node_wildcard(const struct zone *z, const struct zone_name *k,
					   unsigned i);
/* The set and its records; NULL. */
static inline const struct zone_set *zone_node_set(const struct zone_node *n, uint16_t type,
						   const unsigned char **records)
{
	const struct zone_set *s = (const struct zone_set *)(n->name + n->n), *end = s + n->nsets;
	const unsigned char *p = (const unsigned char *)end;

	for (; s < end; p += s->size + s->sigs_size, s++)
		if (s->type == type) {
			*records = p;
			return s->n ? s : NULL;
		}
	return NULL;
}
static inline bool zone_node_has(const struct zone_node *n, uint16_t type)
{
	const unsigned char *p;

	return zone_node_set(n, type, &p) != NULL;
}
size_t zone_node_octets(const struct zone_node *n);

/* The node with NSEC at name or closest before it (RFC 4034 4.1.1); NULL without any. name:
 * relative to the apex, lower case, no root. */
const struct zone_node *zone_nsec_before(const struct zone *z, str name);
/* The NSEC3 node whose hash (32 octets of base32hex, lower case) is this one or the closest before
 * it, around the end of the chain; *exact: it is this one. NULL without any. */
const struct zone_node *zone_nsec3_before(const struct zone *z, const char hash[32], bool *exact);

#endif
