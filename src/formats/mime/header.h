/* formats/mime/header.h: fields of a header and what stands in them.
 * RFC 5322 2.2, 3.2.2 (folding), 3.3 (dates), 3.4 (addresses), 4 (obsolete forms); RFC 2047, RFC
 * 2231 5, RFC 6532. Pure and lenient: what cannot be understood is passed over and reported with a
 * MIME_D_* bit. */
#ifndef FORMATS_MIME_HEADER_H
#define FORMATS_MIME_HEADER_H

#include "formats/mime/message.h"

struct mime_field {
	str name;  /* as given, without the colon */
	str value; /* between the colon and the line end, still folded, untrimmed */
	str raw;   /* the whole field with its line end(s) */
};

/* for (struct mime_fields it = mime_fields(header); mime_field(&it, &f);) ...
 * header: any range that starts with fields; stops at an empty line, at LIM_MIME_HEADER and
 * LIM_MIME_FIELDS. Lines that are no field are passed over and set a bit in defects. */
struct mime_fields {
	str rest;
	unsigned left; /* fields that may still come */
	unsigned defects;
};
struct mime_fields mime_fields(str header);
bool mime_field(struct mime_fields *it, struct mime_field *f);
/* The first field of that name (any case); false when there is none. */
bool mime_find(str header, str name, struct mime_field *f);

/* Line ends taken out, white space at both ends too (RFC 5322 2.2.3). */
void mime_unfold(struct buf *out, str value);
/* The same, in the arena; the input itself when there is nothing to take out. p NULL: arena full.
 */
str mime_unfolded(struct arena *a, str value);
/* An unstructured value for people: unfolded, encoded words decoded, always valid UTF-8. Returns
 * MIME_D_* bits. */
unsigned mime_decode_words(struct buf *out, str value);
/* The same, in the arena; "" when the arena is full. */
str mime_decoded(struct arena *a, str value);
/* The first field of that name, decoded; "" when there is none. */
str mime_header_text(struct arena *a, str header, str name);

/* Bytes in a charset to UTF-8; NULs and malformed bytes become U+FFFD. False when the charset is
 * unknown (valid UTF-8 is then taken as such, else Latin-1) or bytes had to be replaced. Adds what
 * fits into out. */
bool mime_charset(struct buf *out, str charset, str bytes);

/* Seconds since 1970 and minutes east of UTC. E_SYNTAX: no date in it. Takes obsolete zones and
 * years, missing weekday, seconds or zone, comments, "Nov 21 1997" and asctime's order. */
MUST_USE err mime_date_parse(str value, int64_t *seconds, int *zone);

enum mime_address_kind { MIME_MAILBOX, MIME_GROUP_START, MIME_GROUP_END };
struct mime_address {
	struct mime_address *next;
	enum mime_address_kind kind;
	bool bad;  /* mailbox or domain is missing, or text around it was not understood */
	str name;  /* phrase or comment, quotes removed, encoded words as they are (mime_decoded); p
		      NULL when absent */
	str route; /* "@a,@b" of an obsolete route; p NULL when absent */
	str mailbox; /* local part, quotes removed; p NULL when absent */
	str domain;  /* with [] of a literal; p NULL when absent */
};
/* value: of From, To, ... (folded or not). All addresses in order, NULL when there is none; groups
 * show as START (name), members, END. At most LIM_MIME_ADDRESSES. */
struct mime_address *mime_addresses(struct arena *a, str value);
/* "local@domain", local part quoted when it must be. */
void mime_add_address(struct buf *out, const struct mime_address *m);

/* type/subtype; params of Content-Type and the like. Returns MIME_D_* bits; type and subtype are
 * lower case, "" when they cannot be read. For Content-Disposition sub is NULL. */
unsigned mime_typed(struct arena *a, str value, str *type, str *sub, struct mime_param **params,
		    struct mime_param **raw);

#endif
