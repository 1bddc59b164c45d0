/* clients/clamd/clamd.h: viruses, asked of clamd by INSTREAM over a unix socket or TCP: several
 * with fail-over, sessions (IDSESSION) kept and used again. clamd(8). */
#ifndef CLIENTS_CLAMD_CLAMD_H
#define CLIENTS_CLAMD_CLAMD_H

#include "base/arena.h"
#include "run/fiber.h"
#include "run/net.h"

struct clamds; /* one loop uses it */
struct clamd_answer {
	bool infected;
	str name;     /* of the virus */
	bool too_big; /* not all was looked at: over max, or over clamd's own StreamMaxLength */
};
/* addr: tried in turn, each message begins with the next one; lives as long as the result. pause:
 * how long one that failed is left alone. max: octets of a message that are sent, clamd's
 * StreamMaxLength. */
MUST_USE err clamds_open(const struct net_addr *addr, size_t n, msec pause, size_t max,
			 struct clamds **out);
WAITS void clamds_close(struct clamds *c); /* NULL allowed */
/* E_AGAIN: none answered (counted); at once where all are paused. E_CANCELED. One that does not
 * answer is given half of the time where another is left. */
WAITS MUST_USE err clamds_scan(struct clamds *c, str message, msec deadline, struct arena *a,
			       struct clamd_answer *out);

#endif
