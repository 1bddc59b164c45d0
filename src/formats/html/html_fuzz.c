/* Every octet of the input is in one token at most, and reading ends. */
#include "formats/html/html.h"

#include <assert.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct html_reader r;
	struct html_token t;
	char *out = mem_get(size + 1), colour[HTML_COLOR];
	size_t total = 0, tokens = 0;
	bool wide = false;

	for (html_start(&r, str_of(data, size)); html_next(&r, &t); tokens++) {
		total += t.raw.n;
		assert(html_decode(t.raw, true, out, &wide) <= t.raw.n);
		for (size_t i = 0; i < t.nattrs; i++)
			assert(html_color(t.attrs[i].value, colour) < HTML_COLOR);
	}
	assert(total <= size && tokens <= 2 * size + 8);
	mem_free(out);
	return 0;
}
