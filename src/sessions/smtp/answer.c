#include <stdio.h>

#include "sessions/smtp/session.h"

WAITS static err write_reply(struct smtp *s, const char *text)
{
	TRY(stream_write(s->io, str_z(text)));
	return stream_write(s->io, STR("\r\n"));
}

WAITS err smtp_answer(struct smtp *s, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return write_reply(s, text);
}

WAITS err smtp_complain(struct smtp *s, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	smtp_count_error(s);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	TRY(write_reply(s, text));
	if (s->errors < s->lim->errors)
		return OK;
	s->quit = true;
	return write_reply(s, "421 4.7.0 Too many errors");
}

WAITS err smtp_answer_parse(struct smtp *s, err e)
{
	if (e == E_DENIED)
		return smtp_complain(s, "555 5.5.4 %s", err_last()->text);
	return smtp_complain(s, "501 5.5.4 %s", err_last()->text);
}

WAITS err smtp_answer_verdict(struct smtp *s, const struct verdict *v)
{
	if (v->delay > 0) {
		TRY(stream_flush(s->io));
		TRY(fiber_sleep(clock_in(v->delay)));
	}
	if (v->close)
		s->quit = true;
	return write_reply(s, v->text[0] ? v->text : "451 4.3.0 Try again later");
}

err smtp_asked(struct smtp *s, const char *what, err e, struct verdict *v)
{
	if (e == OK || e == E_CANCELED)
		return e;
	LOG(LOG_ERROR, "smtp.role", KS("role", str_z(s->role->name)), KS("step", str_z(what)),
	    KE(e));
	verdict_set(v, "451 4.3.0 Local problem, try again later");
	v->close = false;
	return OK;
}

void smtp_patience(struct smtp *s, msec ms)
{
	msec until = clock_in(ms < 0 ? 0 : ms);

	stream_deadline(s->io, until < s->whole ? until : s->whole);
}
