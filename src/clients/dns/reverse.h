/* clients/dns/reverse.h: the name of an address that leads back to it (RFC 8601 2.7.3 "iprev"),
 * asked of resolvers nearby over UDP. What is gained by a forged answer is a score: names that
 * decide where mail goes are asked by libunbound (dns.h). */
#ifndef CLIENTS_DNS_REVERSE_H
#define CLIENTS_DNS_REVERSE_H

#include "base/arena.h"
#include "run/fiber.h"
#include "run/net.h"

/* name: in lower case without a dot at its end; "" when there is none, or none that leads back.
 * E_AGAIN: no resolver answered in time; E_CANCELED. */
WAITS MUST_USE err reverse_name(const struct net_addr *resolvers, size_t n,
				const struct net_addr *who, msec deadline, struct arena *a,
				str *name);

#endif
