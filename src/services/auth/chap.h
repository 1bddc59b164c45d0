/* services/auth/chap.h: reversible secrets that fitted a challenge a while ago, so that the next
 * challenge needs no database; bounded memory; any thread. */
#ifndef SERVICES_AUTH_CHAP_H
#define SERVICES_AUTH_CHAP_H

#include "base/buf.h"
#include "run/clock.h"

struct chap;
struct chap *chap_new(msec keep);
void chap_free(struct chap *c); /* NULL allowed */
bool chap_knows(struct chap *c, uint64_t user, msec now, struct buf *out);
/* As remember_era, remember_add and remember_forget. */
uint64_t chap_era(struct chap *c);
void chap_add(struct chap *c, uint64_t user, str secret, msec now, uint64_t era);
void chap_forget(struct chap *c, uint64_t user);

#endif
