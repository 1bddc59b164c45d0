#include "sessions/smtp/session.h"

static void announce_auth(struct smtp *s, struct buf *out)
{
	const struct sasl_config *c =
		s->role->sasl && !s->info.user ? s->role->sasl(&s->info) : NULL;
	struct buf names;

	if (!c)
		return;
	buf_init(&names, 256);
	struct sasl_config here = *c;

	here.io = s->io;
	here.peer = s->info.peer;
	sasl_mechanisms(&here, "", " ", &names);
	if (buf_str(&names).n) {
		buf_fmt(out, "AUTH %.*s\n", STRF(buf_str(&names)));
		s->ext |= SMTP_EXT_AUTH;
	}
	buf_free(&names);
}

static void announce(struct smtp *s, struct buf *out)
{
	struct tls_ctx *tls = s->role->starttls && !s->info.tls ? role_tls() : NULL;

	s->ext = SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 | SMTP_EXT_CHUNKING |
		 SMTP_EXT_ENHANCED | SMTP_EXT_DSN | SMTP_EXT_PIPELINING | SMTP_EXT_LIMITS;
	buf_fmt(out, "SIZE %lld\n", (long long)s->lim->message);
	buf_add(out, STR("8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES\nDSN\nPIPELINING\n"));
	buf_fmt(out, "LIMITS RCPTMAX=%lld\n", (long long)s->lim->rcpts);
	if (tls) {
		s->ext |= SMTP_EXT_STARTTLS;
		buf_add(out, STR("STARTTLS\n"));
		tls_drop(tls);
	}
	if (s->role->xclient_delivery_id) {
		s->ext |= SMTP_EXT_DELIVERYID;
		buf_add(out, STR("XDELIVERYID\n"));
	}
	announce_auth(s, out);
}

WAITS static err answer_ehlo(struct smtp *s)
{
	CLEANUP(buf_free) struct buf lines;
	str rest, line, host = s->role->hostname();

	buf_init(&lines, LIM_SMTP_REPLY);
	announce(s, &lines);
	rest = str_trim_ws(buf_str(&lines));
	TRY(smtp_answer(s, "250-%.*s", STRF(host)));
	while (str_next(&rest, '\n', &line))
		TRY(smtp_answer(s, "250%c%.*s", rest.p ? '-' : ' ', STRF(line)));
	return OK;
}

WAITS static err hello(struct smtp *s, str args, bool extended)
{
	struct verdict v = { 0 };
	str name;
	err e = smtp_parse_helo(args, &name);

	if (e)
		return smtp_answer_parse(s, e);
	smtp_tx_reset(s);
	name = arena_dup(&s->session, name);
	if (!name.p) /* thousands of hellos: this client wants something else */
		return smtp_complain(s, "503 5.5.1 Too many hellos");
	s->info.helo = name;
	s->info.esmtp = extended;
	s->ext = 0;
	verdict_set(&v, "250 %.*s", STRF(s->role->hostname()));
	if (s->role->helo)
		TRY(smtp_asked(s, "helo", s->role->helo(&s->info, &v), &v));
	if (!verdict_ok(&v))
		return smtp_answer_verdict(s, &v);
	s->state = ST_HELLO;
	return extended ? answer_ehlo(s) : smtp_answer_verdict(s, &v);
}

WAITS err smtp_cmd_ehlo(struct smtp *s, str args)
{
	return hello(s, args, true);
}

WAITS err smtp_cmd_helo(struct smtp *s, str args)
{
	return hello(s, args, false);
}
