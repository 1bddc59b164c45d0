/* sessions/dns/cookie.h: DNS cookies that all servers of an address make alike (RFC 7873, 9018).
 * Pure. */
#ifndef SESSIONS_DNS_COOKIE_H
#define SESSIONS_DNS_COOKIE_H

#include "run/net.h"

enum { COOKIE = 24, COOKIE_CLIENT = 8 }; /* octets: both together; the client's */

/* cookie: of the question, 8 or more octets. Writes what to answer. */
void cookie_make(const uint8_t secret[16], str cookie, const struct net_addr *peer, uint32_t now,
		 unsigned char out[COOKIE]);
/* Did one of us make it, for this address, within the hour (RFC 9018 4.3)? *fresh: it need not be
 * made anew. */
bool cookie_good(const uint8_t secret[16], str cookie, const struct net_addr *peer, uint32_t now,
		 bool *fresh);

#endif
