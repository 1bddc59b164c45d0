/* posta domain. */
#include "posta/cmd_domain.h"

#include "base/limits.h"

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

static err drop_all(struct dircmd *c)
{
	char space[LIM_SMTP_DOMAIN + 1];
	str domain;

	TRY(dir_domain_parse(c->words[0], space, &domain));
	TRY(directory_remove(c->d, &dir_domain, domain));
	return cmd_domain_forget_keys(c, domain);
}

static int drop(struct dircmd *c, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);
	if (code)
		return code;
	err e = drop_all(c);

	return e ? dircmd_error(c, e) : dircmd_done(c, "domain", c->words[0], "removed");
}

static const struct dircmd_verb verbs[] = {
	{ "add", add },	  { "dkim", cmd_domain_dkim }, { "dns", cmd_domain_dns },
	{ "list", list }, { "remove", drop },	       { "set", set },
	{ "show", show },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	return dircmd_run(env, argc, argv, verbs, COUNT(verbs));
}

const struct cmd cmd_domain = {
	.name = "domain",
	.summary = "domains: add, show, list, set, remove, dns, dkim",
	.help = "usage: posta domain add|set DOMAIN [OPTION VALUE]...\n"
		"       posta domain show|remove DOMAIN\n"
		"       posta domain list [TENANT]\n"
		"       posta domain dns DOMAIN [--check] [--resolver ADDRESS:PORT]\n"
		"       posta domain dkim DOMAIN [--list]\n"
		"       posta domain dkim DOMAIN --add [--rsa|--ed25519] [--selector NAME]\n"
		"       posta domain dkim DOMAIN --remove SELECTOR\n"
		"       posta domain dkim [DOMAIN] --rotate [--now] [--lifetime DAYS] [--wait "
		"DAYS] "
		"[--keep DAYS] [--served] [--log]\n\n"
		"  --tenant TENANT      the reseller it belongs to, \"\" for none\n"
		"  --alias-of DOMAIN    every address of it is the same one of DOMAIN\n"
		"  --quota SIZE         quota that new users get (300M)\n"
		"  --disabled[=no]      no login and no mail\n"
		"  --sign[=no]          its mail is signed with its DKIM keys (yes)\n"
		"  --spam-level LEVEL, --spam-above WHAT, --digest WHAT   as of users: what they "
		"say by default\n\n"
		"A domain that still has users or aliases is not removed.\n"
		"dns prints what belongs into the domain's zone, for somebody else's name server; "
		"a "
		"zone of\nours (posta zone) has it by itself. --check asks what is published: OK, "
		"missing, differs;\nexit code 1 when something does. dkim makes key pairs, RSA and "
		"Ed25519 unless one is named.\nKeys of domains in zones of ours take turns by "
		"themselves (dkim of posta.conf). --rotate does\nwhat is due, of all domains "
		"unless one is named: a key as old as --lifetime gets a successor, which\nis "
		"published and signs after --wait; the one before stays published for --keep and "
		"is revoked.\n--now: a successor at once; --served: only domains in zones of "
		"ours; --log: as log lines.\n\n"
		"example: posta domain add demo.test --quota 1G\n",
	.run = run,
};
