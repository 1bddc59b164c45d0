#include "services/reports/send_part.h"

#include "base/limits.h"
#include "base/mem.h"
#include "clients/smtp/smtp_client.h"
#include "formats/mailauth/report_mail.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/spool.h"
#include "run/work.h"
#include "services/reports/consent.h"
#include "services/trace/trace.h"

METRIC(metric_sent, "posta_reports_sent_total", "", METRIC_COUNTER,
       "DMARC and TLS reports handed to submission.");
METRIC(metric_refused, "posta_reports_not_sent_total", "", METRIC_COUNTER,
       "Addresses that get no report: no consent, too large, or refused.");

enum {
	LOOK = 600000,	  /* ms between two looks: what could not be sent is tried again */
	BACK = 3,	  /* days that are looked at */
	HOSTS = 20,	  /* servers of a domain whose TLSA records are asked for */
	PATIENCE = 20000, /* ms for the questions about one address */
	FAILED = 20,	  /* reports of a look that cannot be made; then it ends */
	PAUSE = 20,	  /* ms between two mails: customers' mail goes by the same way */
};

struct reports_sender {
	struct reports_sending o;
	struct fiber *fiber;
};
/* A domain of a day. */
struct domain {
	struct domain *next;
	str name, published, rua;
};
/* One look, or one report of it: what helper threads work on. */
struct look {
	struct reports_sender *s;
	const struct reports_policy *policy;
	struct reports_store *store;
	struct tls_ctx *tls; /* for a server elsewhere */
	int64_t day;
	struct arena a; /* of the day's domains */
	struct domain *domains, **last;
	size_t ndomains;
	bool later; /* something of the day is still to be done */
	unsigned failed;
};
struct report {
	struct look *l;
	const struct domain *d;
	struct report_uri to;
	struct reports_claim claim;
	const char *what; /* of the claim */
	char id[21];
	struct buf mail;
	bool claimed;
};

/* ---- on a helper thread ---- */
static err open_store(void *arg)
{
	struct look *l = arg;

	return reports_store_open(l->s->o.dir, &l->store);
}

static err close_store(void *arg)
{
	struct look *l = arg;

	reports_read_close(l->store);
	return OK;
}

/* What stands in mails and questions: what a question of the DNS may hold without an escape. */
static bool is_plain(str name)
{
	bool plain = name.n > 0 && name.n <= LIM_SPF_NAME;

	for (size_t i = 0; i < name.n; i++)
		plain = plain && (ch_alnum(name.p[i]) || str_find(STR(".-_"), name.p[i]) < 3);
	return plain;
}

static err keep_domain(struct look *l, str name, str published, str rua)
{
	if (!is_plain(name) || l->ndomains == LIM_REPORTS_SENT)
		return OK;
	struct domain *d = NEW_TRY(&l->a, struct domain, 1);

	if (!d)
		return fail(E_LIMIT, "memory for the domains of a day");
	*d = (struct domain){ NULL, arena_dup(&l->a, name), arena_dup(&l->a, published),
			      arena_dup(&l->a, rua) };
	if (!d->name.p || !d->published.p || !d->rua.p)
		return fail(E_LIMIT, "memory for the domains of a day");
	*l->last = d;
	l->last = &d->next;
	l->ndomains++;
	return OK;
}

static err keep_dmarc(void *arg, const struct reports_domain *d)
{
	return keep_domain(arg, d->domain, d->published, d->rua);
}

static err keep_tls(void *arg, str domain)
{
	return keep_domain(arg, domain, STR(""), STR(""));
}

static err list(void *arg)
{
	struct look *l = arg;
	const struct reports_claim all = { .day = l->day,
					   .tls = l->s->o.tls,
					   .domain = STR(""),
					   .published = STR(""),
					   .address = STR("") };
	bool done;

	TRY(reports_claimed(l->store, &all, &done));
	if (done)
		return OK;
	return l->s->o.tls ? reports_tls_domains(l->store, l->day, keep_tls, l)
			   : reports_domains(l->store, l->day, keep_dmarc, l);
}

