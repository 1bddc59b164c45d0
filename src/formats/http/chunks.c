#include "formats/http/chunks.h"

#include "base/limits.h"

/* Extensions and trailer fields are read over: nobody gave them a meaning here. */
enum {
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	TRAILER_LINE,
	TRAILER_LF,
	END_LF
};
enum { LINE = 256, TRAILERS = 4096 };

static int hex(char c)
{
	if (ch_digit(c))
		return c - '0';
	c = ch_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static err take_size(struct http_chunks *c, char ch)
{
	int v = hex(ch);

	if (++c->line > LINE)
		return fail(E_LIMIT, "a chunk's line over %d octets", LINE);
	if (c->state == SIZE && v >= 0) {
		if (c->left >> 48)
			return fail(E_SYNTAX, "a chunk's size is out of bounds");
		c->left = c->left << 4 | (unsigned)v;
		return OK;
	}
	if (c->state == SIZE && c->line == 1)
		return fail(E_SYNTAX, "a chunk without a size");
	if (c->state == SIZE && ch != ';' && ch != ' ' && ch != '\t' && ch != '\r')
		return fail(E_SYNTAX, "a chunk's size is no number");
	if (ch == '\n')
		return fail(E_SYNTAX, "a bare LF among the chunks");
	c->state = ch == '\r' ? SIZE_LF : EXTENSION;
	return OK;
}

static err take_trailer(struct http_chunks *c, char ch)
{
	if (++c->trailer > TRAILERS)
		return fail(E_LIMIT, "a trailer over %d octets", TRAILERS);
	if (c->state == TRAILER)
		c->state = ch == '\r' ? END_LF : TRAILER_LINE;
	else if (ch == '\r')
		c->state = TRAILER_LF;
	return OK;
}

static err take_end(struct http_chunks *c, char ch, bool *done)
{
	if (ch != (c->state == DATA_CR ? '\r' : '\n'))
		return fail(E_SYNTAX, "a chunk that is longer than its size");
	switch (c->state) {
	case SIZE_LF:
		c->state = c->left ? DATA : TRAILER;
		break;
	case DATA_CR:
		c->state = DATA_LF;
		break;
	case DATA_LF:
		c->state = SIZE;
		c->line = 0;
		break;
	case TRAILER_LF:
		c->state = TRAILER;
		break;
	default:
		*done = true;
	}
	return OK;
}

err http_chunks_take(struct http_chunks *c, str in, size_t *used, str *data, bool *done)
{
	*data = STR("");
	*used = 0;
	*done = false;
	while (*used < in.n && !*done) {
		char ch = in.p[*used];

		if (c->state == DATA) {
			*data = str_take(str_skip(in, *used),
					 c->left < in.n ? (size_t)c->left : in.n);
			c->left -= data->n;
			*used += data->n;
			if (c->left == 0)
				c->state = DATA_CR;
			return OK;
		}
		++*used;
		if (c->state == SIZE || c->state == EXTENSION)
			TRY(take_size(c, ch));
		else if (c->state == TRAILER || c->state == TRAILER_LINE)
			TRY(take_trailer(c, ch));
		else
			TRY(take_end(c, ch, done));
	}
	return OK;
}
