#include "formats/imap/response.h"

#include "formats/imap/write.h"

static const str statuses[] = { S("OK"), S("NO"), S("BAD"), S("BYE"), S("PREAUTH") };

struct parse {
	struct imap_in in;
	unsigned depth, values;
};

/* An atom as servers write them: flags with '\', "*" in PERMANENTFLAGS, and sections with their
 * brackets. */
static bool word_char(char c)
{
	return imap_atom_char(c) || c == '\\' || c == '*' || c == '%' || c == ']';
}

/* Octets of an atom at s; inside brackets all but CR, LF count, and "]" ends them. */
static size_t word_length(str s)
{
	size_t n = 0;

	while (n < s.n && word_char(s.p[n])) {
		if (s.p[n++] != '[')
			continue;
		while (n < s.n && s.p[n] != ']' && s.p[n] != '\r' && s.p[n] != '\n' && s.p[n])
			n++;
		if (n >= s.n || s.p[n] != ']')
			return 0;
	}
	return n;
}

static err parse_value(struct parse *p, struct imap_value **out);

static err parse_list(struct parse *p, struct imap_value *v)
{
	struct imap_value **last = &v->child;

	v->kind = IMAP_V_LIST;
	if (++p->depth > LIM_IMAP_DEPTH)
		return fail(E_LIMIT, "Lists nested over %d", LIM_IMAP_DEPTH);
	while (!imap_eat(&p->in, ')')) {
		TRY(parse_value(p, last));
		last = &(*last)->next;
		/* Body structures have lists without a space between. */
		(void)imap_eat(&p->in, ' ');
	}
	p->depth--;
	return OK;
}

static err parse_value(struct parse *p, struct imap_value **out)
{
	struct imap_in *in = &p->in;

	if (++p->values > LIM_IMAP_VALUES)
		return fail(E_LIMIT, "More than %d values", LIM_IMAP_VALUES);
	struct imap_value *v = NEW_TRY(in->a, struct imap_value, 1);
	if (!v)
		return fail(E_LIMIT, "Response too large");
	*out = v;
	if (imap_eat(in, '('))
		return parse_list(p, v);
	v->kind = IMAP_V_STRING;
	char c = in->rest.n ? in->rest.p[0] : '\0';
	if (c == '~' && in->rest.n > 1 && in->rest.p[1] == '{') {
		v->binary = true;
		return imap_nstring(in, &v->s);
	}
	if (c == '"' || c == '{')
		return imap_string(in, &v->s);
	size_t n = word_length(in->rest);
	if (n == 0)
		return fail(E_SYNTAX, "Expected a value");
	v->s = str_take(in->rest, n);
	in->rest = str_skip(in->rest, n);
	v->kind = str_eqi(v->s, STR("NIL")) ? IMAP_V_NIL : IMAP_V_ATOM;
	return OK;
}

static err parse_values(struct parse *p, struct imap_value **last)
{
	while (imap_eat(&p->in, ' ')) {
		if (imap_at_end(&p->in)) /* a trailing space, as some servers have it */
			return OK;
		TRY(parse_value(p, last));
		last = &(*last)->next;
	}
	return imap_expect_end(&p->in);
}

/* "[CODE rest] text" behind a status word; both may be absent. Brackets without a code in them are
 * text. */
static void parse_text(str s, struct imap_reply *r)
{
	if (s.n && s.p[0] == ' ')
		s = str_skip(s, 1);
	if (s.n && s.p[0] == '[') {
		size_t end = str_find(s, ']');
		str inside = str_skip(str_take(s, end), 1);
		size_t space = str_find(inside, ' ');
		if (end < s.n && space) {
			r->code = str_take(inside, space);
			r->code_rest = str_skip(inside, space + 1);
			s = str_skip(s, end + 1);
			if (s.n && s.p[0] == ' ')
				s = str_skip(s, 1);
		}
	}
	r->text = s;
}

