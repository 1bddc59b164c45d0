/* run/file.h: whole files. These calls block: from a fiber go through work(POOL_DISK). */
#ifndef RUN_FILE_H
#define RUN_FILE_H

#include "base/buf.h"

/* Adds the file's octets to out, as many as its maximum allows. E_NOTFOUND; E_LIMIT: longer; E_IO.
 * Texts name the path. */
MUST_USE err file_read(const char *path, struct buf *out);
/* The file holds these octets, or what it held before, whatever happens: written beside it, synced,
 * renamed, and the folder synced. mode: its rights. E_FULL, E_IO; then nothing has changed. */
MUST_USE err file_replace(const char *path, str octets, unsigned mode);
/* Adds to the end of a file that is there, and syncs it. After an error its end may hold a part. */
MUST_USE err file_append(const char *path, str octets);

#endif
