#include "services/mailauth/reports.h"

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/mailauth/reports_store.h"

METRIC(counted, "posta_reports_counted_total", "", METRIC_COUNTER,
       "Messages and sessions counted for DMARC and TLS reports.");
METRIC(dropped, "posta_reports_dropped_total", "", METRIC_COUNTER,
       "Messages and sessions that are in no report: too many, or the file cannot be written.");

enum { GATHER = 5000, RESULTS = 10 /* signatures of one message that are told */ };

struct reports {
	struct reports_store *store;
	struct buf pending;
	uint64_t npending;
	struct waitq wake;
	struct fiber *writer;
	bool stop;
	int64_t pruned; /* the last day */
};

/* ---- writing ---- */
struct batch {
	struct reports_store *store;
	str counts;
	uint64_t left_out;
	int64_t prune; /* days before this one; 0: not now */
};

static err write_batch(void *arg)
{
	struct batch *b = arg;

	TRY(reports_store_add(b->store, b->counts, &b->left_out));
	return b->prune ? reports_store_prune(b->store, b->prune) : OK;
}

WAITS static void write_pending(struct reports *r)
{
	struct buf counts = r->pending;
	struct batch b = { .store = r->store, .counts = buf_str(&counts) };
	uint64_t n = r->npending;
	int64_t today = clock_unix() / REPORTS_DAY;

	buf_init(&r->pending, LIM_REPORTS_PENDING);
	r->npending = 0;
	if (today != r->pruned)
		b.prune = today - REPORTS_DAYS;
	r->pruned = today;
	err e = work(POOL_DISK, write_batch, &b);

	if (e == E_CANCELED) /* the last ones of a process that is told to stop */
		e = write_batch(&b);
	if (e != OK)
		LOG(LOG_WARN, "reports.write", KE(e), KI("counts", n));
	metric_add(&dropped, (int64_t)(e == OK ? b.left_out : n));
	metric_add(&counted, (int64_t)(e == OK ? n - b.left_out : 0));
	buf_free(&counts);
}

WAITS static err writer_fiber(void *arg)
{
	struct reports *r = arg;

	while (!r->stop) {
		if (!r->npending)
			TRY(waitq_wait(&r->wake, NEVER));
		if (!r->stop)
			TRY(fiber_sleep(clock_in(GATHER)));
		if (r->npending)
			write_pending(r);
	}
	return OK;
}

struct opening {
	const char *dir;
	struct reports_store *store;
};

static err open_store(void *arg)
{
	struct opening *o = arg;

	return reports_store_open(o->dir, &o->store);
}

WAITS err reports_open(const char *dir, struct reports **out)
{
	struct opening o = { .dir = dir };

	TRY(work(POOL_DISK, open_store, &o));
	struct reports *r = MEM_NEW(struct reports);

	r->store = o.store;
	buf_init(&r->pending, LIM_REPORTS_PENDING);
	waitq_init(&r->wake);
	r->writer = fiber_start("reports", writer_fiber, r);
	*out = r;
	return OK;
}

WAITS void reports_close(struct reports *r)
{
	if (!r)
		return;
	r->stop = true;
	fiber_cancel(r->writer);
	err e = fiber_join(r->writer);

	if (e != OK && e != E_CANCELED)
		LOG(LOG_WARN, "reports.close", KE(e));
	if (r->npending)
		write_pending(r);
	buf_free(&r->pending);
	reports_read_close(r->store);
	mem_free(r);
}

/* ---- counting ---- */
static void add(struct reports *r, char kind, int64_t now, const str *texts, size_t n)
{
	size_t before = r->pending.n;

	buf_u8(&r->pending, (unsigned char)kind);
	buf_varint(&r->pending, (uint64_t)(now > 0 ? now / REPORTS_DAY : 0));
	for (size_t i = 0; i < n; i++)
		buf_lstr(&r->pending, str_take(texts[i], REPORTS_TEXT));
	if (buf_done(&r->pending) != OK) {
		r->pending.n = before;
		r->pending.e = OK;
		metric_add(&dropped, 1);
		return;
	}
	r->npending++;
	waitq_wake_all(&r->wake);
}

/* A field of a line: what would end it, or it, is none of it. */
static void add_field(struct buf *out, str s)
{
	buf_addc(out, ' ');
	if (!s.n)
		buf_addc(out, '-');
	for (size_t i = 0; i < s.n && i < 255; i++)
		buf_addc(out, s.p[i] > ' ' || (unsigned char)s.p[i] > 0x7f ? s.p[i] : '?');
}

static void add_results(struct buf *out, const struct mailauth_result *r)
{
	for (size_t i = 0; i < r->ndkim && i < RESULTS; i++) {
		buf_add(out, STR("dkim"));
		add_field(out, r->dkim[i].domain);
		add_field(out, r->dkim[i].selector);
		add_field(out, str_z(mailauth_name(r->dkim[i].result)));
		buf_addc(out, '\n');
	}
	if (!r->spf_domain.n)
		return;
	buf_add(out, STR("spf"));
	add_field(out, r->spf_domain);
	add_field(out, str_z(mailauth_name(r->spf)));
	buf_addc(out, '\n');
}

void reports_dmarc(struct reports *r, const struct mailauth_question *q,
		   const struct mailauth_result *result, char disposition)
{
	CLEANUP(buf_free) struct buf ip = { 0 }, results = { 0 };
	const struct mailauth_dmarc *d = &result->dmarc;
	bool pass = d->result == AUTH_PASS;
	str from = str_skip(q->from, str_rfind(q->from, '@') + 1);

	if (!r || (!pass && d->result != AUTH_FAIL) || !d->rua.n || !q->ip)
		return;
	buf_init(&ip, 80);
	buf_init(&results, KIB(8));
	net_print_ip(q->ip, &ip);
	add_results(&results, result);
	char became = pass ? 'p' : disposition, asked = d->policy;
	const str texts[REPORTS_DMARC_TEXTS] = {
		d->record_domain,
		d->published,
		d->rua,
		buf_str(&ip),
		str_of(&became, 1),
		str_of(&asked, 1),
		d->dkim_aligned ? STR("y") : STR("n"),
		d->spf_aligned ? STR("y") : STR("n"),
		d->domain,
		from,
		buf_str(&results),
	};

	add(r, 'd', q->now, texts, COUNT(texts));
}

void reports_tls(struct reports *r, const struct reports_tls *s)
{
	const str texts[REPORTS_TLS_TEXTS] = { s->domain,     s->policy,  s->failure,
					       s->sending_ip, s->mx_host, s->receiving_ip };

	if (r)
		add(r, 't', s->now, texts, COUNT(texts));
}
