/* A filter is asked about a message, and its header is looked at: who says that he wrote it, and
 * which fields only we may write. */
#include "base/limits.h"
#include "formats/mime/header.h"
#include "roles/mx/mx.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/trace/trace.h"

#define SCANS(id, result)                                                                          \
	METRIC(id, "posta_mx_scans_total", "result=\"" result "\"", METRIC_COUNTER,                \
	       "Messages for which a filter was asked, by what came of it.")
SCANS(m_scanned, "scanned");
SCANS(m_incomplete, "incomplete");
SCANS(m_away, "away");
METRIC(m_forged, "posta_mx_forged_total", "", METRIC_COUNTER,
       "Messages with X-Spam or Authentication-Results fields that seemed to be ours.");

/* The delay that scanning adds: counters in the form of a histogram. */
#define DELAY_NAME "posta_mx_scan_milliseconds"
#define DELAY(id, le)                                                                              \
	METRIC(id, DELAY_NAME "_bucket", "le=\"" le "\"", METRIC_COUNTER,                          \
	       "Messages by the time that the filter took, cumulative.")
DELAY(m_le1, "1");
DELAY(m_le2, "2");
DELAY(m_le3, "3");
DELAY(m_le5, "5");
DELAY(m_le7, "7");
DELAY(m_le10, "10");
DELAY(m_le15, "15");
DELAY(m_le20, "20");
DELAY(m_le30, "30");
DELAY(m_le50, "50");
DELAY(m_le100, "100");
DELAY(m_le200, "200");
DELAY(m_le500, "500");
DELAY(m_le1000, "1000");
DELAY(m_le2000, "2000");
DELAY(m_le5000, "5000");
DELAY(m_le10000, "10000");
DELAY(m_inf, "+Inf");
METRIC(m_sum, DELAY_NAME "_sum", "", METRIC_COUNTER, "Milliseconds waited for filters.");
METRIC(m_count, DELAY_NAME "_count", "", METRIC_COUNTER, "Messages that waited for a filter.");

static const struct {
	msec le;
	struct metric *m;
} buckets[] = {
	{ 1, &m_le1 },	       { 2, &m_le2 },	    { 3, &m_le3 },	 { 5, &m_le5 },
	{ 7, &m_le7 },	       { 10, &m_le10 },	    { 15, &m_le15 },	 { 20, &m_le20 },
	{ 30, &m_le30 },       { 50, &m_le50 },	    { 100, &m_le100 },	 { 200, &m_le200 },
	{ 500, &m_le500 },     { 1000, &m_le1000 }, { 2000, &m_le2000 }, { 5000, &m_le5000 },
	{ 10000, &m_le10000 },
};

static void count_delay(msec took)
{
	for (size_t i = 0; i < COUNT(buckets); i++)
		if (took <= buckets[i].le)
			metric_add(buckets[i].m, 1);
	metric_add(&m_inf, 1);
	metric_add(&m_sum, took);
	metric_add(&m_count, 1);
}

/* ---- the header ---- */
struct look {
	struct spool *message;
	struct arena *a;
	str from;	  /* the author's address; "" when there is none, or several */
	size_t header;	  /* its length */
	struct buf clean; /* the header without what is forged, when there is such */
	bool forged;
};

/* RFC 5322 3.6.2 allows several authors, and nobody writes so; a second From is no mail program's.
 * Neither may borrow somebody's place in an address book. */
static str author(str header, struct arena *a)
{
	struct mime_field f;
	str value = { 0 };

	for (struct mime_fields it = mime_fields(header); mime_field(&it, &f);) {
		if (!str_eqi(f.name, STR("From")))
			continue;
		if (value.p)
			return STR("");
		value = f.value;
	}
	struct mime_address *m = value.p ? mime_addresses(a, value) : NULL;

	if (!m || m->next || m->bad || !m->mailbox.p || !m->domain.p)
		return STR("");
	str address = arena_fmt(a, "%.*s@%.*s", STRF(m->mailbox), STRF(m->domain));

	return address.p ? address : STR("");
}

static err look_at_header(void *arg)
{
	struct look *l = arg;
	str message, header, hostname = mx_settings()->hostname;

	TRY(spool_view(l->message, &message));
	l->header = verdict_header_size(message);
	header = str_take(message, l->header);
	l->from = author(header, l->a);
	l->forged = verdict_has_forged(header, hostname);
	buf_init(&l->clean, l->header);
	if (l->forged)
		verdict_add_clean(&l->clean, header, hostname);
	return buf_done(&l->clean);
}

/* The message with the cleaned header. */
WAITS static err without_forged(const struct look *l, struct spool *to)
{
	enum { BLOCK = 16 * 1024 };
	CLEANUP(buf_free) struct buf block;
	size_t got = 1;

	buf_init(&block, BLOCK);
	char *p = buf_room(&block, BLOCK);

	if (!p)
		return fail(E_LIMIT, "no memory for a block");
	TRY(spool_add(to, buf_str(&l->clean)));
	for (uint64_t at = l->header; got; at += got) {
		TRY(spool_read(l->message, at, p, BLOCK, &got));
		TRY(spool_add(to, str_of(p, got)));
	}
	return OK;
}

WAITS static err clean(const struct smtp_tx *t, struct mx_batch *b, struct mx_scan *out,
		       struct spool **clean)
{
	struct look l = { .message = t->message, .a = b->a, .from = STR("") };
	err e = work(POOL_CPU, look_at_header, &l);

