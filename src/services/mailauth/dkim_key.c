#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "run/fiber.h"
#include "services/mailauth/dkim_part.h"

str dkim_why(struct arena *a)
{
	str s = arena_dup(a, str_z(err_last()->text));

	return s.p ? s : STR("");
}

/* ---- public keys ---- */

/* SubjectPublicKeyInfo, or the bare RSAPublicKey that RFC 6376 3.6.1 names. */
static EVP_PKEY *rsa_of(str der)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	EVP_PKEY *k = d2i_PUBKEY(NULL, &p, (long)der.n);

	if (!k) {
		p = (const unsigned char *)der.p;
		k = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)der.n);
	}
	if (k && (p != end || EVP_PKEY_get_base_id(k) != EVP_PKEY_RSA)) {
		EVP_PKEY_free(k);
		k = NULL;
	}
	return k;
}

/* An exponent of thousands of bits would make each check as dear as a signature. */
static bool small_exponent(EVP_PKEY *k)
{
	BIGNUM *e = NULL;
	bool small =
		EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bits(e) <= 64;

	BN_free(e);
	return small;
}

static err load_rsa(str der, EVP_PKEY **out, unsigned *bits)
{
	EVP_PKEY *k = rsa_of(der);
	err e = OK;

	*bits = k ? (unsigned)EVP_PKEY_get_bits(k) : 0;
	if (!k)
		e = fail(E_DENIED, "p= is no RSA key");
	else if (*bits < 1024)
		e = fail(E_DENIED, "the key has %u bits, under 1024", *bits);
	else if (*bits > LIM_DKIM_RSA_BITS || !small_exponent(k))
		e = fail(E_DENIED, "the key is too big");
	if (e) {
		EVP_PKEY_free(k);
		k = NULL;
	}
	*out = k;
	return e;
}

static bool check_rsa(EVP_PKEY *k, const unsigned char hash[DKIM_HASH], str signature)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k, NULL);
	bool good = c && EVP_PKEY_verify_init(c) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 &&
		    EVP_PKEY_verify(c, (const unsigned char *)signature.p, signature.n, hash,
				    DKIM_HASH) == 1;

	EVP_PKEY_CTX_free(c);
	return good;
}

/* RFC 8463 3: PureEdDSA over the hash. */
static bool check_ed25519(EVP_PKEY *k, const unsigned char hash[DKIM_HASH], str signature)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool good = c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
		    EVP_DigestVerify(c, (const unsigned char *)signature.p, signature.n, hash,
				     DKIM_HASH) == 1;

	EVP_MD_CTX_free(c);
	return good;
}

err dkim_check(const struct dkim_key *key, enum dkim_algorithm algorithm,
	       const unsigned char hash[DKIM_HASH], str signature, bool *good, unsigned *bits)
{
	bool ed25519 = algorithm == DKIM_ED25519_SHA256;
	EVP_PKEY *k = NULL;
	err e = OK;

	*good = false;
	*bits = 0;
	if (key->ed25519 != ed25519)
		return fail(E_DENIED, "the key is of another kind than a=");
	if (!ed25519) {
		e = load_rsa(key->bytes, &k, bits);
	} else {
		k = key->bytes.n == 32
			    ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
							  (const unsigned char *)key->bytes.p, 32)
			    : NULL;
		if (!k)
			e = fail(E_DENIED, "p= is no Ed25519 key");
	}
	if (e == OK)
		*good = ed25519 ? check_ed25519(k, hash, signature) : check_rsa(k, hash, signature);
	EVP_PKEY_free(k);
	ERR_clear_error();
	return e;
}

/* ---- asking ---- */

/* 3.6.2.2: of several records the first that is a key. */
static void take_answer(struct dkim_question *q, const struct dns_answer *answer)
{
	q->result = AUTH_PERMERROR;
	q->why = answer->n ? STR("") : STR("no key");
	for (size_t i = 0; i < answer->n && i < LIM_DKIM_RECORDS; i++) {
		str text;

		if (mailauth_txt(answer->rdata[i], q->a, &text) != OK ||
		    dkim_parse_key(text, q->a, &q->key) != OK) {
			q->why = q->why.n ? q->why : dkim_why(q->a);
			continue;
		}
		q->result = q->key.revoked ? AUTH_PERMERROR : AUTH_PASS;
		q->why = q->key.revoked ? STR("the key is revoked") : STR("");
		return;
	}
}

WAITS static err ask_one(void *arg)
{
	struct dkim_question *q = arg;
	struct dns_answer answer = { 0 };
	str name = arena_fmt(q->a, "%.*s._domainkey.%.*s", STRF(q->selector), STRF(q->domain));

	q->result = AUTH_PERMERROR;
	q->why = STR("no key can have that name");
	if (!name.p || name.n > LIM_SPF_NAME)
		return OK;
	err e = q->dns->ask(q->dns->arg, name, DNS_TXT, q->deadline, q->a, &answer);

	if (e == E_CANCELED)
		return e;
	if (e == OK) {
		take_answer(q, &answer);
	} else if (e != E_SYNTAX) {
		q->result = AUTH_TEMPERROR;
		q->why = STR("the key's name has no answer");
	}
	return OK;
}

WAITS err dkim_ask_keys(const struct mailauth_dns *dns, struct dkim_question **v, size_t n,
			msec deadline, struct arena *a)
{
	struct fiber *f[LIM_ARC_INSTANCES + 1] = { 0 };
	err e = OK;

	for (size_t i = 0; i < n && i < COUNT(f); i++) {
		v[i]->dns = dns;
		v[i]->deadline = deadline;
		v[i]->a = a;
		/* One alone, or outside a loop: here. */
		if (n == 1 || !fiber_here()) {
			err one = ask_one(v[i]);

			e = e ? e : one;
		} else {
			f[i] = fiber_start("dkim-key", ask_one, v[i]);
		}
	}
	for (size_t i = 0; i < n && i < COUNT(f); i++) {
		err one = f[i] ? fiber_join(f[i]) : OK;

		e = e ? e : one;
	}
	return e;
}
