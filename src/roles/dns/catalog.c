/* Catalog zones (RFC 9432): one that we make, of every zone that somebody may take, and those that
 * we follow. A member's label is a hash of its name, so that every node makes the same entries. */
#include "roles/dns/secondary.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "formats/dns/message.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/zones/copy.h"

METRIC(metric_members, "posta_dns_catalog_members", "", METRIC_GAUGE,
       "Zones in the catalog that is made here.");
METRIC(metric_broken, "posta_dns_catalogs_broken_total", "", METRIC_COUNTER,
       "Versions of followed catalogs that were not used.");

enum {
	GATHER = 200, /* milliseconds: several changes make one version */
	TTL = 0,      /* nobody resolves it */
	REFRESH = 3600,
	RETRY = 600,
	EXPIRE = 2147483647, /* RFC 9432 4.1: a catalog is never too old */
};

struct catalog_maker {
	struct transfers *t;
	struct fiber *fiber;
	struct waitq wake;
	bool dirty;
	struct dns_name made; /* the catalog that is served; n 0: none */
};

/* "version.", "zones." and other labels before a name. */
static err below(str label, str name, struct dns_name *out)
{
	if (label.n > DNS_LABEL_MAX || 1 + label.n + name.n > DNS_NAME_MAX)
		return fail(E_LIMIT, "a name of more than 255 octets");
	out->p[0] = (unsigned char)label.n;
	memcpy(out->p + 1, label.p, label.n);
	memcpy(out->p + 1 + label.n, name.p, name.n);
	out->n = (unsigned char)(1 + label.n + name.n);
	return OK;
}

/* ---- made ---- */

struct making {
	struct catalog_maker *m;
	struct dns_name apex, zones;
	struct zone_builder *b;
	struct zone *old, *fresh; /* old: the version before; NULL: none is known */
	bool served;		  /* old is */
	char path[LIM_FILE_PATH];
	int64_t members;
};

static err add_member(struct making *k, str zone)
{
	static const uint8_t key[16] = "posta catalogs";
	struct dns_name owner;
	char label[17];

	(void)snprintf(label, sizeof(label), "%016llx", (unsigned long long)hash_sip(key, zone));
	TRY(below(str_of(label, 16), dns_name_str(&k->zones), &owner));
	k->members++;
	return zone_builder_add(k->b, dns_name_str(&owner), DNS_PTR, TTL, zone);
}

static err consider(void *arg, struct zone *z)
{
	struct making *k = arg;

	if (dns_name_eq(zone_apex(z), dns_name_str(&k->apex)) ||
	    !peers_table_given(k->m->t->peers, zone_apex(z)))
		return OK;
	if (followed_catalog(k->m->t->followed, zone_apex(z)))
		return OK;
	return add_member(k, zone_apex(z));
}

static bool is_served(const struct making *k, str zone)
{
	struct zone *z = zones_get(k->m->t->o.zones, zone);

	zone_drop(z);
	return z != NULL;
}

/* A member that is not served for now, since its source is wrong or its contents are too old, is no
 * reason for others to forget it. */
static err keep(void *arg, const struct zone_rrset *s)
{
	const unsigned char *at = NULL;
	struct making *k = arg;
	struct zone_rrset there;
	str zone;

	if (s->type != DNS_PTR || !zone_rdata_next(s, &at, &zone) || !dns_name_valid(zone) ||
	    zone_builder_find(k->b, s->owner, DNS_PTR, &there))
		return OK;
	if (is_served(k, zone))
		return OK;
	if (!k->m->t->o.known(zone) && !followed_has(k->m->t->followed, zone))
		return OK;
	k->members++;
	return zone_builder_add(k->b, s->owner, DNS_PTR, TTL, zone);
}

/* On a helper thread. */
static err read_copy(void *arg)
{
	struct making *k = arg;
	int64_t at;

	(void)!zone_copy_read(k->path, dns_name_str(&k->apex), &k->old, &at);
	return OK;
}

