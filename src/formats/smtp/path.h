/* formats/smtp/path.h: what the files of this folder share: paths and parameters of MAIL and RCPT.
 */
#ifndef FORMATS_SMTP_PATH_H
#define FORMATS_SMTP_PATH_H

#include "formats/smtp/smtp.h"

/* RFC 5321 4.1.2: <> is a reverse path alone, <postmaster> a forward path alone. */
enum smtp_path_kind { SMTP_REVERSE_PATH, SMTP_FORWARD_PATH };

/* Takes "<...>" from the start of *args, which moves behind it. */
MUST_USE err smtp_take_path(str *args, enum smtp_path_kind kind, struct arena *a,
			    struct smtp_address *out, bool *routed);

/* One parameter of MAIL or RCPT: its keyword, the extension that must have been announced, and what
 * reads its value ("" without '=': has says which). */
struct smtp_param {
	str keyword;
	unsigned ext;
	err (*read)(str value, bool has, struct arena *a, void *out);
};
/* args: " KEY=VALUE KEY ..." behind the path. E_EXISTS: twice. */
MUST_USE err smtp_read_params(str args, unsigned ext, const struct smtp_param *params, size_t n,
			      struct arena *a, void *out);
/* A decoded xtext of printable octets, at most max of them encoded. */
MUST_USE err smtp_read_xtext(str value, size_t max, struct arena *a, str *out);

#endif
