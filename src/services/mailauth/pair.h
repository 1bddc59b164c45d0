/* services/mailauth/pair.h: new key pairs of DKIM: RSA of 2048 bits (RFC 8301 3.2), Ed25519 (RFC
 * 8463). Making one of RSA takes a tenth of a second and more. */
#ifndef SERVICES_MAILAUTH_PAIR_H
#define SERVICES_MAILAUTH_PAIR_H

#include "base/buf.h"

struct dkim_pair {
	struct buf private_pem, public_key; /* PKCS #8; base64 for p= */
};
/* dkim_pair_free also after an error. E_IO: libcrypto. */
MUST_USE err dkim_pair_make(bool rsa, struct dkim_pair *out);
void dkim_pair_free(struct dkim_pair *p);

#endif
