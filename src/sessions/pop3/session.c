#include "sessions/pop3/internal.h"

#include <stdarg.h>

#include "base/limits.h"
#include "run/log.h"
#include "run/role.h"

PRINTF(3, 0) static WAITS err reply(struct pop3 *s, str status, const char *fmt, va_list ap)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_SMTP_REPLY);
	buf_add(&b, status);
	buf_vfmt(&b, fmt, ap);
	buf_add(&b, STR("\r\n"));
	return stream_write(s->io, buf_str(&b));
}

WAITS err pop3_ok(struct pop3 *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err e = reply(s, STR("+OK "), fmt, ap);
	va_end(ap);
	return e;
}

WAITS err pop3_err(struct pop3 *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err e = reply(s, STR("-ERR "), fmt, ap);
	va_end(ap);
	return e;
}

static WAITS err noop(struct pop3 *s, const struct pop3_command *c)
{
	return pop3_ok(s, "Nothing done");
}

/* RFC 1939 6: what was marked is removed before the answer, which says whether it was. */
static WAITS err quit(struct pop3 *s, const struct pop3_command *c)
{
	size_t n = s->ndeleted;

	s->quit = true;
	if (s->state == ST_TRANSACTION && pop3_update(s) != OK)
		return pop3_err(s, "[SYS/TEMP] Some messages were not removed");
	return pop3_ok(s, "Goodbye, %zu removed", n);
}

static const struct pop3_verb verbs[] = {
	{ S("AUTH"), ST_AUTHORIZATION, pop3_auth }, { S("CAPA"), ST_ANY, pop3_capa },
	{ S("DELE"), ST_TRANSACTION, pop3_dele },   { S("LIST"), ST_TRANSACTION, pop3_list },
	{ S("NOOP"), ST_TRANSACTION, noop },	    { S("QUIT"), ST_ANY, quit },
	{ S("RETR"), ST_TRANSACTION, pop3_retr },   { S("RSET"), ST_TRANSACTION, pop3_rset },
	{ S("STAT"), ST_TRANSACTION, pop3_stat },   { S("TOP"), ST_TRANSACTION, pop3_top },
	{ S("UIDL"), ST_TRANSACTION, pop3_uidl },   { S("UTF8"), ST_AUTHORIZATION, pop3_utf8 },
};

static WAITS err run_command(struct pop3 *s, str line)
{
	struct pop3_command c;

	if (pop3_parse(line, &c) != OK)
		return pop3_err(s, "Not a command");
	for (size_t i = 0; i < COUNT(verbs); i++) {
		if (!str_eqi(c.verb, verbs[i].verb))
			continue;
		if (!(verbs[i].when & s->state))
			return pop3_err(s, "Not in this state");
		return verbs[i].run(s, &c);
	}
	return pop3_err(s, "Unknown command");
}

/* One line from the client and its answer; answers to pipelined commands leave together (RFC
 * 2449 6.6). */
static WAITS err turn(struct pop3 *s)
{
	str line;

	if (!stream_peek(s->io).n)
		TRY(stream_flush(s->io));
	stream_deadline(s->io, clock_in(s->role->idle ? s->role->idle : 600000));
	err e = stream_line(s->io, LIM_POP3_LINE, LINE_LENIENT, &line);

	if (e == E_LIMIT)
		return pop3_err(s, "Line over %d octets", LIM_POP3_LINE);
	TRY(e);
	arena_reset(&s->cmd);
	e = run_command(s, line);
	if (e == OK || e == E_EOF || e == E_TIMEOUT || e == E_CANCELED)
		return e;
	LOG(LOG_WARN, "pop3.error", KE(e));
	return pop3_err(s, "[SYS/TEMP] Try again later");
}

static void session_end(struct pop3 *s)
{
	if (s->view)
		folder_close(s->view);
	if (s->box)
		box_drop(s->box);
	mem_free(s->deleted);
	arena_free(&s->cmd);
	arena_free(&s->mail);
	stream_close(s->io);
}

WAITS err pop3_session(struct stream *io, const struct pop3_role *role)
{
	CLEANUP(session_end)
	struct pop3 s = { .io = io, .role = role, .state = ST_AUTHORIZATION };

	arena_init(&s.cmd, MIB(64));
	arena_init(&s.mail, KIB(64));
	TRY(pop3_ok(&s, "%.*s POP3 ready", STRF(role->hostname())));
	while (!s.quit && !role_draining())
		TRY(turn(&s));
	if (!s.quit)
		TRY(pop3_err(&s, "[SYS/TEMP] Closing for maintenance, please connect again"));
	return stream_flush(io);
}
