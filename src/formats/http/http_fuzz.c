/* Parses a request and a response; a request that parses prints and parses to the same. */
#include <assert.h>

#include "formats/http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str in = str_of(data, n);
	struct http_response res;
	struct http_request req, again;
	struct buf b;
	str host;

	if (http_parse_response(in, &res) == OK)
		assert(res.status >= 100 && res.status <= 599);
	if (http_parse_request(in, &req) != OK)
		return 0;
	if (http_field(req.fields, STR("Host"), &host) != OK)
		host = STR("x");
	buf_init(&b, 1 << 20);
	http_print_request(&b, req.method, req.path, host, STR(""));
	assert(http_parse_request(buf_str(&b), &again) == OK);
	assert(str_eq(again.path, req.path) && str_eq(again.method, req.method));
	buf_free(&b);
	return 0;
}
