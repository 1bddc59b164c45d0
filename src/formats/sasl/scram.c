#include "formats/sasl/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "base/mem.h"
#include "formats/sasl/sasl.h"

/* HMAC and PBKDF2 of libcrypto fail for want of memory alone. */
static void hmac(const uint8_t key[SCRAM_KEY], str data, uint8_t out[SCRAM_KEY])
{
	unsigned n = SCRAM_KEY;

	if (!HMAC(EVP_sha256(), key, SCRAM_KEY, (const unsigned char *)data.p, data.n, out, &n))
		memset(out, 0, SCRAM_KEY);
}

void scram_derive(str password, struct scram_verifier *v, uint8_t client_key[SCRAM_KEY])
{
	uint8_t salted[SCRAM_KEY], client[SCRAM_KEY];
	struct buf prepared;

	buf_init(&prepared, KIB(64));
	if (sasl_prep(password, &prepared)) {
		buf_reset(&prepared);
		buf_add(&prepared, password);
	}
	str p = buf_str(&prepared);

	if (p.n > LIM_PASSWORD * 4 ||
	    !PKCS5_PBKDF2_HMAC(p.p, (int)p.n, v->salt, (int)v->nsalt, (int)v->iterations,
			       EVP_sha256(), SCRAM_KEY, salted))
		memset(salted, 0, sizeof(salted));
	hmac(salted, STR("Client Key"), client);
	SHA256(client, sizeof(client), v->stored_key);
	hmac(salted, STR("Server Key"), v->server_key);
	if (client_key)
		memcpy(client_key, client, SCRAM_KEY);
	mem_wipe(salted, sizeof(salted));
	mem_wipe(client, sizeof(client));
	buf_wipe(&prepared);
}

bool scram_check(const struct scram_verifier *v, str auth, const uint8_t proof[SCRAM_KEY],
		 uint8_t signature[SCRAM_KEY])
{
	uint8_t client[SCRAM_KEY], stored[SCRAM_KEY];

	hmac(v->stored_key, auth, client);
	for (size_t i = 0; i < SCRAM_KEY; i++)
		client[i] ^= proof[i];
	SHA256(client, sizeof(client), stored);
	hmac(v->server_key, auth, signature);
	mem_wipe(client, sizeof(client));
	return CRYPTO_memcmp(stored, v->stored_key, SCRAM_KEY) == 0;
}

/* ---- grammar ---- */

/* "x=" then a value up to the next comma. False when another attribute or nothing stands there. */
static bool attribute(str *rest, char name, str *value)
{
	str piece;

	if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=')
		return false;
	if (!str_next(rest, ',', &piece))
		return false;
	*value = str_skip(piece, 2);
	return true;
}

/* RFC 5802 5.1: "=2C" is a comma, "=3D" an equals sign, and no other "=" is allowed. */
static err name_decode(str in, struct arena *a, str *out)
{
	char *p = arena_try(a, in.n + 1, 1);
	size_t n = 0;

	if (!p)
		return fail(E_LIMIT, "SCRAM: a name of %zu octets", in.n);
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '=') {
			p[n++] = in.p[i];
			continue;
		}
		str code = str_take(str_skip(in, i + 1), 2);

		if (!str_eq(code, STR("2C")) && !str_eq(code, STR("3D")))
			return fail(E_SYNTAX, "SCRAM: a bare = in a name");
		p[n++] = code.p[0] == '2' ? ',' : '=';
		i += 2;
	}
	*out = str_of(p, n);
	return OK;
}

static void name_encode(str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == ',')
			buf_add(out, STR("=2C"));
		else if (in.p[i] == '=')
			buf_add(out, STR("=3D"));
		else
			buf_addc(out, in.p[i]);
	}
}

/* Printable ASCII but for the comma. */
static bool nonce_ok(str n)
{
	for (size_t i = 0; i < n.n; i++)
		if (n.p[i] <= ' ' || n.p[i] > '~' || n.p[i] == ',')
			return false;
	return n.n > 0 && n.n <= 256;
}

