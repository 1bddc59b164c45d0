#include "formats/imap/fetch.h"

#include "formats/imap/write.h"

static const struct item {
	str name;
	unsigned bit;
} items[] = {
	{ S("UID"), IMAP_F_UID },
	{ S("FLAGS"), IMAP_F_FLAGS },
	{ S("INTERNALDATE"), IMAP_F_DATE },
	{ S("RFC822.SIZE"), IMAP_F_SIZE },
	{ S("ENVELOPE"), IMAP_F_ENVELOPE },
	{ S("BODY"), IMAP_F_BODY },
	{ S("BODYSTRUCTURE"), IMAP_F_BODYSTRUCTURE },
	{ S("MODSEQ"), IMAP_F_MODSEQ },
	{ S("EMAILID"), IMAP_F_EMAILID },
	{ S("THREADID"), IMAP_F_THREADID },
	{ S("SAVEDATE"), IMAP_F_SAVEDATE },
};

static const struct item macros[] = {
	{ S("ALL"), IMAP_F_FLAGS | IMAP_F_DATE | IMAP_F_SIZE | IMAP_F_ENVELOPE },
	{ S("FAST"), IMAP_F_FLAGS | IMAP_F_DATE | IMAP_F_SIZE },
	{ S("FULL"), IMAP_F_FLAGS | IMAP_F_DATE | IMAP_F_SIZE | IMAP_F_ENVELOPE | IMAP_F_BODY },
};

static const struct {
	str name;
	enum imap_section_kind kind;
	enum imap_section_what what;
	bool peek;
} section_names[] = {
	{ S("RFC822"), IMAP_RFC822, IMAP_S_ALL, false },
	{ S("RFC822.HEADER"), IMAP_RFC822, IMAP_S_HEADER, true },
	{ S("RFC822.TEXT"), IMAP_RFC822, IMAP_S_TEXT, false },
	{ S("BODY"), IMAP_BODY, IMAP_S_ALL, false },
	{ S("BODY.PEEK"), IMAP_BODY, IMAP_S_ALL, true },
	{ S("BINARY"), IMAP_BINARY, IMAP_S_ALL, false },
	{ S("BINARY.PEEK"), IMAP_BINARY, IMAP_S_ALL, true },
	{ S("BINARY.SIZE"), IMAP_BINARY_SIZE, IMAP_S_ALL, true },
};

static const struct {
	str name;
	enum imap_section_what what;
} texts[] = {
	{ S("HEADER"), IMAP_S_HEADER },
	{ S("HEADER.FIELDS"), IMAP_S_FIELDS },
	{ S("HEADER.FIELDS.NOT"), IMAP_S_FIELDS_NOT },
	{ S("TEXT"), IMAP_S_TEXT },
	{ S("MIME"), IMAP_S_MIME },
};

/* "(FROM "X-Y")" */
static err parse_fields(struct imap_in *in, struct imap_section *s)
{
	size_t cap = 0;

	TRY(imap_expect(in, ' '));
	TRY(imap_expect(in, '('));
	do {
		if (s->nfields == LIM_IMAP_FIELDS)
			return fail(E_LIMIT, "More than %d header fields", LIM_IMAP_FIELDS);
		if (s->nfields == cap) {
			str *v = NEW_TRY(in->a, str, cap = cap ? cap * 2 : 8);
			if (!v)
				return fail(E_LIMIT, "Command too large");
			for (size_t i = 0; i < s->nfields; i++)
				v[i] = s->fields[i];
			s->fields = v;
		}
		TRY(imap_astring(in, &s->fields[s->nfields++]));
	} while (imap_eat(in, ' '));
	return imap_expect(in, ')');
}

