#include "sessions/milter/milter.h"

#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/verdict/verdict.h"
#include "sessions/milter/internal.h"

METRIC(m_mails, "posta_filter_requests_total", "protocol=\"milter\"", METRIC_COUNTER,
       "Requests, by protocol.");

enum {
	IDLE_TIME = 3600000, /* milliseconds: the mail server's own client may be slow */
	SEND_TIME = 60000,
};

/* ---- state ---- */

static void forget_mail(struct milter *s)
{
	spool_drop(s->q.message);
	s->q.message = NULL;
	s->nforged = s->authres = 0;
	s->too_forged = false;
	s->broken = OK;
	arena_reset(&s->mail);
	s->rcpts = NULL;
	s->q.id = s->q.env.from = s->q.env.user = STR("");
	s->q.env.known = false;
	s->q.env.rcpts = NULL;
	s->q.env.nrcpts = 0;
}

static void forget_connection(struct milter *s)
{
	forget_mail(s);
	arena_reset(&s->connection);
	s->q.env.ip = s->q.env.helo = s->q.env.rdns = STR("");
}

/* Texts of the packet live on; one for which there is no memory is left out. */
static str keep(struct arena *a, str s)
{
	str kept = s.n ? arena_dup(a, s) : STR("");

	return kept.p ? kept : STR("");
}

static str unbracket(str s)
{
	return s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' ? str_take(str_skip(s, 1), s.n - 2)
								: s;
}

/* The first error sticks: the rest of such a mail is read and forgotten. */
WAITS static void add(struct milter *s, str bytes)
{
	if (!s->q.message)
		s->broken = filter_spool(s->f, &s->q);
	if (!s->broken)
		s->broken = spool_add(s->q.message, bytes);
}

/* ---- commands ---- */

WAITS static err cmd_options(struct milter *s, str data)
{
	const uint32_t steps = MILTER_NO_UNKNOWN | MILTER_NO_DATA | MILTER_NR_HEADER |
			       MILTER_NR_CONNECT | MILTER_NR_HELO | MILTER_NR_MAIL |
			       MILTER_NR_RCPT | MILTER_NR_EOH | MILTER_NR_BODY |
			       MILTER_LEADING_SPACE;
	struct milter_options theirs;

	TRY(milter_parse_options(data, &theirs));
	s->o.version = theirs.version < 6 ? theirs.version : 6;
	s->o.actions =
		theirs.actions & (MILTER_MAY_ADD | MILTER_MAY_CHANGE | MILTER_MAY_QUARANTINE);
	s->o.steps = theirs.steps & steps;
	milter_print_options(&s->reply, &s->o);
	return OK;
}

/* Answered unless it was agreed that it is not. */
static void go_on(struct milter *s, uint32_t unless)
{
	if (!(s->o.steps & unless) || !unless)
		milter_print(&s->reply, MILTER_CONTINUE, STR(""));
}

WAITS static err cmd_connect(struct milter *s, str data)
{
	struct milter_connect c;

	forget_connection(s);
	TRY(milter_parse_connect(data, &c));
	if (c.family == '4' || c.family == '6')
		s->q.env.ip = keep(&s->connection, c.addr);
	/* A client without a name comes as its address in brackets. */
	if (c.host.n && c.host.p[0] != '[')
		s->q.env.rdns = keep(&s->connection, c.host);
	go_on(s, MILTER_NR_CONNECT);
	return OK;
}

WAITS static err cmd_helo(struct milter *s, str data)
{
	str helo = STR("");

	(void)milter_next(&data, &helo);
	s->q.env.helo = keep(&s->connection, helo);
	go_on(s, MILTER_NR_HELO);
	return OK;
}

WAITS static err cmd_mail(struct milter *s, str data)
{
	str from = STR("");

	(void)milter_next(&data, &from);
	s->q.env.from = keep(&s->mail, unbracket(from));
	s->q.env.known = true;
	go_on(s, MILTER_NR_MAIL);
	return OK;
}

WAITS static err cmd_rcpt(struct milter *s, str data)
{
	str rcpt;

	if (!s->rcpts)
		s->rcpts = NEW_TRY(&s->mail, str, LIM_SMTP_RCPTS);
	if (s->rcpts && s->q.env.nrcpts < LIM_SMTP_RCPTS && milter_next(&data, &rcpt)) {
		s->rcpts[s->q.env.nrcpts++] = keep(&s->mail, unbracket(rcpt));
		s->q.env.rcpts = s->rcpts;
	}
	go_on(s, MILTER_NR_RCPT);
	return OK;
}

WAITS static err cmd_macro(struct milter *s, str data)
{
	char of = data.n ? data.p[0] : '\0';
	str pairs = str_skip(data, 1), id = milter_macro(pairs, STR("i")),
	    user = milter_macro(pairs, STR("auth_authen"));

	if (of == MILTER_CONNECT)
		return OK;
	if (id.n && !str_eq(id, s->q.id))
		s->q.id = keep(&s->mail, id);
	if (user.n && of == MILTER_MAIL)
		s->q.env.user = keep(&s->mail, user);
	return OK;
}

/* ---- the message ---- */

/* Which of the fields are ours alone to write; the mail server takes them out by number. */
static void note_forged(struct milter *s, str name, str line)
{
	bool authres = str_eqi(name, STR("Authentication-Results"));
	uint32_t index = 1;

	s->authres += authres;
	if (!verdict_has_forged(line, filter_settings_of(s->f)->hostname))
		return;
	if (s->nforged == LIM_MILTER_FORGED) {
		s->too_forged = true;
		return;
	}
	for (size_t i = 0; i < s->nforged; i++)
		index += str_eqi(s->forged[i].name, name);
	name = keep(&s->mail, name);
	s->too_forged |= !name.n;
	if (name.n)
		s->forged[s->nforged++] =
			(struct forged){ name, authres ? (uint32_t)s->authres : index };
}

