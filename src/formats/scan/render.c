/* HTML rendered to text, and what is noted on the way. Three texts come out: all of it, what a
 * reader sees, and what is hidden from him by colour, size or style. */
#include <string.h>

#include "base/enc.h"
#include "formats/scan/mail.h"

#define STYLES	    128 /* open elements with a style; deeper ones keep the last */
#define TAGS	    256 /* different names of tags */
#define TRANSPARENT (-2)
#define INVALID	    (-1)

enum {
	ELEMENT = 1, /* of HTML 4 or XHTML 1 */
	TRICK = 2,   /* none of these, but shown */
	STYLED = 4,
	LINE = 8,	/* a line end around it */
	SPACE = 16,	/* a space */
	PARAGRAPH = 32, /* an empty line */
	LINKS = 64,	/* has an URI */
};
static const struct known {
	str name;
	unsigned flags;
} known[] = {
	{ S("a"), ELEMENT | STYLED | LINKS },
	{ S("abbr"), ELEMENT },
	{ S("acronym"), ELEMENT },
	{ S("address"), ELEMENT },
	{ S("applet"), ELEMENT },
	{ S("area"), ELEMENT | LINKS },
	{ S("b"), ELEMENT },
	{ S("base"), ELEMENT | LINKS },
	{ S("basefont"), ELEMENT | STYLED },
	{ S("bdo"), ELEMENT },
	{ S("bgsound"), TRICK | LINKS },
	{ S("big"), ELEMENT | STYLED },
	{ S("blockquote"), ELEMENT | PARAGRAPH },
	{ S("body"), ELEMENT | STYLED | LINKS },
	{ S("br"), ELEMENT | LINE },
	{ S("button"), ELEMENT },
	{ S("caption"), ELEMENT },
	{ S("center"), ELEMENT },
	{ S("cite"), ELEMENT },
	{ S("code"), ELEMENT },
	{ S("col"), ELEMENT },
	{ S("colgroup"), ELEMENT },
	{ S("dd"), ELEMENT | SPACE },
	{ S("del"), ELEMENT },
	{ S("dfn"), ELEMENT },
	{ S("dir"), ELEMENT },
	{ S("div"), ELEMENT | STYLED | LINE },
	{ S("dl"), ELEMENT },
	{ S("dt"), ELEMENT | SPACE },
	{ S("em"), ELEMENT },
	{ S("embed"), TRICK | SPACE | LINKS },
	{ S("fieldset"), ELEMENT },
	{ S("font"), ELEMENT | STYLED },
	{ S("form"), ELEMENT | LINKS },
	{ S("frame"), ELEMENT | LINKS },
	{ S("frameset"), ELEMENT },
	{ S("h1"), ELEMENT | SPACE },
	{ S("h2"), ELEMENT | SPACE },
	{ S("h3"), ELEMENT | SPACE },
	{ S("h4"), ELEMENT | SPACE },
	{ S("h5"), ELEMENT | SPACE },
	{ S("h6"), ELEMENT | SPACE },
	{ S("head"), ELEMENT },
	{ S("hr"), ELEMENT | PARAGRAPH },
	{ S("html"), ELEMENT },
	{ S("i"), ELEMENT },
	{ S("iframe"), ELEMENT | LINKS },
	{ S("img"), ELEMENT | LINKS },
	{ S("input"), ELEMENT },
	{ S("ins"), ELEMENT },
	{ S("isindex"), ELEMENT },
	{ S("kbd"), ELEMENT },
	{ S("label"), ELEMENT },
	{ S("legend"), ELEMENT },
	{ S("li"), ELEMENT | SPACE },
	{ S("link"), ELEMENT | LINKS },
	{ S("listing"), TRICK | PARAGRAPH },
	{ S("map"), ELEMENT },
	{ S("menu"), ELEMENT },
	{ S("meta"), ELEMENT | LINKS },
	{ S("nobr"), ELEMENT },
	{ S("noframes"), ELEMENT },
	{ S("noscript"), ELEMENT },
	{ S("object"), ELEMENT },
	{ S("ol"), ELEMENT },
	{ S("optgroup"), ELEMENT },
	{ S("option"), ELEMENT },
	{ S("p"), ELEMENT | STYLED | PARAGRAPH },
	{ S("param"), ELEMENT },
	{ S("plaintext"), TRICK | PARAGRAPH },
	{ S("pre"), ELEMENT | PARAGRAPH },
	{ S("q"), ELEMENT },
	{ S("s"), ELEMENT },
	{ S("samp"), ELEMENT },
	{ S("script"), ELEMENT | LINKS },
	{ S("select"), ELEMENT },
	{ S("small"), ELEMENT | STYLED },
	{ S("span"), ELEMENT | STYLED },
	{ S("strike"), ELEMENT },
	{ S("strong"), ELEMENT },
	{ S("style"), ELEMENT },
	{ S("sub"), ELEMENT },
	{ S("sup"), ELEMENT },
	{ S("table"), ELEMENT | STYLED | LINKS },
	{ S("tbody"), ELEMENT },
	{ S("td"), ELEMENT | STYLED | SPACE | LINKS },
	{ S("textarea"), ELEMENT },
	{ S("tfoot"), ELEMENT },
	{ S("th"), ELEMENT | STYLED | SPACE },
	{ S("thead"), ELEMENT },
	{ S("title"), ELEMENT | PARAGRAPH },
	{ S("tr"), ELEMENT | STYLED | LINKS },
	{ S("tt"), ELEMENT },
	{ S("u"), ELEMENT },
	{ S("ul"), ELEMENT },
	{ S("var"), ELEMENT },
	{ S("x-sigsep"), ELEMENT },
	{ S("x-tab"), ELEMENT },
	{ S("xmp"), TRICK | PARAGRAPH },
};

