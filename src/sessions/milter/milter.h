/* sessions/milter/milter.h: a mail filter of somebody's Postfix or Sendmail, milter protocol 2
 * to 6. The whole message comes, is scanned once at its end, and is refused, put aside, or marked
 * with header fields. */
#ifndef SESSIONS_MILTER_MILTER_H
#define SESSIONS_MILTER_MILTER_H

#include "services/filter/filter.h"

/* Serves one connection until it ends; takes io over. */
WAITS err milter_session(struct stream *io, struct filter *f);

#endif
