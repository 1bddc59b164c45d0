/* A lighter pattern that matches wherever the given one does, for Hyperscan as a prefilter. Bounded
 * repeats are unrolled there, so that "(?:.{1,1000}x){0,99}" takes half a minute to compile; here
 * they lose their upper bound, and groups of digits alone are any digits. Knows as much of the
 * grammar as that takes; what it does not know makes it give up. */
#include <string.h>

#include "base/limits.h"
#include "services/rules/set.h"

enum {
	REPEAT_MOST = 8,   /* positions that a repeat may be unrolled to */
	TWICE_MOST = 1000, /* a group up to that size keeps that it comes twice at least */
	DIGITS_LEAST = 8,  /* smaller groups of digits stay */
	NO_BOUND = 1000000,
};

struct loosening {
	str re;
	size_t at;
	struct buf out;
	unsigned depth;
	unsigned times; /* of the whole, when it is one repeat that now may come once */
	bool anchors;	/* '^' and '$' inside are left out, which Hyperscan has at the ends alone */
	bool lost;	/* something that it does not know */
};

/* What was read: how many positions it has when all repeats are unrolled. */
struct piece {
	double was, is;
	bool digits; /* it matches nothing else */
};

struct repeat {
	unsigned least, most; /* NO_BOUND */
	char how;	      /* '?', '+' or 0 behind it */
	bool braced;
};

static char peek(const struct loosening *l, size_t ahead)
{
	return l->at + ahead < l->re.n ? l->re.p[l->at + ahead] : 0;
}

static bool is_more(const struct loosening *l)
{
	return l->at < l->re.n && !l->lost;
}

static void copy(struct loosening *l, size_t n)
{
	buf_add(&l->out, str_take(str_skip(l->re, l->at), n));
	l->at += n;
}

/* Octets of an escape; *digit: it is one, or any. */
static size_t escape(struct loosening *l, size_t from, bool *digit)
{
	char c = peek(l, from + 1);
	size_t n = 2;

	*digit = c == 'd';
	if (c == 0 || strchr("QEKRXGkgpPNCo", c))
		l->lost = true;
	if (c != 'x')
		return n;
	if (peek(l, from + 2) == '{') {
		n = str_find(str_skip(l->re, l->at + from), '}') + 1;
	} else {
		while (n < 4 &&
		       (ch_digit(peek(l, from + n)) ||
			(ch_lower(peek(l, from + n)) >= 'a' && ch_lower(peek(l, from + n)) <= 'f')))
			n++;
		*digit = n == 4 && peek(l, from + 2) == '3' && ch_digit(peek(l, from + 3));
	}
	return n;
}

/* "[...]" */
static struct piece take_class(struct loosening *l)
{
	struct piece p = { 1, 1, peek(l, 1) != '^' };
	size_t n = peek(l, 1) == '^' ? 2 : 1;
	bool digit;

	for (bool first = true; first || peek(l, n) != ']'; first = false) {
		char c = peek(l, n);

		if (l->at + n >= l->re.n || l->lost) {
			l->lost = true;
			return p;
		}
		if (c == '\\') {
			n += escape(l, n, &digit);
			p.digits = p.digits && digit;
		} else if (c == '[' && peek(l, n + 1) == ':') {
			n += str_search(str_skip(l->re, l->at + n), STR(":]")) + 2;
			p.digits = false;
		} else {
			p.digits = p.digits &&
				   (ch_digit(c) || (c == '-' && !first && peek(l, n + 1) != ']'));
			n++;
		}
	}
	copy(l, n + 1);
	return p;
}

static struct piece take_branches(struct loosening *l);

/* Octets of "(" with its kind. */
static size_t opening(struct loosening *l)
{
	size_t n = 3;

	if (peek(l, 1) == '*')
		l->lost = true;
	if (peek(l, 1) != '?')
		return 1;
	if (peek(l, 2) == '<' && (peek(l, 3) == '=' || peek(l, 3) == '!'))
		return 4;
	if (peek(l, 2) && strchr(":=!>", peek(l, 2)))
		return n;
	if (peek(l, 2) == '<') { /* "(?<name>" */
		while (ch_alnum(peek(l, n)) || peek(l, n) == '_')
			n++;
		l->lost = l->lost || peek(l, n) != '>';
		return n + 1;
	}
	for (n = 2; ch_alpha(peek(l, n)) || peek(l, n) == '-'; n++)
		;
	l->lost = l->lost || n == 2 || (peek(l, n) != ':' && peek(l, n) != ')');
	return n + 1;
}

/* A group. What must not match, or stands behind, stays as it is. */
static struct piece take_group(struct loosening *l)
{
	size_t begin = l->out.n, from = l->at, n = opening(l);
	bool plain = n == 3 && peek(l, 2) == ':', atomic = n == 3 && peek(l, 2) == '>';
	bool kept = (n == 3 && peek(l, 2) == '!') || n == 4;
	struct piece p = { 0, 0, false };