	out->sender.from = l.from;
	if (!e && l.forged) {
		metric_add(&m_forged, 1);
		trace_event("mx.forged", STR(""), "fields that only we may write were removed");
		*clean = spool_new(mx_settings()->limits.spool_dir, spool_size(t->message) + 1);
		e = without_forged(&l, *clean);
	}
	buf_free(&l.clean);
	return e;
}

/* ---- the question ---- */
static err rcpts(const struct mx_batch *b, struct filter_question *q)
{
	str *v = NEW_TRY(b->a, str, b->n + 1);

	if (!v)
		return fail(E_LIMIT, "no memory for %zu recipients", b->n);
	for (size_t i = 0; i < b->n; i++)
		v[i] = b->v[i].address;
	q->rcpts = v;
	q->nrcpts = b->n;
	return OK;
}

static str ip_of(const struct smtp_info *i, struct arena *a)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 64);
	if (!net_is_unix(i->peer))
		net_print_ip(i->peer, &b);
	str ip = arena_dup(a, buf_str(&b));

	return ip.p ? ip : STR("");
}

static err take_symbols(const struct filter_answer *a, struct arena *arena, struct mx_scan *out)
{
	out->symbols = NEW_TRY(arena, struct verdict_symbol, a->nsymbols + 1);
	if (!out->symbols)
		return fail(E_LIMIT, "no memory for %zu symbols", a->nsymbols);
	for (size_t i = 0; i < a->nsymbols; i++)
		out->symbols[i] =
			(struct verdict_symbol){ a->symbols[i].name, a->symbols[i].score };
	out->nsymbols = a->nsymbols;
	return OK;
}

static err take_answer(const struct filter_answer *a, struct arena *arena, struct mx_scan *out)
{
	out->message = (struct verdict_message){
		.scanned = true,
		.score = a->score,
		/* rspamd forces "reject" at a score of nothing (GTUBE, its own lists). */
		.refuse = str_eq(a->action, STR("reject")) && (a->score < a->required),
		.virus = (a->virus.n > 0),
		.dangerous = a->dangerous.n > 0,
		.reason = a->virus.n ? a->virus : a->dangerous,
	};
	out->later =
		str_eq(a->action, STR("soft reject")) || (a->incomplete && mx_settings()->defer);
	out->recipients = a->recipients;
	out->nrecipients = a->nrecipients;
	out->auth_results = a->auth_results;
	metric_add(a->incomplete ? &m_incomplete : &m_scanned, 1);
	return take_symbols(a, arena, out);
}

static void no_answer(err e, struct mx_scan *out)
{
	metric_add(&m_away, 1);
	trace_event("mx.unscanned", STR(""), "no filter answered: %s", err_last()->text);
	LOG(LOG_WARN, "mx.filter_away", KE(e));
	out->later = mx_settings()->defer;
}

WAITS static err ask(const struct smtp_info *i, const struct smtp_tx *t, struct mx_batch *b,
		     struct mx_scan *out)
{
	struct filter_question q = { .message = t->message,
				     .ip = ip_of(i, b->a),
				     .helo = i->helo,
				     .rdns = i->rdns.n ? i->rdns : STR(""),
				     .from = b->mail.from,
				     .user = STR(""),
				     .id = str_z(t->id) };
	struct filter_answer a = { 0 };
	msec begun = clock_now();

	TRY(rcpts(b, &q));
	out->asked = true;
	err e = filter_check(mx_here()->filters, &q, clock_in(mx_settings()->filter_timeout), b->a,
			     &a);

	count_delay(clock_now() - begun);
	if (e == E_CANCELED)
		return e;
	if (!e)
		return take_answer(&a, b->a, out);
	no_answer(e, out);
	return OK;
}

/* ---- who it is from ---- */
/* A message of our own submission comes over relay's socket: who may use an address as its sender
 * was looked at there. */
static void confirm(const struct smtp_info *i, struct mx_scan *out)
{
	struct verdict_sender *s = &out->sender;

	if (s->from_confirmed || s->envelope_confirmed)
		return; /* by mx's own question */
	s->from_confirmed = verdict_confirmed(out->auth_results, verdict_domain(s->from));
	s->envelope_confirmed =
		verdict_confirmed(out->auth_results, verdict_domain(s->envelope)) ||
		(i->peer_role.n &&
		 dirtable_domain_is_ours(mx_here()->table, verdict_domain(s->envelope)));
}

/* Reports of our own relay are not asked about. */
static bool is_ours(const struct smtp_info *i, const struct mx_batch *b)
{
	return i->peer_role.n && !b->mail.from.n;
}

WAITS err mx_scan(const struct smtp_info *i, const struct smtp_tx *t, struct mx_batch *b,
		  struct mx_scan *out, struct spool **cleaned)
{
	*out = (struct mx_scan){ .sender = { .envelope = b->mail.from, .from = STR("") },
				 .message = { .reason = STR("") },
				 .auth_results = STR("") };
	*cleaned = NULL;
	TRY(clean(t, b, out, cleaned));
	if (mx_here()->filters && !is_ours(i, b))
		TRY(ask(i, t, b, out));
	if (out->message.scanned && !out->auth_results.n && mx_settings()->authenticate &&
	    mx_settings()->nresolvers && !net_is_unix(i->peer)) {
		err e = mx_authenticate(i, t, b->a, out);

		if (e == E_CANCELED)
			return e;
		if (e)
			LOG(LOG_WARN, "mx.authenticate", KE(e));
	}
	confirm(i, out);
	return OK;
}
