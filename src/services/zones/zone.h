/* services/zones/zone.h: a zone's contents, twice: a builder (records by owner, mutable, one
 * thread) and the compiled zone (immutable, counted, any thread) from which answers are looked up
 * and copied. Sources (files, directory, transfers) fill a builder; signing adds to it; compiling
 * freezes it; the table of zones (zones.h) serves it. Owners and data are wire form; owners are
 * kept in lower case.
 *
 * Memory: builders die after compiling; nothing of them is needed to serve, to transfer out, or to
 * begin the next builder (zone_builder_load reads the compiled zone). */
#ifndef SERVICES_ZONES_ZONE_H
#define SERVICES_ZONES_ZONE_H

#include "formats/dns/name.h"
#include "formats/dns/types.h"

struct zone;
struct zone_builder;

/* One record set, as iteration gives it. The RRSIGs of an owner are one set for each type that they
 * cover, since each has that type's TTL (RFC 4034 3). Views live as long as the builder is not
 * changed, or the zone is held; owner of an iteration only until fn returns. */
struct zone_rrset {
	str owner;
	uint16_t type, covers; /* covers: of RRSIGs, else 0 */
	uint32_t ttl;
	uint16_t n;
	uint16_t skip; /* octets before each length */
	str data;      /* n times: skip, length (16 bits, big-endian), data; canonical order */
};
/* for (const unsigned char *p = NULL; zone_rdata_next(&set, &p, &rdata);) */
bool zone_rdata_next(const struct zone_rrset *s, const unsigned char **at, str *rdata);
/* Types ascending, RRSIGs by what they cover. */
int zone_rrset_cmp(const struct zone_rrset *a, const struct zone_rrset *b);
/* Order of RFC 4034 6.3: the canonical forms as octets. 0: the same record (RFC 2181 5). */
int zone_rdata_cmp(uint16_t type, str a, str b);

/* ---- builder ---- */
struct zone_builder *zone_builder_new(str apex);
void zone_builder_free(struct zone_builder *b); /* NULL allowed */
str zone_builder_apex(const struct zone_builder *b);
/* Adds a record; one that is there already changes nothing. A set has one TTL: the lowest said
 * (RFC 2181 5.2). E_SYNTAX: owner outside the zone, or data not of its type's form. E_LIMIT. */
MUST_USE err zone_builder_add(struct zone_builder *b, str owner, uint16_t type, uint32_t ttl,
			      str rdata);
/* E_NOTFOUND. */
MUST_USE err zone_builder_remove(struct zone_builder *b, str owner, uint16_t type, str rdata);
/* Removes a whole set (DNS_RRSIG: the signatures of all types); type DNS_ANY: all sets of the
 * owner. */
void zone_builder_drop(struct zone_builder *b, str owner, uint16_t type);
/* Removes the signatures of one type. */
void zone_builder_drop_rrsig(struct zone_builder *b, str owner, uint16_t covers);
/* All records of a compiled zone; the builder keeps what it has. */
MUST_USE err zone_builder_load(struct zone_builder *b, const struct zone *z);
/* False: no such set. DNS_RRSIG: those of the lowest type that is signed. */
bool zone_builder_find(const struct zone_builder *b, str owner, uint16_t type,
		       struct zone_rrset *out);
bool zone_builder_find_rrsig(const struct zone_builder *b, str owner, uint16_t covers,
			     struct zone_rrset *out);
/* Has the zone this name: with records, or as an empty non-terminal above one that has (RFC 4592
 * 2.2.2)? Sorts, as zone_builder_each. */
bool zone_builder_has(struct zone_builder *b, str name);
size_t zone_builder_records(const struct zone_builder *b);
/* All sets: owners in canonical order, types of an owner ascending. fn may not change the builder;
 * its error ends the walk and is given back. */
MUST_USE err zone_builder_each(struct zone_builder *b,
			       err (*fn)(void *arg, const struct zone_rrset *s), void *arg);
/* What RFCs ask of a zone: one SOA at the apex, NS at the apex, no CNAME beside other data (1034
 * 3.6.2), no DNAME with names below or beside CNAME (6672 2.4), one CNAME and DNAME a name,
 * addresses for name servers inside the zone, name servers not at a CNAME. Errors go to errors
 * ("owner: reason" lines), what is only unwise to warnings; either may be NULL. E_SYNTAX when there
 * was an error. */
MUST_USE err zone_builder_check(struct zone_builder *b, struct buf *errors, struct buf *warnings);
/* The serial in the builder's SOA; 0 when there is none. Setting does nothing without a SOA. */
uint32_t zone_builder_serial(const struct zone_builder *b);
void zone_builder_set_serial(struct zone_builder *b, uint32_t serial);

/* ---- compiled ---- */
/* Freezes; the builder stays the caller's. E_LIMIT; E_SYNTAX without a SOA. */
MUST_USE err zone_compile(struct zone_builder *b, struct zone **out);
struct zone *zone_hold(struct zone *z);
void zone_drop(struct zone *z); /* NULL allowed */
str zone_apex(const struct zone *z);
uint32_t zone_serial(const struct zone *z);
/* refresh, retry, expire, minimum of the SOA */
void zone_timers(const struct zone *z, uint32_t out[4]);
bool zone_signed(const struct zone *z); /* DNSKEY at the apex and RRSIGs */
bool zone_find(const struct zone *z, str owner, uint16_t type, struct zone_rrset *out);
bool zone_find_rrsig(const struct zone *z, str owner, uint16_t covers, struct zone_rrset *out);
/* As zone_builder_each. fn may wait when the caller holds the zone. */
MUST_USE err zone_each(const struct zone *z, err (*fn)(void *arg, const struct zone_rrset *s),
		       void *arg);
/* The same, pulled: z must be held until the walk is freed. E_EOF after the last set. */
struct zone_walk;
struct zone_walk *zone_walk_new(const struct zone *z);
void zone_walk_free(struct zone_walk **w); /* for CLEANUP */
MUST_USE err zone_walk_next(struct zone_walk *w, struct zone_rrset *out);
/* Octets that it takes, for metrics and benches. */
size_t zone_octets(const struct zone *z);
size_t zone_records(const struct zone *z);

/* What changed from one version to the next, record by record (RFC 1995 4): the deleted ones first,
 * then the added ones, each half begun by its SOA. Nothing is called when nothing changed; a TTL
 * that changed is a record deleted and added. */
MUST_USE err zone_diff(const struct zone *from, const struct zone *to,
		       err (*fn)(void *arg, bool added, const struct zone_rrset *s, str rdata),
		       void *arg);

#endif