static err look_claim(void *arg)
{
	struct report *r = arg;

	return reports_claimed(r->l->store, &r->claim, &r->claimed);
}

static err write_claim(void *arg)
{
	struct report *r = arg;
	err e = reports_claim(r->l->store, &r->claim, r->what);

	r->claimed = e == E_EXISTS;
	return r->claimed ? OK : e;
}

static err end_claim(void *arg)
{
	struct report *r = arg;

	return reports_claim_end(r->l->store, &r->claim, r->what);
}

struct hosts {
	struct arena *a;
	str v[HOSTS];
	size_t n;
};

static err keep_host(void *arg, const struct reports_tls_row *row)
{
	struct hosts *h = arg;

	for (size_t i = 0; i < h->n; i++)
		if (str_eq(h->v[i], row->mx_host))
			return OK;
	if (h->n < HOSTS && is_plain(row->mx_host))
		h->v[h->n++] = arena_dup(h->a, row->mx_host);
	return OK;
}

struct host_job {
	struct look *l;
	str domain;
	struct hosts hosts;
};

static err list_hosts(void *arg)
{
	struct host_job *j = arg;

	return reports_tls_rows(j->l->store, j->l->day, j->domain, keep_host, &j->hosts);
}

static err text_of(struct report *r, struct buf *out)
{
	const struct reports_policy *p = r->l->policy;
	const struct reports_domain d = { .domain = r->d->name, .published = r->d->published };

	if (r->claim.tls)
		return reports_tls_json(r->l->store, r->l->day, r->d->name, p->organization,
					p->from, out);
	return reports_xml(r->l->store, r->l->day, &d, p->organization, p->from, out);
}

static void print_mail(struct report *r, str packed)
{
	CLEANUP(buf_free) struct buf id = { 0 }, message_id = { 0 };
	str host = *r->l->s->o.hostname;

	buf_init(&id, 400);
	buf_init(&message_id, 400);
	reports_id(&id, r->l->day, r->d->name, r->claim.tls ? STR("tls") : r->d->published);
	buf_fmt(&message_id, "%s@%.*s", r->id, STRF(host));
	const struct report_mail m = { .tls = r->claim.tls,
				       .from = r->l->policy->from,
				       .receiver = host,
				       .to = report_address(&r->to),
				       .message_id = buf_str(&message_id),
				       .now = clock_unix(),
				       .begin = r->l->day * REPORTS_DAY,
				       .end = (r->l->day + 1) * REPORTS_DAY - 1,
				       .domain = r->d->name,
				       .id = buf_str(&id),
				       .packed = packed };

	report_mail_print(&r->mail, &m);
}

/* r->what: why it cannot be sent. */
static err make(void *arg)
{
	CLEANUP(buf_free) struct buf text = { 0 }, packed = { 0 };
	struct report *r = arg;

	buf_init(&text, LIM_REPORT_TEXT);
	buf_init(&packed, LIM_REPORT_TEXT);
	err e = text_of(r, &text);

	if (!e)
		e = report_pack(buf_str(&text), &packed);
	if (e == E_LIMIT || (!e && packed.n > r->to.max)) {
		r->what = "too large";
		return OK;
	}
	TRY(e);
	print_mail(r, buf_str(&packed));
	return buf_done(&r->mail);
}

/* ---- one report ---- */
WAITS static err transact(struct report *r, struct smtp_client *c, struct smtp_out_rcpt *to)
{
	const struct smtp_out_mail mail = { .from = STR(""), /* what comes back is of no use */
					    .size = r->mail.n,
					    .delivery_id = str_z(r->id) };
	struct spool *spool = spool_new(r->l->s->o.dir, r->mail.n + 1);
	err e = spool_add(spool, buf_str(&r->mail));

	if (!e)
		e = smtp_client_send(c, &mail, STR(""), spool, to, 1);
	spool_drop(spool);
	return e;
}

