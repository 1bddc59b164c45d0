#include "sessions/imap/internal.h"

/* "[COPYUID 5 1:3 7:9]" of RFC 4315 3, without its brackets; "" when nothing was copied. */
static void add_copyuid(struct buf *out, const struct copied *c)
{
	if (!c->n)
		return;
	buf_fmt(out, "[COPYUID %u ", c->uidvalidity);
	imap_add_numbers(out, c->from, c->n);
	buf_addc(out, ' ');
	imap_add_numbers(out, c->to, c->n);
	buf_add(out, STR("] "));
}

WAITS static err answer(struct imap *s, const struct copied *c, bool move)
{
	struct buf code;

	/* The longest form: both lists without a range. */
	buf_init(&code, size_add(size_mul(c->n, 22), 64));
	add_copyuid(&code, c);
	err e = buf_done(&code);
	/* RFC 6851 4.3: for MOVE the code comes before the EXPUNGEs. */
	if (!e && move && c->n) {
		e = stream_fmt(s->io, "* OK ");
		if (!e)
			e = stream_write(s->io, buf_str(&code));
		if (!e)
			e = stream_write(s->io, STR("Moved\r\n"));
	}
	if (!e && move)
		e = imap_ok(s, "Done");
	if (!e && !move) {
		e = imap_sync(s, true);
		if (!e)
			e = stream_fmt(s->io, "%.*s OK ", STRF(s->c.tag));
		if (!e)
			e = stream_write(s->io, buf_str(&code));
		if (!e)
			e = stream_write(s->io, STR("Copied\r\n"));
		s->errors = 0;
	}
	buf_free(&code);
	return e;
}

/* RFC 9051 6.4.7, 6.4.8. */
WAITS static err copy(struct imap *s, bool move)
{
	struct copied c = { 0 };
	struct imap_pick p;
	str to;

	TRY(imap_pick_arg(s, &p));
	TRY(imap_expect(&s->in, ' '));
	TRY(imap_mailbox(&s->in, s->rev2 || s->utf8, &to));
	TRY(imap_expect_end(&s->in));
	if (move && s->view->readonly)
		return imap_no(s, "[READ-ONLY] The mailbox is open read-only");
	const uint32_t *uids = imap_pick_uids(s, &p);
	if (!uids)
		return fail(E_LIMIT, "Too many messages");
	if (p.n) {
		err e = folder_copy(s->view, uids, p.n, to, move, &s->cmd, &c);
		if (e == E_NOTFOUND)
			return imap_trycreate(s, e);
		TRY(e);
		TRY(imap_lesson(s, s->view, to, c.to, c.n));
	}
	return answer(s, &c, move);
}

WAITS err imap_cmd_copy(struct imap *s)
{
	return copy(s, false);
}

WAITS err imap_cmd_move(struct imap *s)
{
	return copy(s, true);
}
