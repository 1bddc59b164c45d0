/* What a message goes through between its last octet and our 250. A new step (the outbound
 * filter, the abuse brake) is a line of the table. */
#include "base/date.h"
#include "base/limits.h"
#include "formats/mime/header.h"
#include "roles/submission/submission.h"
#include "run/log.h"

/* RFC 5321 4.4, RFC 3848. */
WAITS static err add_received(struct submission_message *m, struct verdict *v)
{
	const struct smtp_info *i = m->i;
	struct buf *out = &m->head;

	(void)v;
	buf_add(out, STR("Received: from "));
	if (submission_settings()->hide_client) {
		buf_add(out, STR("customer (authenticated)"));
	} else {
		for (size_t k = 0; k < i->helo.n; k++) {
			char c = i->helo.p[k];

			buf_addc(out, ch_alnum(c) || str_find(STR(".-_:[]"), c) < 6 ? c : '?');
		}
		buf_add(out, STR(" (["));
		net_print_ip(i->peer, out);
		buf_add(out, STR("])"));
	}
	buf_fmt(out, "\r\n\tby %.*s with %s id %s", STRF(submission_settings()->hostname),
		m->t->mail.smtputf8 ? "UTF8SMTPSA" : "ESMTPSA", m->t->id);
	/* Naming one of several would tell the others of a blind copy. */
	if (m->t->nrcpts == 1)
		buf_fmt(out, "\r\n\tfor <%.*s>", STRF(m->t->rcpts[0].to.text));
	buf_add(out, STR(";\r\n\t"));
	date_add_rfc5322(out, clock_unix(), 0);
	buf_add(out, STR("\r\n"));
	return OK;
}

/* RFC 6409 8.2, 8.3. */
WAITS static err add_missing(struct submission_message *m, struct verdict *v)
{
	struct mime_field f;

	(void)v;
	if (!mime_find(m->header, STR("Date"), &f)) {
		buf_add(&m->head, STR("Date: "));
		date_add_rfc5322(&m->head, clock_unix(), 0);
		buf_add(&m->head, STR("\r\n"));
	}
	if (!mime_find(m->header, STR("Message-ID"), &f))
		buf_fmt(&m->head, "Message-ID: <%s@%.*s>\r\n", m->t->id,
			STRF(submission_settings()->hostname));
	return OK;
}

/* The author that readers see belongs to the login as the envelope's sender does. */
WAITS static err check_from(struct submission_message *m, struct verdict *v)
{
	CLEANUP(buf_free) struct buf address = { 0 };
	struct mime_field f;
	unsigned fields = 0;

	if (!submission_settings()->check_from)
		return OK;
	/* RFC 5322 3.6: exactly one. Of two, readers may show the one that was not looked at. */
	for (struct mime_fields it = mime_fields(m->header); mime_field(&it, &f);)
		fields += str_eqi(f.name, STR("From"));
	if (fields > 1) {
		verdict_set(v, "550 5.7.1 The message has several From fields");
		return OK;
	}
	buf_init(&address, LIM_SMTP_PATH * 2);
	const struct mime_address *a =
		mime_find(m->header, STR("From"), &f) ? mime_addresses(m->i->tx, f.value) : NULL;

	if (!a)
		verdict_set(v, "550 5.7.1 The message has no From field");
	for (; a && verdict_ok(v); a = a->next) {
		if (a->kind != MIME_MAILBOX)
			continue;
		buf_reset(&address);
		mime_add_address(&address, a);
		if (a->bad || !dirtable_may_send_as(submission_here()->table, m->i->user->id,
						    buf_str(&address)))
			verdict_set(v, "550 5.7.1 The From field has an address that does not "
				       "belong to your login");
	}
	return OK;
}

WAITS static err copy_rest(struct spool *from, uint64_t at, struct spool *to)
{
	char block[2048];
	size_t got = 1;

	while (got) {
		TRY(spool_read(from, at, block, sizeof(block), &got));
		TRY(spool_add(to, str_of(block, got)));
		at += got;
	}
	return OK;
}

WAITS static err copy_without_bcc(struct submission_message *m, struct spool *to)
{
	const char *at = m->header.p; /* what is not copied yet */
	const char *end = m->header.p + m->header.n;
	struct mime_field f;

	for (struct mime_fields it = mime_fields(m->header); mime_field(&it, &f);) {
		if (!str_eqi(f.name, STR("Bcc")))
			continue;
		TRY(spool_add(to, str_of(at, (size_t)(f.raw.p - at))));
		at = f.raw.p + f.raw.n;
	}
	TRY(spool_add(to, str_of(at, (size_t)(end - at))));
	return copy_rest(m->t->message, m->header.n, to);
}

WAITS static err remove_bcc(struct submission_message *m, struct verdict *v)
{
	const struct submission_settings *set = submission_settings();
	struct mime_field f;

	(void)v;
	if (!set->remove_bcc || !mime_find(m->header, STR("Bcc"), &f))
		return OK;
	m->spool = spool_new(set->limits.spool_dir, spool_size(m->t->message) + 1);
	return copy_without_bcc(m, m->spool);
}

struct stage {
	const char *name;
	WAITS err (*run)(struct submission_message *m, struct verdict *v);
};
static const struct stage stages[] = {
	{ "check_from", check_from },
	{ "received", add_received },
	{ "missing", add_missing },
	{ "bcc", remove_bcc },
	{ "sign", submission_sign }, /* nothing changes the message behind it */
	{ "hand_over", submission_hand_over },
};
static const struct stage own_stages[] = {
	{ "sign", submission_sign },
	{ "hand_over", submission_hand_over },
};

WAITS static err run_stages(struct submission_message *m, const struct stage *v, size_t n,
			    struct verdict *verdict)
{
	str view;

	TRY(spool_view(m->t->message, &view));
	size_t end = str_search(str_take(view, LIM_MIME_HEADER), STR("\r\n\r\n"));

	m->header = str_take(view, end + 2);
	verdict_set(verdict, "250 2.0.0 OK");
	for (size_t k = 0; k < n && verdict_ok(verdict); k++)
		TRY(v[k].run(m, verdict));
	return OK;
}

static err answer(struct submission_message *m, err e, struct verdict *v)
{
	buf_free(&m->head);
	if (m->spool != m->t->message)
		spool_drop(m->spool);
	if (e == OK || e == E_CANCELED)
		return e;
	LOG(LOG_ERROR, "submission.message", KE(e));
	verdict_set(v, e == E_FULL ? "452 4.3.1 Disk is full, try again later"
				   : "451 4.3.0 Local problem, try again later");
	return OK;
}

WAITS err submission_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	struct submission_message m = { .i = i, .t = t, .spool = t->message };

	buf_init(&m.head, SUBMISSION_HEAD);
	err e = submission_is_lesson(t) ? submission_lesson(i, t, v)
					: run_stages(&m, stages, COUNT(stages), v);

	return answer(&m, e, v);
}

WAITS err submission_own_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v)
{
	struct submission_message m = { .i = i, .t = t, .spool = t->message, .own = true };

	buf_init(&m.head, SUBMISSION_HEAD);
	return answer(&m, run_stages(&m, own_stages, COUNT(own_stages), v), v);
}
