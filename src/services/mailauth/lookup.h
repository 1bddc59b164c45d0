/* services/mailauth/lookup.h: how SPF, DKIM, DMARC and ARC ask the DNS: libunbound in a role, zone
 * data in a test. */
#ifndef SERVICES_MAILAUTH_LOOKUP_H
#define SERVICES_MAILAUTH_LOOKUP_H

#include "clients/dns/dns.h"

/* ask answers as dns_ask of clients/dns/dns.h does: OK also when there is no such record. */
struct mailauth_dns {
	WAITS err (*ask)(void *arg, str name, enum dns_type type, msec deadline, struct arena *a,
			 struct dns_answer *out);
	void *arg;
};
struct mailauth_dns mailauth_dns_of(struct dns *d);

/* The text of a TXT record: its strings put together without anything between them (RFC 7208 3.3,
 * RFC 6376 3.6.2.2). E_SYNTAX: malformed; E_LIMIT: the arena is full. */
MUST_USE err mailauth_txt(str rdata, struct arena *a, str *out);

#endif