/* Inside a value a line ends with LF. */
static void add_lines(struct buf *out, str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\r')
			continue;
		if (value.p[i] == '\n')
			buf_addc(out, '\r');
		buf_addc(out, value.p[i]);
	}
}

WAITS static err cmd_header(struct milter *s, str data)
{
	CLEANUP(buf_free) struct buf line;
	str name, value;

	buf_init(&line, 2 * LIM_MILTER_PACKET);
	TRY(milter_parse_header(data, &name, &value));
	buf_add(&line, name);
	buf_add(&line, s->o.steps & MILTER_LEADING_SPACE ? STR(":") : STR(": "));
	add_lines(&line, value);
	buf_add(&line, STR("\r\n"));
	TRY(buf_done(&line));
	note_forged(s, name, buf_str(&line));
	add(s, buf_str(&line));
	go_on(s, MILTER_NR_HEADER);
	return OK;
}

WAITS static err cmd_eoh(struct milter *s, str data)
{
	(void)data;
	add(s, STR("\r\n"));
	go_on(s, MILTER_NR_EOH);
	return OK;
}

WAITS static err cmd_body(struct milter *s, str data)
{
	add(s, data);
	go_on(s, MILTER_NR_BODY);
	return OK;
}

WAITS static err cmd_eom(struct milter *s, str data)
{
	metric_add(&m_mails, 1);
	add(s, data);
	err e = milter_end(s);

	forget_mail(s);
	return e;
}

WAITS static err cmd_abort(struct milter *s, str data)
{
	(void)data;
	forget_mail(s);
	return OK;
}

WAITS static err cmd_other(struct milter *s, str data)
{
	(void)data;
	go_on(s, 0);
	return OK;
}

WAITS static err cmd_quit_new(struct milter *s, str data)
{
	(void)data;
	forget_connection(s);
	return OK;
}

WAITS static err cmd_quit(struct milter *s, str data)
{
	(void)s;
	(void)data;
	return fail(E_EOF, "quit");
}

static const struct {
	char command;
	WAITS err (*run)(struct milter *s, str data);
} commands[] = {
	{ MILTER_OPTIONS, cmd_options },   { MILTER_MACRO, cmd_macro },
	{ MILTER_CONNECT, cmd_connect },   { MILTER_HELO, cmd_helo },
	{ MILTER_MAIL, cmd_mail },	   { MILTER_RCPT, cmd_rcpt },
	{ MILTER_DATA, cmd_other },	   { MILTER_UNKNOWN, cmd_other },
	{ MILTER_HEADER, cmd_header },	   { MILTER_EOH, cmd_eoh },
	{ MILTER_BODY, cmd_body },	   { MILTER_EOM, cmd_eom },
	{ MILTER_ABORT, cmd_abort },	   { MILTER_QUIT, cmd_quit },
	{ MILTER_QUIT_NEW, cmd_quit_new },
};

/* ---- the conversation ---- */

/* A mail server that waits for its client waits here; between mails nothing is lost by an end. */
WAITS static err read_packet(struct milter *s)
{
	char four[4];
	bool between = s->q.message == NULL && !s->q.env.known;

	stream_deadline(s->io, clock_in(IDLE_TIME));
	if (between && role_draining())
		return fail(E_EOF, "leaving");
	role_idle(between);
	TRY(stream_read_full(s->io, four, sizeof(four)));
	role_idle(false);
	uint32_t n = milter_length(four);

	if (n == 0 || n > LIM_MILTER_PACKET)
		return fail(E_SYNTAX, "a packet of %u octets", n);
	buf_reset(&s->packet);
	char *p = buf_room(&s->packet, n);

	if (!p)
		return fail(E_LIMIT, "no memory for a packet");
	TRY(stream_read_full(s->io, p, n));
	s->packet.n = n;
	return OK;
}

WAITS static err serve_one(struct milter *s)
{
	TRY(read_packet(s));
	char command = s->packet.p[0];
	str data = str_skip(buf_str(&s->packet), 1);

	buf_reset(&s->reply);
	for (size_t i = 0; i < COUNT(commands); i++) {
		if (commands[i].command != command)
			continue;
		TRY(commands[i].run(s, data));
		TRY(buf_done(&s->reply));
		stream_deadline(s->io, clock_in(SEND_TIME));
		TRY(stream_write(s->io, buf_str(&s->reply)));
		return stream_flush(s->io);
	}
	return fail(E_SYNTAX, "a packet of the unknown kind %d", command);
}

WAITS err milter_session(struct stream *io, struct filter *f)
{
	struct milter *s = MEM_NEW(struct milter);
	err e;

	s->io = io;
	s->f = f;
	buf_init(&s->packet, LIM_MILTER_PACKET + 1);
	buf_init(&s->reply, MIB(1));
	arena_init(&s->connection, KIB(16));
	arena_init(&s->mail, MIB(4));
	forget_connection(s);
	do
		e = serve_one(s);
	while (e == OK);
	if (e == E_SYNTAX || e == E_LIMIT)
		LOG(LOG_WARN, "milter.broken", KE(e));
	spool_drop(s->q.message);
	buf_free(&s->packet);
	buf_free(&s->reply);
	arena_free(&s->connection);
	arena_free(&s->mail);
	mem_free(s);
	stream_close(io);
	return e == E_EOF ? OK : e;
}
