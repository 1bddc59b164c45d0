/* formats/mailauth/report_mail.h: the mail around a report: DMARC's, RFC 9990 3.5.1, and TLS's, RFC
 * 8460 5.3. Pure. */
#ifndef FORMATS_MAILAUTH_REPORT_MAIL_H
#define FORMATS_MAILAUTH_REPORT_MAIL_H

#include "base/buf.h"

struct report_mail {
	bool tls;
	str from;     /* an address of ours */
	str receiver; /* our host, in names of files and ids */
	str to;
	str message_id;	    /* without '<' and '>' */
	int64_t now;	    /* seconds since 1970, as are: */
	int64_t begin, end; /* of the day */
	str domain;	    /* that it is about, a domain name */
	str id;		    /* of the report: atoms with dots */
	str packed;	    /* the report, by gzip */
};
void report_mail_print(struct buf *out, const struct report_mail *m);

/* RFC 1952, the same octets for the same text. E_LIMIT: out is full; E_IO: zlib has no memory. */
MUST_USE err report_pack(str text, struct buf *out);

#endif
