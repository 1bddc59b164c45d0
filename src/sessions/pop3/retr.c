#include "sessions/pop3/internal.h"

#include <inttypes.h>

#include "base/limits.h"
#include "formats/smtp/smtp.h"
#include "run/log.h"

enum { PIECE = 65536 }; /* octets read from the mailbox at a time */

/* How much of a message TOP still wants: the header, the empty line, then so many lines of the
 * body. */
struct top {
	bool body; /* the empty line was seen */
	bool line_start;
	uint64_t lines; /* of the body, still to come */
};

/* The length of the first line of in, its LF included; in.n when it does not end here. */
static size_t line_length(str in)
{
	size_t i = str_find(in, '\n');

	return i < in.n ? i + 1 : in.n;
}

/* How many octets of the next piece belong to the answer; less than in.n only at the end. */
static size_t top_take(struct top *t, str in)
{
	size_t taken = 0;

	while (taken < in.n && (!t->body || t->lines)) {
		str rest = str_skip(in, taken);
		size_t n = line_length(rest);
		bool ends = rest.p[n - 1] == '\n';

		if (t->body)
			t->lines -= ends;
		else if (t->line_start && (str_eq(str_take(rest, n), STR("\r\n")) ||
					   str_eq(str_take(rest, n), STR("\n"))))
			t->body = true;
		t->line_start = ends;
		taken += n;
	}
	return taken;
}

/* The answer is begun: a "-ERR" now would stand in the mail, and the answers to the commands that
 * follow as well. The connection ends instead. */
static err torn(err e)
{
	if (e == OK || e == E_EOF || e == E_TIMEOUT || e == E_CANCELED)
		return e;
	LOG(LOG_ERROR, "pop3.torn", KE(e));
	return E_EOF;
}

/* Sends a mail, whole (top NULL) or its top, dots doubled, the end added. */
static WAITS err send_mail(struct pop3 *s, const struct mail *m, struct mail_source *src,
			   struct top *top)
{
	CLEANUP(buf_free) struct buf out;
	struct smtp_stuff stuff = { 0 };
	bool whole = true;

	buf_init(&out, 2 * PIECE + 16);
	for (uint64_t at = 0; at < m->size && whole; at += PIECE) {
		str piece;

		arena_reset(&s->cmd);
		TRY(mail_read(s->view, m->uid, src, at, PIECE, &s->cmd, &piece));
		if (piece.n == 0)
			return fail(E_CORRUPT, "mail %u is shorter than its size", m->uid);
		size_t n = top ? top_take(top, piece) : piece.n;

		whole = n == piece.n && piece.n == PIECE;
		buf_reset(&out);
		smtp_stuff(&stuff, str_take(piece, n), &out);
		TRY(buf_done(&out));
		TRY(stream_write(s->io, buf_str(&out)));
	}
	buf_reset(&out);
	smtp_stuff_end(&stuff, &out);
	return stream_write(s->io, buf_str(&out));
}

/* The mail that arg names, found before +OK leaves: one that is gone gets -ERR, not a torn answer,
 * and one that is moved away meanwhile is sent to its end. */
static WAITS err answer_mail(struct pop3 *s, str arg, struct top *top)
{
	struct mail_source src = { .a = &s->mail };
	size_t index;
	bool answered;
	str piece;
	err e = pop3_mail(s, arg, &index, &answered);

	if (answered)
		return e;
	const struct mail m = s->view->mails[index];

	arena_reset(&s->mail);
	e = mail_read(s->view, m.uid, &src, 0, 1, &s->cmd, &piece);
	if (e == E_NOTFOUND)
		return pop3_err(s, "The message was removed meanwhile");
	TRY(e);
	TRY(top ? pop3_ok(s, "Top follows") : pop3_ok(s, "%" PRIu64 " octets", m.size));
	return torn(send_mail(s, &m, &src, top));
}

WAITS err pop3_retr(struct pop3 *s, const struct pop3_command *c)
{
	return answer_mail(s, c->args[0], NULL);
}

/* RFC 1939 7. */
WAITS err pop3_top(struct pop3 *s, const struct pop3_command *c)
{
	struct top top = { .line_start = true };

	if (c->nargs != 2 || str_u64(c->args[1], UINT64_MAX, &top.lines) != OK)
		return pop3_err(s, "TOP wants a message and a number of lines");
	return answer_mail(s, c->args[0], &top);
}
