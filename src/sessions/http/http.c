#include "sessions/http/http.h"

#include "base/limits.h"

#define IDLE_TIME 30000 /* milliseconds for a request's head and body, and between requests */

WAITS static err read_head(struct stream *io, struct buf *head)
{
	str line;

	do {
		TRY(stream_line(io, LIM_HTTP_HEAD, LINE_CRLF, &line));
		buf_add(head, line);
		buf_add(head, STR("\r\n"));
		TRY(buf_done(head));
	} while (line.n || head->n == 2);
	return OK;
}

WAITS static err read_body(struct stream *io, const struct http_request *r, struct buf *body)
{
	if (r->length == 0)
		return OK;
	char *p = buf_room(body, (size_t)r->length);

	if (!p)
		return fail(E_LIMIT, "a body of %llu octets", (unsigned long long)r->length);
	TRY(stream_read_full(io, p, (size_t)r->length));
	body->n += (size_t)r->length;
	return OK;
}

WAITS static err send_answer(struct stream *io, struct http_answer *a, bool head_only,
			     bool keep_alive)
{
	struct buf head;

	buf_init(&head, LIM_HTTP_HEAD);
	http_print_response(&head, a->status, str_z(a->type), a->body.n, keep_alive);
	err e = stream_write(io, buf_str(&head));

	buf_free(&head);
	if (e == OK && !head_only)
		e = stream_write(io, buf_str(&a->body));
	return e ? e : stream_flush(io);
}

static void answer_error(struct http_answer *a, err e, const char *why)
{
	buf_reset(&a->body);
	a->type = "text/plain";
	a->status = http_status_of(e);
	buf_fmt(&a->body, "%s\n", *why ? why : err_name(e));
}

WAITS static err read_request(struct stream *io, struct buf *head, struct buf *body,
			      struct http_request *r)
{
	TRY(read_head(io, head));
	TRY(http_parse_request(buf_str(head), r));
	if (r->chunked)
		return fail(E_SYNTAX, "write Content-Length instead of Transfer-Encoding");
	return read_body(io, r, body);
}

/* One request; *more says whether another may follow. */
WAITS static err serve_one(struct stream *io, http_handler *handler, struct buf *head,
			   struct buf *body, bool *more)
{
	struct http_answer a = { .status = 200, .type = "text/plain" };
	struct http_request r = { 0 };

	*more = false;
	stream_deadline(io, clock_in(IDLE_TIME));
	err e = read_request(io, head, body, &r);

	if (e && e != E_LIMIT && e != E_SYNTAX)
		return e; /* nobody is there to be answered */
	buf_init(&a.body, LIM_HTTP_ANSWER);
	*more = e == OK && r.keep_alive;
	if (e == OK)
		e = handler(io, &r, buf_str(body), &a);
	if (e == OK)
		e = buf_done(&a.body);
	if (e)
		answer_error(&a, e, err_last()->text);
	stream_deadline(io, clock_in(IDLE_TIME));
	e = send_answer(io, &a, str_eq(r.method, STR("HEAD")), *more);
	buf_free(&a.body);
	return e;
}

/* Between requests nothing is lost by an end. */
WAITS static err wait_for_next(struct stream *io)
{
	if (role_draining())
		return E_EOF;
	if (stream_peek(io).n)
		return OK;
	stream_deadline(io, clock_in(IDLE_TIME));
	role_idle(true);
	TRY(stream_fill(io));
	role_idle(false);
	return OK;
}

WAITS err http_serve(struct stream *io, http_handler *handler)
{
	struct buf head, body;
	bool more = true;
	err e = OK;

	buf_init(&head, LIM_HTTP_HEAD);
	buf_init(&body, LIM_HTTP_BODY);
	/* The first request is served even by a process that is leaving: its client was accepted.
	 */
	do {
		buf_reset(&head);
		buf_reset(&body);
		e = serve_one(io, handler, &head, &body, &more);
	} while (e == OK && more && wait_for_next(io) == OK);
	buf_free(&head);
	buf_free(&body);
	stream_close(io);
	return e == E_EOF ? OK : e;
}

WAITS static err answer_control(struct stream *io, const struct http_request *r, str body,
				struct http_answer *out)
{
	CLEANUP(buf_free) struct buf target;

	buf_init(&target, LIM_HTTP_HEAD);
	buf_add(&target, r->path);
	if (r->query.n)
		buf_fmt(&target, "?%.*s", STRF(r->query));
	TRY(buf_done(&target));
	return role_answer(io, r->method, buf_str(&target), body, &out->body, &out->type);
}

WAITS err http_control(struct stream *io, const struct listener *l)
{
	(void)l;
	return http_serve(io, answer_control);
}
