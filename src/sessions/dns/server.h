/* sessions/dns/server.h: one question's way through the server. Inside sessions/dns. */
#ifndef SESSIONS_DNS_SERVER_H
#define SESSIONS_DNS_SERVER_H

#include "services/rates/rates.h"
#include "sessions/dns/answer.h"
#include "sessions/dns/dns.h"
#include "sessions/dns/rrl.h"

/* What a question needs while it is answered; one a loop. */
struct exchange {
	struct dns_server *s;
	const struct dns_service *o;
	const struct net_addr *peer;
	bool tcp;
	str message; /* without its TSIG once that is verified */
	struct dns_query q;
	struct tsig tsig;
	char *verified; /* a copy of the message that TSIG was taken from; NULL until first needed
			 */
	struct zone_name names[2];
	struct answer a;
	struct hasher hash;
	/* of the answer */
	unsigned rcode;
	int extended; /* RFC 8914's code; -1: none */
	bool cookie_known;
	enum rrl_kind kind;
	unsigned char cookie[24];
	size_t ncookie;
	size_t reserved;	       /* octets for OPT and TSIG */
	char out[2 + DNS_MESSAGE_MAX]; /* over TCP: with its length before it */
};
struct dns_server {
	struct zones *zones;
	const struct dns_role *role;
	struct rrl *rrl;
	struct tally *clients; /* TCP connections by network */
	unsigned loops;
	struct exchange *x; /* one a loop */
};

/* What to do with a message. */
enum exchange_step {
	EXCHANGE_DROP,
	EXCHANGE_REFUSE, /* answer with x->rcode and no records */
	EXCHANGE_LOOKUP,
	EXCHANGE_CHAOS,
	EXCHANGE_NOTIFY,
	EXCHANGE_TRANSFER, /* AXFR or IXFR */
};
/* Reads and judges it: form, EDNS, cookie, TSIG, class, opcode. */
enum exchange_step exchange_begin(struct exchange *x, const struct net_addr *peer, bool tcp,
				  str message);
/* Writes the answer; 0: none. */
size_t exchange_finish(struct exchange *x, enum exchange_step step, char *out, size_t room);
/* The request as the role's functions see it. */
struct dns_request exchange_request(struct exchange *x);

/* OPT (edns.c): octets that it will take; and the record itself. */
size_t edns_room(const struct exchange *x);
void edns_put(const struct exchange *x, struct reply *r);
/* The cookie of the question, judged: x->cookie, x->cookie_known. */
void edns_cookie(struct exchange *x);

/* version.bind and the like (RFC 4892); false: refused (chaos.c). */
bool chaos_put(struct exchange *x, struct reply *r);

/* Counters (count.c). */
void count_answer(bool tcp, unsigned rcode, bool cut);
enum dropped { DROPPED_SHORT, DROPPED_ANSWER, DROPPED_RATE, DROPPED_ROLE };
void count_dropped(enum dropped why);
void count_slipped(void);

#endif
