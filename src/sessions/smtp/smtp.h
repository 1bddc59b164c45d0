/* sessions/smtp/smtp.h: the serving half of SMTP and LMTP, for mx, submission, relay and store.
 * The session owns the conversation, limits and line discipline; the role decides.
 * RFC 5321, 2033 (LMTP), 1870 SIZE, 2920 PIPELINING, 3030 CHUNKING, 3207 STARTTLS, 3461 DSN, 4954
 * AUTH, 6152 8BITMIME, 6531 SMTPUTF8. */
#ifndef SESSIONS_SMTP_SMTP_H
#define SESSIONS_SMTP_SMTP_H

#include "formats/smtp/smtp.h" /* struct smtp_mail, smtp_rcpt: grammar of the parameters */
#include "run/role.h"
#include "run/spool.h"
#include "services/auth/auth.h"

/* v comes to the role with the session's own answer in it ("250 2.1.5 OK"); data()'s come empty.
 * What the role says of a command: a complete reply text, "250 2.1.5 OK"; code below 400 accepts.
 * close: 421. */
struct verdict {
	char text[512];
	bool close;
	msec delay; /* tarpit: the session sleeps before it answers */
};
void verdict_set(struct verdict *v, const char *fmt, ...) PRINTF(2, 3);
static inline bool verdict_ok(const struct verdict *v)
{
	return v->text[0] == '2' || v->text[0] == '3';
}

/* What the session knows; the role reads it. */
struct smtp_info {
	const struct net_addr *peer;
	str peer_role; /* of an internal listener */
	str helo;
	str rdns; /* the name of the peer's address, which leads back; p NULL: not asked for. The
		     role's */
	bool tls, esmtp, lmtp;
	str tls_info;
	const struct dir_user *user;  /* after AUTH */
	struct arena *session, *tx;   /* lifetimes: connection, transaction */
	void *role_session, *role_tx; /* the role's own */
};
struct smtp_tx {
	struct smtp_mail mail;
	struct smtp_rcpt *rcpts; /* accepted ones; the array moves while it grows: keep indices */
	void **rcpt_data;	 /* the role's own, one each */
	size_t nrcpts;
	char id[21];	       /* trace id, given at MAIL */
	struct spool *message; /* after DATA; begins with our Received when the role asks for it */
};

struct smtp_role {
	const char *name; /* "mx" */
	bool lmtp;
	bool starttls, auth_required;
	bool received; /* the session puts a Received field before the message and refuses loops
			  (over LIM_RECEIVED) */
	bool xclient_delivery_id; /* between roles: announces XDELIVERYID; MAIL's token becomes
				     tx.id when it has a trace id's form (decision 0060) */
	/* Settings in force; read at the start of each session. */
	const struct smtp_limits *(*limits)(void);
	WAITS err (*connect)(struct smtp_info *i,
			     struct verdict *v); /* banner: "220 ..." or 4xx/5xx */
	WAITS err (*helo)(struct smtp_info *i, struct verdict *v); /* may be NULL */
	WAITS err (*mail)(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);
	WAITS err (*rcpt)(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			  void **data, struct verdict *v);
	/* After the last octet. SMTP: v[0]. LMTP: one a recipient. An OK verdict means: kept. */
	WAITS err (*data)(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);
	void (*reset)(struct smtp_info *i,
		      struct smtp_tx *t);  /* the transaction is over; may be NULL */
	void (*gone)(struct smtp_info *i); /* the connection is over; may be NULL */
	const struct sasl_config *(*sasl)(struct smtp_info *i); /* NULL: no AUTH here */
	str (*hostname)(void);
};
struct smtp_limits {
	int64_t rcpts, message,
		errors;	      /* recipients a transaction; octets; bad commands before 421 */
	int64_t transactions; /* a connection */
	msec command, data_block,
		whole; /* time-outs: next command, next octets of DATA, whole session */
	msec login;    /* whole, as long as auth_required is not met; 0: the same */
	const char *spool_dir;
};
/* Runs one connection to its end; closes io. */
WAITS err smtp_session(struct stream *io, bool implicit_tls, str peer_role,
		       const struct smtp_role *role);

#endif
