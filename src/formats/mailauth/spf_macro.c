/* Macros of SPF, RFC 7208 7. */
#include <string.h>

#include "base/limits.h"
#include "formats/mailauth/spf.h"

struct piece {
	str literal; /* when letter is 0 */
	char letter; /* lower case */
	bool escape; /* the letter was upper case: URL escaping */
	bool reverse;
	uint64_t keep; /* labels from the right; 0: all */
	str delimiters;
};

static bool is_literal(char c)
{
	return c > ' ' && c < 0x7f && c != '%';
}
static bool is_delimiter(char c)
{
	return c && memchr(".-+,/_=", c, 7);
}

/* "%{" letter transformers delimiters "}"; inside: what stands between the braces. */
static bool parse_macro(str inside, struct piece *p)
{
	size_t i = 1, digits;

	if (!inside.n || !ch_alpha(inside.p[0]))
		return false;
	p->letter = ch_lower(inside.p[0]);
	p->escape = p->letter != inside.p[0];
	if (!memchr("slodiphcrtv", p->letter, 11))
		return false;
	while (i < inside.n && ch_digit(inside.p[i]))
		i++;
	digits = i - 1;
	if (digits && (str_u64(str_take(str_skip(inside, 1), digits), UINT64_MAX, &p->keep) != OK ||
		       p->keep == 0))
		return false;
	p->reverse = i < inside.n && ch_lower(inside.p[i]) == 'r';
	p->delimiters = str_skip(inside, i + p->reverse);
	for (i = 0; i < p->delimiters.n; i++)
		if (!is_delimiter(p->delimiters.p[i]))
			return false;
	return true;
}

static bool parse_percent(str *rest, struct piece *p)
{
	static const struct {
		char c;
		str text;
	} single[] = { { '%', S("%") }, { '_', S(" ") }, { '-', S("%20") } };
	char c = rest->n > 1 ? rest->p[1] : '\0';

	for (size_t i = 0; i < COUNT(single); i++) {
		if (c != single[i].c)
			continue;
		p->literal = single[i].text;
		*rest = str_skip(*rest, 2);
		return true;
	}
	str inside, after;

	if (c != '{' || !str_cut(str_skip(*rest, 2), '}', &inside, &after))
		return false;
	*rest = after;
	return parse_macro(inside, p);
}

/* The next piece of a macro-string (spaces too, of an explanation). False: bad syntax. */
static bool next_piece(str *rest, bool spaces, struct piece *p)
{
	size_t n = 0;

	*p = (struct piece){ .delimiters = STR("") };
	if (rest->p[0] == '%')
		return parse_percent(rest, p);
	while (n < rest->n && (is_literal(rest->p[n]) || (spaces && rest->p[n] == ' ')))
		n++;
	p->literal = str_take(*rest, n);
	*rest = str_skip(*rest, n);
	return n > 0;
}

/* ---- the grammar ---- */
bool spf_macro_string(str s)
{
	struct piece p;

	while (s.n)
		if (!next_piece(&s, false, &p))
			return false;
	return true;
}

