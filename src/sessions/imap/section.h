/* sessions/imap/section.h: what a section of FETCH comes to for one mail, worked out before its
 * line begins, since a failure in the middle of a line ends the connection. */
#ifndef SESSIONS_IMAP_SECTION_H
#define SESSIONS_IMAP_SECTION_H

#include "formats/mime/text.h"
#include "sessions/imap/internal.h"

struct imap_plan {
	enum { PLAN_NIL, PLAN_TEXT, PLAN_RANGE, PLAN_DECODED } how;
	str text;     /* PLAN_TEXT */
	size_t at, n; /* PLAN_RANGE: octets of the mail; PLAN_DECODED: the encoded ones */
	enum mime_encoding encoding;
	uint64_t whole;	      /* octets of the section, before the partial */
	uint64_t from, count; /* of them these are sent */
	bool literal8;	      /* it has NULs and may say so (BINARY) */
};
/* E_NOTFOUND: the mail is gone. E_DENIED: BINARY of an unknown encoding ([UNKNOWN-CTE]). Text lies
 * in the command's arena. */
WAITS MUST_USE err imap_plan(struct imap_mail *m, const struct imap_section *s,
			     struct imap_plan *out);
/* The value, as literal or NIL, behind its name and space. */
WAITS MUST_USE err imap_send_plan(struct imap_mail *m, const struct imap_plan *p);

#endif
