/* posta user contact, allow, block. */
#include "posta/cmd_directory.h"

static err list_entry(void *arg, str entry, str name)
{
	struct dircmd_out *o = arg;

	if (!o->c->env->json) {
		buf_fmt(&o->line, "%.*s%s%.*s\n", STRF(entry), name.n ? "  " : "", STRF(name));
		return dircmd_out_line(o);
	}
	buf_add(&o->line, STR("{\"entry\": "));
	cmd_json(&o->line, entry);
	buf_add(&o->line, STR(", \"name\": "));
	cmd_json(&o->line, name);
	buf_addc(&o->line, '}');
	return dircmd_out_line(o);
}

static int list(struct dircmd *c, uint64_t user, enum dir_list l)
{
	struct dircmd_out o;

	dircmd_out_begin(&o, c);
	err e = directory_list_each(c->d, user, l, list_entry, &o);

	return dircmd_out_end(&o, e);
}

static int change(struct dircmd *c, uint64_t user, enum dir_list l, bool add, const char *what)
{
	str entry = c->words[2], name = c->nwords > 3 ? c->words[3] : STR("");
	err e = add ? directory_list_add(c->d, user, l, entry, name)
		    : directory_list_remove(c->d, user, l, entry);

	return e ? dircmd_error(c, e) : dircmd_done(c, what, entry, add ? "added" : "removed");
}

static int run(struct dircmd *c, int argc, char **argv, enum dir_list l, const char *what)
{
	uint64_t user;
	int code = dircmd_parse(c, argc, argv, NULL, NULL, 2, l == DIR_LIST_CONTACT ? 4 : 3);

	if (code)
		return code;
	str verb = c->words[1];
	bool lists = str_eq(verb, STR("list")), adds = str_eq(verb, STR("add"));

	if (!lists && !adds && !str_eq(verb, STR("remove")))
		return cmd_usage(c->env, "%s ADDRESS add, list or remove?", what);
	if (!lists && c->nwords < 3)
		return cmd_usage(c->env, "%s %.*s: say whom", what, STRF(verb));
	code = dircmd_open(c, lists ? DIRCMD_READ : DIRCMD_WRITE);
	if (code)
		return code;
	err e = directory_find(c->d, &dir_user_kind, c->words[0], &user);

	if (e)
		return dircmd_error(c, e);
	return lists ? list(c, user, l) : change(c, user, l, adds, what);
}

int cmd_user_contact(struct dircmd *c, int argc, char **argv)
{
	return run(c, argc, argv, DIR_LIST_CONTACT, "contact");
}

int cmd_user_allow(struct dircmd *c, int argc, char **argv)
{
	return run(c, argc, argv, DIR_LIST_ALLOW, "allow");
}

int cmd_user_block(struct dircmd *c, int argc, char **argv)
{
	return run(c, argc, argv, DIR_LIST_BLOCK, "block");
}
