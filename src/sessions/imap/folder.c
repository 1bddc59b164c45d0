#include "sessions/imap/internal.h"

WAITS err imap_trycreate(struct imap *s, err e)
{
	if (e == E_NOTFOUND)
		return imap_no(s, "[TRYCREATE] No such mailbox");
	return e;
}

static const struct {
	str name;
	enum folder_use use;
} uses[] = {
	{ S("\\Archive"), USE_ARCHIVE }, { S("\\Drafts"), USE_DRAFTS }, { S("\\Junk"), USE_JUNK },
	{ S("\\Sent"), USE_SENT },	 { S("\\Trash"), USE_TRASH },
};

/* " (USE (\Drafts))", RFC 6154 3. */
static err parse_use(struct imap_in *in, enum folder_use *use)
{
	str flag;

	TRY(imap_expect(in, '('));
	if (!imap_eat_word(in, STR("USE")))
		return fail(E_SYNTAX, "Unknown parameter");
	TRY(imap_expect(in, ' '));
	TRY(imap_expect(in, '('));
	if (!imap_eat(in, ')')) {
		TRY(imap_flag(in, &flag));
		for (size_t i = 0; i < COUNT(uses); i++)
			if (str_eqi(flag, uses[i].name))
				*use = uses[i].use;
		if (*use == USE_NONE || in->rest.n == 0 || in->rest.p[0] == ' ')
			return E_NOTFOUND; /* [USEATTR]: unknown here, or several of them */
		TRY(imap_expect(in, ')'));
	}
	return imap_expect(in, ')');
}

WAITS static err created(struct imap *s, str name)
{
	struct folder_info f;

	err e = box_folder(s->box, name, &s->cmd, &f);
	if (e == E_NOTFOUND)
		return imap_ok(s, "Created");
	TRY(e);
	return imap_ok(s, "[MAILBOXID (F%llx)] Created", (unsigned long long)f.id);
}

WAITS err imap_cmd_create(struct imap *s)
{
	enum folder_use use = USE_NONE;
	str name;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &name));
	if (imap_eat(&s->in, ' ')) {
		err e = parse_use(&s->in, &use);
		if (e == E_NOTFOUND)
			return imap_no(s, "[USEATTR] Unknown or several uses");
		TRY(e);
	}
	TRY(imap_expect_end(&s->in));
	/* RFC 9051 6.3.4: "name/" says that children will follow. */
	if (str_ends(name, STR("/")))
		name.n--;
	err e = box_folder_create(s->box, name, use);
	if (e == E_SYNTAX)
		return imap_no(s, "[CANNOT] %s", err_last()->text);
	TRY(e);
	return created(s, name);
}

WAITS err imap_cmd_delete(struct imap *s)
{
	str name;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &name));
	TRY(imap_expect_end(&s->in));
	TRY(box_folder_delete(s->box, name));
	return imap_ok(s, "Deleted");
}

WAITS err imap_cmd_rename(struct imap *s)
{
	str from, to;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &from));
	TRY(imap_expect(&s->in, ' '));
	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &to));
	TRY(imap_expect_end(&s->in));
	err e = box_folder_rename(s->box, from, to);
	if (e == E_SYNTAX)
		return imap_no(s, "[CANNOT] %s", err_last()->text);
	TRY(e);
	return imap_ok(s, "Renamed");
}

WAITS static err subscribe(struct imap *s, bool on)
{
	str name;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &name));
	TRY(imap_expect_end(&s->in));
	err e = box_subscribe(s->box, name, on);
	if (e == E_SYNTAX)
		return imap_no(s, "[CANNOT] %s", err_last()->text);
	TRY(e);
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_subscribe(struct imap *s)
{
	return subscribe(s, true);
}

WAITS err imap_cmd_unsubscribe(struct imap *s)
{
	return subscribe(s, false);
}
