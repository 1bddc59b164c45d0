#include "services/zones/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/mem.h"
#include "formats/dns/message.h"

enum { RSA_BITS = 2048, POINT = 1 + 2 * 48 };

static const struct algorithm {
	uint8_t number;
	str name;
	int nid;
	const char *group, *digest; /* ECDSA */
} algorithms[] = {
	{ KEY_RSASHA256, S("RSASHA256"), EVP_PKEY_RSA, NULL, "SHA256" },
	{ KEY_ECDSAP256SHA256, S("ECDSAP256SHA256"), NID_X9_62_prime256v1, "P-256", "SHA256" },
	{ KEY_ECDSAP384SHA384, S("ECDSAP384SHA384"), NID_secp384r1, "P-384", "SHA384" },
	{ KEY_ED25519, S("ED25519"), EVP_PKEY_ED25519, NULL, NULL },
};

static const struct algorithm *algorithm_of(uint8_t number)
{
	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (algorithms[i].number == number)
			return &algorithms[i];
	return NULL;
}

err key_algorithm_parse(str text, uint8_t *out)
{
	uint64_t number = 0;
	bool digits = str_u64(text, 255, &number) == OK;

	for (size_t i = 0; i < COUNT(algorithms); i++)
		if (digits ? algorithms[i].number == number : str_eqi(algorithms[i].name, text)) {
			*out = algorithms[i].number;
			return OK;
		}
	return fail(
		E_SYNTAX,
		"\"%.*s\" is no algorithm that posta signs with; take ECDSAP256SHA256, ED25519, "
		"ECDSAP384SHA384 or RSASHA256",
		STRF(text));
}

str key_algorithm_name(uint8_t algorithm)
{
	const struct algorithm *a = algorithm_of(algorithm);

	return a ? a->name : STR("unknown");
}

/* ---- making ---- */

static EVP_PKEY *generate(const struct algorithm *a)
{
	if (a->number == KEY_RSASHA256)
		return EVP_RSA_gen(RSA_BITS);
	if (a->number == KEY_ED25519)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_EC_gen(a->group);
}

static bool add_number(EVP_PKEY *k, const char *param, bool with_length, struct buf *out)
{
	BIGNUM *n = NULL;
	unsigned char b[KEY_DNSKEY];
	bool ok = EVP_PKEY_get_bn_param(k, param, &n) && (size_t)BN_num_bytes(n) <= sizeof(b);
	size_t len = ok ? (size_t)BN_bn2bin(n, b) : 0;

	BN_free(n);
	if (ok && with_length) /* RFC 3110 2: an exponent of up to 255 octets */
		buf_u8(out, (unsigned)len);
	buf_add(out, str_of(b, len));
	return ok;
}

/* RFC 3110 2, RFC 6605 4 (the point without its first octet), RFC 8080 3. */
static bool add_public(const struct algorithm *a, EVP_PKEY *k, struct buf *out)
{
	unsigned char b[POINT];
	size_t n = sizeof(b);

	if (a->number == KEY_RSASHA256)
		return add_number(k, OSSL_PKEY_PARAM_RSA_E, true, out) &&
		       add_number(k, OSSL_PKEY_PARAM_RSA_N, false, out);
	if (a->number == KEY_ED25519) {
		if (!EVP_PKEY_get_raw_public_key(k, b, &n))
			return false;
		buf_add(out, str_of(b, n));
		return true;
	}
	if (!EVP_PKEY_get_octet_string_param(k, OSSL_PKEY_PARAM_PUB_KEY, b, sizeof(b), &n) ||
	    n < 2 || b[0] != 4)
		return false;
	buf_add(out, str_of(b + 1, n - 1));
	return true;
}

static bool add_private(EVP_PKEY *k, struct buf *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k);
	unsigned char *der = NULL;
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

	PKCS8_PRIV_KEY_INFO_free(info);
	if (n <= 0)
		return false;
	buf_add(out, str_of(der, (size_t)n));
	OPENSSL_clear_free(der, (size_t)n);
	return true;
}

