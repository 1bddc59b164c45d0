/* What other roles of this node made themselves and want signed: no login, no rates; who may
 * connect is in the listener's list of peers. */
#include "roles/submission/submission.h"

static const struct smtp_limits *limits(void)
{
	return &submission_settings()->limits;
}

static str hostname(void)
{
	return submission_settings()->hostname;
}

WAITS static err begin(struct smtp_info *i, struct verdict *v)
{
	(void)i;
	verdict_set(v, "220 %.*s ESMTP submission", STRF(hostname()));
	return OK;
}

WAITS static err accept_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	(void)i;
	(void)t;
	(void)v;
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
	return OK;
}

static const struct smtp_role inside = {
	.name = "submission",
	.xclient_delivery_id = true, /* the trace id goes on */
	.limits = limits,
	.connect = begin,
	.mail = accept_mail,
	.rcpt = accept_rcpt,
	.data = submission_own_data,
	.hostname = hostname,
};

WAITS err submission_inside(struct stream *io, const struct listener *l)
{
	return smtp_session(io, false, role_peer(io, l), &inside);
}
