/* services/zones/copy.h: a zone's records in a file of ours, for a start without its source: zones
 * that come by transfer, and those that posta makes itself. Checksummed: what is not sound is not
 * used. The file's time is not part of it: a secondary keeps there when the zone was last known to
 * be the primary's. Everything that touches files blocks: through work(POOL_DISK). */
#ifndef SERVICES_ZONES_COPY_H
#define SERVICES_ZONES_COPY_H

#include "services/zones/zone.h"

/* The file's name for a zone, in a folder. E_LIMIT: the path is too long. */
MUST_USE err zone_copy_path(const char *folder, str apex, char *out, size_t room);
MUST_USE err zone_copy_write(const char *path, const struct zone *z);
/* *unix_seconds: the file's time. E_NOTFOUND; E_CORRUPT: not sound, or another zone's. */
MUST_USE err zone_copy_read(const char *path, str apex, struct zone **out, int64_t *unix_seconds);
/* Sets the file's time. */
MUST_USE err zone_copy_touch(const char *path, int64_t unix_seconds);
/* Nothing when there is none. */
void zone_copy_remove(const char *path);

/* Pure: the octets of a copy. */
MUST_USE err zone_copy_encode(const struct zone *z, struct buf *out);
MUST_USE err zone_copy_decode(str octets, struct zone_builder *b);

#endif
