/* formats/imap/list.h: what LIST, LSUB and STATUS ask for; patterns. RFC 9051 6.3.9 to 6.3.11; RFC
 * 5258 (LIST-EXTENDED), 5819 (LIST-STATUS), 6154 (SPECIAL-USE), 8438 (STATUS=SIZE), 7162
 * (HIGHESTMODSEQ), 8474 (MAILBOXID), 9208 (DELETED). Pure. */
#ifndef FORMATS_IMAP_LIST_H
#define FORMATS_IMAP_LIST_H

#include "formats/imap/lex.h"

enum {
	IMAP_ST_MESSAGES = 1,
	IMAP_ST_UIDNEXT = 2,
	IMAP_ST_UIDVALIDITY = 4,
	IMAP_ST_UNSEEN = 8,
	IMAP_ST_DELETED = 16,
	IMAP_ST_SIZE = 32,
	IMAP_ST_RECENT = 64,
	IMAP_ST_HIGHESTMODSEQ = 128,
	IMAP_ST_MAILBOXID = 256,
	IMAP_ST_DELETED_STORAGE = 512,
};
/* "(MESSAGES UNSEEN)" */
MUST_USE err imap_parse_status_items(struct imap_in *in, unsigned *out);
/* The same in a request. */
void imap_add_status_items(struct buf *out, unsigned items);

enum {
	IMAP_L_SUBSCRIBED = 1, /* selection */
	IMAP_L_REMOTE = 2,
	IMAP_L_RECURSIVE = 4,
	IMAP_L_SPECIAL = 8,
	IMAP_LR_SUBSCRIBED = 16, /* return */
	IMAP_LR_CHILDREN = 32,
	IMAP_LR_SPECIAL = 64,
	IMAP_LR_STATUS = 128,
};
struct imap_list {
	bool extended; /* options, several patterns or RETURN were given */
	unsigned options;
	unsigned status; /* IMAP_ST_* with IMAP_LR_STATUS */
	str reference;
	str *patterns;
	size_t npatterns;
};
/* Behind "LIST ". At most LIM_IMAP_PATTERNS. */
MUST_USE err imap_parse_list(struct imap_in *in, bool utf8, struct imap_list *out);
/* Behind "LIST ", for the calling end. */
void imap_add_list(struct buf *out, const struct imap_list *l, bool utf8);

/* '*' is anything, '%' anything without '/'. INBOX matches in any case. Time is bounded by
 * |pattern| * |name|. */
bool imap_match(str pattern, str name);
/* Would some name below name + "/" match? */
bool imap_match_below(str pattern, str name);

#endif