static err add_head(struct making *k, uint32_t serial)
{
	static const unsigned char invalid[] = "\7invalid";
	struct dns_name version;
	char soa[2 * 9 + 20];

	memcpy(soa, invalid, 9);
	memcpy(soa + 9, invalid, 9);
	dns_put32(soa + 18, serial);
	dns_put32(soa + 22, REFRESH);
	dns_put32(soa + 26, RETRY);
	dns_put32(soa + 30, EXPIRE);
	dns_put32(soa + 34, TTL);
	TRY(zone_builder_add(k->b, dns_name_str(&k->apex), DNS_SOA, TTL, str_of(soa, sizeof(soa))));
	TRY(zone_builder_add(k->b, dns_name_str(&k->apex), DNS_NS, TTL, str_of(invalid, 9)));
	TRY(below(STR("version"), dns_name_str(&k->apex), &version));
	return zone_builder_add(k->b, dns_name_str(&version), DNS_TXT, TTL,
				STR("\1"
				    "2"));
}

static err note_difference(void *arg, bool added, const struct zone_rrset *set, str rdata)
{
	bool *differ = arg;

	(void)added;
	(void)rdata;
	*differ = *differ || set->type != DNS_SOA;
	return OK;
}

/* On a helper thread. A version like the one before has its serial; a new one that of the clock, so
 * that it goes up even where nothing is known of the one before. */
static err finish(void *arg)
{
	struct making *k = arg;
	uint32_t now = (uint32_t)clock_unix(), before = k->old ? zone_serial(k->old) : 0;
	bool differ = !k->old;

	zone_builder_set_serial(k->b, k->old ? before : now);
	TRY(zone_compile(k->b, &k->fresh));
	if (k->old)
		TRY(zone_diff(k->old, k->fresh, note_difference, &differ));
	if (!differ)
		return OK;
	if (k->old) {
		zone_drop(k->fresh);
		k->fresh = NULL;
		zone_builder_set_serial(k->b, serial_later(now, before) ? now : before + 1);
		TRY(zone_compile(k->b, &k->fresh));
	}
	k->served = false;
	return zone_copy_write(k->path, k->fresh);
}

WAITS static err make(struct making *k)
{
	struct zones *zones = k->m->t->o.zones;

	TRY(below(STR("zones"), dns_name_str(&k->apex), &k->zones));
	TRY(zone_copy_path(k->m->t->folder, dns_name_str(&k->apex), k->path, sizeof(k->path)));
	TRY(add_head(k, 1));
	TRY(zones_each(zones, consider, k));
	k->old = zones_get(zones, dns_name_str(&k->apex));
	k->served = k->old != NULL;
	if (!k->old)
		TRY(work(POOL_DISK, read_copy, k));
	if (k->old)
		TRY(zone_each(k->old, keep, k));
	TRY(work(POOL_DISK, finish, k));
	metric_set(&metric_members, k->members);
	if (!k->served) {
		zones_put(zones, k->fresh);
		k->fresh = NULL;
	}
	return OK;
}

WAITS static void make_now(struct catalog_maker *m)
{
	const struct dns_transfer_settings *set = m->t->o.settings();
	struct making k = { .m = m, .apex = set->catalog };

	if (m->made.n && !dns_name_eq(dns_name_str(&m->made), dns_name_str(&k.apex)))
		zones_remove(m->t->o.zones, dns_name_str(&m->made));
	m->made = k.apex;
	if (!k.apex.n)
		return;
	k.b = zone_builder_new(dns_name_str(&k.apex));
	err e = make(&k);

	if (e != OK && e != E_CANCELED)
		LOG(LOG_ERROR, "dns.catalog", KE(e));
	zone_builder_free(k.b);
	zone_drop(k.old);
	zone_drop(k.fresh);
}

WAITS static err maker_fiber(void *arg)
{
	struct catalog_maker *m = arg;

	for (;;) {
		while (!m->dirty || !m->t->ready)
			TRY(waitq_wait(&m->wake, NEVER));
		TRY(fiber_sleep(clock_in(GATHER)));
		m->dirty = false;
		make_now(m);
	}
}

struct catalog_maker *catalog_maker_new(struct transfers *t)
{
	struct catalog_maker *m = MEM_NEW(struct catalog_maker);

