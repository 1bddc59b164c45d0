/* sessions/login/internal.h: what the two pre-login sessions share. */
#ifndef SESSIONS_LOGIN_INTERNAL_H
#define SESSIONS_LOGIN_INTERNAL_H

#include "base/arena.h"
#include "sessions/login/login.h"

struct login {
	struct stream *io;
	const struct login_role *role;
	struct login_settings set; /* as they were when the session began, defaults filled in */
	str service;		   /* "imap", "pop3" */
	struct arena cmd, session;
	struct sasl_config sasl;
	struct login_back back; /* .io set: logged in, join the streams */
	msec ends;		/* the time before login is over */
	int64_t failures;
	bool quit;
	bool counted; /* among its network's that have not logged in */
	bool crowded; /* there are too many of them */
};

void login_begin(struct login *l, struct stream *io, str service, const struct login_role *role);
void login_end(struct login *l);
/* The last words to one that is l->crowded. */
WAITS MUST_USE err login_turn_away(struct login *l, const char *text);
/* True when passwords may be said here. Also refreshes l->sasl after STARTTLS. */
bool login_plain_allowed(struct login *l);
/* Flushes what waits, when the client has said nothing more, and reads one line within the times.
 */
WAITS MUST_USE err login_line(struct login *l, size_t max, str *line);
/* Hands e of a command on; when the peer has ended, in the middle of a line perhaps, what waits is
 * sent first: it may still listen. */
WAITS MUST_USE err login_turned(struct login *l, err e);
/* Certificate present and TLS not on yet. */
bool login_can_tls(const struct login *l);
/* TLS handshake after the go-ahead was written: E_DENIED when commands were pushed in before it. */
WAITS MUST_USE err login_starttls(struct login *l);
/* A password in clear, verified; then the back-end. OK: l->back is set. E_DENIED, E_AGAIN,
 * E_SYNTAX. Wrong ones are counted, slowed, and end the session when there were too many (l->quit).
 */
WAITS MUST_USE err login_password(struct login *l, str name, str password);
/* The same by SASL. prefix "+ ". E_NOTFOUND: mechanism unknown or not allowed here. */
WAITS MUST_USE err login_sasl(struct login *l, str mechanism, bool has_initial, str initial);
/* Joins customer and back-end until either ends. */
WAITS MUST_USE err login_join(struct login *l);

#endif
