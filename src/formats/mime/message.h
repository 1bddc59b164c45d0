/* formats/mime/message.h: a message taken apart into its parts.
 * RFC 5322 2.1 (header and body), RFC 2045 5, 6 (type, encoding), RFC 2046 5 (multipart, message),
 * RFC 2183, RFC 2231, RFC 6532. Pure: never waits. Never fails on any input: what cannot be
 * understood is taken for something simpler and a MIME_D_* bit says so. Time is linear in the
 * input, memory is bounded by LIM_MIME_* and by the arena's maximum (when that is used up, the tree
 * is smaller: MIME_D_LIMIT). Lines end with LF or CRLF; sizes and offsets count the bytes as they
 * are. */
#ifndef FORMATS_MIME_MESSAGE_H
#define FORMATS_MIME_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART, /* children are its parts, at least one */
	MIME_MESSAGE,	/* message/rfc822, message/global: the one child is the message inside */
};

enum mime_encoding {
	MIME_7BIT,
	MIME_8BIT,
	MIME_BINARY,
	MIME_QP,
	MIME_BASE64,
	MIME_UUENCODE,
	MIME_UNKNOWN
};

/* What was wrong with a part, and so what it was taken for. */
#define MIME_D_FIELD 0x0001u /* a line of the header that is no field; it was skipped */
#define MIME_D_NO_BLANK                                                                            \
	0x0002u /* the header ends without an empty line; the body begins at the first line that   \
		   is no field */
#define MIME_D_HEADER_CUT                                                                          \
	0x0004u /* header over LIM_MIME_HEADER or LIM_MIME_FIELDS: the rest is not looked at */
#define MIME_D_TYPE 0x0008u /* Content-Type cannot be parsed: taken for text/plain */
#define MIME_D_ENCODING                                                                            \
	0x0010u /* unknown Content-Transfer-Encoding, or one that the type forbids: taken for      \
		   7bit/8bit */
#define MIME_D_BOUNDARY	  0x0020u /* multipart without a usable boundary: taken for text/plain */
#define MIME_D_NO_PARTS	  0x0040u /* multipart without any delimiter line: taken for text/plain */
#define MIME_D_NOT_CLOSED 0x0080u /* multipart without its closing delimiter */
#define MIME_D_DEPTH	  0x0100u /* container at LIM_MIME_DEPTH: taken for application/octet-stream */
#define MIME_D_PARTS	  0x0200u /* LIM_MIME_PARTS reached: the rest belongs to this part */
#define MIME_D_PARAM                                                                               \
	0x0400u /* a parameter that cannot be parsed, or more than LIM_MIME_PARAMS: dropped */
#define MIME_D_CHARSET                                                                             \
	0x0800u /* unknown charset, or bytes that it does not have: replaced or taken for Latin-1  \
		 */
#define MIME_D_LIMIT 0x1000u /* the arena is full: values are missing */
#define MIME_D_TWICE 0x2000u /* a Content-* field appears twice: the first one counts */
#define MIME_D_LF    0x4000u /* bare LF as line end */
#define MIME_D_8BIT  0x8000u /* bytes over 127 in the header that are not UTF-8 */

/* "bad header line, part not closed" for logs and dumps; adds nothing for 0. */
void mime_add_defects(struct buf *out, unsigned defects);

struct mime_param {
	struct mime_param *next;
	str name; /* lower case */
	str value;
};

struct mime_part {
	struct mime_part *parent, *child, *last, *next; /* first and last child, next sibling */
	enum mime_kind kind;
	unsigned depth; /* 0 for the whole message */
	unsigned nchild;
	unsigned defects; /* MIME_D_* of this part alone */

	/* Octets from the start of the message. The header ends behind its empty line. */
	size_t header_at, body_at, end;
	size_t lines; /* line ends in the body */
	str header;   /* the bytes of the header; a copy of at most LIM_MIME_HEADER when scanned in
			 pieces */
	str body;     /* the bytes of the body, still encoded; "" when scanned in pieces */

	str type, subtype;	   /* lower case, what the part is taken for; never empty */
	struct mime_param *params; /* RFC 2231 joined, decoded to UTF-8; encoded words too */
	struct mime_param
		*params_raw; /* as the field has them, quotes removed, pieces joined (RFC 2231 6) */
	enum mime_encoding encoding;
	str encoding_name; /* lower case; "7bit" when absent or not understood */
	str disposition;   /* lower case; "" when absent */
	struct mime_param *disposition_params, *disposition_raw;
	/* Unfolded and trimmed, not decoded; p is NULL when absent. */
	str id, description, language, location, md5;
};

/* The value of a parameter (name in lower case), "" when absent. */
str mime_param(const struct mime_param *list, str name);
/* The file name: Content-Disposition's filename or Content-Type's name, UTF-8; "" when absent. No
 * path is removed. */
str mime_filename(const struct mime_part *p);
/* The part that comes after p in depth-first order below root; NULL at the end. */
struct mime_part *mime_next(const struct mime_part *root, const struct mime_part *p);
/* MIME_D_* bits of all parts together. */
unsigned mime_all_defects(const struct mime_part *root);

/* a: created with LIM_MIME_ARENA, unless there is a reason for less.
 * message: stays where it is as long as the tree is used; all views point into it. Never NULL. */
struct mime_part *mime_parse(str message, struct arena *a);

/* The same in pieces: holds headers (in the arena), never bodies. */
#define MIME_SCAN_LINE                                                                             \
	1040 /* octets of a line that decide what it is: boundary, "--", "--", some space */

struct mime_level {
	struct mime_part *part;
	str boundary; /* "" when not a multipart, or when it is closed */
	size_t line0; /* lines before the body */
};
struct mime_scan {
	struct arena *a;
	struct mime_part *root;
	size_t at, lines; /* octets and line ends of all lines so far */
	unsigned parts;	  /* made so far */
	unsigned top;	  /* level of the part in hand */
	unsigned eol;	  /* octets of the line end before this line: 0, 1, 2 */
	bool in_header;	  /* the part in hand has no body yet */
	bool stop;	  /* no boundary counts any more */
	const str *whole; /* the message when all of it is there, else NULL */
	struct buf head;  /* a copy of the header in hand when it is not */
	size_t line_n;	  /* octets of the unfinished line */
	char *line;	  /* its first MIME_SCAN_LINE */
	char before;	  /* the octet before the last one */
	char last;
	struct mime_level level[LIM_MIME_DEPTH];
};
/* The caller ends with mime_scan_end, which frees what is not in the arena. */
void mime_scan_init(struct mime_scan *s, struct arena *a);
void mime_scan_feed(struct mime_scan *s, str bytes);
struct mime_part *mime_scan_end(struct mime_scan *s);

#endif
