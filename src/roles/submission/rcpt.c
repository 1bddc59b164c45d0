#include "base/limits.h"
#include "roles/submission/submission.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

METRIC(foreign_sender, "posta_submission_refused_total", "why=\"sender\"", METRIC_COUNTER,
       "Commands refused, by reason.");
METRIC(over_rate, "posta_submission_refused_total", "why=\"rate\"", METRIC_COUNTER,
       "Commands refused, by reason.");

/* Disabled since the login, or the table is not there: what was true then may not be now. */
static bool still_welcome(struct smtp_info *i, struct verdict *v)
{
	struct dir_user user;
	err e = dirtable_complete(submission_here()->table)
			? dirtable_user(submission_here()->table, i->user->id, i->tx, &user)
			: E_AGAIN;

	if (e == E_NOTFOUND || (e == OK && (user.flags & USER_DISABLED)))
		verdict_set(v, "535 5.7.8 This account may not send any more");
	else if (e != OK)
		verdict_set(v, "451 4.3.0 The directory is away, try again later");
	return e == OK && verdict_ok(v);
}

WAITS err submission_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	str from = t->mail.from.text;

	if (!still_welcome(i, v))
		return OK;
	/* <> is for receipts that a customer's program sends, RFC 8098 3. */
	if (from.n && !dirtable_may_send_as(submission_here()->table, i->user->id, from)) {
		metric_add(&foreign_sender, 1);
		LOG(LOG_INFO, "submission.sender", KS("login", i->user->login), KS("from", from));
		verdict_set(v, "550 5.7.1 This sender address does not belong to your login");
		return OK;
	}
	trace_event("submission.mail", from.n ? from : i->user->login, "login %.*s",
		    STRF(i->user->login));
	return OK;
}

/* The limits of one user: a hacked account is slowed before the address is blacklisted. */
static bool within_rates(const struct smtp_info *i)
{
	const struct submission_settings *set = submission_settings();
	struct submission *s = submission_here();

	if (set->per_hour && rates_add(s->hour, i->user->login, 0) >= set->per_hour)
		return false;
	if (set->per_day && rates_add(s->day, i->user->login, 0) >= set->per_day)
		return false;
	(void)rates_add(s->hour, i->user->login, 1);
	(void)rates_add(s->day, i->user->login, 1);
	return true;
}

WAITS err submission_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			  void **data, struct verdict *v)
{
	struct dir_answer answer;

	if (!r->to.domain.n ||
	    dirtable_address(submission_here()->table, r->to.text, i->tx, &answer) != OK)
		answer.what = DIR_FOREIGN;
	/* An address of ours that does not exist is told at once; all else is relay's matter. */
	if (!submission_lesson_rcpt(t, r, &answer, data, v) && answer.what == DIR_UNKNOWN)
		verdict_set(v, "550 5.1.1 No such user here");
	if (verdict_ok(v) && !within_rates(i)) {
		metric_add(&over_rate, 1);
		LOG(LOG_WARN, "submission.rate", KS("login", i->user->login));
		verdict_set(v, "450 4.7.1 Too many recipients lately, try again later");
	}
	return OK;
}
