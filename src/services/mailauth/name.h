/* services/mailauth/name.h: domains as SPF and DMARC compare and ask for them. */
#ifndef SERVICES_MAILAUTH_NAME_H
#define SERVICES_MAILAUTH_NAME_H

#include "base/arena.h"

/* Lower case, in A-labels (RFC 5890), without a dot at its end. p NULL: no domain name: no label or
 * an empty one, one over 63 octets, over 253 octets in all, or bytes that would be escapes in a
 * master file. */
str mailauth_name_of(struct arena *a, str domain);
/* Number of labels; name as mailauth_name_of gives it. */
unsigned mailauth_labels(str name);
/* The name without its first label, "" behind the last one. */
str mailauth_parent(str name);
/* Is name equal to or below top? */
bool mailauth_under(str name, str top);

#endif
