#include "sessions/imap/internal.h"

static err pick_saved(struct imap *s, struct imap_pick *out)
{
	for (size_t i = 0; i < s->nsaved; i++) {
		size_t at = folder_at_uid(s->view, s->saved[i]);
		if (at < s->view->n && s->view->mails[at].uid == s->saved[i])
			out->at[out->n++] = (uint32_t)at;
	}
	return OK;
}

static void pick_range(const struct folder_view *v, struct imap_range r, bool uid,
		       struct imap_pick *out)
{
	size_t from = uid ? folder_at_uid(v, r.lo) : r.lo - 1;

	for (size_t i = from; i < v->n && (uid ? v->mails[i].uid <= r.hi : i < r.hi); i++)
		out->at[out->n++] = (uint32_t)i;
}

err imap_pick(struct imap *s, struct imap_set *set, bool uid, struct imap_pick *out)
{
	const struct folder_view *v = s->view;
	uint32_t max = uid ? (v->n ? v->mails[v->n - 1].uid : 0) : (uint32_t)v->n;

	/* RFC 9051 6.4.9 and 9: a number that is not there is an error as sequence number, nothing
	 * as UID. */
	if (!uid && !set->saved && imap_set_largest(set) > v->n)
		return fail(E_SYNTAX, "No such message number");
	*out = (struct imap_pick){ .at = NEW_TRY(&s->cmd, uint32_t, v->n + 1) };
	if (!out->at)
		return fail(E_LIMIT, "Too many messages");
	if (set->saved)
		return pick_saved(s, out);
	imap_set_resolve(set, max);
	for (size_t i = 0; i < set->n; i++)
		pick_range(v, set->v[i], uid, out);
	return OK;
}

err imap_pick_arg(struct imap *s, struct imap_pick *out)
{
	struct imap_set set;

	TRY(imap_parse_set(&s->in, &set));
	return imap_pick(s, &set, s->c.uid, out);
}

uint32_t *imap_pick_uids(struct imap *s, const struct imap_pick *p)
{
	uint32_t *uids = NEW_TRY(&s->cmd, uint32_t, p->n + 1);

	for (size_t i = 0; uids && i < p->n; i++)
		uids[i] = s->view->mails[p->at[i]].uid;
	return uids;
}
