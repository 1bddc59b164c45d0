#include "sessions/dns/reply.h"

#include <string.h>

enum { LENGTH = ZONE_RR_HEAD - 2 }; /* where a record's length stands */

/* ---- names inside data ---- */

/* Octets of the name before its ancestor of nabove octets; -1 when that is no ancestor. */
static int before(const unsigned char *name, unsigned n, const unsigned char *above,
		  unsigned nabove)
{
	unsigned i = 0;

	if (nabove > n)
		return -1;
	const unsigned char *end = name + n - nabove;

	if (memcmp(end, above, nabove) != 0 && !str_eqi(str_of(end, nabove), str_of(above, nabove)))
		return -1;
	while (i < n - nabove)
		i += name[i] + 1u;
	return i == n - nabove ? (int)i : -1;
}

/* The longest end of the name that stands in the message already: *at where, gives the octets
 * before it. */
static unsigned known_end(const struct reply *r, const unsigned char *name, unsigned n,
			  uint16_t *at)
{
	for (unsigned i = 0; name[i]; i += name[i] + 1u)
		for (unsigned k = 0; k < r->nforeign; k++) {
			const struct reply_name *f = &r->foreign[k];
			int skip = before(f->name, f->n, name + i, n - i);

			if (skip >= 0 && skip < f->written) {
				*at = (uint16_t)(f->at + skip);
				return i;
			}
		}
	return n;
}

/* Writes a name of the zone's data; it never takes more than its whole length, which there is room
 * for. Names of the zone are the apex's, with what is before it as it is: where an ancestor of them
 * stands is known. (Of the root zone all names are whole.) */
static void put_name(struct reply *r, const unsigned char *name, unsigned n)
{
	uint16_t at = r->apex_at;
	int literal = r->z->apex_n > 1 ? before(name, n, r->z->apex, r->z->apex_n) : (int)n;

	if (literal < 0) {
		literal = (int)known_end(r, name, n, &at);
		if (literal && r->nforeign < REPLY_FOREIGN && r->n + n <= POINTER_MAX)
			r->foreign[r->nforeign++] =
				(struct reply_name){ (uint16_t)r->n, (uint16_t)literal, name,
						     (uint16_t)n };
	}
	memcpy(r->p + r->n, name, (size_t)literal);
	r->n += (size_t)literal;
	if (literal == (int)n)
		return;
	dns_put16(r->p + r->n, POINTER | at);
	r->n += 2;
}

static unsigned name_octets(const unsigned char *p)
{
	unsigned i = 0;

	while (p[i])
		i += p[i] + 1u;
	return i + 1;
}

static void want_addresses(struct reply *r, size_t at, const unsigned char *name, unsigned n)
{
	if (r->ntargets < REPLY_TARGETS && at <= POINTER_MAX)
		r->targets[r->ntargets++] =
			(struct reply_name){ (uint16_t)at, 0, name, (uint16_t)n };
}

/* Types whose targets' addresses are worth sending along (RFC 1035 3.3, 2782, 9460 4.1). */
static unsigned target_at(uint16_t type)
{
	switch (type) {
	case DNS_NS:
		return 0;
	case DNS_MX:
	case DNS_SVCB:
	case DNS_HTTPS:
		return 2;
	case DNS_SRV:
		return 6;
	default:
		return ZONE_NO_NAMES;
	}
}

/* ---- records ---- */

/* One record with names that are compressed; gives the next one. */
static const unsigned char *put_record(struct reply *r, const struct zone_set *s,
				       const unsigned char *rr, uint16_t owner)
{
	unsigned n = dns_get16(rr + LENGTH);
	const unsigned char *data = rr + ZONE_RR_HEAD, *p = data + s->names;
	size_t start = r->n;

	memcpy(r->p + r->n, rr, ZONE_RR_HEAD + s->names);
	dns_put16(r->p + r->n, POINTER | owner);
	r->n += ZONE_RR_HEAD + s->names;
	for (unsigned names = s->type == DNS_SOA ? 2 : 1; names; names--) {
		unsigned k = name_octets(p);

		if (s->type == DNS_NS || s->type == DNS_MX)
			want_addresses(r, r->n, p, k);
		put_name(r, p, k);
		p += k;
	}
	memcpy(r->p + r->n, p, (size_t)(data + n - p));
	r->n += (size_t)(data + n - p);
	dns_put16(r->p + start + LENGTH, (unsigned)(r->n - start - ZONE_RR_HEAD));
	return data + n;
}

