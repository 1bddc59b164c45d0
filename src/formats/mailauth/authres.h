/* formats/mailauth/authres.h: the field Authentication-Results, RFC 8601 2.2. Pure. */
#ifndef FORMATS_MAILAUTH_AUTHRES_H
#define FORMATS_MAILAUTH_AUTHRES_H

#include "base/arena.h"

struct authres_prop {
	str ptype, name, value; /* "header", "d", "example.com" */
};
struct authres_result {
	str method, result; /* "dkim", "pass" */
	unsigned version;
	str reason; /* "" when not given */
	struct authres_prop *props;
	size_t nprops;
};
struct authres {
	str id;
	unsigned version;
	struct authres_result *results; /* n 0: "none" */
	size_t n;
};
/* value: behind the field's colon, folded or not. Comments are passed over, quotes removed; what
 * had none points into value. E_SYNTAX, E_LIMIT. */
MUST_USE err authres_parse(str value, struct arena *a, struct authres *out);

/* Does this field claim to come from us (RFC 8601 5)? Every such field of a message from outside is
 * forged and taken out. name: of any field. A value that cannot be understood is taken for such a
 * claim, since another reader may understand it. */
bool authres_claims(str name, str value, str id);

/* ---- writing: authres_begin, then for each method authres_method and its properties, then
 * authres_end. Lines are folded behind 78 octets; values are quoted where the grammar needs it, and
 * what is no printable ASCII becomes '?': they come from strangers. ---- */
struct authres_writer {
	struct buf *out;
	size_t line;  /* where the line under way begins in out */
	bool results; /* one was written */
};
struct authres_writer authres_begin(struct buf *out, str id);
void authres_method(struct authres_writer *w, const char *method, const char *result);
/* Left out when the value is ""; texts are cut. */
void authres_reason(struct authres_writer *w, str reason);
void authres_comment(struct authres_writer *w, str text);
/* Left out as well when over LIM_AUTHRES_VALUE: the beginning of a name is another's name, and
 * whoever reads the field would take it for confirmed. */
void authres_prop(struct authres_writer *w, const char *prop, str value);
/* "none" when there was no result. */
void authres_end(struct authres_writer *w);

#endif
