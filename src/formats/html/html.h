/* formats/html/html.h: HTML taken apart into tags and texts, as a lenient reader of mail does it
 * (and as HTML::Parser, which SpamAssassin's rules count on). Pure: never waits, allocates only the
 * attributes in hand; linear time. No tree: a filter wants what stands there, not what it means. */
#ifndef FORMATS_HTML_HTML_H
#define FORMATS_HTML_HTML_H

#include "base/buf.h"
#include "base/limits.h"

enum html_kind {
	HTML_START,	  /* <name attributes> */
	HTML_END,	  /* </name> */
	HTML_TEXT,	  /* text, still with its &characters; */
	HTML_COMMENT,	  /* what stands between its marks */
	HTML_DECLARATION, /* <!doctype ...>, whole */
	HTML_OTHER,	  /* processing instructions */
};
struct html_attr {
	str name;  /* as written; compare with str_eqi */
	str value; /* without quotes, still with its &characters;; the name itself when there is
		      none */
};
struct html_token {
	enum html_kind kind;
	str text;  /* name of a tag (as written), text, comment, declaration */
	str whole; /* as it stands there, with its marks */
	struct html_attr attr[LIM_HTML_ATTRS];
	size_t nattr; /* the first of each name counts */
	bool literal; /* text of script, style and the like: &characters; mean nothing there */
};
struct html_reader {
	str rest;
	str literal_tag; /* inside an element whose text is literal: its name */
	unsigned failed; /* tags that do not end; after LIM_HTML_FAILED the rest is text, since each
			    costs a look at all that follows */
};
void html_read_init(struct html_reader *r, str html);
/* False at the end. Views point into the input. */
bool html_read(struct html_reader *r, struct html_token *t);

/* text with its &characters; as UTF-8. */
void html_add_decoded(struct buf *out, str text);
/* By its name without & and ;: -1 when there is none. */
int32_t html_named_character(str name);
/* The attribute's value; found false and "" when there is none. */
str html_attr(const struct html_token *t, const char *name, bool *found);

#endif
