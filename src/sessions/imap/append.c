#include "sessions/imap/internal.h"

#include "run/spool.h"

enum { PIECE = 32768 }; /* octets that go to the spool at once */

static uint64_t message_max(const struct imap *s)
{
	return s->role->message_max ? s->role->message_max : LIM_MESSAGE;
}

static void drop(struct spool **p)
{
	spool_drop(*p);
}

WAITS static err read_message(struct imap *s, struct spool *to)
{
	uint64_t left = s->append.literal.size;

	while (left > 0) {
		str in = stream_peek(s->io);
		if (in.n == 0) {
			TRY(stream_fill(s->io));
			continue;
		}
		imap_alive(s);
		size_t n = in.n < PIECE ? in.n : PIECE;
		if (n > left)
			n = (size_t)left;
		err e = spool_add(to, str_take(in, n));
		stream_eat(s->io, n);
		left -= n;
		if (e) {
			/* The rest is read all the same, or the stream would be out of step. */
			TRY(imap_discard(s, left));
			return e;
		}
	}
	return OK;
}

/* What follows the message: nothing, or the ")" of UTF8 (...). Several messages (MULTIAPPEND) are
 * not taken. */
WAITS static err read_end(struct imap *s)
{
	str rest;

	TRY(stream_line(s->io, LIM_IMAP_LINE, LINE_LENIENT, &rest));
	if (str_eq(rest, s->append.utf8 ? STR(")") : STR("")))
		return OK;
	struct imap_literal l;
	if (imap_literal_at_end(rest, &l) && l.nosync) {
		s->bye = true;
		TRY(imap_say(s, "* BYE One message an APPEND"));
	}
	return fail(E_SYNTAX, "One message an APPEND");
}

WAITS static err take_message(struct imap *s, struct spool *to)
{
	if (!s->append.literal.nosync)
		TRY(imap_go_on(s));
	err e = read_message(s, to);
	if (e == E_EOF || e == E_TIMEOUT || e == E_CANCELED)
		return e;
	err end = read_end(s);
	return e ? e : end;
}

/* Why the message will not be taken, before it is sent. */
WAITS static err may_append(struct imap *s, struct folder_info *f)
{
	uint64_t size = s->append.literal.size;
	bool disk = false;

	if (size == 0)
		return fail(E_SYNTAX, "Empty message");
	if (size > message_max(s))
		return fail(E_LIMIT, "Message over %llu octets",
			    (unsigned long long)message_max(s));
	TRY(box_folder(s->box, s->append.mailbox, &s->cmd, f));
	if (f->noselect)
		return fail(E_NOTFOUND, "Not a mailbox for messages");
	return box_room(s->box, size, &disk);
}

WAITS static err refuse(struct imap *s, err e)
{
	/* A literal that comes without asking is on its way. */
	if (s->append.literal.nosync) {
		if (s->append.literal.size > message_max(s) * 2) {
			s->bye = true;
			return imap_say(s, "* BYE [TOOBIG] Literal too large");
		}
		char text[256];
		err kept = str_to_z(str_z(err_last()->text), text, sizeof(text));
		TRY(imap_discard(s, s->append.literal.size));
		err end = read_end(s);
		if (end && end != E_SYNTAX)
			return end;
		if (s->bye)
			return OK;
		/* Put the reason back, which reading may have replaced. */
		e = fail(e, "%s", kept ? "refused" : text);
	}
	if (e == E_LIMIT)
		return imap_no(s, "[TOOBIG] %s", err_last()->text);
	if (e == E_NOTFOUND)
		return imap_trycreate(s, e);
	return e;
}

WAITS static err keep(struct imap *s, struct spool *message)
{
	const struct imap_append *a = &s->append;
	struct appended done;
	const struct append how = {
		.folder = a->mailbox,
		.flags = a->flags.system & ~(unsigned)IMAP_RECENT,
		.keywords = a->flags.keywords,
		.nkeywords = a->flags.nkeywords,
		.received = a->date,
	};

	err e = box_append(s->box, message, &how, &done);
	if (e == E_NOTFOUND)
		return imap_trycreate(s, e);
	TRY(e);
	TRY(imap_lesson(s, NULL, a->mailbox, &done.uid, 1));
	return imap_ok(s, "[APPENDUID %u %u] Done", done.uidvalidity, done.uid);
}

/* RFC 9051 6.3.12. */
WAITS err imap_cmd_append(struct imap *s)
{
	CLEANUP(drop) struct spool *message = NULL;
	struct folder_info f;

	if (!s->appending)
		return fail(E_SYNTAX, "Expected mailbox, flags, date and a literal");
	err e = may_append(s, &f);
	if (e)
		return refuse(s, e);
	message = spool_new(s->role->spool_dir, message_max(s));
	TRY(take_message(s, message));
	return keep(s, message);
}
