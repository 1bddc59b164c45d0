/* services/auth/remember.h: passwords that were verified a while ago, as keyed hashes under a key
 * that this process drew; bounded memory; any thread. Also which network a user logged in from. */
#ifndef SERVICES_AUTH_REMEMBER_H
#define SERVICES_AUTH_REMEMBER_H

#include "run/clock.h"
#include "base/str.h"

struct remember;
MUST_USE err remember_new(msec keep, struct remember **out);
void remember_free(struct remember *r); /* NULL allowed */

/* scope: "" or the one service that an app password is for. */
bool remember_knows(struct remember *r, uint64_t user, str scope, str password, msec now);
/* Not kept when something was forgotten since remember_era gave era: the password may be the old
 * one. */
uint64_t remember_era(struct remember *r);
void remember_add(struct remember *r, uint64_t user, str scope, str password, msec now,
		  uint64_t era);
/* 0: everybody. */
void remember_forget(struct remember *r, uint64_t user);

/* A network prefix from which the user logged in within a day. */
void remember_place(struct remember *r, uint64_t user, str prefix, msec now);
bool remember_knows_place(struct remember *r, uint64_t user, str prefix, msec now);

#endif
