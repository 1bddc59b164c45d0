/* services/auth/brake.h: failed logins, counted per network and per account; bounded memory; any
 * thread. A count leaks away evenly: `limit` failures are forgotten within one window. */
#ifndef SERVICES_AUTH_BRAKE_H
#define SERVICES_AUTH_BRAKE_H

#include "run/clock.h"
#include "base/str.h"

struct brake;
struct brake *brake_new(int64_t limit, msec window);
void brake_free(struct brake *b); /* NULL allowed */
/* True when the limit is reached. */
bool brake_holds(struct brake *b, str key, msec now);
void brake_failed(struct brake *b, str key, msec now);

#endif
