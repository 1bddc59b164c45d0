/* services/auth/auth_state.h: what auth.c and sasl_server.c share. */
#ifndef SERVICES_AUTH_AUTH_STATE_H
#define SERVICES_AUTH_AUTH_STATE_H

#include <pthread.h>

#include "base/limits.h"
#include "run/log.h"
#include "services/auth/auth.h"
#include "services/auth/brake.h"
#include "services/auth/chap.h"
#include "services/auth/remember.h"
#include "services/directory/secrets.h"

struct auth {
	struct dirtable *table;
	char *default_domain, *path, *key;
	pthread_mutex_t db;	 /* of secrets; taken on helper threads alone */
	struct secrets *secrets; /* NULL until it could be opened */
	struct brake *addresses, *accounts;
	struct remember *remember;
	struct chap *chap;	   /* secrets that fitted a challenge */
	char dummy[PASSWORD_HASH]; /* nobody's hash: costs an unknown user the same time */
};

/* One try to log in: whom, from where, under which keys it is counted. */
struct attempt {
	struct auth *a;
	str service, login;
	bool known;	      /* user is filled */
	struct dir_user user; /* views in the caller's arena */
	bool by_address;
	char prefix_space[17];
	str prefix;
	char account[LIM_USER + 1];
	size_t naccount;
};
/* Looks the login up and asks the brake. OK (known or not), E_AGAIN. */
MUST_USE err attempt_begin(struct attempt *t, struct auth *a, const struct net_addr *peer,
			   str service, str login, struct arena *ar);
/* The same from a place (auth.h). */
MUST_USE err attempt_begin_at(struct attempt *t, struct auth *a, str place, str service, str login,
			      struct arena *ar);
/* Does the brake hold now? Asked again at the end, whatever was found out: tries that began
 * together, before any had failed, are not each worth a guess. Takes only the brakes' locks. */
bool attempt_held(const struct attempt *t);
/* Counts and logs that the brake held; gives E_AGAIN. */
MUST_USE err attempt_braked(const struct attempt *t);
/* Counts and logs; gives E_DENIED. */
MUST_USE err attempt_failed(struct attempt *t, const char *why);
/* OK, or E_DENIED for a user who may not log in. */
MUST_USE err attempt_succeeded(struct attempt *t);

/* The rest of auth_plain. */
WAITS MUST_USE err attempt_plain(struct attempt *t, str password, struct dir_user *user);

/* Runs fn on the secrets in POOL_DISK; opens them when needed. */
WAITS MUST_USE err with_secrets(struct auth *a, err (*fn)(struct secrets *s, void *arg), void *arg);

#endif
