#include "formats/rules/test.h"

#include <string.h>

#include "base/limits.h"
#include "formats/rules/lines.h"

/* ---- patterns ---- */

static char closing(char open)
{
	return (char)(open == '{'   ? '}'
		      : open == '(' ? ')'
		      : open == '<' ? '>'
		      : open == '[' ? ']'
				    : open);
}

/* The expression between its delimiters, and the modifiers behind. */
static err take_delimiters(str text, str *re, str *mods)
{
	size_t end;
	char open = '/';

	if (str_starts(text, STR("/")))
		text = str_skip(text, 1);
	else if (str_starts(text, STR("qr")) && text.n > 2)
		open = text.p[2], text = str_skip(text, 3);
	else if (str_starts(text, STR("m")) && text.n > 1)
		open = text.p[1], text = str_skip(text, 2);
	else
		return fail(E_SYNTAX, "a pattern without delimiters");
	if (ch_alnum(open) || open == '_' || open == '\\')
		return fail(E_SYNTAX, "a pattern cannot stand between '%c'", open);
	end = str_rfind(text, closing(open));
	if (end == text.n)
		return fail(E_SYNTAX, "a pattern without its closing '%c'", closing(open));
	*re = str_take(text, end);
	*mods = str_skip(text, end + 1);
	return OK;
}

/* The same delimiter inside must be escaped; one that opens and closes may stand in pairs. */
static err check_inside(str re, char delimiter)
{
	if (strchr("})]>", delimiter))
		return OK;
	for (size_t i = 0; i < re.n; i++) {
		if (re.p[i] == '\\')
			i++;
		else if (re.p[i] == delimiter)
			return fail(E_SYNTAX, "'%c' inside a pattern is not escaped", delimiter);
	}
	return OK;
}

/* i, m, s, x and n say the same here; a, u, l, d, p and o change nothing for octets. */
static err take_modifiers(str mods, char out[8])
{
	size_t n = 0;

	for (size_t i = 0; i < mods.n; i++) {
		char c = mods.p[i];

		if (!strchr("imsxnauldpogc", c) || c == 0)
			return fail(E_SYNTAX, "'%c' is no modifier of a pattern", c);
		if (strchr("imsxn", c) && !memchr(out, c, n) && n < 7)
			out[n++] = c;
	}
	out[n] = 0;
	return OK;
}

