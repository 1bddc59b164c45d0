#include "sessions/sasl/sasl_exchange.h"
#include "sessions/smtp/session.h"

static err keep_user(struct smtp *s, const struct dir_user *user)
{
	struct dir_user *u = NEW(&s->session, struct dir_user);

	*u = *user;
	u->login = arena_dup(&s->session, user->login);
	u->backend = arena_dup(&s->session, user->backend);
	if (!u->login.p || !u->backend.p)
		return fail(E_LIMIT, "no memory for the user");
	s->info.user = u;
	s->whole = clock_in(s->lim->whole);
	return OK;
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
	smtp_patience(s, s->lim->command);
	e = sasl_exchange(s->io, sasl, STR("334 "), has, initial);
	if (e == OK)
		e = keep_user(s, sasl_server_user(sasl));
	sasl_server_free(sasl);
	/* The initial response may have held a password. */
	mem_wipe(s->line, sizeof(s->line));
	return answer_auth(s, e);
}
