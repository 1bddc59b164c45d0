#include "clients/http/http_client.h"

#include "base/limits.h"
#include "formats/http/http.h"
#include "run/stream.h"

WAITS static err send_request(struct stream *io, str method, str target, str body)
{
	struct buf b;

	buf_init(&b, LIM_HTTP_HEAD + LIM_HTTP_BODY);
	http_print_request(&b, method, target, STR("localhost"), body);
	err e = buf_done(&b);

	if (e == OK)
		e = stream_write(io, buf_str(&b));
	buf_free(&b);
	return e ? e : stream_flush(io);
}

WAITS static err read_head(struct stream *io, struct http_response *r, struct buf *head)
{
	str line;

	do {
		TRY(stream_line(io, LIM_HTTP_HEAD, LINE_CRLF, &line));
		buf_add(head, line);
		buf_add(head, STR("\r\n"));
		TRY(buf_done(head));
	} while (line.n);
	return http_parse_response(buf_str(head), r);
}

/* With a length: that many octets; without: to the end of the connection, as we asked for its
 * close. */
WAITS static err read_body(struct stream *io, const struct http_response *r, struct buf *answer)
{
	uint64_t left = r->has_length ? r->length : UINT64_MAX;

	if (r->chunked)
		return fail(E_SYNTAX, "a chunked answer to a request that asked for its close");
	while (left) {
		char *p = buf_room(answer, KIB(4));
		size_t got;

		if (!p)
			return fail(E_LIMIT, "an answer over %zu octets", answer->max);
		err e = stream_read(io, p, left < KIB(4) ? (size_t)left : KIB(4), &got);

		if (e == E_EOF && !r->has_length)
			return OK;
		TRY(e);
		answer->n += got;
		left -= got;
	}
	return OK;
}

WAITS err http_fetch(const struct net_addr *to, str method, str target, str body, msec deadline,
		     int *status, struct buf *answer)
{
	struct http_response r;
	struct buf head;
	int fd;

	TRY(net_connect(to, NULL, deadline, &fd));
	struct stream *io = stream_open(fd, to);

	stream_deadline(io, deadline);
	buf_init(&head, LIM_HTTP_HEAD);
	err e = send_request(io, method, target, body);

	if (e == OK)
		e = read_head(io, &r, &head);
	if (e == OK) {
		*status = r.status;
		e = read_body(io, &r, answer);
	}
	buf_free(&head);
	stream_close(io);
	return e;
}
