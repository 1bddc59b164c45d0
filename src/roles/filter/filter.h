/* roles/filter/filter.h: the filter as others call it: rspamd's HTTP protocol, SPAMC/SPAMD, milter.
 */
#ifndef ROLES_FILTER_FILTER_H
#define ROLES_FILTER_FILTER_H

#include "run/role.h"

extern const struct role role_filter;

#endif
