/* DKIM signatures of what customers send: by the author's domain when it is ours and has keys (what
 * DMARC looks at), else by the sender's. */
#include "base/limits.h"
#include "formats/mime/header.h"
#include "roles/submission/submission.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/mailauth/name.h"

METRIC(metric_signed, "posta_submission_signed_total", "", METRIC_COUNTER,
       "Messages that got DKIM signatures.");
METRIC(metric_unsigned, "posta_submission_unsigned_total", "", METRIC_COUNTER,
       "Messages that went on without DKIM signatures: of domains that sign nothing, or with a "
       "header over the limits.");

struct job {
	struct sign_order order;
	struct spool *spool;
	struct buf out;
};

static err sign(void *arg)
{
	struct job *j = arg;

	TRY(spool_view(j->spool, &j->order.message)); /* a mapped file may have to be read */
	return sign_message(&j->order, &j->out);
}

/* The keys of the domain behind '@'; none when the domain is not ours. Reports come from a host's
 * name: the mail domain above it signs them, which DMARC takes (RFC 9989 4.4). */
WAITS static err keys_of(struct submission_message *m, str domain, struct sign_set *out)
{
	str name = mailauth_name_of(m->i->tx, domain), label;

	out->n = 0;
	while (name.p) {
		if (dirtable_domain_is_ours(submission_here()->table, name))
			TRY(sign_keys_of(submission_here()->keys, name, out));
		if (out->n || !m->own || !str_cut(name, '.', &label, &name))
			return OK;
	}
	return OK;
}

static str author_domain(struct submission_message *m)
{
	struct mime_field f;
	const struct mime_address *a =
		mime_find(m->header, STR("From"), &f) ? mime_addresses(m->i->tx, f.value) : NULL;

	while (a && a->kind != MIME_MAILBOX)
		a = a->next;
	return a && a->domain.p ? a->domain : STR("");
}

WAITS static err find_keys(struct submission_message *m, struct sign_set *out)
{
	str from = m->t->mail.from.text;

	TRY(keys_of(m, author_domain(m), out));
	return out->n ? OK : keys_of(m, str_skip(from, str_rfind(from, '@') + 1), out);
}

/* The new fields stand above all others. */
static void put_before(struct submission_message *m, struct buf *fields)
{
	buf_add(fields, buf_str(&m->head));
	buf_free(&m->head);
	m->head = *fields;
	buf_init(fields, 0);
}

WAITS static err sign_with(struct submission_message *m, const struct sign_set *keys)
{
	struct job j = { .spool = m->spool,
			 .order = { .head = buf_str(&m->head),
				    .keys = keys->v,
				    .nkeys = keys->n,
				    .now = clock_unix() } };

	buf_init(&j.out, SUBMISSION_HEAD);
	err e = work(POOL_CPU, sign, &j);

	if (e == OK) {
		put_before(m, &j.out);
		metric_add(&metric_signed, 1);
	}
	buf_free(&j.out);
	if (e != E_LIMIT)
		return e;
	LOG(LOG_WARN, "submission.unsigned", KE(e));
	metric_add(&metric_unsigned, 1);
	return OK;
}

WAITS err submission_sign(struct submission_message *m, struct verdict *v)
{
	struct sign_set keys;

	if (!submission_settings()->sign)
		return OK;
	err e = find_keys(m, &keys);

	if (e == E_AGAIN) {
		verdict_set(v, "451 4.3.0 The signing keys are away, try again later");
		return OK;
	}
	TRY(e);
	if (!keys.n) {
		metric_add(&metric_unsigned, 1);
		return OK;
	}
	e = sign_with(m, &keys);
	sign_set_drop(&keys);
	return e;
}
