#include "base/limits.h"
#include "formats/imap/lex.h"
#include "run/role.h"
#include "sessions/login/internal.h"

struct imap_login {
	struct login l;
	struct buf text; /* the command with its literals, without the last CRLF */
	str tag;	 /* a view into text */
};

static WAITS err tagged(struct imap_login *m, const char *text)
{
	return stream_fmt(m->l.io, "%.*s %s\r\n", STRF(m->tag), text);
}

/* RFC 9051 7.1, RFC 5530: the same words for a wrong name and a wrong password. */
static WAITS err say_result(struct imap_login *m, err e)
{
	switch (e) {
	case OK:
		if (m->l.back.capability.n)
			return stream_fmt(m->l.io, "%.*s OK [CAPABILITY %.*s] Logged in\r\n",
					  STRF(m->tag), STRF(m->l.back.capability));
		return tagged(m, "OK Logged in");
	case E_DENIED:
		return tagged(m, "NO [AUTHENTICATIONFAILED] Wrong name or password");
	case E_AGAIN:
		return tagged(m, "NO [UNAVAILABLE] Not available now, try again later");
	case E_NOTFOUND:
		return tagged(m, "NO [CANNOT] Mechanism not offered here");
	case E_SYNTAX:
		return tagged(m, "BAD Malformed, or given up");
	default:
		return e;
	}
}

static void add_capability(struct imap_login *m, struct buf *out)
{
	buf_add(out, STR("CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- SASL-IR ID"));
	if (login_can_tls(&m->l))
		buf_add(out, STR(" STARTTLS"));
	if (!login_plain_allowed(&m->l))
		buf_add(out, STR(" LOGINDISABLED"));
	sasl_mechanisms(&m->l.sasl, " AUTH=", "", out);
}

static WAITS err capability(struct imap_login *m, struct imap_in *in)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_SMTP_REPLY);
	buf_add(&b, STR("* "));
	add_capability(m, &b);
	buf_add(&b, STR("\r\n"));
	TRY(stream_write(m->l.io, buf_str(&b)));
	return tagged(m, "OK Done");
}

static WAITS err noop(struct imap_login *m, struct imap_in *in)
{
	return tagged(m, "OK Done");
}

/* RFC 2971: who we are is no secret; what the client says is not needed before the login. */
static WAITS err id(struct imap_login *m, struct imap_in *in)
{
	TRY(stream_write(m->l.io, STR("* ID (\"name\" \"posta\")\r\n")));
	return tagged(m, "OK Done");
}

static WAITS err logout(struct imap_login *m, struct imap_in *in)
{
	m->l.quit = true;
	TRY(stream_write(m->l.io, STR("* BYE Goodbye\r\n")));
	return tagged(m, "OK Done");
}

static WAITS err starttls(struct imap_login *m, struct imap_in *in)
{
	if (!login_can_tls(&m->l))
		return tagged(m, "BAD TLS is on already, or there is no certificate");
	TRY(tagged(m, "OK Begin TLS"));
	return login_starttls(&m->l);
}

static WAITS err login(struct imap_login *m, struct imap_in *in)
{
	str name, password;

	if (!login_plain_allowed(&m->l))
		return tagged(m, "NO [PRIVACYREQUIRED] First STARTTLS: passwords do not cross the "
				 "network in clear");
	if (imap_expect(in, ' ') != OK || imap_astring(in, &name) != OK ||
	    imap_expect(in, ' ') != OK || imap_astring(in, &password) != OK ||
	    imap_expect_end(in) != OK)
		return tagged(m, "BAD LOGIN wants a name and a password");
	return say_result(m, login_password(&m->l, name, password));
}

/* RFC 9051 6.2.2, RFC 4959 (SASL-IR). */
static WAITS err authenticate(struct imap_login *m, struct imap_in *in)
{
	str mechanism;

	if (imap_expect(in, ' ') != OK || imap_atom(in, &mechanism) != OK)
		return tagged(m, "BAD AUTHENTICATE wants a mechanism");
	bool initial = imap_eat(in, ' ');

	return say_result(m, login_sasl(&m->l, mechanism, initial, in->rest));
}

