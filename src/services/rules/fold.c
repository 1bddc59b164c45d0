#include <string.h>

#include "base/limits.h"
#include "services/rules/set.h"

/* The other case of an octet in Latin-1; 0: it has none. ASCII is Hyperscan's own. */
static unsigned other_case(unsigned c)
{
	if (c >= 0xC0 && c <= 0xDE && c != 0xD7)
		return c + 32;
	if (c >= 0xE0 && c <= 0xFE && c != 0xF7)
		return c - 32;
	return 0;
}

static int hex(char c)
{
	return ch_digit(c)	      ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* One octet as written: raw, "\xe4" or "\x{e4}"; how many octets that took. Other things: 256. */
static size_t take_octet(str s, unsigned *out)
{
	size_t i = 2;
	unsigned v = 0;

	*out = (unsigned char)s.p[0];
	if (s.p[0] != '\\')
		return 1;
	*out = 256;
	if (s.n < 3 || s.p[1] != 'x')
		return s.n < 2 ? 1 : 2;

	bool braced = s.p[2] == '{';

	i += braced;
	for (; i < s.n && hex(s.p[i]) >= 0 && (braced || i < 4); i++)
		v = (v << 4 | (unsigned)hex(s.p[i])) & 0xFFFF;
	*out = v < 256 ? v : 256;
	return braced && i < s.n ? i + 1 : i;
}

/* What a class must have beside its members first to last. */
static void add_range(struct buf *out, unsigned first, unsigned last)
{
	for (unsigned c = first; c <= last && c < 256; c++)
		if (other_case(c))
			buf_fmt(out, "\\x%02x", other_case(c));
}

/* "[...]" whole, from its '['. */
static size_t fold_class(str re, struct buf *out)
{
	size_t i = 1, n;
	unsigned c, last = 256;
	bool range = false;
	struct buf more;

	buf_init(&more, LIM_RULES_EXPANDED);
	buf_addc(out, '[');
	if (i < re.n && re.p[i] == '^')
		buf_addc(out, re.p[i++]);
	for (size_t begin = i; i < re.n && (re.p[i] != ']' || i == begin); i += n) {
		str rest = str_skip(re, i);

		n = take_octet(rest, &c);
		if (str_starts(rest, STR("[:")) && str_search(rest, STR(":]")) < rest.n)
			n = str_search(rest, STR(":]")) + 2, c = 256;
		buf_add(out, str_take(rest, n));
		if (range && c < 256)
			add_range(&more, last, c);
		else
			add_range(&more, c, c);
		range = !range && c == '-' && last < 256;
		if (!range)
			last = c;
	}
	buf_add(out, buf_str(&more));
	buf_free(&more);
	if (i < re.n)
		buf_addc(out, ']');
	return i < re.n ? i + 1 : i;
}

str rules_modes(str re)
{
	size_t n = 2;

	if (!str_starts(re, STR("(?")))
		return STR("");
	while (n < re.n && ch_alpha(re.p[n]))
		n++;
	return n < re.n && re.p[n] == ')' ? str_of(re.p + 2, n - 2) : STR("");
}

static bool has_high(str re)
{
	unsigned c;

	for (size_t i = 0; i < re.n; i += take_octet(str_skip(re, i), &c)) {
		(void)take_octet(str_skip(re, i), &c);
		if (c > 127 && c < 256)
			return true;
	}
	return false;
}

str rules_fold(struct arena *a, str re)
{
	struct buf b;
	unsigned c;
	size_t n;

	if (str_find(rules_modes(re), 'i') == rules_modes(re).n || !has_high(re))
		return re;
	buf_init(&b, LIM_RULES_EXPANDED);
	for (size_t i = 0; i < re.n; i += n) {
		str rest = str_skip(re, i);

		if (rest.p[0] == '[') {
			n = fold_class(rest, &b);
			continue;
		}
		n = take_octet(rest, &c);
		if (c < 256 && other_case(c))
			buf_fmt(&b, "[\\x%02x\\x%02x]", c, other_case(c));
		else
			buf_add(&b, str_take(rest, n));
	}

	str out = buf_done(&b) == OK ? arena_dup(a, buf_str(&b)) : re;

	buf_free(&b);
	return out.p ? out : re;
}
