/* sessions/smtp/fake.h: for tests and fuzz targets: a role that takes mail for a@x, b@x and c@x and
 * writes what it was asked to a buffer, and stand-ins for what the session takes from floors below
 * (login, draining). */
#ifndef SESSIONS_SMTP_FAKE_H
#define SESSIONS_SMTP_FAKE_H

#include "sessions/smtp/smtp.h"

struct fake {
	struct buf seen; /* "mail s@y|rcpt a@x|data 12|reset|" */
	struct buf last; /* the last message as it came */
	struct smtp_limits limits;
	struct smtp_role role;
	bool draining;
};
void fake_init(struct fake *f, bool lmtp);
void fake_free(struct fake *f);
/* Runs one session over the octets in, given in pieces (0: at once); its answers go to out. */
void fake_run(struct fake *f, str in, size_t piece, struct buf *out);

#endif
