/* sessions/milter/internal.h: what the conversation's parts share. */
#ifndef SESSIONS_MILTER_INTERNAL_H
#define SESSIONS_MILTER_INTERNAL_H

#include "base/limits.h"
#include "formats/milter/milter.h"
#include "services/filter/filter.h"

/* A field that only we may write, to be taken out: its name and its place among those of its name.
 */
struct forged {
	str name;
	uint32_t index;
};
struct milter {
	struct stream *io;
	struct filter *f;
	struct milter_options o; /* as agreed */
	struct buf packet, reply;
	struct arena connection, mail; /* what lives as long */
	struct filter_request q;       /* of this connection, then of this mail */
	str *rcpts;
	struct forged forged[LIM_MILTER_FORGED];
	size_t nforged, authres; /* Authentication-Results seen */
	bool too_forged;	 /* there are more of them than can be taken out */
	err broken;		 /* why this mail cannot be scanned */
};

/* eom.c: the message is whole: scans it and says what becomes of it. */
WAITS MUST_USE err milter_end(struct milter *s);

#endif
