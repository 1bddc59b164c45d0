#include "formats/pop3/pop3.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was parsed, put together again, parses to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pop3_command c, again;
	size_t n;

	if (pop3_parse(str_of(data, size), &c) != OK)
		return 0;
	(void)!pop3_number(c.args[0], 1000, &n);
	size_t whole = c.verb.n + (c.rest.n ? 1 + c.rest.n : 0);

	if (pop3_parse(str_of(data, whole), &again) != OK || again.nargs != c.nargs ||
	    !str_eq(again.args[1], c.args[1]))
		abort();
	return 0;
}
