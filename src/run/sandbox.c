#include "run/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/role.h"
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

/* One right of root's is kept over the change of user and over execve: that of binding ports below
 * 1024. */
static err keep_bind(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	data[0].effective = data[0].permitted = data[0].inheritable = 1u << CAP_NET_BIND_SERVICE;
	if (syscall(SYS_capset, &head, data) != 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) != 0)
		return fail(E_IO, "cannot keep the right to low ports: %s", strerror(errno));
	return OK;
}

err sandbox_user(const struct setup_config *s, unsigned may)
{
	pid_t parent = getppid();
	bool bind = s->drop && (may & MAY_BIND);

	if (bind && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return fail(E_IO, "prctl: %s", strerror(errno));
	if (s->drop)
		TRY(become(s));
	if (bind)
		TRY(keep_bind());
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
