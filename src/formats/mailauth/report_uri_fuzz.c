/* Any text as a list of URIs and as a record of TLSRPT: addresses that come out are such that no
 * header or command can be broken with them. */
#include <stdlib.h>

#include "formats/mailauth/report_uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct report_uri u;

	for (str rest = str_of(p, n); report_next_uri(&rest, &u);) {
		str a = report_address(&u);

		if (!a.n || a.n > LIM_REPORT_ADDRESS || !str_printable(a) ||
		    str_find(a, ' ') < a.n || str_find(a, '>') < a.n || str_find(a, '<') < a.n ||
		    str_find(a, '"') < a.n || !report_host(&u).n)
			abort();
	}
	str rua = report_tls_rua(str_of(p, n));

	if (rua.n > n)
		abort();
	return 0;
}
