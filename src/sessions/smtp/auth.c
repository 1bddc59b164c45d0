#include "base/enc.h"
#include "sessions/smtp/session.h"

/* Sends a challenge, reads the response into *response. "*" gives up: E_DENIED. */
WAITS static err ask(struct smtp *s, str challenge, struct buf *response)
{
	CLEANUP(buf_free) struct buf b;
	str line;

	buf_init(&b, LIM_SASL * 2);
	buf_add(&b, STR("334 "));
	enc_base64(&b, challenge);
	buf_add(&b, STR("\r\n"));
	TRY(buf_done(&b));
	TRY(stream_write(s->io, buf_str(&b)));
	TRY(stream_flush(s->io));
	smtp_patience(s, s->lim->command);
	/* RFC 4954 4: 12288 octets. */
	TRY(stream_line(s->io, LIM_SMTP_SASL_LINE, LINE_CRLF, &line));
	buf_reset(response);
	if (str_eq(line, STR("*")))
		return fail(E_DENIED, "exchange given up");
	if (dec_base64(response, line) != OK)
		return fail(E_SYNTAX, "response is not base64");
	return OK;
}

static err keep_user(struct smtp *s, const struct dir_user *user)
{
	struct dir_user *u = NEW(&s->session, struct dir_user);

	*u = *user;
	u->login = arena_dup(&s->session, user->login);
	u->backend = arena_dup(&s->session, user->backend);
	if (!u->login.p || !u->backend.p)
		return fail(E_LIMIT, "no memory for the user");
	s->info.user = u;
	return OK;
}

/* response: the initial one when has; wiped by the caller. */
WAITS static err exchange(struct smtp *s, struct sasl_server *sasl, bool has, struct buf *response,
			  struct buf *challenge)
{
	bool done = false;

	for (;;) {
		buf_reset(challenge);
		TRY(sasl_server_step(sasl, has, buf_str(response), challenge, &done));
		/* SCRAM: the server's signature goes out even when all is done; the client answers
		 * with nothing. */
		if (!done || challenge->n)
			TRY(ask(s, buf_str(challenge), response));
		if (done)
			return keep_user(s, sasl_server_user(sasl));
		has = true;
	}
}

static void wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->cap);
	buf_free(b);
}

WAITS static err run_exchange(struct smtp *s, struct sasl_server *sasl, bool has, str initial)
{
	CLEANUP(wipe) struct buf response;
	CLEANUP(wipe) struct buf challenge;

	buf_init(&response, LIM_SASL);
	buf_init(&challenge, LIM_SASL);
	if (has && !str_eq(initial, STR("=")) && dec_base64(&response, initial) != OK)
		return fail(E_SYNTAX, "response is not base64");
	return exchange(s, sasl, has, &response, &challenge);
}

WAITS static err answer_auth(struct smtp *s, err e)
{
	switch (e) {
	case OK:
		LOG(LOG_INFO, "smtp.login", KS("user", s->info.user->login));
		return smtp_answer(s, "235 2.7.0 Welcome");
	case E_DENIED:
		return smtp_complain(s, "535 5.7.8 Authentication failed");
	case E_AGAIN:
		return smtp_complain(s, "454 4.7.0 Try again later");
	case E_SYNTAX:
		return smtp_complain(s, "501 5.5.2 %s", err_last()->text);
	case E_LIMIT:
		return smtp_complain(s, "500 5.5.6 Response is too long");
	case E_TIMEOUT:
		s->quit = true;
		return smtp_answer(s, "421 4.4.2 Time-out");
	case E_EOF:
	case E_CANCELED:
		return e;
	default:
		LOG(LOG_ERROR, "smtp.auth", KE(e));
		return smtp_answer(s, "454 4.7.0 Try again later");
	}
}

WAITS err smtp_cmd_auth(struct smtp *s, str args)
{
	const struct sasl_config *c = s->role->sasl ? s->role->sasl(&s->info) : NULL;
	struct sasl_server *sasl;
	str mechanism, initial;
	bool has;

	if (!c)
		return smtp_complain(s, "502 5.5.1 AUTH is not offered here");
	if (s->info.user)
		return smtp_complain(s, "503 5.5.1 Logged in already");
	err e = smtp_parse_auth(args, &mechanism, &has, &initial);
	if (e)
		return smtp_answer_parse(s, e);
	struct sasl_config here = *c;

	here.io = s->io;
	here.peer = s->info.peer;
	if (sasl_server_new(&here, mechanism, &sasl) != OK)
		return smtp_complain(s, "504 5.5.4 Mechanism is not offered here");
	e = run_exchange(s, sasl, has, initial);
	sasl_server_free(sasl);
	/* The initial response may have held a password. */
	mem_wipe(s->line, sizeof(s->line));
	return answer_auth(s, e);
}
