/* Parsed, printed, parsed again: the same request. */
#include <assert.h>

#include "base/limits.h"
#include "formats/spamd/spamd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	struct spamd_request r, again;

	buf_init(&b, MIB(4));
	if (spamd_parse_request(str_of(data, n), &r) != OK)
		return 0;
	spamd_print_request(&b, &r);
	assert(spamd_parse_request(buf_str(&b), &again) == OK);
	assert(again.method == r.method && again.length == r.length && again.set == r.set &&
	       again.remove == r.remove && again.class == r.class && str_eq(again.user, r.user));
	return 0;
}
