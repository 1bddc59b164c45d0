#include "base/limits.h"
#include "clients/filter/internal.h"
#include "formats/http/chunks.h"
#include "formats/http/http.h"

/* What would end the line, or start another, is no value of any field. */
static bool plain(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static void field(struct buf *out, const char *name, str value)
{
	if (value.n && plain(value))
		buf_fmt(out, "%s: %.*s\r\n", name, STRF(value));
}

static void print_head(str path, const struct filter_question *q, struct buf *out)
{
	buf_fmt(out, "POST %.*s HTTP/1.1\r\nHost: filter\r\nConnection: keep-alive\r\n",
		STRF(path));
	buf_fmt(out, "Content-Length: %llu\r\n", (unsigned long long)spool_size(q->message));
	if (plain(q->from) && (q->from.n || q->nrcpts))
		buf_fmt(out, "From: <%.*s>\r\n", STRF(q->from));
	for (size_t i = 0; i < q->nrcpts; i++)
		field(out, "Rcpt", q->rcpts[i]);
	field(out, "IP", q->ip);
	field(out, "Helo", q->helo);
	field(out, "Hostname", q->rdns);
	field(out, "User", q->user);
	field(out, "Queue-Id", q->id);
	buf_add(out, STR("\r\n"));
}

WAITS static err send_question(struct stream *io, str path, const struct filter_question *q)
{
	CLEANUP(buf_free) struct buf head;

	buf_init(&head, LIM_FILTER_HEAD);
	print_head(path, q, &head);
	TRY(buf_done(&head));
	TRY(stream_write(io, buf_str(&head)));
	TRY(spool_send(q->message, 0, io));
	return stream_flush(io);
}

WAITS static err read_head(struct stream *io, struct buf *head, struct http_response *r,
			   bool *begun)
{
	str line;

	do {
		TRY(stream_line(io, LIM_HTTP_HEAD, LINE_CRLF, &line));
		*begun = true;
		buf_add(head, line);
		buf_add(head, STR("\r\n"));
		TRY(buf_done(head));
	} while (line.n);
	return http_parse_response(buf_str(head), r);
}

WAITS static err read_chunks(struct stream *io, struct buf *answer)
{
	struct http_chunks c = { 0 };
	bool done = false;

	while (!done) {
		size_t used;
		str data;

		if (stream_peek(io).n == 0)
			TRY(stream_fill(io));
		TRY(http_chunks_take(&c, stream_peek(io), &used, &data, &done));
		buf_add(answer, data);
		stream_eat(io, used);
		TRY(buf_done(answer));
	}
	return OK;
}

WAITS static err read_body(struct stream *io, const struct http_response *r, struct buf *answer)
{
	uint64_t left = r->has_length ? r->length : UINT64_MAX;

	if (r->chunked)
		return read_chunks(io, answer);
	while (left) {
		size_t want = left < KIB(4) ? (size_t)left : KIB(4), got;
		char *p = buf_room(answer, want);

		if (!p)
			return fail(E_LIMIT, "an answer over %zu octets", answer->max);
		err e = stream_read(io, p, want, &got);

		if (e == E_EOF && !r->has_length)
			return OK;
		TRY(e);
		answer->n += got;
		left -= got;
	}
	return OK;
}

WAITS err filter_exchange(struct stream *io, str path, const struct filter_question *q, int *status,
			  struct buf *answer, bool *keep, bool *begun)
{
	CLEANUP(buf_free) struct buf head;
	struct http_response r;

	*keep = *begun = false;
	buf_init(&head, LIM_HTTP_HEAD);
	err sent = send_question(io, path, q);

	/* One that refuses what it has read half (413) says so and closes. */
	if (sent != OK && sent != E_EOF)
		return sent;
	TRY(read_head(io, &head, &r, begun));
	TRY(read_body(io, &r, answer));
	*status = r.status;
	*keep = sent == OK && r.keep_alive && (r.has_length || r.chunked);
	return OK;
}
