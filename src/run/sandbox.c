#include "run/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "run/sandbox_part.h"

static err become(const struct setup_config *s)
{
	gid_t groups[SETUP_GROUPS];

	for (size_t i = 0; i < s->ngroups; i++)
		groups[i] = s->groups[i];
	if (s->uid == 0)
		return fail(E_DENIED, "a role never runs as root");
	if (setgroups(s->ngroups, groups) != 0 || setresgid(s->gid, s->gid, s->gid) != 0 ||
	    setresuid(s->uid, s->uid, s->uid) != 0)
		return fail(E_IO, "cannot become user %u: %s", s->uid, strerror(errno));
	return OK;
}

err sandbox_user(const struct setup_config *s)
{
	pid_t parent = getppid();

	if (s->drop)
		TRY(become(s));
	/* Set after the change of user, which clears it; a parent that died before shows as an end
	 * of the channel. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return fail(E_IO, "prctl: %s", strerror(errno));
	if (getppid() != parent)
		return fail(E_EOF, "the supervisor is gone");
	return OK;
}

err sandbox_enter(const struct sandbox *s, str *missing)
{
	bool landlock;

	*missing = STR("");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail(E_IO, "prctl: %s", strerror(errno));
	TRY(sandbox_files(s, &landlock));
	if (!landlock)
		*missing = STR("landlock");
	return sandbox_calls(s->may);
}
