/* sessions/dns/dns.h: the serving half of authoritative DNS. RFC 1034 4.3.2, 1035, 2181, 2308, 4035
 * 3.1, 4592, 5155 7.2, 6604, 6672, 6891, 7766, 7873, 8482, 9018, 9471.
 *
 * A question is answered from the table of zones (services/zones) on the loop where it came,
 * without waiting and without the heap. What is not looking up stands in the role's functions:
 * transfers, NOTIFY, TSIG keys. */
#ifndef SESSIONS_DNS_DNS_H
#define SESSIONS_DNS_DNS_H

#include "formats/dns/message.h"
#include "formats/dns/tsig.h"
#include "run/net.h"
#include "run/stream.h"
#include "services/zones/zones.h"

/* What posta.conf says of answering; immutable. */
struct dns_service {
	int64_t udp_size;	/* octets of an answer over UDP at most (RFC 6891 6.2.5) */
	bool cookies;		/* answer cookies (RFC 7873) */
	bool cookie_required;	/* UDP without a good server cookie gets BADCOOKIE or TC */
	uint8_t secrets[2][16]; /* of cookies: the one in use, and the one before it */
	unsigned nsecrets;
	str version, identity; /* version.bind; hostname.bind, id.server, NSID. "": not told */
	bool extended_errors;  /* RFC 8914 */
	int64_t rrl_rate; /* answers a second to a network for one kind and name; 0: no limit */
	int64_t rrl_slip; /* each so many-th answer over the rate is sent, cut; 0: none */
	int64_t rrl_v4, rrl_v6; /* bits of a network */
	const struct net_block *exempt;
	size_t nexempt;
	int64_t tcp_idle;    /* milliseconds without a question */
	int64_t tcp_queries; /* on one connection */
	int64_t tcp_clients; /* connections of one network at once */
};

/* A question that is not a look-up, for the role. It lives until the function returns. */
struct dns_request {
	const struct dns_query *q;
	str message; /* without its TSIG */
	const struct net_addr *peer;
	bool tcp;
	struct tsig *tsig; /* verified (key NULL: came without): the answer is signed with it */
};
struct dns_role {
	const struct dns_service *(*options)(void); /* those in force */
	/* The key of that name (wire, lower case), or NULL. Any loop; never waits. */
	const struct tsig_key *(*key)(void *arg, str name);
	/* NOTIFY (RFC 1996). Writes the whole answer, unsigned, and gives its length; 0: none.
	 * NULL: NOTIMP. Any loop; never waits. */
	size_t (*notify)(const struct dns_request *r, char *out, size_t room);
	/* AXFR and IXFR over TCP: writes messages with their lengths to io, signs them itself. An
	 * error ends the connection. NULL: REFUSED. */
	WAITS err (*transfer)(struct stream *io, const struct dns_request *r);
	/* IXFR over UDP (RFC 1995 2): as notify. NULL: the SOA alone is answered, which sends the
	 * client to TCP. */
	size_t (*ixfr)(const struct dns_request *r, char *out, size_t room);
	/* True: this zone is configured but has no contents that may be served (a secondary that
	 * has expired or was never filled): SERVFAIL instead of REFUSED. May be NULL. */
	bool (*awaited)(str name);
};

/* One for a process. zones and role outlive it. loops: how many threads answer. */
struct dns_server;
struct dns_server *dns_server_new(struct zones *zones, const struct dns_role *role, unsigned loops);
void dns_server_free(struct dns_server *s);

/* Answers one message: its octets to out (at most room), or 0 for no answer. loop: the index of the
 * caller's. Transfers over TCP are the session's. Never waits. */
size_t dns_answer(struct dns_server *s, unsigned loop, const struct net_addr *peer, bool tcp,
		  str message, char *out, size_t room);
/* One TCP connection (RFC 7766): questions one behind the other, answered in order. Takes io over.
 */
WAITS err dns_session(struct stream *io, struct dns_server *s, unsigned loop);

#endif
