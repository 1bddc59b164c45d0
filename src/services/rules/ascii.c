/* A pattern without what only octets over 127 can match: on ASCII text it matches the same, and is
 * a fraction of the size where replaced tags list each letter's look-alikes in UTF-8.
 * Reads the whole grammar that matters here; what it does not know makes it give up. */
#include <string.h>

#include "base/limits.h"
#include "services/rules/set.h"

struct prune {
	str re;
	size_t at;
	struct buf out;
	unsigned depth;
	bool lost; /* something that it does not know */
};

static bool is_more(const struct prune *p)
{
	return p->at < p->re.n && !p->lost;
}

static char peek(const struct prune *p, size_t ahead)
{
	return p->at + ahead < p->re.n ? p->re.p[p->at + ahead] : 0;
}

static void copy(struct prune *p, size_t n)
{
	buf_add(&p->out, str_take(str_skip(p->re, p->at), n));
	p->at += n;
}

static void cut(struct prune *p, size_t n)
{
	if (p->out.n > n)
		p->out.n = n;
}

/* The octet that an escape stands for and its length; 256: a class or an assertion, kept as it is;
 * 512: unknown. */
static unsigned escape(const struct prune *p, size_t *n)
{
	char c = peek(p, 1);
	unsigned v = 0;
	size_t i = 2;

	*n = 2;
	if (c == 'x') {
		bool braced = peek(p, 2) == '{';

		for (i += braced; i < (braced ? 10u : 4u) + braced; i++) {
			char d = ch_lower(peek(p, i));

			if (!ch_digit(d) && !(d >= 'a' && d <= 'f'))
				break;
			v = v * 16 + (unsigned)(ch_digit(d) ? d - '0' : d - 'a' + 10);
		}
		*n = braced ? i + 1 : i;
		return v < 256 ? v : 512;
	}
	if (c >= '0' && c <= '3' && ch_digit(peek(p, 2)) && ch_digit(peek(p, 3))) {
		*n = 4;
		return (unsigned)(c - '0') * 64 + (unsigned)(peek(p, 2) - '0') * 8 +
		       (unsigned)(peek(p, 3) - '0');
	}
	if (strchr("dDwWsSbBAzZntrfhHvV0ae", c) && c)
		return 256;
	return ch_alnum(c) || c == 0 ? 512 : (unsigned char)c;
}

/* One member of a class: how long it is as written, and its octet (256: several). */
static unsigned member(struct prune *p, size_t *n)
{
	if (peek(p, 0) == '\\') {
		if (peek(p, 1) == 'b') { /* a backspace, here */
			*n = 2;
			return 8;
		}
		return escape(p, n);
	}
	*n = 1;
	if (peek(p, 0) == '[' && peek(p, 1) == ':') {
		size_t end = str_search(str_skip(p->re, p->at), STR(":]"));

		*n = end + 2;
		return 256;
	}
	return (unsigned char)peek(p, 0);
}

/* "[...]"; false: nothing of ASCII is in it. */
static bool take_class(struct prune *p)
{
	size_t begin = p->out.n, members, n, m;
	bool negated, first = true;

	copy(p, 1);
	negated = peek(p, 0) == '^';
	if (negated)
		copy(p, 1);
	members = p->out.n;
	for (; is_more(p) && (first || peek(p, 0) != ']'); first = false) {
		unsigned low = member(p, &n), high;

		if (low == 512) {
			p->lost = true;
		} else if (peek(p, n) == '-' && peek(p, n + 1) != ']' && low < 256) {
			struct prune ahead = *p;

			ahead.at += n + 1;
			high = member(&ahead, &m);
			if (high >= 256)
				p->lost = true;
			else if (low < 128)
				buf_fmt(&p->out, "\\x%02x-\\x%02x", low, high < 128 ? high : 127);
			p->at += n + 1 + m;
		} else if (low < 128 || low == 256) {
			copy(p, n);
		} else {
			p->at += n;
		}
	}
	p->at++;
	if (p->out.n == members) {
		cut(p, begin);
		if (negated)
			buf_add(&p->out, STR("[\\x00-\\xff]"));
		return negated;
	}
	buf_addc(&p->out, ']');
	return true;
}

static bool take_branches(struct prune *p);

