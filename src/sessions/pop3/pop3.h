/* sessions/pop3/pop3.h: POP3 over a mailbox, as store serves it to the proxy.
 * RFC 1939, 2449 (CAPA, response codes), 6856 (UTF8), 5034 (AUTH). Customers never speak to it
 * directly: their login, STLS and passwords end at the proxy (sessions/login/), which names the
 * user by AUTH EXTERNAL. */
#ifndef SESSIONS_POP3_POP3_H
#define SESSIONS_POP3_POP3_H

#include "run/stream.h"
#include "services/mailbox/mailbox.h"

struct pop3_role {
	str (*hostname)(void);
	msec idle; /* auto-logout, RFC 1939 3 asks at least 10 minutes; 0 = 10 minutes */
	/* EXTERNAL: opens the mailbox of the user whom this trusted peer names. E_NOTFOUND: no such
	 * user; E_AGAIN: not here or not now; E_DENIED: this peer may not. */
	WAITS err (*login_as)(struct stream *io, str login, struct box **out);
};
/* Runs one connection to its end; closes io. */
WAITS err pop3_session(struct stream *io, const struct pop3_role *role);

#endif
