/* formats/dsn/dsn.h: writes delivery status notifications.
 * RFC 3464 (multipart/report, message/delivery-status), 3461 6 (what a DSN says of ORCPT, ENVID,
 * RET), 3462/6522 (the container), 3834 (Auto-Submitted), 6533 (addresses in UTF-8). Pure: no
 * clock, no I/O. Every string may come from a hostile server or sender: what could break a line is
 * replaced. */
#ifndef FORMATS_DSN_DSN_H
#define FORMATS_DSN_DSN_H

#include "base/buf.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_rcpt {
	str address; /* Final-Recipient */
	str orcpt;   /* "rfc822;ana@b.example", decoded; "" = none */
	enum dsn_action action;
	str status; /* "5.1.1" */
	str text;   /* what the server, or we, said */
	str server; /* the server that said it, "" = we */
};
struct dsn {
	str hostname;	 /* ours */
	str id;		 /* of this DSN: letters and digits, unguessable (it makes the boundary) */
	str original_id; /* trace id of the mail it is about */
	str to;		 /* its envelope sender */
	str envid;	 /* "" = none */
	int64_t arrived, now; /* unix seconds */
	int64_t retry_until;  /* of delayed ones; 0 = not said */
	bool utf8;	   /* the mail was SMTPUTF8, so may the DSN be: RFC 6533's global types */
	bool headers_only; /* the third part is the header alone */
	bool eight_bit;	   /* the returned octets are not all ASCII */
	const struct dsn_rcpt *rcpts;
	size_t nrcpts; /* at least 1 */
};
/* The DSN up to the place where the returned octets (message or header) go, CRLF line ends. */
void dsn_print_head(struct buf *out, const struct dsn *d);
/* What follows them. ended: they ended with CRLF. */
void dsn_print_tail(struct buf *out, const struct dsn *d, bool ended);

/* The header of a message with its last line end, without the empty line; cut behind a line at
 * LIM_DSN_HEADER. */
str dsn_header_of(str message);

#endif
