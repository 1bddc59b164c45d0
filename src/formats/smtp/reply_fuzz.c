/* Lines as a server's replies and EHLO lines. */
#include <assert.h>

#include "formats/smtp/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str in = str_of(data, n), line;
	struct smtp_server s = { .auth = STR("") };
	CLEANUP(buf_free) struct buf clean;

	buf_init(&clean, MIB(1));
	while (str_next(&in, '\n', &line)) {
		struct smtp_reply_line r;

		smtp_parse_ehlo_line(line, &s);
		if (smtp_parse_reply_line(line, &r) != OK)
			continue;
		assert(r.code >= 200 && r.code <= 599 && r.text.n <= line.n);
		assert(!r.status.n || r.status.p[0] == line.p[0]);
		smtp_add_clean(&clean, r.text, 100);
	}
	assert(str_printable(buf_str(&clean)));
	return 0;
}
