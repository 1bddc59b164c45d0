/* services/access/access.h: what a user may at an access server: the rows of the table dialups.
 * Rows that were asked for are kept in memory, dropped by the change feed, and answer alone while
 * the directory is away, for a set time. One struct access serves all loops of a process. */
#ifndef SERVICES_ACCESS_ACCESS_H
#define SERVICES_ACCESS_ACCESS_H

#include "base/arena.h"
#include "services/directory/directory.h"

struct access_user { /* "" and 0: not said */
	bool enabled, any_password;
	str address, address6, prefix6, pool, profile, attributes;
	str hours, calling, called, nas;
	int64_t sessions;		       /* at once; 0: any number */
	int64_t session_timeout, idle_timeout; /* seconds */
	int64_t up_kbit, down_kbit;
	int64_t expires; /* the last day's first second, UTC */
};

struct access;
/* keep: how long memory answers after the directory was last seen. The table outlives it. */
MUST_USE err access_open(struct dirtable *table, const char *database, msec keep,
			 struct access **out);
/* On the loop that tails the feed, before dirtable_close. NULL allowed. */
void access_close(struct access *a);
void access_keep(struct access *a, msec keep);
/* Views in the arena. A user without a row may nothing. E_AGAIN: the directory is away, and the
 * user was not seen, or too long ago. */
WAITS MUST_USE err access_find(struct access *a, uint64_t user, struct arena *ar,
			       struct access_user *out);

#endif
