#include "base/limits.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/filter/step.h"

METRIC(m_away, "posta_filter_away_total", "what=\"models\"", METRIC_COUNTER,
       "Messages for which something could not be asked.");
METRIC(m_spam, "posta_filter_lessons_total", "what=\"spam\"", METRIC_COUNTER, "Lessons of users.");
METRIC(m_ham, "posta_filter_lessons_total", "what=\"ham\"", METRIC_COUNTER, "Lessons of users.");

static bool wanted(const struct scan *s)
{
	return s->set->learning;
}

/* ---- one user's model ---- */

struct get {
	struct learning_models *models;
	str user;
	struct arena *a;
	str model;
};

static err get(void *arg)
{
	struct get *g = arg;

	return learning_models_get(g->models, g->user, g->a, &g->model);
}

WAITS double filter_learned(struct scan *s, str user, struct learning_judgement *out)
{
	CLEANUP(arena_free) struct arena a;
	struct get g = { .models = s->f->models, .user = user, .a = &a, .model = STR("") };

	*out = (struct learning_judgement){ 0 };
	if (!s->set->learning)
		return 0;
	arena_init(&a, 2 * LEARNING_MODEL_MAX);
	if (user.n && g.models && work(POOL_DISK, get, &g) != OK) {
		metric_add(&m_away, 1);
		g.model = STR("");
	}
	learning_judge(&s->f->start, g.model, &s->features, out);
	return out->points;
}

/* ---- the step ---- */

static err features(void *arg)
{
	struct scan *s = arg;

	learning_features(s->mail, &s->features);
	return OK;
}

/* "body free 0.61, link example.com 0.44" */
static void explain(const struct learning_judgement *j, struct buf *out)
{
	buf_fmt(out, "probability %.2f", j->probability);
	for (unsigned i = 0; i < j->ntop && i < 4; i++)
		buf_fmt(out, ", %s %.*s %+.2f", j->top[i].feature->group,
			STRF(str_take(j->top[i].feature->word, 40)), j->top[i].logit);
}

/* A message for one has that user's points; one for several has the start's, and each recipient his
 * own in "recipients". */
WAITS static void run(struct scan *s)
{
	CLEANUP(buf_free) struct buf text;
	struct learning_judgement j;
	struct dir_answer d;
	str user = STR("");

	buf_init(&text, KIB(1));
	if (work(POOL_CPU, features, s) != OK)
		return;
	if (s->q->env.nrcpts == 1)
		user = filter_user(s->f, s->q->env.rcpts[0], s->a, &d);
	s->learned = filter_learned(s, user, &j);
	explain(&j, &text);
	filter_symbol(s, STR("LEARNED"), buf_str(&text), s->learned);
}

const struct step step_learning = {
	.name = "learning", .after = true, .wanted = wanted, .run = run
};

/* ---- lessons ---- */

struct lesson {
	struct filter *f;
	const struct scan_networks *networks; /* a reload changes f->tools meanwhile */
	str message, user;
	struct scan_envelope env;
	bool spam;
};

static err teach(void *arg)
{
	CLEANUP(arena_free) struct arena a;
	struct learning_features v;
	struct lesson *l = arg;

	arena_init(&a, LIM_SCAN_ARENA);
	learning_features(scan_mail_new(&a, l->message, &l->env, l->networks), &v);
	return learning_models_teach(l->f->models, &l->f->start, l->user, &v, l->spam, l->env.now);
}

WAITS err filter_teach(struct filter *f, const struct filter_request *q, str user, bool spam)
{
	CLEANUP(arena_free) struct arena a;
	struct lesson l = {
		.f = f, .networks = &f->tools->set->networks, .env = q->env, .spam = spam
	};
	struct dir_answer d;

	arena_init(&a, LIM_FILTER_ARENA);
	if (!f->models)
		return fail(E_NOTFOUND, "nothing is learned here; filter.learning is off");
	if (user.n == 0)
		return fail(E_SYNTAX, "whose lesson is it? Name the user");
	l.user = filter_user(f, user, &a, &d);
	l.env.now = clock_unix();
	TRY(spool_view(q->message, &l.message));
	TRY(work(POOL_DISK, teach, &l));
	metric_add(spam ? &m_spam : &m_ham, 1);
	return OK;
}

struct forgetting {
	struct learning_models *models;
	str user;
};

static err forget(void *arg)
{
	const struct forgetting *g = arg;

	return learning_models_reset(g->models, g->user);
}

WAITS err filter_forget(struct filter *f, str user)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_answer d;

	arena_init(&a, LIM_FILTER_ARENA);
	struct forgetting g = { f->models, filter_user(f, user, &a, &d) };

	return g.models ? work(POOL_DISK, forget, &g) : fail(E_NOTFOUND, "nothing is learned here");
}
