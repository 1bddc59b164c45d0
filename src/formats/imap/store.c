#include "formats/imap/store.h"

static const struct {
	str name;
	unsigned bit;
} system_flags[] = {
	{ S("\\Seen"), IMAP_SEEN },	  { S("\\Answered"), IMAP_ANSWERED },
	{ S("\\Flagged"), IMAP_FLAGGED }, { S("\\Deleted"), IMAP_DELETED },
	{ S("\\Draft"), IMAP_DRAFT },	  { S("\\Recent"), IMAP_RECENT },
};

static err add_keyword(struct imap_in *in, str name, struct imap_flags *f)
{
	if (name.n > LIM_KEYWORD)
		return fail(E_LIMIT, "Keyword over %d octets", LIM_KEYWORD);
	for (size_t i = 0; i < f->nkeywords; i++)
		if (str_eqi(f->keywords[i], name))
			return OK;
	if (f->nkeywords == LIM_KEYWORDS)
		return fail(E_LIMIT, "More than %d keywords", LIM_KEYWORDS);
	if (!f->keywords)
		f->keywords = NEW_TRY(in->a, str, LIM_KEYWORDS);
	if (!f->keywords)
		return fail(E_LIMIT, "Command too large");
	f->keywords[f->nkeywords++] = name;
	return OK;
}

static err parse_flag(struct imap_in *in, struct imap_flags *f)
{
	str name;

	TRY(imap_flag(in, &name));
	if (name.p[0] != '\\')
		return add_keyword(in, name, f);
	for (size_t i = 0; i < COUNT(system_flags); i++)
		if (str_eqi(name, system_flags[i].name)) {
			f->system |= system_flags[i].bit;
			return OK;
		}
	return fail(E_SYNTAX, "Unknown system flag");
}

err imap_parse_flags(struct imap_in *in, struct imap_flags *out)
{
	struct imap_flags f = { 0 };

	TRY(imap_expect(in, '('));
	if (!imap_eat(in, ')')) {
		do
			TRY(parse_flag(in, &f));
		while (imap_eat(in, ' '));
		TRY(imap_expect(in, ')'));
	}
	*out = f;
	return OK;
}

static err parse_modifier(struct imap_in *in, struct imap_store *s)
{
	if (!imap_eat(in, '('))
		return OK;
	if (!imap_eat_word(in, STR("UNCHANGEDSINCE")))
		return fail(E_SYNTAX, "Unknown STORE modifier");
	TRY(imap_expect(in, ' '));
	TRY(imap_number(in, (uint64_t)INT64_MAX, &s->since));
	s->has_since = true;
	TRY(imap_expect(in, ')'));
	return imap_expect(in, ' ');
}

err imap_parse_store(struct imap_in *in, struct imap_store *out)
{
	struct imap_store s = { 0 };

	TRY(parse_modifier(in, &s));
	if (imap_eat(in, '+'))
		s.op = IMAP_STORE_ADD;
	else if (imap_eat(in, '-'))
		s.op = IMAP_STORE_REMOVE;
	if (imap_eat_word(in, STR("FLAGS.SILENT")))
		s.silent = true;
	else if (!imap_eat_word(in, STR("FLAGS")))
		return fail(E_SYNTAX, "Expected FLAGS");
	TRY(imap_expect(in, ' '));
	if (in->rest.n && in->rest.p[0] == '(') {
		TRY(imap_parse_flags(in, &s.flags));
	} else {
		do
			TRY(parse_flag(in, &s.flags));
		while (imap_eat(in, ' '));
	}
	TRY(imap_expect_end(in));
	*out = s;
	return OK;
}
