/* Colours, sizes and visibility of HTML text. */
#include <string.h>

#include "formats/scan/html_view.h"

/* Tags that open a style, and the attributes that count there. */
enum { COLOR = 1, SIZE = 2, TEXT = 4, CSS = 8, PLAIN = 16 };
static const struct {
	str tag;
	unsigned attrs;
} tags[] = {
	{ S("a"), CSS },
	{ S("basefont"), COLOR | SIZE | PLAIN },
	{ S("big"), 0 },
	{ S("body"), TEXT | PLAIN },
	{ S("div"), CSS },
	{ S("font"), COLOR | SIZE | PLAIN },
	{ S("marquee"), PLAIN },
	{ S("p"), CSS },
	{ S("small"), 0 },
	{ S("span"), CSS },
	{ S("table"), CSS | PLAIN },
	{ S("td"), CSS | PLAIN },
	{ S("tr"), CSS | PLAIN },
};
#define TAGS (sizeof(tags) / sizeof(tags[0]))

static size_t tag_index(str tag)
{
	size_t i = 0;

	while (i < TAGS && !str_eq(tags[i].tag, tag))
		i++;
	return i;
}

bool html_view_attr(struct html_view *h, const struct html_token *t, str name, str *value)
{
	for (size_t i = 0; i < t->nattrs; i++) {
		struct out o;

		if (!str_eqi(t->attrs[i].name, name))
			continue;
		*value = t->attrs[i].value;
		if (str_find(*value, '&') < value->n && view_out(h->m, &o, value->n)) {
			bool wide = false;

			o.n = html_decode(*value, false, o.p, &wide);
			*value = out_str(&o);
		}
		return true;
	}
	return false;
}

static void set_colour(struct html_colour *c, str value)
{
	c->n = html_color(value, c->c);
}

static bool is_invalid(const struct html_colour *c)
{
	return c->n && c->c[0] == 'i';
}

static void push(struct html_view *h, const struct html_style *s, size_t index)
{
	if (h->nstyles == h->styles_cap) {
		size_t cap = h->styles_cap ? h->styles_cap * 2 : 32;
		struct html_style *v =
			cap <= LIM_SCAN_STYLES ? NEW_TRY(h->m->a, struct html_style, cap) : NULL;

		if (!v) {
			h->m->cut |= SCAN_CUT_HTML;
			return;
		}
		if (h->nstyles)
			memcpy(v, h->styles, h->nstyles * sizeof(*v));
		h->styles = v;
		h->styles_cap = cap;
	}
	h->styles[h->nstyles++] = *s;
	if (index < TAGS)
		h->open[index]++;
}

static str pop(struct html_view *h)
{
	str tag = h->styles[--h->nstyles].tag;
	size_t i = tag_index(tag);

	if (i < TAGS)
		h->open[i]--;
	return tag;
}

void html_view_first_style(struct html_view *h)
{
	struct html_style s = {
		.tag = STR("default"), .size = 3, .display = STR(""), .visibility = STR("")
	};

	_Static_assert(TAGS <= sizeof(h->open) / sizeof(h->open[0]), "open[] has one for each");
	set_colour(&s.fg, STR("black"));
	set_colour(&s.bg, STR("white"));
	push(h, &s, TAGS);
}

/* A row or cell ends the one before it. */
static void close_cells(struct html_view *h, str tag)
{
	bool row = str_eq(tag, STR("tr"));

	if (!h->open[tag_index(tag)])
		return;
	while (h->nstyles > 1) {
		str top = h->styles[h->nstyles - 1].tag;

		if (!str_eq(top, STR("font")) && !str_eq(top, STR("td")) &&
		    !(row && str_eq(top, STR("tr"))))
			break;
		(void)pop(h);
	}
}

static bool digits(str s, int *v)
{
	size_t n = 0;

	*v = 0;
	while (n < s.n && ch_digit(s.p[n]) && *v < 100000)
		*v = *v * 10 + (s.p[n++] - '0');
	return n > 0;
}

static str skip_spaces(str s)
{
	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	return s;
}

static str trim_spaces(str s)
{
	s = skip_spaces(s);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static void set_size(struct html_view *h, struct html_style *s, str value)
{
	int v;

	value = skip_spaces(value);
	if (value.n && (value.p[0] == '+' || value.p[0] == '-')) {
		if (digits(str_skip(value, 1), &v))
			s->size = h->basefont + (value.p[0] == '-' ? -v : v);
	} else if (digits(value, &v)) {
		s->size = v;
	}
}

/* Behind "name:" at the start of a declaration; false: it is another one. */
static bool declares(str part, str name, str *value)
{
	str rest = skip_spaces(part);

	if (!str_startsi(rest, name))
		return false;
	rest = str_skip(rest, name.n);
	if (rest.n == 0 || rest.p[0] != ':')
		return false;
	*value = trim_spaces(str_skip(rest, 1));
	/* a blank alone is a value, and no colour */
	return rest.n > 1 && str_find(*value, '\n') == value->n;
}

/* "rgb(...)" anyhow written: its digits and commas count. */
static void set_rgb(struct html_colour *c, str value)
{
	static const char hex[] = "0123456789abcdef";
	unsigned v[3] = { 0 }, at = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == ',')
			at++;
		else if (ch_digit(value.p[i]) && at < 3 && v[at] < 1000)
			v[at] = v[at] * 10 + (unsigned)(value.p[i] - '0');
	}
	c->c[0] = '#';
	c->n = 7;
	for (unsigned i = 0; i < 3; i++) {
		unsigned x = v[i] > 255 ? 255 : v[i];

		c->c[1 + 2 * i] = hex[x >> 4];
		c->c[2 + 2 * i] = hex[x & 15];
	}
}

