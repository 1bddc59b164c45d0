/* posta domain. */
#include "posta/cmd_directory.h"

static int add(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_add(c, &dir_domain, argc, argv);
}

static int set(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_set(c, &dir_domain, argc, argv);
}

static int show(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_show(c, &dir_domain, argc, argv);
}

static int list(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_list(c, &dir_domain, argc, argv);
}

static int drop(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_remove(c, &dir_domain, argc, argv);
}

static const struct dircmd_verb verbs[] = {
	{ "add", add }, { "list", list }, { "remove", drop }, { "set", set }, { "show", show },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	return dircmd_run(env, argc, argv, verbs, COUNT(verbs));
}

const struct cmd cmd_domain = {
	.name = "domain",
	.summary = "domains: add, show, list, set, remove",
	.help = "usage: posta domain add|set DOMAIN [OPTION VALUE]...\n"
		"       posta domain show|remove DOMAIN\n"
		"       posta domain list [TENANT]\n\n"
		"  --tenant TENANT      the reseller it belongs to, \"\" for none\n"
		"  --alias-of DOMAIN    every address of it is the same one of DOMAIN\n"
		"  --quota SIZE         quota that new users get (300M)\n"
		"  --disabled[=no]      no login and no mail\n\n"
		"A domain that still has users or aliases is not removed.\n\n"
		"example: posta domain add demo.test --quota 1G\n",
	.run = run,
};
