/* Any message as an answer to the question that it claims to answer: what is said of it fits the
 * list's codes, and a refusal of the list is never a listing. */
#include <stdlib.h>

#include "clients/dns/blacklist.h"
#include "formats/dns/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct blacklist_code codes[] = {
		{ .first = 0x7f000002, .last = 0x7f00000b },
		{ .first = 0x7f000000, .last = 0x7f0000ff, .bits = 64 },
		{ .first = 0x7f000003, .last = 0x7f000003, .ignored = 0xff00 },
	};
	static const struct blacklist l = { .codes = codes, .ncodes = COUNT(codes) };
	struct blacklist_question q = { .list = &l };
	struct dns_reader r;
	struct dns_name name;
	uint16_t type, class;

	if (dns_reader_open(str_of(p, n), &r) != OK ||
	    dns_reader_question(&r, &name, &type, &class) != OK)
		return 0;
	enum blacklist_taken t = blacklist_take(str_of(p, n), r.id, dns_name_str(&name), &q);

	if (t != BLACKLIST_TAKEN) {
		if (q.what != BLACKLIST_SILENT || q.ncodes)
			abort();
		return 0;
	}
	if ((q.what == BLACKLIST_LISTED) != (q.ncodes > 0) || q.ncodes > BLACKLIST_CODES)
		abort();
	for (unsigned i = 0; i < q.ncodes; i++)
		if (q.codes[i] >> 8 == 0x7fffff || q.codes[i] >> 24 != 127)
			abort();
	return 0;
}
