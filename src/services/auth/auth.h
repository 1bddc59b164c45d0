/* services/auth/auth.h: does this password, or this SASL exchange, belong to this user?
 * A verified password is remembered for a set time as a keyed fast hash in memory (yescrypt costs
 * 28 ms of CPU) and forgotten when the change feed names the user. crypt(3) runs in POOL_CRYPT,
 * behind the brake. */
#ifndef SERVICES_AUTH_AUTH_H
#define SERVICES_AUTH_AUTH_H

#include "run/net.h"
#include "services/directory/directory.h"

struct auth;
struct auth_options {
	struct dirtable *table;
	const char *secrets; /* path of secrets.db */
	const char *key;    /* path of the key of reversible secrets, for auth_secret_at; or NULL */
	str default_domain; /* copied; for logins without '@'; "" = the only domain with such a user
			     */
	msec remember;	    /* how long a verified password is remembered; 0 = 10 minutes */
	/* the brake: failures per address (network prefix) and per account within a window */
	int64_t failures_address, failures_account; /* 0 = 20 and 10 */
	msec window;				    /* 0 = 10 minutes */
};
WAITS MUST_USE err auth_open(const struct auth_options *o, struct auth **out);
/* Before dirtable_close. NULL allowed. */
void auth_close(struct auth *a);

/* peer: NULL or a unix socket is not braked by address; an address from which the account logged in
 * before is not held by the account's brake. OK fills *user (views in the arena). E_DENIED: wrong,
 * unknown or disabled (one answer for all, same time). E_AGAIN: the brake holds, or the directory
 * is away. service: "imap", "smtp", "pop3" (app passwords may be for one). */
WAITS MUST_USE err auth_plain(struct auth *a, const struct net_addr *peer, str service, str login,
			      str password, struct arena *ar, struct dir_user *user);

/* ---- logins that come through an access server (RADIUS) ---- */
/* place: octets that stand for where the customer is (the calling station): the brake counts them
 * as it does an address. E_LIMIT: the brake holds; E_AGAIN: a database is away; else as auth_plain.
 */
WAITS MUST_USE err auth_plain_at(struct auth *a, str place, str service, str login, str password,
				 struct arena *ar, struct dir_user *user);
/* The same for answers to a challenge: fits is given the password in clear, from the reversible
 * secrets, and must not wait. A secret that fitted is remembered as a verified password is.
 * E_NOTFOUND: the user has no such secret (posta user password --chap). */
WAITS MUST_USE err auth_secret_at(struct auth *a, str place, str service, str login,
				  bool (*fits)(void *arg, str password), void *arg,
				  struct arena *ar, struct dir_user *user);

/* One SASL exchange of the serving side, for SMTP, IMAP and POP3 alike. */
struct sasl_server;
struct sasl_config { /* copied; what it points to must outlive the server */
	struct auth *auth;
	str service;
	const struct net_addr *peer;
	struct stream *io;    /* for channel binding; may be in clear */
	bool scram;	      /* announce SCRAM-SHA-256(-PLUS) */
	bool plain;	      /* PLAIN and LOGIN allowed here (TLS on, or unix socket) */
	const char *external; /* the role whose process is proven to be at the other end: EXTERNAL
			       * with an authzid names any user. NULL: not allowed */
};
/* "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS" as allowed here, separated by sep with prefix
 * before each. */
void sasl_mechanisms(const struct sasl_config *c, const char *prefix, const char *sep,
		     struct buf *out);
/* E_NOTFOUND: mechanism unknown or not allowed here. */
MUST_USE err sasl_server_new(const struct sasl_config *c, str mechanism, struct sasl_server **out);
void sasl_server_free(struct sasl_server *s);
/* Feeds the client's message (decoded; has = false: no initial response). *done false: send
 * `challenge` (to be base64'ed) and come again. *done with OK: sasl_server_user. With SCRAM the
 * last challenge (server signature) is in `challenge` even when done. E_DENIED, E_AGAIN as
 * auth_plain; E_SYNTAX: malformed. */
WAITS MUST_USE err sasl_server_step(struct sasl_server *s, bool has, str message,
				    struct buf *challenge, bool *done);
const struct dir_user *sasl_server_user(const struct sasl_server *s);
/* The password when it was seen in clear (a foreign back-end may need it); "" otherwise. Wiped with
 * the server. */
str sasl_server_password(const struct sasl_server *s);

#endif
