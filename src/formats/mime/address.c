#include "formats/mime/header.h"
#include "formats/mime/lex.h"

#define SPECIALS "<>@,:;\"(" /* all else is taken for a word: brackets and 8 bit occur in names */

/* A field with addresses while it is read. A piece of text before '<', '@', ':' or ',' may become a
 * name, a local part or a group, so both readings are kept until it is known. */
struct addresses {
	struct arena *a;
	str in;
	struct mime_address *first, **end;
	unsigned n;
	bool group;
	struct buf name, local, domain, comment, scratch;
	unsigned words; /* in name */
	bool spaced;	/* local has words that no dot joins */
	bool quoted;	/* one of them was in quotes */
	bool bad;
};

static void addresses_free(struct addresses *s)
{
	buf_free(&s->name);
	buf_free(&s->local);
	buf_free(&s->domain);
	buf_free(&s->comment);
	buf_free(&s->scratch);
}

static str keep(struct addresses *s, str text)
{
	return arena_dup(s->a, text);
}

/* NULL at a limit: the rest of the field is dropped. */
static struct mime_address *add(struct addresses *s, enum mime_address_kind kind)
{
	struct mime_address *m = NULL;

	if (s->n < LIM_MIME_ADDRESSES)
		m = NEW_TRY(s->a, struct mime_address, 1);
	if (!m) {
		s->in = STR("");
		return NULL;
	}
	s->n++;
	m->kind = kind;
	*s->end = m;
	s->end = &m->next;
	return m;
}

static void cfws(struct addresses *s)
{
	if (!mime_skip_cfws(&s->in, &s->comment))
		s->bad = true;
}

static bool at_end(const struct addresses *s)
{
	return !s->in.n || s->in.p[0] == ',' || (s->in.p[0] == ';' && s->group);
}

/* RFC 5322 4.4: "a . b" is a local part too. */
static void local_word(struct addresses *s, str word)
{
	str have = buf_str(&s->local);

	if (have.n && !str_ends(have, STR(".")) && !str_starts(word, STR("."))) {
		buf_addc(&s->local, ' ');
		s->spaced = true;
	}
	buf_add(&s->local, word);
}

static void name_word(struct addresses *s, str word)
{
	if (s->words++)
		buf_addc(&s->name, ' ');
	buf_add(&s->name, word);
}

/* Words up to the next special, for the local part and, if named, the name; true when there was
 * one. */
static bool take_words(struct addresses *s, bool named)
{
	bool any = false;

	for (;;) {
		cfws(s);
		if (mime_peek(s->in) == '"') {
			buf_reset(&s->scratch);
			if (!mime_quoted(&s->in, &s->scratch))
				s->bad = true;
			s->quoted = true;
			local_word(s, buf_str(&s->scratch));
			if (named)
				name_word(s, buf_str(&s->scratch));
		} else {
			str word = mime_run(&s->in, STR(SPECIALS));

			if (!word.n)
				return any;
			local_word(s, word);
			if (named)
				name_word(s, word);
		}
		any = true;
	}
}

/* RFC 5322 3.4.1: a literal may hold colons. word begins with its '['; *in stands behind word. */
static str whole_literal(struct addresses *s, str word)
{
	str start = str_of(word.p, word.n + s->in.n);
	size_t n = str_find(start, ']');

	if (n == start.n || str_find(str_take(start, n), '\n') < n)
		return word;
	s->in = str_skip(start, n + 1);
	return str_take(start, n + 1);
}

static bool joins(str have, str word)
{
	return !have.n || str_ends(have, STR(".")) || str_ends(have, STR("@")) ||
	       str_starts(word, STR("."));
}

/* Adds to domain: domain or literal, white space and comments inside left out. False: other words
 * behind. */
static bool domain_words(struct addresses *s)
{
	bool good = true;

	for (;;) {
		cfws(s);
		str word = mime_run(&s->in, STR(SPECIALS));

		if (word.n && word.p[0] == '[' && !str_ends(word, STR("]")))
			word = whole_literal(s, word);
		if (!word.n) {
			s->bad = s->bad || !good;
			return good;
		}
		good = good && joins(buf_str(&s->domain), word);
		if (good)
			buf_add(&s->domain, word);
	}
}

static void take_host(struct addresses *s)
{
	buf_reset(&s->domain);
	(void)domain_words(s);
}

/* Behind the '@' of an address. "a@b@c" has the domain "b@c": nobody takes it for b's, or for c's.
 */
static void take_domain(struct addresses *s)
{
	buf_reset(&s->domain);
	while (domain_words(s) && mime_peek(s->in) == '@') {
		s->in = str_skip(s->in, 1);
		s->bad = true;
		buf_addc(&s->domain, '@');
	}
}

static void emit(struct addresses *s, bool has_name, bool has_local, str route)
{
	struct mime_address *m = add(s, MIME_MAILBOX);

	if (!m)
		return;
	if (has_name && s->name.n)
		m->name = keep(s, buf_str(&s->name));
	else if (s->comment.n)
		m->name = keep(s, str_trim(buf_str(&s->comment)));
	if (m->name.p && !m->name.n)
		m->name = (str){ NULL, 0 };
	m->route = route;
	if (has_local)
		m->mailbox = keep(s, buf_str(&s->local));
	if (s->domain.n)
		m->domain = keep(s, buf_str(&s->domain));
	m->bad = s->bad || (has_local && s->spaced) || !has_local || !s->domain.n;
}

/* Up to the next ',' (or ';' in a group), at which *in then stands. */
static void drop_rest(struct addresses *s)
{
	while (!at_end(s)) {
		if (mime_peek(s->in) == '"') {
			buf_reset(&s->scratch);
			(void)mime_quoted(&s->in, &s->scratch);
			s->bad = true;
		} else if (mime_peek(s->in) == '(' || mime_ws(s->in.p[0])) {
			cfws(s);
		} else {
			s->in = str_skip(s->in, 1);
			s->bad = true;
		}
	}
}

