/* Links, anchors, titles and the other facts of HTML tags. */
#include <string.h>

#include "formats/scan/html_view.h"

static unsigned hash(str s)
{
	unsigned h = 5381;

	for (size_t i = 0; i < s.n; i++)
		h = h * 33 + (unsigned char)s.p[i];
	return h % HTML_SLOTS;
}

static struct html_uri *find_uri(struct html_view *h, str key)
{
	struct html_uri **slot = &h->uri_slots[hash(key)], *u;

	for (u = *slot; u; u = u->next)
		if (str_eq(u->key, key))
			return u;
	if (h->nuris >= LIM_SCAN_URIS) {
		h->m->cut |= SCAN_CUT_URIS;
		return NULL;
	}
	h->nuris++;
	u = NEW(h->m->a, struct html_uri);
	u->key = key;
	u->next = *slot;
	*slot = u;
	if (h->last_uri)
		h->last_uri->after = u;
	else
		h->first_uri = u;
	h->last_uri = u;
	return u;
}

/* No white space at the ends, and not too long. */
static str trim_uri(struct html_view *h, str s)
{
	for (;;) {
		if (s.n && is_space(s.p[0]))
			s = str_skip(s, 1);
		else if (str_starts(s, STR("\xc2\xa0")))
			s = str_skip(s, 2);
		else
			break;
	}
	for (;;) {
		if (s.n && is_space(s.p[s.n - 1]))
			s.n--;
		else if (str_ends(s, STR("\xc2\xa0")))
			s.n -= 2;
		else
			break;
	}
	if (s.n > LIM_SCAN_URI) {
		h->m->flags |= SCAN_FLAG_URI_TRUNCATED;
		s.n = LIM_SCAN_URI;
	}
	return s;
}

static bool has_own_scheme(str s)
{
	static const str all[] = { S("data:"), S("mailto:"), S("file:"), S("cid:"), S("tel:") };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (str_startsi(s, all[i]))
			return true;
	return false;
}

static void add_uri(struct html_view *h, str tag, str uri)
{
	static const struct {
		str tag;
		unsigned kind;
	} kinds[] = {
		{ S("a"), SCAN_URI_A },
		{ S("img"), SCAN_URI_IMG },
		{ S("form"), SCAN_URI_FORM },
		{ S("link"), SCAN_URI_LINK },
	};
	unsigned kind = SCAN_URI_OTHER;
	struct html_uri *u;

	uri = trim_uri(h, uri);
	if (uri.n && !has_own_scheme(uri))
		uri = view_target(h->m, h->base, uri);
	u = uri.n ? find_uri(h, uri) : NULL;
	if (!u)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(tag, kinds[i].tag))
			kind = kinds[i].kind;
	u->kinds |= kind;
	u->iframe |= str_eq(tag, STR("iframe"));
}

/* The attribute, or one that bad HTML glued to another's end ("x"/href=). */
static bool link_attr(struct html_view *h, const struct html_token *t, str name, str *v)
{
	for (size_t i = 0; i < t->nattrs; i++) {
		str key = t->attrs[i].name;
		size_t at = str_searchi(key, name);

		if (at < key.n && at >= 2 && key.p[at - 1] == '/' && is_word(key.p[at - 2]))
			return html_view_attr(h, t, key, v);
	}
	return html_view_attr(h, t, name, v);
}

static str no_marks(struct html_view *h, str s)
{
	struct out o;

	if (str_search(s, STR("\xef\xbb\xbf")) == s.n || !view_out(h->m, &o, s.n))
		return s;
	for (size_t n; s.n; s = str_skip(s, n + 3)) {
		n = str_search(s, STR("\xef\xbb\xbf"));
		out_add(&o, str_take(s, n));
	}
	return out_str(&o);
}

static bool is_web(str s)
{
	return str_startsi(s, STR("http:")) || str_startsi(s, STR("https:")) ||
	       str_startsi(s, STR("ftp:"));
}

/* Without the file's name, with a slash at the end. */
static void set_base(struct html_view *h, str uri)
{
	struct out o;
	size_t host = str_find(uri, ':') + 1, slash, dot;

	if (!is_web(uri))
		return;
	for (unsigned i = 0; i < 2 && host < uri.n && uri.p[host] == '/'; i++)
		host++;
	slash = str_rfind(uri, '/');
	dot = str_rfind(uri, '.');
	if (view_find_from(uri, '/', host) < uri.n && slash < uri.n && dot < uri.n &&
	    dot > slash + 1 && uri.n - dot - 1 >= 2 && uri.n - dot - 1 <= 4 &&
	    str_find(str_skip(uri, slash + 1), '.') == dot - slash - 1)
		uri = str_take(uri, slash + 1);
	if (!view_out(h->m, &o, uri.n + 1))
		return;
	out_add(&o, uri);
	if (!str_ends(uri, STR("/")))
		out_c(&o, '/');
	h->base = out_str(&o);
}