/* r->what: what became of it; NULL: it did not leave for certain, and is tried again. */
WAITS static err hand_over(struct report *r)
{
	const struct reports_policy *p = r->l->policy;
	const struct smtp_client_options o = { .helo = *r->l->s->o.hostname,
					       .tls = p->via.n ? SMTP_TLS_MUST : SMTP_TLS_NEVER,
					       .tls_ctx = r->l->tls,
					       .tls_name = p->via_name,
					       .auth_user = p->user,
					       .auth_password = p->password,
					       .connect = 10000,
					       .command = 30000,
					       .data = 60000,
					       .final = 120000 };
	struct smtp_out_rcpt to = { .address = report_address(&r->to) };
	struct smtp_client *c = NULL;

	r->what = NULL;
	TRY(smtp_client_open(&p->submission, NULL, &o, &c, &to.reply));
	err e = transact(r, c, &to);

	if (e == OK)
		smtp_client_quit(c);
	else
		smtp_client_close(c);
	if (e == OK && to.reply.code >= 200 && to.reply.code < 300)
		r->what = "sent";
	else if (to.reply.code >= 500)
		r->what = "refused";
	else if (e != OK || to.reply.code == 0)
		r->what = "unsure"; /* it may be on its way: once means not again */
	return e;
}

static void tell(const struct report *r, err e)
{
	bool sent = r->what && str_eq(str_z(r->what), STR("sent"));

	metric_add(sent ? &metric_sent : &metric_refused, sent || r->what);
	LOG(sent ? LOG_INFO : LOG_WARN, "reports.report", KS("domain", r->d->name),
	    KS("to", report_address(&r->to)), KI("tls", r->claim.tls),
	    KS("done", str_z(r->what ? r->what : "later")), KE(e));
}

/* Not sent, and never to be. */
WAITS static err give_up(struct report *r, const char *why)
{
	r->what = why;
	TRY(work(POOL_DISK, write_claim, r));
	if (!r->claimed)
		tell(r, OK);
	return OK;
}

WAITS static err send_made(struct report *r)
{
	r->what = "sending";
	TRY(work(POOL_DISK, write_claim, r));
	if (r->claimed)
		return OK; /* another process was faster */
	fiber_set_trace(str_z(r->id));
	err e = hand_over(r);

	tell(r, e);
	TRY(work(POOL_DISK, end_claim, r));
	if (e == E_CANCELED)
		return e;
	/* What it does not take now it will not take of the next one either. */
	return r->what ? OK : fail(E_AGAIN, "submission takes no reports");
}

WAITS static err send_one(struct report *r)
{
	enum consent c = CONSENT_YES;

	TRY(work(POOL_DISK, look_claim, r));
	if (r->claimed)
		return OK;
	/* RFC 8460 asks for none: the domain's own servers are what is told of. */
	if (!r->claim.tls)
		TRY(reports_consent(&r->l->s->o.dns, r->d->name, clock_in(PATIENCE), &r->to, &c));
	r->l->later = r->l->later || c == CONSENT_LATER;
	if (c == CONSENT_LATER)
		return OK;
	if (c == CONSENT_NO)
		return give_up(r, "no consent");
	trace_id_new(r->id);
	r->what = NULL;
	TRY(work(POOL_DISK, make, r));
	if (r->what)
		return give_up(r, r->what);
	TRY(send_made(r));
	return fiber_sleep(clock_in(PAUSE));
}

WAITS static err send_to(struct look *l, const struct domain *d, const struct report_uri *to)
{
	struct report r = { .l = l, .d = d, .to = *to };
	char address[LIM_REPORT_ADDRESS + 1]; /* as the record has it: consent may name another */

	TRY(str_to_z(report_address(to), address, sizeof(address)));
	r.claim = (struct reports_claim){ .day = l->day,
					  .tls = l->s->o.tls,
					  .domain = d->name,
					  .published = d->published,
					  .address = str_z(address) };
	buf_init(&r.mail, 2 * LIM_REPORT_TEXT);
	err e = send_one(&r);

	buf_free(&r.mail);
	fiber_set_trace(STR(""));
	if (e == OK || e == E_CANCELED || e == E_AGAIN || ++l->failed == FAILED)
		return e;
	/* One that cannot be made does not stop the others. */
	LOG(LOG_WARN, "reports.make", KS("domain", d->name), KE(e));
	l->later = true;
	return OK;
}

