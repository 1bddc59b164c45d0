/* formats/mime/thread.h: what ties messages together. RFC 5256 2.1 (base subject), RFC 5322 3.6.4
 * (identification). */
#ifndef FORMATS_MIME_THREAD_H
#define FORMATS_MIME_THREAD_H

#include "base/arena.h"
#include "base/buf.h"

/* subject: decoded UTF-8. Adds the base subject, without reply and forward marks, white space runs
 * as one space. True when it was a reply or forward. Case is kept; compare without it. */
bool mime_base_subject(struct buf *out, str subject);

/* The next message id of Message-ID, In-Reply-To or References, without brackets and with inner
 * white space taken out; false at the end. Text outside brackets is passed over, except in a value
 * without any bracket, where each word with an @ counts. id: in the arena, or a view when nothing
 * was taken out. */
bool mime_next_id(struct arena *a, str *rest, str *id);

#endif
