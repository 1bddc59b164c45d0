#include "run/metrics.h"
#include "services/filter/step.h"

METRIC(m_away, "posta_filter_away_total", "what=\"clamd\"", METRIC_COUNTER,
       "Messages for which something could not be asked.");
METRIC(m_found, "posta_filter_viruses_total", "", METRIC_COUNTER, "Messages with a virus.");

static bool wanted(const struct scan *s)
{
	return s->tools->clamds != NULL;
}

WAITS static void run(struct scan *s)
{
	struct clamd_answer got;
	err e = clamds_scan(s->tools->clamds, s->message, s->deadline, s->a, &got);

	if (e) {
		metric_add(&m_away, 1);
		s->clamd_away = true;
		filter_missing(s, "CLAMD_AWAY", STR("no clamd answered"));
		return;
	}
	if (got.too_big)
		filter_symbol(s, STR("CLAMD_CUT"), STR("not all of it was looked at"), 0);
	if (!got.infected)
		return;
	metric_add(&m_found, 1);
	/* A name that clamd left out, or for which there was no memory: a virus all the same. */
	s->out->virus = got.name.n ? got.name : STR("unnamed");
	filter_symbol(s, STR("CLAM_VIRUS"), s->out->virus, 0);
}

const struct step step_virus = { .name = "clamd", .wanted = wanted, .run = run };
