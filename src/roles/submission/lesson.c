/* Lessons by mail, for whoever has no Spam folder to move a mail into (POP3, foreign back-ends).
 * Here and nowhere else, since here it is known who sends: a lesson is the login's own. */
#include "base/limits.h"
#include "formats/mime/forwarded.h"
#include "formats/mime/header.h"
#include "roles/submission/submission.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/trace/trace.h"
#include "services/verdict/verdict.h"

enum {
	PATIENCE = 40000, /* for all of one message: programs wait for their 250 that long */
	ONE = 10000,
};

#define LESSON(id, result)                                                                         \
	METRIC(id, "posta_submission_lessons_total", "result=\"" result "\"", METRIC_COUNTER,      \
	       "Mails sent to the addresses for lessons, by what came of telling a filter.")
LESSON(m_taught, "taught");
LESSON(m_failed, "failed");
LESSON(m_nothing, "nothing");

/* What the RCPT came down to: rcpt_data points to one of these. */
static const bool for_spam = true, for_ham = false;

/* ---- RCPT ---- */
static const bool *kind_of(const struct smtp_rcpt *r)
{
	const struct submission_settings *set = submission_settings();

	if (r->to.local.n && str_eqi(r->to.local, set->lesson_spam))
		return &for_spam;
	if (r->to.local.n && str_eqi(r->to.local, set->lesson_ham))
		return &for_ham;
	return NULL;
}

bool submission_is_lesson(const struct smtp_tx *t)
{
	return t->nrcpts && t->rcpt_data[0];
}

/* A lesson's one answer is about the lesson: nothing else may hang on it. */
bool submission_lesson_rcpt(const struct smtp_tx *t, const struct smtp_rcpt *r,
			    const struct dir_answer *a, void **data, struct verdict *v)
{
	bool free = a->what == DIR_UNKNOWN || (a->what <= DIR_ALIAS && a->caught);
	const bool *kind = submission_here()->filters && free ? kind_of(r) : NULL;

	if (t->nrcpts && (kind || submission_is_lesson(t)) && kind != t->rcpt_data[0])
		verdict_set(v, "550 5.7.1 Mail to %.*s@ and %.*s@ goes to one of them alone",
			    STRF(submission_settings()->lesson_spam),
			    STRF(submission_settings()->lesson_ham));
	*data = (void *)(uintptr_t)kind;
	return kind != NULL;
}

/* ---- the message ---- */
struct lesson {
	const struct smtp_info *i;
	const struct smtp_tx *t;
	bool spam;
	msec until;
	struct buf mail; /* the one that is taught */
	unsigned found, taught;
};

/* The mail as it was scanned: without what was put before it at its delivery. */
WAITS static err add_clean(str message, struct spool *to)
{
	CLEANUP(buf_free) struct buf header;
	size_t n = verdict_header_size(message);
	struct mime_field f;

	buf_init(&header, n + 2);
	for (struct mime_fields it = mime_fields(str_take(message, n)); mime_field(&it, &f);)
		if (!str_eqi(f.name, STR("Return-Path")) && !str_eqi(f.name, STR("Delivered-To")))
			verdict_add_clean(&header, f.raw, submission_settings()->hostname);
	buf_add(&header, STR("\r\n"));
	TRY(spool_add(to, buf_str(&header)));
	return spool_add(to, str_skip(message, n));
}

WAITS static err teach(struct lesson *l)
{
	str user = l->i->user->login;
	msec one = clock_in(ONE);
	const struct filter_question q = {
		.message = spool_new(submission_settings()->limits.spool_dir, LIM_LESSON + 2),
		.ip = STR(""),
		.helo = STR(""),
		.rdns = STR(""),
		.from = STR(""),
		.id = str_z(l->t->id),
		.user = user,
		.rcpts = &user,
		.nrcpts = 1
	};
	err e = add_clean(buf_str(&l->mail), q.message);

	if (e == OK)
		e = filter_learn(submission_here()->filters, &q, l->spam,
				 one < l->until ? one : l->until);
	spool_drop(q.message);
	l->taught += e == OK;
	metric_add(e ? &m_failed : &m_taught, 1);
	return e;
}

/* The next ones will not do better than the first that fails. */
WAITS static err teach_attached(struct lesson *l, const struct mime_part *root)
{
	const struct mime_part *p = mime_attached(root, NULL);

	for (; p && l->found < LIM_LESSON_MAILS; p = mime_attached(root, p)) {
		l->found++;
		buf_reset(&l->mail);
		mime_attached_text(p, &l->mail);
		TRY(teach(l));
	}
	return OK;
}

struct parsing {
	struct spool *message;
	struct arena *a;
	const struct mime_part *root;
};

static err parse(void *arg)
{
	struct parsing *p = arg;
	str message;

	TRY(spool_view(p->message, &message));
	p->root = mime_parse(message, p->a);
	return OK;
}

WAITS static err teach_all(struct lesson *l)
{
	CLEANUP(arena_free) struct arena a;
	struct parsing p = { .message = l->t->message, .a = &a };

	arena_init(&a, LIM_MIME_ARENA);
	TRY(work(POOL_CPU, parse, &p));
	if (!mime_resent(p.root))
		return teach_attached(l, p.root);
	l->found = 1;
	mime_resent_text(p.root, &l->mail);
	return teach(l);
}

static void answer(const struct lesson *l, err e, struct verdict *v)
{
	const char *what = l->spam ? "spam" : "no spam";

	if (!l->found)
		verdict_set(v, "554 5.6.0 No message is attached: forward it as an attachment, or "
			       "redirect it; a text that was copied is not the message any more");
	else if (e && !l->taught)
		verdict_set(v, "451 4.3.0 The filter cannot learn now, try again later");
	else
		verdict_set(v, "250 2.6.0 %u of %u messages learned as %s", l->taught, l->found,
			    what);
}

WAITS err submission_lesson(const struct smtp_info *i, const struct smtp_tx *t, struct verdict *v)
{
	struct lesson l = {
		.i = i, .t = t, .spam = t->rcpt_data[0] == &for_spam, .until = clock_in(PATIENCE)
	};

	buf_init(&l.mail, LIM_LESSON);
	err e = teach_all(&l);

	buf_free(&l.mail);
	if (e == E_CANCELED)
		return e;
	if (e)
		LOG(LOG_WARN, "submission.lesson", KS("user", i->user->login), KE(e));
	if (!l.found && e)
		return e; /* the message itself cannot be read */
	metric_add(&m_nothing, !l.found);
	answer(&l, e, v);
	trace_event("submission.lesson", i->user->login, "%s", v->text);
	return OK;
}
