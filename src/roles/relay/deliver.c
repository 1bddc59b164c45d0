/* One attempt: a connection (one that waits, or a new one to the first server that answers), one
 * transaction, and what each reply means. */
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "roles/relay/relay.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

METRIC(connected, "posta_relay_connections_total", "outcome=\"ok\"", METRIC_COUNTER,
       "Connections to other servers.");
METRIC(refused, "posta_relay_connections_total", "outcome=\"failed\"", METRIC_COUNTER,
       "Connections to other servers.");
METRIC(reused, "posta_relay_connections_total", "outcome=\"reused\"", METRIC_COUNTER,
       "Connections to other servers.");

/* Recipients of one attempt that go to the same next hop now. */
struct delivery {
	const struct queue_mail *m;
	struct spool *message;
	struct queue_try **t;
	size_t n;
	str destination, domain;
	const struct relay_route *route;
	struct relay_route own;
	struct arena *a;
};

static void set_all(const struct delivery *d, enum try_what what, bool away, const char *status,
		    str server, const char *text)
{
	for (size_t i = 0; i < d->n; i++) {
		struct queue_try *t = d->t[i];

		t->what = what;
		t->away = away;
		(void)snprintf(t->status, sizeof(t->status), "%s", status);
		(void)snprintf(t->text, sizeof(t->text), "%s", text);
		(void)snprintf(t->server, sizeof(t->server), "%.*s", STRF(str_take(server, 250)));
	}
}

/* ---- connecting ---- */
static struct smtp_client_options options_for(const struct delivery *d, const struct relay_hop *hop)
{
	const struct relay_settings *set = relay_settings();
	str tls = d->route ? d->route->tls : set->tls;
	struct smtp_client_options o = { .helo = set->hostname,
					 .tls_ctx = relay_here()->tls,
					 .tls_name = hop->host,
					 .connect = set->connect,
					 .command = set->command,
					 .data = set->data,
					 .final = set->final };

	if (str_eq(tls, STR("never")))
		o.tls = SMTP_TLS_NEVER;
	else if (str_eq(tls, STR("may")))
		o.tls = SMTP_TLS_MAY;
	else
		o.tls = SMTP_TLS_MUST;
	if (str_eq(tls, STR("verify")))
		o.tls_ctx = relay_here()->tls_verify;
	if (d->route) {
		o.auth_user = d->route->user;
		o.auth_password = d->route->password;
	}
	return o;
}

static struct relay_line *line_new(const struct delivery *d, const struct relay_hop *hop,
				   struct smtp_client *c)
{
	struct relay_line *line = MEM_NEW(struct relay_line);

	list_init(&line->link);
	line->client = c;
	(void)snprintf(line->destination, sizeof(line->destination), "%.*s", STRF(d->destination));
	(void)snprintf(line->server, sizeof(line->server), "%.*s", STRF(hop->host));
	return line;
}

static void trace_hop(const struct relay_hop *hop, const struct smtp_client *c,
		      const struct smtp_reply *r)
{
	CLEANUP(buf_free) struct buf at;

	buf_init(&at, 200);
	net_print(&hop->addr, &at);
	if (!c) {
		trace_event("relay.connect", STR(""), "%.*s at %.*s: %s", STRF(hop->host),
			    STRF(buf_str(&at)), r->text);
		return;
	}
	str tls = smtp_client_tls(c);
	const char *clear = smtp_client_ext(c) & SMTP_EXT_STARTTLS
				    ? "in clear although it offers TLS"
				    : "in clear";

	trace_event("relay.connect", STR(""), "%.*s at %.*s, %.*s", STRF(hop->host),
		    STRF(buf_str(&at)), STRF(tls.n ? tls : str_z(clear)));
}

