#define OPENSSL_SUPPRESS_DEPRECATED /* decision 0161 */
#include "formats/radius/md.h"

#include <openssl/crypto.h>
#include <openssl/des.h>
#include <openssl/md4.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

enum { BLOCK = 64 };

void md5_of(str a, str b, str c, str d, unsigned char out[MD5_OCTETS])
{
	MD5_CTX m;

	MD5_Init(&m);
	MD5_Update(&m, a.p, a.n);
	MD5_Update(&m, b.p, b.n);
	MD5_Update(&m, c.p, c.n);
	MD5_Update(&m, d.p, d.n);
	MD5_Final(out, &m);
}

/* RFC 2104 2. */
void md5_hmac(str key, str a, str b, str c, str d, unsigned char out[MD5_OCTETS])
{
	unsigned char pad[BLOCK], short_key[MD5_OCTETS];
	MD5_CTX m;

	if (key.n > BLOCK) {
		md5_of(key, STR(""), STR(""), STR(""), short_key);
		key = str_of(short_key, sizeof(short_key));
	}
	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < key.n; i++)
		pad[i] ^= (unsigned char)key.p[i];
	MD5_Init(&m);
	MD5_Update(&m, pad, sizeof(pad));
	MD5_Update(&m, a.p, a.n);
	MD5_Update(&m, b.p, b.n);
	MD5_Update(&m, c.p, c.n);
	MD5_Update(&m, d.p, d.n);
	MD5_Final(out, &m);
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	md5_of(str_of(pad, sizeof(pad)), str_of(out, MD5_OCTETS), STR(""), STR(""), out);
	OPENSSL_cleanse(pad, sizeof(pad));
}

void md4_of(str a, unsigned char out[MD4_OCTETS])
{
	(void)MD4((const unsigned char *)a.p, a.n, out);
}

void sha1_of(str a, str b, str c, unsigned char out[SHA1_OCTETS])
{
	SHA_CTX s;

	SHA1_Init(&s);
	SHA1_Update(&s, a.p, a.n);
	SHA1_Update(&s, b.p, b.n);
	SHA1_Update(&s, c.p, c.n);
	SHA1_Final(out, &s);
}

void des_block(const unsigned char in[8], const unsigned char key[7], unsigned char out[8])
{
	DES_cblock wide, to, from;
	DES_key_schedule schedule;
	unsigned bits = 0, have = 0;

	for (size_t i = 0, at = 0; i < 8; i++) {
		if (have < 7) {
			bits = (bits << 8 | (at < 7 ? key[at] : 0)) & 0xffff;
			at++;
			have += 8;
		}
		wide[i] = (unsigned char)((bits >> (have - 7) & 0x7f) << 1);
		have -= 7;
	}
	DES_set_odd_parity(&wide);
	DES_set_key_unchecked(&wide, &schedule);
	memcpy(from, in, sizeof(from));
	DES_ecb_encrypt(&from, &to, &schedule, DES_ENCRYPT);
	memcpy(out, to, sizeof(to));
	OPENSSL_cleanse(&schedule, sizeof(schedule));
	OPENSSL_cleanse(wide, sizeof(wide));
}

bool same_octets(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
