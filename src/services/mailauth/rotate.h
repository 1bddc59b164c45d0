/* services/mailauth/rotate.h: what is to happen with a domain's DKIM keys when: a pure table over
 * stored times. One key of each algorithm signs:
 *
 *     COMING --wait--> ACTIVE --lifetime--> GOING --keep--> REVOKED --revoked--> gone
 *
 * A key that takes over makes the one before GOING; it is made when that one is as old as its
 * lifetime. COMING outlasts the TTL of "there is no such key" in caches, GOING the time that mail
 * is under way and that readers verify again; REVOKED says to all that the key counts no more. */
#ifndef SERVICES_MAILAUTH_ROTATE_H
#define SERVICES_MAILAUTH_ROTATE_H

#include "services/directory/dirmail.h"

struct rotate_policy { /* seconds */
	int64_t lifetime, wait, keep, revoked;
};

struct rotate_key {
	bool rsa;
	enum dkim_state state;
	int64_t since;
};
struct rotate_step {
	enum { ROTATE_NOTHING, ROTATE_MAKE, ROTATE_MOVE, ROTATE_DROP } what;
	bool rsa;   /* MAKE: of a new one, COMING */
	size_t key; /* MOVE, DROP */
	enum dkim_state to;
};
/* The next step that is due; after it was done, ask again. */
struct rotate_step rotate_due(const struct rotate_key *keys, size_t n,
			      const struct rotate_policy *policy, int64_t now);
/* On demand: may a successor be made though the key is not old? */
bool rotate_may_begin(const struct rotate_key *keys, size_t n, bool rsa);
/* The state in which a new key begins: the first of its kind signs at once. */
enum dkim_state rotate_first(const struct rotate_key *keys, size_t n, bool rsa);

#endif
