#include "base/test.h"
#include "formats/http/http.h"

TEST(http_request)
{
	static const struct {
		str in;
		err want;
		str path, query;
		uint64_t length;
	} rows[] = {
		{ S("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), OK, S("/metrics"), S(""), 0 },
		{ S("POST /queue/1?a=b HTTP/1.0\r\nContent-Length: 12\r\n"), OK, S("/queue/1"),
		  S("a=b"), 12 },
		{ S("GET / HTTP/2.0\r\n\r\n"), E_SYNTAX, S(""), S(""), 0 },
		{ S("GET  / HTTP/1.1\r\n\r\n"), E_SYNTAX, S(""), S(""), 0 },
		{ S("GET x HTTP/1.1\r\n\r\n"), E_SYNTAX, S(""), S(""), 0 },
		{ S("GET / HTTP/1.1\nHost: x\r\n\r\n"), E_SYNTAX, S(""), S(""), 0 }, /* 9112 2.2 */
		{ S("GET / HTTP/1.1\r\nHost : x\r\n\r\n"), E_SYNTAX, S(""), S(""),
		  0 }, /* 9112 5.1 */
		{ S("GET / HTTP/1.1\r\nA: x\r\n b\r\n\r\n"), E_SYNTAX, S(""), S(""),
		  0 }, /* 9112 5.2 */
		{ S("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), E_SYNTAX,
		  S(""), S(""), 0 },
		{ S("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
		  E_SYNTAX, S(""), S(""), 0 }, /* 9112 6.3 */
		{ S("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"), E_SYNTAX, S(""), S(""), 0 },
		{ S("GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), E_SYNTAX, S(""),
		  S(""), 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_request r = { 0 };

		CHECK_ROW(i, http_parse_request(rows[i].in, &r) == rows[i].want);
		CHECK_STR_ROW(i, r.path.p ? r.path : STR(""), rows[i].path);
		CHECK_STR_ROW(i, r.query.p ? r.query : STR(""), rows[i].query);
		CHECK_ROW(i, r.length == rows[i].length);
	}
}

TEST(http_response)
{
	struct http_response r;
	str v;

	CHECK_OK(http_parse_response(STR("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y \r\n\r\n"),
				     &r));
	CHECK(r.status == 200 && r.length == 3 && r.has_length && r.keep_alive);
	CHECK_OK(http_field(r.fields, STR("x"), &v));
	CHECK_STR(v, STR("y"));
	CHECK(http_field(r.fields, STR("z"), &v) == E_NOTFOUND);
	CHECK(http_parse_response(STR("HTTP/1.1 2000 OK\r\n\r\n"), &r) == E_SYNTAX);
	CHECK(http_parse_response(STR("HTTP/1.1 099 OK\r\n\r\n"), &r) == E_SYNTAX);
}

/* What is printed parses again. */
TEST(http_print)
{
	struct http_response r;
	struct http_request q;
	struct buf b;

	buf_init(&b, 4096);
	http_print_response(&b, 404, STR("text/plain"), 7, false);
	CHECK_OK(http_parse_response(buf_str(&b), &r));
	CHECK(r.status == 404 && r.length == 7 && !r.keep_alive);
	buf_reset(&b);
	http_print_request(&b, STR("POST"), STR("/a?b"), STR("relay"), STR("body"));
	CHECK_OK(http_parse_request(str_take(buf_str(&b), b.n - 4), &q));
	CHECK(q.length == 4 && str_eq(q.query, STR("b")));
	buf_free(&b);
}

TEST(http_status_of)
{
	static const struct {
		err e;
		int want;
	} rows[] = {
		{ OK, 200 },	   { E_SYNTAX, 400 }, { E_DENIED, 403 }, { E_NOTFOUND, 404 },
		{ E_EXISTS, 409 }, { E_LIMIT, 413 },  { E_AGAIN, 503 },	 { E_TIMEOUT, 503 },
		{ E_FULL, 507 },   { E_IO, 500 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, http_status_of(rows[i].e) == rows[i].want);
		CHECK_ROW(i, *http_reason(rows[i].want));
	}
}
