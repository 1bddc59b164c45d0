#include "formats/html/html.h"

#include <string.h>

#include "base/enc.h"

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool letter(char c)
{
	return ch_lower(c) >= 'a' && ch_lower(c) <= 'z';
}

static str skip_space(str s)
{
	size_t n = 0;

	while (n < s.n && space(s.p[n]))
		n++;
	return str_skip(s, n);
}

void html_read_init(struct html_reader *r, str html)
{
	*r = (struct html_reader){ .rest = html };
}

/* Their text runs to their own end tag, whatever it looks like. title and textarea still have
 * &characters;. */
static const struct literal {
	str name;
	bool decoded;
} literals[] = {
	{ S("script"), false },	 { S("style"), false },	    { S("xmp"), false },
	{ S("iframe"), false },	 { S("plaintext"), false }, { S("title"), true },
	{ S("textarea"), true },
};

static const struct literal *literal_of(str tag)
{
	for (size_t i = 0; i < COUNT(literals); i++) {
		if (str_eqi(literals[i].name, tag))
			return &literals[i];
	}
	return NULL;
}

static bool emit(struct html_token *t, enum html_kind kind, str text)
{
	t->kind = kind;
	t->text = text;
	return true;
}

/* From '<' of the literal element's end tag; s.n when it does not end. */
static size_t literal_end(str s, str tag)
{
	size_t at = 0;

	for (;;) {
		str here;

		at += str_search(str_skip(s, at), STR("</"));
		if (at >= s.n)
			return s.n;
		here = str_skip(s, at + 2);
		if (str_startsi(here, tag) &&
		    (here.n == tag.n || space(here.p[tag.n]) || here.p[tag.n] == '>'))
			return at;
		at += 2;
	}
}

static bool read_literal(struct html_reader *r, struct html_token *t)
{
	const struct literal *l = literal_of(r->literal_tag);
	size_t n = literal_end(r->rest, r->literal_tag);

	t->literal = !l || !l->decoded;
	r->literal_tag = STR("");
	emit(t, HTML_TEXT, str_take(r->rest, n));
	r->rest = str_skip(r->rest, n);
	return t->text.n > 0;
}

static void add_attr(struct html_token *t, str name, str value)
{
	for (size_t i = 0; i < t->nattr; i++) {
		if (str_eqi(t->attr[i].name, name))
			return;
	}
	if (t->nattr < LIM_HTML_ATTRS)
		t->attr[t->nattr++] = (struct html_attr){ name, value };
}

static size_t until(str s, const char *stops)
{
	size_t n = 0;

	while (n < s.n && !space(s.p[n]) && !strchr(stops, s.p[n]))
		n++;
	return n;
}

/* One attribute from the start of *s; false: it does not end. */
static bool read_attr(str *s, struct html_token *t)
{
	size_t n = until(str_skip(*s, 1), "=>") + 1, end;
	str name = str_take(*s, n), after = skip_space(str_skip(*s, n)), value = name;

	if (after.n && after.p[0] == '=') {
		after = skip_space(str_skip(after, 1));
		if (after.n && (after.p[0] == '"' || after.p[0] == '\'' || after.p[0] == '`')) {
			end = str_find(str_skip(after, 1), after.p[0]);
			if (end == after.n - 1)
				return false;
			value = str_take(str_skip(after, 1), end);
			after = str_skip(after, end + 2);
		} else {
			end = until(after, ">");
			value = str_take(after, end);
			after = str_skip(after, end);
		}
		after = skip_space(after);
	}
	add_attr(t, name, value);
	*s = after;
	return true;
}

static bool read_start(struct html_reader *r, str s, struct html_token *t)
{
	size_t n = until(str_skip(s, 1), ">");
	str name = str_take(str_skip(s, 1), n);

	t->nattr = 0;
	s = skip_space(str_skip(s, n + 1));
	while (s.n && s.p[0] != '>') {
		if (!read_attr(&s, t))
			return false;
	}
	if (!s.n)
		return false;
	r->rest = str_skip(s, 1);
	if (literal_of(name))
		r->literal_tag = name;
	return emit(t, HTML_START, name);
}

static bool read_to(struct html_reader *r, str s, size_t skip, struct html_token *t,
		    enum html_kind kind)
{
	size_t end = str_find(s, '>');

	if (end == s.n)
		return false;
	r->rest = str_skip(s, end + 1);
	return emit(t, kind, str_take(str_skip(s, skip), end - skip));
}

