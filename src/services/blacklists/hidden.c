#include "services/blacklists/hidden.h"

enum { HOST_MAX = 253 };

static bool is_host(char c)
{
	return ch_alnum(c) || c == '-';
}

static size_t blanks(str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && n < 3 && (s.p[at + n] == ' ' || s.p[at + n] == '\t'))
		n++;
	return n;
}

static char closing(char open)
{
	return open == '[' ? ']' : open == '(' ? ')' : open == '{' ? '}' : '\0';
}

/* The dot or the word for it at s[at]; 0: neither. */
static size_t dot_word(str s, size_t at)
{
	if (at < s.n && s.p[at] == '.')
		return 1;
	return str_startsi(str_skip(s, at), STR("dot")) ? 3 : 0;
}

/* "[.]", "(dot)", "[ dot ]", with or without blanks around; " dot ". The octets of it, 0: none. */
static size_t hidden_dot(str s, size_t at)
{
	size_t i = at + blanks(s, at);
	bool space = i > at;

	if (i >= s.n)
		return 0;
	char close = closing(s.p[i]);

	if (close) {
		i++;
		i += blanks(s, i);
		size_t n = dot_word(s, i);

		i += n;
		i += blanks(s, i);
		if (!n || i >= s.n || s.p[i] != close)
			return 0;
		return i + 1 + blanks(s, i + 1) - at;
	}
	if (!space || dot_word(s, i) != 3 || !blanks(s, i + 3))
		return 0;
	return i + 3 + blanks(s, i + 3) - at;
}

/* "hxxp://", "hXXps[:]//", "h**p://" at s[at]: the octets of it. */
static size_t hidden_scheme(str s, size_t at)
{
	size_t i = at + 1;

	while (i < s.n && i < at + 3 &&
	       (ch_lower(s.p[i]) == 'x' || s.p[i] == '*' || ch_lower(s.p[i]) == 't'))
		i++;
	if (i != at + 3 || str_startsi(str_skip(s, at), STR("http")) || i >= s.n ||
	    ch_lower(s.p[i]) != 'p')
		return 0;
	i++;
	if (i < s.n && ch_lower(s.p[i]) == 's')
		i++;
	str rest = str_skip(s, i);

	if (str_starts(rest, STR("://")))
		return i + 3 - at;
	return str_starts(rest, STR("[:]//")) ? i + 5 - at : 0;
}

/* The host that goes through s[at]: labels and dots, hidden and plain ones, up to both ends. dots:
 * of how many kinds a hidden one was. Gives where it ends. */
static size_t read_host(str s, size_t at, char out[HOST_MAX], size_t *n, bool *hidden)
{
	*n = 0;
	while (at < s.n && *n < HOST_MAX) {
		size_t dot = s.p[at] == '.' ? 1 : hidden_dot(s, at);

		if (is_host(s.p[at])) {
			out[(*n)++] = ch_lower(s.p[at++]);
			continue;
		}
		if (!dot || at + dot >= s.n || !is_host(s.p[at + dot]) || !*n)
			break;
		*hidden |= s.p[at] != '.';
		out[(*n)++] = '.';
		at += dot;
	}
	return at;
}

/* Where something may begin that is worth a closer look: a label, or what looks like "hxxp". */
static bool may_begin(str s, size_t i)
{
	return is_host(s.p[i]) && (i == 0 || (!is_host(s.p[i - 1]) && s.p[i - 1] != '.'));
}

/* A word, then "dot" is prose more often than not: what a sentence has before the last two or three
 * labels is no part of the name, but the registered domain is the same. */
void blacklists_hidden(str text, size_t max, void (*found)(void *arg, str host), void *arg)
{
	for (size_t i = 0; i < text.n && max;) {
		char host[HOST_MAX];
		size_t n, end;
		bool hidden = false;

		if (!may_begin(text, i)) {
			i++;
			continue;
		}
		size_t scheme = ch_lower(text.p[i]) == 'h' ? hidden_scheme(text, i) : 0;

		end = read_host(text, i + scheme, host, &n, &hidden);
		if ((scheme || hidden) && n) {
			found(arg, str_of(host, n));
			max--;
		}
		i = end > i ? end : i + 1;
	}
}
