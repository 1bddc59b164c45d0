/* HTML rendered as SpamAssassin's HTML.pm renders it, with the facts that it notes on the way. */
#include <string.h>

#include "formats/html/html.h"
#include "formats/scan/html_view.h"

/* ---- what is known of elements ---- */

enum {
	KNOWN = 1,  /* in HTML 4.01 or XHTML 1.0 */
	TRICK = 2,  /* not there, but shown */
	STYLE = 4,  /* changes how text looks */
	SPACE = 8,  /* parts words */
	LINKS = 16, /* may hold a URI */
};
enum breaks { NO_BREAK, ONE_LINE, ONE_BLANK, PARAGRAPH };

static const struct element {
	str name;
	unsigned what;
	enum breaks breaks;
} elements[] = {
	{ S("a"), KNOWN | STYLE | LINKS, 0 },
	{ S("abbr"), KNOWN, 0 },
	{ S("acronym"), KNOWN, 0 },
	{ S("address"), KNOWN, 0 },
	{ S("applet"), KNOWN, 0 },
	{ S("area"), KNOWN | LINKS, 0 },
	{ S("b"), KNOWN, 0 },
	{ S("base"), KNOWN | LINKS, 0 },
	{ S("basefont"), KNOWN | STYLE, 0 },
	{ S("bdo"), KNOWN, 0 },
	{ S("bgsound"), TRICK | LINKS, 0 },
	{ S("big"), KNOWN | STYLE, 0 },
	{ S("blockquote"), KNOWN | SPACE, PARAGRAPH },
	{ S("body"), KNOWN | STYLE | LINKS, 0 },
	{ S("br"), KNOWN | SPACE, ONE_LINE },
	{ S("button"), KNOWN, 0 },
	{ S("caption"), KNOWN, 0 },
	{ S("center"), KNOWN, 0 },
	{ S("cite"), KNOWN, 0 },
	{ S("code"), KNOWN, 0 },
	{ S("col"), KNOWN, 0 },
	{ S("colgroup"), KNOWN, 0 },
	{ S("dd"), KNOWN | SPACE, ONE_BLANK },
	{ S("del"), KNOWN, 0 },
	{ S("dfn"), KNOWN, 0 },
	{ S("dir"), KNOWN, 0 },
	{ S("div"), KNOWN | STYLE | SPACE, ONE_LINE },
	{ S("dl"), KNOWN, 0 },
	{ S("dt"), KNOWN | SPACE, ONE_BLANK },
	{ S("em"), KNOWN, 0 },
	{ S("embed"), TRICK | SPACE | LINKS, ONE_BLANK },
	{ S("fieldset"), KNOWN, 0 },
	{ S("font"), KNOWN | STYLE, 0 },
	{ S("form"), KNOWN | LINKS, 0 },
	{ S("frame"), KNOWN | LINKS, 0 },
	{ S("frameset"), KNOWN, 0 },
	{ S("h1"), KNOWN | SPACE, ONE_BLANK },
	{ S("h2"), KNOWN | SPACE, ONE_BLANK },
	{ S("h3"), KNOWN | SPACE, ONE_BLANK },
	{ S("h4"), KNOWN | SPACE, ONE_BLANK },
	{ S("h5"), KNOWN | SPACE, ONE_BLANK },
	{ S("h6"), KNOWN | SPACE, ONE_BLANK },
	{ S("head"), KNOWN, 0 },
	{ S("hr"), KNOWN | SPACE, PARAGRAPH },
	{ S("html"), KNOWN, 0 },
	{ S("i"), KNOWN, 0 },
	{ S("iframe"), KNOWN | LINKS, 0 },
	{ S("img"), KNOWN | LINKS, 0 },
	{ S("input"), KNOWN, 0 },
	{ S("ins"), KNOWN, 0 },
	{ S("isindex"), KNOWN, 0 },
	{ S("kbd"), KNOWN, 0 },
	{ S("label"), KNOWN, 0 },
	{ S("legend"), KNOWN, 0 },
	{ S("li"), KNOWN | SPACE, ONE_BLANK },
	{ S("link"), KNOWN | LINKS, 0 },
	{ S("listing"), TRICK | SPACE, PARAGRAPH },
	{ S("map"), KNOWN, 0 },
	{ S("menu"), KNOWN, 0 },
	{ S("meta"), KNOWN | LINKS, 0 },
	{ S("nobr"), KNOWN, 0 },
	{ S("noframes"), KNOWN, 0 },
	{ S("noscript"), KNOWN, 0 },
	{ S("object"), KNOWN, 0 },
	{ S("ol"), KNOWN, 0 },
	{ S("optgroup"), KNOWN, 0 },
	{ S("option"), KNOWN, 0 },
	{ S("p"), KNOWN | STYLE | SPACE, PARAGRAPH },
	{ S("param"), KNOWN, 0 },
	{ S("plaintext"), TRICK | SPACE, PARAGRAPH },
	{ S("pre"), KNOWN | SPACE, PARAGRAPH },
	{ S("q"), KNOWN, 0 },
	{ S("s"), KNOWN, 0 },
	{ S("samp"), KNOWN, 0 },
	{ S("script"), KNOWN | LINKS, 0 },
	{ S("select"), KNOWN, 0 },
	{ S("small"), KNOWN | STYLE, 0 },
	{ S("span"), KNOWN | STYLE, 0 },
	{ S("strike"), KNOWN, 0 },
	{ S("strong"), KNOWN, 0 },
	{ S("style"), KNOWN, 0 },
	{ S("sub"), KNOWN, 0 },
	{ S("sup"), KNOWN, 0 },
	{ S("table"), KNOWN | STYLE | LINKS, 0 },
	{ S("tbody"), KNOWN, 0 },
	{ S("td"), KNOWN | STYLE | SPACE | LINKS, ONE_BLANK },
	{ S("textarea"), KNOWN, 0 },
	{ S("tfoot"), KNOWN, 0 },
	{ S("th"), KNOWN | STYLE | SPACE, ONE_BLANK },
	{ S("thead"), KNOWN, 0 },
	{ S("title"), KNOWN | SPACE, PARAGRAPH },
	{ S("tr"), KNOWN | STYLE | LINKS, 0 },
	{ S("tt"), KNOWN, 0 },
	{ S("u"), KNOWN, 0 },
	{ S("ul"), KNOWN, 0 },
	{ S("var"), KNOWN, 0 },
	{ S("x-sigsep"), KNOWN, 0 },
	{ S("x-tab"), KNOWN, 0 },
	{ S("xmp"), TRICK | SPACE, PARAGRAPH },
};

