/* base/enc.h: encodings that several protocols share. Pure; output goes to a buf. */
#ifndef BASE_ENC_H
#define BASE_ENC_H

#include "base/buf.h"

/* RFC 4648 4. Without line breaks. */
void enc_base64(struct buf *out, str in);
/* Strict: padding required, no white space, no stray bits. E_SYNTAX. */
MUST_USE err dec_base64(struct buf *out, str in);
/* Lower case. */
void enc_hex(struct buf *out, str in);
/* E_SYNTAX: odd length or another byte. Both cases. */
MUST_USE err dec_hex(struct buf *out, str in);
/* RFC 3461 4: xtext. */
void enc_xtext(struct buf *out, str in);
MUST_USE err dec_xtext(struct buf *out, str in);

/* True when s is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(str s);
/* The code point at the start of *s, which moves behind it; U+FFFD for a malformed byte, -1 at the
 * end. */
int32_t utf8_next(str *s);
/* The encoding of cp; what is no scalar value becomes U+FFFD. */
void utf8_add(struct buf *out, int32_t cp);
/* What a terminal shows as itself: no controls (C0, DEL, C1), nothing that turns the direction of
 * writing or cannot be seen. */
bool utf8_shown(int32_t cp);
/* Adds s for a terminal: what is not shown as itself, or is malformed, becomes '?'. */
void utf8_add_shown(struct buf *out, str s);

#endif
