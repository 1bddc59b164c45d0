/* services/mailauth/dkim.h: DKIM signatures of one message, verified. RFC 6376, RFC 8301, RFC 8463.
 */
#ifndef SERVICES_MAILAUTH_DKIM_H
#define SERVICES_MAILAUTH_DKIM_H

#include "services/mailauth/lookup.h"
#include "services/mailauth/mailauth.h"

/* Each DKIM-Signature field from the top, at most LIM_DKIM_SIGNATURES; keys are asked for side by
 * side. message: whole, CRLF or LF. now: seconds since 1970, for x=. Results live in a. OK whatever
 * the signatures and the DNS are like: these are results. E_CANCELED. */
WAITS MUST_USE err dkim_verify_all(const struct mailauth_dns *dns, str message, int64_t now,
				   msec deadline, struct arena *a, struct mailauth_dkim **out,
				   size_t *n);

#endif
