/* formats/imap/write.h: values in IMAP's form, for both ends. RFC 9051 9. Pure; output goes to a
 * buf. */
#ifndef FORMATS_IMAP_WRITE_H
#define FORMATS_IMAP_WRITE_H

#include "base/buf.h"

/* "text" quoted where that can hold it, else a literal "{n}\r\ntext". utf8: the reader takes UTF-8
 * in quotes. NULs are dropped, since no string has them. */
void imap_put_string(struct buf *out, str s, bool utf8);
/* An atom where that can hold it. */
void imap_put_astring(struct buf *out, str s, bool utf8);
/* name: UTF-8. Modified UTF-7 unless utf8. Always in quotes or a literal. */
void imap_put_mailbox(struct buf *out, str name, bool utf8);
/* Text of a response line: CR, LF and NUL become spaces. */
void imap_put_text(struct buf *out, str s);

/* date-time, '"21-Nov-2026 23:48:59 +0000"' or with a leading space in the day, without its quotes.
 * Seconds since 1970. E_SYNTAX. */
MUST_USE err imap_parse_date_time(str s, int64_t *seconds);
/* date, "1-Feb-1994": days since 1970. E_SYNTAX. */
MUST_USE err imap_parse_date(str s, int64_t *days);

#endif
