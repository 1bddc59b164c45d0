/* The roles of this build: a role's line here is all that the supervisor needs of it. They start in
 * this order. */
#include "posta/config.h"
#include "roles/dns/dns.h"
#include "roles/dnsbl/dnsbl.h"
#include "roles/filter/filter.h"
#include "roles/monitor/monitor.h"
#include "roles/mx/mx.h"
#include "roles/proxy/proxy.h"
#include "roles/radius/radius.h"
#include "roles/relay/relay.h"
#include "roles/resolver/resolver.h"
#include "roles/store/store.h"
#include "roles/submission/submission.h"

const struct role *const roles[] = {
	&role_store,	&role_relay, &role_mx,	   &role_proxy,	 &role_submission, &role_dnsbl,
	&role_resolver, &role_dns,   &role_radius, &role_filter, &role_monitor,	   NULL,
};

const struct role *role_find(str name)
{
	for (size_t i = 0; roles[i]; i++)
		if (str_eq(str_z(roles[i]->name), name))
			return roles[i];
	return NULL;
}
