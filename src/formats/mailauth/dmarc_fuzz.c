/* Any text as a DMARC record. */
#include <stdlib.h>

#include "formats/mailauth/dmarc.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dmarc_record r;
	str uri;

	if (!dmarc_parse(str_of(p, n), &r))
		return 0;
	for (str rest = r.rua; dmarc_next_uri(&rest, &uri);)
		if (!str_printable(uri) || !uri.n)
			abort();
	if (dmarc_usable(&r) && !r.policy)
		abort();
	return 0;
}
