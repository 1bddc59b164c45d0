#include "sessions/imap/internal.h"

/* "DONE" ends it; anything else too, as an error. */
WAITS static err read_done(struct imap *s, bool *done)
{
	str line;

	err e = stream_line(s->io, LIM_IMAP_LINE, LINE_LENIENT, &line);
	if (e == E_LIMIT)
		return OK;
	TRY(e);
	*done = str_eqi(str_trim(line), STR("DONE"));
	return OK;
}

/* News as it comes, until the client says something. */
WAITS static err tell_news(struct imap *s)
{
	bool input = stream_peek(s->io).n > 0;

	while (!input && !s->bye) {
		imap_resting(s, true);
		err e = folder_wait_or_input(s->view, s->io, &input);
		imap_resting(s, false);
		TRY(e);
		if (input)
			break;
		TRY(imap_sync(s, true));
		TRY(stream_flush(s->io));
		imap_rest(s);
	}
	return OK;
}

WAITS static err idle(struct imap *s, bool *done)
{
	TRY(imap_say(s, "+ idling"));
	TRY(imap_sync(s, true));
	TRY(stream_flush(s->io));
	imap_rest(s);
	if (s->view)
		TRY(tell_news(s));
	return s->bye ? OK : read_done(s, done);
}

/* RFC 9051 6.3.13, RFC 2177. The memory of the command goes while it waits, its tag aside. */
WAITS err imap_cmd_idle(struct imap *s)
{
	char tag[LIM_IMAP_TAG + 1];
	bool done = false;

	TRY(str_to_z(s->c.tag, tag, sizeof tag));
	s->c.tag = str_z(tag);
	err e = idle(s, &done);
	if (!e && !s->bye)
		e = done ? imap_ok(s, "Done") : imap_bad(s, "Expected DONE");
	s->c.tag = arena_dup(&s->cmd, str_z(tag));
	return e;
}
