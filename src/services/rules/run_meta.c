/* Metas after all else. A meta waits for the rules it needs; those that never run (no score, no
 * network) count as 0 in the end, but a meta that has no score never does. */
#include "services/rules/run.h"

static const struct rule *needed(const struct rule_op *op)
{
	return op->user;
}

static bool is_known(const struct run *g, const struct rule *d, bool last)
{
	if (d && g->v[d->index].ready)
		return true;
	return last && (!d || d->kind != RULE_META);
}

static bool can_run(const struct run *g, const struct rule *u, bool last)
{
	if (u->meta.n == 0) /* "()": a name that others may hit */
		return last;
	for (size_t i = 0; i < u->meta.n; i++)
		if (u->meta.v[i].kind == RULE_OP_NAME && !is_known(g, needed(&u->meta.v[i]), last))
			return false;
	return true;
}

static double value_of(void *arg, const struct rule_op *op)
{
	const struct run *g = arg;
	const struct rule *d = needed(op);

	return d ? g->v[d->index].value : 0;
}

static void run_meta(struct run *g, const struct rule *u)
{
	double value = rule_meta_value(&u->meta, value_of, g);

	if (value != 0)
		run_hit(g, u, value);
	else
		g->v[u->index].ready = true;
}

void run_metas(struct run *g)
{
	for (int last = 0; last < 2; last++)
		for (size_t i = 0; i < g->r->nmetas; i++) {
			const struct rule *u = g->r->metas[i];

			if (g->v[u->index].ready || (last && !run_is_on(g, u)))
				continue;
			if (can_run(g, u, last))
				run_meta(g, u);
		}
}