/* Nobody answered as a mail server should. */
static void none_answered(const struct delivery *d, str server, const struct smtp_reply *last,
			  size_t permanent, size_t tried)
{
	/* Each of them for good: the mail goes back. Of a smart host it is our configuration that
	 * is wrong. */
	bool failed = permanent == tried && !(d->route && d->route->user.n);
	const char *status = last->status[0] ? last->status : failed ? "5.4.0" : "4.4.1";

	set_all(d, failed ? TRY_FAILED : TRY_LATER, !failed, status, last->code ? server : STR(""),
		last->text);
	/* A 4.x.x status for what comes back would contradict itself, and the reverse. */
	for (size_t i = 0; i < d->n; i++)
		d->t[i]->status[0] = failed ? '5' : '4';
}

/* For the TLS report of a domain whose servers the DNS names (RFC 8460 4.3). */
static void count_tls(const struct delivery *d, const struct relay_hop *hop, enum smtp_tls wanted,
		      const struct smtp_client *c)
{
	CLEANUP(buf_free) struct buf ip = { 0 };

	if (wanted == SMTP_TLS_NEVER || (d->route && !str_eq(d->route->to, STR("mx"))))
		return;
	buf_init(&ip, 80);
	net_print_ip(&hop->addr, &ip);
	const struct reports_tls session = {
		.domain = d->domain,
		.policy = STR("no-policy-found"),
		.failure = smtp_client_tls(c).n			    ? STR("")
			   : smtp_client_ext(c) & SMTP_EXT_STARTTLS ? STR("validation-failure")
								    : STR("starttls-not-supported"),
		.sending_ip = STR(""),
		.mx_host = hop->host,
		.receiving_ip = buf_str(&ip),
		.now = clock_unix(),
	};

	reports_tls(relay_here()->reports, &session);
}

WAITS static struct relay_line *connect_one(const struct delivery *d, const struct relay_hop *hop,
					    struct smtp_reply *r, err *e)
{
	struct smtp_client_options o = options_for(d, hop);
	struct smtp_client *c = NULL;

	*e = smtp_client_open(&hop->addr, NULL, &o, &c, r);
	if (*e == E_CANCELED)
		return NULL;
	trace_hop(hop, *e == OK ? c : NULL, r);
	if (*e == OK)
		count_tls(d, hop, o.tls, c);
	metric_add(*e == OK ? &connected : &refused, 1);
	return *e == OK ? line_new(d, hop, c) : NULL;
}

/* NULL: the tries are filled. */
WAITS static struct relay_line *connect_any(const struct delivery *d)
{
	struct smtp_reply r = { 0 };
	struct relay_hops hops;
	size_t permanent = 0, i;
	err e = OK;

	relay_hops(d->route, d->domain, d->a, &hops);
	if (!hops.n) {
		set_all(d, hops.what, hops.what == TRY_LATER, hops.status, STR(""), hops.text);
		return NULL;
	}
	for (i = 0; i < hops.n && e != E_CANCELED; i++) {
		struct relay_line *line = connect_one(d, &hops.v[i], &r, &e);

		if (line)
			return line;
		permanent += r.code >= 500;
	}
	if (e == E_CANCELED)
		set_all(d, TRY_LATER, false, "4.3.2", STR(""),
			"broken off: the service is being stopped");
	else
		none_answered(d, hops.v[hops.n - 1].host, &r, permanent, i);
	return NULL;
}

/* ---- one transaction ---- */
/* RFC 6531 3.6: an all-ASCII mail may go on without SMTPUTF8, whatever its first hop asked for. */
WAITS static bool needs_utf8(const struct delivery *d)
{
	bool ascii = str_ascii(d->m->from);
	uint64_t at = 0;
	size_t got = 1;
	char block[2048];
	bool newline = false;

	for (size_t i = 0; i < d->n; i++)
		ascii = ascii && str_ascii(d->t[i]->rcpt->address);
	while (ascii && got && at < LIM_MIME_HEADER) {
		if (spool_read(d->message, at, block, sizeof(block), &got) != OK)
			return true;
		at += got;
		for (size_t i = 0; i < got && ascii; i++) {
			if (block[i] == '\n' && newline)
				return false; /* the header's end */
			newline = block[i] == '\n' || (newline && block[i] == '\r');
			ascii = !(block[i] & 0x80);
		}
	}
	return !ascii;
}

