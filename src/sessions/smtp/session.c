#include "sessions/smtp/session.h"

#include "run/metrics.h"

METRIC(m_sessions, "posta_smtp_sessions", "", METRIC_GAUGE,
       "SMTP and LMTP sessions that are open.");
METRIC(m_total, "posta_smtp_sessions_total", "", METRIC_COUNTER, "SMTP and LMTP sessions so far.");
METRIC(m_errors, "posta_smtp_protocol_errors_total", "", METRIC_COUNTER, "Mistakes of clients.");

WAITS static err cmd_rset(struct smtp *s, str args)
{
	smtp_tx_reset(s);
	return smtp_answer(s, "250 2.0.0 OK");
}

WAITS static err cmd_noop(struct smtp *s, str args)
{
	return smtp_answer(s, "250 2.0.0 OK");
}

/* RFC 5321 3.5.3, 7.3: whoever wants to know, sends. */
WAITS static err cmd_vrfy(struct smtp *s, str args)
{
	return smtp_answer(s, "252 2.1.5 Send some mail, it may arrive");
}

WAITS static err cmd_quit(struct smtp *s, str args)
{
	s->quit = true;
	return smtp_answer(s, "221 2.0.0 Bye");
}

/* A web page that makes a browser talk to us (cross-protocol attack) gets no second line. */
WAITS static err cmd_http(struct smtp *s, str args)
{
	s->quit = true;
	return smtp_answer(s, "554 5.5.1 This is not a web server");
}

WAITS static err cmd_help(struct smtp *s, str args);

enum { SMTP_ONLY = 1, LMTP_ONLY = 2, HIDDEN = 4 };

static const struct smtp_cmd {
	str verb;
	unsigned when, where; /* ST_* in which it is legal; in which protocol alone */
	WAITS err (*run)(struct smtp *s, str args);
} cmds[] = {
	{ S("EHLO"), ST_ANY, SMTP_ONLY, smtp_cmd_ehlo },
	{ S("HELO"), ST_ANY, SMTP_ONLY, smtp_cmd_helo },
	{ S("LHLO"), ST_ANY, LMTP_ONLY, smtp_cmd_ehlo },
	{ S("MAIL"), ST_HELLO, 0, smtp_cmd_mail },
	{ S("RCPT"), ST_MAIL | ST_RCPT, 0, smtp_cmd_rcpt },
	{ S("DATA"), ST_MAIL | ST_RCPT, 0, smtp_cmd_data },
	{ S("BDAT"), ST_ANY, 0, smtp_cmd_bdat }, /* its octets follow, allowed or not */
	{ S("RSET"), ST_ANY, 0, cmd_rset },
	{ S("NOOP"), ST_ANY, 0, cmd_noop },
	{ S("VRFY"), ST_ANY, 0, cmd_vrfy },
	{ S("HELP"), ST_ANY, 0, cmd_help },
	{ S("QUIT"), ST_ANY, 0, cmd_quit },
	{ S("AUTH"), ST_HELLO, SMTP_ONLY, smtp_cmd_auth },
	{ S("STARTTLS"), ST_NEW | ST_HELLO, 0, smtp_cmd_starttls },
	{ S("GET"), ST_ANY, HIDDEN, cmd_http },
	{ S("POST"), ST_ANY, HIDDEN, cmd_http },
	{ S("PUT"), ST_ANY, HIDDEN, cmd_http },
};

static bool served(const struct smtp *s, const struct smtp_cmd *c)
{
	return !(c->where & (s->role->lmtp ? SMTP_ONLY : LMTP_ONLY));
}

WAITS static err cmd_help(struct smtp *s, str args)
{
	TRY(smtp_answer(s, "214-2.0.0 posta, commands:"));
	for (size_t i = 0; i < COUNT(cmds); i++) {
		if (served(s, &cmds[i]) && !(cmds[i].where & HIDDEN))
			TRY(smtp_answer(s, "214-2.0.0 %.*s", STRF(cmds[i].verb)));
	}
	return smtp_answer(s, "214 2.0.0 End of HELP");
}

static const struct smtp_cmd *find_cmd(const struct smtp *s, str verb)
{
	for (size_t i = 0; i < COUNT(cmds); i++) {
		if (str_eqi(cmds[i].verb, verb) && served(s, &cmds[i]))
			return &cmds[i];
	}
	return NULL;
}

/* Any other octet in a command would be copied into logs, headers and other servers. */
static bool has_control(str line)
{
	for (size_t i = 0; i < line.n; i++) {
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 127)
			return true;
	}
	return false;
}

WAITS static err run_line(struct smtp *s, str line)
{
	str verb = line, args = STR("");

	(void)str_cut(line, ' ', &verb, &args);
	if (has_control(line))
		return smtp_complain(s, "500 5.5.2 Control character in a command");
	const struct smtp_cmd *c = find_cmd(s, verb);

	if (!c)
		return smtp_complain(s, "500 5.5.1 Command unknown");
	if (!(c->when & s->state))
		return smtp_complain(s, "503 5.5.1 %.*s is out of sequence", STRF(c->verb));
	return c->run(s, args);
}

