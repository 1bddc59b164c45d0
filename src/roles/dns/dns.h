/* roles/dns/dns.h: the authoritative name server: settings, the table of zones, and what belongs to
 * it. One static state, in dns.c; its other files are told the table. */
#ifndef ROLES_DNS_DNS_H
#define ROLES_DNS_DNS_H

#include "run/role.h"
#include "sessions/dns/dns.h"

extern const struct role role_dns;

struct dns_settings {
	struct dns_service answer;
	struct conf_strs secrets, exempt;
	const struct conf_node *zones_node;
	struct dns_zone_setting {
		str name, file;
		struct dns_name apex;
	} * zones;
	size_t nzones;
};
enum { DNS_KEYS = 16, DNS_ZONE_KEYS = 2 };
extern const struct conf_key dns_keys[DNS_KEYS], dns_zone_keys[DNS_ZONE_KEYS];
/* struct role's functions of the same names. */
err dns_read_settings(const struct role_env *env, struct buf *complaints, void *settings);
void dns_reads(const void *settings, void (*add)(void *arg, str folder), void *arg);

/* Where zones come from (load.c): fills the table, and keeps it filled. Its errors concern single
 * zones, and are logged. */
WAITS err load_start(const struct role_env *env, struct zones *zones);
WAITS err load_reload(const struct role_env *env);
WAITS void load_stop(void);

#endif
