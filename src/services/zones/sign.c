#include "services/zones/sign.h"

#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"

enum {
	RRSIG_HEAD = 18,   /* octets before the signer's name, RFC 4034 3.1 */
	CLOCK_SKEW = 3600, /* seconds that a validator's clock may be behind, RFC 6781 4.4.2 */
	CDNSKEY_DELETE = 3 + 1 + 1,
	CDS_DELETE = 4 + 1,
};

/* A signature, or a set to be dropped, until the builder may be changed. */
struct item {
	struct item *next;
	str owner, rdata;
	uint16_t type;
	uint32_t ttl;
};
struct signing {
	struct zone_builder *b;
	const struct zone *old;
	const struct zone_keys *keys;
	struct signer *signers[ZONE_KEYS];
	int64_t now, ticks;
	struct sign_result *result;
	struct arena arena;
	struct item *items, **last;
	struct buf octets; /* what is signed */
	/* Where the walk is: the owner, and the cut or DNAME that hides what is below it. */
	struct dns_name at, above;
	bool cut, hidden;
	/* Owners of the chain; types of one begin at its place in types. */
	struct sign_owner *owners;
	size_t nowners, owners_room;
	uint16_t *types;
	size_t ntypes, types_room;
};

static void add_item(struct signing *s, const struct zone_rrset *set, str rdata)
{
	struct item *i = NEW(&s->arena, struct item);

	*i = (struct item){ NULL, arena_dup(&s->arena, set->owner), rdata, set->type, set->ttl };
	*s->last = i;
	s->last = &i->next;
}

static void forget_items(struct signing *s)
{
	s->items = NULL;
	s->last = &s->items;
}

/* ---- what comes before: nothing of another signer, our keys ---- */

static err collect_foreign(void *arg, const struct zone_rrset *set)
{
	switch (set->type) {
	case DNS_RRSIG:
	case DNS_NSEC:
	case DNS_NSEC3:
	case DNS_NSEC3PARAM:
	case DNS_CDS:
	case DNS_CDNSKEY:
		add_item(arg, set, STR(""));
		break;
	default:
		break;
	}
	return OK;
}

static err drop_foreign(struct signing *s)
{
	forget_items(s);
	TRY(zone_builder_each(s->b, collect_foreign, s));
	for (const struct item *i = s->items; i; i = i->next)
		zone_builder_drop(s->b, i->owner, i->type);
	forget_items(s);
	return OK;
}

static err add_key(struct signing *s, const struct zone_key *k)
{
	str apex = zone_builder_apex(s->b), dnskey = str_of(k->dnskey, k->ndnskey);
	uint32_t ttl = s->keys->policy.key_ttl;
	unsigned char ds[KEY_DS];

	TRY(zone_builder_add(s->b, apex, DNS_DNSKEY, ttl, dnskey));
	if (s->keys->policy.leaving || !key_for_parent(s->keys, k))
		return OK;
	TRY(key_ds(apex, dnskey, ds));
	TRY(zone_builder_add(s->b, apex, DNS_CDS, ttl, str_of(ds, sizeof(ds))));
	return zone_builder_add(s->b, apex, DNS_CDNSKEY, ttl, dnskey);
}

static err add_keys(struct signing *s)
{
	static const unsigned char cdnskey[CDNSKEY_DELETE] = { 0, 0, 3, 0, 0 };
	static const unsigned char cds[CDS_DELETE] = { 0 };
	str apex = zone_builder_apex(s->b);
	uint32_t ttl = s->keys->policy.key_ttl;

	for (size_t i = 0; i < s->keys->n; i++)
		TRY(add_key(s, &s->keys->v[i]));
	if (!s->keys->policy.leaving)
		return OK;
	TRY(zone_builder_add(s->b, apex, DNS_CDS, ttl, str_of(cds, sizeof(cds)))); /* RFC 8078 4 */
	return zone_builder_add(s->b, apex, DNS_CDNSKEY, ttl, str_of(cdnskey, sizeof(cdnskey)));
}