static const struct {
	str verb;
	WAITS err (*run)(struct imap_login *m, struct imap_in *in);
} verbs[] = {
	{ S("AUTHENTICATE"), authenticate },
	{ S("CAPABILITY"), capability },
	{ S("ID"), id },
	{ S("LOGIN"), login },
	{ S("LOGOUT"), logout },
	{ S("NOOP"), noop },
	{ S("STARTTLS"), starttls },
};

/* The octets of a literal, behind its line. */
static WAITS err read_literal(struct imap_login *m, const struct imap_literal *lit)
{
	if (!lit->nosync) {
		TRY(stream_write(m->l.io, STR("+ Go on\r\n")));
		TRY(stream_flush(m->l.io));
	}
	buf_add(&m->text, STR("\r\n"));
	char *room = buf_room(&m->text, (size_t)lit->size);

	TRY(buf_done(&m->text));
	TRY(stream_read_full(m->l.io, room, (size_t)lit->size));
	m->text.n += (size_t)lit->size;
	return OK;
}

/* A command with its literals into m->text. E_SYNTAX: too long, said so, but the session can go on.
 * E_LIMIT: it cannot. */
static WAITS err read_command(struct imap_login *m)
{
	struct imap_literal lit;
	str line;

	buf_reset(&m->text);
	for (;;) {
		err e = login_line(&m->l, LIM_IMAP_PRELOGIN, &line);

		if (e == E_LIMIT) {
			TRY(stream_write(m->l.io, STR("* BAD Line too long\r\n")));
			return E_SYNTAX;
		}
		TRY(e);
		buf_add(&m->text, line);
		TRY(buf_done(&m->text));
		if (!imap_literal_at_end(line, &lit))
			return OK;
		if (lit.size > LIM_IMAP_PRELOGIN) {
			TRY(stream_write(m->l.io, STR("* BAD Literal too long before login\r\n")));
			TRY(stream_flush(m->l.io));
			return lit.nosync ? E_LIMIT : E_SYNTAX;
		}
		TRY(read_literal(m, &lit));
	}
}

static WAITS err turn(struct imap_login *m)
{
	str verb;
	err e = read_command(m);

	if (e != OK)
		return e == E_SYNTAX ? OK : e;
	arena_reset(&m->l.cmd);
	struct imap_in in = { .rest = buf_str(&m->text), .a = &m->l.cmd };

	if (imap_atom(&in, &m->tag) != OK || imap_expect(&in, ' ') != OK ||
	    imap_atom(&in, &verb) != OK)
		return stream_write(m->l.io, STR("* BAD A tag and a command are wanted\r\n"));
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (str_eqi(verb, verbs[i].verb))
			return verbs[i].run(m, &in);
	return tagged(m, "BAD Unknown command, or log in first");
}

/* Passwords stood in the command's text; and a joined session should keep no memory. */
static void forget_text(struct imap_login *m)
{
	buf_wipe(&m->text);
}

static void end(struct imap_login *m)
{
	forget_text(m);
	login_end(&m->l);
}

static WAITS err greet(struct imap_login *m)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_SMTP_REPLY);
	buf_add(&b, STR("* OK ["));
	add_capability(m, &b);
	buf_fmt(&b, "] %.*s ready\r\n", STRF(m->l.role->hostname()));
	TRY(buf_done(&b));
	return stream_write(m->l.io, buf_str(&b));
}

WAITS err imap_login_session(struct stream *io, const struct login_role *role)
{
	CLEANUP(end) struct imap_login m = { .tag = STR("*") };

	login_begin(&m.l, io, STR("imap"), role);
	buf_init(&m.text, LIM_IMAP_PRELOGIN * 3);
	if (m.l.crowded)
		return login_turn_away(&m.l, "* BYE [UNAVAILABLE] Too many connections from your "
					     "network, try again later\r\n");
	TRY(greet(&m));
	while (!m.l.quit && !m.l.back.io && !role_draining())
		TRY(login_turned(&m.l, turn(&m)));
	if (!m.l.back.io)
		return stream_flush(io);
	forget_text(&m);
	return login_join(&m.l);
}
