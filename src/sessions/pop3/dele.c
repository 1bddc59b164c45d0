#include "sessions/pop3/internal.h"

/* RFC 1939 5. */
WAITS err pop3_dele(struct pop3 *s, const struct pop3_command *c)
{
	size_t index;
	bool answered;
	err e = pop3_mail(s, c->args[0], &index, &answered);

	if (answered)
		return e;
	s->deleted[index] = true;
	s->ndeleted++;
	return pop3_ok(s, "Marked");
}

WAITS err pop3_rset(struct pop3 *s, const struct pop3_command *c)
{
	for (size_t i = 0; i < s->view->n; i++)
		s->deleted[i] = false;
	s->ndeleted = 0;
	return pop3_ok(s, "Nothing is marked");
}

WAITS err pop3_update(struct pop3 *s)
{
	static const struct flag_change mark = { .op = FLAGS_ADD,
						 .flags = FLAG_DELETED,
						 .unchanged_since = UINT64_MAX };
	uint32_t *uids, *modified;
	size_t n = 0, nmodified;

	if (!s->ndeleted)
		return OK;
	uids = arena_get(&s->cmd, size_mul(s->ndeleted, sizeof(*uids)), _Alignof(uint32_t));
	for (size_t i = 0; i < s->view->n; i++)
		if (s->deleted[i])
			uids[n++] = s->view->mails[i].uid;
	TRY(folder_store(s->view, uids, n, &mark, &s->cmd, &modified, &nmodified));
	return folder_expunge(s->view, uids, n);
}
