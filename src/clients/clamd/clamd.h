/* clients/clamd/clamd.h: viruses, asked of clamd by INSTREAM over a unix socket or TCP: several
 * with fail-over, sessions (IDSESSION) kept and used again. */
#ifndef CLIENTS_CLAMD_CLAMD_H
#define CLIENTS_CLAMD_CLAMD_H

#include "base/arena.h"
#include "run/fiber.h"
#include "run/net.h"

struct clamds; /* one loop uses it */
struct clamd_answer {
	bool infected;
	str name;     /* of the virus */
	bool too_big; /* over clamd's StreamMaxLength: what was sent was clean */
};
/* pause: how long one that failed is left alone. */
MUST_USE err clamds_open(const struct net_addr *addr, size_t n, msec pause, struct clamds **out);
WAITS void clamds_close(struct clamds *c); /* NULL allowed */
/* E_AGAIN: none answered (counted); E_CANCELED. */
WAITS MUST_USE err clamds_scan(struct clamds *c, str message, msec deadline, struct arena *a,
			       struct clamd_answer *out);

#endif
