/* Parsed, printed, parsed again: the same answer. */
#include <assert.h>

#include "base/limits.h"
#include "formats/filter/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	CLEANUP(arena_free) struct arena a;
	struct filter_answer f, again;

	arena_init(&a, MIB(16));
	buf_init(&b, MIB(16));
	if (filter_answer_parse(str_of(data, n), &a, &f) != OK)
		return 0;
	filter_answer_print(&f, &b);
	err e = filter_answer_parse(buf_str(&b), &a, &again);

	if (e == E_LIMIT) /* escapes made it longer */
		return 0;
	assert(e == OK && again.nsymbols == f.nsymbols && again.nrecipients == f.nrecipients);
	assert(str_eq(again.action, f.action) && str_eq(again.virus, f.virus) || !f.virus.n);
	return 0;
}
