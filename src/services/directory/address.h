/* services/directory/address.h: the one form in which addresses and domains are stored and
 * compared: ASCII letters in lower case, domains as A-labels (RFC 5890). Pure. */
#ifndef SERVICES_DIRECTORY_ADDRESS_H
#define SERVICES_DIRECTORY_ADDRESS_H

#include "base/limits.h"
#include "base/str.h"

struct dir_address {
	char text[LIM_SMTP_LOCAL + 1 + LIM_SMTP_DOMAIN + 1];
	str all, local, domain; /* views into text: do not copy the struct */
};
/* local@domain. E_SYNTAX with a text that says what is wrong; E_LIMIT too long. strict: only what
 * may be stored (dot-atoms and UTF-8); otherwise any local part, as it may come in RCPT. */
MUST_USE err dir_address_parse(str in, bool strict, struct dir_address *out);
/* A domain into out (LIM_SMTP_DOMAIN + 1 octets). */
MUST_USE err dir_domain_parse(str in, char *out, str *domain);
/* An entry of an allow or block list: local@domain or @domain (or a bare domain, which becomes
 * @domain). */
MUST_USE err dir_pattern_parse(str in, struct dir_address *out);

#endif
