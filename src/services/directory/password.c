#include "services/directory/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "base/mem.h"

static err random_bytes(void *p, size_t n)
{
	if (n > 1024 || RAND_bytes(p, (int)n) != 1)
		return fail(E_IO, "no randomness from libcrypto");
	return OK;
}

/* crypt_data has 32 KiB: too much for a fiber's stack. */
static err run_crypt(const char *password, const char *setting, char out[PASSWORD_HASH])
{
	struct crypt_data *c = MEM_NEW(struct crypt_data);
	const char *h = crypt_rn(password, setting, c, (int)sizeof(*c));
	err e = h && h[0] != '*' ? str_to_z(str_z(h), out, PASSWORD_HASH) : E_DENIED;

	mem_wipe(c, sizeof(*c));
	mem_free(c);
	return e;
}

static err password_z(str password, char out[LIM_PASSWORD + 1])
{
	if (!password.n)
		return fail(E_SYNTAX, "the password is empty");
	if (password.n > LIM_PASSWORD)
		return fail(E_LIMIT, "the password has %zu octets; %d are allowed", password.n,
			    LIM_PASSWORD);
	if (str_to_z(password, out, LIM_PASSWORD + 1) || !utf8_valid(password))
		return fail(E_SYNTAX, "the password is not UTF-8 text");
	return OK;
}

err password_hash(str password, char out[PASSWORD_HASH])
{
	char z[LIM_PASSWORD + 1], setting[CRYPT_GENSALT_OUTPUT_SIZE], salt[16];

	TRY(password_z(password, z));
	TRY(random_bytes(salt, sizeof(salt)));
	err e = crypt_gensalt_rn("$y$", 0, salt, sizeof(salt), setting, sizeof(setting))
			? run_crypt(z, setting, out)
			: E_IO;

	mem_wipe(z, sizeof(z));
	return e ? fail(E_IO, "libcrypt makes no yescrypt hash") : OK;
}

/* ---- forms ---- */

struct digest_form {
	str scheme;
	const char *digest;
	size_t n; /* octets of the digest; what follows is the salt */
	bool hex;
};
static const struct digest_form digest_forms[] = {
	{ S("SSHA"), "SHA1", 20, false },      { S("SHA"), "SHA1", 20, false },
	{ S("SSHA256"), "SHA256", 32, false }, { S("SHA256"), "SHA256", 32, false },
	{ S("SSHA512"), "SHA512", 64, false }, { S("SHA512"), "SHA512", 64, false },
	{ S("SMD5"), "MD5", 16, false },       { S("PLAIN-MD5"), "MD5", 16, true },
	{ S("LDAP-MD5"), "MD5", 16, false },   { S("MD5"), "MD5", 16, false },
};
static const str crypt_schemes[] = { S("CRYPT"), S("BLF-CRYPT"), S("SHA256-CRYPT"),
				     S("SHA512-CRYPT"), S("MD5-CRYPT") };

/* "{SCHEME}rest"; scheme "" when there is no brace. */
static str split_scheme(str hash, str *rest)
{
	str scheme = STR("");

	*rest = hash;
	if (str_starts(hash, STR("{")) && str_cut(str_skip(hash, 1), '}', &scheme, rest))
		return scheme;
	return STR("");
}

static const struct digest_form *find_digest(str scheme)
{
	for (size_t i = 0; i < COUNT(digest_forms); i++)
		if (str_eqi(scheme, digest_forms[i].scheme))
			return &digest_forms[i];
	return NULL;
}

static bool is_crypt(str scheme, str rest)
{
	bool named = !scheme.n;

	for (size_t i = 0; i < COUNT(crypt_schemes); i++)
		named |= str_eqi(scheme, crypt_schemes[i]);
	/* Dovecot writes {MD5}$1$... too. The old DES form (13 octets) is not taken: it sees 8
	 * octets only. */
	if (str_eqi(scheme, STR("MD5")))
		named = true;
	return named && rest.n >= 8 && rest.n < PASSWORD_HASH && rest.p[0] == '$' &&
	       str_printable(rest) && str_find(rest, ' ') == rest.n;
}

static err digest_parts(const struct digest_form *f, str rest, struct buf *out)
{
	TRY(f->hex ? dec_hex(out, rest) : dec_base64(out, rest));
	return out->n < f->n ? E_SYNTAX : OK;
}

