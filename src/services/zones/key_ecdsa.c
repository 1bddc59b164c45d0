/* ECDSA with a deterministic number (RFC 6979 3.2), which OpenSSL has from 3.2 on and Debian 12's
 * 3.0 has not. The curve and the big numbers are OpenSSL's; what depends on secrets goes through
 * its constant-time calls. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "services/zones/key.h"

enum { ORDER = 48, DIGEST = 48, BLOCK = 128 }; /* octets, at most: P-384, SHA-384 */

struct ecdsa {
	EC_GROUP *group;
	EC_POINT *point;
	BN_CTX *ctx;
	BN_MONT_CTX *mont;
	const BIGNUM *order;
	BIGNUM *d, *power; /* power: order - 2, which inverts (Fermat) */
	BIGNUM *k, *r, *s, *h;
	EVP_MD *md;
	EVP_MD_CTX *mdctx;
	size_t size, ndigest, block;
	unsigned char key[ORDER]; /* d as octets */
};

void ecdsa_free(struct ecdsa *e)
{
	if (!e)
		return;
	EC_POINT_free(e->point);
	BN_MONT_CTX_free(e->mont);
	BN_clear_free(e->d);
	BN_clear_free(e->k);
	BN_clear_free(e->s);
	BN_free(e->power);
	BN_free(e->r);
	BN_free(e->h);
	BN_CTX_free(e->ctx);
	EC_GROUP_free(e->group);
	EVP_MD_free(e->md);
	EVP_MD_CTX_free(e->mdctx);
	mem_wipe(e, sizeof(*e));
	mem_free(e);
}

static bool set_up(struct ecdsa *e, int nid, const char *digest, const BIGNUM *d)
{
	e->group = EC_GROUP_new_by_curve_name(nid);
	e->ctx = BN_CTX_secure_new();
	e->mont = BN_MONT_CTX_new();
	e->d = BN_dup(d);
	e->power = BN_new();
	e->k = BN_new();
	e->r = BN_new();
	e->s = BN_new();
	e->h = BN_new();
	e->md = EVP_MD_fetch(NULL, digest, NULL);
	e->mdctx = EVP_MD_CTX_new();
	if (!e->group || !e->ctx || !e->mont || !e->d || !e->power || !e->k || !e->r || !e->s ||
	    !e->h || !e->md || !e->mdctx)
		return false;
	e->point = EC_POINT_new(e->group);
	e->order = EC_GROUP_get0_order(e->group);
	e->size = (size_t)BN_num_bytes(e->order);
	e->ndigest = (size_t)EVP_MD_get_size(e->md);
	e->block = (size_t)EVP_MD_get_block_size(e->md);
	BN_set_flags(e->d, BN_FLG_CONSTTIME);
	BN_set_flags(e->k, BN_FLG_CONSTTIME);
	/* One digest is as long as the order for both curves, so bits2int (2.3.2) cuts nothing. */
	return e->point && e->size <= ORDER && e->ndigest == e->size && e->block <= BLOCK &&
	       BN_copy(e->power, e->order) && BN_sub_word(e->power, 2) &&
	       BN_MONT_CTX_set(e->mont, e->order, e->ctx) &&
	       BN_bn2binpad(e->d, e->key, (int)e->size) == (int)e->size;
}

err ecdsa_open(int nid, const char *digest, const void *private_bn, struct ecdsa **out)
{
	struct ecdsa *e = MEM_NEW(struct ecdsa);

	if (!set_up(e, nid, digest, private_bn)) {
		ecdsa_free(e);
		return fail(E_IO, "libcrypto does not open a key");
	}
	*out = e;
	return OK;
}

/* ---- RFC 6979 3.2 ---- */

struct drbg {
	unsigned char k[DIGEST], v[DIGEST];
};

static bool digest(struct ecdsa *e, const str *parts, size_t n, unsigned char *out)
{
	bool ok = EVP_DigestInit_ex2(e->mdctx, e->md, NULL);

	for (size_t i = 0; i < n; i++)
		ok = ok && EVP_DigestUpdate(e->mdctx, parts[i].p, parts[i].n);
	return ok && EVP_DigestFinal_ex(e->mdctx, out, NULL);
}

