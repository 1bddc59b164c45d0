/* Each parser on the same octets; what is read lies within them. */
#include <assert.h>

#include "base/limits.h"
#include "formats/milter/milter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void within(str all, str s)
{
	assert(s.n == 0 || (s.p >= all.p && s.p + s.n <= all.p + all.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str in = str_of(data, n), name, value, rest = in;
	struct milter_options o;
	struct milter_connect c;

	if (milter_parse_options(in, &o) == OK)
		assert(o.version >= 2);
	if (milter_parse_connect(in, &c) == OK) {
		within(in, c.host);
		within(in, c.addr);
	}
	if (milter_parse_header(in, &name, &value) == OK) {
		CLEANUP(buf_free) struct buf b = { 0 };
		str again_name, again_value;

		within(in, name);
		within(in, value);
		buf_init(&b, MIB(4));
		milter_print_add(&b, name, value);
		assert(milter_length(b.p) + 4 == b.n);
		assert(milter_parse_header(str_skip(buf_str(&b), 5), &again_name, &again_value) ==
		       OK);
		assert(str_eq(name, again_name) && str_eq(value, again_value));
	}
	within(in, milter_macro(in, STR("i")));
	while (milter_next(&rest, &name))
		within(in, name);
	return 0;
}