err key_make(uint8_t algorithm, uint16_t flags, struct buf *pkcs8, struct buf *dnskey)
{
	const struct algorithm *a = algorithm_of(algorithm);
	EVP_PKEY *k = a ? generate(a) : NULL;

	buf_u8(dnskey, flags >> 8);
	buf_u8(dnskey, flags & 0xff);
	buf_u8(dnskey, 3); /* RFC 4034 2.1.2 */
	buf_u8(dnskey, algorithm);
	bool ok = k && add_public(a, k, dnskey) && add_private(k, pkcs8);

	EVP_PKEY_free(k);
	if (!ok)
		return fail(E_IO, "libcrypto makes no key");
	TRY(buf_done(pkcs8));
	return buf_done(dnskey);
}

uint16_t key_tag(str dnskey)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < dnskey.n; i++)
		sum += i & 1 ? (unsigned char)dnskey.p[i]
			     : (uint32_t)(unsigned char)dnskey.p[i] << 8;
	sum += sum >> 16 & 0xffff;
	return (uint16_t)(sum & 0xffff);
}

err key_ds(str owner, str dnskey, unsigned char out[KEY_DS])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = dnskey.n > 4 && c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(c, owner.p, owner.n) &&
		  EVP_DigestUpdate(c, dnskey.p, dnskey.n) && EVP_DigestFinal_ex(c, out + 4, NULL);

	EVP_MD_CTX_free(c);
	if (!ok)
		return fail(E_IO, "libcrypto makes no hash");
	dns_put16(out, key_tag(dnskey));
	out[2] = (unsigned char)dnskey.p[3];
	out[3] = KEY_DS_SHA256;
	return OK;
}

/* ---- signing ---- */

struct signer {
	const struct algorithm *a;
	EVP_PKEY *key;
	EVP_MD_CTX *ctx;
	struct ecdsa *ecdsa; /* instead of both */
};

void signer_free(struct signer *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_PKEY_free(s->key);
	ecdsa_free(s->ecdsa);
	mem_free(s);
}

static EVP_PKEY *read_private(str pkcs8)
{
	const unsigned char *p = (const unsigned char *)pkcs8.p;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)pkcs8.n);
	EVP_PKEY *k = info ? EVP_PKCS82PKEY(info) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return k;
}

static bool fits(const struct algorithm *a, EVP_PKEY *k)
{
	static const char *const types[] = { "RSA", "ED25519", "EC" };
	char group[32] = "";

	if (a->number == KEY_RSASHA256 || a->number == KEY_ED25519)
		return EVP_PKEY_is_a(k, types[a->number == KEY_ED25519]);
	return EVP_PKEY_is_a(k, types[2]) &&
	       EVP_PKEY_get_group_name(k, group, sizeof(group), NULL) &&
	       OBJ_txt2nid(group) == a->nid;
}

static err open_ecdsa(struct signer *s, const struct algorithm *a, EVP_PKEY *k)
{
	BIGNUM *d = NULL;

	if (!EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_PRIV_KEY, &d))
		return fail(E_CORRUPT, "a key without its private half");
	err e = ecdsa_open(a->nid, a->digest, d, &s->ecdsa);

	BN_clear_free(d);
	return e;
}

static err open_signer(struct signer *s, uint8_t algorithm, str pkcs8)
{
	s->a = algorithm_of(algorithm);
	s->key = s->a ? read_private(pkcs8) : NULL;
	if (!s->key || !fits(s->a, s->key))
		return fail(E_CORRUPT, "a private key of algorithm %d cannot be read", algorithm);
	if (s->a->group)
		return open_ecdsa(s, s->a, s->key);
	s->ctx = EVP_MD_CTX_new();
	return s->ctx ? OK : fail(E_IO, "libcrypto has no memory");
}

err signer_open(uint8_t algorithm, str pkcs8, struct signer **out)
{
	struct signer *s = MEM_NEW(struct signer);
	err e = open_signer(s, algorithm, pkcs8);

	if (e)
		signer_free(s);
	else
		*out = s;
	return e;
}

err signer_sign(struct signer *s, str octets, unsigned char out[KEY_SIGNATURE], size_t *n)
{
	if (s->ecdsa)
		return ecdsa_sign(s->ecdsa, octets, out, n);
	*n = KEY_SIGNATURE;
	EVP_MD_CTX_reset(s->ctx);
	if (EVP_DigestSignInit_ex(s->ctx, NULL, s->a->digest, NULL, NULL, s->key, NULL) != 1 ||
	    EVP_DigestSign(s->ctx, out, n, (const unsigned char *)octets.p, octets.n) != 1)
		return fail(E_IO, "libcrypto does not sign");
	return OK;
}
