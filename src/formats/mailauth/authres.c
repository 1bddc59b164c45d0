#include "formats/mailauth/authres.h"

#include "base/limits.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
static char peek(str s)
{
	return s.n ? s.p[0] : '\0';
}

/* A comment that stands at the beginning, with those inside it. False: it does not end. */
static bool skip_comment(str *s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '\\')
			i++;
		else if (s->p[i] == '(')
			depth++;
		else if (s->p[i] == ')' && --depth == 0) {
			*s = str_skip(*s, i + 1);
			return true;
		}
	}
	return false;
}

static bool skip_cfws(str *s)
{
	for (;;) {
		if (is_space(peek(*s)))
			*s = str_skip(*s, 1);
		else if (peek(*s) != '(')
			return true;
		else if (!skip_comment(s))
			return false;
	}
}

/* The inside of a quoted string; *s stands at its '"'. */
static bool take_quoted(str *s, struct arena *a, str *out)
{
	char *p = arena_try(a, s->n + 1, 1);
	size_t n = 0;

	for (size_t i = 1; p && i < s->n; i++) {
		if (s->p[i] == '"') {
			*out = str_of(p, n);
			*s = str_skip(*s, i + 1);
			return true;
		}
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
		if (s->p[i] != '\r' && s->p[i] != '\n')
			p[n++] = s->p[i];
	}
	return false;
}

/* A run of bytes that are none of the stops, white space and comments aside. */
static str take_run(str *s, str stops)
{
	size_t n = 0;

	while (n < s->n && !is_space(s->p[n]) && s->p[n] != '(' &&
	       str_find(stops, s->p[n]) == stops.n)
		n++;
	str run = str_take(*s, n);

	*s = str_skip(*s, n);
	return run;
}

/* A token or a quoted string, comments before and behind it. */
static bool take_value(str *s, str stops, struct arena *a, str *out)
{
	if (!skip_cfws(s))
		return false;
	if (peek(*s) != '"')
		*out = take_run(s, stops);
	else if (!take_quoted(s, a, out))
		return false;
	return skip_cfws(s);
}

/* pvalue of 2.2: of an address the local part may be quoted. */
static bool take_pvalue(str *s, struct arena *a, str *out)
{
	bool quoted = skip_cfws(s) && peek(*s) == '"';

	if (!take_value(s, STR(";"), a, out))
		return false;
	if (!quoted || peek(*s) != '@')
		return quoted || out->n > 0;
	str domain = take_run(s, STR(";"));

	*out = arena_fmt(a, "%.*s%.*s", STRF(*out), STRF(domain));
	return out->p && skip_cfws(s);
}

static bool take_version(str *s, char before, unsigned *out)
{
	uint64_t v;

	*out = 1;
	if (before && peek(*s) != before)
		return true;
	if (before) {
		*s = str_skip(*s, 1);
		if (!skip_cfws(s))
			return false;
	}
	if (!before && !ch_digit(peek(*s)))
		return true;
	if (str_u64(take_run(s, STR(";=/")), 1000, &v) != OK)
		return false;
	*out = (unsigned)v;
	return skip_cfws(s);
}

static bool take_equals(str *s)
{
	if (peek(*s) != '=')
		return false;
	*s = str_skip(*s, 1);
	return skip_cfws(s);
}

/* ptype "." property "=" pvalue, or reason "=" value. */
static bool take_prop(str *s, struct arena *a, struct authres_result *r)
{
	struct authres_prop *p = &r->props[r->nprops];
	str word;

	if (!take_value(s, STR(";=."), a, &word) || !word.n)
		return false;
	if (str_eqi(word, STR("reason")) && peek(*s) == '=')
		return take_equals(s) && take_value(s, STR(";"), a, &r->reason);
	if (peek(*s) != '.' || r->nprops == LIM_AUTHRES_PROPS)
		return false;
	p->ptype = word;
	*s = str_skip(*s, 1);
	if (!take_value(s, STR(";="), a, &p->name) || !p->name.n || !take_equals(s) ||
	    !take_pvalue(s, a, &p->value))
		return false;
	r->nprops++;
	return true;
}

/* method ["/" version] "=" result, then reason and properties. */
static bool take_result(str *s, struct arena *a, struct authres_result *r)
{
	*r = (struct authres_result){ .reason = STR(""),
				      .props = NEW_TRY(a, struct authres_prop, LIM_AUTHRES_PROPS) };
	if (!r->props || !take_value(s, STR(";=/"), a, &r->method) || !r->method.n)
		return false;
	if (str_eqi(r->method, STR("none")) && (!s->n || peek(*s) == ';')) {
		r->method = STR("");
		return true;
	}
	if (!take_version(s, '/', &r->version) || !take_equals(s) ||
	    !take_value(s, STR(";"), a, &r->result) || !r->result.n)
		return false;
	while (s->n && peek(*s) != ';')
		if (!take_prop(s, a, r))
			return false;
	return true;
}

static err malformed(void)
{
	return fail(E_SYNTAX, "Authentication-Results is malformed");
}

