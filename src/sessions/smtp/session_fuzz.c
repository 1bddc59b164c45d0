/* A whole session with a role that takes everything for domain x: first octet odd is LMTP, its
 * other bits how the input is cut. The answers do not depend on the cut. */
#include <assert.h>

#include "run/log.h"
#include "sessions/smtp/fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void run(str in, bool lmtp, size_t piece, struct buf *out)
{
	struct fake f;

	fake_init(&f, lmtp);
	fake_run(&f, in, piece, out);
	fake_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf one, two;
	str in = str_of(data, n);
	unsigned how = in.n ? (unsigned char)in.p[0] : 0;

	log_setup("fuzz", LOG_ERROR + 1);
	in = str_skip(in, 1);
	buf_init(&one, MIB(4));
	buf_init(&two, MIB(4));
	run(in, how & 1, 0, &one);
	run(in, how & 1, how / 2 + 1, &two);
	assert(str_eq(buf_str(&one), buf_str(&two)));
	return 0;
}
