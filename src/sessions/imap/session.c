#include "sessions/imap/internal.h"

#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"

enum {
	ERRORS_MAX = 50, /* BADs in a row before BYE */
};
#define IDLE_DEFAULT (30 * 60 * 1000) /* RFC 9051 5.4 */

METRIC(imap_sessions, "posta_imap_sessions", "", METRIC_GAUGE, "IMAP sessions open.");
METRIC(imap_commands, "posta_imap_commands_total", "", METRIC_COUNTER, "IMAP commands run.");

static const struct command {
	str name;
	unsigned when, flags;
	err (*run)(struct imap *s);
} commands[] = {
	{ S("APPEND"), ST_LOGIN, CMD_ARGS, imap_cmd_append },
	{ S("AUTHENTICATE"), ST_NOAUTH, CMD_ARGS, imap_cmd_authenticate },
	{ S("CAPABILITY"), ST_ANY, CMD_NO_ARGS, imap_cmd_capability },
	{ S("CHECK"), ST_SELECTED, CMD_NO_ARGS, imap_cmd_check },
	{ S("CLOSE"), ST_SELECTED, CMD_NO_ARGS, imap_cmd_close },
	{ S("COPY"), ST_SELECTED, CMD_ARGS | CMD_UID, imap_cmd_copy },
	{ S("CREATE"), ST_LOGIN, CMD_ARGS, imap_cmd_create },
	{ S("DELETE"), ST_LOGIN, CMD_ARGS, imap_cmd_delete },
	{ S("ENABLE"), ST_LOGIN, CMD_ARGS, imap_cmd_enable },
	{ S("EXAMINE"), ST_LOGIN, CMD_ARGS, imap_cmd_examine },
	{ S("EXPUNGE"), ST_SELECTED, CMD_UID, imap_cmd_expunge },
	{ S("FETCH"), ST_SELECTED, CMD_ARGS | CMD_UID | CMD_HOLDS, imap_cmd_fetch },
	{ S("GETQUOTA"), ST_LOGIN, CMD_ARGS, imap_cmd_getquota },
	{ S("GETQUOTAROOT"), ST_LOGIN, CMD_ARGS, imap_cmd_getquotaroot },
	{ S("ID"), ST_ANY, CMD_ARGS, imap_cmd_id },
	{ S("IDLE"), ST_LOGIN, CMD_NO_ARGS, imap_cmd_idle },
	{ S("LIST"), ST_LOGIN, CMD_ARGS, imap_cmd_list },
	{ S("LOGIN"), ST_NOAUTH, CMD_ARGS, imap_cmd_login },
	{ S("LOGOUT"), ST_ANY, CMD_NO_ARGS, imap_cmd_logout },
	{ S("LSUB"), ST_LOGIN, CMD_ARGS, imap_cmd_lsub },
	{ S("MOVE"), ST_SELECTED, CMD_ARGS | CMD_UID, imap_cmd_move },
	{ S("NAMESPACE"), ST_LOGIN, CMD_NO_ARGS, imap_cmd_namespace },
	{ S("NOOP"), ST_ANY, CMD_NO_ARGS, imap_cmd_noop },
	{ S("RENAME"), ST_LOGIN, CMD_ARGS, imap_cmd_rename },
	{ S("SEARCH"), ST_SELECTED, CMD_ARGS | CMD_UID | CMD_HOLDS, imap_cmd_search },
	{ S("SELECT"), ST_LOGIN, CMD_ARGS, imap_cmd_select },
	{ S("SETQUOTA"), ST_LOGIN, CMD_ARGS, imap_cmd_setquota },
	{ S("STARTTLS"), ST_ANY, CMD_NO_ARGS, imap_cmd_starttls },
	{ S("STATUS"), ST_LOGIN, CMD_ARGS, imap_cmd_status },
	{ S("STORE"), ST_SELECTED, CMD_ARGS | CMD_UID | CMD_HOLDS, imap_cmd_store },
	{ S("SUBSCRIBE"), ST_LOGIN, CMD_ARGS, imap_cmd_subscribe },
	{ S("UNSELECT"), ST_SELECTED, CMD_NO_ARGS, imap_cmd_unselect },
	{ S("UNSUBSCRIBE"), ST_LOGIN, CMD_ARGS, imap_cmd_unsubscribe },
};

static const struct command *find(str name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (str_eqi(name, commands[i].name))
			return &commands[i];
	return NULL;
}

