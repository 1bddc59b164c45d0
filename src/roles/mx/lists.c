/* The black lists that are asked before DATA: of the client's address, of the names that it and
 * its sender give. What they refuse is refused at RCPT, so that the log knows for whom it was and
 * the postmaster can be written to (RFC 5321 4.5.1). A list that is silent has no effect. */
#include "roles/mx/mx.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

METRIC(m_rejected, "posta_mx_listed_total", "action=\"reject\"", METRIC_COUNTER,
       "Messages that a black list refused before DATA.");
METRIC(m_deferred, "posta_mx_listed_total", "action=\"defer\"", METRIC_COUNTER,
       "Messages that a black list refused before DATA.");

bool mx_exempt(const struct smtp_info *i)
{
	return i->user || i->peer_role.n || blacklists_trusts(&mx_settings()->blacklists, i->peer);
}

WAITS err mx_ask_lists(struct smtp_info *i, struct smtp_tx *t, struct mx_batch *b)
{
	const struct blacklists_settings *set = &mx_settings()->blacklists;
	const struct blacklists_message q = {
		.ip = i->peer, .helo = i->helo, .rdns = i->rdns, .from = t->mail.from.text
	};
	struct blacklists_hits hits;

	if (!set->n || mx_exempt(i))
		return OK;
	TRY(blacklists_envelope(mx_here()->blacklists, &q, NEVER, i->tx, &hits));
	const struct blacklists_hit *h = blacklists_refusal(&hits);

	if (!h)
		return OK;
	bool reject = h->result->act == BLACKLISTS_REJECT;

	metric_add(reject ? &m_rejected : &m_deferred, 1);
	b->listed =
		arena_fmt(i->tx, "%s %.*s is listed by %.*s", reject ? "550 5.7.1" : "451 4.7.1",
			  STRF(h->what), STRF(h->list->dns.label));
	trace_event("mx.listed", h->what, "%.*s %.*s", STRF(h->list->dns.label),
		    STRF(h->result->symbol));
	LOG(LOG_INFO, "mx.listed", KS("what", h->what), KS("list", h->list->dns.label),
	    KS("symbol", h->result->symbol), KS("from", t->mail.from.text));
	return OK;
}

bool mx_lists_refuse(const struct mx_batch *b, const struct smtp_rcpt *r, struct verdict *v)
{
	if (!b->listed.n || str_eqi(r->to.local, STR("postmaster")))
		return false;
	verdict_set(v, "%.*s", STRF(b->listed));
	return true;
}
