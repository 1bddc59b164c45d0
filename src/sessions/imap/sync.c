#include "sessions/imap/internal.h"

static size_t recent(const struct folder_view *v)
{
	return v->n - folder_at_uid(v, v->first_recent_uid);
}

/* The SEARCH result that "$" stands for loses what was expunged (RFC 9051 6.4.4.1). */
static void forget_saved(struct imap *s, uint32_t uid)
{
	size_t to = 0;

	for (size_t i = 0; i < s->nsaved; i++)
		if (s->saved[i] != uid)
			s->saved[to++] = s->saved[i];
	s->nsaved = to;
}

WAITS static err say_expunged(struct imap *s, const struct folder_changes *c)
{
	for (size_t i = 0; i < c->nexpunged; i++) {
		if (s->nsaved)
			forget_saved(s, c->expunged_uid[i]);
		TRY(imap_say(s, "* %u EXPUNGE", c->expunged_seq[i]));
	}
	return OK;
}

WAITS static err say_changes(struct imap *s, const struct folder_changes *c)
{
	TRY(say_expunged(s, c));
	if (c->exists) {
		TRY(imap_say(s, "* %zu EXISTS", s->view->n));
		if (!s->rev2)
			TRY(imap_say(s, "* %zu RECENT", recent(s->view)));
	}
	if (c->keywords) {
		buf_reset(&s->out);
		buf_add(&s->out, STR("* FLAGS ("));
		imap_add_folder_flags(s->view, &s->out);
		buf_addc(&s->out, ')');
		TRY(imap_say_out(s));
	}
	for (size_t i = 0; i < c->nchanged; i++)
		if (c->changed_seq[i] >= 1 && c->changed_seq[i] <= s->view->n)
			TRY(imap_say_flags(s, c->changed_seq[i] - 1));
	return OK;
}

WAITS err imap_sync(struct imap *s, bool may_expunge)
{
	struct folder_changes c = { 0 };

	if (!s->view)
		return OK;
	TRY(folder_sync(s->view, may_expunge, &s->cmd, &c));
	if (s->view->gone) {
		/* There is no word for "your mailbox was deleted" but good-bye. */
		s->bye = true;
		return imap_say(s, "* BYE The selected mailbox was deleted");
	}
	return say_changes(s, &c);
}
