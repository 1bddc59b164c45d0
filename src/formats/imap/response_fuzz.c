/* A response; what is printed is read as the same. */
#include <assert.h>

#include "formats/imap/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b, c;
	struct imap_reply r;

	arena_init(&a, MIB(8));
	buf_init(&b, MIB(4));
	buf_init(&c, MIB(4));
	if (imap_parse_reply(str_of(data, n), &a, &r))
		return 0;
	imap_add_reply(&b, &r);
	assert(imap_parse_reply(buf_str(&b), &a, &r) == OK);
	imap_add_reply(&c, &r);
	assert(str_eq(buf_str(&b), buf_str(&c)));
	return 0;
}
