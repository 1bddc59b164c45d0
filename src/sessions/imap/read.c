#include "sessions/imap/internal.h"

/* Reads n octets and forgets them, so that the stream stays in step. */
WAITS err imap_discard(struct imap *s, uint64_t n)
{
	while (n > 0) {
		str in = stream_peek(s->io);
		if (in.n == 0) {
			TRY(stream_fill(s->io));
			continue;
		}
		size_t take = in.n < n ? in.n : (size_t)n;
		stream_eat(s->io, take);
		n -= take;
	}
	return OK;
}

WAITS err imap_go_on(struct imap *s)
{
	TRY(stream_write(s->io, STR("+ OK\r\n")));
	return stream_flush(s->io);
}

/* Throws the rest of a refused command away: a client that sends literals without asking goes on
 * whatever we say. */
WAITS static err skip_command(struct imap *s, struct imap_literal l)
{
	str part;

	for (;;) {
		if (!l.nosync)
			return OK;
		if (l.size > LIM_MESSAGE) {
			s->bye = true;
			return imap_say(s, "* BYE Literal too large");
		}
		TRY(imap_discard(s, l.size));
		err e = stream_line(s->io, LIM_IMAP_LINE, LINE_LENIENT, &part);
		if (e && e != E_LIMIT)
			return e;
		if (e || !imap_literal_at_end(part, &l))
			return OK;
	}
}

/* The tag is there once the first line is. */
WAITS static err too_big(struct imap *s, struct imap_literal l)
{
	s->in = (struct imap_in){ buf_str(&s->line), &s->cmd };
	err e = imap_parse_command(&s->in, &s->c);
	(void)e;
	TRY(skip_command(s, l));
	if (s->bye)
		return E_SYNTAX;
	TRY(imap_bad(s, "[TOOBIG] Literal too large"));
	return E_SYNTAX;
}

/* True when the literal that the line ends with is APPEND's message, which goes to a spool. */
static bool is_message(struct imap *s)
{
	struct imap_in in = { buf_str(&s->line), &s->cmd };
	struct imap_command c;

	if (s->state == ST_NOAUTH || imap_parse_command(&in, &c) || c.uid ||
	    !str_eqi(c.name, STR("APPEND")) || !imap_eat(&in, ' '))
		return false;
	return imap_parse_append(&in, s->rev2 || s->utf8, &s->append) == OK;
}

WAITS static err read_literal(struct imap *s, struct imap_literal l)
{
	size_t max = s->state == ST_NOAUTH ? LIM_IMAP_PRELOGIN : LIM_IMAP_COMMAND;

	if (l.size > max || s->line.n + l.size > max)
		return too_big(s, l);
	if (!l.nosync)
		TRY(imap_go_on(s));
	buf_add(&s->line, STR("\r\n"));
	char *p = buf_room(&s->line, (size_t)l.size);
	if (!p)
		return fail(E_LIMIT, "command too large");
	TRY(stream_read_full(s->io, p, (size_t)l.size));
	s->line.n += (size_t)l.size;
	return OK;
}

WAITS static err read_whole(struct imap *s)
{
	struct imap_literal l;
	str part;

	for (;;) {
		err e = stream_line(s->io, LIM_IMAP_LINE, LINE_LENIENT, &part);
		if (e == E_LIMIT) {
			TRY(imap_say(s, "* BAD Line too long"));
			s->errors++;
			return E_SYNTAX;
		}
		TRY(e);
		buf_add(&s->line, part);
		if (buf_done(&s->line)) {
			TRY(imap_say(s, "* BAD Command too large"));
			s->errors++;
			return E_SYNTAX;
		}
		if (!imap_literal_at_end(part, &l))
			return OK;
		s->appending = is_message(s);
		if (s->appending)
			return OK;
		TRY(read_literal(s, l));
	}
}

WAITS err imap_read(struct imap *s)
{
	buf_reset(&s->line);
	s->appending = false;
	s->c = (struct imap_command){ .tag = STR(""), .name = STR("") };
	TRY(read_whole(s));
	s->in = (struct imap_in){ buf_str(&s->line), &s->cmd };
	if (imap_parse_command(&s->in, &s->c)) {
		TRY(imap_bad(s, "%s", err_last()->text));
		return E_SYNTAX;
	}
	return OK;
}