/* Perl since 5.34 reads "{,3}" as "{0,3}", PCRE2 as these four octets. */
static void add_translated(struct buf *out, str re)
{
	bool in_class = false;

	for (size_t i = 0; i < re.n; i++) {
		char c = re.p[i];

		buf_addc(out, c);
		if (c == '\\' && i + 1 < re.n) {
			buf_addc(out, re.p[++i]);
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[') {
			in_class = true;
			if (i + 1 < re.n && re.p[i + 1] == '^')
				buf_addc(out, re.p[++i]);
			if (i + 1 < re.n && re.p[i + 1] == ']') /* as the first one it is itself */
				buf_addc(out, re.p[++i]);
		} else if (c == '{' && i + 2 < re.n && re.p[i + 1] == ',' &&
			   ch_digit(re.p[i + 2])) {
			buf_addc(out, '0');
		}
	}
}

err rule_pattern_parse(struct arena *a, str text, str *out)
{
	struct buf b;
	str re, mods;
	char kept[8];

	if (text.n > LIM_RULES_PATTERN)
		return fail(E_LIMIT, "a pattern of more than %zu octets", LIM_RULES_PATTERN);
	TRY(take_delimiters(text, &re, &mods));
	TRY(check_inside(re, re.p[re.n]));
	TRY(take_modifiers(mods, kept));
	if (str_search(re, STR("(?{")) < re.n || str_search(re, STR("(??{")) < re.n)
		return fail(E_SYNTAX, "a pattern with code inside");
	buf_init(&b, 2 * LIM_RULES_PATTERN);
	if (kept[0])
		buf_fmt(&b, "(?%s)", kept);
	add_translated(&b, re);
	*out = arena_dup(a, buf_str(&b));

	err e = buf_done(&b);

	buf_free(&b);
	return e == OK && out->p == NULL ? fail(E_LIMIT, "patterns take too much memory") : e;
}

bool rule_pattern_captures(str re)
{
	for (size_t i = 0; i + 3 < re.n; i++) {
		size_t at = i + 2;

		if (re.p[i] != '(' || re.p[i + 1] != '?')
			continue;
		at += re.p[at] == 'P';
		if (at + 1 < re.n && (re.p[at] == '<' || re.p[at] == '\'') && re.p[at + 1] >= 'A' &&
		    re.p[at + 1] <= 'Z')
			return true;
	}
	return false;
}

static size_t template_name(str s)
{
	size_t i = 0;

	if (s.n == 0 || s.p[0] < 'A' || s.p[0] > 'Z')
		return 0;
	while (i < s.n && ((s.p[i] >= 'A' && s.p[i] <= 'Z') || ch_digit(s.p[i]) || s.p[i] == '_'))
		i++;
	return i < s.n && s.p[i] == '}' ? i : 0;
}

bool rule_pattern_template(str re, str *before, str *name, str *rest)
{
	for (size_t i = 0; i + 2 < re.n; i++) {
		if (re.p[i] == '\\') {
			i++;
			continue;
		}
		if (re.p[i] != '%' || re.p[i + 1] != '{')
			continue;

		size_t n = template_name(str_skip(re, i + 2));

		if (n == 0)
			continue;
		*before = str_take(re, i);
		*name = str_take(str_skip(re, i + 2), n);
		*rest = str_skip(re, i + 3 + n);
		return true;
	}
	return false;
}

bool rule_pattern_uses(str re)
{
	str before, name, rest;

	return rule_pattern_template(re, &before, &name, &rest);
}

/* ---- header tests ---- */

static bool is_field_char(char c)
{
	return ch_alnum(c) || c == '_' || c == '-' || c == '.';
}

static err take_spec(str *text, str *spec)
{
	size_t i = 0;

	while (i < text->n && (is_field_char(text->p[i]) || text->p[i] == ':'))
		i++;
	*spec = str_take(*text, i);
	*text = str_trim_ws(str_skip(*text, i));
	while (spec->n && spec->p[spec->n - 1] == ':')
		spec->n--;
	return spec->n ? OK : fail(E_SYNTAX, "a header test without a field's name");
}

/* " [if-unset: UNSET]" at the end. */
static void take_unset(str *text, struct rule_header_test *out)
{
	static const str mark = S("[if-unset:");
	size_t at;

	if (text->n == 0 || text->p[text->n - 1] != ']')
		return;
	at = str_search(*text, mark);
	if (at == text->n || at == 0)
		return;
	out->has_unset = true;
	out->unset = str_skip(*text, at + mark.n);
	out->unset.n--;
	while (out->unset.n && (out->unset.p[0] == ' ' || out->unset.p[0] == '\t'))
		out->unset = str_skip(out->unset, 1);
	*text = str_trim_ws(str_take(*text, at));
}

err rule_header_parse(struct arena *a, str text, struct rule_header_test *out)
{
	*out = (struct rule_header_test){ .unset = STR(""), .re = STR("") };
	if (str_starts(text, STR("exists:"))) {
		out->exists = true;
		text = str_skip(text, 7);
		TRY(take_spec(&text, &out->spec));
		return text.n ? fail(E_SYNTAX, "text behind exists:%.*s", STRF(out->spec)) : OK;
	}
	TRY(take_spec(&text, &out->spec));
	out->negated = str_starts(text, STR("!~"));
	if (!out->negated && !str_starts(text, STR("=~")))
		return fail(E_SYNTAX, "a header test without =~ or !~");
	text = str_trim_ws(str_skip(text, 2));
	take_unset(&text, out);
	return rule_pattern_parse(a, text, &out->re);
}

/* ---- calls ---- */

/* One argument: in quotes, or a plain word of letters, digits, '.', ':', '-'. */
static err take_arg(str *rest, str *arg)
{
	size_t n = 0;
	char q = rest->p[0];

	if (q == '\'' || q == '"') {
		n = str_find(str_skip(*rest, 1), q);
		if (n + 1 >= rest->n)
			return fail(E_SYNTAX, "an argument without its closing quote");
		*arg = str_take(str_skip(*rest, 1), n);
		*rest = str_trim_ws(str_skip(*rest, n + 2));
		return OK;
	}
	while (n < rest->n && (ch_alnum(rest->p[n]) || strchr(".:-", rest->p[n])))
		n++;
	if (n == 0)
		return fail(E_SYNTAX, "an argument that is neither quoted nor a word");
	*arg = str_take(*rest, n);
	*rest = str_trim_ws(str_skip(*rest, n));
	return OK;
}

err rule_call_parse(str text, struct rule_call *out)
{
	size_t n = 0;
	str rest;

	out->nargs = 0;
	text = str_trim_ws(text);
	while (n < text.n && (ch_alnum(text.p[n]) || text.p[n] == '_'))
		n++;
	out->function = str_take(text, n);
	rest = str_trim_ws(str_skip(text, n));
	if (n == 0 || rest.n < 2 || rest.p[0] != '(' || rest.p[rest.n - 1] != ')')
		return fail(E_SYNTAX, "a call is written name(arguments)");
	rest = str_trim_ws(str_take(str_skip(rest, 1), rest.n - 2));
	while (rest.n) {
		if (out->nargs == RULE_ARGS)
			return fail(E_LIMIT, "more than %d arguments", RULE_ARGS);
		TRY(take_arg(&rest, &out->args[out->nargs++]));
		if (rest.n == 0)
			break;
		if (rest.p[0] != ',')
			return fail(E_SYNTAX, "arguments without a comma between");
		rest = str_trim_ws(str_skip(rest, 1));
	}
	return OK;
}

/* ---- numbers and names ---- */

static err take_score(str s, double *out)
{
	bool minus = str_starts(s, STR("-"));

	if (minus || str_starts(s, STR("+")))
		s = str_skip(s, 1);
	if (s.n == 0 || s.n > 20)
		return fail(E_SYNTAX, "a score that is no number");
	if (!rule_decimal(s, out))
		return fail(E_SYNTAX, "\"%.*s\" is no score", STRF(s));
	*out = minus ? -*out : *out;
	return OK;
}

err rule_scores_parse(str text, struct rule_scores *out)
{
	str word;
	size_t n = 0;

	*out = (struct rule_scores){ .relative = false };
	while (rule_word(&text, &word)) {
		if (n == 4)
			return fail(E_SYNTAX, "more than four scores");
		if (word.p[0] == '(' && word.p[word.n - 1] == ')') {
			out->relative = true;
			word = str_take(str_skip(word, 1), word.n - 2);
		}
		TRY(take_score(word, &out->v[n++]));
	}
	if (n != 1 && n != 4)
		return fail(E_SYNTAX, "%zu scores where one or four belong", n);
	for (; n < 4; n++)
		out->v[n] = out->v[0];
	return OK;
}

bool rule_name_valid(str s)
{
	if (s.n == 0 || s.n > LIM_RULES_NAME || ch_digit(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

bool rule_has_flag(str tflags, str word)
{
	str w;

	while (rule_word(&tflags, &w))
		if (str_eq(w, word))
			return true;
	return false;
}

bool rule_flag_number(str tflags, str word, unsigned *out)
{
	str w;
	uint64_t v;

	while (rule_word(&tflags, &w))
		if (w.n > word.n + 1 && str_starts(w, word) && w.p[word.n] == '=' &&
		    str_u64(str_skip(w, word.n + 1), 1000000, &v) == OK) {
			*out = (unsigned)v;
			return true;
		}
	return false;
}

bool rule_glob(str pattern, str s)
{
	size_t p = 0, i = 0, star = pattern.n, back = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			back = i;
		} else if (p < pattern.n &&
			   (pattern.p[p] == '?' || ch_lower(pattern.p[p]) == ch_lower(s.p[i]))) {
			p++;
			i++;
		} else if (star < pattern.n) {
			p = star + 1;
			i = ++back;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}
