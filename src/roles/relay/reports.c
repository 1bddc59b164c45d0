/* Delivery reports get a DKIM signature from submission, which alone of the two may read keys
 * (decision 0244). */
#include <stdio.h>

#include "base/arena.h"
#include "clients/smtp/smtp_client.h"
#include "roles/relay/relay.h"
#include "run/log.h"
#include "run/metrics.h"
#include "services/trace/trace.h"

METRIC(metric_unsigned, "posta_relay_reports_unsigned_total", "", METRIC_COUNTER,
       "Delivery reports that left unsigned since submission was away.");

WAITS static err hand_over(const struct queue_mail *m, struct spool *message,
			   struct smtp_out_rcpt *v, size_t n, struct smtp_reply *r)
{
	const struct smtp_client_options o = { .helo = relay_settings()->hostname,
					       .tls = SMTP_TLS_NEVER,
					       .connect = 10000,
					       .command = 30000,
					       .data = 60000,
					       .final = 120000 };
	const struct smtp_out_mail out = { .from = m->from,
					   .envid = m->envid,
					   .smtputf8 = m->smtputf8,
					   .body8bit = m->body8bit,
					   .size = spool_size(message),
					   .delivery_id = fiber_trace() };
	struct smtp_client *c = NULL;

	TRY(smtp_client_open(&relay_settings()->signer, NULL, &o, &c, r));
	err e = smtp_client_send(c, &out, STR(""), message, v, n);

	*r = v[0].reply;
	if (e == OK)
		smtp_client_quit(c);
	else
		smtp_client_close(c);
	return e;
}

static void set_all(struct queue_try *t, size_t n, enum try_what what, const struct smtp_reply *r)
{
	for (size_t i = 0; i < n; i++) {
		t[i].what = what;
		(void)snprintf(t[i].status, sizeof(t[i].status), "%s", r->status);
		(void)snprintf(t[i].text, sizeof(t[i].text), "submission, for a signature: %.400s",
			       r->text);
	}
}

WAITS bool relay_sign_report(const struct queue_mail *m, struct spool *message, struct queue_try *t,
			     size_t n)
{
	struct smtp_out_rcpt to; /* a report has one recipient */
	struct smtp_reply r = { 0 };

	if (n != 1 || !str_eq(t->rcpt->note, STR(RELAY_REPORT)) || !relay_settings()->has_signer)
		return false;
	to = (struct smtp_out_rcpt){ .address = t->rcpt->address,
				     .orcpt = t->rcpt->orcpt,
				     .notify = t->rcpt->notify };
	err e = hand_over(m, message, &to, 1, &r);

	if (e == OK && r.code >= 200 && r.code < 300) {
		trace_event("relay.signed", STR(""), "by submission: %s", r.text);
		set_all(t, n, TRY_PASSED, &r);
		return true;
	}
	if (e == E_CANCELED || (r.code >= 400 && r.code < 500)) { /* keys away: unsigned it would be
								     lost */
		set_all(t, n, TRY_LATER, &r);
		return true;
	}
	LOG(LOG_WARN, "relay.report_unsigned", KE(e), KS("reply", str_z(r.text)));
	metric_add(&metric_unsigned, 1);
	return false;
}
