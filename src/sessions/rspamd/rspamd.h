/* sessions/rspamd/rspamd.h: rspamd's HTTP protocol as its normal worker serves it, RFC 9112
 * beneath: POST /checkv2 with the message as body (Content-Length or chunks) and what the SMTP
 * session knew in the fields From, Rcpt (any number), IP, Helo, Hostname, User, Queue-Id,
 * Deliver-To; GET /ping. Connections stay. https://docs.rspamd.com/developers/protocol */
#ifndef SESSIONS_RSPAMD_RSPAMD_H
#define SESSIONS_RSPAMD_RSPAMD_H

#include "services/filter/filter.h"

/* Serves one connection until it ends; takes io over. */
WAITS err rspamd_session(struct stream *io, struct filter *f);

#endif
