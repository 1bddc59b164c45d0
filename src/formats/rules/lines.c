#include "formats/rules/lines.h"

#include "base/limits.h"
#include "formats/rules/condition.h"

struct ifs {
	bool skip[LIM_RULES_IFS]; /* as it was before each open if */
	size_t line[LIM_RULES_IFS];
	size_t n;
	bool skipping;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool rule_word(str *rest, str *word)
{
	size_t i = 0, j;

	while (i < rest->n && is_space(rest->p[i]))
		i++;
	for (j = i; j < rest->n && !is_space(rest->p[j]);)
		j++;
	*word = str_of(rest->p + i, j - i);
	*rest = str_skip(*rest, j);
	return word->n > 0;
}

bool rule_decimal(str s, double *out)
{
	double v = 0, unit = 1;
	bool point = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
		} else if (ch_digit(s.p[i])) {
			v = v * 10 + (s.p[i] - '0');
			unit *= point ? 10 : 1;
		} else {
			return false;
		}
	}
	*out = v / unit;
	return true;
}

static str trim(str s)
{
	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Without its comment; an escaped '#' is one. */
static str uncomment(struct arena *a, str line)
{
	size_t n = 0, at = str_find(line, '#');

	if (at == line.n)
		return line;
	while (at < line.n && at > 0 && line.p[at - 1] == '\\')
		at += 1 + str_find(str_skip(line, at + 1), '#');
	line = str_take(line, at);
	if (str_find(line, '#') == line.n)
		return line;

	char *p = arena_get(a, line.n, 1);

	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\\' || i + 1 == line.n || line.p[i + 1] != '#')
			p[n++] = line.p[i];
	return str_of(p, n);
}

/* Lower case, dashes as underscores; copied only where it changes. */
static str plain_key(struct arena *a, str key)
{
	bool same = true;

	for (size_t i = 0; i < key.n; i++)
		same = same && key.p[i] == ch_lower(key.p[i]) && key.p[i] != '-';
	if (same)
		return key;

	char *p = arena_get(a, key.n, 1);

	for (size_t i = 0; i < key.n; i++)
		p[i] = (char)(key.p[i] == '-' ? '_' : ch_lower(key.p[i]));
	return str_of(p, key.n);
}

/* "lang de describe ...": texts for readers of another language. */
static bool is_foreign(str *line)
{
	str rest = *line, word, lang;

	if (!str_starts(*line, STR("lang")) || !rule_word(&rest, &word) ||
	    !str_eqi(word, STR("lang")) || !rule_word(&rest, &lang))
		return false;
	*line = trim(rest);
	return !str_startsi(STR("en_US"), lang);
}

static bool any_skips(const struct ifs *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->skip[i])
			return true;
	return false;
}

static err take_if(const struct rule_reader *r, struct ifs *f, const struct rule_line *l)
{
	bool yes = true;

	if (f->n == LIM_RULES_IFS)
		return fail(E_LIMIT, "more than %d ifs inside each other", LIM_RULES_IFS);
	if (l->value.n == 0)
		return fail(E_SYNTAX, "%.*s without a condition", STRF(l->key));
	if (str_eq(l->key, STR("ifplugin")))
		yes = rule_has_plugin(r, l->value);
	else
		TRY(rule_condition(r, l->value, &yes));
	f->line[f->n] = l->number;
	f->skip[f->n++] = f->skipping;
	if (!yes)
		f->skipping = true;
	return OK;
}

static err take_version(struct ifs *f, const struct rule_line *l)
{
	if (l->value.n == 0)
		return fail(E_SYNTAX, "require_version without a version");
	if (!str_eq(l->value, STR("@@VERSION@@")) && !str_eq(l->value, STR(RULE_VERSION)))
		f->skipping = true;
	return OK;
}

static err take_line(const struct rule_reader *r, struct ifs *f, const struct rule_line *l)
{
	if (str_eq(l->key, STR("endif"))) {
		if (f->n == 0)
			return fail(E_SYNTAX, "endif without if");
		f->skipping = f->skip[--f->n];
		return OK;
	}
	if (str_eq(l->key, STR("if")) || str_eq(l->key, STR("ifplugin")))
		return take_if(r, f, l);
	if (str_eq(l->key, STR("else"))) {
		if (f->n == 0)
			return fail(E_SYNTAX, "else without if");
		f->skipping = any_skips(f) || !f->skipping;
		return OK;
	}
	if (f->skipping)
		return OK;
	if (str_eq(l->key, STR("require_version")))
		return take_version(f, l);
	return r->line(r->arg, l);
}

/* The fault's text again, with its place before it. */
static err placed(err e, str file, size_t line)
{
	struct fault was = *err_last();

	return fail(e, "%.*s:%zu: %s", STRF(file), line, was.text);
}

err rule_lines_read(const struct rule_reader *r, str file, str text)
{
	struct ifs f = { .n = 0 };
	str line, rest = text;
	struct rule_line l = { .number = 0 };

	while (str_next(&rest, '\n', &line)) {
		l.number++;
		if (line.n > LIM_RULES_LINE)
			return fail(E_LIMIT, "%.*s:%zu: a line of more than %zu octets", STRF(file),
				    l.number, LIM_RULES_LINE);
		line = trim(uncomment(r->a, line));
		if (line.n == 0 || is_foreign(&line))
			continue;
		(void)rule_word(&line, &l.key);
		l.key = plain_key(r->a, l.key);
		l.value = trim(line);

		err e = take_line(r, &f, &l);

		if (e)
			return placed(e, file, l.number);
	}
	if (f.n)
		return fail(E_SYNTAX, "%.*s:%zu: an if without endif", STRF(file), f.line[f.n - 1]);
	return OK;
}
