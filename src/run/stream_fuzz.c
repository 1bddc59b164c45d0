/* stream_line over input in pieces gives the same lines as a plain search in the whole. */
#include <assert.h>

#include "run/stream.h"

/* The next line of *rest by the words of stream.h. */
static err plain_line(str *rest, size_t max, enum line_end how, str *line)
{
	for (size_t i = 0; i < rest->n; i++) {
		bool cr = i > 0 && rest->p[i - 1] == '\r';

		if (rest->p[i] != '\n' || (!cr && how == LINE_CRLF))
			continue;
		*line = str_take(*rest, cr ? i - 1 : i);
		*rest = str_skip(*rest, i + 1);
		return i + 1 > max ? E_LIMIT : OK;
	}
	*line = *rest;
	*rest = STR("");
	return line->n >= max ? E_LIMIT : E_EOF;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n < 2)
		return 0;
	size_t max = 2 + data[0] % 64, piece = data[1] % 8;
	enum line_end how = data[1] & 0x80 ? LINE_LENIENT : LINE_CRLF;
	str rest = str_of(data + 2, n - 2);
	struct stream *s = stream_script(rest, piece);

	for (;;) {
		str got, want;
		err e = stream_line(s, max, how, &got);

		assert(e == plain_line(&rest, max, how, &want));
		if (e != E_LIMIT)
			assert(str_eq(got, want));
		if (e == E_EOF || (e == E_LIMIT && !rest.n))
			break;
	}
	stream_close(s);
	return 0;
}
