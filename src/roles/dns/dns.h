/* roles/dns/dns.h: the authoritative name server: settings, the table of zones, and what belongs to
 * it. One static state, in dns.c; its other files are told the table. */
#ifndef ROLES_DNS_DNS_H
#define ROLES_DNS_DNS_H

#include "roles/dns/load.h"
#include "roles/dns/transfers.h"
#include "run/role.h"
#include "sessions/dns/dns.h"

extern const struct role role_dns;

struct dns_settings {
	struct dns_service answer;
	struct conf_strs secrets, exempt;
	struct dns_load_settings load;
	struct dns_transfer_settings transfers;
};
enum { DNS_KEYS = 18 + 12 };
extern const struct conf_key dns_keys[DNS_KEYS];
/* struct role's functions of the same names. */
err dns_read_settings(const struct role_env *env, struct buf *complaints, void *settings);
void dns_reads(const void *settings, void (*add)(void *arg, str folder), void *arg);

#endif
