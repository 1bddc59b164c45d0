/* clients/dns/blacklist.h: look-ups in DNS black lists (RFC 5782) by a small UDP client: many side
 * by side under one deadline on one fiber. libunbound costs 63 us of CPU a look-up; the mirror is
 * ours and near. Ids and source ports are random, names are asked in random case, and an answer
 * counts that comes from the asked server with the same id, name and case. */
#ifndef CLIENTS_DNS_BLACKLIST_H
#define CLIENTS_DNS_BLACKLIST_H

#include "formats/dns/name.h"
#include "run/fiber.h"
#include "run/net.h"

/* Answers, as addresses in host order: those that are from first to last after the mask. bits: of
 * those one that has any of these bits; its lowest bit tells that the list's owner refuses us. */
struct blacklist_code {
	uint32_t first, last;
	uint32_t ignored; /* bits that do not count (127.0.*.3) */
	uint32_t bits;	  /* 0: not looked at */
};
bool blacklist_code_has(const struct blacklist_code *c, uint32_t code);
struct blacklist {
	str label; /* its zone as text, for people */
	struct dns_name zone;
	const struct net_addr *servers;
	size_t nservers;
	const struct blacklist_code *codes; /* what "listed" is; other answers never are */
	size_t ncodes;
	bool ip4, ip6, names; /* what it lists */
};

enum blacklist_answer {
	BLACKLIST_SILENT, /* nobody answered in time, or with an error: nothing is known */
	BLACKLIST_NOT,
	BLACKLIST_LISTED,
	BLACKLIST_ODD,	 /* listed with a code that its configuration does not name */
	BLACKLIST_ERROR, /* 127.255.255.x and the like: the list's owner refuses us */
};
enum { BLACKLIST_CODES = 8 }; /* of one answer; more are dropped */
struct blacklist_question {
	const struct blacklist *list;
	struct dns_name name;		 /* whole, as blacklist_ip or _domain made it */
	enum blacklist_answer what;	 /* filled, as the rest */
	uint32_t code;			 /* of LISTED, ODD and ERROR */
	uint32_t codes[BLACKLIST_CODES]; /* LISTED: those that are named */
	unsigned ncodes;
};
/* The question for an address (E_NOTFOUND: the list has none of its kind) or a domain in text. */
MUST_USE err blacklist_ip(const struct blacklist *l, const struct net_addr *who,
			  struct blacklist_question *out);
MUST_USE err blacklist_domain(const struct blacklist *l, str domain,
			      struct blacklist_question *out);
/* Asks all n; each one's first server first, its next ones after an error or when half of the time
 * has passed. Waits until all are answered, if only by errors, or the deadline. E_CANCELED; else
 * OK, whatever the answers are. */
WAITS MUST_USE err blacklist_ask(struct blacklist_question *v, size_t n, msec deadline);

/* The pure part: a message that came, for a question of this id and name (as it was asked, case
 * included). TAKEN: q->what, code and codes are filled. OTHERS: no answer to it. FAILED: one that
 * tells nothing. Else q is untouched. */
enum blacklist_taken { BLACKLIST_OTHERS, BLACKLIST_TAKEN, BLACKLIST_FAILED };
enum blacklist_taken blacklist_take(str message, uint16_t id, str name,
				    struct blacklist_question *q);

#endif
