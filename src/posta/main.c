/* The one main(): options that all commands share, and the table of commands. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/cmd.h"
#include "posta/config.h"

#define CONFIG_DEFAULT "/etc/posta/posta.conf"

static const struct cmd *const cmds[] = {
	&cmd_alias, &cmd_check,	 &cmd_dnsbl, &cmd_domain, &cmd_filter,
	&cmd_queue, &cmd_radius, &cmd_role,  &cmd_run,	  &cmd_scan,
	&cmd_store, &cmd_tenant, &cmd_trace, &cmd_user,	  &cmd_zone,
};

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < COUNT(cmds); i++)
		if (str_eq(str_z(cmds[i]->name), str_z(name)))
			return cmds[i];
	return NULL;
}

static void print_overview(FILE *f)
{
	fputs("posta: the mail system of a provider\n\n"
	      "usage: posta COMMAND [--config FILE] [--node NAME] [--json] ...\n\n",
	      f);
	for (size_t i = 0; i < COUNT(cmds); i++)
		if (!cmds[i]->hidden)
			fprintf(f, "  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\n`posta COMMAND --help` explains one, with an example.\n"
	      "Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
	      f);
}

/* Takes the value of an option that needs one: "--node X" or "--node=X". */
static bool option_value(const char *name, int *at, int argc, char **argv, const char **value)
{
	str arg = str_z(argv[*at]), opt = str_z(name);

	if (!str_starts(arg, opt))
		return false;
	if (arg.n > opt.n && arg.p[opt.n] == '=') {
		*value = arg.p + opt.n + 1;
		return true;
	}
	if (arg.n != opt.n)
		return false;
	*value = *at + 1 < argc ? argv[++*at] : NULL;
	return true;
}

/* Moves the shared options out of argv; returns the arguments left, -1 when one lacks its value. */
static int take_options(struct cmd_env *env, bool *help, int argc, char **argv)
{
	int n = 0, i;

	for (i = 0; i < argc; i++) {
		str arg = str_z(argv[i]);
		const char **value = NULL, *got = NULL;

		if (str_eq(arg, STR("--")))
			break;
		if (option_value("--config", &i, argc, argv, &got) ||
		    option_value("-c", &i, argc, argv, &got))
			value = &env->config_path;
		else if (option_value("--node", &i, argc, argv, &got))
			value = &env->node_option;
		if (value && !got)
			return -1;
		if (value)
			*value = got;
		else if (str_eq(arg, STR("--json")))
			env->json = true;
		else if (str_eq(arg, STR("--help")) || str_eq(arg, STR("-h")))
			*help = true;
		else
			argv[n++] = argv[i];
	}
	for (; i < argc; i++)
		argv[n++] = argv[i];
	return n;
}

/* Started with one of them closed, a file or a socket of ours would take its number and get what
 * others mean for the terminal. */
static bool open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
	if (!open_standard())
		return CMD_FAILED;
	const char *conf = getenv("POSTA_CONF");
	struct arena arena;
	struct cmd_env env = { .config_path = conf ? conf : CONFIG_DEFAULT, .arena = &arena };
	bool help = false;
	int left = take_options(&env, &help, argc - 1, argv + 1);

	argv++;
	if (left < 0) {
		fputs("posta: an option lacks its value\n", stderr);
		return CMD_USAGE;
	}
	argv[left] = NULL;
	if (left > 0 && str_eq(str_z(argv[0]), STR("--version"))) {
		puts("posta " POSTA_VERSION);
		return CMD_OK;
	}
	if (left == 0 || str_eq(str_z(argv[0]), STR("help"))) {
		print_overview(left || help ? stdout : stderr);
		return left || help ? CMD_OK : CMD_USAGE;
	}
	env.cmd = find(argv[0]);
	if (!env.cmd) {
		fprintf(stderr, "posta: there is no command \"%s\"; `posta --help` lists them\n",
			argv[0]);
		return CMD_USAGE;
	}
	if (help) {
		fputs(env.cmd->help, stdout);
		return CMD_OK;
	}
	arena_init(&arena, MIB(64));
	int code = env.cmd->run(&env, left, argv);

	config_free(env.config);
	arena_free(&arena);
	return code;
}