/* "1.2." in front of a word or of "]". */
static err parse_numbers(struct imap_in *in, struct imap_section *s)
{
	uint32_t v[LIM_MIME_DEPTH];
	uint64_t number;

	s->nnumbers = 0;
	while (in->rest.n && ch_digit(in->rest.p[0])) {
		if (s->nnumbers == COUNT(v))
			return fail(E_LIMIT, "Part number too deep");
		TRY(imap_number(in, UINT32_MAX, &number));
		if (number == 0)
			return fail(E_SYNTAX, "Part number zero");
		v[s->nnumbers++] = (uint32_t)number;
		if (!imap_eat(in, '.'))
			break;
		if (in->rest.n && in->rest.p[0] == ']')
			return fail(E_SYNTAX, "Expected a part number");
	}
	if (s->nnumbers == 0)
		return OK;
	s->numbers = NEW_TRY(in->a, uint32_t, s->nnumbers);
	if (!s->numbers)
		return fail(E_LIMIT, "Command too large");
	for (size_t i = 0; i < s->nnumbers; i++)
		s->numbers[i] = v[i];
	return OK;
}

static err parse_section_text(struct imap_in *in, struct imap_section *s)
{
	str word;

	TRY(imap_atom(in, &word));
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (!str_eqi(word, texts[i].name))
			continue;
		s->what = texts[i].what;
		if (s->what == IMAP_S_MIME && s->nnumbers == 0)
			return fail(E_SYNTAX, "MIME needs a part number");
		if (s->what == IMAP_S_FIELDS || s->what == IMAP_S_FIELDS_NOT)
			return parse_fields(in, s);
		return OK;
	}
	return fail(E_SYNTAX, "Unknown section");
}

static err parse_partial(struct imap_in *in, struct imap_section *s)
{
	if (!imap_eat(in, '<'))
		return OK;
	if (s->kind == IMAP_BINARY_SIZE)
		return fail(E_SYNTAX, "BINARY.SIZE has no partial");
	s->partial = true;
	TRY(imap_number(in, (uint64_t)INT64_MAX, &s->offset));
	TRY(imap_expect(in, '.'));
	TRY(imap_number(in, (uint64_t)INT64_MAX, &s->count));
	if (s->count == 0)
		return fail(E_SYNTAX, "Partial of zero octets");
	return imap_expect(in, '>');
}

/* Behind "[". */
static err parse_section(struct imap_in *in, struct imap_section *s)
{
	/* A part's number and its word are one atom: "1.HEADER"; parse_numbers stops at the word.
	 */
	TRY(parse_numbers(in, s));
	if (!imap_eat(in, ']')) {
		if (s->kind != IMAP_BODY)
			return fail(E_SYNTAX, "BINARY takes part numbers alone");
		TRY(parse_section_text(in, s));
		TRY(imap_expect(in, ']'));
	}
	return parse_partial(in, s);
}

static err add_section_named(struct imap_in *in, str name, bool bracket, struct imap_fetch *f)
{
	for (size_t i = 0; i < COUNT(section_names); i++) {
		if (!str_eqi(name, section_names[i].name) ||
		    bracket != (section_names[i].kind != IMAP_RFC822))
			continue;
		struct imap_section *s = NEW_TRY(in->a, struct imap_section, 1);
		if (!s)
			return fail(E_LIMIT, "Command too large");
		s->kind = section_names[i].kind;
		s->what = section_names[i].what;
		s->peek = section_names[i].peek;
		struct imap_section **last = &f->sections;
		while (*last)
			last = &(*last)->next;
		*last = s;
		if (!bracket)
			return OK;
		in->rest = str_skip(in->rest, 1);
		return parse_section(in, s);
	}
	return fail(E_SYNTAX, "Unknown FETCH item");
}

/* "[" is an atom-char of the ABNF; an item's name ends before it. */
static bool item_char(char c)
{
	return ch_alnum(c) || c == '.';
}

static err parse_item(struct imap_in *in, bool alone, struct imap_fetch *f)
{
	size_t n = 0;

	while (n < in->rest.n && item_char(in->rest.p[n]))
		n++;
	str name = str_take(in->rest, n);
	in->rest = str_skip(in->rest, n);
	bool bracket = in->rest.n && in->rest.p[0] == '[';
	if (!bracket) {
		for (size_t i = 0; i < COUNT(items); i++)
			if (str_eqi(name, items[i].name)) {
				f->items |= items[i].bit;
				return OK;
			}
		for (size_t i = 0; i < COUNT(macros) && alone; i++)
			if (str_eqi(name, macros[i].name)) {
				f->items |= macros[i].bit;
				return OK;
			}
	}
	return add_section_named(in, name, bracket, f);
}

