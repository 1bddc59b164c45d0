#include <arpa/inet.h>
#include <string.h>

#include "base/test.h"
#include "sessions/dns/cookie.h"

static struct net_addr address(int family, const char *text)
{
	struct net_addr a = { .ss = { .ss_family = (sa_family_t)family } };
	struct sockaddr_in *v4 = (void *)&a.ss;
	struct sockaddr_in6 *v6 = (void *)&a.ss;

	CHECK(inet_pton(family, text,
			family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr) == 1);
	return a;
}

TEST(dns_cookie_vectors) /* RFC 9018 A.1 to A.3 */
{
	static const uint8_t secret[16] = { 0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
					    0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf };
	static const unsigned char a1[COOKIE] = { 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57,
						  0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0x9f, 0x11,
						  0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80 };
	static const unsigned char a2[COOKIE] = { 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57,
						  0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0xa8, 0x71,
						  0xd4, 0xa5, 0x64, 0xa1, 0x44, 0x2a, 0xca, 0x77 };
	static const unsigned char a3[COOKIE] = { 0xfc, 0x93, 0xfc, 0x62, 0x80, 0x7d, 0xdb, 0x86,
						  0x01, 0xab, 0xcd, 0xef, 0x5c, 0xf7, 0x8f, 0x71,
						  0xa3, 0x14, 0x22, 0x7b, 0x66, 0x79, 0xeb, 0xf5 };
	struct net_addr first = address(AF_INET, "198.51.100.100");
	struct net_addr second = address(AF_INET, "203.0.113.203");
	unsigned char out[COOKIE];
	bool fresh;

	cookie_make(secret, str_of(a1, 8), &first, 1559731985, out);
	CHECK(memcmp(out, a1, COOKIE) == 0);
	/* what is reserved is hashed as it came */
	CHECK(cookie_good(secret, str_of(a3, COOKIE), &second, 1559727985, &fresh) && fresh);
	cookie_make(secret, str_of(a2, 8), &first, 1559734385, out);
	CHECK(memcmp(out, a2, COOKIE) == 0);
	CHECK(cookie_good(secret, str_of(a1, COOKIE), &first, 1559731985 + 10, &fresh) && fresh);
	CHECK(cookie_good(secret, str_of(a1, COOKIE), &first, 1559731985 + 2000, &fresh) && !fresh);
	CHECK(!cookie_good(secret, str_of(a1, COOKIE), &first, 1559731985 + 3700, &fresh));
	CHECK(!cookie_good(secret, str_of(a1, COOKIE), &first, 1559731985 - 400, &fresh));
	CHECK(!cookie_good(secret, str_of(a1, COOKIE), &second, 1559731985, &fresh));
	CHECK(!cookie_good(secret, str_of(a1, 16), &first, 1559731985, &fresh));
}
