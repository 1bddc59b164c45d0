#include "base/str.h"

#include <limits.h>
#include <string.h>

str str_z(const char *z)
{
	return z ? (str){ z, strlen(z) } : STR("");
}

int str_width(str s)
{
	return s.n > INT_MAX ? INT_MAX : (int)s.n;
}

bool str_eq(str a, str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eqi(str a, str b)
{
	return a.n == b.n && str_cmpi(a, b) == 0;
}

static int by_length(str a, str b)
{
	return a.n < b.n ? -1 : a.n > b.n;
}

int str_cmp(str a, str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	return d ? d : by_length(a, b);
}

int str_cmpi(str a, str b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		int d = (unsigned char)ch_lower(a.p[i]) - (unsigned char)ch_lower(b.p[i]);

		if (d)
			return d;
	}
	return by_length(a, b);
}

bool str_starts(str s, str prefix)
{
	return s.n >= prefix.n && str_eq(str_take(s, prefix.n), prefix);
}

bool str_startsi(str s, str prefix)
{
	return s.n >= prefix.n && str_eqi(str_take(s, prefix.n), prefix);
}

bool str_ends(str s, str suffix)
{
	return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

bool str_endsi(str s, str suffix)
{
	return s.n >= suffix.n && str_eqi(str_skip(s, s.n - suffix.n), suffix);
}

str str_skip(str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return n ? (str){ s.p + n, s.n - n } : s;
}

str str_take(str s, size_t n)
{
	return (str){ s.p, n < s.n ? n : s.n };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_ws(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static str trim(str s, bool (*drop)(char))
{
	while (s.n && drop(s.p[s.n - 1]))
		s.n--;
	while (s.n && drop(s.p[0]))
		s = str_skip(s, 1);
	return s;
}

str str_trim(str s)
{
	return trim(s, is_blank);
}

str str_trim_ws(str s)
{
	return trim(s, is_ws);
}

size_t str_find(str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_rfind(str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_search(str s, str sub)
{
	const char *at = sub.n ? memmem(s.p, s.n, sub.p, sub.n) : s.p;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t str_searchi(str s, str sub)
{
	for (size_t i = 0; i + sub.n <= s.n; i++)
		if (str_eqi((str){ s.p + i, sub.n }, sub))
			return i;
	return s.n;
}

bool str_cut(str s, char c, str *before, str *after)
{
	size_t i = str_find(s, c);

	if (i == s.n)
		return false;
	*before = str_take(s, i);
	*after = str_skip(s, i + 1);
	return true;
}

bool str_next(str *rest, char sep, str *piece)
{
	if (!rest->p)
		return false;
	if (!str_cut(*rest, sep, piece, rest)) {
		*piece = *rest;
		*rest = (str){ NULL, 0 };
	}
	return true;
}

bool str_word(str *rest, str *word)
{
	while (rest->n && is_blank(rest->p[0]))
		*rest = str_skip(*rest, 1);
	size_t n = 0;

	while (n < rest->n && !is_blank(rest->p[n]))
		n++;
	*word = str_take(*rest, n);
	*rest = str_skip(*rest, n);
	return n > 0;
}

err str_u64(str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return E_SYNTAX;
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]))
			return E_SYNTAX;
	for (size_t i = 0; i < s.n; i++) {
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v) || v > max)
			return E_LIMIT;
	}
	*out = v;
	return OK;
}

err str_i64(str s, int64_t *out)
{
	bool minus = str_starts(s, STR("-"));
	uint64_t v;

	TRY(str_u64(minus ? str_skip(s, 1) : s, INT64_MAX, &v));
	*out = minus ? -(int64_t)v : (int64_t)v;
	return OK;
}

err str_to_z(str s, char *out, size_t cap)
{
	if (s.n >= cap)
		return E_LIMIT;
	if (str_find(s, '\0') != s.n)
		return E_SYNTAX;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return OK;
}

bool str_printable(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

bool str_ascii(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 127)
			return false;
	return true;
}
