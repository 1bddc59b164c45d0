#include "sessions/imap/internal.h"

#include "run/fiber.h"

/* Two fibers: this one waits for DONE, the other for news. The other one alone writes meanwhile,
 * and is canceled only while it waits for news, so that no line is cut. */
struct idle {
	struct imap *s;
	bool over;	/* DONE has come */
	bool listening; /* the other fiber is in folder_wait */
	bool ended;
	struct waitq q;
};

WAITS static err listen_for_news(void *arg)
{
	struct idle *i = arg;
	err e = OK;

	while (!i->over && !i->s->bye && !e) {
		i->listening = true;
		e = folder_wait(i->s->view, NEVER);
		i->listening = false;
		if (!e && !i->over) {
			arena_reset(&i->s->cmd);
			e = imap_sync(i->s, true);
		}
		if (!e)
			e = stream_flush(i->s->io);
	}
	i->ended = true;
	waitq_wake_all(&i->q);
	return e;
}

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

WAITS static err with_news(struct imap *s, bool *done)
{
	struct idle i = { .s = s };

	waitq_init(&i.q);
	struct fiber *f = fiber_start("imap.idle", listen_for_news, &i);
	err e = read_done(s, done);
	i.over = true;
	while (!i.ended && !i.listening && waitq_wait(&i.q, NEVER) == OK)
		;
	if (!i.ended)
		fiber_cancel(f);
	err news = fiber_join(f);
	if (!e && news != E_CANCELED)
		e = news;
	return e;
}

/* RFC 9051 6.3.13, RFC 2177. */
WAITS err imap_cmd_idle(struct imap *s)
{
	bool done = false;
	/* What the command was read into goes while it waits. */
	struct buf tag;

	TRY(stream_write(s->io, STR("+ idling\r\n")));
	TRY(imap_sync(s, true));
	TRY(stream_flush(s->io));
	buf_init(&tag, LIM_IMAP_TAG);
	buf_add(&tag, s->c.tag);
	s->c.tag = STR("");
	arena_free(&s->cmd);
	arena_init(&s->cmd, LIM_IMAP_ARENA);
	buf_free(&s->line);
	buf_init(&s->line, LIM_IMAP_COMMAND);
	err e = s->view ? with_news(s, &done) : read_done(s, &done);
	s->c.tag = arena_dup(&s->cmd, buf_str(&tag));
	if (!s->c.tag.p)
		s->c.tag = STR("*");
	buf_free(&tag);
	TRY(e);
	if (s->bye)
		return OK;
	return done ? imap_ok(s, "Done") : imap_bad(s, "Expected DONE");
}
