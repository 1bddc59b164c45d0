/* A builder's records become one piece of memory (lookup.h): the nodes are listed with what their
 * ancestors mean for them, measured, and written. */
#include <stdatomic.h>
#include <string.h>

#include "base/limits.h"
#include "formats/dns/rdata.h"
#include "services/zones/builder.h"
#include "services/zones/lookup.h"

enum { RR = ZONE_RR_HEAD - 2 }; /* octets of a record before its length */

/* A node to be: an owner, an empty non-terminal (no sets), or an owner's NSEC3 part. */
struct draft {
	const struct builder_set *sets;
	const unsigned char *name; /* the whole of it; n octets of it are relative */
	unsigned char n, flags, labels;
	bool nsec3;
	uint32_t at;
};
struct compile {
	const struct zone_builder *b;
	struct draft *nodes, *nsec3s;
	size_t nnodes, nnsec3s, room;
	/* the nodes on the way to the newest one, by labels; the cut or DNAME above it */
	size_t path[DNS_LABELS_MAX + 1];
	unsigned depth;
	uint32_t slots;
	size_t with_nsec;
	struct zone *z;
};

static void compile_free(struct compile *c)
{
	mem_free(c->nodes);
	mem_free(c->nsec3s);
}

/* ---- listing ---- */

/* Its name is a hash. */
static bool is_hashed(const struct draft *d)
{
	return d->labels == 1 && d->n == 33;
}

/* RRSIGs stand with the set that they cover; without one, they are a set of none. */
static bool is_head(const struct draft *d, const struct builder_set *s)
{
	if (s->type == DNS_RRSIG) {
		for (const struct builder_set *o = d->sets; o; o = o->next)
			if (o->type == s->covers && o->type != DNS_RRSIG)
				return false;
		return (s->covers == DNS_NSEC3 && is_hashed(d)) == d->nsec3;
	}
	return (s->type == DNS_NSEC3 && is_hashed(d)) == d->nsec3;
}

static const struct builder_set *sigs_of(const struct draft *d, const struct builder_set *s)
{
	if (s->type == DNS_RRSIG)
		return s;
	for (const struct builder_set *o = d->sets; o; o = o->next)
		if (o->type == DNS_RRSIG && o->covers == s->type)
			return o;
	return NULL;
}

static bool has(const struct draft *d, uint16_t type)
{
	for (const struct builder_set *s = d->sets; s; s = s->next)
		if (s->type == type)
			return true;
	return false;
}

static bool is_below(const struct draft *d, const struct draft *above)
{
	return d->n >= above->n && memcmp(d->name + d->n - above->n, above->name, above->n) == 0;
}

static void list_node(struct compile *c, struct draft d)
{
	const struct draft *parent = d.labels ? &c->nodes[c->path[d.labels - 1]] : NULL;

	if (parent && (parent->flags & (NODE_CUT | NODE_DNAME | NODE_BELOW)))
		d.flags |= NODE_BELOW;
	if (d.labels && has(&d, DNS_NS) && !(d.flags & NODE_BELOW))
		d.flags |= NODE_CUT;
	if (has(&d, DNS_DNAME) && !(d.flags & NODE_BELOW))
		d.flags |= NODE_DNAME;
	if (parent && d.name[0] == 1 && d.name[1] == '*')
		c->nodes[c->path[d.labels - 1]].flags |= NODE_WILD;
	if (has(&d, DNS_NSEC))
		c->with_nsec++;
	c->path[d.labels] = c->nnodes;
	c->depth = d.labels;
	c->nodes[c->nnodes++] = d;
}

static void make_room(struct compile *c, size_t n)
{
	if (c->nnodes + n <= c->room)
		return;
	c->room = (c->nnodes + n) * 2;
	c->nodes = mem_resize(c->nodes, size_mul(c->room, sizeof(*c->nodes)));
}

/* The ancestors that have no records of their own come before their first descendant. */
static void list_missing(struct compile *c, const struct draft *d)
{
	unsigned char at[DNS_LABELS_MAX + 1];
	unsigned common = 0, labels = 0;

	for (unsigned i = 0; i < d->n; i += d->name[i] + 1u)
		at[labels++] = (unsigned char)i;
	while (c->nnodes && common < c->depth && common + 1 < labels) {
		const struct draft *a = &c->nodes[c->path[common + 1]];
		unsigned n = d->n - at[labels - common - 1];

		if (a->n != n || !is_below(d, a))
			break;
		common++;
	}
	for (unsigned k = common + 1; k < labels; k++)
		list_node(c, (struct draft){ .name = d->name + at[labels - k],
					     .n = (unsigned char)(d->n - at[labels - k]),
					     .labels = (unsigned char)k });
}

