/* services/trace/trace.h: a message's way through the roles of this machine, from the first byte to
 * the folder or the remote server's answer. Each role process appends to a small database of its
 * own, written behind by a helper thread in batches; `posta trace` merges them. Losing the last
 * second in a crash is allowed: mail never waits for its trace. */
#ifndef SERVICES_TRACE_TRACE_H
#define SERVICES_TRACE_TRACE_H

#include "base/arena.h"
#include "run/fiber.h"

/* dir: env->trace; role names the file. keep: milliseconds that events are kept (0 = 14 days). On
 * failure events are counted as dropped, nothing else. Process-wide. */
WAITS MUST_USE err trace_open(const char *dir, const char *role, msec keep);
WAITS void trace_close(void);

/* A new id, unique over nodes and restarts: 20 characters [A-Za-z0-9], time-ordered. out has 21
 * bytes. */
void trace_id_new(char out[21]);

/* One event of the fiber's trace id (fiber_set_trace), never waits.
 * stage: "mx.connect", "mx.rcpt", "mx.delivered", "store.saved", "relay.sent", ... address: the
 * recipient (or sender) it is about, "" for none; detail: free text ("250 2.0.0 ...", "folder INBOX
 * uid 7"). */
void trace_event(const char *stage, str address, const char *fmt, ...) PRINTF(3, 4);

/* The same for a given id, where the fiber serves several messages. */
void trace_event_for(str id, const char *stage, str address, const char *fmt, ...) PRINTF(4, 5);
void trace_event_add(str id, const char *stage, str address, str detail);

struct trace_row {
	int64_t at_ms; /* unix milliseconds */
	str id, role, stage, address, detail;
};
/* All events of an id, or of the ids that an address took part in (newest `max` ids), in order of
 * time. What has an '@' is an address. Blocks. *n 0: nothing known. */
MUST_USE err trace_find(const char *dir, str id_or_address, size_t max, struct arena *a,
			struct trace_row **rows, size_t *n);

#endif
