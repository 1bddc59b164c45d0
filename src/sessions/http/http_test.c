#include "sessions/http/http.h"

#include "base/limits.h"
#include "base/test.h"
#include "run/fiber.h"

/* Answers "METHOD path body", or the error that the path names. */
static err echo(struct stream *io, const struct http_request *r, str body, struct http_answer *out)
{
	(void)io;
	if (str_eq(r->path, STR("/none")))
		return fail(E_NOTFOUND, "nothing is here");
	buf_fmt(&out->body, "%.*s %.*s %.*s", STRF(r->method), STRF(r->path), STRF(body));
	return OK;
}

#define OK_HEAD(n, end)                                                                            \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " #n "\r\n" end "\r\n"
#define STAY
#define LEAVE "Connection: close\r\n"

static const struct {
	str in, want; /* want "": the connection ends without a word */
} rows[] = {
	{ S("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n"), S(OK_HEAD(7, LEAVE) "GET /a ") },
	/* 9112 9.3, 9.3.2: the connection stays; answers come in order */
	{ S("POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzGET /b HTTP/1.1\r\nConnection: "
	    "close\r\n\r\n"),
	  S(OK_HEAD(11, STAY) "POST /a xyz" OK_HEAD(7, LEAVE) "GET /b ") },
	{ S("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n"), S(OK_HEAD(8, LEAVE)) },
	{ S("GET /none HTTP/1.1\r\nConnection: close\r\n\r\n"),
	  S("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n" LEAVE
	    "\r\nnothing is here\n") },
	/* 6.1: what we cannot read ends the connection, so that its body is no request */
	{ S("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"),
	  S("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 50\r\n" LEAVE
	    "\r\nwrite Content-Length instead of Transfer-Encoding\n") },
	{ S("GET /a HTTP/1.1\nHost: x\r\n\r\n"),
	  S("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 33\r\n" LEAVE
	    "\r\na bare CR, LF or NUL in the head\n") },
	{ S("GET /a HTTP/1.1\r\nHos"), S("") },
	{ S("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort"), S("") },
};

WAITS static void talk(str in, size_t piece, struct buf *got)
{
	struct stream *io = stream_script(in, piece);

	stream_script_keep(io, got);
	(void)!http_serve(io, echo);
}

WAITS static err conversations(void *arg)
{
	static const size_t pieces[] = { 0, 1 };

	(void)arg;
	for (size_t i = 0; i < COUNT(rows) * COUNT(pieces); i++) {
		CLEANUP(buf_free) struct buf got;

		buf_init(&got, KIB(64));
		talk(rows[i / 2].in, pieces[i % 2], &got);
		CHECK_STR_ROW(i / 2, buf_str(&got), rows[i / 2].want);
	}
	return OK;
}

TEST(http_conversations)
{
	CHECK_OK(loop_main(conversations, NULL));
}

WAITS static err floods(void *arg)
{
	CLEANUP(buf_free) struct buf in, got;

	(void)arg;
	buf_init(&in, MIB(4));
	buf_init(&got, KIB(64));
	buf_add(&in, STR("GET / HTTP/1.1\r\n"));
	while (in.n < MIB(1))
		buf_add(&in, STR("A: b\r\n"));
	talk(buf_str(&in), 0, &got);
	CHECK(str_starts(buf_str(&got), STR("HTTP/1.1 413 ")));

	buf_reset(&in);
	buf_reset(&got);
	buf_fmt(&in, "POST / HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", (size_t)LIM_HTTP_BODY + 1);
	talk(buf_str(&in), 0, &got);
	CHECK(!str_starts(buf_str(&got), STR("HTTP/1.1 200")));
	return OK;
}

/* LIM_HTTP_HEAD, LIM_HTTP_BODY */
TEST(http_floods)
{
	CHECK_OK(loop_main(floods, NULL));
}
