/* posta/cmd_zone_parent.h: what stands at the parent of a signed zone. */
#ifndef POSTA_CMD_ZONE_PARENT_H
#define POSTA_CMD_ZONE_PARENT_H

#include "posta/cmd_zone.h"
#include "services/zones/keystore.h"

/* Asks the resolvers of posta.conf (resolver: this one) for the zone's DS records. Wire data in the
 * command's arena. E_AGAIN, E_TIMEOUT: nobody knows. */
MUST_USE err zone_parent_ds(struct dircmd *c, str name, str resolver, str **rdata, size_t *n);
/* Is the DS of this key among them? By any digest that we know to make (SHA-256). */
MUST_USE err zone_parent_has(const struct zone_key *k, str apex, const str *rdata, size_t n,
			     bool *has);

/* "example.org. 3600 IN DS 12345 13 2 ABCD..." of each key that the parent should name; with JSON
 * an array of objects. */
MUST_USE err zone_ds_print(struct dircmd *c, const struct zone_keys *keys, str apex,
			   struct buf *out);

#endif
