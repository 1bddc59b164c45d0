#include "sessions/smtp/session.h"

/* The chunk's octets, kept or passed over. */
WAITS static err read_chunk(struct smtp *s, uint64_t left, bool keep)
{
	uint64_t mark = left;

	smtp_patience(s, s->lim->data_block);
	for (;;) {
		str in = str_take(stream_peek(s->io), left > SIZE_MAX ? SIZE_MAX : (size_t)left);
		str rest = in, piece;

		while (keep && smtp_data_next(&s->data, &rest, &piece))
			TRY(smtp_message_add(s, piece));
		stream_eat(s->io, in.n);
		left -= in.n;
		if (!left)
			return OK;
		if (mark - left >= LIM_SMTP_PROGRESS) {
			mark = left;
			smtp_patience(s, s->lim->data_block);
		}
		TRY(stream_flush(s->io));
		TRY(stream_fill(s->io));
	}
}

/* The chunk does not belong to a message, but it follows all the same. */
WAITS static err pass_over(struct smtp *s, uint64_t size, const char *why)
{
	if (size > (uint64_t)s->lim->message + LIM_SMTP_EXCESS) {
		s->quit = true;
		return smtp_answer(s, "552 5.3.4 Chunk is much larger than we take");
	}
	TRY(read_chunk(s, size, false));
	return smtp_complain(s, "%s", why);
}

WAITS static err chunk_error(struct smtp *s, err e)
{
	s->quit = true;
	if (e == E_TIMEOUT)
		return smtp_answer(s, "421 4.4.2 Time-out in a chunk");
	return e;
}

WAITS static err take_chunk(struct smtp *s, uint64_t size, bool last)
{
	if (s->state == ST_RCPT) {
		TRY(smtp_message_begin(s, true));
		s->state = ST_BDAT;
	}
	/* RFC 3030 2: refused as soon as it is known; the transaction is over with that. */
	if (size > (uint64_t)s->lim->message - (s->data.size < (uint64_t)s->lim->message
							? s->data.size
							: (uint64_t)s->lim->message)) {
		smtp_tx_reset(s);
		return pass_over(s, size, "552 5.3.4 Message is larger than we take");
	}
	err e = read_chunk(s, size, true);

	if (e)
		return chunk_error(s, e);
	if (!last)
		return smtp_answer(s, "250 2.0.0 %llu octets received", (unsigned long long)size);
	smtp_data_end(&s->data);
	return smtp_message_end(s);
}

WAITS err smtp_cmd_bdat(struct smtp *s, str args)
{
	uint64_t size;
	bool last;

	if (smtp_parse_bdat(args, &size, &last) != OK) {
		/* How much follows is unknown: there is no safe next command. */
		s->quit = true;
		return smtp_complain(s, "501 5.5.4 %s", err_last()->text);
	}
	if (!(s->ext & SMTP_EXT_CHUNKING) || !(s->state & (ST_RCPT | ST_BDAT))) {
		err e = pass_over(s, size, "503 5.5.1 BDAT needs a recipient");

		return e == E_TIMEOUT ? chunk_error(s, e) : e;
	}
	return take_chunk(s, size, last);
}
