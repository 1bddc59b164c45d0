#include "sessions/dns/answer.h"

#include <string.h>

#include "base/limits.h"

enum { YXDOMAIN = 6 };

uint16_t answer_place(const struct answer *a, unsigned i)
{
	return i == a->z->apex_labels ? a->r.apex_at : (uint16_t)(a->owner + a->k->at[i]);
}

static void put(struct answer *a, enum dns_section to, uint16_t owner, const struct zone_set *s,
		const unsigned char *records)
{
	if (!reply_set(&a->r, to, owner, s, records))
		a->r.cut = true;
}

static void put_soa(struct answer *a)
{
	if (!reply_soa(&a->r))
		a->r.cut = true;
}

/* ---- additional section ---- */

/* Hashed, and found to be in this zone. */
static bool take_target(struct answer *a, const struct reply_name *t)
{
	const struct zone *z = a->z;
	struct zone_name *k = a->spare;

	zone_name_set(k, str_of(t->name, t->n));
	return k->labels >= z->apex_labels && k->n - k->at[z->apex_labels] == z->apex_n &&
	       memcmp(k->p + k->at[z->apex_labels], z->apex, z->apex_n) == 0;
}

static bool in_cut(const struct answer *a)
{
	unsigned n = a->cut_labels;
	const struct zone_name *k = a->spare;

	return k->labels >= n && k->hash[n] == a->k->hash[n];
}

/* The addresses of one target; false: there was no room for all. */
static bool add_addresses(struct answer *a, const struct zone_node *n, uint16_t at)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA };
	bool all = true;

	for (size_t i = 0; i < COUNT(types); i++) {
		const unsigned char *records;
		const struct zone_set *s = zone_node_set(n, types[i], &records);

		if (s && !reply_set(&a->r, DNS_ADDITIONAL, at, s, records))
			all = false;
	}
	return all;
}

/* must: glue inside the delegation, which a resolver cannot do without (RFC 9471 3). */
static void add_targets(struct answer *a, bool must)
{
	const struct zone_node *done[REPLY_TARGETS];
	unsigned ndone = 0;

	for (unsigned i = 0; i < a->r.ntargets; i++) {
		const struct zone_node *n = take_target(a, &a->r.targets[i])
						    ? zone_node(a->z, a->spare, a->spare->labels)
						    : NULL;
		bool seen =
			!n || (!a->cut && n->flags & NODE_BELOW) || (a->cut && in_cut(a) != must);

		for (unsigned k = 0; k < ndone && !seen; k++)
			seen = done[k] == n;
		if (seen)
			continue;
		done[ndone++] = n;
		if (!add_addresses(a, n, a->r.targets[i].at) && must)
			a->r.cut = true;
	}
}

/* ---- names that exist ---- */

/* RFC 8482 4.1: one set; TCP is no help to those who forge their address, and gets all. */
static bool put_any(struct answer *a, const struct zone_node *n, bool sigs_only)
{
	const struct zone_set *s = (const struct zone_set *)(n->name + n->n), *end = s + n->nsets;
	const unsigned char *p = (const unsigned char *)end;
	bool some = false;

	for (; s < end; p += s->size + s->sigs_size, s++) {
		if (sigs_only ? !s->nsigs : !s->n)
			continue;
		if (!(sigs_only ? reply_sigs(&a->r, DNS_ANSWER, a->owner, s, p)
				: reply_set(&a->r, DNS_ANSWER, a->owner, s, p)))
			a->r.cut = true;
		some = true;
		if (!a->tcp)
			break;
	}
	return some;
}

/* Goes on with the target of an alias when it is in this zone. at: where its name stands in the
 * message. */
static bool follow(struct answer *a, const unsigned char *name, unsigned n, size_t at)
{
	struct reply_name t = { .name = name, .n = (uint16_t)n };
	struct zone_name *k = a->k;

	if (at + n > POINTER_MAX || !take_target(a, &t)) /* its ancestors are pointed at too */
		return false;
	a->k = a->spare;
	a->spare = k;
	a->owner = (uint16_t)at;
	return true;
}

static bool put_alias(struct answer *a, const struct zone_set *s, const unsigned char *records)
{
	size_t at = a->r.n + ZONE_RR_HEAD;

	put(a, DNS_ANSWER, a->owner, s, records);
	return !a->r.cut &&
	       follow(a, records + ZONE_RR_HEAD, dns_get16(records + ZONE_RR_HEAD - 2), at);
}

/* The node that answers for the name. wild: labels of the encloser of the "*" that it is, or -1.
 * True: an alias is to be followed. */
