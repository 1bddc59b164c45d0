/* run/spool.h: a message while it is under way: in memory up to LIM_MESSAGE_RAM, then in an
 * unlinked file of the folder given. Written once, then read any number of times, by any thread. */
#ifndef RUN_SPOOL_H
#define RUN_SPOOL_H

#include "base/buf.h"
#include "run/stream.h"

struct spool;

/* dir: where the unlinked file would go; max: octets in all. */
struct spool *spool_new(const char *dir, uint64_t max);
struct spool *spool_hold(struct spool *s); /* counted, from any thread */
void spool_drop(struct spool *s);	   /* NULL allowed */
/* E_LIMIT over max, E_FULL when the disk is. Errors stick. The disk's part goes through POOL_DISK.
 */
WAITS MUST_USE err spool_add(struct spool *s, str bytes);
uint64_t spool_size(const struct spool *s);
/* Up to n octets from offset. At the end: OK with *got 0. */
WAITS MUST_USE err spool_read(struct spool *s, uint64_t offset, char *p, size_t n, size_t *got);
/* The whole message as one view, valid while s is held; a file is mapped read-only. Call in a
 * helper thread or where a page fault is no harm. */
MUST_USE err spool_view(struct spool *s, str *out);
/* Writes [from, size) to io. */
WAITS MUST_USE err spool_send(struct spool *s, uint64_t from, struct stream *io);

#endif