/* " (CHANGEDSINCE 5)"; MODSEQ then comes with every response, RFC 7162 3.1.4.1. */
static err parse_modifiers(struct imap_in *in, struct imap_fetch *f)
{
	if (!imap_eat(in, ' '))
		return OK;
	TRY(imap_expect(in, '('));
	if (!imap_eat_word(in, STR("CHANGEDSINCE")))
		return fail(E_SYNTAX, "Unknown FETCH modifier");
	TRY(imap_expect(in, ' '));
	TRY(imap_number(in, (uint64_t)INT64_MAX, &f->since));
	f->has_since = true;
	f->items |= IMAP_F_MODSEQ;
	return imap_expect(in, ')');
}

err imap_parse_fetch(struct imap_in *in, struct imap_fetch *out)
{
	struct imap_fetch f = { 0 };
	unsigned n = 0;

	if (imap_eat(in, '(')) {
		do {
			if (n++ == LIM_IMAP_ITEMS)
				return fail(E_LIMIT, "More than %d FETCH items", LIM_IMAP_ITEMS);
			TRY(parse_item(in, false, &f));
		} while (imap_eat(in, ' '));
		TRY(imap_expect(in, ')'));
	} else {
		TRY(parse_item(in, true, &f));
	}
	TRY(parse_modifiers(in, &f));
	TRY(imap_expect_end(in));
	*out = f;
	return OK;
}

static void add_brackets(struct buf *out, const struct imap_section *s, bool utf8)
{
	static const str words[] = {
		S(""), S("HEADER"), S("HEADER.FIELDS"), S("HEADER.FIELDS.NOT"), S("TEXT"), S("MIME")
	};

	buf_addc(out, '[');
	for (size_t i = 0; i < s->nnumbers; i++)
		buf_fmt(out, i ? ".%u" : "%u", s->numbers[i]);
	if (s->nnumbers && s->what != IMAP_S_ALL)
		buf_addc(out, '.');
	buf_add(out, words[s->what]);
	for (size_t i = 0; i < s->nfields; i++) {
		buf_add(out, i ? STR(" ") : STR(" ("));
		imap_put_astring(out, s->fields[i], utf8);
	}
	buf_add(out, s->nfields ? STR(")]") : STR("]"));
}

static void add_name(struct buf *out, const struct imap_section *s, bool request, bool utf8)
{
	static const str names[] = { S("BODY"), S("BINARY"), S("BINARY.SIZE"), S("RFC822") };

	buf_add(out, names[s->kind]);
	if (s->kind == IMAP_RFC822) {
		if (s->what == IMAP_S_HEADER)
			buf_add(out, STR(".HEADER"));
		if (s->what == IMAP_S_TEXT)
			buf_add(out, STR(".TEXT"));
		return;
	}
	if (request && s->peek && s->kind != IMAP_BINARY_SIZE)
		buf_add(out, STR(".PEEK"));
	add_brackets(out, s, utf8);
	if (s->partial && request)
		buf_fmt(out, "<%llu.%llu>", (unsigned long long)s->offset,
			(unsigned long long)s->count);
	else if (s->partial)
		buf_fmt(out, "<%llu>", (unsigned long long)s->offset);
}

void imap_add_section(struct buf *out, const struct imap_section *s, bool utf8)
{
	add_name(out, s, false, utf8);
}

void imap_add_fetch(struct buf *out, const struct imap_fetch *f)
{
	const char *sep = "";

	buf_addc(out, '(');
	for (size_t i = 0; i < COUNT(items); i++) {
		if (!(f->items & items[i].bit))
			continue;
		buf_fmt(out, "%s%.*s", sep, STRF(items[i].name));
		sep = " ";
	}
	for (const struct imap_section *s = f->sections; s; s = s->next) {
		buf_add(out, str_z(sep));
		add_name(out, s, true, false);
		sep = " ";
	}
	buf_addc(out, ')');
	if (f->has_since)
		buf_fmt(out, " (CHANGEDSINCE %llu)", (unsigned long long)f->since);
}
