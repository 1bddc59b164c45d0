/* formats/mime/lex.h: the words of structured fields, RFC 5322 3.2. Private to this folder.
 * Each function moves the input behind what it took and looks at every byte once. */
#ifndef FORMATS_MIME_LEX_H
#define FORMATS_MIME_LEX_H

#include "base/buf.h"
#include "base/str.h"

/* The byte at the start, '\0' at the end (and for a NUL inside, which no grammar has). */
static inline char mime_peek(str in)
{
	return in.n ? in.p[0] : '\0';
}
static inline bool mime_ws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Passes over white space and comments. comment (may be NULL) receives the text of the last one,
 * its parentheses removed; it is reset first when there is one. False: a comment does not end. */
bool mime_skip_cfws(str *in, struct buf *comment);
/* *in stands at a '"': adds what is inside, quoting and line ends removed. False: it does not end.
 */
bool mime_quoted(str *in, struct buf *out);
/* The run of bytes that are neither white space nor in stops. */
str mime_run(str *in, str stops);
/* True when the name of a field stands at the start of line; colon: where its colon is. Looks at
 * MIME_SCAN_LINE octets. */
bool mime_is_field(str line, size_t *colon);

/* Lower case in the arena, p NULL when full. */
struct arena;
str mime_lower(struct arena *a, str s);
/* Adds s, or as much as out takes, cut before a UTF-8 sequence that does not fit. True when all of
 * it fitted. */
bool mime_add_fit(struct buf *out, str s);

#endif
