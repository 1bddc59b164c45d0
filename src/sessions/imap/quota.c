#include "sessions/imap/internal.h"

/* One root, "", for the whole of a user's mail; RFC 9208 4.1.1, STORAGE in units of 1024 octets. */
WAITS static err say_quota(struct imap *s)
{
	struct box_quota q;

	box_quota(s->box, &q);
	if (q.limit == 0)
		return imap_say(s, "* QUOTA \"\" ()");
	return imap_say(s, "* QUOTA \"\" (STORAGE %llu %llu)",
			(unsigned long long)((q.used + 1023) / 1024),
			(unsigned long long)(q.limit / 1024));
}

WAITS err imap_cmd_getquota(struct imap *s)
{
	str root;

	TRY(imap_astring(&s->in, &root));
	TRY(imap_expect_end(&s->in));
	if (root.n)
		return imap_no(s, "[NONEXISTENT] No such quota root");
	TRY(say_quota(s));
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_getquotaroot(struct imap *s)
{
	struct folder_info f;
	str name;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &name));
	TRY(imap_expect_end(&s->in));
	err e = box_folder(s->box, name, &s->cmd, &f);
	if (e && e != E_NOTFOUND)
		return e;
	buf_reset(&s->out);
	buf_add(&s->out, STR("* QUOTAROOT "));
	imap_put_mailbox(&s->out, name, s->rev2 || s->utf8);
	buf_add(&s->out, STR(" \"\""));
	TRY(imap_say_out(s));
	TRY(say_quota(s));
	return imap_ok(s, "Done");
}

WAITS err imap_cmd_setquota(struct imap *s)
{
	return imap_no(s, "[NOPERM] Quotas are set in the directory");
}
