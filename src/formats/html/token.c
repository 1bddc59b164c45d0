#include <string.h>

#include "formats/html/html.h"

static bool space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Elements whose content is text up to their end tag. */
static const struct {
	str name;
	bool cdata;
	bool to_end; /* without an end tag the rest is text, else the element is empty */
} literals[] = {
	{ S("script"), true, true },	{ S("style"), true, true },
	{ S("xmp"), true, true },	{ S("iframe"), true, true },
	{ S("plaintext"), true, true }, { S("title"), false, false },
	{ S("textarea"), false, true },
};
#define LITERALS (sizeof(literals) / sizeof(literals[0]))

void html_start(struct html_reader *r, str in)
{
	*r = (struct html_reader){ .in = in };
}

/* The next ">" that is not in quotes (which begin behind white space or "="). */
static size_t skip_to_gt(str in, size_t at)
{
	char quote = 0, before = ' ';

	for (; at < in.n; before = in.p[at++]) {
		char c = in.p[at];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '>')
			return at;
		else if ((c == '"' || c == '\'') && (space(before) || before == '='))
			quote = c;
	}
	return in.n;
}

static size_t skip_space(str in, size_t at)
{
	while (at < in.n && space(in.p[at]))
		at++;
	return at;
}

static size_t skip_word(str in, size_t at)
{
	while (at < in.n && !space(in.p[at]) && in.p[at] != '>')
		at++;
	return at;
}

/* Each of these returns where the token ends, or in.n + 1: it has no end, or 0: it is none. */

static size_t read_value(str in, size_t at, str *value)
{
	if (at < in.n && (in.p[at] == '"' || in.p[at] == '\'')) {
		size_t n = str_find(str_skip(in, at + 1), in.p[at]);

		if (at + 1 + n >= in.n)
			return in.n + 1;
		*value = str_of(in.p + at + 1, n);
		return at + n + 2;
	}
	size_t end = skip_word(in, at);

	*value = str_of(in.p + at, end - at);
	return end;
}

static void keep(struct html_token *t, str name, str value)
{
	for (size_t i = 0; i < t->nattrs; i++)
		if (str_eqi(t->attrs[i].name, name))
			return;
	if (t->nattrs < LIM_HTML_ATTRS)
		t->attrs[t->nattrs++] = (struct html_attr){ name, value };
}

static size_t read_start(str in, size_t from, struct html_token *t)
{
	size_t at = skip_word(in, from + 2);

	t->kind = HTML_START;
	t->name = str_of(in.p + from + 1, at - from - 1);
	for (at = skip_space(in, at); at < in.n && in.p[at] != '>'; at = skip_space(in, at)) {
		size_t name = at++;
		str value;

		while (at < in.n && !space(in.p[at]) && in.p[at] != '>' && in.p[at] != '=')
			at++;
		str key = str_of(in.p + name, at - name);

		value = key;
		at = skip_space(in, at);
		if (at < in.n && in.p[at] == '=') {
			at = read_value(in, skip_space(in, at + 1), &value);
			if (at > in.n)
				return at;
		}
		keep(t, key, value);
	}
	return at < in.n ? at + 1 : in.n + 1;
}

static size_t read_comment(str in, size_t end, struct html_token *t)
{
	t->kind = HTML_COMMENT;
	return end < in.n ? end + 1 : in.n + 1;
}

static size_t read_end(str in, size_t from, struct html_token *t)
{
	size_t at = from + 2;

	if (at < in.n && !space(in.p[at]) && in.p[at] != '>') {
		size_t end = skip_word(in, at + 1);

		t->kind = HTML_END;
		t->name = str_of(in.p + at, end - at);
		at = skip_to_gt(in, end);
		return at < in.n ? at + 1 : in.n + 1;
	}
	return read_comment(in, skip_to_gt(in, at), t);
}

static size_t read_dashes(str in, size_t at, bool lone, struct html_token *t)
{
	t->kind = HTML_COMMENT;
	if (lone) {
		at += str_find(str_skip(in, at), '>');
		return at < in.n ? at + 1 : in.n + 1;
	}
	while (at < in.n) {
		size_t end;

		at += str_find(str_skip(in, at), '-');
		if (at + 1 >= in.n)
			break;
		if (in.p[++at] != '-')
			continue;
		while (at + 1 < in.n && in.p[at + 1] == '-')
			at++;
		end = skip_space(in, at + 1);
		if (end < in.n && in.p[end] == '>')
			return end + 1;
		at = end;
	}
	return in.n + 1;
}

/* "<!DOCTYPE ...>"; 0: not that. */
static size_t read_declaration(str in, size_t at, struct html_token *t)
{
	str rest = str_skip(in, at);
	size_t n = str_startsi(rest, STR("doctype")) ? 7 : str_startsi(rest, STR("entity")) ? 6 : 0;

	t->kind = HTML_DECLARATION;
	if (!n || (n < rest.n && (ch_alnum(rest.p[n]) || rest.p[n] == '-' || rest.p[n] == '_')))
		return 0;
	for (at = skip_space(in, at + n); at < in.n && in.p[at] != '>'; at = skip_space(in, at)) {
		str value;

		if (in.p[at] != '-') {
			at = read_value(in, at, &value);
			if (at > in.n)
				return at;
			continue;
		}
		if (at + 1 < in.n && in.p[at + 1] != '-')
			return 0;
		n = str_search(str_skip(in, at + 2), STR("--"));
		if (at + 2 + n >= in.n)
			return in.n + 1;
		at += 2 + n + 2;
	}
	return at < in.n ? at + 1 : in.n + 1;
}