err authres_parse(str value, struct arena *a, struct authres *out)
{
	str s = value;

	*out = (struct authres){ .results =
					 NEW_TRY(a, struct authres_result, LIM_AUTHRES_RESULTS) };
	if (!out->results)
		return fail(E_LIMIT, "memory for results");
	if (!take_value(&s, STR(";"), a, &out->id) || !out->id.n ||
	    !take_version(&s, '\0', &out->version))
		return fail(E_SYNTAX, "Authentication-Results without an authserv-id");
	while (peek(s) == ';') {
		s = str_skip(s, 1);
		if (!skip_cfws(&s))
			return malformed();
		if (!s.n)
			return OK; /* a ';' at the end is written by some */
		if (out->n == LIM_AUTHRES_RESULTS)
			return fail(E_LIMIT, "more than %d results", LIM_AUTHRES_RESULTS);
		if (!take_result(&s, a, &out->results[out->n]))
			return malformed();
		out->n += out->results[out->n].method.n > 0;
	}
	return s.n ? malformed() : OK;
}

/* ---- forged ones ---- */
/* "mx.example." is ours, too, and so is " mx.example" in quotes. */
static str bare(str id)
{
	id = str_trim_ws(id);
	while (id.n && id.p[id.n - 1] == '.')
		id.n--;
	return id;
}

static bool quoted_claims(str value, str id)
{
	char memory[512];
	size_t n = 0;

	for (size_t i = 1; i < value.n && value.p[i] != '"'; i++) {
		if (value.p[i] == '\\' && i + 1 < value.n)
			i++;
		if (n == sizeof(memory))
			return true;
		if (value.p[i] != '\r' && value.p[i] != '\n')
			memory[n++] = value.p[i];
	}
	str said = bare(str_of(memory, n));

	return !said.n || str_eqi(said, bare(id));
}

bool authres_claims(str name, str value, str id)
{
	if (!str_eqi(str_trim(name), STR("Authentication-Results")))
		return false;
	if (!skip_cfws(&value))
		return true;
	if (peek(value) == '"')
		return quoted_claims(value, id);
	str said = bare(take_run(&value, STR(";")));

	return !said.n || str_eqi(said, bare(id)) || str_find(said, '"') < said.n;
}

/* ---- writing ---- */
enum { FOLD = 78, VALUE = 200 };

static void break_line(struct authres_writer *w)
{
	buf_add(w->out, STR("\r\n\t"));
	w->line = w->out->n - 1;
}

/* A space before what comes, or a new line when it would be too long. */
static void space_for(struct authres_writer *w, size_t n)
{
	if (w->out->n - w->line + n + 2 > FOLD)
		break_line(w);
	else
		buf_addc(w->out, ' ');
}

/* RFC 2045 5.1. */
static bool is_token(char c)
{
	static const str specials = S("()<>@,;:\\\"/[]?=");

	return c > ' ' && c < 0x7f && str_find(specials, c) == specials.n;
}

/* What needs no quotes: a token, or an address whose local part and domain are such. */
static bool is_plain(str v)
{
	unsigned ats = 0;

	for (size_t i = 0; i < v.n; i++) {
		ats += v.p[i] == '@';
		if (!is_token(v.p[i]) && v.p[i] != '@')
			return false;
	}
	return v.n && ats <= 1 && v.p[v.n - 1] != '@';
}

static void add_quoted(struct buf *out, str v)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		buf_addc(out, c >= ' ' && c < 0x7f ? c : '?');
	}
	buf_addc(out, '"');
}

static void add_value(struct buf *out, str v)
{
	if (is_plain(v))
		buf_add(out, v);
	else
		add_quoted(out, v);
}

struct authres_writer authres_begin(struct buf *out, str id)
{
	struct authres_writer w = { .out = out, .line = out->n };

	buf_add(out, STR("Authentication-Results: "));
	add_value(out, id);
	return w;
}

void authres_method(struct authres_writer *w, const char *method, const char *result)
{
	buf_addc(w->out, ';');
	break_line(w);
	buf_fmt(w->out, "%s=%s", method, result);
	w->results = true;
}

void authres_reason(struct authres_writer *w, str reason)
{
	if (!reason.n)
		return;
	space_for(w, str_take(reason, VALUE).n + 9);
	buf_add(w->out, STR("reason="));
	add_quoted(w->out, str_take(reason, VALUE));
}

void authres_comment(struct authres_writer *w, str text)
{
	space_for(w, text.n + 2);
	buf_addc(w->out, '(');
	for (size_t i = 0; i < text.n && i < VALUE; i++) {
		char c = text.p[i];

		buf_addc(w->out,
			 c >= ' ' && c < 0x7f && c != '(' && c != ')' && c != '\\' ? c : '?');
	}
	buf_addc(w->out, ')');
}

void authres_prop(struct authres_writer *w, const char *prop, str value)
{
	if (!value.n || value.n > LIM_AUTHRES_VALUE)
		return;
	space_for(w, str_z(prop).n + 1 + value.n);
	buf_fmt(w->out, "%s=", prop);
	add_value(w->out, value);
}

void authres_end(struct authres_writer *w)
{
	if (!w->results)
		buf_add(w->out, STR("; none"));
	buf_add(w->out, STR("\r\n"));
}
