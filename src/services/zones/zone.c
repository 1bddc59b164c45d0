/* The compiled zone as a whole: who holds it, what it says of itself, its sets one by one. */
#include "services/zones/zone.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "services/zones/lookup.h"

struct zone *zone_hold(struct zone *z)
{
	atomic_fetch_add_explicit(&z->refs, 1, memory_order_relaxed);
	return z;
}

void zone_drop(struct zone *z)
{
	if (z && atomic_fetch_sub_explicit(&z->refs, 1, memory_order_acq_rel) == 1)
		mem_free(z);
}

str zone_apex(const struct zone *z)
{
	return str_of(z->apex, z->apex_n);
}

/* The five numbers at the end of the SOA's data. */
static const unsigned char *numbers(const struct zone *z)
{
	const unsigned char *soa = zone_at(z, z->soa);

	return soa + ZONE_RR_HEAD + dns_get16(soa + ZONE_RR_HEAD - 2) - 20;
}

uint32_t zone_serial(const struct zone *z)
{
	return dns_get32(numbers(z));
}

void zone_timers(const struct zone *z, uint32_t out[4])
{
	for (size_t i = 0; i < 4; i++)
		out[i] = dns_get32(numbers(z) + 4 + 4 * i);
}

bool zone_signed(const struct zone *z)
{
	return z->is_signed;
}

size_t zone_octets(const struct zone *z)
{
	return z->octets;
}

size_t zone_records(const struct zone *z)
{
	return z->records;
}

/* ---- sets as others see them ---- */

static struct zone_rrset view(const struct zone_set *s, const unsigned char *records, bool sigs)
{
	const unsigned char *p = records + (sigs ? s->size : 0);

	return (struct zone_rrset){ .type = sigs ? DNS_RRSIG : s->type,
				    .covers = sigs ? s->type : 0,
				    .ttl = dns_get32(p + 6),
				    .n = sigs ? s->nsigs : s->n,
				    .skip = ZONE_RR_HEAD - 2,
				    .data = str_of(p, sigs ? s->sigs_size : s->size) };
}

/* The node, or the one of NSEC3 for its types. */
static const struct zone_node *node_of(const struct zone *z, str owner, bool nsec3)
{
	struct zone_name k;
	bool exact;

	if (!dns_name_under(owner, zone_apex(z)))
		return NULL;
	zone_name_set(&k, owner);
	if (!nsec3 || k.n != 33 + z->apex_n || k.p[0] != 32)
		return zone_node(z, &k, k.labels);
	const struct zone_node *n = zone_nsec3_before(z, (const char *)k.p + 1, &exact);

	return exact ? n : NULL;
}

/* type: of the set; 0: any that is signed. */
static bool find(const struct zone_node *n, uint16_t type, bool sigs, struct zone_rrset *out)
{
	const struct zone_set *s = (const struct zone_set *)(n->name + n->n), *end = s + n->nsets;
	const unsigned char *p = (const unsigned char *)end;

	for (; s < end; p += s->size + s->sigs_size, s++)
		if ((s->type == type || !type) && (sigs ? s->nsigs : s->n)) {
			*out = view(s, p, sigs);
			return true;
		}
	return false;
}

bool zone_find(const struct zone *z, str owner, uint16_t type, struct zone_rrset *out)
{
	const struct zone_node *n = node_of(z, owner, type == DNS_NSEC3);
	bool sigs = type == DNS_RRSIG;

	if (!n || !find(n, sigs ? 0 : type, sigs, out))
		return false;
	out->owner = owner;
	return true;
}

bool zone_find_rrsig(const struct zone *z, str owner, uint16_t covers, struct zone_rrset *out)
{
	const struct zone_node *n = node_of(z, owner, covers == DNS_NSEC3);

	if (!n || !find(n, covers, true, out))
		return false;
	out->owner = owner;
	return true;
}