/* ---- domains and days ---- */
WAITS static err send_all_to(struct look *l, const struct domain *d, str rua)
{
	struct report_uri to;

	/* A text that was cut when it was counted may end within an address. */
	if (rua.n >= REPORTS_TEXT)
		rua = str_take(rua, str_rfind(rua, ','));
	for (size_t n = 0; n < LIM_REPORT_URIS && report_next_uri(&rua, &to); n++)
		TRY(send_to(l, d, &to));
	return OK;
}

WAITS static err send_tls(struct look *l, const struct domain *d)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	struct reports_tls_asked asked;
	struct report r = { .l = l, .d = d };

	arena_init(&a, LIM_MAILAUTH_ARENA);
	struct host_job *j = NEW(&a, struct host_job);

	j->l = l;
	j->domain = d->name;
	j->hosts.a = &a;
	r.claim = (struct reports_claim){ .day = l->day,
					  .tls = true,
					  .domain = d->name,
					  .published = STR(""),
					  .address = STR("") };
	TRY(work(POOL_DISK, look_claim, &r));
	if (r.claimed)
		return OK;
	TRY(work(POOL_DISK, list_hosts, j));
	TRY(reports_tls_ask(&l->s->o.dns, d->name, j->hosts.v, j->hosts.n, &a, &asked));
	l->later = l->later || asked.later;
	if (asked.later)
		return OK;
	if (!asked.why)
		return send_all_to(l, d, asked.rua);
	r.what = asked.why;
	return work(POOL_DISK, write_claim, &r);
}

WAITS static err end_day(struct look *l)
{
	struct report r = { .l = l, .what = "done" };

	r.claim = (struct reports_claim){ .day = l->day,
					  .tls = l->s->o.tls,
					  .domain = STR(""),
					  .published = STR(""),
					  .address = STR("") };
	return work(POOL_DISK, write_claim, &r);
}

WAITS static err send_day(struct look *l)
{
	l->later = false;
	l->domains = NULL;
	l->last = &l->domains;
	l->ndomains = 0;
	arena_reset(&l->a);
	TRY(work(POOL_DISK, list, l));
	for (const struct domain *d = l->domains; d; d = d->next)
		TRY(l->s->o.tls ? send_tls(l, d) : send_all_to(l, d, d->rua));
	return l->domains && !l->later ? end_day(l) : OK;
}

WAITS static err send_due(struct look *l)
{
	int64_t now = clock_unix() - l->policy->delay / 1000, today = now / REPORTS_DAY;

	for (l->day = today - BACK; l->day < today; l->day++)
		TRY(send_day(l));
	return OK;
}

WAITS static err look(struct reports_sender *s)
{
	struct look l = { .s = s, .policy = s->o.policy() };

	if (!l.policy->send || !l.policy->has_submission)
		return OK;
	if (l.policy->via.n)
		TRY(tls_client_new(l.policy->via_verify, STR(""), &l.tls));
	arena_init(&l.a, LIM_REPORT_TEXT);
	err e = work(POOL_DISK, open_store, &l);

	if (!e)
		e = send_due(&l);
	if (l.store)
		(void)!work(POOL_DISK, close_store, &l);
	arena_free(&l.a);
	tls_drop(l.tls);
	return e;
}

WAITS static err sender_fiber(void *arg)
{
	for (;;) {
		err e = look(arg);

		if (e == E_CANCELED)
			return e;
		if (e)
			LOG(LOG_WARN, "reports.look", KE(e));
		TRY(fiber_sleep(clock_in(LOOK)));
	}
}

struct reports_sender *reports_sender_start(const struct reports_sending *o)
{
	struct reports_sender *s = MEM_NEW(struct reports_sender);

	s->o = *o;
	s->fiber = fiber_start("reports_send", sender_fiber, s);
	return s;
}

WAITS void reports_sender_stop(struct reports_sender *s)
{
	if (!s)
		return;
	fiber_cancel(s->fiber);
	err e = fiber_join(s->fiber);

	if (e != OK && e != E_CANCELED)
		LOG(LOG_WARN, "reports.stop", KE(e));
	mem_free(s);
}
