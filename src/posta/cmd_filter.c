/* posta filter: the table of its verbs, and the help. */
#include "posta/cmd_filter.h"

static const struct {
	str name;
	int (*run)(struct cmd_env *env, int argc, char **argv);
} verbs[] = {
	{ S("quarantine"), cmd_filter_quarantine },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	if (argc < 2)
		return cmd_usage(env, "say what to do");
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_eq(str_z(argv[1]), verbs[i].name))
			return verbs[i].run(env, argc - 1, argv + 1);
	return cmd_usage(env, "there is no \"posta filter %s\"", argv[1]);
}

const struct cmd cmd_filter = {
	.name = "filter",
	.summary = "the filter: mail in quarantine",
	.help = "usage: posta filter quarantine [list] [USER]       mail beyond its recipient's "
		"level\n"
		"       posta filter quarantine show USER UID       header and beginning of one\n"
		"       posta filter quarantine release USER UID... to the Inbox; the filter "
		"learns\n"
		"       posta filter quarantine delete USER UID...\n\n"
		"The quarantine is that of this node's store; mail stays for store.keep_quarantine "
		"(30 days).\n\n"
		"example: posta filter quarantine release ana@demo.test 17\n",
	.run = run,
};
