#include "sessions/pop3/internal.h"

#include <inttypes.h>

#include "base/limits.h"
#include "formats/smtp/smtp.h"

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

/* Sends a mail, whole (top NULL) or its top, dots doubled, the end added. */
static WAITS err send_mail(struct pop3 *s, size_t index, struct top *top)
{
	CLEANUP(buf_free) struct buf out;
	struct smtp_stuff stuff = { 0 };
	const struct mail m = s->view->mails[index];
	bool whole = true;

	buf_init(&out, 2 * PIECE + 16);
	for (uint64_t at = 0; at < m.size && whole; at += PIECE) {
		str piece;

		arena_reset(&s->cmd);
		TRY(mail_body(s->view, m.uid, at, PIECE, &s->cmd, &piece));
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

/* The first octets are read before +OK leaves: a mail that is gone gets -ERR, not a torn answer. */
static WAITS err check_there(struct pop3 *s, size_t index, bool *there)
{
	str piece;
	err e = mail_body(s->view, s->view->mails[index].uid, 0, 1, &s->cmd, &piece);

	*there = e == OK;
	return e == E_NOTFOUND ? pop3_err(s, "The message was removed meanwhile") : e;
}

WAITS err pop3_retr(struct pop3 *s, const struct pop3_command *c)
{
	size_t index;
	bool no;
	err e = pop3_mail(s, c->args[0], &index, &no);

	if (no)
		return e;
	TRY(check_there(s, index, &no));
	if (!no)
		return OK;
	TRY(pop3_ok(s, "%" PRIu64 " octets", s->view->mails[index].size));
	return send_mail(s, index, NULL);
}

/* RFC 1939 7. */
WAITS err pop3_top(struct pop3 *s, const struct pop3_command *c)
{
	struct top top = { .line_start = true };
	size_t index;
	bool no;

	if (c->nargs != 2 || str_u64(c->args[1], UINT64_MAX, &top.lines) != OK)
		return pop3_err(s, "TOP wants a message and a number of lines");
	err e = pop3_mail(s, c->args[0], &index, &no);

	if (no)
		return e;
	TRY(check_there(s, index, &no));
	if (!no)
		return OK;
	TRY(pop3_ok(s, "Top follows"));
	return send_mail(s, index, &top);
}
