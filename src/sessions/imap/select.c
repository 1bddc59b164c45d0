#include "sessions/imap/internal.h"

void imap_close_view(struct imap *s)
{
	if (s->view)
		folder_close(s->view);
	s->view = NULL;
	mem_free(s->saved);
	s->saved = NULL;
	s->nsaved = 0;
	if (s->state == ST_SELECTED)
		s->state = ST_AUTH;
}

static size_t first_unseen(const struct folder_view *v)
{
	size_t i = 0;

	while (i < v->n && (v->mails[i].flags & FLAG_SEEN))
		i++;
	return i;
}

static unsigned long long highest_modseq(const struct folder_view *v)
{
	return v->modseq ? v->modseq : 1; /* RFC 7162 3.1.2.1: never zero */
}

WAITS static err say_flags(struct imap *s)
{
	buf_reset(&s->out);
	buf_add(&s->out, STR("* FLAGS ("));
	imap_add_folder_flags(s->view, &s->out);
	buf_addc(&s->out, ')');
	TRY(imap_say_out(s));
	buf_add(&s->out, STR("* OK [PERMANENTFLAGS ("));
	if (!s->view->readonly) {
		imap_add_folder_flags(s->view, &s->out);
		buf_add(&s->out, STR(" \\*"));
	}
	buf_add(&s->out, STR(")] Flags that are kept"));
	return imap_say_out(s);
}

/* RFC 9051 6.3.2; RECENT and UNSEEN of RFC 3501 6.3.1. */
WAITS static err say_folder(struct imap *s, str name)
{
	const struct folder_view *v = s->view;
	bool utf8 = s->rev2 || s->utf8;

	TRY(say_flags(s));
	TRY(imap_say(s, "* %zu EXISTS", v->n));
	if (s->rev2) {
		buf_add(&s->out, STR("* LIST () \"/\" "));
		imap_put_mailbox(&s->out, name, utf8);
		TRY(imap_say_out(s));
	} else {
		TRY(imap_say(s, "* %zu RECENT", v->n - folder_at_uid(v, v->first_recent_uid)));
		size_t unseen = first_unseen(v);
		if (unseen < v->n)
			TRY(imap_say(s, "* OK [UNSEEN %zu] First unseen", unseen + 1));
	}
	TRY(imap_say(s, "* OK [UIDVALIDITY %u] UIDs valid", v->uidvalidity));
	TRY(imap_say(s, "* OK [UIDNEXT %u] Predicted next UID", v->uidnext));
	TRY(imap_say(s, "* OK [HIGHESTMODSEQ %llu] Highest", highest_modseq(v)));
	return imap_say(s, "* OK [MAILBOXID (F%llx)] Ok", (unsigned long long)v->folder);
}

/* " (CONDSTORE)", RFC 7162 3.1.8. */
static err parse_parameters(struct imap *s)
{
	if (imap_eat(&s->in, ' ')) {
		TRY(imap_expect(&s->in, '('));
		if (!imap_eat_word(&s->in, STR("CONDSTORE")))
			return fail(E_SYNTAX, "Unknown parameter");
		TRY(imap_expect(&s->in, ')'));
		s->condstore = true;
	}
	return imap_expect_end(&s->in);
}

WAITS static err open_folder(struct imap *s, bool examine)
{
	str name;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &name));
	TRY(parse_parameters(s));
	bool was_selected = s->view != NULL;
	imap_close_view(s);
	if (was_selected)
		TRY(imap_say(s, "* OK [CLOSED] Previous mailbox closed"));
	TRY(folder_open(s->box, name, examine, &s->view));
	s->state = ST_SELECTED;
	TRY(say_folder(s, name));
	s->errors = 0;
	TRY(stream_fmt(s->io, "%.*s OK [%s] %s\r\n", STRF(s->c.tag),
		       s->view->readonly ? "READ-ONLY" : "READ-WRITE",
		       s->view->readonly ? "Examined" : "Selected"));
	return OK;
}

WAITS err imap_cmd_select(struct imap *s)
{
	return open_folder(s, false);
}

WAITS err imap_cmd_examine(struct imap *s)
{
	return open_folder(s, true);
}

/* RFC 9051 6.4.1: expunges without saying so. */
WAITS err imap_cmd_close(struct imap *s)
{
	if (!s->view->readonly)
		TRY(folder_expunge(s->view, NULL, 0));
	imap_close_view(s);
	return imap_ok(s, "Closed");
}

WAITS err imap_cmd_unselect(struct imap *s)
{
	imap_close_view(s);
	return imap_ok(s, "Unselected");
}
