#include "sessions/dns/cookie.h"

#include <netinet/in.h>
#include <string.h>

#include "base/hash.h"
#include "formats/dns/message.h"

enum {
	HASHED = 16, /* octets before the hash: client cookie, version, reserved, time */
	VERSION = 1,
	TOO_OLD = 3600, /* seconds, RFC 9018 4.3 */
	OLD = 1800,
	AHEAD = 300,
};

/* RFC 9018 4.4: SipHash-2-4 over the first 16 octets and the client's address. */
static void hash_of(const uint8_t secret[16], const unsigned char *head,
		    const struct net_addr *peer, unsigned char out[8])
{
	const struct sockaddr_in *v4 = (const void *)&peer->ss;
	const struct sockaddr_in6 *v6 = (const void *)&peer->ss;
	bool six = peer->ss.ss_family == AF_INET6;
	unsigned char input[HASHED + 16];
	size_t n = six ? 16 : 4;

	memcpy(input, head, HASHED);
	memcpy(input + HASHED, six ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, n);
	uint64_t h = hash_sip(secret, str_of(input, HASHED + n));

	for (unsigned i = 0; i < 8; i++)
		out[i] = (unsigned char)(h >> 8 * i);
}

void cookie_make(const uint8_t secret[16], str cookie, const struct net_addr *peer, uint32_t now,
		 unsigned char out[COOKIE])
{
	memcpy(out, cookie.p, COOKIE_CLIENT);
	out[8] = VERSION;
	memset(out + 9, 0, 3);
	dns_put32(out + 12, now);
	hash_of(secret, out, peer, out + HASHED);
}

bool cookie_good(const uint8_t secret[16], str cookie, const struct net_addr *peer, uint32_t now,
		 bool *fresh)
{
	unsigned char want[8], difference = 0;
	const unsigned char *p = (const unsigned char *)cookie.p;

	if (cookie.n != COOKIE || p[8] != VERSION)
		return false;
	int32_t age = (int32_t)(now - dns_get32(p + 12)); /* serial arithmetic */

	if (age > TOO_OLD || age < -AHEAD)
		return false;
	hash_of(secret, p, peer, want);
	for (unsigned i = 0; i < 8; i++)
		difference |= want[i] ^ p[HASHED + i];
	*fresh = age >= 0 && age <= OLD;
	return difference == 0;
}
