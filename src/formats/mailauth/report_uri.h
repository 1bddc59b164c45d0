/* formats/mailauth/report_uri.h: where reports are to go: the URIs of rua= in DMARC records (RFC
 * 9989 4.8, with the size limits of RFC 7489 6.2) and of RFC 8460 3. Pure. A stranger wrote them:
 * what is not plainly an address of ASCII (a dot-atom and a host name) is passed over. */
#ifndef FORMATS_MAILAUTH_REPORT_URI_H
#define FORMATS_MAILAUTH_REPORT_URI_H

#include "base/limits.h"
#include "base/str.h"

struct report_uri {
	char address[LIM_REPORT_ADDRESS + 1]; /* "r@b.example", the domain in small letters */
	size_t n;
	uint64_t max; /* octets that a report may have; UINT64_MAX: any number */
};
/* The next mailto of the list; other schemes and what is malformed are passed over. False at the
 * end. */
bool report_next_uri(str *rest, struct report_uri *out);
str report_address(const struct report_uri *u);
/* What is behind '@'. */
str report_host(const struct report_uri *u);

/* A record of TLSRPT, RFC 8460 3: its rua, "" when it is none. View into the text. */
str report_tls_rua(str text);

#endif
