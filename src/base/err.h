/* base/err.h: errors are values, their explanation waits beside them.
 * A function that can fail returns err; results leave through the last parameter. fail() keeps the
 * text, file and line in the running fiber (or, outside fibers, in the thread), and whoever handles
 * the error logs it, once. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

typedef enum {
	OK,
	E_EOF,	    /* the peer closed, or no more rows */
	E_TIMEOUT,  /* the deadline passed */
	E_CANCELED, /* this fiber was told to stop; every wait says so from now on */
	E_LIMIT,    /* over a limit of base/limits.h, or of a setting */
	E_SYNTAX,   /* the grammar does not allow it */
	E_NOTFOUND,
	E_EXISTS,
	E_AGAIN,   /* not now: try later (locked, busy, moving) */
	E_DENIED,  /* allowed to nobody, or not to this peer */
	E_FULL,	   /* no room: disk reserve or quota */
	E_IO,	   /* the system, a library or a peer failed */
	E_CORRUPT, /* stored bytes are not what was written */
} err;

struct fault {
	err code;
	int line;
	const char *file;
	char text[256];
};

/* The name of the code, for logs: "not found". Static. */
const char *err_name(err e);

/* fail(E_LIMIT, "literal of %zu bytes", n): remembers text and place, returns the code. */
#ifdef __clang_analyzer__ /* it looks into no other file, and must know what comes back */
#define fail(code, ...) ((void)err_fail(code, __FILE__, __LINE__, __VA_ARGS__), (code))
#else
#define fail(code, ...) err_fail(code, __FILE__, __LINE__, __VA_ARGS__)
#endif
MUST_USE err err_fail(err code, const char *file, int line, const char *fmt, ...) PRINTF(4, 5);

/* The last failure remembered here; text "" when none was. Valid until the next fail(). */
const struct fault *err_last(void);

/* run/ alone: makes slot the place where fail() writes, on this thread; NULL is the thread's own.
 * Returns the slot that was in use. */
struct fault *err_slot(struct fault *slot);

/* Hands an error on to the caller. */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		err try_e_ = (expr);                                                               \
		if (try_e_ != OK)                                                                  \
			return try_e_;                                                             \
	} while (0)

#endif
