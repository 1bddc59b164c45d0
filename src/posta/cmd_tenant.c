/* posta tenant. */
#include "posta/cmd_directory.h"

static int add(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_add(c, &dir_tenant, argc, argv);
}

static int set(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_set(c, &dir_tenant, argc, argv);
}

static int show(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_show(c, &dir_tenant, argc, argv);
}

static int list(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_list(c, &dir_tenant, argc, argv);
}

static int drop(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_remove(c, &dir_tenant, argc, argv);
}

static const struct dircmd_verb verbs[] = {
	{ "add", add }, { "list", list }, { "remove", drop }, { "set", set }, { "show", show },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	return dircmd_run(env, argc, argv, verbs, COUNT(verbs));
}

const struct cmd cmd_tenant = {
	.name = "tenant",
	.summary = "tenants (resellers): add, show, list, set, remove",
	.help = "usage: posta tenant add|set NAME [OPTION VALUE]...\n"
		"       posta tenant show|remove NAME\n"
		"       posta tenant list [PARENT]\n\n"
		"  --parent TENANT    the tenant that this one belongs to, \"\" for none\n"
		"  --contact TEXT     whom to write to\n"
		"  --max-domains N    domains it may have, 0: any number\n"
		"  --max-users N      users it may have, 0: any number\n"
		"  --disabled[=no]    no login and no mail for its domains, and those of its "
		"tenants\n"
		"  --spam-level LEVEL, --spam-above WHAT, --digest WHAT   as of users: what its "
		"domains say\n                     by default\n\n"
		"A tenant that still has domains or tenants is not removed.\n\n"
		"example: posta tenant add north --contact ops@north.example --max-users 1000\n",
	.run = run,
};
