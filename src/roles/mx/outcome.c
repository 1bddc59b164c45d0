#include "roles/mx/mx.h"

enum mx_state mx_judge(const struct smtp_reply *r, bool ours)
{
	if (r->code >= 200 && r->code < 300)
		return COPY_KEPT;
	if (!r->code)
		return COPY_AWAY;
	/* Our store looks at the same directory, a moment later or earlier: its "unknown" about
	 * somebody whom we know is no reason for a 550. */
	if (r->code >= 500 && !(ours && str_eq(str_z(r->status), STR("5.1.1"))))
		return COPY_FAILED;
	return COPY_LATER;
}

static const struct mx_copy *find(const struct mx_batch *b, const size_t *idx, size_t n,
				  unsigned states)
{
	for (size_t i = 0; i < n; i++) {
		const struct mx_copy *c = &b->v[idx ? idx[i] : i];

		if (states & 1u << c->state)
			return c;
	}
	return NULL;
}

/* The back-end's own words, when they are an answer of the wanted class. */
static void say(const struct mx_copy *c, int class, const char *otherwise, struct verdict *v)
{
	if (c->reply.code / 100 == class)
		verdict_set(v, "%s", c->reply.text);
	else
		verdict_set(v, "%s", otherwise);
}

static void refuse(const struct mx_batch *b, const size_t *idx, size_t n, struct verdict *v)
{
	const struct mx_copy *later = find(b, idx, n, 1u << COPY_LATER | 1u << COPY_AWAY);
	const struct mx_copy *failed = find(b, idx, n, 1u << COPY_FAILED);

	if (later)
		say(later, 4, "451 4.2.0 Mailbox cannot be reached now", v);
	else if (failed)
		say(failed, 5, "550 5.2.0 Mailbox does not take it", v);
	else
		verdict_set(v, "451 4.3.0 Local problem, try again later");
}

void mx_rcpt_outcome(const struct mx_batch *b, const size_t *idx, size_t n, struct verdict *v)
{
	if (!find(b, idx, n, 1u << COPY_WELCOME | 1u << COPY_AWAY))
		refuse(b, idx, n, v);
}

bool mx_must_queue(const struct mx_batch *b)
{
	/* Refused for now by all and nobody away: the sender keeps it. */
	return find(b, NULL, b->n, 1u << COPY_AWAY) ||
	       (find(b, NULL, b->n, 1u << COPY_LATER) &&
		find(b, NULL, b->n, 1u << COPY_KEPT | 1u << COPY_FAILED | 1u << COPY_DROPPED));
}

void mx_data_outcome(const struct mx_batch *b, err queued, struct verdict *v)
{
	/* Something should be in the queue and is not: never a 250. What is delivered already may
	 * come twice. */
	if (queued == E_FULL)
		verdict_set(v, "452 4.3.1 Disk is full, try again later");
	else if (queued)
		verdict_set(v, "451 4.3.0 Local problem, try again later");
	else if (find(b, NULL, b->n, 1u << COPY_KEPT | 1u << COPY_QUEUED | 1u << COPY_DROPPED))
		v->text[0] = 0; /* accepted: the caller says with which words */
	else
		refuse(b, NULL, b->n, v);
}
