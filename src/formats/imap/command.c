#include "formats/imap/command.h"

#include "formats/imap/write.h"

static bool tag_char(char c)
{
	return imap_astring_char(c) && c != '+';
}

err imap_parse_command(struct imap_in *in, struct imap_command *out)
{
	size_t n = 0;

	*out = (struct imap_command){ .tag = STR(""), .name = STR("") };
	while (n < in->rest.n && n < LIM_IMAP_TAG && tag_char(in->rest.p[n]))
		n++;
	if (n == 0 || n == in->rest.n || in->rest.p[n] != ' ')
		return fail(E_SYNTAX, "Expected a tag and a command");
	out->tag = str_take(in->rest, n);
	in->rest = str_skip(in->rest, n + 1);
	if (imap_atom(in, &out->name))
		return fail(E_SYNTAX, "Expected a command");
	if (!str_eqi(out->name, STR("UID")))
		return OK;
	out->uid = true;
	TRY(imap_expect(in, ' '));
	return imap_atom(in, &out->name);
}

static err append_date(struct imap_in *in, struct imap_append *a)
{
	str s;

	if (!in->rest.n || in->rest.p[0] != '"')
		return OK;
	TRY(imap_string(in, &s));
	TRY(imap_parse_date_time(s, &a->date));
	/* 0 means "not given"; a message of that very second is filed a second later. */
	if (a->date == 0)
		a->date = 1;
	return imap_expect(in, ' ');
}

err imap_parse_append(struct imap_in *in, bool utf8, struct imap_append *out)
{
	struct imap_append a = { 0 };
	str line = in->rest;

	if (!imap_literal_at_end(line, &a.literal))
		return fail(E_SYNTAX, "Expected a literal");
	const char *end = line.p + a.literal.at;
	if (in->rest.p == end)
		return E_AGAIN;
	TRY(imap_mailbox(in, utf8, &a.mailbox));
	TRY(imap_expect(in, ' '));
	if (in->rest.n && in->rest.p[0] == '(') {
		TRY(imap_parse_flags(in, &a.flags));
		TRY(imap_expect(in, ' '));
	}
	TRY(append_date(in, &a));
	if (imap_eat_word(in, STR("UTF8"))) {
		TRY(imap_expect(in, ' '));
		TRY(imap_expect(in, '('));
		a.utf8 = true;
	}
	if (in->rest.p != end)
		return fail(E_SYNTAX, "Expected the message's literal");
	if (a.utf8 && !a.literal.binary)
		return fail(E_SYNTAX, "UTF8 needs a literal8");
	*out = a;
	return OK;
}

err imap_parse_id(struct imap_in *in, void (*fn)(void *arg, str name, str value), void *arg)
{
	str name, value;
	unsigned n = 0;

	if (imap_eat_word(in, STR("NIL")))
		return imap_expect_end(in);
	TRY(imap_expect(in, '('));
	if (imap_eat(in, ')'))
		return imap_expect_end(in);
	do {
		if (n++ == LIM_IMAP_ID)
			return fail(E_LIMIT, "More than %d ID fields", LIM_IMAP_ID);
		TRY(imap_string(in, &name));
		TRY(imap_expect(in, ' '));
		TRY(imap_nstring(in, &value));
		fn(arg, name, value.p ? value : STR(""));
	} while (imap_eat(in, ' '));
	TRY(imap_expect(in, ')'));
	return imap_expect_end(in);
}
