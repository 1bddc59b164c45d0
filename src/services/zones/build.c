/* Records by owner: an open hash of nodes, each with a short list of sets. Everything lies in one
 * arena, so that a builder of a million records is freed at once. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "services/zones/builder.h"
#include "services/zones/lookup.h"

enum { FIRST_SLOTS = 16 };

struct zone_builder *zone_builder_new(str apex)
{
	struct zone_builder *b = MEM_NEW(struct zone_builder);

	arena_init(&b->arena, LIM_ZONE_OCTETS);
	memcpy(b->apex.p, apex.p, apex.n);
	b->apex.n = (unsigned char)apex.n;
	dns_name_lower(&b->apex);
	b->nslots = FIRST_SLOTS;
	b->slots = mem_get(FIRST_SLOTS * sizeof(struct builder_node *));
	return b;
}

void zone_builder_free(struct zone_builder *b)
{
	if (!b)
		return;
	mem_free(b->slots);
	mem_free(b->sorted);
	arena_free(&b->arena);
	mem_free(b);
}

str zone_builder_apex(const struct zone_builder *b)
{
	return dns_name_str(&b->apex);
}

size_t zone_builder_records(const struct zone_builder *b)
{
	return b->records;
}

/* ---- nodes ---- */

static void lower(str s, struct dns_name *out)
{
	memcpy(out->p, s.p, s.n);
	out->n = (unsigned char)s.n;
	dns_name_lower(out);
}

/* Where the name is, or the free place where it belongs. */
static struct builder_node **slot(const struct zone_builder *b, str name, uint64_t hash)
{
	size_t i = hash & (b->nslots - 1);

	while (b->slots[i] &&
	       (b->slots[i]->hash != hash || !str_eq(builder_owner(b->slots[i]), name)))
		i = (i + 1) & (b->nslots - 1);
	return &b->slots[i];
}

struct builder_node *builder_node(const struct zone_builder *b, str owner)
{
	struct dns_name name;

	if (owner.n > DNS_NAME_MAX)
		return NULL;
	lower(owner, &name);
	return *slot(b, dns_name_str(&name), hash_keyed(dns_name_str(&name)));
}

static void grow(struct zone_builder *b)
{
	struct builder_node **old = b->slots;
	size_t n = b->nslots;

	b->nslots = n * 4;
	b->slots = mem_get(size_mul(b->nslots, sizeof(struct builder_node *)));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			*slot(b, builder_owner(old[i]), old[i]->hash) = old[i];
	mem_free(old);
}

static err need_node(struct zone_builder *b, str owner, struct builder_node **out)
{
	struct dns_name name;

	if (owner.n > DNS_NAME_MAX || !dns_name_under(owner, dns_name_str(&b->apex)))
		return fail(E_SYNTAX, "the owner is outside the zone");
	lower(owner, &name);
	uint64_t hash = hash_keyed(dns_name_str(&name));
	struct builder_node **at = slot(b, dns_name_str(&name), hash), *n = *at;

	if (!n) {
		n = arena_try(&b->arena, sizeof(*n) + name.n, _Alignof(struct builder_node));
		if (!n)
			return fail(E_LIMIT, "the zone is too large");
		n->hash = hash;
		n->n = name.n;
		memcpy(n->name, name.p, name.n);
		*at = n;
		b->in_order = false;
		if (++b->nnodes * 4 > b->nslots * 3)
			grow(b);
	} else if (!n->sets) {
		b->in_order = false;
	}
	*out = n;
	return OK;
}

/* ---- sets ---- */

static int set_order(const struct builder_set *s, uint16_t type, uint16_t covers)
{
	return s->type != type ? (int)s->type - (int)type : (int)s->covers - (int)covers;
}

struct builder_set *builder_set(const struct builder_node *n, uint16_t type, uint16_t covers)
{
	struct builder_set *s = n ? n->sets : NULL;

	while (s && set_order(s, type, covers) < 0)
		s = s->next;
	return s && set_order(s, type, covers) == 0 ? s : NULL;
}