struct style {
	const struct known *tag; /* NULL: the ground */
	int32_t ink, paper;
	double size;
	bool none, hidden; /* display: none, visibility: hidden */
};

/* An URI as it is found. */
struct found {
	struct found *next;
	str uri;
	unsigned kinds;
	bool iframe;
	struct anchor {
		struct anchor *next;
		struct buf text;
	} * anchors, *last;
	size_t nanchors;
};

struct page {
	struct scan_mail *m;
	struct scan_html *out;
	struct html_token t;
	struct buf all, seen, hidden, scratch;
	struct style styles[STYLES];
	size_t nstyles;
	struct scan_html_tag tags[TAGS];
	size_t ntags;
	double basefont;
	bool any, space_last, hidden_last; /* the piece before this one */
	char last;			   /* its last octet */
	bool cut_word;			   /* it ends within a word */
	unsigned ntag, nelement, tags_seen, elements_seen, closed_extra, obfuscation;
	str base, anchor;
	struct found *found, *anchored;
	size_t nfound;
	struct buf titles[16], anchors[64];
	size_t ntitles, nanchors;
	str comments[64], scripts[64];
	size_t ncomments, nscripts;
	struct buf charsets;
};

static int compare(const void *key, const void *row)
{
	return str_cmp(*(const str *)key, ((const struct known *)row)->name);
}

