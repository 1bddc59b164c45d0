/* The roles of this build: a role's line here is all that the supervisor needs of it. They start in this order. */
#include "posta/config.h"
#include "roles/monitor/monitor.h"
#include "roles/mx/mx.h"
#include "roles/proxy/proxy.h"
#include "roles/store/store.h"

const struct role *const roles[] = {
	&role_store, &role_mx, &role_proxy, &role_monitor, NULL,
#include "roles/submission/submission.h"
#include "roles/relay/relay.h"

const struct role *const roles[] = {
	&role_monitor,
	&role_relay,
	&role_submission,
	NULL,
};

const struct role *role_find(str name)
{
	for (size_t i = 0; roles[i]; i++)
		if (str_eq(str_z(roles[i]->name), name))
			return roles[i];
	return NULL;
}
