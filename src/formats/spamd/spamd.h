/* formats/spamd/spamd.h: heads of SPAMC/SPAMD, protocol version 1.5 (SpamAssassin's
 * spamd/PROTOCOL). Pure. Views point into the input. */
#ifndef FORMATS_SPAMD_SPAMD_H
#define FORMATS_SPAMD_SPAMD_H

#include "base/buf.h"

enum spamd_method {
	SPAMD_CHECK,
	SPAMD_SYMBOLS,
	SPAMD_REPORT,
	SPAMD_REPORT_IFSPAM,
	SPAMD_PROCESS,
	SPAMD_HEADERS,
	SPAMD_PING,
	SPAMD_SKIP,
	SPAMD_TELL,
};
enum spamd_class { SPAMD_NO_CLASS, SPAMD_SPAM, SPAMD_HAM };
enum { SPAMD_LOCAL = 1, SPAMD_REMOTE = 2 }; /* data bases of TELL */

struct spamd_request {
	enum spamd_method method;
	unsigned version; /* minor: 5 of SPAMC/1.5 */
	bool has_length;
	uint64_t length;
	str user;
	enum spamd_class class;
	unsigned set, remove; /* SPAMD_LOCAL, SPAMD_REMOTE */
};
enum { /* exit codes of sysexits.h, as spamc looks for them */
       SPAMD_OK = 0,
       SPAMD_DATA = 65,
       SPAMD_UNAVAILABLE = 69,
       SPAMD_SOFTWARE = 70,
       SPAMD_TEMPFAIL = 75,
       SPAMD_PROTOCOL = 76,
       SPAMD_TIMEOUT = 79,
};

/* head: the request line and the fields, up to the empty line. E_SYNTAX with a text: no such
 * request, or one with a compressed message. Unknown fields are passed over. */
MUST_USE err spamd_parse_request(str head, struct spamd_request *out);
const char *spamd_method_name(enum spamd_method m);
/* The request's head, as a client writes it; ends with the empty line. */
void spamd_print_request(struct buf *out, const struct spamd_request *r);
/* "SPAMD/1.5 0 EX_OK". Fields and the empty line are the caller's. */
void spamd_print_status(struct buf *out, int code, str text);
/* "Spam: True ; 15.0 / 5.0" */
void spamd_print_spam(struct buf *out, bool spam, double score, double required);

#endif
