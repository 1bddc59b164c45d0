#include <string.h>

#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/lex.h"

#define PARAM_NAME 100 /* octets; longer names are dropped, each is compared with each */

/* One field with parameters while it is read. */
struct typed {
	struct arena *a;
	struct buf text;		 /* scratch */
	struct mime_param *first, *last; /* the list under construction */
	unsigned n, defects;
};

static void typed_free(struct typed *t)
{
	buf_free(&t->text);
}

static str keep(struct typed *t, str s)
{
	str copy = arena_dup(t->a, s);

	if (copy.p)
		return copy;
	t->defects |= MIME_D_LIMIT;
	return STR("");
}

static str keep_lower(struct typed *t, str s)
{
	str lower = mime_lower(t->a, s);

	if (lower.p)
		return lower;
	t->defects |= MIME_D_LIMIT;
	return STR("");
}

static void add(struct typed *t, str name, str value)
{
	struct mime_param *p = NULL;

	if (t->n < LIM_MIME_PARAMS)
		p = NEW_TRY(t->a, struct mime_param, 1);
	if (!p) {
		t->defects |= t->n < LIM_MIME_PARAMS ? MIME_D_LIMIT : MIME_D_PARAM;
		return;
	}
	t->n++;
	p->name = name;
	p->value = value;
	*(t->last ? &t->last->next : &t->first) = p;
	t->last = p;
}

static void begin_list(struct typed *t)
{
	t->first = t->last = NULL;
	t->n = 0;
}

/* True when what follows, up to the next ';', holds a '=': then a ';' was forgotten before it. */
static bool looks_like_param(str rest)
{
	size_t n = 0;

	while (n < rest.n && n < 64 &&
	       (ch_alnum(rest.p[n]) || str_find(STR("-_*."), rest.p[n]) < 4))
		n++;
	return n > 0 && mime_peek(str_skip(rest, n)) == '=';
}

/* A value without quotes. Senders leave them out where spaces or specials need them: all up to the
 * ';' (or the next thing that looks like a parameter) belongs to it, comments aside. */
static str bare_value(struct typed *t, str *in)
{
	str word = mime_run(in, STR(";("));
	bool more = false;

	for (;;) {
		str before = *in;

		if (!mime_skip_cfws(in, NULL))
			t->defects |= MIME_D_PARAM;
		if (!in->n || in->p[0] == ';' || looks_like_param(*in))
			break;
		if (!more)
			buf_add(&t->text, word);
		more = true;
		if (before.p != in->p)
			buf_addc(&t->text, ' ');
		buf_add(&t->text, mime_run(in, STR(";(")));
	}
	if (!more)
		return word;
	t->defects |= MIME_D_PARAM;
	return keep(t, buf_str(&t->text));
}

static str param_value(struct typed *t, str *in)
{
	buf_reset(&t->text);
	if (mime_peek(*in) != '"')
		return bare_value(t, in);
	str start = *in;

	if (!mime_quoted(in, &t->text))
		t->defects |= MIME_D_PARAM;
	/* A view where nothing was taken out. */
	if (t->text.n == (size_t)(in->p - start.p) - 2 && in->p[-1] == '"')
		return str_of(start.p + 1, t->text.n);
	return keep(t, buf_str(&t->text));
}

static void take_param(struct typed *t, str *in)
{
	str name = mime_run(in, STR("=;(\""));

	if (!mime_skip_cfws(in, NULL))
		t->defects |= MIME_D_PARAM;
	if (mime_peek(*in) != '=' || !name.n) {
		if (in->n && in->p[0] != ';')
			*in = str_skip(*in, 1);
		t->defects |= MIME_D_PARAM;
		return;
	}
	*in = str_skip(*in, 1);
	(void)mime_skip_cfws(in, NULL);
	str value = param_value(t, in);

	if (name.n > PARAM_NAME)
		t->defects |= MIME_D_PARAM;
	else
		add(t, keep_lower(t, name), value);
}

static struct mime_param *take_params(struct typed *t, str in)
{
	begin_list(t);
	for (;;) {
		if (!mime_skip_cfws(&in, NULL))
			t->defects |= MIME_D_PARAM;
		if (!in.n)
			return t->first;
		if (in.p[0] == ';')
			in = str_skip(in, 1);
		else
			take_param(t, &in);
	}
}

/* RFC 2231 3, 4: "name*", "name*0", "name*0*". */
struct piece {
	str base;
	uint64_t index;
	bool numbered, extended;
};

static struct piece piece_of(str name)
{
	struct piece p = { .base = name };
	str number;

	if (!str_cut(name, '*', &p.base, &number) || !p.base.n)
		return (struct piece){ .base = name };
	if (!number.n) {
		p.extended = true;
		return p;
	}
	if (str_ends(number, STR("*"))) {
		p.extended = true;
		number.n--;
	}
	p.numbered = str_u64(number, LIM_MIME_PARAMS, &p.index) == OK;
	return p.numbered ? p : (struct piece){ .base = name };
}

static int hex(char c)
{
	c = ch_lower(c);
	return ch_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_percent(struct buf *out, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
			c = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
			i += 2;
		}
		buf_addc(out, c);
	}
}

