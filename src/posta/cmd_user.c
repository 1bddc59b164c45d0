/* posta user: the verbs that need no file of their own, and the help. */
#include "posta/cmd_directory.h"

static int set(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_set(c, &dir_user_kind, argc, argv);
}

static int show(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_show(c, &dir_user_kind, argc, argv);
}

static int list(struct dircmd *c, int argc, char **argv)
{
	return dircmd_kind_list(c, &dir_user_kind, argc, argv);
}

/* Secrets go first: a crash between leaves a user without a password, never a password without its
 * user. */
static err drop_user(struct dircmd *c, str name)
{
	uint64_t id;

	TRY(directory_find(c->d, &dir_user_kind, name, &id));
	TRY(directory_remove(c->d, &dir_user_kind, name));
	TRY(secrets_begin(c->s));
	TRY(secrets_remove(c->s, id));
	TRY(secrets_commit(c->s));
	return directory_commit(c->d);
}

static int drop(struct dircmd *c, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);
	if (code)
		return code;
	err e = directory_begin(c->d);

	if (!e)
		e = drop_user(c, c->words[0]);
	return e ? dircmd_error(c, e) : dircmd_done(c, "user", c->words[0], "removed");
}

static const struct dircmd_verb verbs[] = {
	{ "add", cmd_user_add },
	{ "allow", cmd_user_allow },
	{ "app-password", cmd_user_app },
	{ "block", cmd_user_block },
	{ "contact", cmd_user_contact },
	{ "export", cmd_user_export },
	{ "import", cmd_user_import },
	{ "list", list },
	{ "password", cmd_user_password },
	{ "remove", drop },
	{ "set", set },
	{ "show", show },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	return dircmd_run(env, argc, argv, verbs, COUNT(verbs));
}

const struct cmd cmd_user = {
	.name = "user",
	.summary = "users: add, show, list, set, remove, password, contact, allow, block, import, "
		   "export",
	.help = "usage: posta user add ADDRESS [PASSWORD OPTIONS] [OPTION VALUE]...\n"
		"       posta user set ADDRESS OPTION VALUE...\n"
		"       posta user show|remove ADDRESS\n"
		"       posta user list [DOMAIN]\n"
		"       posta user password ADDRESS [PASSWORD OPTIONS | --remove]\n"
		"       posta user app-password ADDRESS add LABEL [SERVICE] | list | remove LABEL\n"
		"       posta user contact ADDRESS add ENTRY [NAME] | list | remove ENTRY\n"
		"       posta user allow|block ADDRESS add|remove ENTRY | list\n"
		"       posta user import FILE [--update]\n"
		"       posta user export [DOMAIN] [--hashes]\n\n"
		"password options (without any, a terminal is asked; otherwise the user gets no "
		"password):\n"
		"  --password-stdin     the first line of standard input\n"
		"  --password TEXT      as given; others on this machine can see it while the "
		"command runs\n"
		"  --hash HASH          ready: crypt(3) ($y$, $2b$, $6$, $5$, $1$), {SSHA}, "
		"{SSHA512}, ...\n"
		"  --chap               keep it reversibly encrypted as well, for CHAP (RADIUS)\n\n"
		"options:\n"
		"  --name TEXT  --quota SIZE (300M; 0: no limit)  --spam-level LEVEL\n"
		"  --spam-above quarantine|discard|reject|default   LEVEL: off, very-strict, "
		"strict, normal,\n"
		"                       lenient, very-lenient, default (the domain's)\n"
		"  --digest off|quarantine|all|default   a mail a day that lists what was held "
		"back\n"
		"  --disabled[=no]  --admin[=no]  --no-login[=no]\n"
		"  --backend NAME  --protocol lmtp|smtp|maildir  --state home|moving|dual  "
		"--move-to NAME\n"
		"  --forward ADDRESS,...  --forward-keep yes|no\n"
		"  --vacation[=no]  --vacation-subject TEXT  --vacation-text TEXT\n"
		"  --vacation-from DATE  --vacation-until DATE  --vacation-days N\n"
		"  --dialup[=no]  --dialup-address IP  --dialup-prefix6 PREFIX  --dialup-pool "
		"NAME\n"
		"  --dialup-sessions N  --dialup-session-timeout S  --dialup-idle-timeout S\n"
		"  --dialup-up KBIT  --dialup-down KBIT  --dialup-address6 IP  --dialup-profile "
		"NAME\n"
		"  --dialup-attributes \"Filter-Id = x, ...\"  --dialup-hours Wk0800-1800,Sa\n"
		"  --dialup-calling NUMBER*,...  --dialup-called NUMBER*,...  --dialup-nas "
		"NAME,...\n"
		"  --dialup-expires DATE  --dialup-any-password[=no]\n\n"
		"ENTRY of contact: an address; of allow and block: an address or @domain.\n"
		"import: CSV (RFC 4180) with a first line of names: address, password, hash, and "
		"any option\n"
		"above; FILE - is standard input. All of it or nothing. --update changes users who "
		"exist.\n"
		"export: CSV of all; with --hashes the passwords' hashes too.\n\n"
		"example: printf '%s\\n' \"$PASSWORD\" | posta user add ana@demo.test "
		"--password-stdin --quota 1G\n",
	.run = run,
};