/* Copied as they are, but for the owner. */
static void put_plain(struct reply *r, const unsigned char *records, size_t size, uint16_t owner)
{
	unsigned char *p = r->p + r->n, *end = p + size;

	memcpy(p, records, size);
	r->n += size;
	if (owner == DNS_HEADER)
		return;
	for (; p < end; p += ZONE_RR_HEAD + dns_get16(p + LENGTH))
		dns_put16(p, POINTER | owner);
}

static void note_targets(struct reply *r, const struct zone_set *s, size_t at)
{
	unsigned skip = target_at(s->type);

	for (unsigned i = 0; skip != ZONE_NO_NAMES && i < s->n; i++) {
		unsigned char *name = r->p + at + ZONE_RR_HEAD + skip;

		want_addresses(r, at + ZONE_RR_HEAD + skip, name, name_octets(name));
		at += ZONE_RR_HEAD + dns_get16(r->p + at + LENGTH);
	}
}

/* How much of it compression saves shows when it is written. */
static bool put_compressed(struct reply *r, uint16_t owner, const struct zone_set *s,
			   const unsigned char *records, size_t sigs)
{
	size_t start = r->n;
	unsigned ntargets = r->ntargets, nforeign = r->nforeign;

	if (start + s->size + sigs > r->limit)
		return false;
	for (unsigned i = 0; i < s->n; i++)
		records = put_record(r, s, records, owner);
	put_plain(r, records, sigs, owner);
	if (r->n <= r->room)
		return true;
	r->n = start;
	r->ntargets = ntargets;
	r->nforeign = nforeign;
	return false;
}

bool reply_set(struct reply *r, enum dns_section to, uint16_t owner, const struct zone_set *s,
	       const unsigned char *records)
{
	size_t sigs = r->dnssec ? s->sigs_size : 0, start = r->n;

	if (s->names != ZONE_NO_NAMES) {
		if (!put_compressed(r, owner, s, records, sigs))
			return false;
	} else {
		if (start + s->size + sigs > r->room)
			return false;
		put_plain(r, records, s->size + sigs, owner);
		if (to == DNS_ANSWER)
			note_targets(r, s, start);
	}
	r->counts[to] = (uint16_t)(r->counts[to] + s->n + (sigs ? s->nsigs : 0));
	return true;
}

bool reply_sigs(struct reply *r, enum dns_section to, uint16_t owner, const struct zone_set *s,
		const unsigned char *records)
{
	if (r->n + s->sigs_size > r->room)
		return false;
	put_plain(r, records + s->size, s->sigs_size, owner);
	r->counts[to] = (uint16_t)(r->counts[to] + s->nsigs);
	return true;
}

bool reply_node_set(struct reply *r, enum dns_section to, const struct zone_node *n,
		    const struct zone_set *s, const unsigned char *records)
{
	size_t start = r->n, sigs = r->dnssec ? s->sigs_size : 0;
	unsigned char *p = r->p + start;

	if (n->n == 0)
		return reply_set(r, to, r->apex_at, s, records);
	/* The owner stands before the first record; its pointer's place is taken by the apex's. */
	if (start > POINTER_MAX || start + n->n + s->size + sigs > r->room)
		return false;
	memcpy(p, n->name, n->n);
	r->n += n->n;
	(void)reply_set(r, to, (uint16_t)start, s, records);
	dns_put16(p + n->n, POINTER | r->apex_at);
	return true;
}

bool reply_soa(struct reply *r)
{
	const struct zone *z = r->z;
	const unsigned char *records;
	const struct zone_set *s = zone_node_set(zone_top(z), DNS_SOA, &records);
	size_t at = r->n;

	if (!reply_set(r, DNS_AUTHORITY, r->apex_at, s, records))
		return false;
	for (; at < r->n; at += ZONE_RR_HEAD + dns_get16(r->p + at + LENGTH))
		dns_put32(r->p + at + 6, z->negative_ttl);
	return true;
}

bool reply_record(struct reply *r, enum dns_section to, uint16_t owner, uint16_t type,
		  uint16_t class, uint32_t ttl, str data)
{
	unsigned char *p = r->p + r->n;

	if (r->n + ZONE_RR_HEAD + data.n > r->room)
		return false;
	dns_put16(p, POINTER | owner);
	dns_put16(p + 2, type);
	dns_put16(p + 4, class);
	dns_put32(p + 6, ttl);
	dns_put16(p + LENGTH, (unsigned)data.n);
	memcpy(p + ZONE_RR_HEAD, data.p, data.n);
	r->n += ZONE_RR_HEAD + data.n;
	r->counts[to]++;
	return true;
}
