/* clients/dns/dns.h: questions to the DNS, by libunbound with its descriptor in our loop (it works
 * in a thread of its own). RFC 5321 5.1 (MX, implicit MX), RFC 7505 (null MX), RFC 4035 4.9
 * (validated or not). One context a loop: everything here is called on the loop that opened it.
 * Names may be in UTF-8 (RFC 5891: asked as A-labels).
 *
 * .test: libunbound answers names under it NXDOMAIN by itself (RFC 6761) and asks nobody on
 * 127.0.0.1. Both are switched off, and .test is taken as unsigned, so that a resolver of a test or
 * of the demonstration can serve it. */
#ifndef CLIENTS_DNS_DNS_H
#define CLIENTS_DNS_DNS_H

#include "base/arena.h"
#include "formats/dns/types.h"
#include "run/fiber.h"
#include "run/net.h"

struct dns;

struct dns_options {
	const str *forward; /* "192.0.2.53:53": resolvers to ask; none: the root and down from it */
	size_t nforward;
	bool dnssec; /* validate with the root's keys (2017 and 2024) */
};
MUST_USE err dns_open(const struct dns_options *o, struct dns **out);
/* No question may be under way. */
WAITS void dns_close(struct dns *d);

struct dns_answer {
	str *rdata; /* n records in wire form */
	size_t n;
	bool secure;   /* validated */
	bool nxdomain; /* the name does not exist (n is 0) */
	str canonical; /* the name behind CNAMEs, "" when it is the name itself */
};
/* OK also when there is no such record. E_AGAIN: no answer, or one that fails validation;
 * E_TIMEOUT; E_SYNTAX: no domain name. Records live in the arena. */
WAITS MUST_USE err dns_ask(struct dns *d, str name, enum dns_type type, msec deadline,
			   struct arena *a, struct dns_answer *out);

struct dns_mx {
	str host;
	unsigned preference;
	unsigned shuffle; /* random: orders equal preferences */
};
struct dns_mx_answer {
	struct dns_mx *mx; /* by preference, equal ones in random order */
	size_t n;
	bool null;     /* RFC 7505: takes no mail (n is 0) */
	bool implicit; /* no MX: the domain itself, if it has an address */
	bool secure;
};
/* E_NOTFOUND: the domain does not exist. Others as dns_ask. */
WAITS MUST_USE err dns_mx(struct dns *d, str domain, msec deadline, struct arena *a,
			  struct dns_mx_answer *out);
/* Addresses of a host, port 0; IPv6 and IPv4 by turns, IPv6 first. E_NOTFOUND: none. */
struct dns_hosts {
	struct net_addr *addr;
	size_t n;
	bool secure;
};
WAITS MUST_USE err dns_hosts(struct dns *d, str host, msec deadline, struct arena *a,
			     struct dns_hosts *out);

/* The records of an MX RRset in order; pure. E_SYNTAX: a record is malformed. */
MUST_USE err dns_parse_mx(const struct dns_answer *answer, struct arena *a,
			  struct dns_mx_answer *out);

#endif
