/* services/zones/snapshot.h: the zones of the directory in a small directory of their own, so that
 * a start without the directory still serves (zone_read reads both). Blocking: POOL_DISK. */
#ifndef SERVICES_ZONES_SNAPSHOT_H
#define SERVICES_ZONES_SNAPSHOT_H

#include "services/directory/dirdb.h"

/* Copies in one steady view; written aside, synced, renamed. E_IO, E_FULL. */
MUST_USE err zone_snapshot_save(struct directory *d, const char *path);
/* Opens what save wrote and looks it over. E_NOTFOUND, E_CORRUPT. */
MUST_USE err zone_snapshot_open(const char *path, struct directory **out);

#endif
