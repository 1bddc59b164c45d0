/* Any text: hosts that are found are lower-case labels with dots between them, and no longer than a
 * name. */
#include <stdlib.h>

#include "services/blacklists/hidden.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void found(void *arg, str host)
{
	unsigned *left = arg;

	if (!host.n || host.n > 253 || !*left)
		abort();
	--*left;
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] != '.' && host.p[i] != '-' &&
		    (!ch_alnum(host.p[i]) || host.p[i] != ch_lower(host.p[i])))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	unsigned left = 5;

	blacklists_hidden(str_of(p, n), 5, found, &left);
	return 0;
}
