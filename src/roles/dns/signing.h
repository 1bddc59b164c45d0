/* roles/dns/signing.h: signed zones: keys are read and advanced, a zone that is built gets its
 * signatures, and is built again when the next ones are due or its keys have changed. */
#ifndef ROLES_DNS_SIGNING_H
#define ROLES_DNS_SIGNING_H

#include "roles/dns/load.h"

struct dns_signing;
/* db, key: of zonekeys.db (MAY_ZONE_KEYS); it need not be there yet. */
struct dns_signing *dns_signing_new(const char *db, const char *key);
/* Between building and compiling, on any helper thread: signs when the source says so. E_NOTFOUND:
 * the zone has no keys; E_IO and the like: they cannot be read. Then the version in force stays. */
MUST_USE err dns_signing_apply(struct dns_signing *s, struct zone_builder *b,
			       const struct zone *old, const struct dns_source *source);
/* When the zones are loaded: starts the fiber that has them built again. */
WAITS void dns_signing_follow(struct dns_signing *s, struct dns_load *l);
/* Before dns_load_stop, and after it. */
WAITS void dns_signing_stop(struct dns_signing *s);
void dns_signing_free(struct dns_signing *s); /* NULL allowed */

#endif