static bool parse_status(str rest, struct imap_reply *r)
{
	size_t n = str_find(rest, ' ');

	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (!str_eqi(str_take(rest, n), statuses[i]))
			continue;
		r->kind = IMAP_STATUS;
		r->status = (enum imap_status)i;
		parse_text(str_skip(rest, n), r);
		return true;
	}
	return false;
}

static err parse_data(str rest, struct arena *a, struct imap_reply *r)
{
	struct parse p = { .in = { rest, a } };

	r->kind = IMAP_DATA;
	if (rest.n && ch_digit(rest.p[0])) {
		r->has_number = true;
		TRY(imap_number(&p.in, (uint64_t)INT64_MAX, &r->number));
		TRY(imap_expect(&p.in, ' '));
	}
	TRY(imap_atom(&p.in, &r->name));
	return parse_values(&p, &r->values);
}

err imap_parse_reply(str line, struct arena *a, struct imap_reply *out)
{
	struct imap_reply r = {
		.code = STR(""), .code_rest = STR(""), .text = STR(""), .name = STR("")
	};

	if (str_starts(line, STR("+"))) {
		r.kind = IMAP_CONTINUE;
		r.tag = STR("+");
		r.text = str_skip(line, 1);
		if (str_starts(r.text, STR(" ")))
			r.text = str_skip(r.text, 1);
		*out = r;
		return OK;
	}
	size_t n = str_find(line, ' ');
	r.tag = str_take(line, n);
	str rest = str_skip(line, n + 1);
	if (n == 0 || n > LIM_IMAP_TAG || n == line.n || !str_printable(r.tag))
		return fail(E_SYNTAX, "Response without a tag");
	if (!parse_status(rest, &r)) {
		if (!str_eq(r.tag, STR("*")))
			return fail(E_SYNTAX, "Tagged response without a status");
		TRY(parse_data(rest, a, &r));
	}
	*out = r;
	return OK;
}

static void add_value(struct buf *out, const struct imap_value *v)
{
	if (v->kind == IMAP_V_LIST) {
		buf_addc(out, '(');
		for (const struct imap_value *c = v->child; c; c = c->next) {
			if (c != v->child)
				buf_addc(out, ' ');
			add_value(out, c);
		}
		buf_addc(out, ')');
	} else if (v->binary) {
		buf_fmt(out, "~{%zu}\r\n", v->s.n);
		buf_add(out, v->s);
	} else if (v->kind == IMAP_V_STRING) {
		imap_put_string(out, v->s, true);
	} else {
		buf_add(out, v->s);
	}
}

static void add_code(struct buf *out, const struct imap_reply *r)
{
	buf_addc(out, '[');
	buf_add(out, r->code);
	if (r->code_rest.n)
		buf_addc(out, ' ');
	buf_add(out, r->code_rest);
	buf_add(out, STR("] "));
}

void imap_add_reply(struct buf *out, const struct imap_reply *r)
{
	buf_add(out, r->tag);
	buf_addc(out, ' ');
	if (r->kind == IMAP_DATA) {
		if (r->has_number)
			buf_fmt(out, "%llu ", (unsigned long long)r->number);
		buf_add(out, r->name);
		for (const struct imap_value *v = r->values; v; v = v->next) {
			buf_addc(out, ' ');
			add_value(out, v);
		}
		return;
	}
	if (r->kind == IMAP_STATUS) {
		buf_add(out, statuses[r->status]);
		buf_addc(out, ' ');
		if (r->code.n)
			add_code(out, r);
	}
	buf_add(out, r->text);
}

const struct imap_value *imap_value_of(const struct imap_value *list, str name)
{
	for (const struct imap_value *v = list; v && v->next; v = v->next->next)
		if (v->kind == IMAP_V_ATOM && str_eqi(v->s, name))
			return v->next;
	return NULL;
}

err imap_value_number(const struct imap_value *v, uint64_t *out)
{
	if (!v || v->kind == IMAP_V_LIST || v->kind == IMAP_V_NIL)
		return fail(E_SYNTAX, "Expected a number");
	return str_u64(v->s, (uint64_t)INT64_MAX, out);
}
