/* roles/proxy/connect.h: from a user to a connection to the mailbox, logged in. */
#ifndef ROLES_PROXY_CONNECT_H
#define ROLES_PROXY_CONNECT_H

#include "services/backends/backends.h"
#include "services/directory/directory.h"
#include "sessions/login/login.h"

struct proxy_backends {
	struct backends all;
	msec hold; /* how long a login waits for its store to come back */
};
/* As login_role.connect. While the back-end is away, or the user is moving, tries again until hold
 * is over. The user's location is asked anew at each try. */
WAITS MUST_USE err proxy_connect(const struct proxy_backends *b, struct dirtable *table,
				 const struct net_addr *peer, str service,
				 const struct dir_user *user, str password, struct arena *a,
				 struct login_back *out);

#endif
