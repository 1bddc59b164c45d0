/* services/mailauth/arc.h: the chain of ARC sets of one message, verified. RFC 8617 5.2. */
#ifndef SERVICES_MAILAUTH_ARC_H
#define SERVICES_MAILAUTH_ARC_H

#include "services/mailauth/lookup.h"
#include "services/mailauth/mailauth.h"

struct arc_chain {
	enum auth_result result; /* NONE: no set; PASS; FAIL (RFC 8617 5.2 knows no others: a key
				    that cannot be had fails, too) */
	unsigned instances;	 /* the highest i= */
	bool ended;		 /* the newest seal says that it had failed: nobody adds to it */
	str sealer;		 /* d= of the newest seal, "" */
	str why;		 /* for people, "" when it passed */
};
/* As dkim_verify_all. */
WAITS MUST_USE err arc_verify(const struct mailauth_dns *dns, str message, int64_t now,
			      msec deadline, struct arena *a, struct arc_chain *out);

#endif