static bool at_node(struct answer *a, const struct zone_node *n, int wild)
{
	const unsigned char *records;
	const struct zone_set *s = zone_node_set(n, a->type, &records);
	bool found = true;

	if (s && a->type != DNS_RRSIG) {
		put(a, DNS_ANSWER, a->owner, s, records);
	} else if (a->type == DNS_ANY || a->type == DNS_RRSIG) {
		found = put_any(a, n, a->type == DNS_RRSIG);
	} else {
		s = zone_node_set(n, DNS_CNAME, &records);
		found = s != NULL;
		if (s && wild >= 0)
			deny_expansion(a, (unsigned)wild);
		if (s)
			return put_alias(a, s, records);
	}
	if (found && wild >= 0) {
		deny_expansion(a, (unsigned)wild);
	} else if (!found) {
		put_soa(a);
		if (wild >= 0)
			deny_wildcard_type(a, n, (unsigned)wild);
		else
			deny_type(a, n);
	}
	return false;
}

/* ---- above the name ---- */

/* RFC 1034 4.3.2 3b. */
static void refer(struct answer *a, const struct zone_node *n, unsigned i)
{
	const unsigned char *records;
	const struct zone_set *s = zone_node_set(n, DNS_NS, &records);

	a->cut = n;
	a->cut_labels = i;
	a->about = a->k->hash[i];
	if (a->r.counts[DNS_ANSWER] == 0)
		a->authoritative = false;
	a->r.ntargets = 0;
	put(a, DNS_AUTHORITY, answer_place(a, i), s, records);
	if (!a->r.dnssec || !a->z->is_signed)
		return;
	s = zone_node_set(n, DNS_DS, &records);
	if (s)
		put(a, DNS_AUTHORITY, answer_place(a, i), s, records);
	else
		deny_ds(a, i);
}

/* RFC 6672 3.1: the DNAME, and a CNAME made from it. */
static bool rename_below(struct answer *a, const struct zone_node *n, unsigned i)
{
	const unsigned char *records;
	const struct zone_set *s = zone_node_set(n, DNS_DNAME, &records);
	unsigned prefix = a->k->at[i], size = dns_get16(records + ZONE_RR_HEAD - 2);
	unsigned char target[2 * DNS_NAME_MAX];

	put(a, DNS_ANSWER, answer_place(a, i), s, records);
	if (prefix + size > DNS_NAME_MAX) {
		a->rcode = YXDOMAIN;
		return false;
	}
	memcpy(target, a->k->p, prefix);
	memcpy(target + prefix, records + ZONE_RR_HEAD, size);
	size_t at = a->r.n + ZONE_RR_HEAD;

	if (!reply_record(&a->r, DNS_ANSWER, a->owner, DNS_CNAME, DNS_IN, dns_get32(records + 6),
			  str_of(target, prefix + size))) {
		a->r.cut = true;
		return false;
	}
	return a->type != DNS_CNAME && a->type != DNS_ANY && follow(a, target, prefix + size, at);
}

/* What stands at the cut or DNAME that is the highest one above the name. last: labels of the
 * lowest ancestor that exists. */
static bool above(struct answer *a, unsigned last)
{
	for (unsigned i = a->z->apex_labels; i <= last; i++) {
		const struct zone_node *n = zone_node(a->z, a->k, i);

		if (n->flags & NODE_CUT) {
			refer(a, n, i);
			return false;
		}
		if (n->flags & NODE_DNAME)
			return rename_below(a, n, i);
	}
	return false;
}

/* ---- names that do not exist ---- */

static bool no_node(struct answer *a)
{
	unsigned i = a->k->labels - 1u;
	const struct zone_node *n;

	if (i > a->z->deepest)
		i = a->z->deepest;
	while (!(n = zone_node(a->z, a->k, i)))
		i--;
	if (n->flags & (NODE_CUT | NODE_DNAME | NODE_BELOW))
		return above(a, i);
	if (n->flags & NODE_WILD) {
		a->about = zone_name_wildcard(a->k, i);
		return at_node(a, zone_node_wildcard(a->z, a->k, i), (int)i);
	}
	a->about = a->k->hash[a->z->apex_labels];
	a->rcode = DNS_NXDOMAIN;
	put_soa(a);
	deny_name(a, i);
	return false;
}

/* One name; true: an alias leads to another one. */
static bool step(struct answer *a)
{
	const struct zone_node *n = zone_node(a->z, a->k, a->k->labels);

	a->about = a->k->hash[a->k->labels];
	if (!n)
		return no_node(a);
	if (n->flags & NODE_BELOW)
		return above(a, a->k->labels - 1u);
	if (n->flags & NODE_CUT && a->type != DNS_DS) {
		refer(a, n, a->k->labels);
		return false;
	}
	return at_node(a, n, -1);
}

void answer_find(struct answer *a)
{
	a->authoritative = true;
	a->rcode = DNS_NOERROR;
	a->cut = NULL;
	a->nproofs = 0;
	for (unsigned i = 0; i < LIM_DNS_ALIASES && step(a); i++)
		;
	deny_write(a);
	if (a->cut)
		add_targets(a, true);
	if (a->r.ntargets && !a->r.cut)
		add_targets(a, false);
}
