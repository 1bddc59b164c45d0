#include "roles/store/store.h"

#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

METRIC(m_saved, "posta_store_deliveries_total", "result=\"saved\"", METRIC_COUNTER,
       "Mails taken by LMTP, by what became of them.");
METRIC(m_refused, "posta_store_deliveries_total", "result=\"refused\"", METRIC_COUNTER,
       "Mails taken by LMTP, by what became of them.");
METRIC(m_strangers, "posta_store_lmtp_strangers_total", "", METRIC_COUNTER,
       "LMTP connections from peers that are not listed.");

static const struct smtp_limits *limits(void)
{
	return &store_settings()->lmtp;
}

static str hostname(void)
{
	return store_settings()->hostname;
}

/* No role trusts an address alone: over TCP listed peers only. */
static bool listed(const struct net_addr *peer)
{
	const struct store_settings *set = store_settings();

	for (size_t i = 0; i < set->nlmtp_peers; i++) {
		if (net_block_has(&set->lmtp_peers[i], peer))
			return true;
	}
	return false;
}

WAITS static err lmtp_connect(struct smtp_info *i, struct verdict *v)
{
	if (net_is_unix(i->peer) ? i->peer_role.n > 0 : listed(i->peer))
		return OK;
	metric_add(&m_strangers, 1);
	verdict_set(v, "554 5.7.1 Not a listed peer");
	return OK;
}

WAITS static err lmtp_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	return OK;
}

/* RFC 3463: what a box that cannot be had, or has no room, means to the sender. */
static void refuse(err e, bool disk, struct verdict *v)
{
	if (e == E_FULL && disk)
		verdict_set(v, "452 4.3.1 Disk is full, try again later");
	else if (e == E_FULL && store_settings()->over_quota_permanent)
		verdict_set(v, "552 5.2.2 Mailbox is full");
	else if (e == E_FULL)
		verdict_set(v, "452 4.2.2 Mailbox is full");
	else if (e == E_AGAIN || e == E_DENIED)
		verdict_set(v, "451 4.2.0 Mailbox is not here now");
	else
		verdict_set(v, "451 4.3.0 Local problem, try again later");
}

WAITS static err take_rcpt(const struct dir_user *u, uint64_t size, void **data, struct verdict *v)
{
	struct box *box;
	bool disk = false;
	err e = store_open_box(u, &box);

	if (e == E_CANCELED)
		return e;
	if (e != OK && e != E_AGAIN && e != E_DENIED)
		LOG(LOG_ERROR, "store.open_box", KS("user", u->login), KE(e));
	if (e) {
		refuse(e, false, v);
		return OK;
	}
	e = box_room(box, size, &disk);
	if (e) {
		box_drop(box);
		refuse(e, disk, v);
		return OK;
	}
	*data = box;
	return OK;
}

WAITS static err lmtp_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			   void **data, struct verdict *v)
{
	struct dir_answer a;

	TRY(dirtable_address(store_here()->table, r->to.text, i->tx, &a));
	if (a.what == DIR_NOTABLE)
		verdict_set(v, "451 4.3.0 Directory is not at hand, try again later");
	else if (a.what != DIR_USER)
		verdict_set(v, "550 5.1.1 No such mailbox");
	else if (a.user.flags & USER_DISABLED)
		verdict_set(v, "550 5.2.1 Mailbox is disabled");
	else
		TRY(take_rcpt(&a.user, t->mail.size, data, v));
	if (!verdict_ok(v)) {
		metric_add(&m_refused, 1);
		trace_event("store.refused", r->to.text, "%s", v->text);
	}
	return OK;
}

/* RFC 5321 4.4: the delivering host puts Return-Path at the top. */
static str prefix_of(struct smtp_info *i, const struct smtp_tx *t, size_t k)
{
	str p = arena_fmt(i->tx, "Return-Path: <%.*s>\r\nDelivered-To: %.*s\r\n",
			  STRF(t->mail.from.text), STRF(t->rcpts[k].to.text));

	return p.p ? p : STR("");
}

static void report(const struct smtp_tx *t, const struct delivery *d, str address,
		   struct verdict *v)
{
	if (d->result == OK) {
		verdict_set(v, "250 2.1.5 %.*s saved", STRF(str_take(address, 300)));
		metric_add(&m_saved, 1);
		trace_event("store.saved", address, "INBOX, %llu octets",
			    (unsigned long long)spool_size(t->message));
		return;
	}
	refuse(d->result, !d->over_quota, v);
	metric_add(&m_refused, 1);
	trace_event("store.refused", address, "%s", v->text);
	LOG(LOG_WARN, "store.refused", KS("to", address), KS("why", str_z(v->text)), KE(d->result));
}

WAITS static err lmtp_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	struct delivery *d = NEW_TRY(i->tx, struct delivery, t->nrcpts);

	if (!d)
		return fail(E_LIMIT, "no memory for %zu deliveries", t->nrcpts);
	for (size_t k = 0; k < t->nrcpts; k++) {
		d[k] = (struct delivery){
			.box = t->rcpt_data[k],
			.folder = STR(""),
			.prefix = prefix_of(i, t, k),
			.delivery = t->mail.delivery_id.n ? t->mail.delivery_id : STR(""),
		};
	}
	mailstore_deliver(store_here()->mail, t->message, d, t->nrcpts);
	for (size_t k = 0; k < t->nrcpts; k++)
		report(t, &d[k], t->rcpts[k].to.text, &v[k]);
	return OK;
}

static void lmtp_reset(struct smtp_info *i, struct smtp_tx *t)
{
	for (size_t k = 0; k < t->nrcpts; k++)
		box_drop(t->rcpt_data[k]);
}

static const struct smtp_role lmtp = {
	.name = "store",
	.lmtp = true,
	.xclient_delivery_id = true,
	.limits = limits,
	.connect = lmtp_connect,
	.mail = lmtp_mail,
	.rcpt = lmtp_rcpt,
	.data = lmtp_data,
	.reset = lmtp_reset,
	.hostname = hostname,
};

WAITS err store_lmtp_session(struct stream *io, const struct listener *l)
{
	return smtp_session(io, l->tls, role_peer(io, l), &lmtp);
}
