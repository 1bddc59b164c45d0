/* formats/http/chunks.h: a body in chunked transfer coding, RFC 9112 7.1, as it comes. Pure. */
#ifndef FORMATS_HTTP_CHUNKS_H
#define FORMATS_HTTP_CHUNKS_H

#include "base/str.h"

struct http_chunks { /* {0} at first */
	unsigned char state;
	unsigned line;	  /* octets of the line that is being read */
	unsigned trailer; /* of all trailer fields */
	uint64_t left;	  /* of the chunk */
};
/* Takes *used octets of in, at least one where there is one; data: the piece of the body among them
 * (may be ""). done: they end the body. E_SYNTAX: no chunks; E_LIMIT: a line or a trailer without
 * end. */
MUST_USE err http_chunks_take(struct http_chunks *c, str in, size_t *used, str *data, bool *done);

#endif
