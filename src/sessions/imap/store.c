#include "sessions/imap/internal.h"

static bool is_among(const uint32_t *v, size_t n, uint32_t uid)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == uid)
			return true;
	return false;
}

static struct flag_change change_of(const struct imap_store *st)
{
	static const enum flag_op ops[] = { FLAGS_SET, FLAGS_ADD, FLAGS_REMOVE };

	return (struct flag_change){
		.op = ops[st->op],
		.flags = st->flags.system & ~(unsigned)IMAP_RECENT,
		.keywords = st->flags.keywords,
		.nkeywords = st->flags.nkeywords,
		.unchanged_since = st->has_since ? st->since : UINT64_MAX,
	};
}

/* Flags of all, or (silent) just the new MODSEQ, which CONDSTORE wants even then (RFC 7162 3.1.3).
 */
WAITS static err say_results(struct imap *s, const struct imap_pick *p, bool silent,
			     const uint32_t *modified, size_t nmodified)
{
	const struct folder_view *v = s->view;

	for (size_t i = 0; i < p->n; i++) {
		const struct mail *m = &v->mails[p->at[i]];
		if (is_among(modified, nmodified, m->uid))
			continue;
		if (!silent)
			TRY(imap_say_flags(s, p->at[i]));
		else if (s->condstore)
			TRY(imap_say(s, "* %u FETCH (UID %u MODSEQ (%llu))", p->at[i] + 1, m->uid,
				     (unsigned long long)m->modseq));
	}
	return OK;
}

/* [MODIFIED 7,9]: numbers of the command's kind. */
WAITS static err say_modified(struct imap *s, const uint32_t *uids, size_t n)
{
	struct buf b;
	uint32_t *v = NEW_TRY(&s->cmd, uint32_t, n);

	if (!v)
		return fail(E_LIMIT, "Too many messages");
	for (size_t i = 0; i < n; i++)
		v[i] = s->c.uid ? uids[i] : (uint32_t)folder_at_uid(s->view, uids[i]) + 1;
	buf_init(&b, size_add(size_mul(n, 11), 1));
	imap_add_numbers(&b, v, n);
	err e = imap_ok(s, "[MODIFIED %.*s] Some were changed meanwhile", STRF(buf_str(&b)));
	buf_free(&b);
	return e;
}

/* RFC 9051 6.4.6, RFC 7162 3.1.3. */
WAITS err imap_cmd_store(struct imap *s)
{
	struct imap_pick p;
	struct imap_store st;
	uint32_t *modified = NULL;
	size_t nmodified = 0;

	TRY(imap_pick_arg(s, &p));
	TRY(imap_expect(&s->in, ' '));
	TRY(imap_parse_store(&s->in, &st));
	if (s->view->readonly)
		return imap_no(s, "[READ-ONLY] The mailbox is open read-only");
	if (st.has_since)
		s->condstore = true;
	const uint32_t *uids = imap_pick_uids(s, &p);
	if (!uids)
		return fail(E_LIMIT, "Too many messages");
	const struct flag_change c = change_of(&st);
	if (p.n)
		TRY(folder_store(s->view, uids, p.n, &c, &s->cmd, &modified, &nmodified));
	TRY(say_results(s, &p, st.silent, modified, nmodified));
	if (nmodified)
		return say_modified(s, modified, nmodified);
	return imap_ok(s, "Done");
}
