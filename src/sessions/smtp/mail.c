#include <string.h>

#include "services/trace/trace.h"
#include "sessions/smtp/session.h"

void smtp_tx_reset(struct smtp *s)
{
	if (s->state & (ST_MAIL | ST_RCPT | ST_BDAT)) {
		if (s->role->reset)
			s->role->reset(&s->info, &s->tx);
		fiber_set_trace(STR(""));
		s->state = ST_HELLO;
	}
	spool_drop(s->tx.message);
	s->tx = (struct smtp_tx){ 0 };
	s->info.role_tx = NULL;
	s->rcpts_room = 0;
	s->message_error = OK;
	arena_reset(&s->txa);
}

static bool is_trace_id(str t)
{
	if (!t.n || t.n > 20)
		return false;
	for (size_t i = 0; i < t.n; i++) {
		if (!ch_alnum(t.p[i]))
			return false;
	}
	return true;
}

/* One id from the first byte at the mx to the folder: a role that takes delivery ids takes the
 * trace id in it. */
static void name_transaction(struct smtp *s)
{
	str given = s->tx.mail.delivery_id;

	if (is_trace_id(given))
		memcpy(s->tx.id, given.p, given.n);
	else
		trace_id_new(s->tx.id);
	fiber_set_trace(str_z(s->tx.id));
}

/* What the session itself refuses; "" when nothing. */
static const char *refusal(const struct smtp *s)
{
	const struct smtp_mail *m = &s->tx.mail;

	if (m->size > (uint64_t)s->lim->message)
		return "552 5.3.4 Message is larger than we take";
	if (m->from.utf8 && !m->smtputf8) /* RFC 6531 3.5 */
		return "553 5.6.7 Address needs SMTPUTF8";
	return "";
}

WAITS static err too_many(struct smtp *s)
{
	s->quit = true;
	return smtp_answer(s, "421 4.7.0 Enough for one connection, come again");
}

WAITS err smtp_cmd_mail(struct smtp *s, str args)
{
	struct verdict v = { 0 };

	if (s->role->auth_required && !s->info.user)
		return smtp_complain(s, "530 5.7.0 Authentication required"); /* RFC 4954 6 */
	if (s->transactions >= s->lim->transactions)
		return too_many(s);
	smtp_tx_reset(s);
	err e = smtp_parse_mail(args, s->ext, &s->txa, &s->tx.mail);
	if (e)
		return smtp_answer_parse(s, e);
	const char *no = refusal(s);
	if (*no)
		return smtp_complain(s, "%s", no);

	s->transactions++;
	name_transaction(s);
	verdict_set(&v, "250 2.1.0 OK");
	s->state = ST_MAIL; /* so that a reset tells the role, whatever it says */
	TRY(smtp_asked(s, "mail", s->role->mail(&s->info, &s->tx, &v), &v));
	if (!verdict_ok(&v))
		smtp_tx_reset(s);
	return smtp_answer_verdict(s, &v);
}
