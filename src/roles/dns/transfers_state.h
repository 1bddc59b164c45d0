/* roles/dns/transfers_state.h: what the parts of transfers share: notify.c, secondary.c, catalog.c.
 */
#ifndef ROLES_DNS_TRANSFERS_STATE_H
#define ROLES_DNS_TRANSFERS_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "roles/dns/transfers.h"
#include "run/fiber.h"
#include "services/zones/journal.h"

struct notifier;
struct followed;
struct catalog_maker;
struct transfers {
	struct dns_transfers_options o;
	struct loop *home;
	struct peers_table *peers;
	struct journal *journal;
	struct notifier *notifier;
	struct followed *followed;
	struct catalog_maker *maker;
	_Atomic int64_t sending;
	bool ready;		    /* all sources have been read once */
	char folder[LIM_FILE_PATH]; /* of copies */
};
const struct tsig_key *transfers_key(const struct transfers *t, str name);

/* ---- notify.c: others are told ---- */
struct notifier *notifier_new(struct transfers *t);
void notifier_tell(struct notifier *n, str apex);
/* False: its fibers have not ended, nothing was freed; the process ends with them. */
WAITS MUST_USE bool notifier_free(struct notifier *n);

/* ---- secondary.c: zones that are followed ---- */
WAITS struct followed *followed_new(struct transfers *t);
/* Settings changed. */
WAITS void followed_configure(struct followed *f);
/* As notifier_free. */
WAITS MUST_USE bool followed_free(struct followed *f);
/* A NOTIFY came. E_NOTFOUND: the zone is not followed; E_DENIED: not from a primary. Any loop. */
MUST_USE err followed_notified(struct followed *f, str apex, const struct net_addr *peer, str key);
bool followed_has(struct followed *f, str apex);
/* Is it a catalog that is followed? */
bool followed_catalog(struct followed *f, str apex);
/* Is there a followed zone at or above name without contents? Any loop. */
bool followed_awaits(struct followed *f, str name);
void followed_print(struct followed *f, struct buf *json);
/* Members of a catalog: what was not named between begin and end goes. label: of its entry, hashed;
 * another one than before: the zone is taken anew (RFC 9432 5.6). */
void followed_members_begin(struct followed *f, str catalog);
WAITS void followed_member(struct followed *f, str catalog, str apex, uint64_t label);
WAITS void followed_members_end(struct followed *f, str catalog);

/* ---- catalog.c ---- */
struct catalog_maker *catalog_maker_new(struct transfers *t);
/* A zone came, went, or may be taken by others than before. NULL allowed. */
void catalog_maker_wake(struct catalog_maker *m);
WAITS void catalog_maker_free(struct catalog_maker *m);
/* A followed catalog came in a new version (held by the caller). */
WAITS void catalog_apply(struct transfers *t, const struct zone *catalog);

/* ---- small things ---- */
/* RFC 1982 3.2. */
static inline bool serial_later(uint32_t a, uint32_t b)
{
	return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}
static inline void name_set(struct dns_name *n, str wire)
{
	*n = (struct dns_name){ .n = (unsigned char)wire.n };
	for (size_t i = 0; i < wire.n; i++)
		n->p[i] = (unsigned char)wire.p[i];
	dns_name_lower(n);
}
/* For logs: "example.org." */
struct name_text {
	struct buf b;
};
str name_text(struct name_text *t, str wire);
void name_text_free(struct name_text *t);
str addr_text(struct name_text *t, const struct net_addr *a);

#endif
