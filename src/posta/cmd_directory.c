#include "posta/cmd_directory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "posta/config.h"
#include "posta/mail_dns.h"

/* ---- the command line ---- */

struct dircmd_option *dircmd_given(struct dircmd *c, const char *name)
{
	for (struct dircmd_option *o = c->options; o && o->name; o++)
		if (o->given && str_eq(str_z(o->name), str_z(name)))
			return o;
	return NULL;
}

static bool is_yes_or_no(const char *arg)
{
	static const str words[] = { S("yes"), S("no"), S("true"), S("false"), S("on"), S("off") };

	for (size_t i = 0; arg && i < COUNT(words); i++)
		if (str_eqi(str_z(arg), words[i]))
			return true;
	return false;
}

/* The value behind an option: "=x" in the same word, else the next word. */
static bool take_value(str *name, str *value, int *at, int argc, char **argv)
{
	if (str_cut(*name, '=', name, value))
		return true;
	if (*at + 1 >= argc)
		return false;
	*value = str_z(argv[++*at]);
	return true;
}

static int take_field(struct dircmd *c, const struct dir_field *f, str value)
{
	for (size_t i = 0; i < c->nsets; i++)
		if (c->sets[i].field == f)
			return cmd_usage(c->env, "--%s is given twice", f->name);
	c->sets[c->nsets++] = (struct dir_set){ f, value };
	return CMD_OK;
}

static int take_option(struct dircmd *c, const struct dir_kind *kind, int *at, int argc,
		       char **argv)
{
	str arg = str_z(argv[*at]), name = arg, value = STR(""), ignored;

	(void)str_cut(arg, '=', &name, &ignored);
	for (struct dircmd_option *o = c->options; o && o->name; o++) {
		if (!str_eq(name, str_z(o->name)))
			continue;
		o->given = true;
		name = arg;
		if (o->takes && !take_value(&name, &o->value, at, argc, argv))
			return cmd_usage(c->env, "%s lacks its value", o->name);
		return CMD_OK;
	}
	const struct dir_field *f = kind ? dir_field_find(kind, str_skip(name, 2)) : NULL;

	if (!f)
		return cmd_usage(c->env, "there is no option %.*s here", STRF(name));
	bool boolean = f->type == DIR_BOOL || f->type == DIR_FLAG;

	if (boolean && name.n == arg.n && !is_yes_or_no(*at + 1 < argc ? argv[*at + 1] : NULL))
		return take_field(c, f, STR("yes"));
	name = arg;
	if (!take_value(&name, &value, at, argc, argv))
		return cmd_usage(c->env, "--%s lacks its value", f->name);
	return take_field(c, f, value);
}

int dircmd_parse(struct dircmd *c, int argc, char **argv, const struct dir_kind *kind,
		 struct dircmd_option *options, size_t least, size_t most)
{
	bool only_words = false;

	c->verb = argv[0];
	c->options = options;
	for (int i = 1; i < argc; i++) {
		str arg = str_z(argv[i]);
		int code = CMD_OK;

		if (!only_words && str_eq(arg, STR("--")))
			only_words = true;
		else if (!only_words && str_starts(arg, STR("--")))
			code = take_option(c, kind, &i, argc, argv);
		else if (c->nwords < most && c->nwords < DIRCMD_WORDS)
			c->words[c->nwords++] = arg;
		else
			code = cmd_usage(c->env, "%s does not take \"%s\"", c->verb, argv[i]);
		if (code)
			return code;
	}
	return c->nwords >= least ? CMD_OK : cmd_usage(c->env, "%s needs more to work on", c->verb);
}

int dircmd_run(struct cmd_env *env, int argc, char **argv, const struct dircmd_verb *verbs,
	       size_t n)
{
	for (size_t i = 0; argc > 1 && i < n; i++) {
		if (!str_eq(str_z(verbs[i].name), str_z(argv[1])))
			continue;
		struct dircmd *c = NEW(env->arena, struct dircmd);

		c->env = env;
		int code = verbs[i].run(c, argc - 1, argv + 1);

		dircmd_close(c);
		return code;
	}
	if (argc > 1)
		return cmd_usage(env, "there is no \"%s %s\"", env->cmd->name, argv[1]);
	return cmd_usage(env, "say what to do");
}

/* ---- the databases ---- */

