/* The decisions of a transaction: MAIL, RCPT, DATA. */
#include "roles/mx/mx.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

#define RCPT(id, kind)                                                                             \
	METRIC(id, "posta_mx_rcpts_total", "kind=\"" kind "\"", METRIC_COUNTER,                    \
	       "Recipients answered, by answer.")
RCPT(m_accepted, "accepted");
RCPT(m_unknown, "unknown");
RCPT(m_relaying, "relaying");
RCPT(m_notable, "no_table");
RCPT(m_rate, "rate");
RCPT(m_refused, "refused");
#define MAILS(id, result)                                                                          \
	METRIC(id, "posta_mx_messages_total", "result=\"" result "\"", METRIC_COUNTER,             \
	       "Messages answered after DATA.")
MAILS(m_kept, "kept");
MAILS(m_not_kept, "refused");

WAITS err mx_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	struct mx_batch *b = NEW(i->tx, struct mx_batch);
	CLEANUP(buf_free) struct buf ip;

	b->a = i->tx;
	b->groups = NEW(i->tx, struct mx_group); /* until there are verdicts, all alike */
	b->ngroups = 1;
	b->lines = i->role_session;
	b->mail = (struct smtp_out_mail){ .from = t->mail.from.text,
					  .envid = t->mail.envid.n ? t->mail.envid : STR(""),
					  .ret_hdrs = t->mail.ret == SMTP_RET_HDRS,
					  .smtputf8 = t->mail.smtputf8,
					  .body8bit = t->mail.body == SMTP_BODY_8BITMIME,
					  .size = t->mail.size,
					  .delivery_id = str_z(t->id) };
	i->role_tx = b;
	buf_init(&ip, 64);
	net_print_ip(i->peer, &ip);
	trace_event("mx.mail", t->mail.from.text, "from %.*s [%.*s] %.*s", STRF(i->helo),
		    STRF(buf_str(&ip)), STRF(i->tls_info));
	TRY(mx_know_name(i));
	return mx_ask_lists(i, t, b);
}

static void no_memory(struct verdict *v)
{
	verdict_set(v, "452 4.5.3 Too many recipients");
}

/* True when one of the copies is new to this message: only then does it count against the rates. */
static bool any_new(const struct mx_batch *b, size_t before)
{
	return b->n > before;
}

WAITS static err ask_homes(struct mx_batch *b, const size_t *idx, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (b->v[idx[i]].state == COPY_NEW)
			TRY(mx_ask(b, &b->v[idx[i]]));
	}
	return OK;
}

/* An address of ours: is there room for it, in every sense? */
WAITS static err take(struct mx_batch *b, const struct smtp_rcpt *r, const size_t *idx, size_t n,
		      size_t before, struct verdict *v)
{
	if (any_new(b, before) && !mx_rate_ok(b->mail.from, r->to.text, v)) {
		metric_add(&m_rate, 1);
		return OK;
	}
	TRY(ask_homes(b, idx, n));
	mx_rcpt_outcome(b, idx, n, v);
	metric_add(verdict_ok(v) ? &m_accepted : &m_refused, 1);
	return OK;
}

WAITS static err decide(struct smtp_info *i, struct mx_batch *b, const struct smtp_rcpt *r,
			struct verdict *v)
{
	size_t before = b->n, *idx, n;
	enum dir_what what;
	err e = mx_route(b, r->to.text, 0, &what, &idx, &n);

	if (e == E_LIMIT) {
		no_memory(v);
		return OK;
	}
	TRY(e);
	switch (what) {
	case DIR_NOTABLE: /* never a 550 out of ignorance */
		metric_add(&m_notable, 1);
		verdict_set(v, "451 4.3.0 Directory is not at hand, try again later");
		return OK;
	case DIR_FOREIGN:
		metric_add(&m_relaying, 1);
		verdict_set(v, "550 5.7.1 Relaying denied");
		return OK;
	case DIR_UNKNOWN:
		metric_add(&m_unknown, 1);
		mx_unknown_rcpt(i, v);
		return OK;
	default:
		return take(b, r, idx, n, before, v);
	}
}

WAITS err mx_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r, void **data,
		  struct verdict *v)
{
	struct mx_batch *b = i->role_tx;
	size_t before = b->n;
	err e = mx_lists_refuse(b, r, v) ? OK : decide(i, b, r, v);

	if (e || !verdict_ok(v))
		b->n = before; /* its copies go with it */
	trace_event(verdict_ok(v) ? "mx.rcpt" : "mx.refused", r->to.text, "%s", v->text);
	if (!verdict_ok(v))
		LOG(LOG_INFO, "mx.refused", KS("to", r->to.text), KS("from", b->mail.from),
		    KS("why", str_z(v->text)));
	return e;
}

/* Delivers, queues what has to wait, and says what came of it. */
WAITS static err keep(struct smtp_tx *t, struct mx_batch *b, struct verdict *v)
{
	err queued = OK;

	b->mail.size = spool_size(b->message);
	TRY(mx_deliver(b));
	if (mx_must_queue(b))
		queued = mx_queue_copies(b, str_z(t->id));
	if (queued == E_CANCELED)
		return queued;
	if (queued)
		LOG(LOG_ERROR, "mx.queue", KE(queued));
	mx_data_outcome(b, queued, v);
	if (!v->text[0])
		verdict_set(v, "250 2.0.0 Kept as %s", t->id);
	return OK;
}

/* The filter's word, and each recipient's verdict. v is set when the message is refused now. */
WAITS static err weigh(struct smtp_info *i, struct smtp_tx *t, struct mx_batch *b,
		       struct spool **clean, struct verdict *v)
{
	struct mx_scan *scan = NEW(b->a, struct mx_scan);

	TRY(mx_scan(i, t, b, scan, clean));
	b->message = *clean ? *clean : t->message;
	if (!scan->later)
		return mx_give_verdicts(b, scan, v);
	verdict_set(v, "451 4.7.1 Message cannot be looked at now, try again later");
	return OK;
}

static void drop(struct spool **s)
{
	spool_drop(*s);
}

WAITS err mx_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	CLEANUP(drop) struct spool *clean = NULL;
	struct mx_batch *b = i->role_tx;

	TRY(weigh(i, t, b, &clean, v));
	if (!v->text[0])
		TRY(keep(t, b, v));
	metric_add(verdict_ok(v) ? &m_kept : &m_not_kept, 1);
	trace_event(verdict_ok(v) ? "mx.kept" : "mx.refused", STR(""), "%s", v->text);
	LOG(LOG_INFO, "mx.answer", KS("from", b->mail.from), KI("rcpts", t->nrcpts),
	    KI("size", b->mail.size), KS("answer", str_z(v->text)));
	return OK;
}