static struct builder_set *need_set(struct zone_builder *b, struct builder_node *n, uint16_t type,
				    uint16_t covers)
{
	struct builder_set **at = &n->sets;

	while (*at && set_order(*at, type, covers) < 0)
		at = &(*at)->next;
	if (*at && set_order(*at, type, covers) == 0)
		return *at;
	struct builder_set *s = arena_try(&b->arena, sizeof(*s), _Alignof(struct builder_set));

	if (s) {
		*s = (struct builder_set){ .next = *at, .type = type, .covers = covers };
		*at = s;
	}
	return s;
}

static uint16_t covered(uint16_t type, str rdata)
{
	return type == DNS_RRSIG && rdata.n >= 2 ? (uint16_t)dns_get16(rdata.p) : 0;
}

static str rdata_at(const struct builder_set *s, uint32_t at)
{
	return str_of(s->data + at + 2, dns_get16(s->data + at));
}

/* Where in the set a record belongs; *there: it is in the set already. */
static uint32_t place(const struct builder_set *s, str rdata, bool *there)
{
	uint32_t at = 0;

	*there = false;
	if (s->n && zone_rdata_cmp(s->type, rdata, rdata_at(s, s->last)) > 0)
		return s->size;
	for (; at < s->size; at += 2 + (uint32_t)rdata_at(s, at).n) {
		int order = zone_rdata_cmp(s->type, rdata, rdata_at(s, at));

		*there = order == 0;
		if (order <= 0)
			break;
	}
	return at;
}

static err make_room(struct zone_builder *b, struct builder_set *s, uint32_t n)
{
	if (s->size + n + (s->n + 1u) * (ZONE_RR_HEAD - 2) > LIM_ZONE_SET)
		return fail(E_LIMIT, "a record set is larger than a message");
	if (s->size + n <= s->room)
		return OK;
	uint32_t room = s->room ? (s->size + n) * 2 : n;
	unsigned char *p = arena_try(&b->arena, room, 1);

	if (!p)
		return fail(E_LIMIT, "the zone is too large");
	if (s->size)
		memcpy(p, s->data, s->size);
	s->data = p;
	s->room = room;
	return OK;
}

static err insert(struct zone_builder *b, struct builder_set *s, str rdata)
{
	uint32_t n = (uint32_t)rdata.n + 2;
	bool there;
	uint32_t at = place(s, rdata, &there);

	if (there)
		return OK;
	TRY(make_room(b, s, n));
	if (at == s->size)
		s->last = at;
	else
		s->last += n;
	memmove(s->data + at + n, s->data + at, s->size - at);
	dns_put16(s->data + at, (unsigned)rdata.n);
	memcpy(s->data + at + 2, rdata.p, rdata.n);
	s->size += n;
	s->n++;
	b->records++;
	return OK;
}

err zone_builder_add(struct zone_builder *b, str owner, uint16_t type, uint32_t ttl, str rdata)
{
	struct builder_node *n;

	if (!dns_rdata_valid(type, rdata))
		return fail(E_SYNTAX, "the data is not of its type's form");
	if (b->records >= LIM_ZONE_RECORDS)
		return fail(E_LIMIT, "the zone has too many records");
	TRY(need_node(b, owner, &n));
	struct builder_set *s = need_set(b, n, type, covered(type, rdata));

	if (!s)
		return fail(E_LIMIT, "the zone is too large");
	bool fresh = s->n == 0;

	TRY(insert(b, s, rdata));
	if (fresh || ttl < s->ttl)
		s->ttl = ttl;
	return OK;
}

static void unlink_set(struct zone_builder *b, struct builder_node *n, const struct builder_set *s)
{
	struct builder_set **at = &n->sets;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	b->records -= s->n;
	if (!n->sets)
		b->in_order = false;
}

static uint32_t last_of(const struct builder_set *s)
{
	uint32_t last = 0;

	for (uint32_t at = 0; at < s->size; at += 2 + (uint32_t)rdata_at(s, at).n)
		last = at;
	return last;
}

