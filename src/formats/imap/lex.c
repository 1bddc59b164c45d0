#include "formats/imap/lex.h"

#include "base/enc.h"
#include "formats/imap/utf7.h"

bool imap_atom_char(char c)
{
	unsigned char u = (unsigned char)c;

	return u > ' ' && u < 127 && c != '(' && c != ')' && c != '{' && c != '%' && c != '*' &&
	       c != '"' && c != '\\' && c != ']';
}

bool imap_astring_char(char c)
{
	return imap_atom_char(c) || c == ']';
}

bool imap_eat(struct imap_in *in, char c)
{
	if (in->rest.n == 0 || in->rest.p[0] != c)
		return false;
	in->rest = str_skip(in->rest, 1);
	return true;
}

bool imap_eat_word(struct imap_in *in, str w)
{
	if (!str_startsi(in->rest, w))
		return false;
	if (in->rest.n > w.n && imap_atom_char(in->rest.p[w.n]))
		return false;
	in->rest = str_skip(in->rest, w.n);
	return true;
}

bool imap_at_end(const struct imap_in *in)
{
	return in->rest.n == 0;
}

err imap_expect(struct imap_in *in, char c)
{
	if (imap_eat(in, c))
		return OK;
	if (c == ' ')
		return fail(E_SYNTAX, "Missing argument");
	return fail(E_SYNTAX, "Expected '%c'", c);
}

err imap_expect_end(const struct imap_in *in)
{
	if (in->rest.n == 0)
		return OK;
	return fail(E_SYNTAX, "Too many arguments");
}

static str run_of(struct imap_in *in, bool (*is)(char))
{
	size_t n = 0;

	while (n < in->rest.n && is(in->rest.p[n]))
		n++;
	str s = str_take(in->rest, n);
	in->rest = str_skip(in->rest, n);
	return s;
}

err imap_atom(struct imap_in *in, str *out)
{
	str s = run_of(in, imap_atom_char);

	if (s.n == 0)
		return fail(E_SYNTAX, "Expected an atom");
	*out = s;
	return OK;
}

/* Behind the opening quote. */
static err quoted(struct imap_in *in, str *out)
{
	str s = in->rest;
	size_t n = 0, escapes = 0;

	for (; n < s.n && s.p[n] != '"'; n++) {
		if (s.p[n] == '\\') {
			escapes++;
			n++;
		}
		if (n >= s.n || s.p[n] == '\r' || s.p[n] == '\n' || s.p[n] == '\0')
			return fail(E_SYNTAX, "Invalid quoted string");
	}
	if (n >= s.n)
		return fail(E_SYNTAX, "Quoted string without its end");
	in->rest = str_skip(s, n + 1);
	s = str_take(s, n);
	if (!str_ascii(s) && !utf8_valid(s))
		return fail(E_SYNTAX, "Quoted string is not UTF-8");
	if (escapes == 0) {
		*out = s;
		return OK;
	}
	char *p = arena_try(in->a, n - escapes, 1);
	if (!p)
		return fail(E_LIMIT, "Command too large");
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		if (s.p[i] == '\\')
			i++;
		p[to++] = s.p[i];
	}
	*out = str_of(p, to);
	return OK;
}

/* At the opening brace; the octets follow its CRLF. */
static err literal(struct imap_in *in, str *out)
{
	uint64_t size;

	if (!imap_eat(in, '{'))
		return fail(E_SYNTAX, "Expected a string");
	TRY(imap_number(in, (uint64_t)INT64_MAX, &size));
	(void)imap_eat(in, '+');
	if (!imap_eat(in, '}') || !imap_eat(in, '\r') || !imap_eat(in, '\n') || size > in->rest.n)
		return fail(E_SYNTAX, "Invalid literal");
	*out = str_take(in->rest, (size_t)size);
	in->rest = str_skip(in->rest, (size_t)size);
	return OK;
}

