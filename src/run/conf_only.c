/* A part of posta.conf for one who may not see the rest. The text stays text: a role parses it with
 * the code of `posta check`, and lines keep their numbers. */
#include <string.h>

#include "run/conf.h"

/* What may come next at the top of the file. A terminator may be left out in libconfig, so that a
 * setting also ends where the next one's name begins. */
enum { NAME_WANTED, NAME, VALUE_WANTED, VALUE };

struct scan {
	unsigned state, depth; /* depth: of brackets; inside them nothing is looked at */
	bool kept;	       /* the setting that is read now */
	bool (*wanted)(const void *arg, str name);
	const void *arg;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f';
}

static bool is_word(char c)
{
	return ch_alnum(c) || (c && memchr("-+._*", c, 5));
}

static bool is_comment(str s)
{
	return s.p[0] == '#' || str_starts(s, STR("//")) || str_starts(s, STR("/*"));
}

static size_t comment_length(str s)
{
	size_t end = s.p[0] == '/' && s.p[1] == '*' ? str_search(str_skip(s, 2), STR("*/")) + 4
						    : str_find(s, '\n');

	return end < s.n ? end : s.n;
}

static size_t string_length(str s)
{
	size_t i = 1;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i < s.n ? i + 1 : s.n;
}

/* A comment, a string, a word, or one octet. */
static size_t token_length(str s)
{
	size_t n = 1;

	if (is_comment(s))
		return comment_length(s);
	if (s.p[0] == '"')
		return string_length(s);
	while (is_word(s.p[0]) && n < s.n && is_word(s.p[n]))
		n++;
	return n;
}

static bool opens(char c)
{
	return c == '{' || c == '(' || c == '[';
}

static bool closes(char c)
{
	return c == '}' || c == ')' || c == ']';
}

static void step(struct scan *s, str token)
{
	char c = token.p[0];

	if (s->depth) {
		s->depth += opens(c);
		s->depth -= closes(c);
	} else if (s->state == VALUE_WANTED) {
		s->depth = opens(c);
		s->state = VALUE;
	} else if (s->state == NAME && (c == '=' || c == ':')) {
		s->state = VALUE_WANTED;
	} else if (is_word(c) && s->state != NAME) {
		s->state = NAME;
		s->kept = s->wanted(s->arg, token);
	}
}

static void add_blanked(struct buf *out, str token)
{
	for (size_t i = 0; i < token.n; i++)
		buf_addc(out, is_blank(token.p[i]) ? token.p[i] : ' ');
}

void conf_only(str text, bool (*wanted)(const void *arg, str name), const void *arg,
	       struct buf *out)
{
	struct scan s = { .wanted = wanted, .arg = arg };

	while (text.n) {
		str token = str_take(text, token_length(text));
		bool silent = is_comment(token) || is_blank(token.p[0]);

		if (!silent)
			step(&s, token);
		if (s.kept && !silent)
			buf_add(out, token);
		else
			add_blanked(out, token);
		text = str_skip(text, token.n);
	}
}
