/* sessions/login/login.h: IMAP and POP3 before the login, as the proxy speaks them; behind it the
 * two streams are joined and nobody reads along. RFC 9051 6.1, 6.2; RFC 1939 4, 7; RFC 2595
 * (STARTTLS, STLS); RFC 2971 (ID); RFC 6856 (UTF8). */
#ifndef SESSIONS_LOGIN_LOGIN_H
#define SESSIONS_LOGIN_LOGIN_H

#include "run/stream.h"
#include "services/auth/auth.h"
#include "services/rates/rates.h"

/* A connection to the mailbox, logged in. */
struct login_back {
	struct stream *io;
	str capability; /* IMAP: what the back-end announces after login, in the session's arena; ""
			   = ask */
};

struct login_settings {
	bool scram;	     /* announce SCRAM-SHA-256 and -PLUS */
	bool plain_in_clear; /* allow passwords without TLS */
	msec patience;	     /* before login: time for a command; 0 = 60 s */
	msec whole;	     /* before login, in all; 0 = 3 minutes */
	msec idle;	     /* after login; 0 = 35 minutes */
	int64_t attempts;    /* failed logins before the connection ends; 0 = 3 */
	int64_t waiting;     /* connections of one network that have not logged in; 0 = 1000 */
};
struct login_role {
	str (*hostname)(void);
	const struct login_settings *(*settings)(void);
	struct auth *(*auth)(void);
	struct tally *(*waiting)(void); /* counts them by network; NULL: nobody is turned away */
	/* Connects to the user's back-end and logs in there. E_AGAIN: away, moving or not home: the
	 * customer may try later. E_DENIED: the back-end refuses. password: as
	 * sasl_server_password. */
	WAITS err (*connect)(const struct net_addr *peer, str service, const struct dir_user *user,
			     str password, struct arena *a, struct login_back *out);
};
/* One connection to its end; closes io. With TLS from the first byte the handshake is done already.
 */
WAITS err imap_login_session(struct stream *io, const struct login_role *role);
WAITS err pop3_login_session(struct stream *io, const struct login_role *role);

#endif
