/* posta/cmd.h: one command of the command line. Each lives in its own cmd_<name>.c as
 *   const struct cmd cmd_user = { .name = "user", ... };
 * and stands in the table of main.c and below.
 *
 * Options that every command has, wherever they stand before a "--": -c/--config FILE, --node NAME,
 * --json, -h/--help. The dispatcher takes them out of argv; all else is the command's own. Results
 * go to standard output, complaints to standard error. */
#ifndef POSTA_CMD_H
#define POSTA_CMD_H

#include "base/arena.h"
#include "base/buf.h"
#include "run/conf.h"
#include "run/role.h"

enum cmd_exit { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2 };

struct cmd_env {
	const struct cmd *cmd;	 /* the one that runs */
	const char *config_path; /* --config, else $POSTA_CONF, else /etc/posta/posta.conf */
	const char *node_option; /* --node, or NULL */
	bool json;
	struct arena *arena; /* until the command ends */

	/* Filled by cmd_load. */
	struct config *config; /* posta/config.h */
	const char *data;      /* the data folder itself; struct role_env has the paths in it */
};

struct cmd {
	const char *name;
	const char *summary; /* one line for `posta --help` */
	/* What --help prints: usage, options and at least one example. */
	const char *help;
	/* argv[0] is the command's name. Returns enum cmd_exit. Not in a fiber: loop_main starts
	 * one. */
	int (*run)(struct cmd_env *env, int argc, char **argv);
	bool hidden; /* not listed */
};

/* Reads and checks the configuration file. CMD_OK, or the exit code after having said what is
 * wrong. */
MUST_USE int cmd_load(struct cmd_env *env);
/* The paths and settings that a role has on this node, as its process would see them, for commands
 * that work on its data or share its check (after cmd_load). The role need not be one of this node.
 */
void cmd_role_env(const struct cmd_env *env, const char *role, struct role_env *out);
/* Prints "posta user: <text>", then how to get help; returns CMD_USAGE. */
MUST_USE int cmd_usage(const struct cmd_env *env, const char *fmt, ...) PRINTF(2, 3);
/* Prints "posta user: <text>" (with --json an object with "error" on standard output); returns
 * CMD_FAILED. */
MUST_USE int cmd_failed(const struct cmd_env *env, const char *fmt, ...) PRINTF(2, 3);
/* Prints a buf to standard output whole; CMD_OK, or CMD_FAILED when that does not go. */
int cmd_print(const struct buf *b);

/* Adds s to out as a JSON string, quotes included. */
void cmd_json(struct buf *out, str s);

/* Asks a running role over its control socket: status is the HTTP status (200 fine), answer its
 * body. E_IO when the role is away. Not in a fiber. */
MUST_USE err cmd_control(const struct cmd_env *env, const char *role, str method, str path,
			 str body, int *status, struct buf *answer);

extern const struct cmd cmd_alias, cmd_check, cmd_dnsbl, cmd_domain, cmd_filter, cmd_queue,
	cmd_radius, cmd_role, cmd_run, cmd_scan, cmd_store, cmd_tenant, cmd_trace, cmd_user,
	cmd_zone;

#endif
