/* Whatever the pieces are in which it comes, the body is the same. */
#include <assert.h>

#include "base/buf.h"
#include "base/limits.h"
#include "formats/http/chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static err whole(str in, size_t piece, struct buf *out)
{
	struct http_chunks c = { 0 };
	bool done = false;

	while (in.n && !done) {
		size_t used;
		str got;

		TRY(http_chunks_take(&c, str_take(in, piece), &used, &got, &done));
		assert(used > 0 && got.n <= used);
		buf_add(out, got);
		in = str_skip(in, used);
	}
	return done ? OK : E_EOF;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf a = { 0 }, b = { 0 };

	buf_init(&a, MIB(16));
	buf_init(&b, MIB(16));
	err one = whole(str_of(data, n), n + 1, &a), other = whole(str_of(data, n), 1, &b);

	assert(one == other && str_eq(buf_str(&a), buf_str(&b)));
	return 0;
}
