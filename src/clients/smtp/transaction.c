#include "clients/smtp/client.h"

#include <string.h>

enum { BLOCK = 16 * 1024, BATCH = 64 };

static bool accepted(const struct smtp_reply *r)
{
	return r->code >= 200 && r->code < 300;
}

/* What we know beforehand that the server would refuse. */
static bool refused_here(const struct smtp_client *c, const struct smtp_out_mail *m,
			 struct smtp_reply *r)
{
	if (m->smtputf8 && !(c->server.ext & SMTP_EXT_SMTPUTF8)) {
		smtp_reply_own(r, 550, "5.6.7", STR("550 5.6.7 server does not offer SMTPUTF8"));
		return true;
	}
	if (c->server.size && m->size > c->server.size) {
		smtp_reply_own(r, 552, "5.3.4",
			       STR("552 5.3.4 message is larger than the server takes"));
		return true;
	}
	return false;
}

WAITS static err say_mail(struct smtp_client *c, const struct smtp_out_mail *m)
{
	CLEANUP(buf_free) struct buf b;
	struct smtp_mail mail = {
		.from.text = m->from,
		.size = m->size,
		.body = m->body8bit ? SMTP_BODY_8BITMIME : SMTP_BODY_NONE,
		.smtputf8 = m->smtputf8,
		.ret = m->ret_hdrs ? SMTP_RET_HDRS : SMTP_RET_NONE,
		.envid = m->envid,
		.delivery_id = m->delivery_id,
	};

	buf_init(&b, LIM_SMTP_LINE * 2);
	smtp_print_mail(&b, &mail, c->server.ext);
	TRY(buf_done(&b));
	return smtp_say(c, buf_str(&b));
}

WAITS static err say_rcpt(struct smtp_client *c, const struct smtp_out_rcpt *r)
{
	CLEANUP(buf_free) struct buf b;
	struct smtp_rcpt rcpt = { .to.text = r->address, .notify = r->notify, .orcpt = r->orcpt };

	buf_init(&b, LIM_SMTP_LINE * 2);
	smtp_print_rcpt(&b, &rcpt, c->server.ext);
	TRY(buf_done(&b));
	return smtp_say(c, buf_str(&b));
}

/* A command that could not even be said gets our own reply. */
static err unsaid(err e, struct smtp_reply *r)
{
	if (e == E_SYNTAX || e == E_LIMIT) {
		smtp_reply_own(r, 553, "5.1.3", STR("553 5.1.3 address cannot be sent"));
		return OK;
	}
	smtp_reply_own(r, 0, "4.4.2", str_z(err_last()->text));
	return e;
}

WAITS err smtp_client_mail(struct smtp_client *c, const struct smtp_out_mail *m,
			   struct smtp_reply *r)
{
	if (refused_here(c, m, r))
		return OK;
	err e = say_mail(c, m);

	return e ? unsaid(e, r) : smtp_hear(c, c->o.command, r);
}

WAITS err smtp_client_rcpt(struct smtp_client *c, struct smtp_out_rcpt *r)
{
	err e = say_rcpt(c, r);

	return e ? unsaid(e, &r->reply) : smtp_hear(c, c->o.command, &r->reply);
}

WAITS err smtp_client_reset(struct smtp_client *c)
{
	struct smtp_reply r;

	TRY(smtp_say(c, STR("RSET")));
	TRY(smtp_hear(c, c->o.command, &r));
	return accepted(&r) ? OK : fail(E_IO, "RSET: %s", r.text);
}

/* Gives the same reply to all whose RCPT was accepted. */
static void reply_all(struct smtp_out_rcpt *v, size_t n, const struct smtp_reply *r)
{
	for (size_t i = 0; i < n; i++) {
		if (accepted(&v[i].reply))
			v[i].reply = *r;
	}
}

WAITS static err send_encoded(struct smtp_client *c, struct buf *b)
{
	stream_deadline(c->io, clock_in(c->o.data));
	TRY(buf_done(b));
	TRY(stream_write(c->io, buf_str(b)));
	buf_reset(b);
	return OK;
}

/* block: BLOCK octets of room. */
WAITS static err send_blocks(struct smtp_client *c, str head, struct spool *message, char *block,
			     struct buf *b)
{
	struct smtp_stuff s = { 0 };
	uint64_t at = 0;
	size_t got;

	smtp_stuff(&s, head, b);
	for (;;) {
		TRY(spool_read(message, at, block, BLOCK, &got));
		if (!got)
			break;
		at += got;
		smtp_stuff(&s, str_of(block, got), b);
		TRY(send_encoded(c, b));
	}
	smtp_stuff_end(&s, b);
	return send_encoded(c, b);
}