/* "(" and what kind of group it is; the kind's own octets are copied. */
static void take_opening(struct prune *p, bool *negative)
{
	size_t n = 1;

	*negative = false;
	if (peek(p, 1) == '?') {
		char c = peek(p, 2);

		n = 3;
		if (c == '!') {
			*negative = true;
		} else if (c == '<' && (peek(p, 3) == '=' || peek(p, 3) == '!')) {
			n = 4;
			*negative = peek(p, 3) == '!';
		} else if (!strchr(":=>", c) || c == 0) { /* "(?i-s:"; others give up */
			for (n = 2; ch_alpha(peek(p, n)) || peek(p, n) == '-'; n++)
				;
			p->lost = peek(p, n) != ':' || n == 2;
			n++;
		}
	}
	copy(p, n);
}

/* "(?i)": holds for what follows. */
static size_t flags_alone(const struct prune *p)
{
	size_t n = 2;

	if (peek(p, 1) != '?')
		return 0;
	while (strchr("ims", peek(p, n)) && peek(p, n))
		n++;
	return peek(p, n) == ')' && n > 2 ? n + 1 : 0;
}

/* A group; false: it cannot match ASCII. An assertion that nothing of that kind follows holds
 * then, and is left out. */
static bool take_group(struct prune *p)
{
	size_t begin = p->out.n, n = flags_alone(p);
	bool negative, alive;

	if (n) {
		copy(p, n);
		return true;
	}
	if (++p->depth > LIM_RULES_DEPTH) {
		p->lost = true;
		return false;
	}
	take_opening(p, &negative);
	alive = take_branches(p);
	p->depth--;
	if (peek(p, 0) != ')')
		p->lost = true;
	p->at++;
	if (alive) {
		buf_addc(&p->out, ')');
		return true;
	}
	cut(p, begin);
	if (negative)
		buf_add(&p->out, STR("(?:)"));
	return negative;
}

static bool take_atom(struct prune *p)
{
	char c = peek(p, 0);
	size_t n = 1;
	unsigned octet;

	if (c == '[')
		return take_class(p);
	if (c == '(')
		return take_group(p);
	octet = (unsigned char)c;
	if (c == '\\') {
		octet = escape(p, &n);
		p->lost = p->lost || octet == 512;
	}
	if (octet >= 128 && octet < 256) {
		p->at += n;
		return false;
	}
	copy(p, n);
	return true;
}

/* "*", "+?", "{2,5}": its octets, and whether it allows none. */
static size_t quantifier(const struct prune *p, bool *none)
{
	char c = peek(p, 0);
	size_t n = 1;

	*none = c == '*' || c == '?';
	if (c == '{') {
		while (ch_digit(peek(p, n)) || peek(p, n) == ',')
			n++;
		if (n == 1 || peek(p, n) != '}')
			return 0;
		n++;
		*none = ch_digit(peek(p, 1));
		for (size_t i = 1; ch_digit(peek(p, i)); i++)
			*none = *none && peek(p, i) == '0';
	} else if (!strchr("*+?", c) || c == 0) {
		return 0;
	}
	return n + (peek(p, n) == '?' || peek(p, n) == '+');
}

/* Up to '|', ')' or the end; false: the branch cannot match ASCII. */
static bool take_branch(struct prune *p)
{
	bool alive = true, none;

	while (is_more(p) && peek(p, 0) != '|' && peek(p, 0) != ')') {
		size_t begin = p->out.n;
		bool atom = take_atom(p);
		size_t n = quantifier(p, &none);

		if (atom) {
			copy(p, n);
			continue;
		}
		cut(p, begin);
		p->at += n;
		alive = alive && n && none;
	}
	return alive;
}

static bool take_branches(struct prune *p) /* depth: take_group's */
{
	bool any = false;

	for (;;) {
		size_t begin = p->out.n;

		if (any)
			buf_addc(&p->out, '|');
		if (take_branch(p))
			any = true;
		else
			cut(p, begin);
		if (peek(p, 0) != '|' || !is_more(p))
			return any;
		p->at++;
	}
}

/* "(?ims)" at most stands before it: other modes change the grammar. */
static bool is_readable(str re)
{
	str modes = rules_modes(re);

	return str_find(modes, 'x') == modes.n && str_find(modes, 'n') == modes.n;
}

bool rules_ascii(struct arena *a, str re, str *out)
{
	struct prune p = { .re = re };
	bool known, alive;

	buf_init(&p.out, LIM_RULES_EXPANDED);
	alive = take_branches(&p);
	known = is_readable(re) && !p.lost && p.at == re.n && buf_done(&p.out) == OK;
	*out = known && alive ? arena_dup(a, buf_str(&p.out)) : str_of(NULL, 0);
	buf_free(&p.out);
	return known;
}
