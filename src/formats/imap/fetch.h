/* formats/imap/fetch.h: what FETCH asks for. RFC 9051 6.4.5, 9 (fetch-att, section); RFC 3501
 * (RFC822.*); RFC 7162 3.1.4 (CHANGEDSINCE, MODSEQ); RFC 8474 5 (EMAILID, THREADID); RFC 8514
 * (SAVEDATE). Pure. */
#ifndef FORMATS_IMAP_FETCH_H
#define FORMATS_IMAP_FETCH_H

#include "formats/imap/lex.h"

enum {
	IMAP_F_UID = 1,
	IMAP_F_FLAGS = 2,
	IMAP_F_DATE = 4, /* INTERNALDATE */
	IMAP_F_SIZE = 8, /* RFC822.SIZE */
	IMAP_F_ENVELOPE = 16,
	IMAP_F_BODY = 32,
	IMAP_F_BODYSTRUCTURE = 64,
	IMAP_F_MODSEQ = 128,
	IMAP_F_EMAILID = 256,
	IMAP_F_THREADID = 512,
	IMAP_F_SAVEDATE = 1024,
};

enum imap_section_kind {
	IMAP_BODY,	  /* BODY[...] */
	IMAP_BINARY,	  /* BINARY[...] */
	IMAP_BINARY_SIZE, /* BINARY.SIZE[...] */
	IMAP_RFC822,	  /* RFC822, RFC822.HEADER, RFC822.TEXT by what */
};
enum imap_section_what {
	IMAP_S_ALL,
	IMAP_S_HEADER,
	IMAP_S_FIELDS,	   /* HEADER.FIELDS */
	IMAP_S_FIELDS_NOT, /* HEADER.FIELDS.NOT */
	IMAP_S_TEXT,
	IMAP_S_MIME,
};
struct imap_section {
	struct imap_section *next;
	enum imap_section_kind kind;
	enum imap_section_what what;
	bool peek; /* \Seen stays as it is */
	uint32_t *numbers;
	size_t nnumbers;
	str *fields;
	size_t nfields;
	bool partial;
	uint64_t offset, count;
};
struct imap_fetch {
	unsigned items; /* IMAP_F_* */
	struct imap_section *sections;
	bool has_since; /* CHANGEDSINCE */
	uint64_t since;
};

/* "ALL", "UID", "(FLAGS BODY[])", then perhaps " (CHANGEDSINCE 5)". The cursor is at the end after
 * OK. */
MUST_USE err imap_parse_fetch(struct imap_in *in, struct imap_fetch *out);
/* "BODY[1.HEADER.FIELDS (FROM)]<0>": the name of the item in the response; the offset alone,
 * as 7.5.2 says. */
void imap_add_section(struct buf *out, const struct imap_section *s, bool utf8);
/* The whole as a request, with .PEEK and <offset.count>. */
void imap_add_fetch(struct buf *out, const struct imap_fetch *f);

#endif
