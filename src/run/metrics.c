#include "run/metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Weak: a program without metrics has no such section. */
extern struct metric *const __start_posta_metrics[] __attribute__((weak));
extern struct metric *const __stop_posta_metrics[] __attribute__((weak));

static int by_name(const void *a, const void *b)
{
	const struct metric *const *x = a, *const *y = b;
	int order = str_cmp(str_z((*x)->name), str_z((*y)->name));

	return order ? order : str_cmp(str_z((*x)->labels), str_z((*y)->labels));
}

/* Label values: \ " and line feed; help texts: \ and line feed. */
static void add_escaped(struct buf *out, str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			buf_add(out, STR("\\n"));
		else {
			if (s.p[i] == '\\' || s.p[i] == '"')
				buf_addc(out, '\\');
			buf_addc(out, s.p[i]);
		}
	}
}

static void print_head(const struct metric *m, struct buf *out)
{
	buf_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
		m->kind == METRIC_COUNTER ? "counter" : "gauge");
}

static void print_one(struct metric *m, str role, struct buf *out)
{
	buf_fmt(out, "%s{role=\"", m->name);
	add_escaped(out, role);
	buf_fmt(out, "\"%s%s} %" PRId64 "\n", m->labels[0] ? "," : "", m->labels,
		atomic_load_explicit(&m->value, memory_order_relaxed));
}

void metrics_print(str role, struct buf *out)
{
	size_t n =
		__start_posta_metrics ? (size_t)(__stop_posta_metrics - __start_posta_metrics) : 0;
	struct metric **all = mem_get(size_mul(n, sizeof(struct metric *)));

	for (size_t i = 0; i < n; i++)
		all[i] = __start_posta_metrics[i];
	qsort(all, n, sizeof(struct metric *), by_name);
	for (size_t i = 0; i < n; i++) {
		if (!i || !str_eq(str_z(all[i]->name), str_z(all[i - 1]->name)))
			print_head(all[i], out);
		print_one(all[i], role, out);
	}
	mem_free(all);
}