int dircmd_error(struct dircmd *c, err e)
{
	const struct fault *f = err_last();

	if (e == E_AGAIN)
		return cmd_failed(c->env, "the directory is in use by another command: %s",
				  f->text);
	if (e == f->code && f->text[0])
		return cmd_failed(c->env, "%s", f->text);
	return cmd_failed(c->env, "%s", err_name(e));
}

/* The supervisor gives them their groups when it starts; until then they are the caller's alone. */
static int make_folders(struct dircmd *c)
{
	const struct folder {
		const char *path, *below;
		mode_t mode;
	} folders[] = {
		{ c->env->data, "", 0755 },
		{ c->env->data, "/directory", 0750 },
		{ c->env->data, "/secrets", 0700 },
		{ c->env->data, "/zonekeys", 0700 },
	};

	for (size_t i = 0; i < COUNT(folders); i++) {
		const char *path =
			arena_fmt(c->env->arena, "%s%s%c", folders[i].path, folders[i].below, 0).p;

		if (!path || (mkdir(path, folders[i].mode) != 0 && errno != EEXIST))
			return cmd_failed(c->env, "%s: %s", path ? path : "the data folder",
					  strerrordesc_np(errno));
	}
	return CMD_OK;
}

static int open_failed(struct dircmd *c, err e, const char *path)
{
	struct stat st;

	if (e == E_NOTFOUND && stat(path, &st) != 0 && errno == ENOENT)
		return cmd_failed(c->env,
				  "there is no directory yet; begin with: posta domain add DOMAIN");
	if (e == E_DENIED || e == E_NOTFOUND)
		return cmd_failed(c->env, "%s: not allowed; try as root", path);
	return dircmd_error(c, e);
}

int dircmd_open(struct dircmd *c, unsigned how)
{
	int code = cmd_load(c->env);

	if (!code && how & DIRCMD_WRITE)
		code = make_folders(c);
	if (code)
		return code;
	const struct config *conf = c->env->config;
	err e = directory_open(conf->directory, how & DIRCMD_WRITE, &c->d);

	if (e)
		return open_failed(c, e, conf->directory);
	if (how & DIRCMD_WRITE) /* what changes now may be seen in the DNS */
		e = mail_dns_publish(c->d, conf);
	if (e)
		return dircmd_error(c, e);
	if (how & DIRCMD_SECRETS)
		e = secrets_open(conf->secrets, conf->secret_key, true, &c->s);
	if (e)
		return open_failed(c, e, conf->secrets);
	if (how & DIRCMD_ZONE_KEYS)
		e = secrets_open(conf->zone_keys, conf->zone_key, true, &c->zone_keys);
	return e ? open_failed(c, e, conf->zone_keys) : CMD_OK;
}

void dircmd_close(struct dircmd *c)
{
	directory_close(c->d);
	secrets_close(c->s);
	secrets_close(c->zone_keys);
	c->d = NULL;
	c->s = NULL;
	c->zone_keys = NULL;
}

/* ---- results ---- */

int dircmd_done(struct dircmd *c, const char *kind, str name, const char *what)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(8));
	if (c->env->json) {
		buf_fmt(&b, "{\"%s\": ", kind);
		cmd_json(&b, name);
		buf_fmt(&b, ", \"done\": \"%s\"}\n", what);
	} else {
		buf_fmt(&b, "%s %.*s %s\n", kind, STRF(name), what);
	}
	return cmd_print(&b);
}

void dircmd_out_begin(struct dircmd_out *o, struct dircmd *c)
{
	*o = (struct dircmd_out){ .c = c };
	buf_init(&o->line, MIB(2));
	if (c->env->json)
		fputs("[", stdout);
}

err dircmd_out_line(struct dircmd_out *o)
{
	TRY(buf_done(&o->line));
	if (o->c->env->json)
		fputs(o->n ? ",\n " : "\n ", stdout);
	bool ok = fwrite(o->line.p, 1, o->line.n, stdout) == o->line.n;

	o->n++;
	buf_reset(&o->line);
	return ok ? OK : fail(E_IO, "standard output: %s", strerrordesc_np(errno));
}

int dircmd_out_end(struct dircmd_out *o, err e)
{
	buf_free(&o->line);
	if (o->c->env->json)
		fputs(o->n ? "\n]\n" : "]\n", stdout);
	if (fflush(stdout) != 0 && !e)
		e = fail(E_IO, "standard output: %s", strerrordesc_np(errno));
	return e ? dircmd_error(o->c, e) : CMD_OK;
}
