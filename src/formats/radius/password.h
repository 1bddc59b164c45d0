/* formats/radius/password.h: passwords and keys in RADIUS packets. Pure; the caller wipes what it
 * was given in clear.
 * RFC 2865 5.2 (User-Password), 5.3 (CHAP-Password); RFC 2868 3.5 (Tunnel-Password);
 * RFC 2548 2.4.2 (MS-MPPE-Send-Key); RFC 1994 4.1 (CHAP, and EAP-MD5 by RFC 3748 5.4). */
#ifndef FORMATS_RADIUS_PASSWORD_H
#define FORMATS_RADIUS_PASSWORD_H

#include "formats/radius/packet.h"

enum { RADIUS_PASSWORD = 128 /* octets of a User-Password, RFC 2865 5.2 */ };

/* Padded to a multiple of 16. E_LIMIT: over RADIUS_PASSWORD. */
MUST_USE err radius_password_hide(str secret, const unsigned char authenticator[RADIUS_AUTH],
				  str clear, unsigned char out[RADIUS_PASSWORD], size_t *n);
/* Padding taken off. E_SYNTAX: not 16 to 128 octets in steps of 16. A wrong secret gives other
 * octets, never an error. */
MUST_USE err radius_password_reveal(str secret, const unsigned char authenticator[RADIUS_AUTH],
				    str hidden, unsigned char out[RADIUS_PASSWORD], size_t *n);

/* With a salt whose first bit is set and a length before the data. authenticator: the request's,
 * in its answers. out: salt and data, at most RADIUS_VALUE octets with the `before` ones that the
 * caller puts in front (a tag): the padding is cut there. E_LIMIT. */
MUST_USE err radius_salted_hide(str secret, const unsigned char authenticator[RADIUS_AUTH],
				unsigned salt, str clear, size_t before,
				unsigned char out[RADIUS_VALUE], size_t *n);
/* E_SYNTAX: too short, or a length that does not fit: a wrong secret, most likely. */
MUST_USE err radius_salted_reveal(str secret, const unsigned char authenticator[RADIUS_AUTH],
				  str hidden, unsigned char out[RADIUS_VALUE], size_t *n);

/* RFC 1994 4.1: MD5(id, secret, challenge). */
void radius_chap(unsigned id, str password, str challenge, unsigned char out[16]);
/* value: a CHAP-Password, id and 16 octets. */
bool radius_chap_fits(str value, str password, str challenge);

#endif
