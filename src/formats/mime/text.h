/* formats/mime/text.h: bodies decoded. RFC 2045 6.7 (quoted-printable), 6.8 (base64); uuencode.
 * Pure, lenient, in pieces; output is bounded by the buf's maximum and simply ends there. */
#ifndef FORMATS_MIME_TEXT_H
#define FORMATS_MIME_TEXT_H

#include "formats/mime/message.h"

struct mime_decoder {
	enum mime_encoding encoding;
	unsigned bits, nbits; /* base64: what is not yet a byte */
	unsigned state; /* quoted-printable: what stands in held; uuencode: where in the data */
	char held[4];
	struct buf
		blanks; /* quoted-printable, uuencode: octets whose meaning the line end decides */
	bool done;	/* the end of the data was seen */
	bool bad;	/* something was skipped or taken literally */
};
/* mime_decode_end, or mime_decode_free without it, gives back what it holds. */
void mime_decode_init(struct mime_decoder *d, enum mime_encoding encoding);
/* E_LIMIT: out is full; what fitted is there and the rest can be dropped. */
MUST_USE err mime_decode_feed(struct mime_decoder *d, str in, struct buf *out);
MUST_USE err mime_decode_end(struct mime_decoder *d, struct buf *out);
void mime_decode_free(struct mime_decoder *d);

/* A part's body with its transfer encoding undone: E_LIMIT as above. */
MUST_USE err mime_decode_body(const struct mime_part *p, struct buf *out);
/* The text of a leaf as UTF-8, from transfer encoding and charset. E_LIMIT: cut at out's maximum,
 * on a character. A charset that is missing or unknown is UTF-8 when the bytes are, else Latin-1.
 */
MUST_USE err mime_text(const struct mime_part *p, struct buf *out);
/* All text parts below p, one after the other, a newline between; for search. */
MUST_USE err mime_all_text(const struct mime_part *p, struct buf *out);

#endif