err imap_string(struct imap_in *in, str *out)
{
	if (imap_eat(in, '"'))
		return quoted(in, out);
	TRY(literal(in, out));
	if (str_find(*out, '\0') < out->n)
		return fail(E_SYNTAX, "NUL in a literal");
	return OK;
}

err imap_astring(struct imap_in *in, str *out)
{
	str s = run_of(in, imap_astring_char);

	if (s.n == 0)
		return imap_string(in, out);
	*out = s;
	return OK;
}

err imap_nstring(struct imap_in *in, str *out)
{
	if (imap_eat_word(in, STR("NIL"))) {
		*out = (str){ NULL, 0 };
		return OK;
	}
	if (in->rest.n > 1 && in->rest.p[0] == '~' && in->rest.p[1] == '{') {
		in->rest = str_skip(in->rest, 1);
		return literal(in, out);
	}
	return imap_string(in, out);
}

err imap_number(struct imap_in *in, uint64_t max, uint64_t *out)
{
	str s = run_of(in, ch_digit);

	if (s.n == 0)
		return fail(E_SYNTAX, "Expected a number");
	err e = str_u64(s, max, out);
	return e ? fail(e, "Number out of range") : OK;
}

static err to_name(struct imap_in *in, bool utf8, str raw, str *out)
{
	if (str_eqi(raw, STR("INBOX"))) {
		*out = STR("INBOX");
		return OK;
	}
	if (!str_ascii(raw) || utf8 || str_find(raw, '&') == raw.n) {
		if (!utf8_valid(raw))
			return fail(E_SYNTAX, "Mailbox name is not UTF-8");
		*out = raw;
		return OK;
	}
	struct buf b;
	buf_init(&b, LIM_FOLDER_NAME + 4);
	err e = utf7_decode(raw, &b);
	if (!e) {
		*out = arena_dup(in->a, buf_str(&b));
		if (!out->p)
			e = fail(E_LIMIT, "Command too large");
	}
	buf_free(&b);
	return e;
}

err imap_mailbox(struct imap_in *in, bool utf8, str *out)
{
	str raw;

	TRY(imap_astring(in, &raw));
	TRY(to_name(in, utf8, raw, out));
	/* "inbox/x" is a child of INBOX. */
	if (out->n > 6 && str_startsi(*out, STR("INBOX/")) && !str_starts(*out, STR("INBOX/"))) {
		str fixed = arena_fmt(in->a, "INBOX%.*s", STRF(str_skip(*out, 5)));
		if (!fixed.p)
			return fail(E_LIMIT, "Command too large");
		*out = fixed;
	}
	return OK;
}

static bool pattern_char(char c)
{
	return imap_astring_char(c) || c == '%' || c == '*';
}

err imap_pattern(struct imap_in *in, bool utf8, str *out)
{
	str raw = run_of(in, pattern_char);

	if (raw.n == 0)
		TRY(imap_string(in, &raw));
	return to_name(in, utf8, raw, out);
}

err imap_flag(struct imap_in *in, str *out)
{
	str from = in->rest, s;
	bool system = imap_eat(in, '\\');

	TRY(imap_atom(in, &s));
	*out = str_take(from, s.n + system);
	return OK;
}

bool imap_literal_at_end(str line, struct imap_literal *out)
{
	struct imap_literal l = { 0 };

	if (!str_ends(line, STR("}")))
		return false;
	l.at = str_rfind(line, '{');
	if (l.at >= line.n)
		return false;
	str digits = str_skip(str_take(line, line.n - 1), l.at + 1);
	if (str_ends(digits, STR("+"))) {
		l.nosync = true;
		digits.n--;
	}
	err e = str_u64(digits, (uint64_t)INT64_MAX, &l.size);
	if (e == E_LIMIT)
		l.size = (uint64_t)INT64_MAX;
	else if (e)
		return false;
	if (l.at > 0 && line.p[l.at - 1] == '~') {
		l.binary = true;
		l.at--;
	}
	*out = l;
	return true;
}