static const struct element *find_element(str name)
{
	size_t lo = 0, hi = sizeof(elements) / sizeof(elements[0]);

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = str_cmp(elements[mid].name, name);

		if (c == 0)
			return &elements[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* "o:p", "st1:city" of word processors. */
static bool is_namespace(str s)
{
	size_t i = 2;

	if (str_starts(s, STR("st")) && s.n > 3 && ch_digit(s.p[2]) && s.p[3] == ':')
		i = 4;
	else if (!str_starts(s, STR("o:")))
		return false;
	if (s.n > i && s.p[s.n - 1] == '/')
		s.n--;
	for (size_t j = i; j < s.n; j++)
		if (!is_word(s.p[j]) && s.p[j] != '-')
			return false;
	return s.n > i;
}

/* ---- tags ---- */

static unsigned hash(str s)
{
	unsigned h = 5381;

	for (size_t i = 0; i < s.n; i++)
		h = h * 33 + (unsigned char)s.p[i];
	return h % HTML_SLOTS;
}

/* The count of a tag; NULL: not seen, and not made. */
static struct html_tag_count *tag_count(struct html_view *h, str name, bool make)
{
	struct html_tag_count **slot = &h->tag_slots[hash(name)];

	for (struct html_tag_count *t = *slot; t; t = t->next)
		if (str_eq(t->name, name))
			return t;
	if (!make || h->ntags >= LIM_SCAN_TAG_NAMES)
		return NULL;
	struct html_tag_count *t = NEW(h->m->a, struct html_tag_count);

	t->name = name;
	t->next = *slot;
	t->before = h->last_tag;
	h->last_tag = *slot = t;
	h->ntags++;
	return t;
}

static bool inside(const struct html_tag_count *t)
{
	return t && t->inside > 0;
}

/* ---- text ---- */

static struct html_piece *add_piece(struct html_view *h)
{
	if (h->npieces == h->pieces_cap) {
		size_t cap = h->pieces_cap ? h->pieces_cap * 2 : 64;
		struct html_piece *v = NEW_TRY(h->m->a, struct html_piece, cap);

		if (!v) {
			h->m->cut |= SCAN_CUT_ARENA;
			return NULL;
		}
		if (h->npieces)
			memcpy(v, h->pieces, h->npieces * sizeof(*v));
		h->pieces = v;
		h->pieces_cap = cap;
	}
	return &h->pieces[h->npieces++];
}

static void add_break(struct html_view *h, enum breaks b)
{
	static const str texts[] = { S(""), S("\n"), S(" "), S("\n\n") };
	struct html_piece *last = h->npieces ? &h->pieces[h->npieces - 1] : NULL, *p;

	if (last && !last->space && !last->invisible && last->text.n &&
	    last->text.p[last->text.n - 1] == ' ')
		last->text.n--;
	p = add_piece(h);
	if (p)
		*p = (struct html_piece){ .text = texts[b], .space = true };
}

static bool html_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_text(struct html_view *h, str s, bool invisible)
{
	bool after_space = h->npieces && h->pieces[h->npieces - 1].space;
	struct html_piece *p;
	struct out o;

	if (!view_out(h->m, &o, s.n))
		return;
	while (s.n) {
		size_t n = 0;

		while (n < s.n && !html_space(s.p[n]))
			n++;
		out_add(&o, str_take(s, n));
		s = str_skip(s, n);
		if (s.n)
			out_c(&o, ' ');
		while (s.n && html_space(s.p[0]))
			s = str_skip(s, 1);
	}
	s = out_str(&o);
	if (after_space && !invisible && s.n && s.p[0] == ' ')
		s = str_skip(s, 1);
	p = add_piece(h);
	if (p)
		*p = (struct html_piece){ .text = s, .invisible = invisible };
}

static bool low_contrast(str a, str b)
{
	double d[3], weight[3] = { 0.2126, 0.7152, 0.0722 }, sum = 0;

	for (unsigned i = 0; i < 3; i++) {
		int x = (int)(hex_of(a.p[1 + 2 * i]) * 16 + hex_of(a.p[2 + 2 * i]));
		int y = (int)(hex_of(b.p[1 + 2 * i]) * 16 + hex_of(b.p[2 + 2 * i]));

		d[i] = weight[i] * (x - y);
		sum += d[i] * d[i];
	}
	return sum < 12 * 12;
}

static bool looks_invisible(struct html_view *h)
{
	const struct html_style *s = &h->styles[h->nstyles - 1];
	str fg = str_of(s->fg.c, s->fg.n), bg = str_of(s->bg.c, s->bg.n);

	if (str_eq(fg.n > 6 ? str_skip(fg, fg.n - 6) : fg,
		   bg.n > 6 ? str_skip(bg, bg.n - 6) : bg) ||
	    (fg.n == 7 && bg.n == 7 && fg.p[0] == '#' && bg.p[0] == '#' && low_contrast(fg, bg))) {
		h->facts->font_low_contrast = true;
		return true;
	}
	if (fg.p[0] == 'i' || bg.p[0] == 'i') {
		h->facts->font_invalid_color = true;
		return true;
	}
	return s->size <= 1 || str_eqi(s->display, STR("none")) ||
	       str_eqi(s->visibility, STR("hidden"));
}

/* A letter, a digit, or anything beyond ASCII that is no space. */
static bool is_letter(str s, bool wide)
{
	unsigned char c = (unsigned char)s.p[0];

	if (c < 0x80)
		return ch_alnum((char)c) || (c < ' ' && !is_space((char)c)) || c == 0x7f;
	if (!wide || s.n < 2)
		return true;
	if (c == 0xc2)
		return s.p[1] != '\xa0' && s.p[1] != '\x85';
	return !(c == 0xe3 && str_starts(s, STR("\xe3\x80\x80"))) &&
	       !(str_starts(s, STR("\xe2\x80")) && s.n > 2 &&
		 ((unsigned char)s.p[2] <= 0x8a || s.p[2] == '\xa8' || s.p[2] == '\xa9' ||
		  s.p[2] == '\xaf'));
}

static str last_char(str s)
{
	size_t at = s.n - 1;

	while (at > 0 && ((unsigned char)s.p[at] & 0xc0) == 0x80)
		at--;
	return str_skip(s, at);
}

static void text(struct html_view *h, const struct html_token *t)
{
	str s = t->raw, last;
	struct out o;
	bool hidden = false;

	if (inside(h->script)) {
		view_push(h->m, &h->scripts, s);
		return;
	}
	if (inside(h->style))
		return;
	if (!t->cdata && str_find(s, '&') < s.n) {
		if (!view_out(h->m, &o, s.n))
			return;
		o.n = html_decode(s, true, o.p, &h->wide);
		s = out_str(&o);
	}
	if (inside(h->a))
		html_view_anchor(h, s);
	if (inside(h->title))
		html_view_title(h, s);
	for (size_t i = 0; i < s.n; i++)
		if (!html_space(s.p[i])) {
			hidden = looks_invisible(h);
			break;
		}
	last = h->npieces ? h->pieces[h->npieces - 1].text : STR("");
	if (s.n && last.n && is_letter(s, h->wide) && is_letter(last_char(last), h->wide))
		h->obfuscation++;
	add_text(h, s, hidden);
}

/* ---- tags and text together ---- */

static void tag(struct html_view *h, struct html_token *t, bool start)
{
	str name = view_lower(h->m, t->name);
	bool foreign = is_namespace(name);
	const struct element *e = find_element(name);
	struct html_tag_count *c = tag_count(h, name, false);

	if (foreign || (e && (e->what & KNOWN))) {
		h->elements++;
		h->elements_seen += !c;
	}
	h->tags++;
	h->tags_seen += !c;
	if (!c)
		c = tag_count(h, name, true);
	if (c) {
		c->inside += start ? 1 : -1;
		c->starts += start;
		if (c->inside < 0) {
			c->inside = 0;
			h->closed_extra++;
		}
		html_view_remember(h, c);
	}
	if (foreign || !e)
		return;
	if (e->what & STYLE)
		html_view_style(h, e->name, t, start);
	if (e->what & SPACE)
		add_break(h, e->breaks);
	if (!start)
		return;
	if (e->what & LINKS)
		html_view_links(h, e->name, t);
	html_view_tests(h, e->name, t);
}

void html_view_remember(struct html_view *h, struct html_tag_count *c)
{
	if (str_eq(c->name, STR("a")))
		h->a = c;
	else if (str_eq(c->name, STR("title")))
		h->title = c;
	else if (str_eq(c->name, STR("script")))
		h->script = c;
	else if (str_eq(c->name, STR("style")))
		h->style = c;
}

static void declaration(struct html_view *h, str raw)
{
	struct html_tag_count *c;

	if (!str_startsi(raw, STR("<!doctype")))
		return;
	h->elements++;
	h->tags++;
	c = tag_count(h, STR("!doctype"), true);
	if (c)
		c->inside = 0;
}

/* "&nbsp;" is a blank, "<br/>" is "<br>", typographic quotes are quotes. */
static str prepare(struct scan_mail *m, str in)
{
	struct out o;

	if (!view_out(m, &o, in.n))
		return STR("");
	for (size_t i = 0; i < in.n;) {
		size_t n = i;

		while (n < in.n && in.p[n] != '&' && in.p[n] != '<' && in.p[n] != '\xe2')
			n++;
		out_add(&o, str_of(in.p + i, n - i));
		i = n;
		if (i == in.n)
			break;
		str rest = str_skip(in, i);

		if (str_starts(rest, STR("&nbsp;"))) {
			out_c(&o, ' ');
			i += 6;
		} else if (str_starts(rest, STR("\xe2\x80\x9c")) ||
			   str_starts(rest, STR("\xe2\x80\x9d"))) {
			out_c(&o, '"');
			i += 3;
		} else if (in.p[i] == '<') {
			size_t word = i + 1, at;

			while (word < in.n && is_word(in.p[word]))
				word++;
			for (at = word; at < in.n && is_space(in.p[at]); at++)
				;
			out_add(&o, str_of(in.p + i, word - i));
			i = word;
			if (word > n + 1 && at + 1 < in.n && in.p[at] == '/' && in.p[at + 1] == '>')
				i = at + 1;
		} else {
			out_c(&o, in.p[i++]);
		}
	}
	return out_str(&o);
}

/* The text of all pieces, or those that can (not) be seen. */
static struct view_text join(struct html_view *h, bool visible, bool invisible)
{
	struct out o;
	size_t n = 0;

	for (size_t i = 0; i < h->npieces; i++)
		n += h->pieces[i].text.n;
	if (!view_out(h->m, &o, n))
		return (struct view_text){ STR(""), h->wide };
	for (size_t i = 0; i < h->npieces; i++)
		if (h->pieces[i].invisible ? invisible : visible)
			out_add(&o, h->pieces[i].text);
	return (struct view_text){ out_str(&o), h->wide };
}

static size_t characters(struct view_text t)
{
	size_t n = t.s.n;

	for (size_t i = 0; t.wide && i < t.s.n; i++)
		n -= ((unsigned char)t.s.p[i] & 0xc0) == 0x80;
	return n;
}

/* "length" is the source's, "non_space_len" what is seen of it. */
static void count_text(struct html_view *h, struct view_text all, struct view_text source)
{
	struct scan_html *f = h->facts;
	size_t shown = 0, spaces = 0;

	for (size_t i = 0; i < all.s.n; i++) {
		char c = all.s.p[i];

		if (((unsigned char)c & 0xc0) == 0x80)
			continue;
		shown++;
		if (is_high(c))
			spaces += h->wide && !is_letter(str_skip(all.s, i), true);
		else
			spaces += h->wide ? is_space(c) : is_space(c) && c != '\f';
	}
	f->length = characters(source);
	f->non_space_len = shown - spaces;
	f->have |= SCAN_HTML_LENGTH | SCAN_HTML_NON_SPACE;
}

static void ratios(struct html_view *h)
{
	struct scan_html *f = h->facts;
	struct scan_html_tag *v = NEW_TRY(h->m->a, struct scan_html_tag, h->ntags + 1);

	f->have |= SCAN_HTML_IMAGE_AREA | SCAN_HTML_SIZES;
	f->min_size = h->min_size;
	f->max_size = h->max_size;
	if (h->tags) {
		f->closed_extra_ratio = (double)h->closed_extra / (double)h->tags;
		f->have |= SCAN_HTML_CLOSED_EXTRA;
	}
	if (h->tags && h->elements) {
		f->bad_tag_ratio = (double)(h->tags - h->elements) / (double)h->tags;
		f->have |= SCAN_HTML_BAD_TAG;
	}
	if (h->tags_seen && h->elements_seen) {
		f->non_element_ratio =
			(double)(h->tags_seen - h->elements_seen) / (double)h->tags_seen;
		f->have |= SCAN_HTML_NON_ELEMENT;
	}
	if (h->tags && h->obfuscation) {
		f->obfuscation_ratio = (double)h->obfuscation / (double)h->tags;
		f->have |= SCAN_HTML_OBFUSCATION;
	}
	if (!v)
		return;
	for (struct html_tag_count *c = h->last_tag; c; c = c->before)
		v[f->ntags++] = (struct scan_html_tag){ c->name, c->inside, c->starts };
	f->tags = v;
}

struct scan_html *view_html(struct scan_mail *m, struct view_part *p, struct view_text in)
{
	struct html_view *h = NEW(m->a, struct html_view);
	struct html_token *t = NEW(m->a, struct html_token);
	struct html_reader r;

	h->m = m;
	h->facts = NEW(m->a, struct scan_html);
	h->facts->part = &p->mime;
	h->wide = in.wide;
	h->min_size = h->max_size = h->basefont = 3;
	html_view_first_style(h);
	html_start(&r, prepare(m, in.s));
	while (html_next(&r, t)) {
		if (t->kind == HTML_TEXT)
			text(h, t);
		else if (t->kind == HTML_START || t->kind == HTML_END)
			tag(h, t, t->kind == HTML_START);
		else if (t->kind == HTML_COMMENT)
			view_push(m, &h->comments, t->raw);
		else if (t->kind == HTML_DECLARATION)
			declaration(h, t->raw);
	}
	p->all = join(h, true, true);
	p->visible = join(h, true, false);
	p->invisible = join(h, false, true);
	count_text(h, p->all, in);
	ratios(h);
	html_view_finish(h);
	return h->facts;
}
