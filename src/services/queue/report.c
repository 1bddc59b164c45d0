#include "services/queue/state.h"

#include "formats/dsn/dsn.h"
#include "formats/smtp/smtp.h"
#include "services/trace/trace.h"

enum report report_wanted(const struct loaded *l, const struct queue_rcpt *r, enum report of)
{
	static const unsigned bit[REPORT_KINDS] = { [REPORT_FAILED] = SMTP_NOTIFY_FAILURE,
						    [REPORT_DELAYED] = SMTP_NOTIFY_DELAY,
						    [REPORT_DELIVERED] = SMTP_NOTIFY_SUCCESS,
						    [REPORT_RELAYED] = SMTP_NOTIFY_SUCCESS };
	/* RFC 3461 4.1: without NOTIFY failures are told, and here delays as well. */
	unsigned asked = r->notify ? r->notify : SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;

	/* RFC 5321 6.1: nobody hears of mail from <>. */
	return l->entry.from.n && (asked & bit[of]) ? of : REPORT_NONE;
}

static const enum dsn_action actions[REPORT_KINDS] = { [REPORT_FAILED] = DSN_FAILED,
						       [REPORT_DELAYED] = DSN_DELAYED,
						       [REPORT_DELIVERED] = DSN_DELIVERED,
						       [REPORT_RELAYED] = DSN_RELAYED };

static size_t collect(const struct queue_try *t, const enum report *what, size_t n,
		      enum report kind, struct dsn_rcpt *out)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (what[i] != kind)
			continue;
		out[k++] = (struct dsn_rcpt){ .address = t[i].rcpt->address,
					      .orcpt = t[i].rcpt->orcpt,
					      .action = actions[kind],
					      .status = str_z(t[i].status),
					      .text = str_z(t[i].text),
					      .server = str_z(t[i].server) };
	}
	return k;
}

/* RFC 3461 4.3, 6.2: the whole message goes back with a failure alone, and when it is not long. */
static str returned_part(const struct loaded *l, str message, enum report kind, bool *headers_only)
{
	*headers_only = kind != REPORT_FAILED || l->entry.ret_hdrs || message.n > LIM_DSN_RETURN;
	return *headers_only ? dsn_header_of(message) : message;
}

static err print(const struct dsn *d, str returned, struct arena *a, str *out)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, MIB(2));
	dsn_print_head(&b, d);
	buf_add(&b, returned);
	dsn_print_tail(&b, d, str_ends(returned, STR("\r\n")));
	TRY(buf_done(&b));
	*out = arena_dup(a, buf_str(&b));
	return out->p ? OK : fail(E_LIMIT, "memory for a delivery report");
}

/* The queue entry that takes the DSN to the sender. RFC 3461 6.1: from <>, NOTIFY=NEVER. */
static err address_dsn(struct queue *q, const struct loaded *l, const struct dsn *d,
		       struct stored_mail *out)
{
	struct arena *a = out->arena;
	struct queue_rcpt *r = NEW(a, struct queue_rcpt);
	struct queue_mail *m = NEW(a, struct queue_mail);

	*r = (struct queue_rcpt){ .address = l->entry.from, .notify = SMTP_NOTIFY_NEVER };
	if (q->o.report_note)
		r->note = str_z(q->o.report_note);
	*m = (struct queue_mail){ .id = d->id,
				  .smtputf8 = d->utf8,
				  .body8bit = d->eight_bit || d->utf8,
				  .rcpts = r,
				  .nrcpts = 1 };
	out->mail = m;
	out->id = d->id;
	return store_lots(q, out);
}

err report_make(struct queue *q, const struct loaded *l, str message, const struct queue_try *t,
		const enum report *what, size_t n, enum report kind, int64_t retry_until,
		struct stored_mail *dsn, bool *any)
{
	struct dsn d = { .hostname = q->o.hostname,
			 .original_id = entry_trace(l->id),
			 .to = l->entry.from,
			 .envid = l->entry.envid,
			 .arrived = l->entry.arrived,
			 .now = dsn->now / 1000,
			 .retry_until = retry_until,
			 .utf8 = l->entry.smtputf8 };
	struct dsn_rcpt *rcpts = NEW_TRY(dsn->arena, struct dsn_rcpt, n);
	char id[21];

	if (!rcpts)
		return fail(E_LIMIT, "memory for a delivery report");
	d.nrcpts = collect(t, what, n, kind, rcpts);
	d.rcpts = rcpts;
	*any = d.nrcpts > 0;
	if (!*any)
		return OK;
	trace_id_new(id);
	d.id = arena_dup(dsn->arena, str_z(id));
	str returned = returned_part(l, message, kind, &d.headers_only);

	d.eight_bit = !str_ascii(returned);
	TRY(print(&d, returned, dsn->arena, &dsn->message));
	return address_dsn(q, l, &d, dsn);
}
