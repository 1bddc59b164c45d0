#include "sessions/smtp/session.h"

WAITS err smtp_message_begin(struct smtp *s, bool bdat)
{
	s->data = (struct smtp_data){ .bdat = bdat };
	s->message_error = OK;
	/* Our own header line does not count against the client's limit. */
	s->tx.message = spool_new(s->lim->spool_dir, (uint64_t)s->lim->message + LIM_SMTP_REPLY);
	if (!s->role->received)
		return OK;
	CLEANUP(buf_free) struct buf head;

	buf_init(&head, LIM_SMTP_REPLY);
	smtp_add_received(s, &head);
	s->message_error = buf_done(&head);
	return s->message_error ? OK : smtp_message_add(s, buf_str(&head));
}

WAITS err smtp_message_add(struct smtp *s, str piece)
{
	if (s->message_error)
		return OK;
	err e = s->data.size > (uint64_t)s->lim->message ? E_LIMIT
							 : spool_add(s->tx.message, piece);

	if (e == E_CANCELED)
		return e;
	s->message_error = e;
	return OK;
}

/* Why the message cannot be kept, before the role is asked; "" when it can. */
WAITS static err judge(struct smtp *s, struct verdict *v)
{
	unsigned hops = 0;

	if (s->message_error == E_LIMIT)
		verdict_set(v, "552 5.3.4 Message is larger than we take");
	else if (s->message_error == E_FULL)
		verdict_set(v, "452 4.3.1 Disk is full, try again later");
	else if (s->message_error)
		verdict_set(v, "451 4.3.0 Local problem, try again later");
	else if (s->data.bare)
		verdict_set(
			v, "554 5.6.0 Message has a CR or LF that is no line end (RFC 5321 2.3.8)");
	if (v->text[0] || !s->role->received)
		return OK;
	err e = smtp_count_received(s->tx.message, &hops);
	if (e == E_CANCELED)
		return e;
	if (e)
		verdict_set(v, "451 4.3.0 Local problem, try again later");
	else if (hops > LIM_RECEIVED)
		verdict_set(v, "554 5.4.6 Mail loop: over %d Received fields", LIM_RECEIVED);
	return OK;
}

WAITS static err answer_all(struct smtp *s, const struct verdict *v, size_t n, bool same)
{
	for (size_t i = 0; i < n; i++)
		TRY(smtp_answer_verdict(s, same ? v : v + i));
	return OK;
}

WAITS err smtp_message_end(struct smtp *s)
{
	size_t n = s->role->lmtp ? s->tx.nrcpts : 1; /* RFC 2033 4.2 */
	struct verdict none = { 0 };

	TRY(judge(s, &none));
	if (none.text[0]) {
		LOG(LOG_INFO, "smtp.message_refused", KS("why", str_z(none.text)),
		    KS("from", s->tx.mail.from.text));
		smtp_count_error(s);
		TRY(answer_all(s, &none, n, true));
		smtp_tx_reset(s);
		return OK;
	}
	struct verdict *v = NEW_TRY(&s->txa, struct verdict, n);

	if (!v) {
		verdict_set(&none, "452 4.3.1 Out of memory, try again later");
		TRY(answer_all(s, &none, n, true));
		smtp_tx_reset(s);
		return OK;
	}
	err e = s->role->data(&s->info, &s->tx, v);

	for (size_t i = 0; i < n; i++)
		TRY(smtp_asked(s, "data", e, &v[i]));
	e = answer_all(s, v, n, false);
	smtp_tx_reset(s);
	return e;
}
