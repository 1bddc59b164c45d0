#include "formats/mime/lex.h"

#include "base/arena.h"
#include "formats/mime/message.h"

/* *in stands at a '('. Nested comments are counted, not recursed into. */
static bool comment_text(str *in, struct buf *out)
{
	unsigned long depth = 0;

	while (in->n) {
		char c = in->p[0];

		*in = str_skip(*in, 1);
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0)
			return true;
		if (c == '\\' && in->n) {
			c = in->p[0];
			*in = str_skip(*in, 1);
		}
		if (out && c != '\r' && c != '\n')
			buf_addc(out, c);
	}
	return false;
}

bool mime_skip_cfws(str *in, struct buf *comment)
{
	for (;;) {
		while (mime_ws(mime_peek(*in)))
			*in = str_skip(*in, 1);
		if (mime_peek(*in) != '(')
			return true;
		if (comment)
			buf_reset(comment);
		if (!comment_text(in, comment))
			return false;
	}
}

bool mime_quoted(str *in, struct buf *out)
{
	*in = str_skip(*in, 1);
	while (in->n) {
		char c = in->p[0];

		*in = str_skip(*in, 1);
		if (c == '"')
			return true;
		if (c == '\\' && in->n && in->p[0] != '\r' && in->p[0] != '\n') {
			c = in->p[0];
			*in = str_skip(*in, 1);
		}
		if (c != '\r' && c != '\n')
			buf_addc(out, c);
	}
	return false;
}

str mime_run(str *in, str stops)
{
	size_t n = 0;

	while (n < in->n && !mime_ws(in->p[n]) && str_find(stops, in->p[n]) == stops.n)
		n++;
	str run = str_take(*in, n);

	*in = str_skip(*in, n);
	return run;
}

bool mime_is_field(str line, size_t *colon)
{
	size_t n = 0, name;

	line = str_take(line, MIME_SCAN_LINE);
	while (n < line.n && line.p[n] > ' ' && line.p[n] <= '~' && line.p[n] != ':')
		n++;
	name = n;
	/* RFC 5322 4.5: obsolete, white space before the colon. */
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	*colon = n;
	return name > 0 && n < line.n && line.p[n] == ':';
}

str mime_lower(struct arena *a, str s)
{
	bool lower = true;

	for (size_t i = 0; i < s.n; i++)
		lower = lower && s.p[i] == ch_lower(s.p[i]);
	if (lower)
		return s;
	char *p = arena_try(a, s.n, 1);

	for (size_t i = 0; p && i < s.n; i++)
		p[i] = ch_lower(s.p[i]);
	return (str){ p, p ? s.n : 0 };
}

bool mime_add_fit(struct buf *out, str s)
{
	size_t room = out->max - out->n;

	if (s.n <= room) {
		buf_add(out, s);
		return true;
	}
	while (room && ((unsigned char)s.p[room] & 0xc0) == 0x80)
		room--;
	buf_add(out, str_take(s, room));
	return false;
}
