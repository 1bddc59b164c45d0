/* posta role NAME FD: what the supervisor executes; not for people. */
#include "posta/cmd.h"
#include "posta/config.h"
#include "sessions/http/http.h"

static int role(struct cmd_env *env, int argc, char **argv)
{
	const struct role *r = argc == 3 ? role_find(str_z(argv[1])) : NULL;
	uint64_t fd;

	if (!r || str_u64(str_z(argv[2]), 1 << 20, &fd) != OK)
		return cmd_usage(env, "the supervisor alone calls it");
	return role_main(r, (int)fd, http_control);
}

const struct cmd cmd_role = {
	.name = "role",
	.summary = "one role's process",
	.help = "usage: posta role NAME FD\n\nThe supervisor starts a role this way; `posta run` "
		"is for people.\n\n"
		"example: posta run --config /etc/posta/posta.conf\n",
	.run = role,
	.hidden = true,
};
