/* sessions/sasl/sasl_exchange.h: the lines of a SASL exchange, the same in SMTP, IMAP and POP3.
 * RFC 4422 3; RFC 4954 4, RFC 9051 6.2.2, RFC 5034 4: base64 lines, "*" gives up, "=" is an empty
 * initial response. */
#ifndef SESSIONS_SASL_SASL_EXCHANGE_H
#define SESSIONS_SASL_SASL_EXCHANGE_H

#include "run/stream.h"
#include "services/auth/auth.h"

/* Runs s to its end. prefix: "334 " or "+ ". has_initial: the command brought an initial response.
 * OK: authenticated, sasl_server_user(s) is who. E_DENIED, E_AGAIN as auth_plain. E_SYNTAX: not
 * base64, malformed, or given up (err_last()'s text may be sent). What the stream reports comes
 * through. */
WAITS MUST_USE err sasl_exchange(struct stream *io, struct sasl_server *s, str prefix,
				 bool has_initial, str initial);

#endif
