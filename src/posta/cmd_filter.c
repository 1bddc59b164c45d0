/* posta filter: the table of its verbs, and the help. */
#include "posta/cmd_filter.h"

static const struct {
	str name;
	int (*run)(struct cmd_env *env, int argc, char **argv);
} verbs[] = {
	{ S("rules"), cmd_filter_rules },     { S("learn"), cmd_filter_learn },
	{ S("forget"), cmd_filter_forget },   { S("quarantine"), cmd_filter_quarantine },
	{ S("reports"), cmd_filter_reports },
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
	.summary = "the filter: rules, lessons, mail in quarantine, counts for reports",
	.help = "usage: posta filter rules --compile                 makes the rules ready\n"
		"       posta filter rules --unsupported             what of them cannot be done\n"
		"       posta filter learn spam|ham USER FILE...     lessons of a user; \"-\": "
		"standard "
		"input\n"
		"       posta filter forget USER                     forgets what a user taught\n"
		"       posta filter quarantine [list] [USER]       mail beyond its recipient's "
		"level\n"
		"       posta filter quarantine show USER UID       header and beginning of one\n"
		"       posta filter quarantine release USER UID... to the Inbox; the filter "
		"learns\n"
		"       posta filter quarantine delete USER UID...\n"
		"       posta filter reports [--day YYYY-MM-DD] [--domain D [--xml|--tls]]\n\n"
		"rules: of posta.conf's filter group, or --folder F and --file F, compiled into "
		"--cache D.\n"
		"The quarantine is that of this node's store; mail stays for store.keep_quarantine "
		"(30 days).\n\n"
		"reports: messages that were checked for domains that ask for DMARC reports; "
		"--xml: the\n"
		"aggregate report of one of them; --tls: its TLS report. Today's without --day.\n\n"
		"example: posta filter quarantine release ana@demo.test 17\n"
		"         posta filter reports --domain example.org --xml\n",
	.run = run,
};
