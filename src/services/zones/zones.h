/* services/zones/zones.h: all zones that a dns process serves, by apex. Readers (answers on any
 * loop) never lock and never wait: zones_find's result is good until the reader's fiber waits next,
 * or is held. Writers are on the first loop. */
#ifndef SERVICES_ZONES_ZONES_H
#define SERVICES_ZONES_ZONES_H

#include "run/fiber.h"
#include "services/zones/zone.h"

struct zones;
struct zones *zones_new(void);
void zones_free(struct zones *z);
/* Every loop that reads calls it once a turn of reading, outside any use of a zone: what was
 * replaced before all loops did so is freed. */
void zones_quiescent(struct zones *z, unsigned loop);

/* The zone that is closest above (or at) name; NULL. strictly: above it only (DS questions, RFC
 * 4035 3.1.4.1). */
const struct zone *zones_find(const struct zones *z, str name, bool strictly);
/* The zone with exactly this apex, held; NULL. */
struct zone *zones_get(const struct zones *z, str apex);

/* Puts a version in the place of the old one (takes the reference over): readers see either the old
 * or the new one whole. Callbacks are called after it, on the writer's fiber, old NULL for a new
 * zone. */
void zones_put(struct zones *z, struct zone *fresh);
void zones_remove(struct zones *z, str apex);
/* fresh NULL: removed. fn must not wait; it may hold both. */
void zones_on_change(struct zones *z, void (*fn)(void *arg, struct zone *old, struct zone *fresh),
		     void *arg);
/* Every zone, held during the call. */
MUST_USE err zones_each(struct zones *z, err (*fn)(void *arg, struct zone *zone), void *arg);
size_t zones_count(const struct zones *z);

#endif
