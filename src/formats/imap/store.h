/* formats/imap/store.h: what STORE asks for, and flag lists. RFC 9051 6.4.6, 9 (store-att-flags,
 * flag); RFC 7162 3.1.3 (UNCHANGEDSINCE). Pure. */
#ifndef FORMATS_IMAP_STORE_H
#define FORMATS_IMAP_STORE_H

#include "formats/imap/lex.h"

enum {
	IMAP_SEEN = 1,
	IMAP_ANSWERED = 2,
	IMAP_FLAGGED = 4,
	IMAP_DELETED = 8,
	IMAP_DRAFT = 16,
	IMAP_RECENT = 32,
};
struct imap_flags {
	unsigned system; /* IMAP_SEEN ...; \Recent in a request is ignored, as RFC 3501 2.3.2 lets
			    nobody set it */
	str *keywords;
	size_t nkeywords;
};
/* "(\Seen $Junk)". At most LIM_KEYWORDS keywords of LIM_KEYWORD octets (E_LIMIT). Unknown system
 * flags are E_SYNTAX. */
MUST_USE err imap_parse_flags(struct imap_in *in, struct imap_flags *out);

enum imap_store_op { IMAP_STORE_SET, IMAP_STORE_ADD, IMAP_STORE_REMOVE };
struct imap_store {
	enum imap_store_op op;
	bool silent;
	struct imap_flags flags;
	bool has_since; /* UNCHANGEDSINCE */
	uint64_t since;
};
/* Behind the set and its space: "(UNCHANGEDSINCE 5) +FLAGS.SILENT (\Seen)", to the end. */
MUST_USE err imap_parse_store(struct imap_in *in, struct imap_store *out);

#endif
