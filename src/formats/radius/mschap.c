#include "formats/radius/mschap.h"

#include <string.h>

#include "base/enc.h"
#include "base/mem.h"
#include "formats/radius/md.h"

enum { CHARACTERS = 256 /* RFC 2759 8.3 */ };

err mschap_hash(str password, unsigned char out[MSCHAP_HASH])
{
	unsigned char wide[CHARACTERS * 2];
	size_t n = 0;

	if (!utf8_valid(password))
		return fail(E_SYNTAX, "the password is not UTF-8");
	for (int32_t c; (c = utf8_next(&password)) >= 0;) {
		uint32_t unit[2] = { (uint32_t)c, 0 };

		if (c > 0xffff) {
			unit[0] = 0xd800 + ((uint32_t)(c - 0x10000) >> 10);
			unit[1] = 0xdc00 + ((uint32_t)(c - 0x10000) & 0x3ff);
		}
		for (size_t i = 0; i < (unit[1] ? 2U : 1U); i++) {
			if (n + 2 > sizeof(wide))
				return fail(E_LIMIT, "password of over %d characters", CHARACTERS);
			wide[n++] = (unsigned char)unit[i];
			wide[n++] = (unsigned char)(unit[i] >> 8);
		}
	}
	md4_of(str_of(wide, n), out);
	mem_wipe(wide, sizeof(wide));
	return OK;
}

void mschap_response(const unsigned char challenge[8], const unsigned char hash[MSCHAP_HASH],
		     unsigned char out[MSCHAP_RESPONSE])
{
	unsigned char padded[21] = { 0 };

	memcpy(padded, hash, MSCHAP_HASH);
	for (size_t i = 0; i < 3; i++)
		des_block(challenge, padded + 7 * i, out + 8 * i);
	mem_wipe(padded, sizeof(padded));
}

void mschap2_challenge(const unsigned char *peer, const unsigned char *authenticator, str user,
		       unsigned char out[8])
{
	unsigned char digest[SHA1_OCTETS];
	size_t domain = str_rfind(user, '\\');

	if (domain < user.n)
		user = str_skip(user, domain + 1);
	sha1_of(str_of(peer, 16), str_of(authenticator, 16), user, digest);
	memcpy(out, digest, 8);
}

bool mschap2_fits(const unsigned char hash[MSCHAP_HASH], const unsigned char *peer,
		  const unsigned char *challenge, str user, const unsigned char *response)
{
	unsigned char short_one[8], want[MSCHAP_RESPONSE];

	mschap2_challenge(peer, challenge, user, short_one);
	mschap_response(short_one, hash, want);
	return same_octets(want, response, sizeof(want));
}

void mschap2_proof(const unsigned char hash[MSCHAP_HASH], const unsigned char *peer,
		   const unsigned char *challenge, str user, const unsigned char *response,
		   char out[MSCHAP_AUTHENTICATOR])
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char hash_hash[MD4_OCTETS], digest[SHA1_OCTETS], short_one[8];

	md4_of(str_of(hash, MSCHAP_HASH), hash_hash);
	sha1_of(str_of(hash_hash, sizeof(hash_hash)), str_of(response, MSCHAP_RESPONSE),
		STR("Magic server to client signing constant"), digest);
	mschap2_challenge(peer, challenge, user, short_one);
	sha1_of(str_of(digest, sizeof(digest)), str_of(short_one, sizeof(short_one)),
		STR("Pad to make it do more than one iteration"), digest);
	out[0] = 'S';
	out[1] = '=';
	for (size_t i = 0; i < SHA1_OCTETS; i++) {
		out[2 + 2 * i] = digits[digest[i] >> 4];
		out[3 + 2 * i] = digits[digest[i] & 15];
	}
	mem_wipe(hash_hash, sizeof(hash_hash));
}

/* RFC 3079 3.4: the key of one direction. */
static void start_key(const unsigned char master[SHA1_OCTETS], str magic,
		      unsigned char out[MSCHAP_KEY])
{
	unsigned char pads[80], digest[SHA1_OCTETS];
	struct buf b;

	memset(pads, 0, 40);
	memset(pads + 40, 0xf2, 40);
	buf_init(&b, 256);
	buf_add(&b, str_of(pads, 40));
	buf_add(&b, magic);
	buf_add(&b, str_of(pads + 40, 40));
	sha1_of(str_of(master, 16), buf_str(&b), STR(""), digest);
	buf_free(&b);
	memcpy(out, digest, MSCHAP_KEY);
	mem_wipe(digest, sizeof(digest));
}

void mschap2_keys(const unsigned char hash[MSCHAP_HASH], const unsigned char *response,
		  unsigned char send[MSCHAP_KEY], unsigned char receive[MSCHAP_KEY])
{
	unsigned char hash_hash[MD4_OCTETS], master[SHA1_OCTETS];

	md4_of(str_of(hash, MSCHAP_HASH), hash_hash);
	sha1_of(str_of(hash_hash, sizeof(hash_hash)), str_of(response, MSCHAP_RESPONSE),
		STR("This is the MPPE Master Key"), master);
	/* Magic2 is the client's receive side, which is what the server sends with. */
	start_key(master,
		  STR("On the client side, this is the receive key; "
		      "on the server side, it is the send key."),
		  send);
	start_key(master,
		  STR("On the client side, this is the send key; "
		      "on the server side, it is the receive key."),
		  receive);
	mem_wipe(hash_hash, sizeof(hash_hash));
	mem_wipe(master, sizeof(master));
}

void mschap1_keys(const unsigned char hash[MSCHAP_HASH], unsigned char out[32])
{
	memset(out, 0, 32);
	md4_of(str_of(hash, MSCHAP_HASH), out + 8);
}