/* <meta http-equiv=refresh content="0; url=..."> */
static void refresh(struct html_view *h, str tag, const struct html_token *t)
{
	str kind, content;
	size_t at, last;

	if (!html_view_attr(h, t, STR("http-equiv"), &kind) ||
	    !html_view_attr(h, t, STR("content"), &content) ||
	    str_searchi(kind, STR("refresh")) == kind.n)
		return;
	for (at = last = 0; at < content.n; at++) {
		size_t i;

		at += str_searchi(str_skip(content, at), STR("url"));
		if (at >= content.n)
			break;
		if (at && is_word(content.p[at - 1]))
			continue;
		for (i = at + 3; i < content.n && is_space(content.p[i]); i++)
			;
		if (i < content.n && content.p[i] == '=')
			last = i + 1;
	}
	if (!last)
		return;
	content = str_skip(content, last);
	add_uri(h, tag, str_take(content, str_find(content, ';')));
}

void html_view_links(struct html_view *h, str tag, const struct html_token *t)
{
	static const str sources[] = { S("img"),   S("frame"),	S("iframe"),
				       S("embed"), S("script"), S("bgsound") };
	str v;

	if (str_eq(tag, STR("body")) || str_eq(tag, STR("table")) || str_eq(tag, STR("tr")) ||
	    str_eq(tag, STR("td"))) {
		if (html_view_attr(h, t, STR("background"), &v))
			add_uri(h, tag, v);
	} else if (str_eq(tag, STR("a")) || str_eq(tag, STR("area")) || str_eq(tag, STR("link"))) {
		if (link_attr(h, t, STR("href"), &v))
			add_uri(h, tag, no_marks(h, v));
		if (html_view_attr(h, t, STR("data-saferedirecturl"), &v))
			add_uri(h, tag, v);
	} else if (str_eq(tag, STR("form"))) {
		if (html_view_attr(h, t, STR("action"), &v))
			add_uri(h, tag, v);
	} else if (str_eq(tag, STR("base"))) {
		if (html_view_attr(h, t, STR("href"), &v) && v.n) {
			v = trim_uri(h, v);
			add_uri(h, tag, v);
			set_base(h, v);
		}
	} else if (str_eq(tag, STR("meta"))) {
		refresh(h, tag, t);
	}
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (str_eq(tag, sources[i]) && link_attr(h, t, STR("src"), &v))
			add_uri(h, tag, v);
}

/* ---- anchors and titles ---- */

static void start_text(struct html_view *h, struct html_texts *x, struct html_uri *uri)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 16;
		struct html_text *v = NEW_TRY(h->m->a, struct html_text, cap);

		if (!v) {
			h->m->cut |= SCAN_CUT_ARENA;
			return;
		}
		if (x->n)
			memcpy(v, x->v, x->n * sizeof(*v));
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n++] = (struct html_text){ uri, x->pieces.n };
}

void html_view_anchor(struct html_view *h, str text)
{
	if (h->anchors.n)
		view_push(h->m, &h->anchors.pieces, text);
}

void html_view_title(struct html_view *h, str text)
{
	if (h->titles.n)
		view_push(h->m, &h->titles.pieces, text);
}

static str join(struct html_view *h, const struct html_texts *x, size_t i)
{
	size_t end = i + 1 < x->n ? x->v[i + 1].from : x->pieces.n, n = 0;
	struct out o;

	if (end == x->v[i].from + 1)
		return x->pieces.v[x->v[i].from];
	for (size_t j = x->v[i].from; j < end; j++)
		n += x->pieces.v[j].n;
	if (!view_out(h->m, &o, n))
		return STR("");
	for (size_t j = x->v[i].from; j < end; j++)
		out_add(&o, x->pieces.v[j]);
	return out_str(&o);
}

/* ---- other facts ---- */

