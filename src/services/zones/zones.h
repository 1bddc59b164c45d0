/* services/zones/zones.h: all zones that a dns process serves, by apex. Readers (answers on any
 * loop) never lock and never wait: what zones_find gives is good until the reader's fiber waits
 * next, or is held. Writers are on one loop.
 *
 * What was replaced is freed when every reading loop has come round once: a function is posted to
 * each, and where it runs, no reader is in the middle of anything. Reading costs nothing for it. */
#ifndef SERVICES_ZONES_ZONES_H
#define SERVICES_ZONES_ZONES_H

#include "run/fiber.h"
#include "services/zones/zone.h"

struct zones;
struct zones *zones_new(void);
/* The loops have ended, or read it no more. NULL allowed. */
void zones_free(struct zones *z);
/* The loops that read, before the first change. Without: the writer's thread alone reads, and what
 * was replaced is freed at once. */
void zones_readers(struct zones *z, struct loop *const *loops, size_t n);

/* The zone that is closest above (or at) name; NULL. strictly: above it only (DS questions, RFC
 * 4035 3.1.4.1). */
const struct zone *zones_find(const struct zones *z, str name, bool strictly);
struct zone_name;
const struct zone *zones_lookup(const struct zones *z, const struct zone_name *name, bool strictly);
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
/* Every zone, held during the call; fn may wait. */
MUST_USE err zones_each(struct zones *z, err (*fn)(void *arg, struct zone *zone), void *arg);
size_t zones_count(const struct zones *z);

#endif
