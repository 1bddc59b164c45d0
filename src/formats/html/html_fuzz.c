/* Every octet of the input is in one token at most, and reading ends. */
#include "formats/html/html.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_free) struct buf b;
	struct html_reader r;
	struct html_token t;
	size_t before = size + 1;

	buf_init(&b, 4 * size + 64);
	html_read_init(&r, str_of(data, size));
	while (html_read(&r, &t)) {
		assert(r.rest.n < before);
		before = r.rest.n;
		if (t.kind == HTML_TEXT)
			html_add_decoded(&b, t.text);
	}
	assert(r.rest.n == 0);
	return 0;
}
