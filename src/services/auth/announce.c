#include "services/auth/auth.h"

#include <inttypes.h>

#include "services/directory/secrets.h"

void auth_check_scram(const char *secrets, const char *setting, struct buf *complaints)
{
	struct secrets *s;
	int64_t n = 0;

	/* Before the first user there is no database, and not everybody who checks may read it. */
	if (!secrets || secrets_open(secrets, NULL, false, &s) != OK)
		return;
	if (secrets_without_scram(s, &n) == OK && n > 0)
		buf_fmt(complaints,
			"warning: %s is on, but %" PRId64
			" users have a password and no SCRAM verifier: their mail "
			"programs may choose SCRAM and fail; each gets one at the next login in "
			"clear or new password\n",
			setting, n);
	secrets_close(s);
}