	m->t = t;
	waitq_init(&m->wake);
	m->fiber = fiber_start("catalog", maker_fiber, m);
	return m;
}

void catalog_maker_wake(struct catalog_maker *m)
{
	if (!m)
		return;
	m->dirty = true;
	waitq_wake_all(&m->wake);
}

WAITS void catalog_maker_free(struct catalog_maker *m)
{
	fiber_cancel(m->fiber);
	(void)!fiber_join(m->fiber);
	mem_free(m);
}

/* ---- followed ---- */

struct reading {
	struct dns_name apex, zones;
	bool version; /* it is 2 */
	size_t members;
	struct map seen; /* names of members: each is there once (RFC 9432 4.3) */
	struct arena arena;
	struct member {
		struct member *next;
		struct dns_name zone;
		uint64_t label;
	} * first;
};

static err read_version(struct reading *r, const struct zone_rrset *s)
{
	const unsigned char *at = NULL;
	str rdata;

	if (s->n != 1 || !zone_rdata_next(s, &at, &rdata) ||
	    !str_eq(rdata, STR("\1"
			       "2")))
		return fail(E_SYNTAX, "the catalog's version is not 2");
	r->version = true;
	return OK;
}

/* <label>.zones.<catalog> PTR <member> */
static err read_member(struct reading *r, const struct zone_rrset *s)
{
	const unsigned char *at = NULL;
	str rdata;

	if (s->n != 1 || !zone_rdata_next(s, &at, &rdata))
		return fail(E_SYNTAX, "an entry of the catalog names %u zones", s->n);
	if (!dns_name_valid(rdata))
		return fail(E_SYNTAX, "an entry of the catalog names no zone");
	if (++r->members > LIM_CATALOG)
		return fail(E_LIMIT, "a catalog of more than %d zones", LIM_CATALOG);
	struct member *m = NEW(&r->arena, struct member);

	name_set(&m->zone, rdata);
	m->label = hash_keyed(str_take(s->owner, 1 + (size_t)(unsigned char)s->owner.p[0]));
	m->next = r->first;
	r->first = m;
	return map_put(&r->seen, dns_name_str(&m->zone), m)
		       ? fail(E_SYNTAX, "the catalog names a zone twice")
		       : OK;
}

static err read_set(void *arg, const struct zone_rrset *s)
{
	struct reading *r = arg;
	struct dns_name version;

	TRY(below(STR("version"), dns_name_str(&r->apex), &version));
	if (s->type == DNS_TXT && dns_name_eq(s->owner, dns_name_str(&version)))
		return read_version(r, s);
	if (s->type == DNS_PTR && s->owner.n > r->zones.n &&
	    dns_name_eq(dns_name_parent(s->owner), dns_name_str(&r->zones)))
		return read_member(r, s);
	return OK; /* RFC 9432 4.3: what is unknown is ignored */
}

static err read_catalog(struct reading *r, const struct zone *z)
{
	name_set(&r->apex, zone_apex(z));
	TRY(below(STR("zones"), zone_apex(z), &r->zones));
	TRY(zone_each(z, read_set, r));
	return r->version ? OK : fail(E_SYNTAX, "the catalog has no version");
}

/* RFC 9432 5.1: a broken catalog changes nothing. */
WAITS void catalog_apply(struct transfers *t, const struct zone *catalog)
{
	CLEANUP(name_text_free) struct name_text name = { 0 };
	struct reading r = { 0 };

	map_init(&r.seen);
	arena_init(&r.arena, MIB(64));
	err e = read_catalog(&r, catalog);

	if (e == OK) {
		followed_members_begin(t->followed, dns_name_str(&r.apex));
		for (const struct member *m = r.first; m; m = m->next)
			followed_member(t->followed, dns_name_str(&r.apex), dns_name_str(&m->zone),
					m->label);
		followed_members_end(t->followed, dns_name_str(&r.apex));
	} else {
		metric_add(&metric_broken, 1);
		LOG(LOG_ERROR, "dns.catalog.broken",
		    KS("zone", name_text(&name, dns_name_str(&r.apex))), KE(e));
	}
	map_free(&r.seen);
	arena_free(&r.arena);
}
