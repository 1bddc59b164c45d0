/* services/blacklists/state.h: what its files share. */
#ifndef SERVICES_BLACKLISTS_STATE_H
#define SERVICES_BLACKLISTS_STATE_H

#include <stdatomic.h>

#include "services/blacklists/blacklists.h"

struct blacklists_health {
	unsigned fails;
	_Atomic bool aside; /* other loops read it */
};
struct blacklists {
	const struct blacklists_settings *set;
	struct blacklists_health *health;
	struct fiber *tests;
	struct blacklists *old; /* that this one replaced */
};

#endif
