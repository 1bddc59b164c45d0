/* To relay, over its trusted socket: our 250 comes after its own, which comes after the sync. */
#include "base/limits.h"
#include "clients/smtp/smtp_client.h"
#include "roles/submission/submission.h"
#include "run/log.h"
#include "services/trace/trace.h"

/* What relay said, or that it said nothing, as our answer. */
static void take_reply(const struct smtp_reply *r, struct verdict *v)
{
	if (r->code >= 200 && r->code < 600 && r->text[0])
		verdict_set(v, "%s", r->text);
	else
		verdict_set(v, "451 4.4.1 The outgoing queue is away, try again later");
}

static bool good(const struct smtp_reply *r)
{
	return r->code >= 200 && r->code < 300;
}

/* One answer serves all recipients, so one that is refused stops the whole before anything is kept.
 */
WAITS static err transact(struct smtp_client *c, struct submission_message *m,
			  struct smtp_out_rcpt *v, struct smtp_reply *r)
{
	const struct smtp_mail *mail = &m->t->mail;
	const struct smtp_out_mail out = { .from = mail->from.text,
					   .envid = mail->envid,
					   .ret_hdrs = mail->ret == SMTP_RET_HDRS,
					   .smtputf8 = mail->smtputf8,
					   .body8bit = mail->body == SMTP_BODY_8BITMIME,
					   .size = spool_size(m->spool) + m->head.n,
					   .delivery_id = str_z(m->t->id) };

	TRY(smtp_client_mail(c, &out, r));
	for (size_t i = 0; i < m->t->nrcpts && good(r); i++) {
		const struct smtp_rcpt *rcpt = &m->t->rcpts[i];

		v[i] = (struct smtp_out_rcpt){ .address = rcpt->to.text,
					       .orcpt = rcpt->orcpt,
					       .notify = rcpt->notify };
		TRY(smtp_client_rcpt(c, &v[i]));
		*r = v[i].reply;
	}
	if (!good(r))
		return OK;
	TRY(smtp_client_data(c, buf_str(&m->head), m->spool, v, m->t->nrcpts));
	*r = v[0].reply;
	return OK;
}

WAITS err submission_hand_over(struct submission_message *m, struct verdict *v)
{
	const struct submission_settings *set = submission_settings();
	const struct smtp_client_options o = { .helo = set->hostname,
					       .tls = SMTP_TLS_NEVER,
					       .connect = 10000,
					       .command = 30000,
					       .data = 60000,
					       .final = 120000 };
	struct smtp_out_rcpt *rcpts = NEW_TRY(m->i->tx, struct smtp_out_rcpt, m->t->nrcpts);
	struct smtp_client *c = NULL;
	struct smtp_reply r = { 0 };

	TRY(buf_done(&m->head));
	if (!rcpts)
		return fail(E_LIMIT, "memory for %zu recipients", m->t->nrcpts);
	err e = smtp_client_open(&set->relay, NULL, &o, &c, &r);

	if (e == OK)
		e = transact(c, m, rcpts, &r);
	if (e == OK)
		smtp_client_quit(c);
	else
		smtp_client_close(c);
	if (e == E_CANCELED)
		return e;
	if (e != OK) {
		LOG(LOG_ERROR, "submission.relay_away", KE(e));
		r.code = 0;
	}
	take_reply(&r, v);
	trace_event("submission.handed", m->t->mail.from.text, "relay: %s", v->text);
	return OK;
}
