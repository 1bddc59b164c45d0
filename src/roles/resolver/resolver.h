/* roles/resolver/resolver.h: the recursive DNS server: a real Unbound, configured, started, watched
 * and asked for its figures. For resolver/ alone. */
#ifndef ROLES_RESOLVER_RESOLVER_H
#define ROLES_RESOLVER_RESOLVER_H

#include "run/conf.h"
#include "run/net.h"
#include "run/role.h"

extern const struct role role_resolver;

/* A zone that is asked at name servers of ours, not at those that its parent names. */
struct resolver_stub {
	str name;
	struct net_addr *addr;
	size_t naddr;
};
struct resolver_settings {
	struct conf_strs networks, insecure, anchors, forward;
	str program, root_anchor; /* root_anchor: ends with a NUL */
	bool dnssec, prefetch, serve_expired;
	int64_t expired_ttl, expired_after, cache, threads, rate_address, probe, probe_time;
	int64_t udp_size;
	const struct conf_node *stubs_node;
	/* made of those and of other groups */
	struct net_addr *listen; /* our own addresses */
	size_t nlisten;
	struct resolver_stub *stubs; /* settings and black lists */
	size_t nstubs;
	struct net_addr *dns; /* the authoritative servers of all nodes */
	size_t ndns;
	const char *data;      /* our folder */
	const char *directory; /* of the zones' names */
};
enum { RESOLVER_KEYS = 18, RESOLVER_STUB_KEYS = 2 };
extern const struct conf_key resolver_keys[RESOLVER_KEYS];
extern const struct conf_key resolver_stub_keys[RESOLVER_STUB_KEYS];
MUST_USE err resolver_read(const struct role_env *env, struct buf *complaints, void *settings);

/* zones.c: names (text) of the zones that the directory has, one a line, sorted; "" when it cannot
 * be read. Blocks: through work(). */
struct resolver_zones {
	const char *directory;
	struct buf *names;
};
MUST_USE err resolver_zones(void *job);

/* config.c: Unbound's configuration. Pure. */
void resolver_config(const struct resolver_settings *set, str zones, struct buf *out);
void resolver_control_path(const struct resolver_settings *set, struct buf *out);

/* control.c: one command on Unbound's control socket; its answer. */
WAITS MUST_USE err resolver_command(const struct resolver_settings *set, str command,
				    struct buf *answer);
/* Its statistics become our metrics. */
void resolver_figures(str statistics);

/* probe.c: a question that Unbound answers from its own settings, asked as a customer would. */
WAITS MUST_USE err resolver_probe(const struct resolver_settings *set);

#endif
