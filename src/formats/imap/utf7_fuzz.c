/* A name has one form in modified UTF-7 and one in UTF-8. */
#include <assert.h>

#include "base/enc.h"
#include "formats/imap/utf7.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf b, c;
	str in = str_of(data, n);

	buf_init(&b, size_add(size_mul(n, 8), 8));
	buf_init(&c, size_add(size_mul(n, 8), 8));
	if (utf7_decode(in, &b) == OK) {
		assert(utf8_valid(buf_str(&b)));
		utf7_encode(buf_str(&b), &c);
		assert(str_eq(buf_str(&c), in));
	}
	return 0;
}