static err parse_gs2(str m, struct arena *a, struct scram_first *out, str *bare)
{
	str rest = m, flag, authzid;

	if (!str_next(&rest, ',', &flag) || !str_next(&rest, ',', &authzid) || !rest.p)
		return fail(E_SYNTAX, "SCRAM: no GS2 header");
	if (str_eq(flag, STR("n")) || str_eq(flag, STR("y"))) {
		out->binding = flag.p[0];
	} else if (str_starts(flag, STR("p=")) && flag.n > 2) {
		out->binding = 'p';
		out->binding_type = str_skip(flag, 2);
	} else {
		return fail(E_SYNTAX, "SCRAM: the GS2 header does not begin with n, y or p=");
	}
	if (authzid.n && !str_starts(authzid, STR("a=")))
		return fail(E_SYNTAX, "SCRAM: the authorization identity does not begin with a=");
	TRY(name_decode(str_skip(authzid, 2), a, &out->authzid));
	*bare = rest;
	out->gs2 = str_take(m, m.n - rest.n);
	return OK;
}

err scram_parse_first(str m, struct arena *a, struct scram_first *out)
{
	struct scram_first f = { .binding_type = STR("") };
	str rest = STR(""), name;

	if (m.n > LIM_SASL)
		return fail(E_LIMIT, "SCRAM: a message of %zu octets", m.n);
	if (!utf8_valid(m) || str_find(m, '\0') != m.n)
		return fail(E_SYNTAX, "SCRAM: not UTF-8");
	TRY(parse_gs2(m, a, &f, &rest));
	f.bare = rest;
	/* m=, an extension that must be understood, fails here too */
	if (!attribute(&rest, 'n', &name) || !attribute(&rest, 'r', &f.nonce) || !nonce_ok(f.nonce))
		return fail(E_SYNTAX, "SCRAM: no name or no nonce");
	TRY(name_decode(name, a, &f.user));
	if (!f.user.n || f.user.n > LIM_USER || f.authzid.n > LIM_USER)
		return fail(E_LIMIT, "SCRAM: a name of %zu octets", f.user.n);
	*out = f;
	return OK;
}

static err decode_into(str in, uint8_t *out, size_t max, size_t *n)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, max);
	TRY(dec_base64(&b, in));
	memcpy(out, b.n ? b.p : "", b.n);
	*n = b.n;
	return OK;
}

err scram_parse_server_first(str m, struct scram_server_first *out)
{
	str rest = m, salt, iterations;
	uint64_t i;

	if (!attribute(&rest, 'r', &out->nonce) || !nonce_ok(out->nonce) ||
	    !attribute(&rest, 's', &salt) || !attribute(&rest, 'i', &iterations))
		return fail(E_SYNTAX, "SCRAM: the server's first message lacks r=, s= or i=");
	if (decode_into(salt, out->salt, sizeof(out->salt), &out->nsalt) || !out->nsalt)
		return fail(E_SYNTAX, "SCRAM: the server's salt");
	TRY(str_u64(iterations, LIM_SCRAM_ITERATIONS, &i));
	if (i < SCRAM_LEAST)
		return fail(E_DENIED, "SCRAM: %llu iterations are too few", (unsigned long long)i);
	out->iterations = (uint32_t)i;
	return OK;
}

void scram_print_server_first(str nonce, const struct scram_verifier *v, struct buf *out)
{
	buf_fmt(out, "r=%.*s,s=", STRF(nonce));
	enc_base64(out, str_of(v->salt, v->nsalt));
	buf_fmt(out, ",i=%u", (unsigned)v->iterations);
}

err scram_parse_final(str m, struct arena *a, struct scram_final *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	str rest = m, binding, proof;
	size_t at = str_search(m, STR(",p=")), n;

	if (m.n > LIM_SASL)
		return fail(E_LIMIT, "SCRAM: a message of %zu octets", m.n);
	if (at == m.n || !attribute(&rest, 'c', &binding) || !attribute(&rest, 'r', &out->nonce) ||
	    !nonce_ok(out->nonce))
		return fail(E_SYNTAX, "SCRAM: the final message lacks c=, r= or p=");
	proof = str_skip(m, at + 3);
	if (decode_into(proof, out->proof, SCRAM_KEY, &n) || n != SCRAM_KEY)
		return fail(E_SYNTAX, "SCRAM: the proof");
	buf_init(&b, LIM_SASL);
	if (dec_base64(&b, binding))
		return fail(E_SYNTAX, "SCRAM: the channel binding");
	out->binding = arena_dup(a, buf_str(&b));
	out->without_proof = str_take(m, at);
	return out->binding.p ? OK : fail(E_LIMIT, "SCRAM: no room");
}

