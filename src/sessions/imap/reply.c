#include "sessions/imap/internal.h"

#include "run/log.h"

WAITS err imap_say_out(struct imap *s)
{
	buf_add(&s->out, STR("\r\n"));
	err e = buf_done(&s->out);
	if (!e)
		e = stream_write(s->io, buf_str(&s->out));
	buf_reset(&s->out);
	return e;
}

WAITS err imap_say(struct imap *s, const char *fmt, ...)
{
	va_list ap;

	buf_reset(&s->out);
	va_start(ap, fmt);
	buf_vfmt(&s->out, fmt, ap);
	va_end(ap);
	return imap_say_out(s);
}

/* "TAG OK text"; a command without a readable tag gets "*". */
WAITS PRINTF(3, 0) static err tagged(struct imap *s, const char *word, const char *fmt, va_list ap)
{
	struct buf text;

	buf_init(&text, LIM_IMAP_RESPONSE);
	buf_vfmt(&text, fmt, ap);
	buf_reset(&s->out);
	buf_add(&s->out, s->c.tag.n ? s->c.tag : STR("*"));
	buf_fmt(&s->out, " %s ", word);
	imap_put_text(&s->out, buf_str(&text));
	buf_free(&text);
	return imap_say_out(s);
}

WAITS err imap_ok(struct imap *s, const char *fmt, ...)
{
	va_list ap;

	s->errors = 0;
	TRY(imap_sync(s, s->c.uid || !(s->imap_cmd_flags & CMD_HOLDS)));
	va_start(ap, fmt);
	err e = tagged(s, "OK", fmt, ap);
	va_end(ap);
	return e;
}

WAITS err imap_no(struct imap *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err e = tagged(s, "NO", fmt, ap);
	va_end(ap);
	return e;
}

WAITS err imap_bad(struct imap *s, const char *fmt, ...)
{
	va_list ap;

	s->errors++;
	va_start(ap, fmt);
	err e = tagged(s, "BAD", fmt, ap);
	va_end(ap);
	return e;
}

WAITS err imap_answer_error(struct imap *s, err e)
{
	char text[256];
	struct buf b;

	if (e == E_EOF || e == E_TIMEOUT || e == E_CANCELED)
		return e;
	/* fail() of what follows would overwrite it. */
	buf_init(&b, sizeof(text) - 1);
	buf_add(&b, str_take(str_z(err_last()->text), sizeof(text) - 1));
	err copied = str_to_z(buf_str(&b), text, sizeof(text));
	buf_free(&b);
	if (copied)
		text[0] = '\0';
	switch (e) {
	case E_SYNTAX:
		return imap_bad(s, "%s", text);
	case E_LIMIT:
		return imap_no(s, "[LIMIT] %s", text);
	case E_NOTFOUND:
		return imap_no(s, "[NONEXISTENT] No such mailbox");
	case E_EXISTS:
		return imap_no(s, "[ALREADYEXISTS] Mailbox exists");
	case E_FULL:
		return imap_no(s, "[OVERQUOTA] No room: %s", text);
	case E_AGAIN:
		return imap_no(s, "[INUSE] Try again");
	case E_DENIED:
		return imap_no(s, "[CANNOT] %s", text);
	default:
		LOG(LOG_ERROR, "imap.error", KS("user", buf_str(&s->login)),
		    KS("command", s->c.name), KE(e));
		return imap_no(s, "[SERVERBUG] Internal error, it was logged");
	}
}

static const struct {
	unsigned bit;
	str name;
} names[] = {
	{ FLAG_ANSWERED, S("\\Answered") }, { FLAG_FLAGGED, S("\\Flagged") },
	{ FLAG_DELETED, S("\\Deleted") },   { FLAG_SEEN, S("\\Seen") },
	{ FLAG_DRAFT, S("\\Draft") },
};

void imap_add_mail_flags(struct imap *s, const struct mail *m, struct buf *out)
{
	const struct folder_view *v = s->view;
	const char *sep = "";

	buf_addc(out, '(');
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!(m->flags & names[i].bit))
			continue;
		buf_fmt(out, "%s%.*s", sep, STRF(names[i].name));
		sep = " ";
	}
	if (!s->rev2 && m->uid >= v->first_recent_uid) {
		buf_fmt(out, "%s\\Recent", sep);
		sep = " ";
	}
	for (size_t i = 0; i < v->nkeywords; i++) {
		if (!(m->keywords >> i & 1))
			continue;
		buf_fmt(out, "%s%.*s", sep, STRF(v->keywords[i]));
		sep = " ";
	}
	buf_addc(out, ')');
}

void imap_add_folder_flags(const struct folder_view *v, struct buf *out)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (i > 0)
			buf_addc(out, ' ');
		buf_add(out, names[i].name);
	}
	for (size_t i = 0; i < v->nkeywords; i++)
		buf_fmt(out, " %.*s", STRF(v->keywords[i]));
}

WAITS err imap_say_flags(struct imap *s, size_t at)
{
	const struct mail *m = &s->view->mails[at];

	buf_reset(&s->out);
	buf_fmt(&s->out, "* %zu FETCH (UID %u FLAGS ", at + 1, m->uid);
	imap_add_mail_flags(s, m, &s->out);
	if (s->condstore)
		buf_fmt(&s->out, " MODSEQ (%llu)", (unsigned long long)m->modseq);
	buf_addc(&s->out, ')');
	return imap_say_out(s);
}