/* RFC 5322 4.4: "@a,@b:" before the address. */
static str take_route(struct addresses *s)
{
	CLEANUP(buf_free) struct buf route;

	buf_init(&route, LIM_MIME_HEADER);
	while (mime_peek(s->in) == '@' || mime_peek(s->in) == ',') {
		bool host = s->in.p[0] == '@';

		s->in = str_skip(s->in, 1);
		if (!host) {
			cfws(s);
			continue;
		}
		if (route.n)
			buf_addc(&route, ',');
		buf_addc(&route, '@');
		take_host(s);
		buf_add(&route, buf_str(&s->domain));
	}
	buf_reset(&s->domain);
	if (mime_peek(s->in) == ':')
		s->in = str_skip(s->in, 1);
	else
		s->bad = true;
	return keep(s, buf_str(&route));
}

/* *in stands at '<'; name holds what came before. */
static void take_angle(struct addresses *s)
{
	str route = { NULL, 0 };
	bool local;

	buf_reset(&s->local);
	buf_reset(&s->domain);
	s->in = str_skip(s->in, 1);
	cfws(s);
	if (mime_peek(s->in) == '@')
		route = take_route(s);
	s->spaced = false;
	local = take_words(s, false);
	if (mime_peek(s->in) == '@') {
		s->in = str_skip(s->in, 1);
		take_domain(s);
	}
	if (mime_peek(s->in) == '>')
		s->in = str_skip(s->in, 1);
	else
		s->bad = true;
	drop_rest(s);
	emit(s, s->words > 0, local, route);
}

/* *in stands at '@'; local holds what came before. "a@b <c@d>" makes a name of it. */
static void take_addr_spec(struct addresses *s, bool local)
{
	s->in = str_skip(s->in, 1);
	take_domain(s);
	if (mime_peek(s->in) == '<') {
		buf_reset(&s->name);
		buf_add(&s->name, buf_str(&s->local));
		buf_addc(&s->name, '@');
		buf_add(&s->name, buf_str(&s->domain));
		s->words = 1;
		s->bad = false;
		take_angle(s);
		return;
	}
	drop_rest(s);
	emit(s, false, local, (str){ NULL, 0 });
}

/* Words and nothing else: a plain one is a mailbox without a domain, anything else is a name. */
static void take_bare(struct addresses *s)
{
	bool local = s->words == 1 && !s->quoted && str_ascii(buf_str(&s->local));

	drop_rest(s);
	emit(s, !local, local, (str){ NULL, 0 });
}

static void group_start(struct addresses *s)
{
	struct mime_address *m = add(s, MIME_GROUP_START);

	s->in = str_skip(s->in, 1);
	s->group = true;
	if (m)
		m->name = keep(s, buf_str(&s->name));
}

static void group_end(struct addresses *s)
{
	s->group = false;
	(void)add(s, MIME_GROUP_END);
}

static void take_one(struct addresses *s)
{
	buf_reset(&s->name);
	buf_reset(&s->local);
	buf_reset(&s->domain);
	buf_reset(&s->comment);
	s->words = 0;
	s->bad = s->spaced = s->quoted = false;
	bool any = take_words(s, true);

	/* A colon that opens no group (inside one, or without a name) is a part of the name. */
	while (mime_peek(s->in) == ':' && (s->group || !any)) {
		s->in = str_skip(s->in, 1);
		s->bad = true;
		any = take_words(s, true) || any;
	}
	switch (mime_peek(s->in)) {
	case '<':
		return take_angle(s);
	case '@':
		return take_addr_spec(s, any);
	case ':':
		return group_start(s);
	default:
		/* A comment alone stands for an address only where there is no other. */
		if (any || (s->comment.n && !s->n && !s->in.n))
			take_bare(s);
		else
			drop_rest(s);
	}
}

struct mime_address *mime_addresses(struct arena *a, str value)
{
	CLEANUP(addresses_free) struct addresses s = { .a = a, .in = value };

	s.end = &s.first;
	buf_init(&s.name, LIM_MIME_HEADER);
	buf_init(&s.local, LIM_MIME_HEADER);
	buf_init(&s.domain, LIM_MIME_HEADER);
	buf_init(&s.comment, LIM_MIME_HEADER);
	buf_init(&s.scratch, LIM_MIME_HEADER);
	while (s.in.n) {
		char c = s.in.p[0];

		if (c == ',' || c == ';' || mime_ws(c)) {
			s.in = str_skip(s.in, 1);
			if (c == ';' && s.group)
				group_end(&s);
			continue;
		}
		take_one(&s);
	}
	if (s.group)
		group_end(&s);
	return s.first;
}

static bool dot_atom(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 128 && !ch_alnum(s.p[i]) &&
		    str_find(STR("!#$%&'*+-/=?^_`{|}~."), s.p[i]) == 20)
			return false;
	return s.n > 0 && s.p[0] != '.' && !str_ends(s, STR(".")) &&
	       str_search(s, STR("..")) == s.n;
}

void mime_add_address(struct buf *out, const struct mime_address *m)
{
	if (dot_atom(m->mailbox)) {
		buf_add(out, m->mailbox);
	} else {
		buf_addc(out, '"');
		for (size_t i = 0; i < m->mailbox.n; i++) {
			if (m->mailbox.p[i] == '"' || m->mailbox.p[i] == '\\')
				buf_addc(out, '\\');
			buf_addc(out, m->mailbox.p[i]);
		}
		buf_addc(out, '"');
	}
	if (m->domain.p) {
		buf_addc(out, '@');
		buf_add(out, m->domain);
	}
}
