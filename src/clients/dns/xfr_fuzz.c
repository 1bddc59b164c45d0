/* The messages of a transfer: an octet says how we asked, then each has two octets of length. */
#include <assert.h>

#include "clients/dns/xfr.h"

static uint64_t given;

static err whole(void *arg)
{
	(void)arg;
	return OK;
}

static err record(void *arg, bool added, const struct xfr_record *r)
{
	const struct xfr *x = arg;

	(void)added;
	assert(dns_name_valid(r->owner) && dns_name_under(r->owner, x->zone));
	given++;
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct xfr x = { .zone = STR("\7example\0"),
			 .incremental = n && (data[0] & 1),
			 .serial = 1,
			 .records_max = 1000,
			 .octets_max = 100000,
			 .whole = whole,
			 .record = record,
			 .arg = &x };
	str rest = str_skip(str_of(data, n), 1);
	struct xfr_answer a;

	x.zone.n = 9;
	given = 0;
	xfr_answer_begin(&a, &x, 0x1234);
	while (rest.n > 2 && a.state != XFR_DONE) {
		str message = str_take(str_skip(rest, 2), dns_get16(rest.p));

		if (xfr_answer_take(&a, message) != OK)
			break;
		rest = str_skip(rest, 2 + message.n);
	}
	assert(a.state != XFR_DONE || a.result.records == given);
	return 0;
}