static void list_owner(struct compile *c, const struct builder_node *n)
{
	struct draft d = { .sets = n->sets,
			   .name = n->name,
			   .n = (unsigned char)(n->n - c->b->apex.n) };
	bool other = false;

	for (unsigned i = 0; i < d.n; i += d.name[i] + 1u)
		d.labels++;
	if (has(&d, DNS_NSEC3) && is_hashed(&d)) {
		c->nsec3s[c->nnsec3s] = d;
		c->nsec3s[c->nnsec3s++].nsec3 = true;
	}
	for (const struct builder_set *s = d.sets; s && !other; s = s->next)
		other = is_head(&d, s);
	if (!other && d.labels)
		return;
	make_room(c, DNS_LABELS_MAX + 1);
	list_missing(c, &d);
	list_node(c, d);
}

/* ---- measuring ---- */

static uint32_t wire_octets(const struct builder_set *s)
{
	return s ? s->size + (uint32_t)s->n * RR : 0;
}

static err measure(struct compile *c, struct draft *d, uint32_t *at)
{
	uint64_t n = *at + sizeof(struct zone_node) + d->n;
	unsigned heads = 0;

	d->at = *at;
	for (const struct builder_set *s = d->sets; s; s = s->next) {
		const struct builder_set *sigs = sigs_of(d, s);

		if (!is_head(d, s))
			continue;
		heads++;
		n += sizeof(struct zone_set) + (s == sigs ? 0 : wire_octets(s)) + wire_octets(sigs);
		if (wire_octets(s) > LIM_ZONE_SET || wire_octets(sigs) > LIM_ZONE_SET ||
		    (sigs && sigs->n > UINT8_MAX))
			return fail(E_LIMIT, "a record set is larger than a message");
		c->z->records += (s == sigs ? 0 : s->n) + (sigs ? sigs->n : 0u);
	}
	if (heads > UINT8_MAX)
		return fail(E_LIMIT, "a name has too many types");
	if (n > LIM_ZONE_OCTETS)
		return fail(E_LIMIT, "the zone is too large");
	*at = (uint32_t)n;
	return OK;
}

static uint32_t aligned(uint32_t at)
{
	return (at + 3) & ~3u;
}

/* Where everything stands; the head's numbers are offsets in what is not yet there. */
static err measure_all(struct compile *c)
{
	struct zone *z = c->z;
	uint32_t at = aligned((uint32_t)sizeof(*z) + c->b->apex.n);

	z->nnsec = (uint32_t)c->with_nsec;
	z->nsec_order = at;
	z->nnsec3 = (uint32_t)c->nnsec3s;
	z->nsec3_order = at + 4 * z->nnsec;
	z->slots = z->nsec3_order + 4 * z->nnsec3;
	z->nslots = (uint32_t)(c->nnodes + c->nnodes / 2 + 1);
	/* Narrow slots come first: then what the nodes take decides. */
	for (unsigned width = 2;; width = 4) {
		z->records = 0;
		z->wide = width == 4;
		z->tags = z->slots + width * z->nslots;
		z->nodes = at = z->tags + z->nslots;
		for (size_t i = 0; i < c->nnodes; i++)
			TRY(measure(c, &c->nodes[i], &at));
		z->nodes_end = z->nsec3s = at;
		if (width == 4 || at <= UINT16_MAX)
			break;
	}
	for (size_t i = 0; i < c->nnsec3s; i++)
		TRY(measure(c, &c->nsec3s[i], &at));
	z->nsec3s_end = z->octets = at;
	return OK;
}

/* ---- writing ---- */

static unsigned char *write_records(unsigned char *p, const struct builder_set *s)
{
	for (uint32_t at = 0; s && at < s->size;) {
		uint32_t n = 2 + dns_get16(s->data + at);

		dns_put16(p, 0xc000 | DNS_HEADER);
		dns_put16(p + 2, s->type);
		dns_put16(p + 4, DNS_IN);
		dns_put32(p + 6, s->ttl);
		memcpy(p + RR, s->data + at, n);
		p += RR + n;
		at += n;
	}
	return p;
}

/* RFC 3597 4: only names of RFC 1035's types are compressed. DNAME's never are (RFC 6672 2.5). */
static unsigned char names_at(uint16_t type)
{
	switch (type) {
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_SOA:
		return 0;
	case DNS_MX:
		return 2;
	default:
		return ZONE_NO_NAMES;
	}
}

static void write_node(struct compile *c, const struct draft *d)
{
	struct zone_node *n = (struct zone_node *)((unsigned char *)c->z + d->at);
	struct zone_set *h = (struct zone_set *)(n->name + d->n);
	unsigned char *p;

	n->n = d->n;
	n->flags = d->flags;
	n->labels = d->labels;
	memcpy(n->name, d->name, d->n);
	for (const struct builder_set *s = d->sets; s; s = s->next)
		n->nsets += is_head(d, s);
	p = (unsigned char *)(h + n->nsets);
	for (const struct builder_set *s = d->sets; s; s = s->next) {
		const struct builder_set *sigs = sigs_of(d, s);
		bool alone = s == sigs;

		if (!is_head(d, s))
			continue;
		*h++ = (struct zone_set){ .type = alone ? s->covers : s->type,
					  .n = alone ? 0 : s->n,
					  .size = (uint16_t)(alone ? 0 : wire_octets(s)),
					  .nsigs = (unsigned char)(sigs ? sigs->n : 0),
					  .sigs_size = (uint16_t)wire_octets(sigs),
					  .names = names_at(s->type) };
		if (!alone)
			p = write_records(p, s);
		p = write_records(p, sigs);
	}
}

