/* formats/sasl/sasl.h: the messages of the simple SASL mechanisms, decoded (no base64 here), both
 * ends. PLAIN: RFC 4616. EXTERNAL: RFC 4422 appendix A. LOGIN: draft-murchison-sasl-login-00,
 * obsolete and in use. Pure. Views point into the input. E_SYNTAX: the grammar; E_LIMIT: over
 * LIM_SASL, LIM_USER or LIM_PASSWORD. */
#ifndef FORMATS_SASL_SASL_H
#define FORMATS_SASL_SASL_H

#include "base/buf.h"

struct sasl_plain {
	str authzid; /* "": the same as authcid */
	str authcid, password;
};
MUST_USE err sasl_plain_parse(str message, struct sasl_plain *out);
void sasl_plain_print(const struct sasl_plain *p, struct buf *out);

/* One answer of LOGIN: the user name, or the password. what: its limit. */
MUST_USE err sasl_login_parse(str message, size_t max, str *out);
#define SASL_LOGIN_USER	    STR("Username:")
#define SASL_LOGIN_PASSWORD STR("Password:")

/* The whole message is the authzid, which may be "". */
MUST_USE err sasl_external_parse(str message, str *authzid);

/* RFC 4013: the form in which passwords and names are compared. Plain ASCII stays as it is; what
 * the profile forbids is E_SYNTAX. */
MUST_USE err sasl_prep(str in, struct buf *out);

#endif
