/* base/str.h: bytes as slices. A str borrows, is passed by value and has no NUL at its end.
 * Nothing here allocates. Case-insensitive means ASCII only. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef struct {
	const char *p;
	size_t n;
} str;

#define STR(lit) ((str){ "" lit, sizeof(lit) - 1 }) /* in an expression */
#define S(lit)                                                                                     \
	{                                                                                          \
		"" lit, sizeof(lit) - 1                                                            \
	} /* in a static initialiser */
/* For "%.*s"; what is over INT_MAX is cut. */
#define STRF(s) str_width(s), (s).p

static inline str str_of(const void *p, size_t n)
{
	return (str){ p, n };
}
/* A NUL-ended string from a system or library call; NULL gives "". */
str str_z(const char *z);
int str_width(str s);

bool str_eq(str a, str b);
bool str_eqi(str a, str b);
/* <0, 0, >0 as memcmp; a shorter prefix sorts first. */
int str_cmp(str a, str b);
int str_cmpi(str a, str b);
bool str_starts(str s, str prefix);
bool str_startsi(str s, str prefix);
bool str_ends(str s, str suffix);
bool str_endsi(str s, str suffix);

/* s without its first n bytes / just its first n; n over the length is cut to it. */
str str_skip(str s, size_t n);
str str_take(str s, size_t n);
/* s without spaces and tabs (CR and LF too for _ws) at both ends. */
str str_trim(str s);
str str_trim_ws(str s);

/* Index of the first/last c, or of the first sub; s.n when there is none. */
size_t str_find(str s, char c);
size_t str_rfind(str s, char c);
size_t str_search(str s, str sub);
size_t str_searchi(str s, str sub);

/* Splits at the first c: before and after. False and outputs untouched when there is none. */
bool str_cut(str s, char c, str *before, str *after);
/* The next piece of *rest up to sep, and *rest moves behind it. False when *rest is used up
 * (p NULL). "a,,b" gives a, "", b. */
bool str_next(str *rest, char sep, str *piece);
/* The next run of bytes that are not space or tab. */
bool str_word(str *rest, str *word);

/* The whole of s as a decimal number, no sign (or one leading '-' for _i64). E_SYNTAX: empty or
 * other bytes; E_LIMIT: above max / out of range. */
MUST_USE err str_u64(str s, uint64_t max, uint64_t *out);
MUST_USE err str_i64(str s, int64_t *out);

/* Copies at most cap-1 bytes and a NUL, for system calls. E_LIMIT when cut, E_SYNTAX when s has a
 * NUL inside. */
MUST_USE err str_to_z(str s, char *out, size_t cap);

/* True when every byte is printable ASCII or space / plain 7 bit. */
bool str_printable(str s);
bool str_ascii(str s);

static inline char ch_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char ch_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
static inline bool ch_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool ch_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ch_alnum(char c)
{
	return ch_digit(c) || ch_alpha(c);
}

#endif
