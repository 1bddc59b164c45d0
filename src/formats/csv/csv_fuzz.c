/* Parsed, printed, parsed again: the same fields. */
#include "formats/csv/csv.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void again(const struct csv_record *r)
{
	CLEANUP(buf_free) struct buf out = { 0 };
	CLEANUP(buf_free) struct buf space = { 0 };
	struct csv_record r2;

	buf_init(&out, LIM_CSV_LINE * 3);
	buf_init(&space, LIM_CSV_LINE);
	for (size_t i = 0; i < r->n; i++) {
		if (i)
			buf_addc(&out, ',');
		csv_print(r->fields[i], &out);
	}
	buf_addc(&out, '\n');
	err e = csv_parse(buf_str(&out), true, &space, &r2);

	if (e == E_LIMIT) /* quotes made it longer */
		return;
	assert(e == OK && r2.n == r->n);
	for (size_t i = 0; i < r->n; i++)
		assert(str_eq(r->fields[i], r2.fields[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf space = { 0 };
	str in = str_of(data, n);
	struct csv_record r;

	buf_init(&space, LIM_CSV_LINE);
	while (csv_parse(in, true, &space, &r) == OK) {
		assert(r.used && r.used <= in.n && r.n);
		again(&r);
		in = str_skip(in, r.used);
	}
	return 0;
}