static str no_important(str v)
{
	str t = v;

	if (!str_endsi(t, STR("important")))
		return v;
	t.n -= 9;
	t = trim_spaces(t);
	if (!t.n || t.p[t.n - 1] != '!')
		return v;
	t.n--;
	return trim_spaces(t);
}

/* See-through is told by an empty colour until all declarations are read. */
static void set_css_colour(struct html_colour *c, str value)
{
	value = no_important(value);
	if (str_searchi(value, STR("rgb")) < value.n)
		set_rgb(c, value);
	else if (str_eqi(value, STR("inherit")))
		;
	else if (str_eqi(value, STR("transparent")))
		c->n = 0;
	else
		set_colour(c, value);
}

/* The first colour among the values of a background's last layer. */
static void set_background(struct html_colour *c, str value)
{
	size_t from = 0, depth = 0;
	char quote = 0;
	struct html_colour found;

	for (size_t i = 0; i < value.n; i++) { /* where the last layer begins */
		char x = value.p[i];

		if (quote)
			quote = x == quote ? 0 : quote;
		else if (x == '"' || x == '\'')
			quote = x;
		else if (x == '(')
			depth++;
		else if (x == ')' && depth)
			depth--;
		else if (x == ',' && !depth && trim_spaces(str_skip(value, i + 1)).n)
			from = i + 1;
	}
	value = str_skip(value, from);
	while (value.n) {
		size_t n = 0;

		value = skip_spaces(value);
		for (depth = 0, quote = 0; n < value.n; n++) {
			char x = value.p[n];

			if (quote)
				quote = x == quote ? 0 : quote;
			else if (x == '"' || x == '\'')
				quote = x;
			else if (x == '(')
				depth++;
			else if (x == ')' && depth)
				depth--;
			else if (!depth && (x == ' ' || x == ','))
				break;
		}
		if (n) {
			set_colour(&found, str_take(value, n));
			if (!is_invalid(&found)) {
				*c = found;
				return;
			}
		}
		value = str_skip(value, n ? n : 1);
	}
}

static void set_css(struct html_style *s, const struct html_style *parent, str css)
{
	str part, value;

	while (str_next(&css, ';', &part)) {
		if (declares(part, STR("color"), &value))
			set_css_colour(&s->fg, value);
		else if (declares(part, STR("background-color"), &value))
			set_css_colour(&s->bg, value);
		else if (str_starts(skip_spaces(part), STR("background")) &&
			 declares(part, STR("background"), &value))
			set_background(&s->bg, value);
		else if (str_cut(part, ':', &part, &value)) {
			part = trim_spaces(part);
			value = trim_spaces(value);
			if (!value.n)
				continue;
			if (str_eq(part, STR("display")))
				s->display = value;
			else if (str_eq(part, STR("visibility")))
				s->visibility = value;
		}
	}
	if (s->bg.n == 0)
		s->bg = parent->bg;
	if (s->fg.n == 0)
		s->fg = s->bg;
}

static void note_size(struct html_view *h, const struct html_style *s)
{
	if (s->size > h->max_size)
		h->max_size = s->size;
	else if (s->size < h->min_size)
		h->min_size = s->size;
}

static void open_style(struct html_view *h, str tag, const struct html_token *t, size_t index)
{
	struct html_style s;
	unsigned attrs = tags[index].attrs;
	str v;
	int size;
	bool any = false;

	if (str_eq(tag, STR("basefont")) && html_view_attr(h, t, STR("size"), &v) &&
	    digits(skip_spaces(v), &size)) {
		h->basefont = size;
		return;
	}
	if (str_eq(tag, STR("td")) || str_eq(tag, STR("tr")))
		close_cells(h, tag);
	s = h->styles[h->nstyles - 1];
	s.tag = tags[index].tag;
	s.size += str_eq(tag, STR("big")) - str_eq(tag, STR("small"));
	if ((attrs & COLOR && html_view_attr(h, t, STR("color"), &v)) ||
	    (attrs & TEXT && html_view_attr(h, t, STR("text"), &v))) {
		set_colour(&s.fg, v);
		any = true;
	}
	if (attrs & SIZE && html_view_attr(h, t, STR("size"), &v)) {
		set_size(h, &s, v);
		any = true;
	}
	if (attrs & CSS && html_view_attr(h, t, STR("style"), &v)) {
		set_css(&s, &h->styles[h->nstyles - 1], v);
		any = true;
	}
	if (attrs & PLAIN &&
	    (html_view_attr(h, t, STR("bgcolor"), &v) || html_view_attr(h, t, STR("face"), &v)))
		any = true;
	if (any)
		note_size(h, &s);
	push(h, &s, index);
}

void html_view_style(struct html_view *h, str tag, const struct html_token *t, bool start)
{
	size_t index;

	if (str_eq(tag, STR("th")))
		tag = STR("td");
	index = tag_index(tag);
	if (index == TAGS)
		return;
	if (start)
		open_style(h, tag, t, index);
	else if (!str_eq(tag, STR("body")) && h->open[index])
		while (!str_eq(pop(h), tag))
			;
}
