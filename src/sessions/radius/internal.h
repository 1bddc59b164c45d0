/* sessions/radius/internal.h: what serve.c, duplicates.c and delay.c share. One struct radius_loop
 * belongs to one loop: no locks. */
#ifndef SESSIONS_RADIUS_INTERNAL_H
#define SESSIONS_RADIUS_INTERNAL_H

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "sessions/radius/radius.h"

/* ---- duplicates.c: RFC 5080 2.2.2 ---- */
struct duplicates {
	struct map by_key;
	struct link by_age; /* oldest first */
	uint64_t tickets;
};
struct duplicate;
enum duplicate_what { DUPLICATE_NEW, DUPLICATE_AT_WORK, DUPLICATE_ANSWERED };

void duplicates_init(struct duplicates *d);
void duplicates_free(struct duplicates *d);
/* Is it known? NEW: *ticket is its place from now on. ANSWERED: *answer is what was said, valid
 * until the next call. Where there is no room the oldest goes. */
enum duplicate_what duplicates_look(struct duplicates *d, const struct radius_source *from,
				    const struct radius_packet *p, enum radius_port port,
				    const struct radius_limits *lim, uint64_t *ticket, str *answer);
/* ticket: of duplicates_look; a place that went meanwhile is left alone. answer "": none was given,
 * and the next try is served anew. */
void duplicates_answered(struct duplicates *d, uint64_t ticket, str answer);

/* ---- delay.c: answers that wait ---- */
struct delays {
	struct link waiting; /* the first one due first */
	size_t n;
	bool running;
};
void delays_init(struct delays *d);
void delays_free(struct delays *d);
/* Sends after the time; at once when LIM_RADIUS_DELAYED wait already. */
void delays_add(struct delays *d, const struct radius_source *to, str answer, msec delay);

struct radius_loop {
	struct duplicates duplicates;
	struct delays delays;
	struct map nas; /* requests at work of each, by its struct's address */
	int64_t pending;
	msec told; /* when the log was last told of a bad packet */
	int64_t untold;
};
struct radius_server {
	const struct radius_role *role;
	struct radius_loop loops[LIM_LOOPS];
};

#endif
