/* DATA's decoder gives the same however the octets are cut (first octet: how), and takes back what
 * the encoder made. */
#include <assert.h>

#include "formats/smtp/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* step 0: at once. */
static struct smtp_data decode(str in, size_t step, bool bdat, struct buf *out, size_t *used)
{
	struct smtp_data d = { .bdat = bdat };
	str piece, rest = in;

	while (rest.n && !d.done) {
		str part = step ? str_take(rest, step) : rest;
		size_t had = part.n;

		while (smtp_data_next(&d, &part, &piece))
			buf_add(out, piece);
		rest = str_skip(rest, had - part.n);
	}
	*used = in.n - rest.n;
	if (bdat)
		smtp_data_end(&d);
	return d;
}

static void decode_twice(str in, size_t step, bool bdat)
{
	CLEANUP(buf_free) struct buf one, two;
	size_t used1, used2;

	buf_init(&one, MIB(4));
	buf_init(&two, MIB(4));
	struct smtp_data a = decode(in, 0, bdat, &one, &used1);
	struct smtp_data b = decode(in, step, bdat, &two, &used2);

	assert(str_eq(buf_str(&one), buf_str(&two)) && used1 == used2);
	assert(a.done == b.done && a.bare == b.bare && a.size == one.n && b.size == two.n);
}

static void stuff(str in, size_t step, struct buf *out)
{
	struct smtp_stuff s = { 0 };

	for (size_t at = 0; at < in.n; at += step)
		smtp_stuff(&s, str_take(str_skip(in, at), step), out);
	smtp_stuff_end(&s, out);
}

static void there_and_back(str in, size_t step)
{
	CLEANUP(buf_free) struct buf one, two, back;
	size_t used;

	buf_init(&one, MIB(4));
	buf_init(&two, MIB(4));
	buf_init(&back, MIB(4));
	stuff(in, in.n + 1, &one);
	stuff(in, step, &two);
	assert(str_eq(buf_str(&one), buf_str(&two)));
	/* What leaves is one message for the strictest reader: one end, at the end, and no bare
	 * line end. */
	struct smtp_data d = decode(buf_str(&one), 0, false, &back, &used);

	assert(d.done && !d.bare && used == one.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str in = str_of(data, n);
	size_t step = in.n ? (size_t)(unsigned char)in.p[0] % 16 + 1 : 1;

	in = str_skip(in, 1);
	decode_twice(in, step, false);
	decode_twice(in, step, true);
	there_and_back(in, step);
	return 0;
}
