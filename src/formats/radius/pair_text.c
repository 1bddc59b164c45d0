/* Pairs as text: parsed and printed. */
#include "base/enc.h"
#include "formats/radius/pair.h"

struct parsing {
	struct radius_build b;
	str rest;
	unsigned tag, braces;
};

static const struct radius_attr octets = { .name = S("value"), .kind = RK_OCTETS };

static void skip_blanks(struct parsing *p)
{
	while (p->rest.n && (p->rest.p[0] == ' ' || p->rest.p[0] == '\t' || p->rest.p[0] == '\n' ||
			     p->rest.p[0] == '\r'))
		p->rest = str_skip(p->rest, 1);
}

static bool take(struct parsing *p, char c)
{
	skip_blanks(p);
	if (!p->rest.n || p->rest.p[0] != c)
		return false;
	p->rest = str_skip(p->rest, 1);
	return true;
}

/* ---- names ---- */

static err enter_number(struct parsing *p, str text)
{
	struct radius_build *b = &p->b;
	const struct radius_attr *in = b->depth ? b->steps[b->depth - 1].attr : NULL, *a = NULL;
	uint64_t n;

	if (str_u64(text, UINT32_MAX, &n))
		return fail(E_NOTFOUND, "no attribute is called \"%.*s\"",
			    STRF(str_take(text, 64)));
	if ((!in || in->kind == RK_TLV || in->kind == RK_EXTENDED || in->kind == RK_LONG) &&
	    n > 255)
		return fail(E_LIMIT, "an attribute's number is 255 at most");
	if (!b->depth || in)
		a = radius_dict_number(b->d, in, (uint32_t)n);
	return radius_build_enter(b, a, (uint32_t)n, a == NULL);
}

/* The attributes above one that was named alone. */
static err enter_parents(struct radius_build *b, const struct radius_attr *a)
{
	const struct radius_attr *above[LIM_RADIUS_DEPTH];
	size_t n = 0;

	for (const struct radius_attr *at = a->parent; at; at = at->parent) {
		if (n == COUNT(above))
			return fail(E_LIMIT, "attributes over %d deep", LIM_RADIUS_DEPTH);
		above[n++] = at;
	}
	while (n--)
		TRY(radius_build_enter(b, above[n], above[n]->number, false));
	return OK;
}

static err enter_name(struct parsing *p, str name)
{
	struct radius_build *b = &p->b;
	const struct radius_attr *in = b->depth ? b->steps[b->depth - 1].attr : NULL;
	const struct radius_attr *a = NULL;

	if (!b->depth || in)
		a = radius_dict_child(b->d, in, name);
	if (!a && !b->depth) {
		a = radius_dict_name(b->d, name);
		if (a)
			TRY(enter_parents(b, a));
	}
	return a ? radius_build_enter(b, a, a->number, false) : enter_number(p, name);
}

static bool take_tag(str name, str prefix, unsigned *tag)
{
	uint64_t n;

	if (!str_startsi(name, prefix) || str_u64(str_skip(name, prefix.n), 31, &n) || !n)
		return false;
	*tag = (unsigned)n;
	return true;
}

/* "A.B.C", "raw.A", "Attr-26.311.7", "A:1", "Tag-1". raw: what is said is octets. */
static err take_path(struct parsing *p, str path, bool *raw)
{
	bool first = p->b.depth == 0;
	str before, tag;

	*raw = false;
	if (str_cut(path, ':', &before, &tag)) {
		if (!take_tag(tag, STR(""), &p->tag))
			return fail(E_SYNTAX, "\"%.*s\" is no tag", STRF(str_take(tag, 16)));
		path = before;
	}
	/* A name may have dots in it: the whole first. */
	if (first && radius_dict_name(p->b.d, path))
		return enter_name(p, path);
	for (str part; str_next(&path, '.', &part); first = false) {
		if (str_eqi(part, STR("raw"))) {
			*raw = true;
			continue;
		}
		if (first && take_tag(part, STR("Tag-"), &p->tag))
			continue;
		if (first && str_startsi(part, STR("Attr-"))) {
			*raw = true;
			part = str_skip(part, 5);
		}
		TRY(enter_name(p, part));
	}
	return OK;
}

/* ---- values ---- */