/* RFC 2231 7: attribute-char as it is. */
static void to_percent(struct buf *out, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (ch_alnum(c) || (c && str_find(STR("!#$&+-.^_`{|}~"), c) < 14))
			buf_addc(out, c);
		else
			buf_fmt(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

/* charset'language'value: takes the charset off the front. */
static str take_charset(str *value)
{
	str charset, rest, language;

	if (!str_cut(*value, '\'', &charset, &rest) || !str_cut(rest, '\'', &language, value))
		return STR("");
	return charset;
}

static str to_utf8(struct typed *t, str charset, str bytes)
{
	CLEANUP(buf_free) struct buf out;

	buf_init(&out, LIM_MIME_HEADER);
	if (!mime_charset(&out, charset, bytes))
		t->defects |= MIME_D_CHARSET;
	return keep(t, buf_str(&out));
}

/* All pieces of base in order, which may stand in any, to t->text. extended: one of them is; coded:
 * keep the percent signs, and the same form for pieces that are not extended. */
static void join(struct typed *t, const struct mime_param *raw, str base, bool coded,
		 bool *extended)
{
	bool found = true;

	buf_reset(&t->text);
	*extended = false;
	for (uint64_t i = 0; found; i++) {
		found = false;
		for (const struct mime_param *r = raw; r && !found; r = r->next) {
			struct piece p = piece_of(r->name);

			if (!str_eq(p.base, base) || (!p.numbered && (!p.extended || i)) ||
			    p.index != i)
				continue;
			found = true;
			*extended = *extended || p.extended;
			if (!coded && p.extended)
				add_percent(&t->text, r->value);
			else if (coded && !p.extended)
				to_percent(&t->text, r->value);
			else
				buf_add(&t->text, r->value);
		}
	}
}

static bool any_extended(const struct mime_param *raw, str base)
{
	for (; raw; raw = raw->next) {
		struct piece p = piece_of(raw->name);

		if (p.extended && str_eq(p.base, base))
			return true;
	}
	return false;
}

static str joined_utf8(struct typed *t, const struct mime_param *raw, str base)
{
	bool extended;

	join(t, raw, base, false, &extended);
	str bytes = buf_str(&t->text);
	str charset = extended ? take_charset(&bytes) : STR("");

	if (charset.n)
		return to_utf8(t, charset, bytes);
	return str_ascii(bytes) ? keep(t, bytes) : to_utf8(t, STR(""), bytes);
}

/* A plain value; encoded words do not belong here (RFC 2047 5) but are what many senders write. */
static str plain(struct typed *t, str value)
{
	if (str_search(value, STR("=?")) == value.n && str_find(value, '\0') == value.n &&
	    (str_ascii(value) || utf8_valid(value)))
		return value;
	buf_reset(&t->text);
	t->defects |= mime_decode_words(&t->text, value);
	return keep(t, buf_str(&t->text));
}

static bool has(const struct mime_param *list, str name)
{
	for (; list; list = list->next)
		if (str_eq(list->name, name))
			return true;
	return false;
}

static bool has_pieces(const struct mime_param *raw, str base)
{
	for (; raw; raw = raw->next) {
		struct piece p = piece_of(raw->name);

		if ((p.numbered || p.extended) && str_eq(p.base, base))
			return true;
	}
	return false;
}

/* Each name once; what RFC 2231 wrote comes before a plain value for readers that do not know it.
 */
static struct mime_param *decode_params(struct typed *t, const struct mime_param *raw)
{
	begin_list(t);
	for (const struct mime_param *r = raw; r; r = r->next) {
		str base = piece_of(r->name).base;

		if (!has(t->first, base))
			add(t, base,
			    has_pieces(raw, base) ? joined_utf8(t, raw, base) : plain(t, r->value));
	}
	return t->first;
}

/* RFC 2231 6: what IMAP shows has its pieces joined, as "name" or, coded, "name*". */
static struct mime_param *join_params(struct typed *t, const struct mime_param *raw)
{
	begin_list(t);
	for (const struct mime_param *r = raw; r; r = r->next) {
		struct piece p = piece_of(r->name);
		bool coded = p.numbered && any_extended(raw, p.base), extended;

		if (!p.numbered) {
			add(t, r->name, r->value);
			continue;
		}
		str name = coded ? arena_fmt(t->a, "%.*s*", STRF(p.base)) : p.base;

		if (!name.p || has(t->first, name))
			continue;
		join(t, raw, p.base, coded, &extended);
		add(t, name, keep(t, buf_str(&t->text)));
	}
	return t->first;
}

static bool in_pieces(const struct mime_param *raw)
{
	while (raw && !piece_of(raw->name).numbered)
		raw = raw->next;
	return raw != NULL;
}

unsigned mime_typed(struct arena *a, str value, str *type, str *sub, struct mime_param **params,
		    struct mime_param **raw)
{
	CLEANUP(typed_free) struct typed t = { .a = a };

	buf_init(&t.text, LIM_MIME_HEADER);
	(void)mime_skip_cfws(&value, NULL);
	*type = keep_lower(&t, mime_run(&value, STR("/;(\"=")));
	(void)mime_skip_cfws(&value, NULL);
	if (sub)
		*sub = STR("");
	if (sub && mime_peek(value) == '/') {
		value = str_skip(value, 1);
		(void)mime_skip_cfws(&value, NULL);
		*sub = keep_lower(&t, mime_run(&value, STR("/;(\"=")));
	}
	*raw = take_params(&t, value);
	*params = decode_params(&t, *raw);
	if (in_pieces(*raw))
		*raw = join_params(&t, *raw);
	return t.defects;
}
