/* services/zones/load_mail.h: what load.c and load_mail.c share. */
#ifndef SERVICES_ZONES_LOAD_MAIL_H
#define SERVICES_ZONES_LOAD_MAIL_H

#include "base/map.h"
#include "services/zones/load.h"

/* A record of a server's own name, whichever zone it lies in. */
struct mail_host {
	str owner, rdata; /* wire, in the reader's shared arena */
	uint16_t type;
	uint32_t ttl;
	struct mail_host *next;
};
struct zone_reader {
	struct directory *d;
	struct arena shared, zone;
	str lines; /* mail_dns.records */
	struct mail_host *hosts;
	struct buf rdata; /* scratch */
};
/* One zone under way. */
struct zone_load {
	struct zone_reader *r;
	struct zone_about *about;
	const struct zone_made *made;
	struct zone_builder *b;
	str apex;
	uint32_t ttl;
	int64_t ttl_min, ttl_max;
	bool mail;	 /* there is something to add */
	struct map seen; /* what the operator wrote: owner, owner and type (and kind of TXT) */
};
uint32_t zone_load_ttl(const struct zone_load *z, int64_t ttl); /* -1: the zone's */

MUST_USE err mail_shared_load(struct zone_reader *r);
/* Says in z->mail whether a mail domain or a server's name lies in the zone. */
MUST_USE err mail_wanted(struct zone_load *z);
void mail_seen(struct zone_load *z, str owner, uint16_t type, str rdata);
/* The operator's records are all there. */
MUST_USE err mail_add(struct zone_load *z);

#endif
