/* services/reports/send_part.h: for send.c and tls.c alone. */
#ifndef SERVICES_REPORTS_SEND_PART_H
#define SERVICES_REPORTS_SEND_PART_H

#include "formats/mailauth/report_uri.h"
#include "services/mailauth/reports_store.h"
#include "services/reports/reports_send.h"

/* Whom a TLS report of a domain goes to. */
struct reports_tls_asked {
	bool later;	 /* the DNS does not answer */
	const char *why; /* not sent: the reason, else NULL */
	str rua;
};
/* hosts: the servers that were met. RFC 8460 3. E_CANCELED alone. */
WAITS MUST_USE err reports_tls_ask(const struct mailauth_dns *dns, str domain, const str *hosts,
				   size_t nhosts, struct arena *a, struct reports_tls_asked *out);

#endif
