/* clients/http/http_client.h: one HTTP/1.1 request on a connection of its own. */
#ifndef CLIENTS_HTTP_HTTP_CLIENT_H
#define CLIENTS_HTTP_HTTP_CLIENT_H

#include "base/buf.h"
#include "run/net.h"

/* Asks, reads the whole answer (bounded by answer's maximum). status: 100 to 599. E_IO, E_TIMEOUT,
 * E_SYNTAX, E_LIMIT. */
WAITS MUST_USE err http_fetch(const struct net_addr *to, str method, str target, str body,
			      msec deadline, int *status, struct buf *answer);

#endif
