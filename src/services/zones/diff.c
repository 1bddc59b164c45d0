/* Two versions of a zone, walked side by side. */
#include "base/attr.h"
#include "services/zones/zone.h"

typedef err (*diff_fn)(void *arg, bool added, const struct zone_rrset *s, str rdata);

struct diff {
	diff_fn fn;
	void *arg;
	bool added; /* which half is told */
};

/* Tells the records of a that b (NULL: nothing) does not have. The SOA was told first. */
static err tell(const struct diff *d, const struct zone_rrset *a, const struct zone_rrset *b)
{
	const unsigned char *p = NULL, *q = NULL;
	str x, y;
	bool more = b && b->ttl == a->ttl && zone_rdata_next(b, &q, &y);

	if (a->type == DNS_SOA)
		return OK;
	while (zone_rdata_next(a, &p, &x)) {
		while (more && zone_rdata_cmp(a->type, y, x) < 0)
			more = zone_rdata_next(b, &q, &y);
		if (!more || zone_rdata_cmp(a->type, y, x) != 0)
			TRY(d->fn(d->arg, d->added, a, x));
	}
	return OK;
}

static bool same(const struct zone_rrset *a, const struct zone_rrset *b)
{
	return a->skip == b->skip && str_eq(a->data, b->data);
}

static int set_cmp(const struct zone_rrset *a, const struct zone_rrset *b)
{
	int order = dns_name_cmp(a->owner, b->owner);

	return order ? order : zone_rrset_cmp(a, b);
}

/* What of a is not in b. */
static err half(const struct diff *d, const struct zone *a, const struct zone *b)
{
	CLEANUP(zone_walk_free) struct zone_walk *wa = zone_walk_new(a), *wb = zone_walk_new(b);
	struct zone_rrset x, y;
	bool more = zone_walk_next(wb, &y) == OK;

	while (zone_walk_next(wa, &x) == OK) {
		int order = -1;

		while (more && (order = set_cmp(&y, &x)) < 0)
			more = zone_walk_next(wb, &y) == OK;
		if (!more || order != 0)
			TRY(tell(d, &x, NULL));
		else if (!same(&x, &y))
			TRY(tell(d, &x, &y));
	}
	return OK;
}

static err tell_soa(const struct diff *d, const struct zone *z)
{
	struct zone_rrset soa;
	const unsigned char *p = NULL;
	str rdata;

	if (!zone_find(z, zone_apex(z), DNS_SOA, &soa) || !zone_rdata_next(&soa, &p, &rdata))
		return fail(E_CORRUPT, "a zone without SOA");
	return d->fn(d->arg, d->added, &soa, rdata);
}

static err some(void *arg, bool added, const struct zone_rrset *s, str rdata)
{
	return E_EOF;
}

static bool differ(const struct zone *from, const struct zone *to)
{
	struct diff ask = { .fn = some };
	struct zone_rrset a, b;

	return !zone_find(from, zone_apex(from), DNS_SOA, &a) ||
	       !zone_find(to, zone_apex(to), DNS_SOA, &b) || !same(&a, &b) ||
	       half(&ask, from, to) || half(&ask, to, from);
}

err zone_diff(const struct zone *from, const struct zone *to, diff_fn fn, void *arg)
{
	struct diff d = { .fn = fn, .arg = arg };

	if (!differ(from, to))
		return OK;
	TRY(tell_soa(&d, from));
	TRY(half(&d, from, to));
	d.added = true;
	TRY(tell_soa(&d, to));
	return half(&d, to, from);
}
