/* services/backends/backends.h: the mailstores that posta.conf names, ours and others'.
 *   backends: { old: { lmtp = "10.0.0.7:24"; imap = ["10.0.0.7:143"]; pop3 = "10.0.0.7:110";
 *                      master_user = "posta"; master_password = "..."; } }
 * A user's location in the directory names one; "" is the store role of this node, reached by its
 * internal sockets. */
#ifndef SERVICES_BACKENDS_BACKENDS_H
#define SERVICES_BACKENDS_BACKENDS_H

#include "run/role.h"

enum backend_protocol { BACKEND_LMTP, BACKEND_IMAP, BACKEND_POP3, BACKEND_PROTOCOLS };

/* How it learns of a mail's place. */
enum backend_spam {
	BACKEND_SPAM_HEADER, /* by the X-Spam- fields alone */
	BACKEND_SPAM_DETAIL, /* user+Spam */
	BACKEND_SPAM_POSTA,  /* user+Spam, user+Quarantine: a posta store */
};
struct backend {
	str name;
	bool internal; /* ours on this node: unix sockets, EXTERNAL by peer credentials */
	struct net_addr *addr[BACKEND_PROTOCOLS];
	size_t naddr[BACKEND_PROTOCOLS];
	/* Of a foreign store: who may log in as anybody; "" : the customer's own password is passed
	 * on. */
	str master_user, master_password;
	enum backend_spam spam;
};
struct backends {
	struct backend *v; /* v[0] is the internal one */
	size_t n;
};
/* Reads the group; results live in env->arena. E_SYNTAX with complaints. */
MUST_USE err backends_read(const struct role_env *env, struct buf *complaints,
			   struct backends *out);
/* The settings of one, for `posta check --settings`. */
void backends_describe(struct buf *out);
/* NULL when posta.conf does not name it. */
const struct backend *backends_find(const struct backends *b, str name);

#endif
