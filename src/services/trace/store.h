/* services/trace/store.h: the SQLite file of one role's trace events. Everything here blocks. */
#ifndef SERVICES_TRACE_STORE_H
#define SERVICES_TRACE_STORE_H

#include "services/trace/trace.h"

struct trace_db;

/* <dir>/<role>.db, made when absent. A file that is no trace store (or of another version) is
 * E_CORRUPT. */
MUST_USE err trace_db_open(const char *dir, const char *role, struct trace_db **out);
void trace_db_close(struct trace_db *db); /* NULL allowed */
/* events: records as trace_event_add writes them. One transaction. */
MUST_USE err trace_db_add(struct trace_db *db, str events);
/* Removes events before this time, a bounded number a call. */
MUST_USE err trace_db_prune(struct trace_db *db, int64_t before_unix_ms);

#endif