/* ---- the walk: which owners and sets are ours to speak for ---- */

static void begin_walk(struct signing *s)
{
	s->at.n = 0;
	s->above.n = 0;
	s->cut = s->hidden = false;
}

/* True: a new owner. */
static bool step(struct signing *s, str owner)
{
	struct zone_rrset set;
	bool apex = owner.n == zone_builder_apex(s->b).n;

	if (str_eq(owner, dns_name_str(&s->at)))
		return false;
	memcpy(s->at.p, owner.p, owner.n);
	s->at.n = (unsigned char)owner.n;
	s->hidden = s->above.n && dns_name_under(owner, dns_name_str(&s->above));
	if (s->hidden)
		return true;
	s->cut = !apex && zone_builder_find(s->b, owner, DNS_NS, &set);
	s->above.n = 0;
	if (s->cut || zone_builder_find(s->b, owner, DNS_DNAME, &set))
		s->above = s->at;
	return true;
}

/* At a delegation the parent speaks for NS and DS; glue is no set of ours (RFC 4035 2.2). */
static bool ours(const struct signing *s, uint16_t type)
{
	return !s->hidden && (!s->cut || type == DNS_NS || type == DNS_DS || type == DNS_NSEC);
}

/* ---- the chain ---- */

static struct sign_owner *push_owner(struct signing *s, str name)
{
	if (s->nowners == s->owners_room) {
		s->owners_room = s->owners_room ? s->owners_room * 2 : 64;
		s->owners =
			mem_resize(s->owners, size_mul(s->owners_room, sizeof(struct sign_owner)));
	}
	struct sign_owner *o = &s->owners[s->nowners++];

	*o = (struct sign_owner){ .name = arena_dup(&s->arena, name) };
	return o;
}

static void push_type(struct signing *s, uint16_t type)
{
	if (s->ntypes == s->types_room) {
		s->types_room = s->types_room ? s->types_room * 2 : 256;
		s->types = mem_resize(s->types, size_mul(s->types_room, sizeof(uint16_t)));
	}
	s->types[s->ntypes++] = type;
	s->owners[s->nowners - 1].ntypes++;
}

/* RFC 5155 7.1: names without records above the owner. In canonical order what is below a name
 * stands together, so that the owner before tells whether one was there already. */
static void push_empty(struct signing *s, str owner)
{
	str apex = zone_builder_apex(s->b);
	str before = s->nowners ? s->owners[s->nowners - 1].name : apex;

	for (str up = dns_name_parent(owner); up.n > apex.n && !dns_name_under(before, up);
	     up = dns_name_parent(up))
		(void)push_owner(s, up);
}

static err collect_owner(void *arg, const struct zone_rrset *set)
{
	struct signing *s = arg;

	if (step(s, set->owner) && !s->hidden) {
		if (s->keys->policy.nsec3 && set->owner.n > zone_builder_apex(s->b).n)
			push_empty(s, set->owner);
		push_owner(s, set->owner)->cut = s->cut;
	}
	if (ours(s, set->type))
		push_type(s, set->type);
	return OK;
}

/* RFC 9077: a negative answer lives no longer than the SOA says. */
static uint32_t negative_ttl(const struct zone_rrset *soa)
{
	uint32_t minimum = dns_get32(soa->data.p + soa->data.n - 4);

	return minimum < soa->ttl ? minimum : soa->ttl;
}

static err add_chain(struct signing *s, uint32_t ttl)
{
	static const unsigned char param[] = { 1, 0, 0, 0, 0 };
	struct sign_chain c = { .b = s->b, .ttl = ttl };
	bool nsec3 = s->keys->policy.nsec3;

	if (nsec3)
		TRY(zone_builder_add(s->b, zone_builder_apex(s->b), DNS_NSEC3PARAM, 0,
				     str_of(param, sizeof(param))));
	begin_walk(s);
	TRY(zone_builder_each(s->b, collect_owner, s));
	for (size_t i = 0, at = 0; i < s->nowners; at += s->owners[i++].ntypes)
		s->owners[i].types = s->types + at;
	c.owners = s->owners;
	c.n = s->nowners;
	return nsec3 ? sign_nsec3(&c) : sign_nsec(&c);
}

