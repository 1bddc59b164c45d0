/* formats/mime/imap.h: a message as IMAP shows it. RFC 3501 / RFC 9051 6.4.5, 7.5.2; RFC 6855
 * (message/global). Strings are quoted, or literals ("{n}\r\n...") when they hold CR, LF, bytes
 * over 127 or are longer than MIME_QUOTED; NULs are left out. Pure; output is what stands behind
 * "ENVELOPE " and so on. */
#ifndef FORMATS_MIME_IMAP_H
#define FORMATS_MIME_IMAP_H

#include "formats/mime/message.h"

#define MIME_QUOTED 4096 /* octets of a quoted string */

/* "(date subject (from) (sender) (reply-to) (to) (cc) (bcc) in-reply-to message-id)".
 * part: the whole message or the child of a MIME_MESSAGE. */
void mime_add_envelope(const struct mime_part *part, struct buf *out);
/* BODY (extended false) or BODYSTRUCTURE, with its outer parentheses. */
void mime_add_bodystructure(const struct mime_part *part, struct buf *out, bool extended);
/* string or NIL (p NULL). */
void mime_add_nstring(struct buf *out, str s);

/* The part that section numbers name ("1.2" = {1, 2}); n 0 is the root. NULL when there is none.
 * "1" of a message that is no multipart is its body; numbers go through message/rfc822 as RFC
 * 9051 6.4.5.1 says. */
const struct mime_part *mime_section(const struct mime_part *root, const uint32_t *numbers,
				     size_t n);

enum mime_section_text {
	MIME_S_ALL,    /* BODY[] or BODY[1.2] */
	MIME_S_HEADER, /* BODY[HEADER], BODY[1.2.HEADER] */
	MIME_S_TEXT,   /* BODY[TEXT], BODY[1.2.TEXT] */
	MIME_S_MIME,   /* BODY[1.2.MIME] */
};
/* Where the bytes of a section stand in the message: from *at, *n octets. False when there is no
 * such section. */
bool mime_section_range(const struct mime_part *root, const uint32_t *numbers, size_t n,
			enum mime_section_text what, size_t *at, size_t *len);

#endif
