#include "formats/pop3/pop3.h"

#include "base/limits.h"
#include "run/role.h"
#include "sessions/login/internal.h"

/* The name that USER said, until PASS. */
struct pop3_login {
	struct login l;
	str user;
};

static WAITS err say(struct pop3_login *p, const char *text)
{
	return stream_fmt(p->l.io, "%s\r\n", text);
}

/* RFC 2449 8.1, RFC 3206: the same words for a wrong name and a wrong password. */
static WAITS err say_result(struct pop3_login *p, err e)
{
	switch (e) {
	case OK:
		return say(p, "+OK Logged in");
	case E_DENIED:
		return say(p, "-ERR [AUTH] Wrong name or password");
	case E_AGAIN:
		return say(p, "-ERR [SYS/TEMP] Not available now, try again later");
	case E_NOTFOUND:
		return say(p, "-ERR Mechanism not offered here");
	case E_SYNTAX:
		return say(p, "-ERR Malformed, or given up");
	default:
		return e;
	}
}

static WAITS err capa(struct pop3_login *p, const struct pop3_command *c)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_SMTP_REPLY);
	buf_add(&b, STR("+OK Capabilities follow\r\n"));
	if (login_can_tls(&p->l))
		buf_add(&b, STR("STLS\r\n"));
	if (login_plain_allowed(&p->l))
		buf_add(&b, STR("USER\r\n"));
	size_t before = b.n;

	buf_add(&b, STR("SASL"));
	size_t named = b.n;

	sasl_mechanisms(&p->l.sasl, " ", "", &b);
	if (b.n == named)
		b.n = before;
	else
		buf_add(&b, STR("\r\n"));
	buf_add(&b, STR("TOP\r\nUIDL\r\nUTF8 USER\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
			"IMPLEMENTATION posta\r\n.\r\n"));
	TRY(buf_done(&b));
	return stream_write(p->l.io, buf_str(&b));
}

static WAITS err stls(struct pop3_login *p, const struct pop3_command *c)
{
	if (!login_can_tls(&p->l))
		return say(p, "-ERR TLS is on already, or there is no certificate");
	TRY(say(p, "+OK Begin TLS"));
	p->user = STR("");
	return login_starttls(&p->l);
}

static WAITS err user(struct pop3_login *p, const struct pop3_command *c)
{
	if (!login_plain_allowed(&p->l))
		return say(p,
			   "-ERR [AUTH] First STLS: passwords do not cross the network in clear");
	if (!c->rest.n || c->rest.n > LIM_USER)
		return say(p, "-ERR A name is wanted");
	arena_reset(&p->l.session);
	p->user = arena_dup(&p->l.session, c->rest);
	return say(p, "+OK Now the password");
}

static WAITS err pass(struct pop3_login *p, const struct pop3_command *c)
{
	if (!p->user.n)
		return say(p, "-ERR First USER");
	err e = login_password(&p->l, p->user, c->rest);

	p->user = STR("");
	return say_result(p, e);
}

static WAITS err auth(struct pop3_login *p, const struct pop3_command *c)
{
	if (c->nargs == 0) { /* what old clients ask before CAPA */
		CLEANUP(buf_free) struct buf b;

		buf_init(&b, LIM_SMTP_REPLY);
		buf_add(&b, STR("+OK Mechanisms follow\r\n"));
		sasl_mechanisms(&p->l.sasl, "", "\r\n", &b);
		buf_add(&b, STR("\r\n.\r\n"));
		return stream_write(p->l.io, buf_str(&b));
	}
	str mechanism = arena_dup(&p->l.cmd, c->args[0]),
	    initial = arena_dup(&p->l.cmd, c->args[1]);

	return say_result(p, login_sasl(&p->l, mechanism, c->nargs > 1, initial));
}

static WAITS err utf8(struct pop3_login *p, const struct pop3_command *c)
{
	return say(p, "+OK UTF-8 it is");
}

static WAITS err noop(struct pop3_login *p, const struct pop3_command *c)
{
	return say(p, "+OK Nothing done");
}

static WAITS err quit(struct pop3_login *p, const struct pop3_command *c)
{
	p->l.quit = true;
	return say(p, "+OK Goodbye");
}

static const struct {
	str verb;
	WAITS err (*run)(struct pop3_login *p, const struct pop3_command *c);
} verbs[] = {
	{ S("AUTH"), auth }, { S("CAPA"), capa }, { S("NOOP"), noop }, { S("PASS"), pass },
	{ S("QUIT"), quit }, { S("STLS"), stls }, { S("USER"), user }, { S("UTF8"), utf8 },
};

static WAITS err turn(struct pop3_login *p)
{
	struct pop3_command c;
	str line;
	err e = login_line(&p->l, LIM_SASL, &line);

	if (e == E_LIMIT || (e == OK && pop3_parse(line, &c) != OK))
		return say(p, "-ERR Not a command");
	TRY(e);
	arena_reset(&p->l.cmd);
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_eqi(c.verb, verbs[i].verb))
			return verbs[i].run(p, &c);
	return say(p, "-ERR Unknown command, or log in first");
}

static void end(struct pop3_login *p)
{
	login_end(&p->l);
}

WAITS err pop3_login_session(struct stream *io, const struct login_role *role)
{
	CLEANUP(end) struct pop3_login p = { .user = STR("") };

	login_begin(&p.l, io, STR("pop3"), role);
	if (p.l.crowded)
		return login_turn_away(&p.l, "-ERR [SYS/TEMP] Too many connections from your "
					     "network, try again later\r\n");
	TRY(stream_fmt(io, "+OK %.*s ready\r\n", STRF(role->hostname())));
	while (!p.l.quit && !p.l.back.io && !role_draining())
		TRY(login_turned(&p.l, turn(&p)));
	return p.l.back.io ? login_join(&p.l) : stream_flush(io);
}
