/* services/mailauth/keys.h: the keys with which a domain's mail is signed, as a role needs them:
 * read from directory and secrets on a helper thread, remembered for a minute. One of them a loop.
 */
#ifndef SERVICES_MAILAUTH_KEYS_H
#define SERVICES_MAILAUTH_KEYS_H

#include "services/mailauth/sign.h"

enum { SIGN_KEYS = 4 }; /* of one domain that sign; further ones are left out */

struct sign_keys;
/* directory, secrets, key: paths as struct role_env has them; they must stay. Opens nothing yet. */
struct sign_keys *sign_keys_new(const char *directory, const char *secrets, const char *key);
/* No call may be under way. NULL allowed. */
void sign_keys_free(struct sign_keys *k);

struct sign_set {
	struct sign_key *v[SIGN_KEYS];
	size_t n; /* 0: this domain's mail is not signed */
};
/* domain: in lower case. While the databases are away, what was read last. E_AGAIN: they are away
 * and nothing was read. E_CANCELED. */
WAITS MUST_USE err sign_keys_of(struct sign_keys *k, str domain, struct sign_set *out);
void sign_set_drop(struct sign_set *s);

#endif
