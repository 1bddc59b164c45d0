/* sessions/http/http.h: a small HTTP/1.1 server for what this machine's own tools ask: control
 * sockets and the metrics port. RFC 9112, with persistent connections; no chunked requests (400),
 * no pipelining beyond the buffer. */
#ifndef SESSIONS_HTTP_HTTP_H
#define SESSIONS_HTTP_HTTP_H

#include "formats/http/http.h"
#include "run/role.h"

struct http_answer {
	int status;	  /* 200 at first */
	const char *type; /* "text/plain" at first */
	struct buf body;  /* at most LIM_HTTP_ANSWER */
};
/* Fills the answer; an error becomes its status: E_NOTFOUND 404, E_DENIED 403, E_SYNTAX 400,
 * E_EXISTS 409, E_LIMIT 413, E_AGAIN and E_TIMEOUT 503, E_FULL 507, others 500, with the text as
 * body. */
typedef err http_handler(struct stream *io, const struct http_request *r, str body,
			 struct http_answer *out);

/* Serves one connection until it ends; takes io over. */
WAITS err http_serve(struct stream *io, http_handler *handler);
/* The session of a control socket: role_answer. */
WAITS err http_control(struct stream *io, const struct listener *l);

#endif
