/* services/zones/keystore.h: keys and policies of signed zones in zonekeys.db (decision 0121): a
 * file as secrets.db, opened by secrets_open; the private halves are sealed there under
 * "zone:NAME:ID". zone: the name as text, without a dot at its end ("example.org").
 *
 * Whoever finds a change due makes it, in one transaction that looks first: the dns roles of
 * several nodes and the commands do not disturb each other. Everything blocks (SQL): from a fiber
 * through work(). One thread at a time uses one struct secrets. */
#ifndef SERVICES_ZONES_KEYSTORE_H
#define SERVICES_ZONES_KEYSTORE_H

#include "services/directory/secrets.h"
#include "services/zones/rollover.h"

enum keystore_how { KEYSTORE_PUBLIC, KEYSTORE_PRIVATE };
/* E_NOTFOUND: the zone is not signed. */
MUST_USE err keystore_load(struct secrets *s, str zone, enum keystore_how how,
			   struct zone_keys **out);
/* The same after having made every change that is due; *next: when the next one is (INT64_MAX:
 * never by itself), *changes: how many were made. */
MUST_USE err keystore_advance(struct secrets *s, str zone, int64_t now, struct zone_keys **out,
			      int64_t *next, size_t *changes);

/* Begins to sign a zone with first keys, or puts the policy in the place of the one there is (of
 * which bump and since are looked after here). E_DENIED: the keys there are do not fit it (another
 * algorithm, or one key instead of two): the zone must be unsigned first. */
MUST_USE err keystore_sign(struct secrets *s, str zone, const struct sign_policy *p, int64_t now);
/* The same, policy as it is: CDS and CDNSKEY ask to delete the DS, or no more. */
MUST_USE err keystore_leave(struct secrets *s, str zone, bool leaving, int64_t now);
/* A new key of this use, PUBLISHED. E_AGAIN: as rollover_may_begin. */
MUST_USE err keystore_roll(struct secrets *s, str zone, enum key_use use, int64_t now,
			   uint16_t *tag);
/* The key that is READY is SEEN. E_NOTFOUND: none is. */
MUST_USE err keystore_ds_seen(struct secrets *s, str zone, int64_t now, uint16_t *tag);
/* All keys, for good. E_NOTFOUND. */
MUST_USE err keystore_remove(struct secrets *s, str zone);

/* Every signed zone: bump and since tell whether anything of it changed. */
MUST_USE err keystore_each(struct secrets *s,
			   err (*fn)(void *arg, str zone, int64_t since, uint32_t bump), void *arg);

#endif
