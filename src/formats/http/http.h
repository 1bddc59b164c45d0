/* formats/http/http.h: heads of HTTP/1.1 messages, RFC 9112 3 (request line), 4 (status line), 5
 * (fields), 6 (length). Pure. Views in results point into the input. */
#ifndef FORMATS_HTTP_HTTP_H
#define FORMATS_HTTP_HTTP_H

#include "base/buf.h"

struct http_request {
	str method;	 /* a token, case kept */
	str path, query; /* of the origin form, still %-encoded; query without "?" */
	bool keep_alive; /* RFC 9112 9.3 */
	bool chunked;	 /* Transfer-Encoding: chunked, and nothing else */
	bool has_length;
	uint64_t length; /* Content-Length; 0 when absent */
	str fields;	 /* the field lines, for http_field */
};
struct http_response {
	int status;
	bool chunked, has_length, keep_alive;
	uint64_t length;
	str fields;
};

/* head: everything up to the empty line, its CRLF left out or not. E_SYNTAX with a text: not
 * HTTP/1.x, a bare CR or LF, white space before a colon (5.1), folding (5.2), both Content-Length
 * and Transfer-Encoding, or two lengths (6.3): what one side could read otherwise than the other is
 * refused. */
MUST_USE err http_parse_request(str head, struct http_request *out);
MUST_USE err http_parse_response(str head, struct http_response *out);
/* The first field of that name, trimmed. E_NOTFOUND. */
MUST_USE err http_field(str fields, str name, str *value);

/* Head of an answer with a body of length octets; reason is chosen by the status. */
void http_print_response(struct buf *out, int status, str type, size_t length, bool keep_alive);
/* A request with a body. */
void http_print_request(struct buf *out, str method, str target, str host, str body);
const char *http_reason(int status);
/* What a server answers where it failed with e. */
int http_status_of(err e);

#endif
