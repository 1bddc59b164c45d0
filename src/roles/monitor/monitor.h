/* roles/monitor/monitor.h: metrics of all roles of this node on one port, in Prometheus text. */
#ifndef ROLES_MONITOR_MONITOR_H
#define ROLES_MONITOR_MONITOR_H

#include "run/role.h"

extern const struct role role_monitor;

/* Joins texts of several processes: a family's HELP and TYPE stand once, before all of its samples,
 * as the exposition format 0.0.4 wants it. Lines that fit no family are dropped. Pure. */
struct families;
struct families *families_new(void);
void families_free(struct families *f);
void families_add(struct families *f, str text);
void families_print(const struct families *f, struct buf *out);

#endif
