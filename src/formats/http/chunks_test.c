#include "formats/http/chunks.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/test.h"

/* In pieces of that many octets; the body goes to out. E_EOF: it did not end. */
static err whole(str in, size_t piece, struct buf *out, size_t *left)
{
	struct http_chunks c = { 0 };
	bool done = false;

	while (in.n && !done) {
		size_t used;
		str data;

		TRY(http_chunks_take(&c, str_take(in, piece), &used, &data, &done));
		CHECK(used > 0);
		buf_add(out, data);
		in = str_skip(in, used);
	}
	*left = in.n;
	return done ? OK : E_EOF;
}

TEST(http_chunks)
{
	static const struct {
		str in, want;
		err e;
		size_t left;
	} rows[] = {
		{ S("4\r\nWiki\r\n7\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\n\r\n"),
		  S("Wikipedia in \r\nchunks."), OK, 0 },
		{ S("0\r\n\r\nGET"), S(""), OK, 3 },
		{ S("1;ext=\"a\"\r\na\r\n0\r\nX: y\r\nZ: \r\n\r\n"), S("a"), OK,
		  0 }, /* 9112 7.1.1, 7.1.2 */
		{ S("1 \r\na\r\n0\r\n\r\n"), S("a"), OK, 0 },
		{ S("1\r\nab\r\n0\r\n\r\n"), S("a"), E_SYNTAX, 0 },
		{ S("1\na\n0\n\n"), S(""), E_SYNTAX, 0 },
		{ S("\r\n"), S(""), E_SYNTAX, 0 },
		{ S("-1\r\n"), S(""), E_SYNTAX, 0 },
		{ S("g\r\n"), S(""), E_SYNTAX, 0 },
		{ S("ffffffffffffffff\r\n"), S(""), E_SYNTAX, 0 },
		{ S("5\r\nabc"), S("abc"), E_EOF, 0 },
	};
	static const size_t pieces[] = { 1, 3, 1000 };

	for (size_t i = 0; i < COUNT(rows) * COUNT(pieces); i++) {
		CLEANUP(buf_free) struct buf out;
		size_t row = i / COUNT(pieces), left = 0;

		buf_init(&out, KIB(4));
		CHECK_ROW(row, whole(rows[row].in, pieces[i % COUNT(pieces)], &out, &left) ==
				       rows[row].e);
		CHECK_STR_ROW(row, buf_str(&out), rows[row].want);
		CHECK_ROW(row, rows[row].e != OK || left == rows[row].left);
	}
}
