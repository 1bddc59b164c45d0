/* A file of the log, as a crash or a bad disk left it: whole records are found, those that are
 * events print and parse to the same. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "services/accounting/log.h"
#include "services/accounting/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct acct_event *e)
{
	struct acct_event second;
	struct buf one, two;

	buf_init(&one, LIM_ACCT_RECORD);
	buf_init(&two, LIM_ACCT_RECORD);
	acct_record_print(e, &one);
	if (buf_done(&one) != OK || acct_record_parse(buf_str(&one), &second) != OK)
		abort();
	acct_record_print(&second, &two);
	if (!str_eq(buf_str(&one), buf_str(&two)))
		abort();
	buf_free(&one);
	buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str octets = str_of(data, size), body;
	struct acct_event e;
	size_t whole = log_whole(octets), n = 0;
	str rest = str_take(octets, whole);

	while (log_next(&rest, &body)) {
		n += body.n + 8;
		if (acct_record_parse(body, &e) == OK)
			again(&e);
	}
	if (n != whole || rest.n)
		abort();
	if (acct_record_parse(octets, &e) == OK) /* a checksum is hard to guess */
		again(&e);
	return 0;
}