static const struct known *find_known(str name)
{
	size_t low = 0, high = COUNT(known);

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = compare(&name, &known[mid]);

		if (!c)
			return &known[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* ---- tags counted ---- */

static struct scan_html_tag *tag_of(struct page *g, str name)
{
	for (size_t i = 0; i < g->ntags; i++) {
		if (str_eq(g->tags[i].name, name))
			return &g->tags[i];
	}
	if (g->ntags == TAGS)
		return NULL;
	g->tags[g->ntags] = (struct scan_html_tag){ .name = arena_dup(g->m->a, name) };
	return &g->tags[g->ntags++];
}

static int inside(struct page *g, const char *name)
{
	for (size_t i = 0; i < g->ntags; i++) {
		if (str_eq(g->tags[i].name, str_z(name)))
			return g->tags[i].inside;
	}
	return 0;
}

/* Office's own: "o:p", "st1:city". */
static bool namespaced(str name)
{
	return str_starts(name, STR("o:")) ||
	       (name.n > 3 && str_starts(name, STR("st")) && name.p[2] >= '0' && name.p[2] <= '9' &&
		name.p[3] == ':');
}

/* ---- text put down ---- */

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks of ASCII become one space. */
static void squeeze(struct buf *out, str s)
{
	while (s.n) {
		size_t n = 0;

		while (n < s.n && !blank(s.p[n]))
			n++;
		buf_add(out, str_take(s, n));
		s = str_skip(s, n);
		for (n = 0; n < s.n && blank(s.p[n]);)
			n++;
		if (n)
			buf_addc(out, ' ');
		s = str_skip(s, n);
	}
}

static void remember(struct page *g, str s, bool space, bool hidden)
{
	g->any = true;
	g->space_last = space;
	g->hidden_last = hidden;
	if (s.n)
		g->last = s.p[s.n - 1];
}

static void drop_space(struct buf *b)
{
	if (b->n && b->p[b->n - 1] == ' ')
		b->n--;
}

static void put_space(struct page *g, str s)
{
	if (g->any && !g->space_last && !g->hidden_last) {
		drop_space(&g->all);
		drop_space(&g->seen);
	}
	buf_add(&g->all, s);
	buf_add(&g->seen, s);
	g->cut_word = false;
	remember(g, s, true, false);
}

static void put_text(struct page *g, str text, bool hidden)
{
	str s;

	buf_reset(&g->scratch);
	squeeze(&g->scratch, text);
	s = buf_str(&g->scratch);
	if (g->any && !hidden && g->space_last && s.n && s.p[0] == ' ')
		s = str_skip(s, 1);
	buf_add(&g->all, s);
	buf_add(hidden ? &g->hidden : &g->seen, s);
	remember(g, s, false, hidden);
}

/* ---- style ---- */

static struct style *top(struct page *g)
{
	return &g->styles[g->nstyles - 1];
}

static void push(struct page *g, const struct style *s)
{
	if (g->nstyles < STYLES)
		g->styles[g->nstyles++] = *s;
}

static bool is(const struct known *k, const char *name)
{
	return k && str_eq(k->name, str_z(name));
}

static bool is_open(struct page *g, const struct known *k)
{
	for (size_t i = 0; i < g->nstyles; i++) {
		if (g->styles[i].tag == k)
			return true;
	}
	return false;
}

/* A cell ends the cell before it, a row the row. */
static void close_cells(struct page *g, const struct known *k)
{
	if (!is_open(g, k))
		return;
	while (g->nstyles > 1) {
		const struct known *t = top(g)->tag;

		if (!is(t, "font") && !is(t, "td") && !(is(k, "tr") && is(t, "tr")))
			return;
		g->nstyles--;
	}
}

static void close_style(struct page *g, const struct known *k)
{
	if (!is_open(g, k))
		return;
	while (g->nstyles > 1 && top(g)->tag != k)
		g->nstyles--;
	if (g->nstyles > 1)
		g->nstyles--;
}

static void set_size(struct page *g, struct style *s, str v)
{
	bool relative, minus;
	uint64_t n;
	size_t digits = 0;

	v = str_trim_ws(v);
	relative = v.n && (v.p[0] == '+' || v.p[0] == '-');
	minus = relative && v.p[0] == '-';
	v = str_skip(v, relative);
	while (digits < v.n && v.p[digits] >= '0' && v.p[digits] <= '9')
		digits++;
	if (!digits || str_u64(str_take(v, digits), 1000000, &n))
		return;
	s->size = relative ? g->basefont + (minus ? -(double)n : (double)n) : (double)n;
}

static int32_t css_colour(str v)
{
	size_t important = str_find(v, '!');
	int32_t parts[3] = { 0 };
	str rest, piece;
	int n = 0;

	v = str_trim_ws(str_take(v, important));
	if (str_searchi(v, STR("rgb")) == v.n)
		return scan_colour(v);
	/* rgb() and rgba(): digits and commas alone count. */
	rest = v;
	while (n < 3 && str_next(&rest, ',', &piece)) {
		int64_t x = 0;

		for (size_t i = 0; i < piece.n; i++) {
			if (piece.p[i] >= '0' && piece.p[i] <= '9' && x < 100000)
				x = 10 * x + (piece.p[i] - '0');
		}
		parts[n++] = x > 255 ? 255 : (int32_t)x;
	}
	return parts[0] << 16 | parts[1] << 8 | parts[2];
}

static void set_css(struct style *s, str name, str v)
{
	bool paper = str_eqi(name, STR("background-color"));

	if (paper || str_eqi(name, STR("color"))) {
		if (str_eqi(v, STR("inherit")))
			return;
		*(paper ? &s->paper : &s->ink) =
			str_eqi(v, STR("transparent")) ? TRANSPARENT : css_colour(v);
	} else if (str_eq(name, STR("background"))) {
		str layer = str_skip(v, str_rfind(v, ',') < v.n ? str_rfind(v, ',') + 1 : 0), word;

		while (str_word(&layer, &word)) {
			int32_t c = scan_colour(word);

			if (c >= 0) {
				s->paper = c;
				return;
			}
		}
	} else if (str_eqi(name, STR("display"))) {
		s->none = str_eqi(v, STR("none"));
	} else if (str_eqi(name, STR("visibility"))) {
		s->hidden = str_eqi(v, STR("hidden"));
	}
}

static void set_style(struct page *g, struct style *s, str css)
{
	str part, name, v;

	while (str_next(&css, ';', &part)) {
		if (str_cut(part, ':', &name, &v))
			set_css(s, str_trim_ws(name), str_trim_ws(v));
	}
	if (s->paper == TRANSPARENT)
		s->paper = top(g)->paper;
	if (s->ink == TRANSPARENT)
		s->ink = s->paper;
}

/* Which attributes mean something for which element. */
static bool allowed(const struct known *k, str attr)
{
	if (is(k, "font") || is(k, "basefont"))
		return str_eqi(attr, STR("color")) || str_eqi(attr, STR("size"));
	if (is(k, "body"))
		return str_eqi(attr, STR("text"));
	return str_eqi(attr, STR("style")) && !is(k, "marquee");
}

static str decoded_value(struct page *g, str v)
{
	struct buf b;

	if (str_find(v, '&') == v.n)
		return v;
	buf_init(&b, 4 * v.n + 16);
	html_add_decoded(&b, v);
	return scan_keep(g->m, &b);
}

static void open_style(struct page *g, const struct known *k)
{
	struct style s = *top(g);
	bool found;
	str v = html_attr(&g->t, "size", &found);

	if (is(k, "basefont") && found && v.n && v.p[0] >= '0' && v.p[0] <= '9') {
		struct style base = { 0 };

		set_size(g, &base, v);
		g->basefont = base.size;
		return;
	}
	if (is(k, "td") || is(k, "tr")) {
		close_cells(g, k);
		s = *top(g);
	}
	s.tag = k;
	if (is(k, "big") || is(k, "small")) {
		s.size += is(k, "big") ? 1 : -1;
		push(g, &s);
		return;
	}
	for (size_t i = 0; i < g->t.nattr; i++) {
		str name = g->t.attr[i].name;

		if (!allowed(k, name))
			continue;
		v = decoded_value(g, g->t.attr[i].value);
		if (str_eqi(name, STR("color")) || str_eqi(name, STR("text")))
			s.ink = scan_colour(v);
		else if (str_eqi(name, STR("size")))
			set_size(g, &s, v);
		else
			set_style(g, &s, v);
		if (s.size > g->out->max_size)
			g->out->max_size = (int)s.size;
		else if (s.size < g->out->min_size)
			g->out->min_size = (int)s.size;
	}
	push(g, &s);
}

static bool too_close(int32_t ink, int32_t paper)
{
	double r = (ink >> 16 & 255) - (paper >> 16 & 255),
	       g = (ink >> 8 & 255) - (paper >> 8 & 255), b = (ink & 255) - (paper & 255);

	r *= 0.2126;
	g *= 0.7152;
	b *= 0.0722;
	return r * r + g * g + b * b < 12 * 12;
}

static bool invisible(struct page *g)
{
	const struct style *s = top(g);

	if (s->ink == s->paper || (s->ink >= 0 && s->paper >= 0 && too_close(s->ink, s->paper))) {
		g->out->font_low_contrast = true;
		return true;
	}
	if (s->ink == INVALID || s->paper == INVALID) {
		g->out->font_invalid_color = true;
		return true;
	}
	return s->size <= 1 || s->none || s->hidden;
}

/* ---- links ---- */

/* NULL: there are too many. */
static struct found *find(struct page *g, str uri)
{
	struct found **at = &g->found;

	for (; *at; at = &(*at)->next) {
		if (str_eq((*at)->uri, uri))
			return *at;
	}
	if (g->nfound == LIM_SCAN_URIS) {
		g->m->cut |= SCAN_CUT_URIS;
		return NULL;
	}
	g->nfound++;
	*at = NEW(g->m->a, struct found);
	(*at)->uri = arena_dup(g->m->a, uri);
	return *at;
}

static str tidy_uri(struct page *g, str uri)
{
	uri = decoded_value(g, uri);
	uri = str_trim_ws(uri);
	while (str_starts(uri, STR("\302\240")))
		uri = str_skip(uri, 2);
	while (str_ends(uri, STR("\302\240")))
		uri = str_take(uri, uri.n - 2);
	if (uri.n > LIM_SCAN_URI) {
		g->m->cut |= SCAN_CUT_URIS;
		uri = str_take(uri, LIM_SCAN_URI);
	}
	return uri;
}

static bool has_scheme(str uri, const char *const *schemes)
{
	for (; *schemes; schemes++) {
		if (str_startsi(uri, str_z(*schemes)))
			return true;
	}
	return false;
}

static void add_link(struct page *g, unsigned kind, str uri)
{
	static const char *const whole[] = { "data:", "mailto:", "file:", "cid:", "tel:", NULL };
	struct found *f;

	uri = tidy_uri(g, uri);
	if (uri.n && !has_scheme(uri, whole))
		uri = scan_uri_target(g->m->a, g->base, uri);
	f = uri.n ? find(g, uri) : NULL;
	if (f) {
		f->kinds |= kind;
		f->iframe = f->iframe || str_eqi(g->t.text, STR("iframe"));
	}
}

static void add_base(struct page *g, str href)
{
	static const char *const schemes[] = { "http:", "https:", "ftp:", NULL };
	str uri = tidy_uri(g, href);
	size_t slash, dot, host;

	add_link(g, SCAN_URI_OTHER, href);
	if (!has_scheme(uri, schemes))
		return;
	host = str_search(uri, STR("//"));
	host = host < uri.n ? host + 2 : 0;
	slash = str_rfind(uri, '/');
	dot = str_rfind(uri, '.');
	if (slash < uri.n && slash > host && dot < uri.n && dot > slash + 1 && uri.n - dot >= 3 &&
	    uri.n - dot <= 5)
		uri = str_take(uri, slash + 1); /* the name of a file */
	g->base = uri.n && uri.p[uri.n - 1] == '/' ? uri : arena_fmt(g->m->a, "%.*s/", STRF(uri));
}

static void add_refresh(struct page *g, str content)
{
	size_t at = str_searchi(content, STR("url"));
	str uri = str_trim_ws(str_skip(content, at + 3));

	if (at == content.n || !uri.n || uri.p[0] != '=')
		return;
	uri = str_skip(uri, 1);
	add_link(g, SCAN_URI_OTHER, str_take(uri, str_find(uri, ';')));
}

static str attr_like(struct page *g, const char *name, bool *found)
{
	str v = html_attr(&g->t, name, found), want = str_z(name);

	if (*found)
		return v;
	for (size_t i = 0; i < g->t.nattr; i++) { /* "x/href" is taken for href */
		str n = g->t.attr[i].name;

		if (n.n > want.n && str_endsi(n, want) && n.p[n.n - want.n - 1] == '/') {
			*found = true;
			return g->t.attr[i].value;
		}
	}
	return STR("");
}

static void links(struct page *g, const struct known *k)
{
	bool found, other;
	str v;

	if (is(k, "body") || is(k, "table") || is(k, "tr") || is(k, "td")) {
		v = html_attr(&g->t, "background", &found);
		if (found)
			add_link(g, SCAN_URI_OTHER, v);
	} else if (is(k, "a") || is(k, "area") || is(k, "link")) {
		v = attr_like(g, "href", &found);
		if (found)
			add_link(g,
				 is(k, "link") ? SCAN_URI_LINK
				 : is(k, "a")  ? SCAN_URI_A
					       : SCAN_URI_OTHER,
				 v);
		v = html_attr(&g->t, "data-saferedirecturl", &found);
		if (found)
			add_link(g, SCAN_URI_A, v);
	} else if (is(k, "form")) {
		v = html_attr(&g->t, "action", &found);
		if (found)
			add_link(g, SCAN_URI_FORM, v);
	} else if (is(k, "base")) {
		v = html_attr(&g->t, "href", &found);
		if (found && v.n)
			add_base(g, v);
	} else if (is(k, "meta")) {
		v = html_attr(&g->t, "http-equiv", &found);
		if (found && str_searchi(v, STR("refresh")) < v.n) {
			v = html_attr(&g->t, "content", &other);
			if (other)
				add_refresh(g, decoded_value(g, v));
		}
	} else {
		v = attr_like(g, "src", &found);
		if (found)
			add_link(g, is(k, "img") ? SCAN_URI_IMG : SCAN_URI_OTHER, v);
	}
}

/* ---- what tests ask ---- */

static bool face_ok(str v)
{
	/* Names of letters, blanks and hyphens between commas, a digit at their end at most, quotes
	 * around. */
	str piece, rest = str_trim_ws(v);

	if (rest.n && rest.p[rest.n - 1] == ';')
		rest.n--;
	if (!rest.n)
		return false;
	while (str_next(&rest, ',', &piece)) {
		size_t n = 0;

		piece = str_trim_ws(piece);
		if (piece.n && strchr("\"'.", piece.p[0]))
			piece = str_skip(piece, 1);
		if (piece.n && strchr("\"'", piece.p[piece.n - 1]))
			piece.n--;
		if (piece.n && piece.p[piece.n - 1] >= '0' && piece.p[piece.n - 1] <= '9')
			piece.n--;
		while (n < piece.n &&
		       ((ch_lower(piece.p[n]) >= 'a' && ch_lower(piece.p[n]) <= 'z') ||
			piece.p[n] == ' ' || piece.p[n] == '-'))
			n++;
		if (piece.n < 2 || n < piece.n || piece.p[0] == '-' || piece.p[n - 1] == ' ' ||
		    piece.p[n - 1] == '-')
			return false;
	}
	return true;
}

static double extent(str v, double percent)
{
	size_t n = 0;
	uint64_t x;

	while (n < v.n && v.p[n] >= '0' && v.p[n] <= '9')
		n++;
	if (!n || (n < v.n && !(n + 1 == v.n && v.p[n] == '%')) ||
	    str_u64(str_take(v, n), 100000000, &x))
		return 200;
	x = n < v.n ? x * (uint64_t)percent : x;
	return x ? (double)x : 200;
}

static void image(struct page *g)
{
	bool w, h;
	str width = html_attr(&g->t, "width", &w), height = html_attr(&g->t, "height", &h);

	if (inside(g, "a") > 0 && g->anchored && g->anchored->last) {
		buf_add(&g->anchored->last->text, STR("<img>\n"));
		if (g->nanchors)
			buf_add(&g->anchors[g->nanchors - 1], STR("<img>\n"));
	}
	if (w && h)
		g->out->image_area += extent(width, 8) * extent(height, 6);
}

static void anchor(struct page *g)
{
	bool found;
	str href = attr_like(g, "href", &found);
	struct anchor *a;

	g->anchored = find(g, found ? tidy_uri(g, href) : STR(""));
	if (!g->anchored)
		return;
	a = NEW(g->m->a, struct anchor);
	buf_init(&a->text, LIM_SCAN_URI);
	if (g->anchored->last)
		g->anchored->last->next = a;
	else
		g->anchored->anchors = a;
	g->anchored->last = a;
	g->anchored->nanchors++;
	if (g->nanchors < COUNT(g->anchors))
		buf_init(&g->anchors[g->nanchors++], LIM_SCAN_URI);
}

static void meta_charset(struct page *g)
{
	bool found;
	str v = html_attr(&g->t, "http-equiv", &found);
	size_t at;

	if (!found || str_searchi(v, STR("content-type")) == v.n)
		return;
	v = html_attr(&g->t, "content", &found);
	at = str_searchi(v, STR("charset"));
	v = str_trim_ws(str_skip(v, at + 7));
	if (!v.n || v.p[0] != '=')
		return;
	v = str_trim_ws(str_skip(v, 1));
	if (v.n && (v.p[0] == '"' || v.p[0] == '\''))
		v = str_skip(v, 1);
	v = str_take(v, str_find(v, '"'));
	v = str_take(v, str_find(v, '\''));
	if (v.n) {
		buf_fmt(&g->charsets, "%s%.*s", g->charsets.n ? " " : "", STRF(v));
	}
}

static void tests(struct page *g, const struct known *k)
{
	bool found;
	str v;

	if (is(k, "font")) {
		v = html_attr(&g->t, "face", &found);
		if (found && !face_ok(decoded_value(g, v)))
			g->out->font_face_bad = true;
	} else if (is(k, "img")) {
		image(g);
	} else if (is(k, "form")) {
		v = html_attr(&g->t, "action", &found);
		if (found && str_searchi(v, STR("mailto:")) < v.n)
			g->out->form_action_mailto = true;
	} else if (is(k, "object") || is(k, "embed")) {
		g->out->embeds = true;
	} else if (is(k, "a")) {
		anchor(g);
	} else if (is(k, "title")) {
		if (g->ntitles < COUNT(g->titles))
			buf_init(&g->titles[g->ntitles++], LIM_SCAN_VALUE);
	} else if (is(k, "meta")) {
		meta_charset(g);
	}
}

static str lower_name(struct page *g, str name, char *out, size_t room)
{
	name = str_take(name, room);
	for (size_t i = 0; i < name.n; i++)
		out[i] = ch_lower(name.p[i]);
	return str_of(out, name.n);
}

static void on_tag(struct page *g, bool start)
{
	char low[64];
	str name = lower_name(g, g->t.text, low, sizeof low);
	const struct known *k = find_known(name);
	size_t before = g->ntags;
	struct scan_html_tag *tag = tag_of(g, name);
	bool first = g->ntags > before, space = namespaced(name);

	if ((k && (k->flags & ELEMENT)) || space) {
		g->nelement++;
		g->elements_seen += first;
	}
	g->ntag++;
	g->tags_seen += first;
	if (tag) {
		tag->inside += start ? 1 : -1;
		if (tag->inside < 0) {
			tag->inside = 0;
			g->closed_extra++;
		}
	}
	if (space || !k)
		return;
	if (k->flags & STYLED) {
		const struct known *styled = is(k, "th") ? find_known(STR("td")) : k;

		if (start)
			open_style(g, styled);
		else if (!is(k, "body"))
			close_style(g, styled);
	}
	if (k->flags & LINE)
		put_space(g, STR("\n"));
	else if (k->flags & SPACE)
		put_space(g, STR(" "));
	else if (k->flags & PARAGRAPH)
		put_space(g, STR("\n\n"));
	if (!start)
		return;
	if (k->flags & LINKS)
		links(g, k);
	tests(g, k);
}

/* ---- text ---- */

static bool word_sign(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= '0' && u <= '9') || (ch_lower(c) >= 'a' && ch_lower(c) <= 'z') || u == 0x7f ||
	       u >= 0x80 || (u < 0x20 && !strchr(" \t\n\r\f\v", c));
}

static bool blank_text(str s)
{
	size_t n = 0;

	while (n < s.n && blank(s.p[n]))
		n++;
	return n == s.n;
}

/* Words that tags cut in two. */
static void note_cuts(struct page *g, str s)
{
	if (g->any && s.n && word_sign(s.p[0]) && !scan_space(s) && g->cut_word)
		g->obfuscation++;
}

static void on_text(struct page *g)
{
	struct buf b;
	str s = g->t.text;
	bool hidden;

	if (inside(g, "script") > 0) {
		if (g->nscripts < COUNT(g->scripts))
			g->scripts[g->nscripts++] = s;
		return;
	}
	if (inside(g, "style") > 0)
		return;
	buf_init(&b, 4 * s.n + 16);
	if (!g->t.literal && str_find(s, '&') < s.n) {
		html_add_decoded(&b, s);
		s = buf_str(&b);
	}
	if (inside(g, "a") > 0 && g->anchored && g->anchored->last) {
		buf_add(&g->anchored->last->text, s);
		if (g->nanchors)
			buf_add(&g->anchors[g->nanchors - 1], s);
	}
	if (inside(g, "title") > 0 && g->ntitles)
		buf_add(&g->titles[g->ntitles - 1], s);
	hidden = !blank_text(s) && invisible(g);
	note_cuts(g, s);
	put_text(g, s, hidden);
	g->cut_word = s.n && word_sign(s.p[s.n - 1]);
	buf_free(&b);
}

static void on_token(struct page *g)
{
	switch (g->t.kind) {
	case HTML_START:
		on_tag(g, true);
		break;
	case HTML_END:
		on_tag(g, false);
		break;
	case HTML_TEXT:
		on_text(g);
		break;
	case HTML_COMMENT:
		if (g->ncomments < COUNT(g->comments))
			g->comments[g->ncomments++] = g->t.whole;
		break;
	case HTML_DECLARATION:
		if (str_startsi(g->t.text, STR("<!doctype"))) {
			struct scan_html_tag *t = tag_of(g, STR("!doctype"));

			g->nelement++;
			g->ntag++;
			if (t)
				t->inside = 0;
		}
		break;
	case HTML_OTHER:
		break;
	}
}

/* ---- all of it ---- */

/* "&nbsp;" is a space, "<br/>" a "<br>", a curly quote a straight one. */
static str prepared(struct scan_mail *m, str s)
{
	struct buf b;

	buf_init(&b, s.n + 16);
	while (s.n) {
		size_t n = 0;

		while (n < s.n && s.p[n] != '&' && s.p[n] != '<' && s.p[n] != '\342')
			n++;
		buf_add(&b, str_take(s, n));
		s = str_skip(s, n);
		if (!s.n)
			break;
		if (str_starts(s, STR("&nbsp;"))) {
			buf_addc(&b, ' ');
			s = str_skip(s, 6);
		} else if (str_starts(s, STR("\342\200\234")) ||
			   str_starts(s, STR("\342\200\235"))) {
			buf_addc(&b, '"');
			s = str_skip(s, 3);
		} else if (s.p[0] == '<') {
			for (n = 1; n < s.n && word_sign(s.p[n]) && (unsigned char)s.p[n] < 0x80;)
				n++;
			str tail = str_skip(s, n);

			while (tail.n && tail.p[0] && strchr(" \t\n\r", tail.p[0]))
				tail = str_skip(tail, 1);
			if (n > 1 && str_starts(tail, STR("/>"))) {
				buf_add(&b, str_take(s, n));
				buf_addc(&b, '>');
				s = str_skip(tail, 2);
			} else {
				buf_addc(&b, '<');
				s = str_skip(s, 1);
			}
		} else {
			buf_addc(&b, s.p[0]);
			s = str_skip(s, 1);
		}
	}
	return scan_keep(m, &b);
}

static size_t characters(str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static size_t no_spaces(str s)
{
	size_t n = 0, k;

	while (s.n) {
		k = scan_space(s);
		n += !k && ((unsigned char)s.p[0] & 0xc0) != 0x80;
		s = str_skip(s, k ? k : 1);
	}
	return n;
}

static struct scan_strs copy(struct scan_mail *m, const str *v, size_t n)
{
	str *to = NEW_TRY(m->a, str, n + 1);

	if (!to)
		return (struct scan_strs){ NULL, 0 };
	memcpy(to, v, n * sizeof *v);
	return (struct scan_strs){ to, n };
}

static struct scan_strs keep_all(struct scan_mail *m, struct buf *v, size_t n)
{
	str s[64];

	for (size_t i = 0; i < n; i++)
		s[i] = scan_keep(m, &v[i]);
	return copy(m, s, n);
}

static double share(unsigned part, unsigned whole)
{
	return whole ? (double)part / whole : 0;
}

static void keep_uris(struct page *g)
{
	struct scan_html_uri *v = NEW_TRY(g->m->a, struct scan_html_uri, g->nfound + 1);
	size_t n = 0;

	for (struct found *f = g->found; f; f = f->next) {
		str *texts = NEW_TRY(g->m->a, str, f->nanchors + 1);
		size_t k = 0;

		for (struct anchor *x = f->anchors; x; x = x->next) {
			str s = scan_keep(g->m, &x->text);

			if (texts)
				texts[k++] = s;
		}
		if (v)
			v[n++] =
				(struct scan_html_uri){ f->uri, { texts, k }, f->kinds, f->iframe };
	}
	g->out->uris = v;
	g->out->nuris = n;
}

static void results(struct page *g, struct scan_leaf *leaf)
{
	struct scan_html *o = g->out;
	struct scan_html_tag *tags = NEW_TRY(g->m->a, struct scan_html_tag, g->ntags + 1);

	leaf->rendered = scan_keep(g->m, &g->all);
	leaf->visible = scan_keep(g->m, &g->seen);
	leaf->invisible = scan_keep(g->m, &g->hidden);
	o->have |= SCAN_HTML_NON_SPACE | SCAN_HTML_SIZES | SCAN_HTML_IMAGE_AREA | SCAN_HTML_LENGTH;
	o->non_space_len = no_spaces(leaf->rendered);
	if (g->ntag) {
		o->have |= SCAN_HTML_CLOSED_EXTRA | SCAN_HTML_BAD_TAG | SCAN_HTML_NON_ELEMENT;
		o->have |= g->obfuscation ? SCAN_HTML_OBFUSCATION : 0;
	}
	o->closed_extra_ratio = share(g->closed_extra, g->ntag);
	o->bad_tag_ratio = share(g->ntag - g->nelement, g->ntag);
	o->non_element_ratio = share(g->tags_seen - g->elements_seen, g->tags_seen);
	o->obfuscation_ratio = share(g->obfuscation, g->ntag);
	if (tags) {
		memcpy(tags, g->tags, g->ntags * sizeof *tags);
		o->tags = tags;
		o->ntags = g->ntags;
	}
	o->comment = copy(g->m, g->comments, g->ncomments);
	o->script = copy(g->m, g->scripts, g->nscripts);
	o->title = keep_all(g->m, g->titles, g->ntitles);
	o->anchor = keep_all(g->m, g->anchors, g->nanchors);
	o->charsets = scan_keep(g->m, &g->charsets);
	keep_uris(g);
}

void scan_render_html(struct scan_mail *m, struct scan_leaf *leaf, struct scan_html *out)
{
	struct page *g = arena_try(m->a, sizeof *g, _Alignof(struct page));
	struct html_reader r;
	str source = prepared(m, leaf->utf8);
	size_t room = size_add(size_mul(source.n, 2), 64);

	out->part = leaf->part;
	leaf->rendered = leaf->visible = leaf->invisible = STR("");
	if (!g) {
		m->cut |= SCAN_CUT_ARENA;
		return;
	}
	g->m = m;
	g->out = out;
	out->length = characters(leaf->utf8);
	out->max_size = out->min_size = 3;
	g->basefont = 3;
	g->styles[0] = (struct style){ .ink = 0, .paper = 0xffffff, .size = 3 };
	g->nstyles = 1;
	g->base = STR("");
	buf_init(&g->all, room);
	buf_init(&g->seen, room);
	buf_init(&g->hidden, room);
	buf_init(&g->scratch, room);
	buf_init(&g->charsets, 1024);
	html_read_init(&r, source);
	while (html_read(&r, &g->t))
		on_token(g);
	buf_free(&g->scratch);
	results(g, leaf);
}

struct scan_htmls scan_htmls(struct scan_mail *m)
{
	scan_render_all(m);
	return (struct scan_htmls){ m->htmls, m->nhtmls };
}
