/* sessions/imap/match.h: SEARCH's keys on one mail. Cheap keys first: the header is read when the
 * flags do not decide, the body when the header does not. */
#ifndef SESSIONS_IMAP_MATCH_H
#define SESSIONS_IMAP_MATCH_H

#include "sessions/imap/internal.h"

/* Before the first mail: sets get their numbers, texts lose their case. E_SYNTAX: a sequence number
 * that is not there. */
MUST_USE err imap_match_prepare(struct imap *s, struct imap_key *k);
WAITS MUST_USE err imap_match_mail(struct imap *s, const struct imap_key *k, size_t at, bool *yes);

#endif
