#include "base/hash.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

static uint64_t rotl(uint64_t x, unsigned b)
{
	return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static uint64_t little_endian(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

static void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t hash_sip(const uint8_t key[16], str s)
{
	uint64_t k0 = little_endian((const char *)key, 8);
	uint64_t k1 = little_endian((const char *)key + 8, 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			  k1 ^ 0x7465646279746573 };
	uint64_t length = (uint64_t)s.n << 56;

	for (; s.n >= 8; s = str_skip(s, 8))
		sip_word(v, little_endian(s.p, 8));
	sip_word(v, length | little_endian(s.p, s.n));
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t table_key[16];

static void draw_key(void)
{
	/* Without the kernel's randomness the key stays zero: slower under attack, never wrong. */
	if (getrandom(table_key, sizeof(table_key), 0) != sizeof(table_key))
		memset(table_key, 0, sizeof(table_key));
}

uint64_t hash_keyed(str s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, draw_key);
	return hash_sip(table_key, s);
}

/* crc_table[k][b]: what byte b does to the sum k bytes later, so that eight bytes are eight
 * look-ups side by side. */
static uint32_t crc_table[8][256];

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		crc_table[0][i] = c;
	}
	for (size_t k = 1; k < 8; k++) {
		for (size_t i = 0; i < 256; i++) {
			uint32_t c = crc_table[k - 1][i];

			crc_table[k][i] = crc_table[0][c & 0xff] ^ c >> 8;
		}
	}
}

static uint32_t crc_eight(uint32_t crc, const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	v = le64toh(v) ^ crc;
	crc = 0;
	for (size_t k = 0; k < 8; k++)
		crc ^= crc_table[7 - k][v >> (8 * k) & 0xff];
	return crc;
}

uint32_t hash_crc32c(uint32_t crc, str s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_crc_table);
	crc = ~crc;
	for (; s.n >= 8; s = str_skip(s, 8))
		crc = crc_eight(crc, s.p);
	for (size_t i = 0; i < s.n; i++)
		crc = crc_table[0][(crc ^ (unsigned char)s.p[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}
