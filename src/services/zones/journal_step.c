/* Differences: made of two zones, read, and made shorter. */
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/map.h"
#include "services/zones/journal_part.h"

/* ---- records ---- */

void journal_record_add(struct buf *out, const struct journal_record *r)
{
	buf_lstr(out, r->owner);
	buf_varint(out, r->type);
	buf_u32(out, r->ttl);
	buf_lstr(out, r->rdata);
}

bool journal_next(str *rest, struct journal_record *out)
{
	struct cur c = { .rest = *rest };

	if (!rest->n)
		return false;
	out->owner = cur_lstr(&c);
	uint64_t type = cur_varint(&c);
	out->ttl = cur_u32(&c);
	out->rdata = cur_lstr(&c);
	if (c.e != OK || type > UINT16_MAX || out->rdata.n > UINT16_MAX ||
	    !dns_name_valid(out->owner)) {
		*rest = STR("");
		return false;
	}
	out->type = (uint16_t)type;
	*rest = c.rest;
	return true;
}

/* ---- steps ---- */

struct step *step_new(uint32_t from, uint32_t to, uint64_t digest, str deleted, str added)
{
	struct step *s = mem_try(size_add(sizeof(*s), size_add(deleted.n, added.n)));

	if (!s)
		return NULL;
	memcpy(s->octets, deleted.p, deleted.n);
	memcpy(s->octets + deleted.n, added.p, added.n);
	s->s = (struct journal_step){ from, to, str_of(s->octets, deleted.n),
				      str_of(s->octets + deleted.n, added.n) };
	s->refs = 1;
	s->digest = digest;
	list_init(&s->mine);
	list_init(&s->all);
	return s;
}

void step_drop(struct step *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1)
		mem_free(s);
}

size_t step_size(const struct step *s)
{
	return sizeof(*s) + s->s.deleted.n + s->s.added.n;
}

void journal_steps_drop(struct journal_steps *s)
{
	for (size_t i = 0; i < s->n; i++)
		step_drop(CONTAINER((char *)(uintptr_t)s->v[i], struct step, s));
	mem_free(s->v);
	*s = (struct journal_steps){ 0 };
}

/* ---- the difference of two zones ---- */

struct halves {
	struct buf deleted, added;
};

static err add_half(void *arg, bool added, const struct zone_rrset *set, str rdata)
{
	struct halves *h = arg;
	struct buf *to = added ? &h->added : &h->deleted;
	struct journal_record r = { set->owner, set->type, set->ttl, rdata };

	journal_record_add(to, &r);
	return buf_done(to);
}

/* RFC 1982 3.2. */
static bool later(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}

static err make_step(const struct zone *from, const struct zone *to, struct halves *h,
		     struct step **out)
{
	TRY(zone_diff(from, to, add_half, h));
	TRY(buf_done(&h->deleted));
	TRY(buf_done(&h->added));
	if (!h->deleted.n && !h->added.n)
		return fail(E_NOTFOUND, "nothing changed");
	if (!later(zone_serial(to), zone_serial(from)))
		return fail(E_SYNTAX, "the serial did not go up");
	*out = step_new(zone_serial(from), zone_serial(to), journal_digest(to),
			buf_str(&h->deleted), buf_str(&h->added));
	return *out ? OK : fail(E_LIMIT, "no memory for a difference");
}

err journal_diff(const struct zone *from, const struct zone *to, size_t max, struct step **out)
{
	struct halves h;

	buf_init(&h.deleted, max);
	buf_init(&h.added, max);
	err e = make_step(from, to, &h, out);

	buf_free(&h.deleted);
	buf_free(&h.added);
	return e;
}

/* ---- digest ---- */

struct digest {
	uint8_t key[16]; /* of the next octets: the hash so far */
};

static void digest_add(struct digest *d, str octets)
{
	uint64_t h = hash_sip(d->key, octets);

	memcpy(d->key, &h, sizeof(h));
}