WAITS static err send_content(struct smtp_client *c, str head, struct spool *message)
{
	char *block = mem_get(BLOCK);
	struct buf b;

	buf_init(&b, size_add(size_mul(head.n, 3), 3 * BLOCK + 8));
	err e = send_blocks(c, head, message, block, &b);

	buf_free(&b);
	mem_free(block);
	return e;
}

/* LMTP, RFC 2033 4.2: one reply for each RCPT that was accepted, in order. */
WAITS static err hear_each(struct smtp_client *c, struct smtp_out_rcpt *v, size_t n)
{
	err e = OK;
	struct smtp_reply r;

	for (size_t i = 0; i < n; i++) {
		if (!accepted(&v[i].reply))
			continue;
		if (!e)
			e = smtp_hear(c, c->o.final, &r);
		v[i].reply = r;
	}
	return e;
}

WAITS static err lost(struct smtp_client *c, err e, struct smtp_out_rcpt *v, size_t n)
{
	struct smtp_reply r;

	/* What the server said before it hung up is worth more than our "broken pipe". */
	if (e != E_IO || smtp_hear(c, 1000, &r) != OK || r.code < 400)
		smtp_reply_own(&r, 0, "4.4.2",
			       e == E_TIMEOUT ? STR("time-out while sending the message")
					      : str_z(err_last()->text));
	reply_all(v, n, &r);
	return e;
}

WAITS err smtp_client_data(struct smtp_client *c, str head, struct spool *message,
			   struct smtp_out_rcpt *v, size_t n)
{
	struct smtp_reply r;
	err e = smtp_say(c, STR("DATA"));

	if (!e)
		e = smtp_hear(c, c->o.command, &r);
	else
		smtp_reply_own(&r, 0, "4.4.2", str_z(err_last()->text));
	if (e || r.code != 354) {
		/* A 2xx here would look like "kept". */
		if (!e && accepted(&r))
			smtp_reply_own(&r, 0, "4.5.0", STR("server accepts DATA with a 2xx"));
		reply_all(v, n, &r);
		return e ? e : r.code ? OK : fail(E_IO, "%s", r.text);
	}
	e = send_content(c, head, message);
	if (e)
		return lost(c, e, v, n);
	if (c->o.lmtp)
		return hear_each(c, v, n);
	e = smtp_hear(c, c->o.final, &r);
	reply_all(v, n, &r);
	return e;
}

/* Says RCPT for v[0..n) at once and hears the answers. A batch is small enough that its replies fit
 * into the socket's buffers: neither side can wait for the other (RFC 2920 3.1). */
WAITS static err rcpt_batch(struct smtp_client *c, struct smtp_out_rcpt *v, size_t n)
{
	err e = OK;

	for (size_t i = 0; i < n; i++) {
		v[i].reply = (struct smtp_reply){ 0 };
		e = say_rcpt(c, &v[i]);
		if (e)
			e = unsaid(e, &v[i].reply);
		TRY(e);
	}
	for (size_t i = 0; i < n; i++) {
		if (!v[i].reply.code)
			TRY(smtp_hear(c, c->o.command, &v[i].reply));
	}
	return OK;
}

WAITS static err say_rcpts(struct smtp_client *c, struct smtp_out_rcpt *v, size_t n)
{
	size_t step = c->server.ext & SMTP_EXT_PIPELINING ? BATCH : 1;

	for (size_t at = 0; at < n; at += step)
		TRY(rcpt_batch(c, v + at, n - at < step ? n - at : step));
	return OK;
}

/* MAIL was refused, or the connection broke: nobody has got it. */
static void none_accepted(struct smtp_out_rcpt *v, size_t n, const struct smtp_reply *r)
{
	for (size_t i = 0; i < n; i++) {
		if (accepted(&v[i].reply) || !v[i].reply.code)
			v[i].reply = *r;
	}
}

WAITS static err send_rcpts(struct smtp_client *c, struct smtp_out_rcpt *v, size_t n)
{
	struct smtp_reply r;
	err e = say_rcpts(c, v, n);

	if (e) {
		smtp_reply_own(&r, 0, "4.4.2", str_z(err_last()->text));
		none_accepted(v, n, &r);
	}
	return e;
}

WAITS err smtp_client_send(struct smtp_client *c, const struct smtp_out_mail *m, str head,
			   struct spool *message, struct smtp_out_rcpt *v, size_t n)
{
	struct smtp_reply r = { 0 };
	size_t good = 0;

	for (size_t i = 0; i < n; i++)
		v[i].reply = (struct smtp_reply){ 0 };
	err e = smtp_client_mail(c, m, &r);
	if (e || !accepted(&r)) {
		none_accepted(v, n, &r);
		return e;
	}
	TRY(send_rcpts(c, v, n));
	for (size_t i = 0; i < n; i++)
		good += accepted(&v[i].reply);
	if (good)
		return smtp_client_data(c, head, message, v, n);
	/* The transaction stands open without recipients; the connection may serve another mail. */
	return smtp_client_reset(c);
}
