/* clients/filter/filter_client.h: asks a filter by rspamd's HTTP protocol (POST /checkv2, JSON
 * answer), posta's own or a real rspamd: several with load balancing, health and fail-over,
 * connections kept. */
#ifndef CLIENTS_FILTER_FILTER_CLIENT_H
#define CLIENTS_FILTER_FILTER_CLIENT_H

#include "base/arena.h"
#include "run/fiber.h"
#include "run/net.h"
#include "run/spool.h"

struct filters; /* the addresses with their health; shared by the loops of a process */

MUST_USE err filters_open(const struct net_addr *addr, size_t n, msec pause, struct filters **out);
void filters_close(struct filters *f); /* NULL allowed */

struct filter_question {
	struct spool *message;
	str ip, helo, rdns, from, user, id; /* "" = not known */
	const str *rcpts;
	size_t nrcpts;
};
struct filter_symbol {
	str name, text;
	double score;
};
struct filter_recipient { /* posta's filter alone: "recipients" */
	str address, place;
	double score; /* with that user's learning */
};
struct filter_answer {
	double score, required;
	str action; /* rspamd's: "no action", "add header", "reject", "soft reject", ... */
	struct filter_symbol *symbols;
	size_t nsymbols;
	struct filter_recipient *recipients;
	size_t nrecipients;
	str auth_results; /* an Authentication-Results field's value, "" = none given */
	str virus;	  /* its name, "" = none */
	str dangerous;	  /* a file name that the attachment policy refuses, "" = none */
	bool incomplete;  /* something that should have been asked was away */
};
/* Tries another filter while the deadline allows. E_AGAIN: none answered; E_CANCELED. */
WAITS MUST_USE err filter_check(struct filters *f, const struct filter_question *q, msec deadline,
				struct arena *a, struct filter_answer *out);
/* Teaches (learnspam, learnham) in a user's name. */
WAITS MUST_USE err filter_learn(struct filters *f, const struct filter_question *q, bool spam,
				msec deadline);

#endif