static void set_try(struct queue_try *t, const struct smtp_reply *r, const struct relay_line *line)
{
	bool dsn = smtp_client_ext(line->client) & SMTP_EXT_DSN;

	if (r->code >= 200 && r->code < 300)
		t->what = dsn ? TRY_PASSED : TRY_RELAYED;
	else
		t->what = r->code >= 500 ? TRY_FAILED : TRY_LATER;
	(void)snprintf(t->status, sizeof(t->status), "%s", r->status);
	(void)snprintf(t->text, sizeof(t->text), "%s", r->text[0] ? r->text : "connection lost");
	(void)snprintf(t->server, sizeof(t->server), "%.250s", line->server);
}

static void finish(struct relay_line *line, err e, const struct smtp_out_rcpt *v, size_t n)
{
	bool closing = e != OK;

	for (size_t i = 0; i < n; i++) /* 421: the server hangs up */
		closing = closing || v[i].reply.code == 421 || v[i].reply.code == 0;
	if (closing)
		relay_line_drop(line);
	else
		relay_pool_put(line);
}

WAITS static void transact(const struct delivery *d, struct relay_line *line)
{
	const struct queue_mail *m = d->m;
	struct smtp_out_mail out = { .from = m->from,
				     .envid = m->envid,
				     .ret_hdrs = m->ret_hdrs,
				     .body8bit = m->body8bit,
				     .size = spool_size(d->message),
				     .smtputf8 = m->smtputf8 && needs_utf8(d),
				     .delivery_id = fiber_trace() };
	struct smtp_out_rcpt *v = NEW_TRY(d->a, struct smtp_out_rcpt, d->n);

	if (!v) {
		set_all(d, TRY_LATER, false, "4.3.0", STR(""), "out of memory");
		relay_line_drop(line);
		return;
	}
	for (size_t i = 0; i < d->n; i++) {
		const struct queue_rcpt *r = d->t[i]->rcpt;

		v[i] = (struct smtp_out_rcpt){ .address = r->address,
					       .orcpt = r->orcpt,
					       .notify = r->notify };
	}
	err e = smtp_client_send(line->client, &out, STR(""), d->message, v, d->n);

	for (size_t i = 0; i < d->n; i++)
		set_try(d->t[i], &v[i].reply, line);
	finish(line, e, v, d->n);
}

WAITS static void deliver(struct delivery *d)
{
	struct relay_line *line = relay_pool_take(d->destination);

	metric_add(&reused, line != NULL);
	if (!line)
		line = connect_any(d);
	if (line)
		transact(d, line);
}

/* A reload may have changed the routes since the recipients were put together: they are grouped
 * anew. */
WAITS void relay_attempt(void *arg, const struct queue_mail *m, struct spool *message,
			 struct queue_try *t, size_t n)
{
	CLEANUP(arena_free) struct arena a = { 0 };
	size_t done = 0;

	(void)arg;
	if (relay_sign_report(m, message, t, n))
		return;
	arena_init(&a, MIB(8));
	struct queue_try **group = NEW_TRY(&a, struct queue_try *, n);
	bool *taken = NEW_TRY(&a, bool, n);

	for (size_t i = 0; group && taken && done < n; i++) {
		if (taken[i])
			continue;
		struct delivery d = { .m = m, .message = message, .t = group, .a = &a };

		d.domain = relay_domain(t[i].rcpt->address);
		d.destination = relay_destination(NULL, t[i].rcpt->address, &a);
		d.route = relay_route(relay_settings(), d.domain, &d.own);
		for (size_t k = i; k < n; k++) {
			if (taken[k] ||
			    !str_eq(relay_destination(NULL, t[k].rcpt->address, &a), d.destination))
				continue;
			taken[k] = true;
			group[d.n++] = &t[k];
		}
		done += d.n;
		deliver(&d);
	}
}
