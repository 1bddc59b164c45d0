#include "clients/dns/dns.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>
#include <unbound.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(asked, "posta_dns_questions_total", "", METRIC_COUNTER, "Questions to the DNS.");
METRIC(unanswered, "posta_dns_failures_total", "", METRIC_COUNTER,
       "Questions to the DNS without an answer, or with one that failed validation.");

struct dns {
	struct ub_ctx *ctx;
	struct fiber *pump;
	int fd;
};
/* Lies on the stack of the fiber that asks. */
struct question {
	struct waitq answered;
	bool done;
	int rc;
	struct ub_result *result;
};

/* https://data.iana.org/root-anchors/: the keys of 2017 and 2024. */
static const char *const anchors[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};
static const char *const options[][2] = {
	{ "do-not-query-localhost:", "no" },
	{ "domain-insecure:", "test." },
	{ "module-config:", "validator iterator" },
	{ "msg-cache-size:", "16m" },
	{ "rrset-cache-size:", "16m" },
};

/* ---- open and close ---- */
static err ub_fail(int rc)
{
	return rc == 0 ? OK : fail(E_IO, "libunbound: %s", ub_strerror(rc));
}

/* "192.0.2.53:53" as libunbound wants it: "192.0.2.53@53". */
static err forward_to(struct dns *d, str server)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct net_addr a;

	TRY(net_parse(server, &a));
	buf_init(&b, 100);
	net_print_ip(&a, &b);
	buf_fmt(&b, "@%u%c", net_port(&a), 0);
	TRY(buf_done(&b));
	return ub_fail(ub_ctx_set_fwd(d->ctx, b.p));
}

static err configure(struct dns *d, const struct dns_options *o)
{
	for (size_t i = 0; i < COUNT(options); i++)
		TRY(ub_fail(ub_ctx_set_option(d->ctx, options[i][0], options[i][1])));
	for (size_t i = 0; o->dnssec && i < COUNT(anchors); i++)
		TRY(ub_fail(ub_ctx_add_ta(d->ctx, anchors[i])));
	for (size_t i = 0; i < o->nforward; i++)
		TRY(forward_to(d, o->forward[i]));
	/* A thread: forking is forbidden in the sandbox. */
	TRY(ub_fail(ub_ctx_async(d->ctx, 1)));
	/* The last one: with it the settings are final. */
	return ub_fail(ub_ctx_zone_add(d->ctx, "test.", "nodefault"));
}

WAITS static err pump_fiber(void *arg)
{
	struct dns *d = arg;

	for (;;) {
		/* Reads until there is nothing more, as an edge-triggered loop needs it. */
		TRY(ub_fail(ub_process(d->ctx)));
		TRY(fiber_wait_read(d->fd, NEVER));
	}
}

err dns_open(const struct dns_options *o, struct dns **out)
{
	struct dns *d = MEM_NEW(struct dns);

	d->ctx = ub_ctx_create();
	err e = d->ctx ? configure(d, o) : fail(E_IO, "libunbound does not start");

	if (e != OK) {
		if (d->ctx)
			ub_ctx_delete(d->ctx);
		mem_free(d);
		return e;
	}
	d->fd = ub_fd(d->ctx);
	d->pump = fiber_start("dns", pump_fiber, d);
	*out = d;
	return OK;
}

WAITS void dns_close(struct dns *d)
{
	if (!d)
		return;
	fiber_cancel(d->pump);
	err e = fiber_join(d->pump);

	if (e != E_CANCELED)
		LOG(LOG_ERROR, "dns.pump", KE(e));
	fiber_fd_forget(d->fd);
	ub_ctx_delete(d->ctx);
	mem_free(d);
}

/* ---- one question ---- */
static void on_answer(void *arg, int rc, struct ub_result *result)
{
	struct question *q = arg;

	q->done = true;
	q->rc = rc;
	q->result = result;
	waitq_wake_all(&q->answered);
}

/* Absolute, so that no search list is tried; in A-labels. */
static err wire_name(str name, char out[260])
{
	char z[LIM_SMTP_DOMAIN + 2], *ascii = NULL;

	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (!name.n || str_to_z(name, z, sizeof(z) - 1) != OK)
		return fail(E_SYNTAX, "no domain name");
	if (str_ascii(name)) {
		(void)snprintf(out, 260, "%s.", z);
		return OK;
	}
	if (idn2_to_ascii_8z(z, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return fail(E_SYNTAX, "no domain name");
	(void)snprintf(out, 260, "%.255s.", ascii);
	idn2_free(ascii);
	return OK;
}

static err copy_answer(const struct ub_result *r, struct arena *a, struct dns_answer *out)
{
	size_t n = 0;

	while (r->havedata && r->data[n] && n < LIM_DNS_RECORDS)
		n++;
	*out = (struct dns_answer){ .secure = r->secure,
				    .nxdomain = r->nxdomain,
				    .canonical = STR("") };
	out->rdata = NEW_TRY(a, str, n + 1);
	if (!out->rdata)
		return fail(E_LIMIT, "memory for an answer of %zu records", n);
	for (size_t i = 0; i < n; i++) {
		str v = arena_dup(a, str_of(r->data[i], (size_t)r->len[i]));

		if (!v.p)
			return fail(E_LIMIT, "memory for an answer of %zu records", n);
		out->rdata[out->n++] = v;
	}
	if (r->canonname)
		out->canonical = arena_dup(a, str_z(r->canonname));
	return OK;
}

static err judge(const struct question *q, const char *name, struct arena *a,
		 struct dns_answer *out)
{
	enum { NOERROR = 0, NXDOMAIN = 3 };
	const struct ub_result *r = q->result;

	if (q->rc != 0)
		return fail(E_AGAIN, "DNS: %s: %s", name, ub_strerror(q->rc));
	if (r->bogus)
		return fail(E_AGAIN, "DNS: %s fails validation: %s", name,
			    r->why_bogus ? r->why_bogus : "");
	if (r->rcode != NOERROR && r->rcode != NXDOMAIN)
		return fail(E_AGAIN, "DNS: %s: server failure (code %d)", name, r->rcode);
	return copy_answer(r, a, out);
}

WAITS err dns_ask(struct dns *d, str name, enum dns_type type, msec deadline, struct arena *a,
		  struct dns_answer *out)
{
	struct question q = { 0 };
	char z[260];
	int id = 0;
	err e = OK;

	TRY(wire_name(name, z));
	waitq_init(&q.answered);
	metric_add(&asked, 1);
	TRY(ub_fail(ub_resolve_async(d->ctx, z, (int)type, 1, &q, on_answer, &id)));
	while (!q.done && e == OK)
		e = waitq_wait(&q.answered, deadline);
	if (q.done)
		e = judge(&q, z, a, out);
	else
		(void)ub_cancel(d->ctx, id); /* it will not be called any more */
	if (e == E_TIMEOUT)
		e = fail(E_TIMEOUT, "DNS: no answer for %s in time", z);
	ub_resolve_free(q.result);
	metric_add(&unanswered, e != OK);
	return e;
}
