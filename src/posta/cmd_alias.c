/* posta alias. */
#include "posta/cmd_directory.h"

#include "base/limits.h"

static int change(struct dircmd *c, int argc, char **argv, bool add)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 2, DIRCMD_WORDS);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = add ? directory_alias_add(c->d, c->words[0], c->words + 1, c->nwords - 1)
		    : directory_alias_set(c->d, c->words[0], c->words + 1, c->nwords - 1);

	return e ? dircmd_error(c, e)
		 : dircmd_done(c, "alias", c->words[0], add ? "added" : "changed");
}

static int add(struct dircmd *c, int argc, char **argv)
{
	return change(c, argc, argv, true);
}

static int set(struct dircmd *c, int argc, char **argv)
{
	return change(c, argc, argv, false);
}

static int drop(struct dircmd *c, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE);
	if (code)
		return code;
	err e = directory_alias_remove(c->d, c->words[0]);

	return e ? dircmd_error(c, e) : dircmd_done(c, "alias", c->words[0], "removed");
}

static void alias_json(str address, str targets, struct buf *out)
{
	str one;
	bool first = true;

	buf_add(out, STR("{\"alias\": "));
	cmd_json(out, address);
	buf_add(out, STR(", \"targets\": ["));
	while (str_next(&targets, ',', &one)) {
		buf_add(out, first ? STR("") : STR(", "));
		cmd_json(out, one);
		first = false;
	}
	buf_add(out, STR("]}"));
}

static err print_alias(void *arg, str address, str targets)
{
	struct dircmd_out *o = arg;

	if (o->c->env->json)
		alias_json(address, targets, &o->line);
	else
		buf_fmt(&o->line, "%-32.*s %.*s\n", STRF(address), STRF(targets));
	return dircmd_out_line(o);
}

static int list(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_out o;
	uint64_t domain;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 0, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	str within = c->nwords ? c->words[0] : STR("");
	err e = within.n ? directory_find(c->d, &dir_domain, within, &domain) : OK;

	if (e)
		return dircmd_error(c, e);
	dircmd_out_begin(&o, c);
	e = directory_alias_each(c->d, within, STR(""), print_alias, &o);
	return dircmd_out_end(&o, e);
}

static err show_alias(void *arg, str address, str targets)
{
	struct dircmd *c = arg;
	CLEANUP(buf_free) struct buf b = { 0 };
	str one;

	buf_init(&b, MIB(1));
	if (c->env->json) {
		alias_json(address, targets, &b);
		buf_addc(&b, '\n');
	} else {
		buf_fmt(&b, "alias  %.*s\n", STRF(address));
		while (str_next(&targets, ',', &one))
			buf_fmt(&b, "to     %.*s\n", STRF(one));
	}
	return cmd_print(&b) ? fail(E_IO, "standard output is closed") : OK;
}

static int show(struct dircmd *c, int argc, char **argv)
{
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_READ);
	if (code)
		return code;
	err e = directory_alias_each(c->d, STR(""), c->words[0], show_alias, c);

	return e ? dircmd_error(c, e) : CMD_OK;
}

static const struct dircmd_verb verbs[] = {
	{ "add", add }, { "list", list }, { "remove", drop }, { "set", set }, { "show", show },
};

static int run(struct cmd_env *env, int argc, char **argv)
{
	return dircmd_run(env, argc, argv, verbs, COUNT(verbs));
}

const struct cmd cmd_alias = {
	.name = "alias",
	.summary = "aliases and catch-alls: add, show, list, set, remove",
	.help = "usage: posta alias add|set ADDRESS TARGET...\n"
		"       posta alias show|remove ADDRESS\n"
		"       posta alias list [DOMAIN]\n\n"
		"ADDRESS is name@domain, or @domain for the catch-all: what no user or alias of "
		"the domain takes.\n"
		"A target is an address, here or elsewhere; one of a domain of ours must exist.\n"
		"set replaces all targets.\n\n"
		"example: posta alias add sales@demo.test ana@demo.test bruno@demo.test\n"
		"         posta alias add @demo.test ana@demo.test\n",
	.run = run,
};
