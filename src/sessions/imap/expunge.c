#include "sessions/imap/internal.h"

/* RFC 9051 6.4.3; UID EXPUNGE 6.4.9, RFC 4315 2.1. */
WAITS err imap_cmd_expunge(struct imap *s)
{
	struct imap_pick p;
	const uint32_t *uids = NULL;
	size_t n = 0;

	if (s->c.uid) {
		TRY(imap_expect(&s->in, ' '));
		TRY(imap_pick_arg(s, &p));
		uids = imap_pick_uids(s, &p);
		n = p.n;
		if (!uids)
			return fail(E_LIMIT, "Too many messages");
	}
	TRY(imap_expect_end(&s->in));
	if (s->view->readonly)
		return imap_no(s, "[READ-ONLY] The mailbox is open read-only");
	if (!s->c.uid || n > 0)
		TRY(folder_expunge(s->view, uids, n));
	return imap_ok(s, "Done");
}
