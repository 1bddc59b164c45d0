#include "sessions/smtp/session.h"

/* Content from what is buffered; true when the end has come. */
WAITS static err take(struct smtp *s)
{
	str in = stream_peek(s->io), piece;
	size_t had = in.n;

	while (smtp_data_next(&s->data, &in, &piece))
		TRY(smtp_message_add(s, piece));
	stream_eat(s->io, had - in.n);
	return OK;
}

/* Somebody who goes on and on after "too large" is cut off. */
static bool endless(const struct smtp *s)
{
	return s->data.size > (uint64_t)s->lim->message + LIM_SMTP_EXCESS;
}

/* The patience is for LIM_SMTP_PROGRESS octets, not for one: a byte a minute does not hold a
 * session. */
WAITS static err read_content(struct smtp *s)
{
	uint64_t mark = 0;

	smtp_patience(s, s->lim->data_block);
	for (;;) {
		TRY(take(s));
		if (s->data.done)
			return OK;
		if (endless(s))
			return E_LIMIT;
		if (s->data.size >= mark + LIM_SMTP_PROGRESS) {
			mark = s->data.size;
			smtp_patience(s, s->lim->data_block);
		}
		TRY(stream_fill(s->io));
	}
}

WAITS err smtp_cmd_data(struct smtp *s, str args)
{
	if (args.n)
		return smtp_complain(s, "501 5.5.4 DATA takes nothing");
	/* RFC 2033 4.2 wants 503 here, RFC 5321 3.3 either. */
	if (s->state != ST_RCPT)
		return smtp_complain(s, s->role->lmtp ? "503 5.5.1 No valid recipients"
						      : "554 5.5.1 No valid recipients");
	TRY(smtp_message_begin(s, false));
	TRY(smtp_answer(s, "354 End data with <CR><LF>.<CR><LF>"));
	TRY(stream_flush(s->io));
	err e = read_content(s);

	if (e == OK)
		return smtp_message_end(s);
	s->quit = true;
	if (e == E_LIMIT)
		return smtp_answer(s, "552 5.3.4 Message is much larger than we take");
	if (e == E_TIMEOUT)
		return smtp_answer(s, "421 4.4.2 Time-out in the message");
	return e;
}