WAITS static err run_command(struct imap *s)
{
	const struct command *c = find(s->c.name);

	if (!c || (s->c.uid && !(c->flags & CMD_UID)))
		return imap_bad(s, "Unknown command");
	if (!(c->when & s->state))
		return imap_bad(s, "%s",
				s->state == ST_NOAUTH  ? "Log in first"
				: c->when == ST_NOAUTH ? "Already logged in"
						       : "Select a mailbox first");
	s->imap_cmd_flags = c->flags;
	if ((c->flags & CMD_ARGS) && !imap_eat(&s->in, ' '))
		return imap_bad(s, "%.*s needs arguments", STRF(c->name));
	if ((c->flags & CMD_NO_ARGS) && !imap_at_end(&s->in))
		return imap_bad(s, "%.*s takes no arguments", STRF(c->name));
	metric_add(&imap_commands, 1);
	err e = c->run(s);
	return e ? imap_answer_error(s, e) : OK;
}

void imap_rest(struct imap *s)
{
	arena_free(&s->cmd);
	arena_init(&s->cmd, LIM_IMAP_ARENA);
	buf_free(&s->line);
	buf_free(&s->out);
	buf_init(&s->line, LIM_IMAP_COMMAND);
	buf_init(&s->out, LIM_IMAP_RESPONSE);
}

static bool draining(const struct imap *s)
{
	return s->role->draining && s->role->draining();
}

/* "* BYE" may not reach a peer that is gone. */
WAITS static void say_bye(struct imap *s, const char *why)
{
	stream_deadline(s->io, clock_in(1000));
	err e = imap_say(s, "* BYE %s", why);
	if (!e)
		e = stream_flush(s->io);
	(void)e;
}

void imap_alive(struct imap *s)
{
	stream_deadline(s->io, clock_in(s->role->idle ? s->role->idle : IDLE_DEFAULT));
}

void imap_resting(const struct imap *s, bool rests)
{
	if (s->role->resting)
		s->role->resting(rests);
}

/* Nothing is in hand: a draining process may end the session here. */
WAITS static err wait_for_client(struct imap *s)
{
	TRY(stream_flush(s->io));
	imap_rest(s);
	imap_resting(s, true);
	err e = stream_fill(s->io);
	imap_resting(s, false);
	return e;
}

WAITS static err one_command(struct imap *s)
{
	imap_alive(s);
	if (stream_peek(s->io).n == 0)
		TRY(wait_for_client(s));
	arena_reset(&s->cmd);
	err e = imap_read(s);
	if (e == E_SYNTAX)
		return OK;
	TRY(e);
	return run_command(s);
}

WAITS static err greet(struct imap *s)
{
	TRY(imap_say(
		s,
		"* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR LITERAL+ ID ENABLE LOGINDISABLED "
		"AUTH=EXTERNAL] %.*s posta",
		STRF(s->role->hostname())));
	return stream_flush(s->io);
}

WAITS static err serve(struct imap *s)
{
	TRY(greet(s));
	while (!s->bye) {
		TRY(one_command(s));
		if (s->errors >= ERRORS_MAX) {
			say_bye(s, "Too many bad commands");
			return OK;
		}
		if (draining(s) && !s->bye) {
			say_bye(s, "Restarting, connect again");
			return OK;
		}
	}
	return stream_flush(s->io);
}

static void close_session(struct imap *s)
{
	imap_close_view(s);
	if (s->box)
		box_drop(s->box);
	stream_close(s->io);
	arena_free(&s->cmd);
	buf_free(&s->login);
	buf_free(&s->origin);
	buf_free(&s->line);
	buf_free(&s->out);
	metric_add(&imap_sessions, -1);
}

WAITS err imap_session(struct stream *io, const struct imap_role *role)
{
	CLEANUP(close_session)
	struct imap s = { .io = io, .role = role, .state = ST_NOAUTH };

	metric_add(&imap_sessions, 1);
	arena_init(&s.cmd, LIM_IMAP_ARENA);
	buf_init(&s.line, LIM_IMAP_COMMAND);
	buf_init(&s.out, LIM_IMAP_RESPONSE);
	err e = serve(&s);
	if (e == E_TIMEOUT)
		say_bye(&s, "Autologout, idle for too long");
	if (e == E_CANCELED)
		say_bye(&s, "Restarting, connect again");
	/* A client that goes away is no news. */
	if (e == E_EOF || e == E_TIMEOUT || e == E_CANCELED)
		return OK;
	if (e)
		LOG(LOG_WARN, "imap.session", KS("user", buf_str(&s.login)), KE(e));
	return e;
}
