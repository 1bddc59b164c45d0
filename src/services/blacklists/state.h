/* services/blacklists/state.h: what its files share. */
#ifndef SERVICES_BLACKLISTS_STATE_H
#define SERVICES_BLACKLISTS_STATE_H

#include "services/blacklists/blacklists.h"

struct blacklists_health {
	unsigned fails;
	bool aside;
};
struct blacklists {
	const struct blacklists_settings *set;
	struct blacklists_health *health;
	struct fiber *tests;
};

#endif
