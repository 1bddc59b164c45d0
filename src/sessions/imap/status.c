#include "sessions/imap/internal.h"

/* RFC 9208 4.1.4: octets that EXPUNGE would give back. Asked for rarely, so that no sum is kept. */
WAITS static err deleted_storage(struct imap *s, str name, uint64_t *out)
{
	struct folder_view *v;

	TRY(folder_open(s->box, name, true, &v));
	*out = 0;
	for (size_t i = 0; i < v->n; i++)
		if (v->mails[i].flags & FLAG_DELETED)
			*out += v->mails[i].size;
	folder_close(v);
	return OK;
}

WAITS err imap_say_status(struct imap *s, const struct folder_info *f, unsigned items)
{
	const struct {
		unsigned bit;
		const char *name;
		unsigned long long v;
	} rows[] = {
		{ IMAP_ST_MESSAGES, "MESSAGES", f->mails },
		{ IMAP_ST_RECENT, "RECENT", f->recent },
		{ IMAP_ST_UIDNEXT, "UIDNEXT", f->uidnext },
		{ IMAP_ST_UIDVALIDITY, "UIDVALIDITY", f->uidvalidity },
		{ IMAP_ST_UNSEEN, "UNSEEN", f->unseen },
		{ IMAP_ST_DELETED, "DELETED", f->deleted },
		{ IMAP_ST_SIZE, "SIZE", f->octets },
		{ IMAP_ST_HIGHESTMODSEQ, "HIGHESTMODSEQ", f->modseq ? f->modseq : 1 },
	};
	const char *sep = "";
	uint64_t deleted = 0;

	if (items & IMAP_ST_DELETED_STORAGE)
		TRY(deleted_storage(s, f->name, &deleted));
	buf_reset(&s->out);
	buf_add(&s->out, STR("* STATUS "));
	imap_put_mailbox(&s->out, f->name, s->rev2 || s->utf8);
	buf_add(&s->out, STR(" ("));
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!(items & rows[i].bit))
			continue;
		buf_fmt(&s->out, "%s%s %llu", sep, rows[i].name, rows[i].v);
		sep = " ";
	}
	if (items & IMAP_ST_DELETED_STORAGE) {
		buf_fmt(&s->out, "%sDELETED-STORAGE %llu", sep, (unsigned long long)deleted);
		sep = " ";
	}
	if (items & IMAP_ST_MAILBOXID)
		buf_fmt(&s->out, "%sMAILBOXID (F%llx)", sep, (unsigned long long)f->id);
	buf_addc(&s->out, ')');
	return imap_say_out(s);
}

WAITS err imap_cmd_status(struct imap *s)
{
	struct folder_info f;
	unsigned items;
	str name;

	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &name));
	TRY(imap_expect(&s->in, ' '));
	TRY(imap_parse_status_items(&s->in, &items));
	TRY(imap_expect_end(&s->in));
	if (items & IMAP_ST_HIGHESTMODSEQ)
		s->condstore = true; /* RFC 7162 3.1: an enabling command */
	TRY(box_folder(s->box, name, &s->cmd, &f));
	if (f.noselect)
		return imap_no(s, "[NONEXISTENT] No such mailbox");
	TRY(imap_say_status(s, &f, items));
	return imap_ok(s, "Done");
}