	if (l->lost || n > l->re.n - l->at || ++l->depth > LIM_RULES_DEPTH) {
		l->lost = true;
		return p;
	}
	if (n > 1 && peek(l, n - 1) == ')') { /* "(?i)" */
		copy(l, n);
		l->depth--;
		return p;
	}
	if (atomic) {
		buf_add(&l->out, STR("(?:"));
		l->at += n;
	} else {
		copy(l, n);
	}
	p = take_branches(l);
	l->depth--;
	if (peek(l, 0) != ')')
		l->lost = true;
	copy(l, 1);
	if (kept && !l->lost) {
		l->out.n = begin;
		buf_add(&l->out, str_take(str_skip(l->re, from), l->at - from));
		p.is = p.was;
	} else if (plain && p.digits && p.is > DIGITS_LEAST) {
		l->out.n = begin;
		buf_add(&l->out, STR("(?:\\d*)"));
		p.is = 1;
	}
	p.digits = p.digits && (plain || atomic || n == 1);
	return p;
}

static struct piece take_atom(struct loosening *l)
{
	struct piece p = { 1, 1, ch_digit(peek(l, 0)) };
	size_t n;

	if (peek(l, 0) == '[')
		return take_class(l);
	if (peek(l, 0) == '(')
		return take_group(l);
	if (l->anchors && l->at > 0 && (peek(l, 0) == '^' || (peek(l, 0) == '$' && peek(l, 1)))) {
		buf_add(&l->out, STR("(?:)"));
		l->at++;
		return p;
	}
	n = peek(l, 0) == '\\' ? escape(l, 0, &p.digits) : 1;
	copy(l, n);
	return p;
}

static unsigned number(const struct loosening *l, size_t *n)
{
	unsigned v = 0;

	for (; ch_digit(peek(l, *n)); (*n)++)
		v = v < NO_BOUND ? v * 10 + (unsigned)(peek(l, *n) - '0') : v;
	return v;
}

/* Behind an atom; false: it stands once. */
static bool take_repeat(struct loosening *l, struct repeat *r)
{
	char c = peek(l, 0);
	size_t n = 1;

	*r = (struct repeat){ .least = c == '+', .most = c == '?' ? 1 : NO_BOUND };
	if (c == '{') {
		if (!ch_digit(peek(l, 1)))
			return false;
		r->braced = true;
		r->least = r->most = number(l, &n);
		if (peek(l, n) == ',') {
			n++;
			r->most = ch_digit(peek(l, n)) ? number(l, &n) : NO_BOUND;
		}
		if (peek(l, n++) != '}')
			return false;
	} else if (c == 0 || !strchr("*+?", c)) {
		return false;
	}
	if (peek(l, n) == '?' || peek(l, n) == '+')
		r->how = peek(l, n++);
	l->at += n;
	return true;
}

static double times(unsigned least, unsigned most)
{
	return most < NO_BOUND ? most : least ? least : 1;
}

/* The repeat as it is, but not possessive; or without its bound. True: what had to come several
 * times need come but once. */
static bool add_repeat(struct loosening *l, const struct repeat *r, struct piece *p)
{
	double is = p->is * times(r->least, r->most);
	unsigned least = r->least < 2 || p->is > TWICE_MOST ? r->least > 0 : 2;
	bool freed = r->braced && is > REPEAT_MOST;

	p->was *= times(r->least, r->most);
	if (!r->braced) {
		buf_addc(&l->out, r->most == 1 ? '?' : r->least ? '+' : '*');
	} else if (freed) {
		buf_fmt(&l->out, "{%u,}", least);
		is = p->is * times(least, NO_BOUND);
	} else if (r->most == NO_BOUND) {
		buf_fmt(&l->out, "{%u,}", r->least);
	} else {
		buf_fmt(&l->out, "{%u,%u}", r->least, r->most);
	}
	if (r->how == '?')
		buf_addc(&l->out, '?');
	p->is = is;
	return freed && r->least > 1 && least == 1;
}

static void add(struct piece *all, const struct piece *p)
{
	all->was += p->was;
	all->is += p->is;
	all->digits = all->digits && p->digits;
}

static struct piece take_branch(struct loosening *l)
{
	struct piece all = { 0, 0, true };
	struct repeat r;
	unsigned times = 1, n = 0;

	while (is_more(l) && peek(l, 0) != '|' && peek(l, 0) != ')') {
		struct piece p = take_atom(l);

		n += p.was > 0;
		if (take_repeat(l, &r) && add_repeat(l, &r, &p))
			times = r.least;
		add(&all, &p);
	}
	if (l->depth == 0)
		l->times = n == 1 ? times : 1;
	return all;
}

static struct piece take_branches(struct loosening *l) /* depth: take_group's */
{
	struct piece all = take_branch(l);

	while (peek(l, 0) == '|' && is_more(l)) {
		copy(l, 1);

		struct piece p = take_branch(l);

		add(&all, &p);
		l->times = l->depth ? l->times : 1;
	}
	return all;
}

bool rules_loosen(struct arena *a, str re, bool anchors, struct loosened *out)
{
	struct loosening l = { .re = re, .anchors = anchors };
	str modes = rules_modes(re);

	*out = (struct loosened){ .re = str_of(NULL, 0) };
	if (str_find(modes, 'x') < modes.n || str_find(modes, 'n') < modes.n)
		return false; /* they change the grammar */
	buf_init(&l.out, LIM_RULES_EXPANDED);

	struct piece p = take_branches(&l);

	if (!l.lost && l.at == re.n && buf_done(&l.out) == OK)
		*out = (struct loosened){ arena_dup(a, buf_str(&l.out)), p.was, p.is, l.times };
	buf_free(&l.out);
	return out->re.p != NULL;
}
