/* services/reports/consent.h: may reports about a domain go to an address that its record names?
 * RFC 9990 4: elsewhere the other domain must say so, lest records make us send mail to victims. */
#ifndef SERVICES_REPORTS_CONSENT_H
#define SERVICES_REPORTS_CONSENT_H

#include "formats/mailauth/report_uri.h"
#include "services/mailauth/lookup.h"

enum consent { CONSENT_YES, CONSENT_NO, CONSENT_LATER /* the DNS does not answer */ };

/* domain: where the record stands. to: becomes the address that the other domain names in the place
 * of this one. E_CANCELED alone. */
WAITS MUST_USE err reports_consent(const struct mailauth_dns *dns, str domain, msec deadline,
				   struct report_uri *to, enum consent *out);

#endif