static bool verify_digest(const struct digest_form *f, str password, str rest)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	unsigned char got[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	const EVP_MD *md = EVP_get_digestbyname(f->digest);
	unsigned n = 0;

	buf_init(&b, PASSWORD_HASH);
	bool ok = c && md && !digest_parts(f, rest, &b) && EVP_DigestInit_ex(c, md, NULL) &&
		  EVP_DigestUpdate(c, password.p, password.n) &&
		  EVP_DigestUpdate(c, b.p + f->n, b.n - f->n) && EVP_DigestFinal_ex(c, got, &n) &&
		  n == f->n && CRYPTO_memcmp(got, b.p, f->n) == 0;

	EVP_MD_CTX_free(c);
	return ok;
}

static bool verify_crypt(str password, str hash)
{
	char z[LIM_PASSWORD + 1], setting[PASSWORD_HASH], got[PASSWORD_HASH];

	if (str_to_z(hash, setting, sizeof(setting)) || str_to_z(password, z, sizeof(z)))
		return false;
	bool ok = !run_crypt(z, setting, got) && str_z(got).n == hash.n &&
		  CRYPTO_memcmp(got, hash.p, hash.n) == 0;

	mem_wipe(z, sizeof(z));
	return ok;
}

bool password_verify(str password, str hash)
{
	str rest, scheme = split_scheme(hash, &rest);
	const struct digest_form *f = find_digest(scheme);

	if (!password.n || password.n > LIM_PASSWORD)
		return false;
	if (is_crypt(scheme, rest))
		return verify_crypt(password, rest);
	return f && verify_digest(f, password, rest);
}

bool password_form_known(str hash)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	str rest, scheme = split_scheme(hash, &rest);
	const struct digest_form *f = find_digest(scheme);
	char setting[PASSWORD_HASH];

	buf_init(&b, PASSWORD_HASH);
	if (!is_crypt(scheme, rest))
		return f && !digest_parts(f, rest, &b);
	if (str_to_z(rest, setting, sizeof(setting)))
		return false;
	int c = crypt_checksalt(setting);

	return c == CRYPT_SALT_OK || c == CRYPT_SALT_METHOD_LEGACY || c == CRYPT_SALT_TOO_CHEAP;
}

bool password_form_old(str hash)
{
	return !str_starts(hash, STR("$y$"));
}

bool password_in_clear(str hash, str *password)
{
	str scheme = split_scheme(hash, password);

	return str_eqi(scheme, STR("PLAIN")) || str_eqi(scheme, STR("CLEAR")) ||
	       str_eqi(scheme, STR("CLEARTEXT"));
}

err password_scram(str password, struct scram_verifier *out)
{
	*out = (struct scram_verifier){ .nsalt = SCRAM_SALT,
					.iterations = PASSWORD_SCRAM_ITERATIONS };
	TRY(random_bytes(out->salt, SCRAM_SALT));
	scram_derive(password, out, NULL);
	return OK;
}

err password_app(char out[32], char hash[PASSWORD_HASH])
{
	static const char letters[] =
		"abcdefghijkmnopqrstuvwxyz2345679"; /* 32; none looks like another */
	CLEANUP(buf_free) struct buf b = { 0 };
	unsigned char r[20], salt[12], md[EVP_MAX_MD_SIZE + sizeof(salt)];
	unsigned n = 0;
	size_t at = 0;

	TRY(random_bytes(r, sizeof(r)));
	TRY(random_bytes(salt, sizeof(salt)));
	for (size_t i = 0; i < sizeof(r); i++) {
		if (i && i % 4 == 0)
			out[at++] = '-';
		out[at++] = letters[r[i] & 31];
	}
	out[at] = '\0';
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) && EVP_DigestUpdate(c, out, at) &&
		  EVP_DigestUpdate(c, salt, sizeof(salt)) && EVP_DigestFinal_ex(c, md, &n) &&
		  n == 32;

	EVP_MD_CTX_free(c);
	if (!ok)
		return fail(E_IO, "libcrypto makes no hash");
	memcpy(md + n, salt, sizeof(salt));
	buf_init(&b, PASSWORD_HASH);
	buf_add(&b, STR("{SSHA256}"));
	enc_base64(&b, str_of(md, n + sizeof(salt)));
	return str_to_z(buf_str(&b), hash, PASSWORD_HASH);
}
