/* run/sandbox.h: the rights of a role's process, given up for good: user, files (Landlock), system
 * calls (seccomp). Called once, while the process has one thread. What a kernel lacks is said once
 * and gone without. */
#ifndef RUN_SANDBOX_H
#define RUN_SANDBOX_H

#include "run/role_setup.h"

struct sandbox {
	unsigned may;		/* MAY_* of run/role.h */
	const char *data;	/* own folder, read and write with MAY_DATA */
	const char *directory;	/* the database's path: its folder, read, with MAY_DIRECTORY */
	const char *secrets;	/* the same, read and write, with MAY_SECRETS or MAY_ZONE_KEYS */
	const char *run;	/* sockets: may be looked up */
	const char *trace;	/* read and write */
	const char *accounting; /* the database's path: its folder, with MAY_ACCOUNTING */
	/* Further folders, read: the role's reads (run/role.h). */
	const char *const *reads;
	size_t nreads;
};

/* Dies with the supervisor from now on; becomes the user of s when it says so. E_EOF: the
 * supervisor is gone already. */
MUST_USE err sandbox_user(const struct setup_config *s, unsigned may);
/* No new privileges, Landlock, seccomp. missing: what the kernel does not have, "" when nothing. */
MUST_USE err sandbox_enter(const struct sandbox *s, str *missing);

#endif
