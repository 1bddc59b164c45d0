/* services/rules/regex.h: one pattern for PCRE2, compiled when first needed.
 * Patterns that are too large for the library's 8-bit form go to its 32-bit form, whose links are
 * wide enough; that costs a copy of the text in four octets each. */
#ifndef SERVICES_RULES_REGEX_H
#define SERVICES_RULES_REGEX_H

#include <stdatomic.h>

#include "base/arena.h"

struct regex {
	str re;
	unsigned char fate;	    /* enum pattern_fate */
	unsigned char times, apart; /* a prefilter that must have matched so often in a text, ends
				       so many octets apart; 0: once is enough */
	_Atomic(void *) code;
};
/* Compiled patterns may be used by threads at once, each with room of its own. */
struct regex_room;
struct regex_room *regex_room_new(void);
void regex_room_free(struct regex_room *m);
/* Before texts of another message: what was kept of the last one is forgotten. */
void regex_room_reset(struct regex_room *m);

/* Whether PCRE2 takes it, in its narrow or wide form. E_SYNTAX: it is no pattern; E_LIMIT: too
 * large even so. */
MUST_USE err regex_check(str re, bool *wide);
void regex_free(struct regex *x);

/* The first match at or behind from; false: none. *ran_out is set when a limit ended the search.
 * Perl's //g: after a match of no octets, ask with not_empty at its end. */
struct regex_match {
	size_t begin, end;
};
bool regex_find(struct regex *x, struct regex_room *m, str text, size_t from, bool not_empty,
		struct regex_match *out, bool *ran_out);
/* Matches of //g, at most max (0: all). */
unsigned regex_count(struct regex *x, struct regex_room *m, str text, unsigned max, bool *ran_out);
/* As regex_find from 0; each named group that took part is told. */
bool regex_captures(struct regex *x, struct regex_room *m, str text,
		    void (*group)(void *arg, str name, str value), void *arg, bool *ran_out);

#endif
