/* formats/mime/forwarded.h: messages that somebody sent on whole: attached to a new one (RFC 2046
 * 5.2.1, or as a file whose name ends in .eml), or sent once more as they are (RFC 5322 3.6.6,
 * Resent- fields). What a mail program copied into its own text is no message any more. Pure. */
#ifndef FORMATS_MIME_FORWARDED_H
#define FORMATS_MIME_FORWARDED_H

#include "formats/mime/message.h"

/* The first attached message, or the one behind p; NULL at the end. What an attached message has
 * attached itself is not given. */
const struct mime_part *mime_attached(const struct mime_part *root, const struct mime_part *p);
/* The bytes of an attached message, as many as out takes: a transfer encoding, which a message
 * should not have (RFC 2046 5.2.1), is undone. */
void mime_attached_text(const struct mime_part *p, struct buf *out);

/* True when somebody sent this message on as it is. */
bool mime_resent(const struct mime_part *root);
/* The message as it was before, as many bytes as out takes. */
void mime_resent_text(const struct mime_part *root, struct buf *out);

#endif
