/* run/role_setup.h: what a role's process is told before it begins, as the supervisor writes it and
 * the role reads it: one CHANNEL_CONFIG, its CHANNEL_CERTs and CHANNEL_LISTENs, then CHANNEL_START
 * or CHANNEL_RELOAD. Pure but for the memory files that the descriptors name. */
#ifndef RUN_ROLE_SETUP_H
#define RUN_ROLE_SETUP_H

#include <sys/types.h>

#include "base/arena.h"
#include "run/channel.h"

enum { SETUP_GROUPS = 8, SETUP_PEERS = 32, SETUP_LISTENERS = 256 };

struct setup_peer {
	str role;
	uint32_t uid;
};
/* The body of CHANNEL_CONFIG. Views lie in the message, or in the reader's arena. */
struct setup_config {
	str role, node, hostname, path; /* path: posta.conf's name, for messages */
	str data, directory, secrets, secret_key, run, trace, accounting;
	bool drop; /* become uid, gid, groups; otherwise all runs as the caller */
	uint32_t uid, gid;
	uint32_t groups[SETUP_GROUPS];
	size_t ngroups;
	struct setup_peer
		peers[SETUP_PEERS]; /* whose uid is which role's; the supervisor's own is "" */
	size_t npeers;
	uint32_t loops, max_connections;
	unsigned log_level; /* enum log_level */
};

void setup_write(const struct setup_config *s, struct buf *out);
/* E_CORRUPT. Strings are copied into a. */
MUST_USE err setup_read(str body, struct arena *a, struct setup_config *out);

#endif
