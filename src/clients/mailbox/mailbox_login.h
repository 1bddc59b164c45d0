/* clients/mailbox/mailbox_login.h: logging in at an IMAP or POP3 server on a customer's behalf.
 * After it the stream is the customer's. RFC 4422 (SASL), 4616 (PLAIN with an authorization
 * identity), 9051 6.2.2, 5034, 2971. */
#ifndef CLIENTS_MAILBOX_MAILBOX_LOGIN_H
#define CLIENTS_MAILBOX_MAILBOX_LOGIN_H

#include "base/arena.h"
#include "run/stream.h"

enum login_how {
	LOGIN_EXTERNAL, /* the socket says who we are; name is whom we speak for */
	LOGIN_MASTER,	/* PLAIN: master_user's password, name as authorization identity */
	LOGIN_OWN,	/* PLAIN: the customer's own password */
};
struct mailbox_login {
	enum login_how how;
	str name;			 /* the customer's login */
	str authcid, password;		 /* MASTER: the master's; OWN: authcid is name */
	const struct net_addr *customer; /* IMAP: told by ID to a store of ours; NULL: not */
};
/* Greeting and login on a connected stream (TLS, if any, is on). E_DENIED: the server refuses this
 * login. E_AGAIN: not now (its temporary answer). E_SYNTAX: it does not speak the protocol.
 * err_last()'s text has its words. */
WAITS MUST_USE err imap_login(struct stream *io, const struct mailbox_login *how, struct arena *a,
			      str *capability);
WAITS MUST_USE err pop3_login(struct stream *io, const struct mailbox_login *how);

#endif
