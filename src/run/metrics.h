/* run/metrics.h: counters and gauges, exported as Prometheus text.
 * METRIC(name, "posta_mx_rcpts_total", "kind=\"unknown\"", METRIC_COUNTER, "Recipients answered.");
 * defines one at file scope; the exporter finds them by their section. */
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

struct metric {
	const char *name, *labels, *help; /* labels without braces, "" for none */
	enum metric_kind { METRIC_COUNTER, METRIC_GAUGE } kind;
	_Atomic int64_t value;
};
#define METRIC(id, name_, labels_, kind_, help_)                                                   \
	static struct metric id = { name_, labels_, help_, kind_, 0 };                             \
	__attribute__((section("posta_metrics"), used)) static struct metric *const id##_ptr = &id

static inline void metric_add(struct metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}
static inline void metric_set(struct metric *m, int64_t v)
{
	atomic_store_explicit(&m->value, v, memory_order_relaxed);
}
/* All of them in Prometheus text exposition format 0.0.4, label role="..." added to each. */
void metrics_print(str role, struct buf *out);

#endif
