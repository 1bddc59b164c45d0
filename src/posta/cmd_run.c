/* posta run: the supervisor. */
#include "posta/cmd.h"
#include "posta/supervisor.h"

static int run(struct cmd_env *env, int argc, char **argv)
{
	const char *motd = NULL;
	uint64_t resume = UINT64_MAX;

	for (int i = 1; i < argc; i++) {
		if (str_eq(str_z(argv[i]), STR("--motd")) && i + 1 < argc)
			motd = argv[++i];
		else if (str_eq(str_z(argv[i]), STR("--resume")) && i + 1 < argc &&
			 str_u64(str_z(argv[i + 1]), 1 << 20, &resume) == OK)
			i++;
		else
			return cmd_usage(env, "it takes no \"%s\"", argv[i]);
	}
	return supervise(env->config_path, env->node_option, motd,
			 resume == UINT64_MAX ? -1 : (int)resume);
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "start this node's roles and keep them running",
	.help = "usage: posta run [--config FILE] [--node NAME] [--motd FILE]\n\n"
		"Stays in the foreground, prints its addresses and \"posta is ready\" when every "
		"role answers, and\n"
		"logs to standard error. --motd prints a file before that line.\n\n"
		"signals: HUP   read the configuration and the certificates again; a bad one "
		"changes nothing\n"
		"         TERM  stop: no new sessions, the others get nodes.<node>.drain to end "
		"(also INT);\n"
		"               a second one does not wait\n"
		"         USR2  upgrade: execute the program at the same path, then replace one "
		"role after the\n"
		"               other; no connection is refused\n\n"
		"example: posta run --config /etc/posta/posta.conf --node mx1\n",
	.run = run,
};