static err digest_set(void *arg, const struct zone_rrset *s)
{
	unsigned char head[8] = { (unsigned char)(s->type >> 8), (unsigned char)s->type };
	struct digest *d = arg;
	str rdata;

	dns_put32(head + 2, s->ttl);
	dns_put16(head + 6, s->n);
	digest_add(d, s->owner);
	digest_add(d, str_of(head, sizeof(head)));
	for (const unsigned char *p = NULL; zone_rdata_next(s, &p, &rdata);)
		digest_add(d, rdata);
	return OK;
}

uint64_t journal_digest(const struct zone *z)
{
	struct digest d = { { 0 } };
	uint64_t h;

	(void)!zone_each(z, digest_set, &d);
	memcpy(&h, d.key, sizeof(h));
	return h;
}

/* ---- condensing ---- */

/* What became of a record, over all steps. */
struct fate {
	enum { AS_BEFORE, DELETED, ADDED, WRITTEN } now;
};
struct condense {
	struct map map; /* the record's octets -> its fate */
	struct arena arena;
	struct halves out;
};

static err judge_half(struct condense *c, str half, bool added)
{
	struct journal_record r;
	str rest = half;

	for (str before = rest; journal_next(&rest, &r); before = rest) {
		str octets = str_take(before, before.n - rest.n);
		struct fate *f = map_get(&c->map, octets);

		if (r.type == DNS_SOA)
			continue;
		if (!f) {
			f = NEW_TRY(&c->arena, struct fate, 1);
			if (!f)
				return fail(E_LIMIT, "too much to condense");
			map_put(&c->map, octets, f);
		}
		if (f->now == AS_BEFORE)
			f->now = added ? ADDED : DELETED;
		else if (f->now == (added ? DELETED : ADDED))
			f->now = AS_BEFORE;
	}
	return OK;
}

/* Those of a half that met this fate, each once; the SOA when it is wanted. */
static void write_half(struct condense *c, str half, bool added, bool soa)
{
	struct buf *to = added ? &c->out.added : &c->out.deleted;
	struct journal_record r;
	str rest = half;

	for (str before = rest; journal_next(&rest, &r); before = rest) {
		str octets = str_take(before, before.n - rest.n);
		struct fate *f = map_get(&c->map, octets);

		if (r.type == DNS_SOA ? soa : f && f->now == (added ? ADDED : DELETED))
			buf_add(to, octets);
		if (r.type != DNS_SOA && f && f->now == (added ? ADDED : DELETED))
			f->now = WRITTEN;
	}
}

static err condense(struct condense *c, const struct journal_steps *s, struct step **out)
{
	size_t last = s->n - 1;

	for (size_t i = 0; i < s->n; i++) {
		TRY(judge_half(c, s->v[i]->deleted, false));
		TRY(judge_half(c, s->v[i]->added, true));
	}
	write_half(c, s->v[last]->added, true, true); /* the newest SOA goes before all others */
	for (size_t i = 0; i < s->n; i++) {
		write_half(c, s->v[i]->deleted, false, i == 0);
		if (i != last)
			write_half(c, s->v[i]->added, true, false);
	}
	TRY(buf_done(&c->out.deleted));
	TRY(buf_done(&c->out.added));
	*out = step_new(s->v[0]->from, s->v[last]->to, 0, buf_str(&c->out.deleted),
			buf_str(&c->out.added));
	return *out ? OK : fail(E_LIMIT, "no memory for a difference");
}

err journal_condense(struct journal_steps *s)
{
	struct condense c;
	struct step *one = NULL;

	if (s->n < 2)
		return OK;
	map_init(&c.map);
	arena_init(&c.arena, s->octets + KIB(4));
	buf_init(&c.out.deleted, s->octets);
	buf_init(&c.out.added, s->octets);
	err e = condense(&c, s, &one);

	map_free(&c.map);
	arena_free(&c.arena);
	buf_free(&c.out.deleted);
	buf_free(&c.out.added);
	TRY(e);
	journal_steps_drop(s);
	s->v = mem_get(sizeof(*s->v));
	s->v[s->n++] = &one->s;
	s->octets = one->s.deleted.n + one->s.added.n;
	return OK;
}
