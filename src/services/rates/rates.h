/* services/rates/rates.h: how often did this key do that lately, and how many of it are there now?
 * For limits per network, address and pair. Any thread; never waits. Memory is bounded when it is
 * made: keys are kept as 64-bit keyed hashes in a table of fixed size, and the least busy one of a
 * neighbourhood gives way. */
#ifndef SERVICES_RATES_RATES_H
#define SERVICES_RATES_RATES_H

#include "base/str.h"
#include "run/clock.h"

/* ---- events within a sliding window ---- */
struct rates;
/* keys: how many are remembered at most (32 octets each). window: milliseconds, at least 1. */
struct rates *rates_new(size_t keys, msec window);
void rates_free(struct rates *r);
/* Counts n more and gives the events of about the last window, these included. n may be 0: just
 * asks. The estimate weighs the window before by how much of it still counts. */
int64_t rates_add(struct rates *r, str key, int64_t n);

/* ---- how many now ---- */
struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *t);
/* One more; gives how many there are with it. Each enter has one leave. Memory is bounded by who
 * enters. */
int64_t tally_enter(struct tally *t, str key);
void tally_leave(struct tally *t, str key);

#endif
