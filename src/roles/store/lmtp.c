#include "roles/store/store.h"

#include "run/log.h"
#include "run/metrics.h"
#include "services/digest/digest.h"
#include "services/trace/trace.h"

METRIC(m_saved, "posta_store_deliveries_total", "result=\"saved\"", METRIC_COUNTER,
       "Mails taken by LMTP, by what became of them.");
METRIC(m_refused, "posta_store_deliveries_total", "result=\"refused\"", METRIC_COUNTER,
       "Mails taken by LMTP, by what became of them.");
METRIC(m_strangers, "posta_store_lmtp_strangers_total", "", METRIC_COUNTER,
       "LMTP connections from peers that are not listed.");

#define PLACE(id, place)                                                                           \
	METRIC(id, "posta_store_places_total", "place=\"" place "\"", METRIC_COUNTER,              \
	       "Mails saved, by place.")
PLACE(m_inbox, "inbox");
PLACE(m_spam, "spam");
PLACE(m_quarantine, "quarantine");
METRIC(m_quarantine_full, "posta_store_quarantine_full_total", "", METRIC_COUNTER,
       "Mails dropped because their recipient's quarantine was full.");

/* What a recipient's RCPT came down to. */
struct taken {
	struct box *box;
	enum folder_use place; /* USE_NONE: INBOX */
	str login, release;    /* the detail of an address that releases a mail, "" of others */
};

static const struct smtp_limits *limits(void)
{
	return &store_settings()->lmtp;
}

static str hostname(void)
{
	return store_settings()->hostname;
}

/* No role trusts an address alone: over TCP listed peers only. */
static bool listed(const struct net_block *v, size_t n, const struct net_addr *peer)
{
	for (size_t i = 0; i < n; i++) {
		if (net_block_has(&v[i], peer))
			return true;
	}
	return false;
}

/* An mx says where a mail belongs by the address's detail. What others write behind a + is not a
 * folder's name: anybody could fill one. */
static enum folder_use place_of(const struct smtp_info *i, str detail)
{
	const struct store_settings *set = store_settings();
	bool trusted = net_is_unix(i->peer)
			       ? str_eq(i->peer_role, STR("mx")) || str_eq(i->peer_role, STR("*"))
			       : listed(set->place_peers, set->nplace_peers, i->peer);

	if (trusted && str_eqi(detail, STR("Spam")))
		return USE_JUNK;
	if (trusted && str_eqi(detail, STR("Quarantine")))
		return USE_QUARANTINE;
	return USE_NONE;
}

static const char *place_name(enum folder_use place)
{
	return place == USE_JUNK ? "Spam" : place == USE_QUARANTINE ? "quarantine" : "INBOX";
}

WAITS static err lmtp_connect(struct smtp_info *i, struct verdict *v)
{
	const struct store_settings *set = store_settings();

	if (net_is_unix(i->peer) ? i->peer_role.n > 0
				 : listed(set->lmtp_peers, set->nlmtp_peers, i->peer))
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

WAITS static err take_rcpt(struct smtp_info *i, const struct dir_answer *a, uint64_t size,
			   void **data, struct verdict *v)
{
	const struct dir_user *u = &a->user;
	enum folder_use place = place_of(i, a->detail);
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
	if (e == E_FULL && place == USE_QUARANTINE && !disk)
		e = OK; /* it is outside the quota */
	if (e) {
		box_drop(box);
		refuse(e, disk, v);
		return OK;
	}
	bool release = digest_is_release(a->detail);

	if (release)
		e = store_release_check(u, box, a->detail, v);
	if (e || !verdict_ok(v)) {
		box_drop(box);
		return e;
	}
	struct taken *t = NEW(i->tx, struct taken);

	*t = (struct taken){ box, place, u->login, release ? a->detail : STR("") };
	*data = t;
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
		TRY(take_rcpt(i, &a, t->mail.size, data, v));
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

static void saved(const struct smtp_tx *t, const struct delivery *d, str address)
{
	metric_add(&m_saved, 1);
	metric_add(d->place == USE_JUNK		? &m_spam
		   : d->place == USE_QUARANTINE ? &m_quarantine
						: &m_inbox,
		   1);
	trace_event("store.saved", address, "%s, %llu octets", place_name(d->place),
		    (unsigned long long)spool_size(t->message));
}

/* What lies beyond a recipient's level and finds the quarantine full is not worth a queue. */
static void dropped(const struct delivery *d, str address)
{
	metric_add(&m_quarantine_full, 1);
	trace_event("store.dropped", address, "the quarantine is full");
	LOG(LOG_WARN, "store.quarantine_full", KS("to", address), KE(d->result));
}

static void report(const struct smtp_tx *t, const struct delivery *d, str address,
		   struct verdict *v)
{
	bool full = d->place == USE_QUARANTINE && d->result == E_FULL && d->over_quota;

	if (d->result == OK || full) {
		verdict_set(v, "250 2.1.5 %.*s saved", STRF(str_take(address, 300)));
		if (full)
			dropped(d, address);
		else
			saved(t, d, address);
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
	size_t *at = NEW_TRY(i->tx, size_t, t->nrcpts), n = 0;

	if (!d || !at)
		return fail(E_LIMIT, "no memory for %zu deliveries", t->nrcpts);
	for (size_t k = 0; k < t->nrcpts; k++) {
		const struct taken *to = t->rcpt_data[k];

		if (to->release.n) {
			TRY(store_release(to->box, to->login, to->release, &v[k]));
			continue;
		}
		at[n] = k;
		d[n++] = (struct delivery){
			.box = to->box,
			.folder = STR(""),
			.place = to->place,
			.prefix = prefix_of(i, t, k),
			.delivery = t->mail.delivery_id.n ? t->mail.delivery_id : STR(""),
		};
	}
	if (n)
		mailstore_deliver(store_here()->mail, t->message, d, n);
	for (size_t k = 0; k < n; k++)
		report(t, &d[k], t->rcpts[at[k]].to.text, &v[at[k]]);
	return OK;
}

static void lmtp_reset(struct smtp_info *i, struct smtp_tx *t)
{
	for (size_t k = 0; k < t->nrcpts; k++)
		box_drop(((struct taken *)t->rcpt_data[k])->box);
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