err zone_builder_remove(struct zone_builder *b, str owner, uint16_t type, str rdata)
{
	struct builder_node *n = builder_node(b, owner);
	struct builder_set *s = builder_set(n, type, covered(type, rdata));
	bool there = false;
	uint32_t at = s ? place(s, rdata, &there) : 0;

	if (!there)
		return fail(E_NOTFOUND, "no such record");
	if (s->n == 1) {
		unlink_set(b, n, s);
		return OK;
	}
	uint32_t size = 2 + (uint32_t)rdata_at(s, at).n;

	memmove(s->data + at, s->data + at + size, s->size - at - size);
	s->size -= size;
	s->n--;
	s->last = last_of(s);
	b->records--;
	return OK;
}

void zone_builder_drop(struct zone_builder *b, str owner, uint16_t type)
{
	struct builder_node *n = builder_node(b, owner);

	for (struct builder_set *s = n ? n->sets : NULL, *next; s; s = next) {
		next = s->next;
		if (type == DNS_ANY || s->type == type)
			unlink_set(b, n, s);
	}
}

void zone_builder_drop_rrsig(struct zone_builder *b, str owner, uint16_t covers)
{
	struct builder_node *n = builder_node(b, owner);
	struct builder_set *s = builder_set(n, DNS_RRSIG, covers);

	if (s)
		unlink_set(b, n, s);
}

static err load_set(void *arg, const struct zone_rrset *s)
{
	str rdata;

	for (const unsigned char *p = NULL; zone_rdata_next(s, &p, &rdata);)
		TRY(zone_builder_add(arg, s->owner, s->type, s->ttl, rdata));
	return OK;
}

err zone_builder_load(struct zone_builder *b, const struct zone *z)
{
	return zone_each(z, load_set, b);
}

/* ---- asking ---- */

static void show(const struct builder_node *n, const struct builder_set *s, struct zone_rrset *out)
{
	*out = (struct zone_rrset){ .owner = builder_owner(n),
				    .type = s->type,
				    .covers = s->covers,
				    .ttl = s->ttl,
				    .n = s->n,
				    .data = str_of(s->data, s->size) };
}

bool zone_builder_find(const struct zone_builder *b, str owner, uint16_t type,
		       struct zone_rrset *out)
{
	const struct builder_node *n = builder_node(b, owner);

	for (const struct builder_set *s = n ? n->sets : NULL; s; s = s->next)
		if (s->type == type) {
			show(n, s, out);
			return true;
		}
	return false;
}

bool zone_builder_find_rrsig(const struct zone_builder *b, str owner, uint16_t covers,
			     struct zone_rrset *out)
{
	const struct builder_node *n = builder_node(b, owner);
	const struct builder_set *s = builder_set(n, DNS_RRSIG, covers);

	if (s)
		show(n, s, out);
	return s != NULL;
}

err zone_builder_each(struct zone_builder *b, err (*fn)(void *arg, const struct zone_rrset *s),
		      void *arg)
{
	builder_sort(b);
	for (size_t i = 0; i < b->nsorted; i++)
		for (const struct builder_set *s = b->sorted[i]->sets; s; s = s->next) {
			struct zone_rrset view;

			show(b->sorted[i], s, &view);
			TRY(fn(arg, &view));
		}
	return OK;
}

/* The SOA's serial stands behind its two names. */
static unsigned char *serial_of(const struct zone_builder *b)
{
	struct builder_set *s = builder_set(builder_node(b, dns_name_str(&b->apex)), DNS_SOA, 0);

	return s ? s->data + s->size - 20 : NULL;
}

uint32_t zone_builder_serial(const struct zone_builder *b)
{
	const unsigned char *p = serial_of(b);

	return p ? dns_get32(p) : 0;
}

void zone_builder_set_serial(struct zone_builder *b, uint32_t serial)
{
	unsigned char *p = serial_of(b);

	if (p)
		dns_put32(p, serial);
}
