/* services/zones/peers.h: who may take a zone, and who is told that it changed. Lists as the
 * directory and posta.conf have them, and a table of them by zone that any loop may ask. */
#ifndef SERVICES_ZONES_PEERS_H
#define SERVICES_ZONES_PEERS_H

#include <stdatomic.h>

#include "formats/dns/name.h"
#include "run/net.h"

/* "192.0.2.0/24", "key:xfer.example", "192.0.2.1@xfer.example" (that address with that key). */
struct zone_access {
	bool has_net;
	struct net_block net;
	struct dns_name key; /* lower case; n 0: none */
};
/* "192.0.2.1", "[2001:db8::1]:5353", "192.0.2.1:53@xfer.example" (signed with that key). */
struct zone_target {
	struct net_addr addr;
	struct dns_name key; /* lower case; n 0: none */
};
/* E_SYNTAX with a text that says what to write. */
MUST_USE err zone_access_parse(str item, struct zone_access *out);
MUST_USE err zone_target_parse(str item, struct zone_target *out);
/* Same address, whatever the port. */
bool zone_addr_eq(const struct net_addr *a, const struct net_addr *b);

/* Immutable, counted. */
struct zone_peers {
	struct zone_access *access;
	struct zone_target *targets;
	size_t naccess, ntargets;
	_Atomic unsigned refs;
};
/* Lists with commas. What does not parse is left out: both forms are judged where they are typed.
 */
struct zone_peers *zone_peers_new(str access, str targets);
struct zone_peers *zone_peers_hold(struct zone_peers *p);
void zone_peers_drop(struct zone_peers *p); /* NULL allowed */
/* key: the name under which the question is signed, "" none. */
bool zone_peers_allow(const struct zone_peers *p, const struct net_addr *peer, str key);

/* ---- by zone ---- */
struct peers_table;
struct peers_table *peers_table_new(void);
void peers_table_free(struct peers_table *t); /* NULL allowed */
/* For zones that say nothing themselves. */
void peers_table_default(struct peers_table *t, str access, str targets);
/* A zone's own lists; "": the default one. */
void peers_table_set(struct peers_table *t, str apex, str access, str targets);
void peers_table_forget(struct peers_table *t, str apex);
bool peers_table_allow(struct peers_table *t, str apex, const struct net_addr *peer, str key);
/* Is anyone allowed to take it at all? */
bool peers_table_given(struct peers_table *t, str apex);
/* Those that are told, held; NULL: nobody. */
struct zone_peers *peers_table_targets(struct peers_table *t, str apex);

#endif