static size_t read_bang(str in, size_t from, bool lone, struct html_token *t)
{
	size_t at = from + 2, end;

	if (at < in.n && in.p[at] == '-') {
		if (at + 1 >= in.n)
			return in.n + 1;
		if (in.p[at + 1] == '-')
			return read_dashes(in, at + 2, lone, t);
	} else if (str_startsi(str_skip(in, at), STR("[CDATA["))) {
		end = at + 7 + str_search(str_skip(in, at + 7), STR("]]>"));
		t->kind = HTML_TEXT;
		t->cdata = true;
		t->raw = str_of(in.p + at + 7, (end < in.n ? end : in.n) - at - 7);
		return end < in.n ? end + 3 : in.n;
	} else if (at < in.n && ch_alpha(in.p[at])) {
		end = read_declaration(in, at, t);
		if (end)
			return end;
	}
	return read_comment(in, skip_to_gt(in, at), t);
}

/* In an element of literal text: its text, then its end tag. True: t is filled. */
static bool read_literal(struct html_reader *r, struct html_token *t)
{
	size_t which = 0, at = r->at, end;
	str in = r->in;

	while (which + 1 < LITERALS && !str_eq(literals[which].name, r->literal))
		which++;
	if (str_eq(r->literal, STR("plaintext")))
		r->absent |= 1u << which;
	for (; !(r->absent & 1u << which); at++) {
		at += str_search(str_skip(in, at), STR("</"));
		if (at >= in.n) {
			r->absent |= 1u << which;
			break;
		}
		if (!str_startsi(str_skip(in, at + 2), r->literal))
			continue;
		end = skip_space(in, at + 2 + r->literal.n);
		if (end >= in.n || in.p[end] != '>')
			continue;
		if (at > r->at) { /* the end tag comes with the next call */
			*t = (struct html_token){ .kind = HTML_TEXT, .cdata = r->cdata };
			t->raw = str_of(in.p + r->at, at - r->at);
			r->at = at;
			return true;
		}
		*t = (struct html_token){ .kind = HTML_END, .name = r->literal };
		t->raw = str_of(in.p + at, end + 1 - at);
		r->at = end + 1;
		r->literal = STR("");
		return true;
	}
	/* no end tag any more */
	str name = r->literal;

	r->literal = STR("");
	r->cdata = literals[which].cdata;
	if (literals[which].to_end) {
		*t = (struct html_token){ .kind = HTML_TEXT, .cdata = r->cdata };
		t->raw = str_skip(in, r->at);
		r->at = in.n;
		/* the other three stay open */
		r->pending = which < 2 ? name : STR("");
		return t->raw.n > 0;
	}
	r->pending = name; /* before the next tag */
	return false;
}

static void enter_literal(struct html_reader *r, str name)
{
	for (size_t i = 0; i < LITERALS; i++)
		if (str_eqi(name, literals[i].name)) {
			r->literal = literals[i].name;
			r->cdata = literals[i].cdata;
		}
}

static size_t read_markup(struct html_reader *r, struct html_token *t)
{
	str in = r->in;
	char c = r->at + 1 < in.n ? in.p[r->at + 1] : 0;

	if (ch_alpha(c) || c == '_' || c == ':')
		return read_start(in, r->at, t);
	if (c == '/')
		return read_end(in, r->at, t);
	if (c == '!')
		return read_bang(in, r->at, r->lone, t);
	if (c == '?') {
		size_t end = r->at + str_find(str_skip(in, r->at), '>');

		t->kind = HTML_INSTRUCTION;
		return end < in.n ? end + 1 : in.n + 1;
	}
	return r->at + 1 < in.n ? 0 : in.n + 1;
}

/* Text at the end of the input comes in two: its last word (or white space) is kept back until it
 * is known that nothing follows. Where the first piece ends. */
static size_t last_word(str in, size_t from)
{
	size_t at = in.n;

	if (!space(in.p[at - 1]))
		while (at > from && !space(in.p[at - 1]))
			at--;
	while (at > from && space(in.p[at - 1]))
		at--;
	return at > from ? at : in.n;
}

bool html_next(struct html_reader *r, struct html_token *t)
{
	str in = r->in;
	size_t end, from = r->at;

	if (r->literal.n && read_literal(r, t))
		return true;
	while (r->at < in.n) {
		from = r->at;
		*t = (struct html_token){ .kind = HTML_TEXT };
		end = in.p[from] == '<' ? read_markup(r, t) : 0;
		if (end > in.n && !r->lone) { /* again, a comment ends sooner then */
			r->lone = true;
			continue;
		}
		if (end > in.n) { /* markup without an end is a comment */
			*t = (struct html_token){ .kind = HTML_COMMENT };
			end = in.n;
		}
		if (!end) {
			*t = (struct html_token){ .kind = HTML_TEXT };
			end = from + 1;
			end += str_find(str_skip(in, end), '<');
			if (end == in.n && !r->last) {
				end = last_word(in, from);
				r->last = true;
			}
		}
		if (r->pending.n && t->kind != HTML_TEXT && t->kind != HTML_COMMENT)
			break;
		r->at = end;
		if (t->cdata) /* marked section: raw is there */
			return true;
		t->raw = str_of(in.p + from, end - from);
		if (t->kind == HTML_START)
			enter_literal(r, t->name);
		return true;
	}
	if (r->pending.n) {
		*t = (struct html_token){ .kind = HTML_END, .name = r->pending };
		r->pending = STR("");
		return true;
	}
	return false;
}
