#include "run/metrics.h"
#include "services/filter/step.h"

METRIC(m_silent, "posta_filter_away_total", "what=\"lists\"", METRIC_COUNTER,
       "Messages for which something could not be asked.");

static bool wanted(const struct scan *s)
{
	return s->tools->lists != NULL;
}

WAITS static void run(struct scan *s)
{
	/* Filled by a helper thread, while other steps fill the answer's. */
	CLEANUP(arena_free) struct arena a;
	const struct blacklists_message q = { .ip = s->ip_known ? &s->ip : NULL,
					      .helo = s->q->env.helo,
					      .rdns = s->q->env.rdns,
					      .from = s->q->env.from,
					      .scan = s->mail };
	struct blacklists_hits hits = { 0 };

	arena_init(&a, LIM_FILTER_ARENA);
	if (blacklists_message(s->tools->lists, &q, s->deadline, &a, &hits) != OK)
		return;
	for (size_t i = 0; i < hits.n; i++) {
		const struct blacklists_hit *h = &hits.v[i];

		filter_symbol(s, h->result->symbol, h->what, h->result->score);
	}
	if (hits.silent) {
		metric_add(&m_silent, 1);
		filter_missing(s, "BLACKLISTS_SILENT", STR("not every list answered"));
	}
	if (hits.cut)
		filter_symbol(s, STR("BLACKLISTS_CUT"), STR("there was more to ask"), 0);
}

const struct step step_lists = { .name = "lists", .wanted = wanted, .run = run };
