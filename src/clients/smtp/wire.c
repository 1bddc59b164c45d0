#include "clients/smtp/client.h"

#include <string.h>

static bool has_control(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return true;
	}
	return false;
}

WAITS err smtp_say(struct smtp_client *c, str line)
{
	/* An address or name from elsewhere must not become a second command. */
	if (has_control(line))
		return fail(E_SYNTAX, "control character in a command");
	TRY(stream_write(c->io, line));
	return stream_write(c->io, STR("\r\n"));
}

static void set_status(struct smtp_reply *r, str status)
{
	if (str_to_z(status, r->status, sizeof(r->status)) != OK)
		r->status[0] = 0;
}

void smtp_reply_own(struct smtp_reply *r, int code, const char *status, str text)
{
	struct buf b;

	*r = (struct smtp_reply){ .code = code };
	buf_init(&b, sizeof(r->text) - 1);
	smtp_add_clean(&b, text, sizeof(r->text) - 1);
	memcpy(r->text, buf_str(&b).p, b.n);
	buf_free(&b);
	set_status(r, str_z(status));
}

/* Lines joined by " / "; what is over the room is cut. */
static void join(struct smtp_reply *r, size_t *at, str line)
{
	struct buf b;

	buf_init(&b, sizeof(r->text));
	if (*at)
		buf_add(&b, STR(" / "));
	smtp_add_clean(&b, line, sizeof(r->text) - 4);
	str s = str_take(buf_str(&b), sizeof(r->text) - 1 - *at);

	memcpy(r->text + *at, s.p, s.n);
	*at += s.n;
	r->text[*at] = 0;
	buf_free(&b);
}

WAITS static err hear(struct smtp_client *c, bool ehlo, struct smtp_reply *r)
{
	struct smtp_reply_line l = { .more = true };
	size_t at = 0;
	str line;

	*r = (struct smtp_reply){ 0 };
	for (unsigned n = 0; l.more; n++) {
		if (n == LIM_SMTP_REPLY_LINES)
			return fail(E_LIMIT, "reply of over %d lines", LIM_SMTP_REPLY_LINES);
		TRY(stream_line(c->io, LIM_SMTP_REPLY, LINE_LENIENT, &line));
		TRY(smtp_parse_reply_line(line, &l));
		if (n && l.code != r->code)
			return fail(E_SYNTAX, "reply changes its code");
		r->code = l.code;
		join(r, &at, at ? str_skip(line, 4) : line);
		if (!r->status[0] && !ehlo)
			set_status(r, l.status);
		if (ehlo && n) {
			str kept = arena_dup(&c->arena, str_skip(line, 4));

			if (kept.p)
				smtp_parse_ehlo_line(kept, &c->server);
		}
	}
	return OK;
}

WAITS static err hear_in(struct smtp_client *c, msec patience, bool ehlo, struct smtp_reply *r)
{
	stream_deadline(c->io, clock_in(patience));
	err e = stream_flush(c->io);

	/* A server that hangs up often said why before. */
	if (e == OK || e == E_IO)
		e = hear(c, ehlo, r);
	if (e == E_EOF)
		smtp_reply_own(r, 0, "4.4.2", STR("connection closed by the server"));
	else if (e == E_TIMEOUT)
		smtp_reply_own(r, 0, "4.4.2", STR("no answer in time"));
	else if (e)
		smtp_reply_own(r, 0, "4.4.2", str_z(err_last()->text));
	return e;
}

WAITS err smtp_hear(struct smtp_client *c, msec patience, struct smtp_reply *r)
{
	return hear_in(c, patience, false, r);
}

WAITS err smtp_hear_ehlo(struct smtp_client *c, msec patience, struct smtp_reply *r)
{
	c->server = (struct smtp_server){ .auth = STR("") };
	arena_reset(&c->arena);
	return hear_in(c, patience, true, r);
}
