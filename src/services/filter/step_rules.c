#include "run/metrics.h"
#include "run/work.h"
#include "services/filter/step.h"

METRIC(m_none, "posta_filter_away_total", "what=\"rules\"", METRIC_COUNTER,
       "Messages for which something could not be asked.");
METRIC(m_ran_out, "posta_filter_ran_out_total", "", METRIC_COUNTER,
       "Messages that took all of the CPU time that a message has.");

static bool wanted(const struct scan *s)
{
	return s->f->rules != NULL;
}

struct job {
	const struct scan *s;
	const struct rules *rules;
	struct rules_scratch *scratch;
	struct rules_result got;
};

static err match(void *arg)
{
	struct job *j = arg;
	const struct rules_options o = { .budget_us = j->s->set->budget * 1000,
					 .auth = j->s->auth_known ? &j->s->auth : NULL,
					 .net = j->s->set->net };

	return rules_run(j->rules, j->scratch, j->s->mail, &o, &j->got);
}

WAITS static void run(struct scan *s)
{
	struct ruleset *set = s->f->rules;
	struct rules *rules = ruleset_get(set);
	struct job j = { .s = s, .rules = rules };

	if (!rules) {
		metric_add(&m_none, 1);
		filter_missing(s, "RULES_AWAY",
			       STR("the rules are being compiled, or have a fault"));
		return;
	}
	j.scratch = ruleset_scratch(set);
	err e = work(POOL_CPU, match, &j);

	for (size_t i = 0; e == OK && i < j.got.n; i++)
		filter_symbol(s, j.got.v[i].name, j.got.v[i].describe, j.got.v[i].score);
	/* Nothing is away: asked again, it would run out again. */
	if (e || j.got.ran_out) {
		metric_add(&m_ran_out, 1);
		filter_symbol(s, STR("RULES_RAN_OUT"), STR("not every rule was tried"), 0);
	}
	ruleset_put(set, j.scratch);
	rules_drop(rules);
}

const struct step step_rules = { .name = "rules", .after = true, .wanted = wanted, .run = run };
