/* services/mailauth/psl.h: the public suffix list, as libpsl carries it (Debian builds it in from
 * the package publicsuffix). DMARC walks the DNS tree instead (RFC 9989 4.10); the list checks what
 * that finds, and stands in where there are no records. */
#ifndef SERVICES_MAILAUTH_PSL_H
#define SERVICES_MAILAUTH_PSL_H

#include "base/str.h"

/* Is it a suffix under which others register ("com", "co.uk", "github.io")? An unlisted top-level
 * domain is one. name: as mailauth_name_of gives it. */
bool psl_is_suffix(str name);
/* The suffix and one label more, a view into name; "" when name is a suffix itself. */
str psl_organization(str name);
/* Do both belong to one organisation, or are they the same? */
bool psl_same(str a, str b);

#endif
