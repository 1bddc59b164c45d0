/* base/arena.h: memory that dies together. Three lifetimes, three arenas: session, transaction or
 * command, scratch. Nothing in an arena is freed alone. All memory comes zeroed. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *top; /* newest first */
	size_t used;		 /* bytes handed out, all chunks */
	size_t max;		 /* arena_try refuses above it */
};
struct arena_mark {
	struct arena_chunk *top;
	size_t top_used, used;
};

/* max: bytes that arena_try may hand out in all; sizes that the code chose are not counted against
 * it. */
void arena_init(struct arena *a, size_t max);
/* Forgets all, keeps one chunk for the next command. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* Mark and release in the same function. */
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark m);

/* Size chosen by the program: never fails. align is a power of two up to 16. */
MUST_USE void *arena_get(struct arena *a, size_t n, size_t align);
/* Size from the wire: NULL when it would pass max or there is no memory. */
MUST_USE void *arena_try(struct arena *a, size_t n, size_t align);

#define NEW(a, T)	 ((T *)arena_get(a, sizeof(T), _Alignof(T)))
/* n of them, n from the wire: may be NULL. */
#define NEW_TRY(a, T, n) ((T *)arena_try(a, size_mul(n, sizeof(T)), _Alignof(T)))

/* A copy that lives as long as the arena; p is NULL (n 0) when it would pass max. */
str arena_dup(struct arena *a, str s);
/* The same with a NUL behind, for system calls; NULL when over max. */
char *arena_z(struct arena *a, str s);
/* Formatted text; p NULL when over max. */
str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#endif
