#include "services/mailauth/pair.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/enc.h"
#include "base/limits.h"

#define RSA_BITS 2048 /* RFC 8301 3.2 */

void dkim_pair_free(struct dkim_pair *p)
{
	buf_wipe(&p->private_pem);
	buf_free(&p->public_key);
}

static err private_of(EVP_PKEY *k, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *p = NULL;
	bool ok = bio && PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1;
	long n = ok ? BIO_get_mem_data(bio, &p) : 0;

	if (n > 0)
		buf_add(out, str_of(p, (size_t)n));
	BIO_free(bio);
	return n > 0 ? buf_done(out) : fail(E_IO, "libcrypto does not write the key");
}

/* RSA: the SubjectPublicKeyInfo (RFC 6376 3.6.1); Ed25519: the 32 octets (RFC 8463 4). */
static err public_of(EVP_PKEY *k, bool rsa, struct buf *out)
{
	unsigned char raw[32], *der = NULL;
	size_t nraw = sizeof(raw);
	int n = 0;

	if (rsa)
		n = i2d_PUBKEY(k, &der);
	else if (EVP_PKEY_get_raw_public_key(k, raw, &nraw) == 1)
		n = (int)nraw;
	if (n > 0)
		enc_base64(out, str_of(rsa ? der : raw, (size_t)n));
	OPENSSL_free(der);
	return n > 0 ? buf_done(out) : fail(E_IO, "libcrypto does not write the public key");
}

err dkim_pair_make(bool rsa, struct dkim_pair *out)
{
	EVP_PKEY *k = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	buf_init(&out->private_pem, LIM_SEALED_KEY);
	buf_init(&out->public_key, KIB(4));
	err e = k ? private_of(k, &out->private_pem) : fail(E_IO, "libcrypto makes no key");

	if (!e)
		e = public_of(k, rsa, &out->public_key);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return e;
}
