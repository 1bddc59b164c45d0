/* sessions/spamd/spamd.h: SPAMC/SPAMD 1.5 as SpamAssassin's spamd serves it: one request a
 * connection. CHECK, SYMBOLS, REPORT, REPORT_IFSPAM, PROCESS, HEADERS, PING, SKIP, TELL. The
 * message ends with its Content-length or with the client's half of the connection. There is no
 * envelope; "User" is the recipient. */
#ifndef SESSIONS_SPAMD_SPAMD_H
#define SESSIONS_SPAMD_SPAMD_H

#include "services/filter/filter.h"

/* Serves one connection; takes io over. */
WAITS err spamd_session(struct stream *io, struct filter *f);

#endif
