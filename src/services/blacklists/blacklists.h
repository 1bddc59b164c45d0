/* services/blacklists/blacklists.h: the black lists that posta asks, and whether each can be
 * trusted: every list is tested with RFC 5782's points (5: 127.0.0.2 and ::ffff:7f00:2 are listed,
 * 127.0.0.1 and ::ffff:7f00:1 are not; the name TEST is, INVALID is not). One that fails is put
 * aside, with an alarm, until it passes: a list that has ended must never make all mail spam. One
 * loop uses it. */
#ifndef SERVICES_BLACKLISTS_BLACKLISTS_H
#define SERVICES_BLACKLISTS_BLACKLISTS_H

#include "clients/dns/blacklist.h"
#include "run/role.h"

struct blacklists_settings {
	struct blacklist *v;
	size_t n;
	int64_t test; /* milliseconds between tests */
};
/* posta.conf's group "blacklists"; without servers of its own a list is asked at the mirrors of all
 * nodes. */
MUST_USE err blacklists_read(const struct role_env *env, struct buf *complaints,
			     struct blacklists_settings *out);
void blacklists_describe(struct buf *out); /* for `posta check --settings` */

struct blacklists;
/* set must live as long as it does. Tests at once and then again and again, in a fiber of its own.
 */
struct blacklists *blacklists_open(const struct blacklists_settings *set);
WAITS void blacklists_close(struct blacklists *b); /* NULL allowed */

/* One test of one list now; E_DENIED with a text: it fails. E_NOTFOUND: nobody answers. */
WAITS MUST_USE err blacklists_test(const struct blacklist *l, msec deadline);
bool blacklists_aside(const struct blacklists *b, size_t index);

/* Asks every list of the address's (name's) kind that is not aside; the answers of those that were
 * asked are in v[*n], room for all lists. */
WAITS MUST_USE err blacklists_ip(struct blacklists *b, const struct net_addr *who, msec deadline,
				 struct blacklist_question *v, size_t *n);
WAITS MUST_USE err blacklists_domain(struct blacklists *b, str domain, msec deadline,
				     struct blacklist_question *v, size_t *n);

#endif