static void put_slot(struct zone *z, size_t i, uint32_t at)
{
	unsigned char *slots = (unsigned char *)z + z->slots;
	uint16_t narrow = (uint16_t)at;

	if (z->wide)
		memcpy(slots + 4 * i, &at, 4);
	else
		memcpy(slots + 2 * i, &narrow, 2);
}

static void write_slot(struct compile *c, struct zone_name *k, const struct draft *d)
{
	struct zone *z = c->z;
	unsigned char *tags = (unsigned char *)z + z->tags;

	zone_name_set(k, str_of(d->name, (size_t)d->n + c->b->apex.n));
	uint64_t hash = k->hash[k->labels];
	size_t i = (size_t)((unsigned __int128)hash * z->nslots >> 64);

	while (tags[i])
		i = i + 1 == z->nslots ? 0 : i + 1;
	tags[i] = (unsigned char)(hash | 0x80);
	put_slot(z, i, d->at);
	if (k->labels > z->deepest)
		z->deepest = k->labels;
}

static void write_all(struct compile *c)
{
	struct zone_name *k = MEM_NEW(struct zone_name);
	unsigned char *nsec = (unsigned char *)c->z + c->z->nsec_order;

	for (size_t i = 0; i < c->nnodes; i++) {
		write_node(c, &c->nodes[i]);
		write_slot(c, k, &c->nodes[i]);
		if (has(&c->nodes[i], DNS_NSEC)) {
			memcpy(nsec, &c->nodes[i].at, 4);
			nsec += 4;
		}
	}
	for (size_t i = 0; i < c->nnsec3s; i++) {
		write_node(c, &c->nsec3s[i]);
		memcpy((unsigned char *)c->z + c->z->nsec3_order + 4 * i, &c->nsec3s[i].at, 4);
	}
	mem_free(k);
}

/* ---- the head ---- */

static uint32_t offset(const struct zone *z, const unsigned char *p)
{
	return (uint32_t)(p - (const unsigned char *)z);
}

/* RFC 5155 4: hash algorithm, flags, iterations, salt. The chain in use is the one that has no
 * flags set. */
static void take_nsec3param(struct zone *z)
{
	const unsigned char *p;
	const struct zone_set *s = zone_node_set(zone_top(z), DNS_NSEC3PARAM, &p);

	for (unsigned i = 0; s && i < s->n && !z->nsec3; i++) {
		const unsigned char *data = p + ZONE_RR_HEAD;

		z->nsec3 = z->nnsec3 && data[0] == 1 && data[1] == 0;
		z->iterations = (uint16_t)dns_get16(data + 2);
		z->salt = offset(z, data + 4);
		p = data + dns_get16(p + RR);
	}
}

static err write_head(struct zone *z)
{
	const struct zone_node *top = zone_top(z);
	const unsigned char *p;
	const struct zone_set *s = zone_node_set(top, DNS_SOA, &p);

	z->soa = offset(z, p);
	z->soa_size = (uint32_t)s->size + s->sigs_size;
	uint32_t ttl = dns_get32(p + 6), minimum = dns_get32(p + s->size - 4);

	z->negative_ttl = ttl < minimum ? ttl : minimum;
	z->is_signed = s->nsigs && zone_node_has(top, DNS_DNSKEY);
	z->nsec = zone_node_has(top, DNS_NSEC);
	take_nsec3param(z);
	if (z->nsec3 && z->iterations > LIM_NSEC3_ITERATIONS)
		return fail(E_LIMIT, "NSEC3 with %u iterations", z->iterations);
	return OK;
}

err zone_compile(struct zone_builder *b, struct zone **out)
{
	CLEANUP(compile_free) struct compile c = { .b = b };
	struct zone head = { .refs = 1,
			     .apex_n = b->apex.n,
			     .apex_labels = (unsigned char)dns_name_labels(zone_builder_apex(b)) };
	const struct builder_set *soa =
		builder_set(builder_node(b, zone_builder_apex(b)), DNS_SOA, 0);

	if (!soa || soa->n != 1)
		return fail(E_SYNTAX, "the zone needs one SOA record");
	builder_sort(b);
	c.z = &head;
	c.nsec3s = mem_get(size_mul(b->nsorted + 1, sizeof(*c.nsec3s)));
	for (size_t i = 0; i < b->nsorted; i++)
		list_owner(&c, b->sorted[i]);
	TRY(measure_all(&c));
	struct zone *z = mem_get(head.octets);

	memcpy(z, &head, sizeof(head));
	memcpy(z->apex, b->apex.p, b->apex.n);
	c.z = z;
	write_all(&c);
	err e = write_head(z);

	if (e)
		mem_free(z);
	else
		*out = z;
	return e;
}
