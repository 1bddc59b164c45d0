/* formats/imap/response.h: what a server says, for the calling end (proxy, migrate, tests).
 * RFC 9051 7, 9 (response); RFC 3501 7. Pure.
 * A response is a line with its literals in place, without its last CRLF (see lex.h;
 * imap_literal_at_end tells the reader that more must come). Values are a tree: atoms, strings,
 * numbers as atoms, lists. A section "BODY[1.HEADER.FIELDS (A B)]<0>" is one atom. At most
 * LIM_IMAP_DEPTH levels and LIM_IMAP_VALUES values (E_LIMIT). */
#ifndef FORMATS_IMAP_RESPONSE_H
#define FORMATS_IMAP_RESPONSE_H

#include "formats/imap/lex.h"

enum imap_value_kind { IMAP_V_ATOM, IMAP_V_STRING, IMAP_V_NIL, IMAP_V_LIST };
struct imap_value {
	struct imap_value *next, *child;
	enum imap_value_kind kind;
	bool binary; /* a literal8 */
	str s;	     /* atom as written, string unescaped */
};

enum imap_reply_kind {
	IMAP_CONTINUE, /* "+ text" */
	IMAP_STATUS,   /* OK NO BAD BYE PREAUTH, tagged or not */
	IMAP_DATA,     /* untagged data */
};
enum imap_status { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };
struct imap_reply {
	enum imap_reply_kind kind;
	str tag;		 /* "*" when untagged; "+" of IMAP_CONTINUE */
	enum imap_status status; /* IMAP_STATUS */
	str code;		 /* IMAP_STATUS: "UIDNEXT" of "[UIDNEXT 5]", "" for none */
	str code_rest;		 /* what stands behind it in the brackets, raw */
	str text;		 /* for people; of IMAP_CONTINUE too */
	bool has_number;	 /* IMAP_DATA: "* 12 FETCH" */
	uint64_t number;
	str name;		   /* IMAP_DATA: "FETCH", "LIST", ... */
	struct imap_value *values; /* IMAP_DATA: what follows the name */
};
MUST_USE err imap_parse_reply(str line, struct arena *a, struct imap_reply *out);
/* The same on the wire, without the last CRLF; for tests and for what is handed on. */
void imap_add_reply(struct buf *out, const struct imap_reply *r);

/* The value behind an atom of that name (any case) in a flat list of names and values, as FETCH and
 * STATUS have them; NULL. */
const struct imap_value *imap_value_of(const struct imap_value *list, str name);
/* E_SYNTAX when v is NULL or no number. */
MUST_USE err imap_value_number(const struct imap_value *v, uint64_t *out);

#endif
