/* sessions/dns/rrl.h: response-rate limiting: how many answers of one kind about one name go to one
 * network in a second. An address that others forge is then worth little to them. A table of fixed
 * size; any loop; never waits. */
#ifndef SESSIONS_DNS_RRL_H
#define SESSIONS_DNS_RRL_H

#include "run/net.h"

enum rrl_kind { RRL_ANSWER, RRL_NODATA, RRL_NXDOMAIN, RRL_REFERRAL, RRL_ERROR };
enum rrl_verdict { RRL_SEND, RRL_DROP, RRL_CUT };
struct rrl_limit {
	int64_t rate, slip, v4, v6; /* as struct dns_service has them */
};

struct rrl;
struct rrl *rrl_new(void);
void rrl_free(struct rrl *r);
/* Counts an answer. about: what it is about, hashed. second: any clock of seconds. */
enum rrl_verdict rrl_count(struct rrl *r, const struct rrl_limit *l, const struct net_addr *peer,
			   enum rrl_kind kind, uint64_t about, uint32_t second);

#endif
