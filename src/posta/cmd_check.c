/* posta check: says what is wrong with posta.conf and what to write instead. */
#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/cmd.h"
#include "posta/config.h"
#include "services/directory/secrets.h"

static int settings(void)
{
	struct buf out;

	buf_init(&out, MIB(1));
	config_settings(&out);
	int code = cmd_print(&out);

	buf_free(&out);
	return code;
}

/* For scripts: which users the machine needs and which ports a role would like. */
static int list_roles(void)
{
	for (size_t i = 0; roles[i]; i++) {
		printf("role %s %s\n", roles[i]->name, roles[i]->user);
		for (size_t l = 0; l < roles[i]->nlisteners; l++)
			if (roles[i]->listeners[l].port)
				printf("listen %s %s %u\n", roles[i]->name,
				       roles[i]->listeners[l].kind, roles[i]->listeners[l].port);
	}
	return CMD_OK;
}

static void print_json(const struct cmd_env *env, bool ok)
{
	struct buf out;

	buf_init(&out, KIB(64));
	buf_fmt(&out, "{\"ok\": %s, \"file\": ", ok ? "true" : "false");
	cmd_json(&out, str_z(env->config_path));
	buf_add(&out, STR("}\n"));
	cmd_print(&out);
	buf_free(&out);
}

static bool announces_scram(struct cmd_env *env, const char *role)
{
	struct on {
		bool scram;
	} on = { 0 };
	static const struct conf_key key = { .name = "scram",
					     .type = CONF_BOOL,
					     .dflt = "false",
					     .help = "announce SCRAM-SHA-256 and -PLUS" };
	struct buf complaints;

	buf_init(&complaints, KIB(4)); /* the role's own check has complained already */
	err e = conf_read_known(conf_find(conf_root(env->config->conf), role), &key, 1, &on,
				env->arena, &complaints);

	buf_free(&complaints);
	return !e && on.scram;
}

/* A client that is offered SCRAM uses it, and fails for a user whose verifier is not written yet.
 */
static void warn_of_scram(struct cmd_env *env)
{
	struct secrets *s = NULL;
	int64_t n = 0;

	if (!announces_scram(env, "proxy") && !announces_scram(env, "submission"))
		return;
	if (access(env->config->secrets, R_OK | W_OK) != 0 ||
	    secrets_open(env->config->secrets, NULL, false, &s) != OK)
		return; /* not this machine's, or not this user's to see */
	if (secrets_without_scram(s, &n) == OK && n > 0)
		fprintf(stderr,
			"warning: scram = true, but %lld users have a password without a verifier "
			"yet and "
			"cannot log in by SCRAM; a login with PLAIN writes it\n",
			(long long)n);
	secrets_close(s);
}

static int check(struct cmd_env *env, int argc, char **argv)
{
	if (argc == 2 && str_eq(str_z(argv[1]), STR("--settings")))
		return settings();
	if (argc == 2 && str_eq(str_z(argv[1]), STR("--roles")))
		return list_roles();
	if (argc > 1)
		return cmd_usage(env, "it takes no \"%s\"", argv[1]);
	int code = cmd_load(env);

	if (code == CMD_OK)
		warn_of_scram(env);
	if (env->json)
		print_json(env, code == CMD_OK);
	else if (code == CMD_OK)
		printf("%s is fine: node \"%.*s\", %zu roles\n", env->config_path,
		       STRF(env->config->node), env->config->nroles);
	return code;
}

const struct cmd cmd_check = {
	.name = "check",
	.summary = "check the configuration file",
	.help = "usage: posta check [--config FILE] [--node NAME]\n"
		"       posta check --settings\n"
		"       posta check --roles\n\n"
		"Reads posta.conf as `posta run` would and names file, line, what is wrong and "
		"what to write\n"
		"instead. Nothing is started. --settings lists every setting with its type, range "
		"and default;\n--roles the roles of this program with their users and standard "
		"ports.\n\n"
		"example: posta check --config /etc/posta/posta.conf --node mx1\n",
	.run = check,
};