/* ---- signatures ---- */

static bool signs(const struct zone_key *k, uint16_t type)
{
	bool keys = type == DNS_DNSKEY || type == DNS_CDS || type == DNS_CDNSKEY;

	return keys ? key_signs_keys(k) : key_signs_zone(k);
}

/* The tick in which this set's signature was last renewed: each set has its own of SIGN_PARTS. */
static int64_t renewed(const struct signing *s, const struct zone_rrset *set)
{
	static const uint8_t same_everywhere[16] = { 0 };
	int64_t part = (int64_t)((hash_sip(same_everywhere, set->owner) + set->type) % SIGN_PARTS);
	int64_t ago = ((s->ticks - part) % SIGN_PARTS + SIGN_PARTS) % SIGN_PARTS;

	return s->ticks - ago;
}

/* RFC 4034 3.1, without the signature. Gives its octets. */
static size_t rrsig_head(const struct signing *s, const struct zone_rrset *set,
			 const struct zone_key *k, unsigned char *out)
{
	const struct sign_policy *p = &s->keys->policy;
	int64_t at = p->since + renewed(s, set) * sign_tick(p);
	str apex = zone_builder_apex(s->b);

	dns_put16(out, set->type);
	out[2] = k->algorithm;
	out[3] = (unsigned char)(dns_name_labels(set->owner) - dns_name_is_wildcard(set->owner));
	dns_put32(out + 4, set->ttl);
	dns_put32(out + 8, (uint32_t)(at + p->validity));
	dns_put32(out + 12, (uint32_t)(at - CLOCK_SKEW));
	dns_put16(out + 16, k->tag);
	memcpy(out + RRSIG_HEAD, apex.p, apex.n);
	return RRSIG_HEAD + apex.n;
}

/* RFC 4034 3.1.8.1, 6.2: the records behind the head, in canonical form and order. */
static err canonical(struct buf *out, const struct zone_rrset *set)
{
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(set, &p, &rdata);) {
		unsigned char mid[10];

		buf_add(out, set->owner);
		dns_put16(mid, set->type);
		dns_put16(mid + 2, DNS_IN);
		dns_put32(mid + 4, set->ttl);
		dns_put16(mid + 8, (unsigned)rdata.n);
		buf_add(out, str_of(mid, sizeof(mid)));
		buf_add(out, rdata);
		if (!out->e)
			dns_rdata_canonical(set->type, out->p + out->n - rdata.n, rdata.n);
	}
	return buf_done(out);
}

static bool same_set(const struct zone_rrset *a, const struct zone_rrset *b)
{
	const unsigned char *p = NULL, *q = NULL;
	str x, y;

	if (a->ttl != b->ttl || a->n != b->n)
		return false;
	while (zone_rdata_next(a, &p, &x) && zone_rdata_next(b, &q, &y))
		if (!str_eq(x, y))
			return false;
	return true;
}

/* What the version in force has of it, when the set is as it was. */
static bool find_old(const struct signing *s, const struct zone_rrset *set, struct zone_rrset *sigs)
{
	struct zone_rrset was;

	return s->old && zone_find_rrsig(s->old, set->owner, set->type, sigs) &&
	       zone_find(s->old, set->owner, set->type, &was) && same_set(set, &was);
}

static str taken_over(const struct zone_rrset *sigs, str head)
{
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(sigs, &p, &rdata);)
		if (str_starts(rdata, head))
			return rdata;
	return STR("");
}