/* toplabel of 7.1: not all digits, hyphens inside alone. */
static bool is_toplabel(str s)
{
	bool digits = true;

	for (size_t i = 0; i < s.n; i++) {
		if (!ch_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		digits = digits && ch_digit(s.p[i]);
	}
	return s.n && !digits && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

/* domain-end: a macro, or "." toplabel and perhaps a dot. */
static bool is_domain_end(str tail)
{
	if (tail.n && tail.p[tail.n - 1] == '.')
		tail.n--;
	size_t dot = str_rfind(tail, '.');

	return dot < tail.n && is_toplabel(str_skip(tail, dot + 1));
}

bool spf_domain_spec(str s)
{
	struct piece p = { .literal = STR("") };
	bool plain = false;

	if (!s.n)
		return false;
	while (s.n) {
		plain = s.p[0] != '%';
		if (!next_piece(&s, false, &p) || (p.letter && memchr("crt", p.letter, 3)))
			return false;
	}
	return !plain || is_domain_end(p.literal);
}

bool spf_uses(str text, char letter)
{
	struct piece p;

	while (text.n && next_piece(&text, true, &p))
		if (p.letter == letter)
			return true;
	return false;
}

/* ---- expansion ---- */
static void add_value(const struct piece *p, const struct spf_macros *m, struct buf *out)
{
	switch (p->letter) {
	case 's':
		buf_add(out, m->local);
		buf_addc(out, '@');
		buf_add(out, m->sender);
		return;
	case 'l':
		buf_add(out, m->local);
		return;
	case 'o':
		buf_add(out, m->sender);
		return;
	case 'd':
		buf_add(out, m->domain);
		return;
	case 'i':
		buf_add(out, m->ip);
		return;
	case 'p':
		buf_add(out, m->validated);
		return;
	case 'h':
		buf_add(out, m->helo);
		return;
	case 'v':
		buf_add(out, m->six ? STR("ip6") : STR("in-addr"));
		return;
	case 'c':
		buf_add(out, m->shown);
		return;
	case 'r':
		buf_add(out, m->receiver);
		return;
	default:
		buf_fmt(out, "%lld", (long long)m->now);
	}
}

static bool splits(const struct piece *p, char c)
{
	return p->delimiters.n ? str_find(p->delimiters, c) < p->delimiters.n : c == '.';
}

/* The part of value that ends at *end, which moves to where the part before it ends. */
static str last_part(const struct piece *p, str value, size_t *end, bool *more)
{
	size_t from = *end;
	str part;

	while (from && !splits(p, value.p[from - 1]))
		from--;
	part = str_of(value.p + from, *end - from);
	*more = from > 0;
	*end = from ? from - 1 : 0;
	return part;
}

/* 7.3: split, reversed, the rightmost kept, joined with dots. */
static void add_parts(const struct piece *p, str value, struct buf *out)
{
	size_t parts = 1, first, at = 0;

	for (size_t i = 0; i < value.n; i++)
		parts += splits(p, value.p[i]);
	first = p->keep && p->keep < parts ? parts - (size_t)p->keep : 0;
	if (p->reverse) {
		/* The parts that are kept are the last ones of the reversed order: the first ones
		 * of the value. */
		size_t end = value.n, n = 0;

		for (bool more = true; more; n++) {
			str part = last_part(p, value, &end, &more);

			if (n < first)
				continue;
			if (n > first)
				buf_addc(out, '.');
			buf_add(out, part);
		}
		return;
	}
	for (size_t n = 0; n < parts; n++) {
		size_t end = at;

		while (end < value.n && !splits(p, value.p[end]))
			end++;
		if (n > first)
			buf_addc(out, '.');
		if (n >= first)
			buf_add(out, str_of(value.p + at, end - at));
		at = end + 1;
	}
}

/* RFC 3986 2.3: all but the unreserved. */
static void add_escaped(str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (ch_alnum(c) || (c && memchr("-._~", c, 4)))
			buf_addc(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static err add_macro(const struct piece *p, const struct spf_macros *m, struct buf *out)
{
	CLEANUP(buf_free) struct buf value = { 0 }, parts = { 0 };

	buf_init(&value, LIM_SPF_EXPANDED);
	buf_init(&parts, LIM_SPF_EXPANDED);
	add_value(p, m, &value);
	TRY(buf_done(&value));
	add_parts(p, buf_str(&value), &parts);
	TRY(buf_done(&parts));
	if (p->escape)
		add_escaped(buf_str(&parts), out);
	else
		buf_add(out, buf_str(&parts));
	return OK;
}

static err expand(str text, bool spaces, const struct spf_macros *m, struct buf *out)
{
	struct piece p;

	while (text.n) {
		if (!next_piece(&text, spaces, &p))
			return fail(E_SYNTAX, "SPF: a macro that is not defined");
		if (p.letter)
			TRY(add_macro(&p, m, out));
		else
			buf_add(out, p.literal);
	}
	return buf_done(out);
}

err spf_expand_text(str text, const struct spf_macros *m, struct buf *out)
{
	return expand(text, true, m, out);
}

err spf_expand_name(str spec, const struct spf_macros *m, struct buf *out)
{
	TRY(expand(spec, false, m, out));
	if (out->n && out->p[out->n - 1] == '.')
		out->n--;
	while (out->n > LIM_SPF_NAME)
		buf_eat(out, str_find(buf_str(out), '.') + 1);
	return OK;
}
