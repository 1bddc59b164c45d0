#include "run/metrics.h"
#include "run/work.h"
#include "services/filter/step.h"

METRIC(m_found, "posta_filter_dangerous_total", "", METRIC_COUNTER,
       "Messages with a file that the attachment policy refuses.");

static bool wanted(const struct scan *s)
{
	return s->set->attachments_on;
}

struct job {
	const struct scan *s;
	struct attachments got;
	bool cut; /* there were more parts, or deeper ones, than are looked at */
};

static err check(void *arg)
{
	struct job *j = arg;

	attachments_check(&j->s->set->attachments, scan_root(j->s->mail), j->s->a, &j->got);
	j->cut = scan_cut(j->s->mail) & SCAN_CUT_PARTS;
	return OK;
}

WAITS static void run(struct scan *s)
{
	struct job j = { .s = s };

	(void)!work(POOL_CPU, check, &j);
	for (size_t i = 0; i < j.got.n; i++) {
		const struct attachment_hit *h = &j.got.v[i];

		filter_symbol(s, str_z(h->symbol), h->file, h->score);
	}
	if (j.cut)
		filter_symbol(s, STR("ATTACHMENTS_CUT"), STR("not every part was looked at"),
			      s->set->attachments.score);
	if (j.got.dangerous) {
		metric_add(&m_found, 1);
		/* No memory for its name: it is one all the same. */
		s->out->dangerous =
			j.got.dangerous->file.n ? j.got.dangerous->file : STR("unnamed");
	}
}

const struct step step_attachments = {
	.name = "attachments", .after = true, .wanted = wanted, .run = run
};
