#include "formats/http/http.h"

static bool is_token_char(char c)
{
	return ch_alnum(c) || (c && str_find(STR("!#$%&'*+-.^_`|~"), c) < 15);
}

static bool is_token(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char(s.p[i]))
			return false;
	return s.n > 0;
}

/* The next line, which CRLF ends (or the input's end). A CR or LF elsewhere is refused: RFC
 * 9112 2.2. */
static err next_line(str *rest, str *line)
{
	size_t at = str_search(*rest, STR("\r\n"));

	*line = str_take(*rest, at);
	*rest = str_skip(*rest, at + 2);
	if (str_find(*line, '\r') < line->n || str_find(*line, '\n') < line->n ||
	    str_find(*line, '\0') < line->n)
		return fail(E_SYNTAX, "a bare CR, LF or NUL in the head");
	return OK;
}

struct framing {
	bool chunked, has_length, keep_alive;
	uint64_t length;
};

/* RFC 9110 5.5: visible characters, blanks, and obs-text. */
static bool is_value(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static err take_field(str name, str value, struct framing *f)
{
	if (str_eqi(name, STR("Content-Length"))) {
		if (f->has_length)
			return fail(E_SYNTAX, "two Content-Length fields");
		f->has_length = true;
		if (str_u64(value, INT64_MAX, &f->length) != OK)
			return fail(E_SYNTAX, "Content-Length is no number");
	} else if (str_eqi(name, STR("Transfer-Encoding"))) {
		if (f->chunked || !str_eqi(value, STR("chunked")))
			return fail(E_SYNTAX, "a Transfer-Encoding other than chunked");
		f->chunked = true;
	} else if (str_eqi(name, STR("Connection"))) {
		if (str_searchi(value, STR("close")) < value.n)
			f->keep_alive = false;
	}
	return OK;
}

static err parse_fields(str fields, struct framing *f)
{
	str line, name, value;

	while (fields.n) {
		TRY(next_line(&fields, &line));
		if (line.n == 0)
			break;
		if (!str_cut(line, ':', &name, &value) || !is_token(name))
			return fail(E_SYNTAX, "a field line without a proper name");
		value = str_trim(value);
		if (!is_value(value))
			return fail(E_SYNTAX, "a control character in a field");
		TRY(take_field(name, value, f));
	}
	if (f->chunked && f->has_length)
		return fail(E_SYNTAX, "both Content-Length and Transfer-Encoding");
	return OK;
}

static err parse_version(str v, bool *keep_alive)
{
	*keep_alive = str_eq(v, STR("HTTP/1.1"));
	if (*keep_alive || str_eq(v, STR("HTTP/1.0")))
		return OK;
	return fail(E_SYNTAX, "not HTTP/1.0 or HTTP/1.1");
}

err http_parse_request(str head, struct http_request *out)
{
	struct framing f = { 0 };
	str line, method, target, version, rest;

	TRY(next_line(&head, &line));
	if (!str_cut(line, ' ', &method, &rest) || !str_cut(rest, ' ', &target, &version))
		return fail(E_SYNTAX, "the request line has not three parts");
	TRY(parse_version(version, &f.keep_alive));
	if (!is_token(method))
		return fail(E_SYNTAX, "the method is no token");
	if (target.n == 0 || target.p[0] != '/' || !str_printable(target) || !str_ascii(target) ||
	    str_find(target, '#') < target.n)
		return fail(E_SYNTAX, "the target is no path");
	TRY(parse_fields(head, &f));
	*out = (struct http_request){ .method = method,
				      .path = target,
				      .query = STR(""),
				      .keep_alive = f.keep_alive,
				      .chunked = f.chunked,
				      .has_length = f.has_length,
				      .length = f.length,
				      .fields = head };
	(void)str_cut(target, '?', &out->path, &out->query);
	return OK;
}

err http_parse_response(str head, struct http_response *out)
{
	struct framing f = { 0 };
	str line, version, rest, reason = STR("");
	uint64_t status;

	TRY(next_line(&head, &line));
	if (!str_cut(line, ' ', &version, &rest))
		return fail(E_SYNTAX, "the status line has not two parts");
	TRY(parse_version(version, &f.keep_alive));
	str code = rest;

	(void)str_cut(rest, ' ', &code, &reason);
	if (code.n != 3 || str_u64(code, 599, &status) != OK || status < 100 || !is_value(reason))
		return fail(E_SYNTAX, "the status is no number from 100 to 599");
	TRY(parse_fields(head, &f));
	*out = (struct http_response){ .status = (int)status,
				       .chunked = f.chunked,
				       .has_length = f.has_length,
				       .keep_alive = f.keep_alive,
				       .length = f.length,
				       .fields = head };
	return OK;
}

err http_field(str fields, str name, str *value)
{
	str line, at, v;

	while (fields.n && next_line(&fields, &line) == OK && line.n)
		if (str_cut(line, ':', &at, &v) && str_eqi(at, name)) {
			*value = str_trim(v);
			return OK;
		}
	return fail(E_NOTFOUND, "no field %.*s", STRF(name));
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{ 200, "OK" },
		{ 204, "No Content" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}

int http_status_of(err e)
{
	switch (e) {
	case OK:
		return 200;
	case E_NOTFOUND:
		return 404;
	case E_DENIED:
		return 403;
	case E_SYNTAX:
		return 400;
	case E_EXISTS:
		return 409;
	case E_LIMIT:
		return 413;
	case E_AGAIN:
	case E_TIMEOUT:
		return 503;
	case E_FULL:
		return 507;
	default:
		return 500;
	}
}

void http_print_response(struct buf *out, int status, str type, size_t length, bool keep_alive)
{
	buf_fmt(out, "HTTP/1.1 %d %s\r\nContent-Type: %.*s\r\nContent-Length: %zu\r\n", status,
		http_reason(status), STRF(type), length);
	if (!keep_alive)
		buf_add(out, STR("Connection: close\r\n"));
	buf_add(out, STR("\r\n"));
}

void http_print_request(struct buf *out, str method, str target, str host, str body)
{
	buf_fmt(out,
		"%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\nContent-Length: %zu\r\nConnection: "
		"close\r\n\r\n",
		STRF(method), STRF(target), STRF(host), body.n);
	buf_add(out, body);
}
