/* formats/imap/utf7.h: mailbox names as IMAP4rev1 writes them, modified UTF-7 (RFC 3501 5.1.3).
 * Pure. */
#ifndef FORMATS_IMAP_UTF7_H
#define FORMATS_IMAP_UTF7_H

#include "base/buf.h"

/* E_SYNTAX: octets over 127 or controls, a shift that encodes what stands for itself, stray bits, a
 * lone surrogate, a shift that is not ended. E_LIMIT: longer than out's maximum. */
MUST_USE err utf7_decode(str in, struct buf *out);
/* in: valid UTF-8. */
void utf7_encode(str in, struct buf *out);

#endif
