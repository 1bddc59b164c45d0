/* formats/imap/search.h: what SEARCH asks for. RFC 9051 6.4.4, 9 (search-program); RFC 3501 6.4.4
 * (NEW, OLD, RECENT); RFC 4731 (ESEARCH), 5182 (SAVE), 7162 3.1.5 (MODSEQ), 8474 6 (EMAILID,
 * THREADID), 5032 (OLDER, YOUNGER), 8514. Pure. */
#ifndef FORMATS_IMAP_SEARCH_H
#define FORMATS_IMAP_SEARCH_H

#include "formats/imap/set.h"
#include "formats/imap/store.h"

enum imap_key_op {
	IMAP_K_AND, /* all children */
	IMAP_K_OR,  /* two children */
	IMAP_K_NOT, /* one child */
	IMAP_K_ALL,
	IMAP_K_FLAG,	/* number: IMAP_SEEN ... */
	IMAP_K_NEW,	/* \Recent and not \Seen */
	IMAP_K_KEYWORD, /* text */
	IMAP_K_SET,	/* sequence numbers */
	IMAP_K_UID,
	IMAP_K_LARGER,
	IMAP_K_SMALLER,
	IMAP_K_BEFORE, /* INTERNALDATE; number: days since 1970 */
	IMAP_K_ON,
	IMAP_K_SINCE,
	IMAP_K_SENTBEFORE, /* the Date field */
	IMAP_K_SENTON,
	IMAP_K_SENTSINCE,
	IMAP_K_SAVEDBEFORE,
	IMAP_K_SAVEDON,
	IMAP_K_SAVEDSINCE,
	IMAP_K_OLDER, /* number: seconds */
	IMAP_K_YOUNGER,
	IMAP_K_HEADER, /* field, text */
	IMAP_K_BODY,   /* text */
	IMAP_K_TEXT,
	IMAP_K_MODSEQ,	 /* number: at least */
	IMAP_K_EMAILID,	 /* text */
	IMAP_K_THREADID, /* text */
};
struct imap_key {
	struct imap_key *next, *child;
	enum imap_key_op op;
	str field, text; /* text in UTF-8 */
	int64_t number;
	struct imap_set set;
};
enum {
	IMAP_R_MIN = 1,
	IMAP_R_MAX = 2,
	IMAP_R_ALL = 4,
	IMAP_R_COUNT = 8,
	IMAP_R_SAVE = 16,
};
struct imap_search {
	bool extended;	      /* RETURN was given: the answer is ESEARCH */
	unsigned ret;	      /* IMAP_R_*; "RETURN ()" is ALL */
	str charset;	      /* "" when not given */
	struct imap_key *key; /* an AND */
	bool modseq;	      /* MODSEQ stands in it: the answer tells the highest */
};

/* To the end. Nesting over LIM_IMAP_DEPTH or more than LIM_IMAP_KEYS keys: E_LIMIT. A charset other
 * than US-ASCII and UTF-8: E_DENIED ([BADCHARSET]). */
MUST_USE err imap_parse_search(struct imap_in *in, struct imap_search *out);
/* The same as a request, behind "SEARCH ". */
void imap_add_search(struct buf *out, const struct imap_search *s);

#endif
