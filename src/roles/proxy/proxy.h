/* roles/proxy/proxy.h: the only mail access that customers reach. TLS, login, then to wherever the
 * mailbox lives. */
#ifndef ROLES_PROXY_PROXY_H
#define ROLES_PROXY_PROXY_H

#include "run/role.h"

extern const struct role role_proxy;

#endif
