/* What each recipient's level and lists make of the message: for callers that do not know them. */
#include "base/limits.h"
#include "services/filter/step.h"

static bool wanted(const struct scan *s)
{
	return s->f->directory && s->q->env.nrcpts > 0;
}

/* The first address of From. */
static str author(const struct scan *s)
{
	struct scan_strs all = scan_addresses(s->mail, STR("From"));

	return all.n ? all.v[0] : STR("");
}

WAITS static void choose(struct scan *s, struct verdict_message m,
			 const struct verdict_sender *from, str address)
{
	struct filter_answer *out = s->out;
	struct learning_judgement learned;
	struct verdict_choice choice;
	struct dir_answer d;
	str user = filter_user(s->f, address, s->a, &d);
	const struct dir_user *u = d.what == DIR_USER ? &d.user : NULL;
	enum dir_listed listed = LISTED_NOT;

	if (u)
		listed = verdict_listed(s->f->directory, u->id, from);
	m.score += filter_learned(s, user, &learned) - s->learned;
	verdict_choose(&s->set->verdict, &m, u, listed, &choice);
	out->recipients[out->nrecipients++] =
		(struct filter_recipient){ .address = address,
					   .place = str_z(verdict_place_name(choice.place)),
					   .score = m.score };
}

WAITS static void run(struct scan *s)
{
	struct filter_answer *out = s->out;
	const struct scan_envelope *env = &s->q->env;
	const struct verdict_message m = { .scanned = true,
					   .score = out->score,
					   .virus = out->virus.n > 0,
					   .dangerous = out->dangerous.n > 0,
					   .reason = out->virus.n ? out->virus : out->dangerous };
	struct verdict_sender from = { .envelope = env->from, .from = author(s) };

	from.envelope_confirmed =
		verdict_confirmed(out->auth_results, verdict_domain(from.envelope));
	from.from_confirmed = verdict_confirmed(out->auth_results, verdict_domain(from.from));
	out->recipients = NEW_TRY(s->a, struct filter_recipient, env->nrcpts);
	for (size_t i = 0; out->recipients && i < env->nrcpts; i++)
		choose(s, m, &from, env->rcpts[i]);
}

const struct step step_recipients = {
	.name = "recipients", .after = true, .wanted = wanted, .run = run
};