static err compute(struct signing *s, const struct zone_rrset *set, size_t key, str head, str *out)
{
	const struct zone_key *k = &s->keys->v[key];
	unsigned char sig[KEY_SIGNATURE];
	size_t n;

	if (!s->signers[key])
		TRY(signer_open(k->algorithm, str_of(k->pkcs8, k->npkcs8), &s->signers[key]));
	buf_reset(&s->octets);
	buf_add(&s->octets, head);
	TRY(canonical(&s->octets, set));
	TRY(signer_sign(s->signers[key], buf_str(&s->octets), sig, &n));
	char *p = arena_get(&s->arena, head.n + n, 1);

	memcpy(p, head.p, head.n);
	memcpy(p + head.n, sig, n);
	*out = str_of(p, head.n + n);
	s->result->made++;
	return OK;
}

static err sign_set(void *arg, const struct zone_rrset *set)
{
	struct signing *s = arg;
	struct zone_rrset sigs = { 0 };

	(void)step(s, set->owner);
	if (!ours(s, set->type) || (s->cut && set->type == DNS_NS))
		return OK;
	bool old = find_old(s, set, &sigs);

	for (size_t i = 0; i < s->keys->n; i++) {
		unsigned char head[RRSIG_HEAD + DNS_NAME_MAX];
		str h = str_of(head, 0), rdata = STR("");

		if (!signs(&s->keys->v[i], set->type))
			continue;
		h.n = rrsig_head(s, set, &s->keys->v[i], head);
		if (old)
			rdata = arena_dup(&s->arena, taken_over(&sigs, h));
		if (!rdata.n)
			TRY(compute(s, set, i, h, &rdata));
		add_item(s, set, rdata);
		s->result->signatures++;
	}
	return OK;
}

static err add_signatures(struct signing *s)
{
	forget_items(s);
	begin_walk(s);
	TRY(zone_builder_each(s->b, sign_set, s));
	for (const struct item *i = s->items; i; i = i->next)
		TRY(zone_builder_add(s->b, i->owner, DNS_RRSIG, i->ttl, i->rdata));
	return OK;
}

/* ---- all of it ---- */

static bool has_signer(const struct zone_keys *keys)
{
	bool zone = false, sep = false;

	for (size_t i = 0; i < keys->n; i++) {
		zone |= key_signs_zone(&keys->v[i]);
		sep |= key_signs_keys(&keys->v[i]);
	}
	return zone && sep;
}

static err sign_all(struct signing *s)
{
	const struct sign_policy *p = &s->keys->policy;
	struct zone_rrset soa;

	if (!has_signer(s->keys))
		return fail(E_DENIED, "no key signs the zone");
	if (!zone_builder_find(s->b, zone_builder_apex(s->b), DNS_SOA, &soa))
		return fail(E_SYNTAX, "the zone has no SOA");
	uint32_t ttl = negative_ttl(&soa);

	zone_builder_set_serial(s->b, zone_builder_serial(s->b) + sign_serial_step(p, s->now));
	TRY(drop_foreign(s));
	TRY(add_keys(s));
	TRY(add_chain(s, ttl));
	return add_signatures(s);
}

err zone_sign(struct zone_builder *fresh, const struct zone *old, const struct zone_keys *keys,
	      int64_t now, struct sign_result *out)
{
	struct signing *s = MEM_NEW(struct signing);

	*out = (struct sign_result){ 0 };
	s->b = fresh;
	s->old = old;
	s->keys = keys;
	s->now = now;
	s->ticks = sign_ticks(&keys->policy, now);
	s->result = out;
	arena_init(&s->arena, SIZE_MAX);
	buf_init(&s->octets, LIM_SIGN_OCTETS);
	err e = sign_all(s);

	out->next = keys->policy.since + (s->ticks + 1) * sign_tick(&keys->policy);
	for (size_t i = 0; i < keys->n; i++)
		signer_free(s->signers[i]);
	buf_free(&s->octets);
	arena_free(&s->arena);
	mem_free(s->owners);
	mem_free(s->types);
	mem_free(s);
	return e;
}
