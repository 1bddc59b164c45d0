/* formats/imap/fold.h: text without its case, for SEARCH. RFC 9051 6.4.4: matching is
 * case-insensitive; Unicode's simple case folding, one code point for one. Pure. */
#ifndef FORMATS_IMAP_FOLD_H
#define FORMATS_IMAP_FOLD_H

#include "base/buf.h"

/* in: UTF-8; malformed bytes become U+FFFD. Stops at out's maximum. */
void imap_fold(struct buf *out, str in);

#endif
