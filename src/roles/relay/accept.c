/* The trusted listener: submission, store and mx hand mail for the outside over, before their own
 * 250. */
#include "base/limits.h"
#include "roles/relay/relay.h"
#include "run/log.h"

static const struct smtp_limits *limits(void)
{
	return &relay_settings()->limits;
}

static str hostname(void)
{
	return relay_settings()->hostname;
}

WAITS static err accept_connection(struct smtp_info *i, struct verdict *v)
{
	(void)i;
	verdict_set(v, "220 %.*s ESMTP relay", STRF(relay_settings()->hostname));
	return OK;
}

WAITS static err accept_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	(void)i;
	(void)t;
	if (relay_here()->stopping)
		verdict_set(v, "451 4.3.2 The service is being stopped");
	return OK;
}

WAITS static err accept_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			     void **data, struct verdict *v)
{
	(void)i;
	(void)t;
	(void)r;
	(void)data;
	(void)v;
	return OK; /* peers are ours, and what they may send they have judged */
}

static void fill(const struct smtp_tx *t, struct queue_mail *m, struct queue_rcpt *r)
{
	for (size_t i = 0; i < t->nrcpts; i++)
		r[i] = (struct queue_rcpt){ .address = t->rcpts[i].to.text,
					    .orcpt = t->rcpts[i].orcpt,
					    .notify = t->rcpts[i].notify };
	*m = (struct queue_mail){ .id = str_z(t->id),
				  .from = t->mail.from.text,
				  .envid = t->mail.envid,
				  .ret_hdrs = t->mail.ret == SMTP_RET_HDRS,
				  .smtputf8 = t->mail.smtputf8,
				  .body8bit = t->mail.body == SMTP_BODY_8BITMIME,
				  .rcpts = r,
				  .nrcpts = t->nrcpts };
}

/* 250 means: synced in the queue. */
WAITS static err accept_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	struct queue_rcpt *r = NEW_TRY(i->tx, struct queue_rcpt, t->nrcpts + 1);
	struct queue_mail m;

	if (!r) {
		verdict_set(v, "452 4.3.1 Out of memory, try again later");
		return OK;
	}
	fill(t, &m, r);
	err e = queue_add(relay_here()->queue, &m, t->message);

	if (e == E_CANCELED)
		return e;
	if (e != OK)
		LOG(LOG_ERROR, "relay.refused", KS("id", m.id), KE(e));
	if (e == OK)
		verdict_set(v, "250 2.0.0 Queued as %s", t->id);
	else if (e == E_FULL)
		verdict_set(v, "452 4.3.1 Disk is full, try again later");
	else
		verdict_set(v, "451 4.3.0 Local problem, try again later");
	return OK;
}

static const struct smtp_role smtp = {
	.name = "relay",
	.received = true,
	.xclient_delivery_id = true, /* the trace id of the role before goes on */
	.limits = limits,
	.connect = accept_connection,
	.mail = accept_mail,
	.rcpt = accept_rcpt,
	.data = accept_data,
	.hostname = hostname,
};

WAITS err relay_session(struct stream *io, const struct listener *l)
{
	return smtp_session(io, false, role_peer(io, l), &smtp);
}
