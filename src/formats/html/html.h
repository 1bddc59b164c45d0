/* formats/html/html.h: HTML of mail as a stream of tokens, its entities and colours.
 * What is a tag and what is text follows Perl's HTML::Parser, since SpamAssassin's rules were
 * written against what it finds; browsers differ. Pure: never waits, allocates nothing, linear in
 * the input. Views in results point into the input. */
#ifndef FORMATS_HTML_HTML_H
#define FORMATS_HTML_HTML_H

#include "base/limits.h"
#include "base/str.h"

enum html_kind {
	HTML_TEXT,
	HTML_START,
	HTML_END,
	HTML_COMMENT,
	HTML_DECLARATION,
	HTML_INSTRUCTION, /* "<?xml ... >" */
};

struct html_attr {
	str name;  /* as written */
	str value; /* no quotes, entities as written; the name when there is none */
};
struct html_token {
	enum html_kind kind;
	str raw;    /* all of it */
	str name;   /* of a tag, as written */
	bool cdata; /* text in which entities are not decoded */
	struct html_attr attrs[LIM_HTML_ATTRS];
	size_t nattrs;
};
struct html_reader {
	str in;
	size_t at;
	str literal; /* name of the element whose text is no HTML; "" outside */
	bool cdata;
	bool last;	 /* the last text was cut in two */
	bool lone;	 /* a comment ends at the first ">": one has no end */
	unsigned absent; /* elements whose end tag does not come any more, a bit each */
	str pending;	 /* an end tag that the end of the input stands for */
};
void html_start(struct html_reader *r, str in);
bool html_next(struct html_reader *r, struct html_token *t);

/* Entities decoded into out (at least in.n octets), as UTF-8; the length. prefix: "&copyx" is one,
 * too, as in text. wide is set when a code point over 255 appeared, else left. */
size_t html_decode(str in, bool prefix, char *out, bool *wide);

/* "#rrggbb" of a colour's name or notation, lower case; "invalid" when it is none. At most 7
 * octets of out are used; the length. */
#define HTML_COLOR 8
size_t html_color(str value, char out[HTML_COLOR]);

#endif