/* HMAC (RFC 2104) over up to four parts; one-shot HMAC() looks the digest up each time. */
static bool hmac(struct ecdsa *e, const unsigned char *key, const str *parts, size_t n,
		 unsigned char *out)
{
	unsigned char pad[BLOCK], inner[DIGEST];
	str all[5] = { str_of(pad, e->block) };

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < e->ndigest; i++)
		pad[i] ^= key[i];
	memcpy(all + 1, parts, n * sizeof(str));
	bool ok = digest(e, all, n + 1, inner);

	for (size_t i = 0; i < e->block; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	all[1] = str_of(inner, e->ndigest);
	ok = ok && digest(e, all, 2, out);
	mem_wipe(pad, sizeof(pad));
	return ok;
}

static bool drbg_mix(struct ecdsa *e, struct drbg *g, unsigned char sep, const unsigned char *h)
{
	size_t n = e->ndigest;
	str parts[4] = { str_of(g->v, n), str_of(&sep, 1), str_of(e->key, e->size), str_of(h, n) };
	str v = str_of(g->v, n);

	return hmac(e, g->k, parts, h ? 4 : 2, g->k) && hmac(e, g->k, &v, 1, g->v);
}

/* Leaves k in e->k. h: the digest, reduced modulo the order (bits2octets). */
static bool next_k(struct ecdsa *e, struct drbg *g)
{
	str v = str_of(g->v, e->ndigest);

	return hmac(e, g->k, &v, 1, g->v) && BN_bin2bn(g->v, (int)e->size, e->k);
}

static bool k_fits(const struct ecdsa *e)
{
	return !BN_is_zero(e->k) && BN_cmp(e->k, e->order) < 0;
}

/* ---- the signature ---- */

/* r = (kG).x mod n; s = (h + r d) / k mod n. 0: r or s is nothing, try the next k. -1: failed. */
static int sign_with_k(struct ecdsa *e)
{
	BIGNUM *rm = e->s; /* Montgomery forms need one place more */

	if (!EC_POINT_mul(e->group, e->point, e->k, NULL, NULL, e->ctx) ||
	    !EC_POINT_get_affine_coordinates(e->group, e->point, e->r, NULL, e->ctx) ||
	    !BN_nnmod(e->r, e->r, e->order, e->ctx))
		return -1;
	if (BN_is_zero(e->r))
		return 0;
	/* r in Montgomery form times d is r d. */
	if (!BN_to_montgomery(rm, e->r, e->mont, e->ctx) ||
	    !BN_mod_mul_montgomery(e->s, rm, e->d, e->mont, e->ctx) ||
	    !BN_mod_add_quick(e->s, e->s, e->h, e->order) ||
	    !BN_mod_exp_mont_consttime(e->k, e->k, e->power, e->order, e->ctx, e->mont) ||
	    !BN_to_montgomery(e->k, e->k, e->mont, e->ctx) ||
	    !BN_mod_mul_montgomery(e->s, e->s, e->k, e->mont, e->ctx))
		return -1;
	return !BN_is_zero(e->s);
}

err ecdsa_sign(struct ecdsa *e, str octets, unsigned char *out, size_t *n)
{
	unsigned char h[DIGEST], reduced[DIGEST];
	struct drbg g = { { 0 }, { 0 } };
	int done = 0;

	memset(g.v, 1, sizeof(g.v));
	bool ok = digest(e, &octets, 1, h) && BN_bin2bn(h, (int)e->ndigest, e->h) &&
		  BN_nnmod(e->h, e->h, e->order, e->ctx) &&
		  BN_bn2binpad(e->h, reduced, (int)e->size) == (int)e->size &&
		  drbg_mix(e, &g, 0, reduced) && drbg_mix(e, &g, 1, reduced);

	while (ok && !done) {
		ok = next_k(e, &g);
		done = ok && k_fits(e) ? sign_with_k(e) : 0;
		ok = ok && done >= 0;
		if (ok && !done)
			ok = drbg_mix(e, &g, 0, NULL);
	}
	mem_wipe(&g, sizeof(g));
	ok = ok && BN_bn2binpad(e->r, out, (int)e->size) == (int)e->size &&
	     BN_bn2binpad(e->s, out + e->size, (int)e->size) == (int)e->size;
	BN_clear(e->k);
	*n = 2 * e->size;
	return ok ? OK : fail(E_IO, "libcrypto does not sign");
}
