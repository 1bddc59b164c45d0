/* posta user add, password, app-password: what touches both databases. The directory's transaction
 * encloses the other one's: if the inner commit fails nothing was done, and if the outer one does,
 * the secrets of a number that no user has are cleared when that number is given. */
#include <stdio.h>

#include "base/date.h"
#include "base/mem.h"
#include "posta/cmd_password.h"

static err add_both(struct dircmd *c, const struct cmd_password *p)
{
	uint64_t id;

	TRY(directory_add(c->d, &dir_user_kind, c->words[0], c->sets, c->nsets, &id));
	TRY(secrets_begin(c->s));
	TRY(secrets_remove(c->s, id));
	if (p->has)
		TRY(cmd_password_put(c, id, p, false));
	TRY(secrets_commit(c->s));
	return directory_commit(c->d);
}

int cmd_user_add(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { CMD_PASSWORD_OPTIONS, { NULL } };
	struct cmd_password p;
	int code = dircmd_parse(c, argc, argv, &dir_user_kind, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);
	if (!code)
		code = cmd_password_get(c, true, &p);
	if (code)
		return code;
	err e = directory_begin(c->d);

	if (!e)
		e = add_both(c, &p);
	bool none = !p.has;

	mem_wipe(&p, sizeof(p));
	if (e)
		return dircmd_error(c, e);
	return dircmd_done(c, "user", c->words[0], none ? "added, without a password" : "added");
}

/* ---- password ---- */

static err set_password(struct dircmd *c, const struct cmd_password *p)
{
	struct secret was;
	uint64_t id;

	TRY(directory_find(c->d, &dir_user_kind, c->words[0], &id));
	TRY(secrets_begin(c->s));
	TRY(secrets_get(c->s, id, &was));
	TRY(p->has ? cmd_password_put(c, id, p, was.has_chap) : secrets_remove(c->s, id));
	TRY(directory_note(c->d, "password", id));
	TRY(secrets_commit(c->s));
	return directory_commit(c->d);
}

int cmd_user_password(struct dircmd *c, int argc, char **argv)
{
	struct dircmd_option options[] = { CMD_PASSWORD_OPTIONS, { "--remove" }, { NULL } };
	struct cmd_password p = { 0 };
	uint64_t id;
	int code = dircmd_parse(c, argc, argv, NULL, options, 1, 1);

	if (!code)
		code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);
	if (code)
		return code;
	err e = directory_find(c->d, &dir_user_kind, c->words[0], &id); /* before anybody types */

	if (e)
		return dircmd_error(c, e);
	bool drop = dircmd_given(c, "--remove") != NULL;

	if (!drop)
		code = cmd_password_get(c, true, &p);
	if (!code && !drop && !p.has)
		code = cmd_usage(c->env, "give a password: --password-stdin, --hash, or --remove");
	if (code)
		return code;
	e = directory_begin(c->d);
	if (!e)
		e = set_password(c, &p);
	mem_wipe(&p, sizeof(p));
	return e ? dircmd_error(c, e)
		 : dircmd_done(c, "user", c->words[0],
			       drop ? "has no password now" : "has a new password");
}

/* ---- app-password ---- */

struct app {
	struct dircmd *c;
	uint64_t id;
	str verb, label, service;
	char password[32], hash[PASSWORD_HASH];
};

static err list_app(void *arg, str label, str service, str hash, int64_t created)
{
	struct dircmd_out *o = arg;

	(void)hash;
	if (o->c->env->json) {
		buf_add(&o->line, STR("{\"label\": "));
		cmd_json(&o->line, label);
		buf_add(&o->line, STR(", \"service\": "));
		cmd_json(&o->line, service);
		buf_add(&o->line, STR(", \"created\": \""));
		date_add_iso(&o->line, created);
		buf_add(&o->line, STR("\"}"));
	} else {
		buf_fmt(&o->line, "%-24.*s %-10.*s ", STRF(label),
			STRF(service.n ? service : STR("any")));
		date_add_iso(&o->line, created);
		buf_addc(&o->line, '\n');
	}
	return dircmd_out_line(o);
}

static err change_app(struct app *a)
{
	if (str_eq(a->verb, STR("add"))) {
		TRY(password_app(a->password, a->hash));
		TRY(secrets_app_add(a->c->s, a->id, a->label, a->service, str_z(a->hash)));
	} else {
		TRY(secrets_app_remove(a->c->s, a->id, a->label));
	}
	TRY(directory_note(a->c->d, "password", a->id));
	TRY(secrets_commit(a->c->s));
	return directory_commit(a->c->d);
}

static int run_change(struct app *a)
{
	err e = directory_begin(a->c->d);

	if (!e)
		e = secrets_begin(a->c->s);
	if (!e)
		e = change_app(a);
	if (e)
		return dircmd_error(a->c, e);
	if (!a->password[0])
		return dircmd_done(a->c, "app-password", a->label, "removed");
	/* Shown once: only its hash is kept. */
	if (a->c->env->json)
		printf("{\"app-password\": \"%s\"}\n", a->password);
	else
		printf("%s\n", a->password);
	return CMD_OK;
}

int cmd_user_app(struct dircmd *c, int argc, char **argv)
{
	static const str services[] = { S(""),	   S("imap"),  S("pop3"),
					S("smtp"), S("sieve"), S("http") };
	struct app a = { .c = c };
	struct dircmd_out o;
	bool known = false;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 2, 4);

	if (code)
		return code;
	a.verb = c->words[1];
	a.label = c->nwords > 2 ? c->words[2] : STR("");
	a.service = c->nwords > 3 ? c->words[3] : STR("");
	bool list = str_eq(a.verb, STR("list"));

	for (size_t i = 0; i < COUNT(services); i++)
		known |= str_eq(a.service, services[i]);
	if (!list && !str_eq(a.verb, STR("add")) && !str_eq(a.verb, STR("remove")))
		return cmd_usage(c->env, "app-password: add, list or remove?");
	if (!list && (!a.label.n || a.label.n > 64))
		return cmd_usage(c->env, "app-password: give it a label of at most 64 octets");
	if (!known)
		return cmd_usage(c->env,
				 "app-password: the service is imap, pop3, smtp, sieve or http");
	code = dircmd_open(c, DIRCMD_WRITE | DIRCMD_SECRETS);
	if (code)
		return code;
	err e = directory_find(c->d, &dir_user_kind, c->words[0], &a.id);

	if (e)
		return dircmd_error(c, e);
	if (!list)
		return run_change(&a);
	dircmd_out_begin(&o, c);
	e = secrets_app_each(c->s, a.id, list_app, &o);
	return dircmd_out_end(&o, e);
}
