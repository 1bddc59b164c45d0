/* base/buf.h: output that grows, created with its maximum.
 * Adding never reports: the first failure sticks in .e (E_LIMIT: over max or no memory), later
 * additions are dropped, and whoever uses the result asks buf_done once. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
	char *p;
	size_t n, cap, max;
	err e;
};

void buf_init(struct buf *b, size_t max); /* octets; allocates nothing yet */
void buf_free(struct buf *b);
/* Frees a buffer that held a secret, overwritten first. */
void buf_wipe(struct buf *b);
/* Empty again, memory and maximum kept, error forgotten. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, str s);
void buf_addc(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vfmt(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);
/* Big-endian integers and LEB128, for records on disk. */
void buf_u8(struct buf *b, unsigned v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v);
/* varint length, then the bytes. */
void buf_lstr(struct buf *b, str s);

/* Room for n bytes more behind b->n, to be filled by the caller who then adds to b->n;
 * NULL (and the error sticks) when over max. */
MUST_USE char *buf_room(struct buf *b, size_t n);
/* Drops the first n bytes. */
void buf_eat(struct buf *b, size_t n);

static inline str buf_str(const struct buf *b)
{
	return (str){ b->p ? b->p : "", b->n };
}
/* OK, or the error that stuck. */
MUST_USE static inline err buf_done(const struct buf *b)
{
	return b->e;
}

/* The reading end: a cursor that keeps its first error (E_CORRUPT) and then gives zeros. */
struct cur {
	str rest;
	err e;
};
unsigned cur_u8(struct cur *c);
uint32_t cur_u32(struct cur *c);
uint64_t cur_u64(struct cur *c);
uint64_t cur_varint(struct cur *c);
str cur_bytes(struct cur *c, size_t n);
str cur_lstr(struct cur *c);

#endif