static bool read_end(struct html_reader *r, str s, struct html_token *t)
{
	size_t n, end;

	if (s.n < 3 || !letter(s.p[2]))
		return read_to(r, s, 2, t, HTML_COMMENT);
	n = until(str_skip(s, 2), ">");
	end = str_find(s, '>');
	if (end == s.n)
		return false;
	r->rest = str_skip(s, end + 1);
	return emit(t, HTML_END, str_take(str_skip(s, 2), n));
}

static bool read_declaration(struct html_reader *r, str s, struct html_token *t)
{
	size_t end;

	if (str_starts(s, STR("<!--"))) {
		end = str_search(str_skip(s, 4), STR("-->"));
		if (end == s.n - 4)
			return read_to(r, s, 4, t,
				       HTML_COMMENT); /* does not end: to the next '>' */
		r->rest = str_skip(s, 4 + end + 3);
		return emit(t, HTML_COMMENT, str_take(str_skip(s, 4), end));
	}
	if (s.n > 2 && letter(s.p[2])) {
		if (!read_to(r, s, 0, t, HTML_DECLARATION))
			return false;
		t->text.n++; /* with its '>' */
		return true;
	}
	return read_to(r, s, 2, t, HTML_COMMENT);
}

static bool read_markup(struct html_reader *r, struct html_token *t)
{
	str s = r->rest;

	bool read;

	if (s.n < 2 || r->failed > LIM_HTML_FAILED)
		return false;
	switch (s.p[1]) {
	case '/':
		read = read_end(r, s, t);
		break;
	case '!':
		read = read_declaration(r, s, t);
		break;
	case '?':
		read = read_to(r, s, 2, t, HTML_OTHER);
		break;
	default:
		if (!letter(s.p[1]))
			return false;
		read = read_start(r, s, t);
	}
	t->whole = str_take(s, s.n - r->rest.n);
	r->failed += !read;
	return read;
}

bool html_read(struct html_reader *r, struct html_token *t)
{
	size_t n;

	t->nattr = 0;
	t->literal = false;
	if (!r->rest.n)
		return false;
	if (r->literal_tag.n && read_literal(r, t))
		return true;
	if (r->rest.n && r->rest.p[0] == '<' && read_markup(r, t))
		return true;
	if (!r->rest.n)
		return false;
	/* Text to the next '<'; one that begins nothing belongs to it. */
	n = 1 + str_find(str_skip(r->rest, 1), '<');
	emit(t, HTML_TEXT, str_take(r->rest, n));
	t->whole = t->text;
	r->rest = str_skip(r->rest, n);
	return true;
}

str html_attr(const struct html_token *t, const char *name, bool *found)
{
	for (size_t i = 0; i < t->nattr; i++) {
		if (str_eqi(t->attr[i].name, str_z(name))) {
			*found = true;
			return t->attr[i].value;
		}
	}
	*found = false;
	return STR("");
}

/* &#65; &#x41; with or without ';'. Octets taken, 0: no number. */
static size_t numeric(str s, int32_t *code)
{
	bool hex = s.n > 2 && ch_lower(s.p[2]) == 'x';
	size_t n = hex ? 3 : 2, digits = 0;
	int64_t v = 0;

	for (; n < s.n && digits < 9; n++, digits++) {
		char c = ch_lower(s.p[n]);

		if (c >= '0' && c <= '9')
			v = v * (hex ? 16 : 10) + (c - '0');
		else if (hex && c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else
			break;
	}
	if (!digits)
		return 0;
	*code = v > 0x10ffff ? 0xfffd : (int32_t)v;
	return n < s.n && s.p[n] == ';' ? n + 1 : n;
}

static size_t named(str s, int32_t *code)
{
	size_t n = 1;

	while (n < s.n && n < 10 && (letter(s.p[n]) || (s.p[n] >= '0' && s.p[n] <= '9')))
		n++;
	*code = html_named_character(str_take(str_skip(s, 1), n - 1));
	if (*code < 0)
		return 0;
	if (n < s.n && s.p[n] == ';')
		return n + 1;
	return *code < 256 ? n : 0; /* only the old ones may lack it */
}

void html_add_decoded(struct buf *out, str text)
{
	for (;;) {
		size_t at = str_find(text, '&'), n;
		int32_t code = 0;

		buf_add(out, str_take(text, at));
		text = str_skip(text, at);
		if (!text.n)
			return;
		n = text.n > 2 && text.p[1] == '#' ? numeric(text, &code) : named(text, &code);
		if (n) {
			utf8_add(out, code);
			text = str_skip(text, n);
		} else {
			buf_addc(out, '&');
			text = str_skip(text, 1);
		}
	}
}
