/* roles/dns/secondary.h: a followed zone, for secondary.c and taking.c. */
#ifndef ROLES_DNS_SECONDARY_H
#define ROLES_DNS_SECONDARY_H

#include "roles/dns/transfers_state.h"

struct secondary {
	struct followed *f;
	struct dns_name apex;
	struct zone_target *primaries; /* under the lock */
	size_t nprimaries;
	size_t at;		      /* the primary that answered last */
	struct dns_name from_catalog; /* whose member it is; n 0: the settings name it */
	uint64_t label;		      /* of the catalog's entry */
	bool catalog;		      /* it is one itself */
	bool named;		      /* by the newest settings or catalog */
	bool have;		      /* contents that may be served */
	struct fiber *look;	      /* while one is running */
	bool running, again, gone;    /* a look is under way; another one is wanted; dropped */
	unsigned failures;
	msec due, expires;
	char path[LIM_FILE_PATH]; /* of its copy; "": none */
};
struct followed {
	struct transfers *t;
	pthread_mutex_t lock;
	struct map zones; /* by apex */
	struct fiber *fiber;
	struct waitq wake;
	bool kicked, closing;
	int64_t looking;
};

/* One primary: is there something newer? Then it is taken, judged, stored and served. */
WAITS MUST_USE err secondary_take(struct secondary *s, const struct zone_target *primary);

#endif