static unsigned octal(str *s, char first)
{
	unsigned v = (unsigned)(first - '0');

	for (size_t i = 0; i < 2 && s->n && s->p[0] >= '0' && s->p[0] <= '7'; i++) {
		v = v * 8 + (unsigned)(s->p[0] - '0');
		*s = str_skip(*s, 1);
	}
	return v & 0xff;
}

static err take_quoted(struct parsing *p, char quote, struct buf *out)
{
	str *s = &p->rest;

	for (*s = str_skip(*s, 1); s->n;) {
		char c = s->p[0];

		*s = str_skip(*s, 1);
		if (c == quote)
			return buf_done(out);
		if (c != '\\' || quote == '\'' || !s->n) {
			buf_addc(out, c);
			continue;
		}
		c = s->p[0];
		*s = str_skip(*s, 1);
		if (c >= '0' && c <= '7')
			buf_addc(out, (char)octal(s, c));
		else
			buf_addc(out, c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c);
	}
	return fail(E_SYNTAX, "a quote is not closed");
}

static bool ends_word(char c)
{
	return c == ',' || c == '}' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static err take_value(struct parsing *p, bool raw)
{
	struct radius_build *b = &p->b;
	const struct radius_step *leaf = &b->steps[b->depth - 1];
	const struct radius_attr *a = raw || !leaf->attr ? &octets : leaf->attr;
	CLEANUP(buf_wipe) struct buf text = { 0 }, wire = { 0 };
	bool quoted = p->rest.n && (p->rest.p[0] == '"' || p->rest.p[0] == '\'');

	buf_init(&text, LIM_RADIUS_TEXT);
	buf_init(&wire, LIM_RADIUS_TEXT);
	if (quoted)
		TRY(take_quoted(p, p->rest.p[0], &text));
	while (!quoted && p->rest.n && !ends_word(p->rest.p[0])) {
		buf_addc(&text, p->rest.p[0]);
		p->rest = str_skip(p->rest, 1);
	}
	TRY(buf_done(&text));
	if (!quoted && !text.n)
		return fail(E_SYNTAX, "%.*s has no value", STRF(a->name));
	TRY(radius_value_parse(b->d, a, buf_str(&text), quoted, &wire));
	TRY(buf_done(&wire));
	struct radius_pair pair = { .attr = leaf->attr, .number = leaf->number };

	pair.raw = a == &octets;
	if (!pair.raw && (a->kind == RK_IPV6PREFIX || a->kind == RK_IPV4PREFIX)) {
		TRY(radius_value_read(a, buf_str(&wire), b->a, &pair.value));
	} else {
		if (a->size && !pair.raw && a->kind == RK_OCTETS && wire.n != a->size)
			return fail(E_SYNTAX, "%.*s has %u octets", STRF(a->name), a->size);
		pair.value = arena_dup(b->a, buf_str(&wire));
	}
	if (!pair.value.p)
		return fail(E_LIMIT, "too many attributes");
	b->depth--;
	return radius_build_add(b, p->tag, &pair);
}

static err take_list(struct parsing *p, bool inside);

/* A new one of what can stand several times; those that only lead to others go on. */
static void begin_anew(struct radius_step *s)
{
	s->fresh = !s->attr || s->attr->kind == RK_TLV || s->attr->kind == RK_STRUCT;
}

static err take_pair(struct parsing *p)
{
	size_t depth = p->b.depth, n = 0;
	unsigned tag = p->tag;
	bool raw;

	skip_blanks(p);
	while (n < p->rest.n && !ends_word(p->rest.p[n]) && p->rest.p[n] != '=')
		n++;
	str name = str_take(p->rest, n);

	p->rest = str_skip(p->rest, n);
	TRY(take_path(p, name, &raw));
	skip_blanks(p);
	if (p->rest.n && (p->rest.p[0] == ':' || p->rest.p[0] == '+'))
		p->rest = str_skip(p->rest, 1); /* ":=" and "+=" say the same here */
	if (!n || !take(p, '='))
		return fail(E_SYNTAX, "write Attribute = value, not \"%.*s\"",
			    STRF(str_take(name, 64)));
	if (take(p, '{')) {
		if (++p->braces > LIM_RADIUS_DEPTH)
			return fail(E_LIMIT, "braces over %d deep", LIM_RADIUS_DEPTH);
		if (p->b.depth)
			begin_anew(&p->b.steps[p->b.depth - 1]);
		TRY(take_list(p, true));
		p->braces--;
	} else if (p->b.depth == depth) {
		return fail(E_SYNTAX, "a tag has no value: write { ... }");
	} else {
		TRY(take_value(p, raw));
	}
	p->b.depth = depth;
	p->tag = tag;
	return OK;
}

static err take_list(struct parsing *p, bool inside)
{
	for (;;) {
		skip_blanks(p);
		if (inside ? take(p, '}') : !p->rest.n)
			return OK;
		TRY(take_pair(p));
		skip_blanks(p);
		if (!take(p, ',') && p->rest.n && !(inside && p->rest.p[0] == '}'))
			return fail(E_SYNTAX, "a comma is missing before \"%.*s\"",
				    STRF(str_take(p->rest, 32)));
	}
}

err radius_pairs_parse(const struct radius_dict *d, str text, struct arena *a,
		       struct radius_pair **out)
{
	struct parsing p = { .b = { .d = d, .a = a }, .rest = text };

	if (text.n > LIM_RADIUS_TEXT)
		return fail(E_LIMIT, "attributes of %zu octets", text.n);
	TRY(take_list(&p, false));
	*out = p.b.root.children;
	return OK;
}

/* ---- printing ---- */

struct printing {
	const struct radius_dict *d;
	enum radius_style style;
	struct buf *out;
	unsigned tag, depth;
	const struct radius_pair *path[LIM_RADIUS_DEPTH + 4];
	bool any;
};

static void print_name(struct printing *s, const struct radius_pair *p)
{
	if (p->attr == &radius_tag)
		buf_fmt(s->out, "Tag-%u", p->number);
	else if (!p->attr)
		buf_fmt(s->out, "raw.%u", p->number);
	else
		buf_fmt(s->out, "%s%.*s", p->raw ? "raw." : "", STRF(p->attr->name));
}

static void print_nested(struct printing *s, const struct radius_pair *p)
{
	bool first = true;

	for (; p && s->depth < COUNT(s->path); p = p->next) {
		buf_add(s->out, first ? STR("") : STR(", "));
		first = false;
		print_name(s, p);
		buf_add(s->out, STR(" = "));
		if (p->children) {
			buf_add(s->out, STR("{ "));
			s->depth++;
			print_nested(s, p->children);
			s->depth--;
			buf_add(s->out, STR(" }"));
		} else {
			radius_value_print(s->d, p->raw ? NULL : p->attr, p->value, s->style,
					   s->out);
		}
	}
}

/* "Attr-26.311.7": from the first one on whose name nobody knows, numbers say it all. */
static void print_flat_name(struct printing *s, const struct radius_pair *p)
{
	if (p->attr && !p->raw) {
		buf_add(s->out, p->attr->name);
		if (s->tag)
			buf_fmt(s->out, ":%u", s->tag);
		return;
	}
	buf_add(s->out, STR("Attr-"));
	for (unsigned i = 0; i < s->depth; i++)
		buf_fmt(s->out, "%u.", s->path[i]->number);
	buf_fmt(s->out, "%u", p->number);
}

static void print_flat(struct printing *s, const struct radius_pair *p)
{
	for (; p && s->depth < COUNT(s->path); p = p->next) {
		if (p->attr == &radius_tag) {
			s->tag = p->number;
			print_flat(s, p->children);
			s->tag = 0;
		} else if (p->children) {
			s->path[s->depth++] = p;
			print_flat(s, p->children);
			s->depth--;
		} else {
			buf_add(s->out, s->any ? STR(", ") : STR(""));
			s->any = true;
			print_flat_name(s, p);
			buf_add(s->out, STR(" = "));
			if (p->attr && (p->attr->encrypt || p->attr->flags & RA_SECRET))
				buf_add(s->out, STR("\"\""));
			else
				radius_value_print(s->d, p->raw ? NULL : p->attr, p->value,
						   s->style, s->out);
		}
	}
}

void radius_pairs_print(const struct radius_dict *d, const struct radius_pair *p,
			enum radius_style style, struct buf *out)
{
	struct printing s = { .d = d, .style = style, .out = out };

	if (style == RADIUS_NESTED)
		print_nested(&s, p);
	else
		print_flat(&s, p);
}
