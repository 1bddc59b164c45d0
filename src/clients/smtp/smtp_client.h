/* clients/smtp/smtp_client.h: the calling half of SMTP and LMTP. One connection, any number of
 * transactions. RFC 5321, 2033, 2920 (PIPELINING used where offered), 3030 (BDAT where offered and
 * useful), 3207, 3461, 4954, 6531. */
#ifndef CLIENTS_SMTP_SMTP_CLIENT_H
#define CLIENTS_SMTP_SMTP_CLIENT_H

#include "base/arena.h"
#include "run/net.h"
#include "run/spool.h"
#include "run/tls.h"

struct smtp_client;

struct smtp_reply {
	int code;	 /* 250; 0 when there was none (connection lost, time-out) */
	char status[12]; /* "2.1.5", "" if the server gives none */
	char text[512];	 /* whole reply, lines joined by " / " */
};
enum smtp_tls { SMTP_TLS_NEVER, SMTP_TLS_MAY, SMTP_TLS_MUST };
struct smtp_client_options {
	bool lmtp;
	str helo;
	enum smtp_tls tls;
	struct tls_ctx *tls_ctx;	    /* borrowed */
	str tls_name;			    /* SNI / name to verify */
	msec connect, command, data, final; /* time-outs; 0 = RFC 5321 4.5.3.2's */
	str auth_user, auth_password;	    /* smart host; "" = none */
};
/* Connects, greets, EHLO/LHLO, STARTTLS. An error: *reply says what the server said, or code 0 and
 * our reason. */
WAITS MUST_USE err smtp_client_open(const struct net_addr *to, const struct net_addr *from,
				    const struct smtp_client_options *o, struct smtp_client **out,
				    struct smtp_reply *reply);
/* The same over a connection that stands already (tests; a tunnel): takes io over, then greets. */
MUST_USE struct smtp_client *smtp_client_over(struct stream *io,
					      const struct smtp_client_options *o);
WAITS MUST_USE err smtp_client_begin(struct smtp_client *c, struct smtp_reply *reply);
/* QUIT and close. NULL allowed. */
WAITS void smtp_client_quit(struct smtp_client *c);
void smtp_client_close(struct smtp_client *c); /* without a word */
unsigned smtp_client_ext(
	const struct smtp_client *c); /* SMTP_EXT_* (formats/smtp) that the server announced */
str smtp_client_tls(const struct smtp_client *c);

struct smtp_out_mail {
	str from, envid;
	bool ret_hdrs, smtputf8, body8bit;
	uint64_t size;
	str delivery_id; /* sent as XDELIVERYID= where announced */
};
struct smtp_out_rcpt {
	str address, orcpt;
	unsigned notify;
	struct smtp_reply reply; /* result: RCPT's, or the final one */
};
/* Piecewise, for the mx (asks at RCPT, sends after DATA). Replies say what the server said; err is
 * OK as long as the connection lives. */
WAITS MUST_USE err smtp_client_mail(struct smtp_client *c, const struct smtp_out_mail *m,
				    struct smtp_reply *r);
WAITS MUST_USE err smtp_client_rcpt(struct smtp_client *c, struct smtp_out_rcpt *r);
/* head: header lines put before the message (Received ...). v: the recipients in the order of their
 * RCPTs; those whose reply is not 2xx are passed over. SMTP gives all the same reply, LMTP each its
 * own. */
WAITS MUST_USE err smtp_client_data(struct smtp_client *c, str head, struct spool *message,
				    struct smtp_out_rcpt *v, size_t n);
WAITS MUST_USE err smtp_client_reset(struct smtp_client *c);
/* All at once, pipelined: MAIL, RCPTs, DATA. Fills each reply. */
WAITS MUST_USE err smtp_client_send(struct smtp_client *c, const struct smtp_out_mail *m, str head,
				    struct spool *message, struct smtp_out_rcpt *v, size_t n);

#endif
