/* clients/filter/filter_client.h: asks a filter by rspamd's HTTP protocol (POST /checkv2, JSON
 * answer), posta's own or a real rspamd: several with load balancing, health and fail-over,
 * connections kept. */
#ifndef CLIENTS_FILTER_FILTER_CLIENT_H
#define CLIENTS_FILTER_FILTER_CLIENT_H

#include "base/arena.h"
#include "formats/filter/answer.h"
#include "run/fiber.h"
#include "run/net.h"
#include "run/spool.h"

struct filters; /* the addresses with their health; shared by the loops of a process */

/* pause: milliseconds that a filter which did not answer is left alone. addr is copied. */
MUST_USE err filters_open(const struct net_addr *addr, size_t n, msec pause, struct filters **out);
/* No question may be under way, on any loop. NULL allowed. */
void filters_close(struct filters *f);

struct filter_question {
	struct spool *message;
	str ip, helo, rdns, from, user, id; /* "" = not known */
	const str *rcpts;
	size_t nrcpts;
};
/* Asks the filter with the fewest questions under way, and another one while the deadline allows
 * (rspamd ones that say 4xx or 5xx count as not answering). E_AGAIN: none answered; E_CANCELED. */
WAITS MUST_USE err filter_check(struct filters *f, const struct filter_question *q, msec deadline,
				struct arena *a, struct filter_answer *out);
/* Teaches (POST /learnspam, /learnham) in q->user's name: posta's filter; rspamd has it at its
 * controller's port. */
WAITS MUST_USE err filter_learn(struct filters *f, const struct filter_question *q, bool spam,
				msec deadline);

#endif