/* One name of a font list: letters, blanks and dashes, perhaps a digit, perhaps in quotes. */
static bool is_face(str s, bool first)
{
	size_t n;

	while (s.n && is_space(s.p[0]) && (s.p[0] != ' ' || !first || s.n > 2))
		s = str_skip(s, 1);
	if (s.n && (s.p[0] == '"' || s.p[0] == '\'' || (first && s.p[0] == '.')))
		s = str_skip(s, 1);
	if (s.n && (s.p[s.n - 1] == '"' || s.p[s.n - 1] == '\''))
		s.n--;
	if (s.n && ch_digit(s.p[s.n - 1]))
		s.n--;
	if (s.n < 2 || !ch_alpha(s.p[s.n - 1]) || !(ch_alpha(s.p[0]) || (first && s.p[0] == ' ')))
		return false;
	for (n = 0; n < s.n; n++)
		if (!ch_alpha(s.p[n]) && s.p[n] != ' ' && s.p[n] != '-')
			return false;
	return true;
}

static bool is_good_face(str s)
{
	str one;
	bool first = true;

	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == ';')
		s.n--;
	if (!s.n)
		return false;
	while (str_next(&s, ',', &one)) {
		if (!is_face(one, first))
			return false;
		first = false;
	}
	return true;
}

/* Digits, perhaps "%", of a screen that is so wide or high; 200 when it does not say. */
static double extent(str s, double percent)
{
	double v = 0;
	size_t i = 0;

	while (i < s.n && ch_digit(s.p[i]))
		v = v * 10 + (s.p[i++] - '0');
	if (i == 0 || (i < s.n && !(s.p[i] == '%' && i + 1 == s.n)))
		return 200;
	v *= i < s.n ? percent : 1;
	return v > 0 ? v : 200;
}

static void image(struct html_view *h, const struct html_token *t)
{
	str width, height;

	if (h->a && h->a->inside > 0)
		html_view_anchor(h, STR("<img>\n"));
	if (html_view_attr(h, t, STR("width"), &width) &&
	    html_view_attr(h, t, STR("height"), &height))
		h->facts->image_area += extent(width, 8) * extent(height, 6);
}

void html_view_tests(struct html_view *h, str tag, const struct html_token *t)
{
	struct scan_html *f = h->facts;
	str v;

	if (str_eq(tag, STR("font"))) {
		if (html_view_attr(h, t, STR("face"), &v) && !is_good_face(v))
			f->font_face_bad = true;
	} else if (str_eq(tag, STR("img"))) {
		image(h, t);
	} else if (str_eq(tag, STR("form"))) {
		if (html_view_attr(h, t, STR("action"), &v) && str_searchi(v, STR("mailto:")) < v.n)
			f->form_action_mailto = true;
	} else if (str_eq(tag, STR("object")) || str_eq(tag, STR("embed"))) {
		f->embeds = true;
	} else if (str_eq(tag, STR("a"))) {
		struct html_uri *u;

		v = STR("");
		if (link_attr(h, t, STR("href"), &v))
			v = trim_uri(h, no_marks(h, v));
		u = find_uri(h, v);
		if (u) {
			start_text(h, &h->anchors, u);
			u->nanchors++;
		}
	} else if (str_eq(tag, STR("title"))) {
		start_text(h, &h->titles, NULL);
	}
}

static void finish_uris(struct html_view *h)
{
	struct scan_html_uri *v = NEW_TRY(h->m->a, struct scan_html_uri, h->nuris + 1);
	size_t n = 0;

	if (!v)
		return;
	for (struct html_uri *u = h->first_uri; u; u = u->after) {
		str *anchors = NEW_TRY(h->m->a, str, u->nanchors + 1);

		if (!anchors)
			break;
		v[n++] = (struct scan_html_uri){ .uri = u->key,
						 .anchors = { anchors, 0 },
						 .kinds = u->kinds,
						 .iframe = u->iframe };
		u->nanchors = n - 1; /* from now on: its place */
	}
	for (size_t i = 0; i < h->anchors.n; i++) {
		struct scan_html_uri *u = &v[h->anchors.v[i].uri->nanchors];
		str *anchors = (str *)(uintptr_t)u->anchors.v;

		if (u < v + n)
			anchors[u->anchors.n++] = h->facts->anchor.v[i];
	}
	h->facts->uris = v;
	h->facts->nuris = n;
}

void html_view_finish(struct html_view *h)
{
	struct view_list anchors = { .n = 0 }, titles = { .n = 0 };

	for (size_t i = 0; i < h->anchors.n; i++)
		view_push(h->m, &anchors, join(h, &h->anchors, i));
	for (size_t i = 0; i < h->titles.n; i++)
		view_push(h->m, &titles, join(h, &h->titles, i));
	if (anchors.n < h->anchors.n)
		h->anchors.n = anchors.n;
	h->facts->anchor = view_strs(&anchors);
	h->facts->title = view_strs(&titles);
	h->facts->comment = view_strs(&h->comments);
	h->facts->script = view_strs(&h->scripts);
	finish_uris(h);
}
