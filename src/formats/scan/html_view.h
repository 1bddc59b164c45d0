/* formats/scan/html_view.h: HTML while it is rendered: html.c (tags and text), html_style.c
 * (colours and sizes), html_uri.c (links, anchors, titles). Private to this folder. */
#ifndef FORMATS_SCAN_HTML_VIEW_H
#define FORMATS_SCAN_HTML_VIEW_H

#include "formats/html/html.h"
#include "formats/scan/view.h"

#define HTML_SLOTS 128 /* of small hash tables with chains */

struct html_tag_count {
	struct html_tag_count *next, *before; /* in its slot; seen before it */
	str name;
	int inside;
	size_t starts;
};
struct html_piece {
	str text;
	bool space, invisible;
};
struct html_colour {
	char c[HTML_COLOR];
	size_t n;
};
struct html_style {
	str tag;
	struct html_colour fg, bg;
	int size;
	str display, visibility;
};
struct html_uri {
	struct html_uri *next, *after; /* in its slot; found after it */
	str key;
	unsigned kinds;
	bool iframe;
	size_t nanchors;
};
/* Text of an <a> or <title>, in pieces. */
struct html_texts {
	struct html_text {
		struct html_uri *uri;
		size_t from; /* index of its first piece */
	} * v;
	size_t n, cap;
	struct view_list pieces;
};

struct html_view {
	struct scan_mail *m;
	struct scan_html *facts;
	bool wide;
	struct html_tag_count *tag_slots[HTML_SLOTS], *last_tag;
	size_t ntags;
	struct html_tag_count *a, *title, *script, *style; /* counts asked for often */
	size_t tags, tags_seen, elements, elements_seen, closed_extra, obfuscation;
	struct html_piece *pieces;
	size_t npieces, pieces_cap;
	struct html_style *styles;
	size_t nstyles, styles_cap;
	unsigned open[16]; /* styles open, by tag */
	int basefont, min_size, max_size;
	struct html_uri *uri_slots[HTML_SLOTS], *first_uri, *last_uri;
	size_t nuris;
	str base; /* <base href> */
	struct html_texts anchors, titles;
	struct view_list comments, scripts;
};

void html_view_remember(struct html_view *h, struct html_tag_count *c);
/* The value of an attribute, entities decoded; false: there is none. */
bool html_view_attr(struct html_view *h, const struct html_token *t, str name, str *value);

void html_view_first_style(struct html_view *h);
void html_view_style(struct html_view *h, str tag, const struct html_token *t, bool start);

void html_view_links(struct html_view *h, str tag, const struct html_token *t);
void html_view_tests(struct html_view *h, str tag, const struct html_token *t);
void html_view_anchor(struct html_view *h, str text);
void html_view_title(struct html_view *h, str text);
void html_view_finish(struct html_view *h);

/* target.c: a reference as seen from a base (RFC 3986 5, as loose as mail programs). */
str view_target(struct scan_mail *m, str base, str ref);

#endif