/* The next line into s->line. A line that ends with a bare LF: E_SYNTAX, since what follows cannot
 * be trusted to be what the client, or who speaks through it, means. */
WAITS static err read_line(struct smtp *s, str *line)
{
	for (;;) {
		str in = stream_peek(s->io);
		size_t n = str_find(in, '\n');

		if (n < in.n && n < sizeof(s->line)) {
			if (!n || in.p[n - 1] != '\r')
				return fail(E_SYNTAX, "line ends with a bare LF");
			*line = str_of(s->line, n - 1);
			for (size_t i = 0; i + 1 < n; i++)
				s->line[i] = in.p[i];
			stream_eat(s->io, n + 1);
			return OK;
		}
		if (in.n >= sizeof(s->line)) /* swallows the rest of it */
			return stream_line(s->io, sizeof(s->line), LINE_CRLF, line);
		TRY(stream_flush(s->io));
		TRY(stream_fill(s->io));
	}
}

/* read_line with the patience of a command; between transactions it looks up once a second for the
 * end of the process. */
WAITS static err next_line(struct smtp *s, str *line)
{
	msec until = clock_in(s->lim->command);

	for (;;) {
		msec left = until - clock_now();
		bool idle = s->state & (ST_NEW | ST_HELLO);

		if (idle && role_draining())
			return E_AGAIN;
		smtp_patience(s, idle && left > 1000 ? 1000 : left);
		err e = read_line(s, line);

		if (e != E_TIMEOUT || clock_now() >= until || clock_now() >= s->whole)
			return e;
	}
}

WAITS static err greet(struct smtp *s)
{
	struct verdict v = { 0 };

	verdict_set(&v, "220 %.*s %s posta", STRF(s->role->hostname()),
		    s->role->lmtp ? "LMTP" : "ESMTP");
	if (s->role->connect)
		TRY(smtp_asked(s, "connect", s->role->connect(&s->info, &v), &v));
	s->quit = !verdict_ok(&v);
	return smtp_answer_verdict(s, &v);
}

WAITS static err say_last(struct smtp *s, const char *text)
{
	s->quit = true;
	return smtp_answer(s, "%s", text);
}

WAITS static err step(struct smtp *s)
{
	str line;

	switch (next_line(s, &line)) {
	case OK:
		return run_line(s, line);
	case E_LIMIT:
		return smtp_complain(s, "500 5.5.2 Line is longer than %d octets", LIM_SMTP_LINE);
	case E_SYNTAX:
		return say_last(s, "554 5.5.2 Lines must end with CRLF");
	case E_TIMEOUT:
		return say_last(s, "421 4.4.2 Time-out");
	case E_AGAIN:
	case E_CANCELED:
		return say_last(s, "421 4.3.2 Service restarts, come again");
	default:
		return E_EOF;
	}
}

WAITS static err converse(struct smtp *s)
{
	err e = greet(s);

	while (!e && !s->quit)
		e = step(s);
	/* The last words get five seconds, whatever the deadline was; what was answered is said
	 * even when the peer is gone in the middle of something. */
	stream_deadline(s->io, clock_in(5000));
	err f = stream_flush(s->io);

	return e ? e : f;
}

static void close_session(struct smtp *s)
{
	smtp_tx_reset(s);
	if (s->role->gone)
		s->role->gone(&s->info);
	stream_close(s->io);
	arena_free(&s->txa);
	arena_free(&s->session);
	metric_add(&m_sessions, -1);
}

WAITS err smtp_session(struct stream *io, bool implicit_tls, str peer_role,
		       const struct smtp_role *role)
{
	CLEANUP(close_session)
	struct smtp s = {
		.io = io,
		.role = role,
		.lim = role->limits(),
		.state = ST_NEW,
		.implicit_tls = implicit_tls,
		.info = { .peer = stream_peer(io),
			  .helo = STR(""),
			  .tls = stream_is_tls(io),
			  .lmtp = role->lmtp,
			  .tls_info = stream_tls_info(io) },
	};

	metric_add(&m_sessions, 1);
	metric_add(&m_total, 1);
	arena_init(&s.session, KIB(64));
	arena_init(&s.txa, LIM_SMTP_TX);
	s.info.session = &s.session;
	s.info.tx = &s.txa;
	s.info.peer_role = arena_dup(&s.session, peer_role);
	/* Whoever has not said who it is does not hold a connection for hours. */
	s.whole = clock_in(role->auth_required && s.lim->login ? s.lim->login : s.lim->whole);
	smtp_patience(&s, s.lim->command);
	err e = converse(&s);

	return e == E_EOF ? OK : e;
}

void smtp_count_error(struct smtp *s)
{
	metric_add(&m_errors, 1);
	s->errors++;
}
