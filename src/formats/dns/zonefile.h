/* formats/dns/zonefile.h: master files (RFC 1035 5, RFC 2308 4 $TTL, $INCLUDE, BIND's $GENERATE).
 * Pure: included files come through a function of the caller. */
#ifndef FORMATS_DNS_ZONEFILE_H
#define FORMATS_DNS_ZONEFILE_H

#include "base/arena.h"
#include "formats/dns/name.h"
#include "formats/dns/types.h"

struct zonefile_record {
	str owner; /* wire; lives until the function returns, as rdata does */
	uint16_t type;
	uint32_t ttl;
	str rdata; /* wire, uncompressed */
	str file;  /* where it stands, for complaints */
	unsigned line;
};
struct zonefile {
	str origin;	/* wire */
	uint32_t ttl;	/* where neither the record nor $TTL nor an earlier record says one */
	bool ttl_known; /* false: such a record is an error, as RFC 1035 and BIND have it */
	/* Each record as it is read. An error ends the reading and is given back. */
	err (*record)(void *arg, const struct zonefile_record *r);
	/* The text of an included file, which lives until zonefile_read returns. NULL: $INCLUDE is
	 * refused. from: the including file's name. */
	err (*include)(void *arg, str path, str from, str *text);
	void *arg;
	struct buf *complaints; /* "zone.db:12: reason" lines; bounded */
	unsigned errors;	/* that are told before the reading ends; 0: LIM_ZONE_ERRORS */
};
/* Reads the whole text; goes on after an error to tell more of them (at most LIM_ZONE_ERRORS).
 * E_SYNTAX when there was any; E_LIMIT: includes too deep, a $GENERATE too large. */
MUST_USE err zonefile_read(const struct zonefile *z, str text, str file);

#endif