void scram_print_server_final(const uint8_t signature[SCRAM_KEY], struct buf *out)
{
	buf_add(out, STR("v="));
	enc_base64(out, str_of(signature, SCRAM_KEY));
}

/* ---- the calling end ---- */

void scram_client_init(struct scram_client *c, str gs2, str nonce)
{
	*c = (struct scram_client){ .gs2 = gs2, .nonce = nonce };
	buf_init(&c->first_bare, LIM_SASL);
	buf_init(&c->auth, LIM_SASL * 4);
}

void scram_client_free(struct scram_client *c)
{
	buf_free(&c->first_bare);
	buf_free(&c->auth);
	mem_wipe(c->server_key, sizeof(c->server_key));
}

void scram_client_first(struct scram_client *c, str user, struct buf *out)
{
	buf_reset(&c->first_bare);
	buf_add(&c->first_bare, STR("n="));
	name_encode(user, &c->first_bare);
	buf_fmt(&c->first_bare, ",r=%.*s", STRF(c->nonce));
	buf_add(out, c->gs2);
	buf_add(out, buf_str(&c->first_bare));
}

err scram_client_final(struct scram_client *c, str server_first, str password, str binding,
		       struct buf *out)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct scram_server_first s;
	struct scram_verifier v = { 0 };
	uint8_t key[SCRAM_KEY], proof[SCRAM_KEY];

	TRY(scram_parse_server_first(server_first, &s));
	if (!str_starts(s.nonce, c->nonce) || s.nonce.n == c->nonce.n)
		return fail(E_DENIED, "SCRAM: the server's nonce does not go on from ours");
	memcpy(v.salt, s.salt, s.nsalt);
	v.nsalt = s.nsalt;
	v.iterations = s.iterations;
	scram_derive(password, &v, key);
	memcpy(c->server_key, v.server_key, SCRAM_KEY);
	buf_init(&b, LIM_SASL);
	buf_add(&b, c->gs2);
	buf_add(&b, binding);
	size_t start = out->n;

	buf_add(out, STR("c="));
	enc_base64(out, buf_str(&b));
	buf_fmt(out, ",r=%.*s", STRF(s.nonce));
	buf_reset(&c->auth);
	buf_fmt(&c->auth, "%.*s,%.*s,%.*s", STRF(buf_str(&c->first_bare)), STRF(server_first),
		STRF(str_skip(buf_str(out), start)));
	hmac(v.stored_key, buf_str(&c->auth), proof);
	for (size_t i = 0; i < SCRAM_KEY; i++)
		proof[i] ^= key[i];
	mem_wipe(key, sizeof(key));
	buf_add(out, STR(",p="));
	enc_base64(out, str_of(proof, sizeof(proof)));
	TRY(buf_done(&c->auth));
	return buf_done(out);
}

err scram_client_verify(struct scram_client *c, str server_final)
{
	uint8_t want[SCRAM_KEY], got[SCRAM_KEY];
	str rest = server_final, value;
	size_t n;

	if (attribute(&rest, 'e', &value))
		return fail(E_DENIED, "SCRAM: the server says %.*s", STRF(value));
	if (!attribute(&rest, 'v', &value) || decode_into(value, got, sizeof(got), &n) ||
	    n != SCRAM_KEY)
		return fail(E_SYNTAX, "SCRAM: the server's final message");
	hmac(c->server_key, buf_str(&c->auth), want);
	return CRYPTO_memcmp(want, got, SCRAM_KEY)
		       ? fail(E_DENIED, "SCRAM: the server's signature is wrong")
		       : OK;
}
