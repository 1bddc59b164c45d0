/* A message's header, and a filter's words: nothing forged is left, and what is written holds no
 * field that the filter made up. */
#include <assert.h>

#include "base/limits.h"
#include "services/verdict/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Each line is a field of ours or goes on with one. */
static void check_fields(str header)
{
	str line;

	while (str_next(&header, '\n', &line)) {
		if (line.n)
			assert(line.p[0] == '\t' || str_starts(line, STR("X-Spam-")) ||
			       str_starts(line, STR("Authentication-Results:")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(buf_free) struct buf clean, again;
	str in = str_of(data, n), header = str_take(in, verdict_header_size(in));
	struct verdict_symbol v = { .name = str_take(in, 300) };
	struct verdict_message m = { .scanned = true, .score = (double)n - 20 };
	struct verdict_choice c = { .place = VERDICT_SPAM };

	buf_init(&clean, n + 1);
	buf_init(&again, n + LIM_SPAM_HEADER);
	verdict_add_clean(&clean, header, STR("mx.test"));
	assert(buf_done(&clean) == OK);
	assert(!verdict_has_forged(buf_str(&clean), STR("mx.test")));
	verdict_add_header(&again, &m, &c, &v, 1);
	verdict_add_auth_results(&again, in);
	assert(buf_done(&again) == OK);
	check_fields(buf_str(&again));
	(void)verdict_confirmed(in, STR("b.test"));
	return 0;
}
