/* services/directory/directory.h: who exists, where their mail lives, what they chose.
 *
 * Two faces. The database (struct directory, dirdb.h: SQLite; MariaDB fits behind the same calls)
 * is for commands, for writers and for rare questions. The table (struct dirtable) is what roles
 * answer from: all addresses in memory, filled from the database, kept fresh by tailing the change
 * feed, and, for the mx, from a checksummed snapshot on disk when the database is away. Secrets
 * (hashes, SCRAM verifiers, CHAP secrets) are in a second database, secrets.h. */
#ifndef SERVICES_DIRECTORY_DIRECTORY_H
#define SERVICES_DIRECTORY_DIRECTORY_H

#include "base/arena.h"
#include "run/fiber.h"

/* ---- the table in memory: never waits, any thread ---- */
enum home_state { HOME_HERE = 1, HOME_MOVING = 2, HOME_DUAL = 3 };
enum user_flags { USER_DISABLED = 1, USER_ADMIN = 2, USER_NO_LOGIN = 4 };

/* What becomes of mail over the upper bound of the recipient's level. DEFAULT: nobody says. */
enum dir_above { ABOVE_DEFAULT, ABOVE_QUARANTINE, ABOVE_DISCARD, ABOVE_REJECT };

/* What a user is told of once a day: nothing, new mail in quarantine, or that in the Spam folder
 * too. DEFAULT: nobody says. */
enum dir_digest { DIGEST_DEFAULT, DIGEST_OFF, DIGEST_QUARANTINE, DIGEST_ALL };

/* A user as roles need it; views live in the caller's arena. */
struct dir_user {
	uint64_t id;
	str login;	/* "ana@demo.test", lower case */
	unsigned flags; /* USER_* */
	uint64_t quota; /* octets; 0 = none */
	enum home_state state;
	uint64_t epoch; /* of the location */
	str backend;	/* name of the back-end in posta.conf; "" = this cluster's only store */
	/* The user's, or else the domain's, or a tenant's above it: 0 none of them says, else n - 1
	 * is the place in verdict_levels (services/verdict). */
	unsigned spam_level;
	enum dir_above spam_above;
	enum dir_digest digest;
};
enum dir_what {
	DIR_USER,    /* target is one user of ours */
	DIR_ALIAS,   /* targets: addresses, ours or elsewhere */
	DIR_UNKNOWN, /* domain is ours, address is not */
	DIR_FOREIGN, /* domain is not ours */
	DIR_NOTABLE, /* the table is incomplete: say 451 */
};
struct dir_answer {
	enum dir_what what;
	struct dir_user user;
	const str *targets; /* DIR_ALIAS: fully expanded: users' logins and outside addresses */
	size_t ntargets;
	str detail;  /* "tag" of ana+tag@... */
	bool caught; /* by the domain's catch-all: it has no entry of its own */
};

struct dirtable;
struct dirtable_options {
	const char *database; /* path of directory.db */
	const char *snapshot; /* path of the snapshot to keep, or NULL */
	msec poll;	      /* how often the feed is looked at; 0 = 250 ms */
};
/* Loads from the database or else from the snapshot and spawns a fiber on this loop that tails the
 * feed. Comes back at once with an incomplete table when neither can be read (it goes on trying).
 */
WAITS MUST_USE err dirtable_open(const struct dirtable_options *o, struct dirtable **out);
/* On the loop that opened it. NULL allowed. */
WAITS void dirtable_close(struct dirtable *t);
bool dirtable_complete(struct dirtable *t);
/* Milliseconds since the last successful look at the feed, NEVER when there was none. */
msec dirtable_age(struct dirtable *t);

/* An alias that leads to one user of ours alone is answered as DIR_USER. postmaster and abuse of a
 * domain of ours that have no entry lead to an administrator. What an address (local@domain, as in
 * RCPT; case-insensitive; "postmaster" alone allowed) leads to: aliases, +detail, catch-all, domain
 * aliases resolved, loops cut at LIM_ALIAS_DEPTH. E_LIMIT when arena or expansion is too big. */
MUST_USE err dirtable_address(struct dirtable *t, str address, struct arena *a,
			      struct dir_answer *out);
/* By login name: "ana" (in default_domain) or "ana@demo.test". E_NOTFOUND; E_AGAIN while
 * incomplete. */
MUST_USE err dirtable_login(struct dirtable *t, str login, str default_domain, struct arena *a,
			    struct dir_user *out);
MUST_USE err dirtable_user(struct dirtable *t, uint64_t id, struct arena *a, struct dir_user *out);
bool dirtable_domain_is_ours(struct dirtable *t, str domain);
/* May this user send as `address`? Own login, aliases that lead to the user, catch-all domains of
 * the user. */
bool dirtable_may_send_as(struct dirtable *t, uint64_t user, str address);
/* White list (allow, contacts) and black list of a user, for an envelope or header sender. */
enum dir_listed { LISTED_NOT, LISTED_ALLOW, LISTED_BLOCK, LISTED_CONTACT };
enum dir_listed dirtable_listed(struct dirtable *t, uint64_t user, str sender);
/* Called on the tailing loop after a change of this user (id 0: everything may have changed),
 * outside any lock. */
void dirtable_on_change(struct dirtable *t, void (*fn)(void *arg, uint64_t user), void *arg);
/* Forgets the calls with this arg; on the tailing loop. */
void dirtable_no_change(struct dirtable *t, const void *arg);

#endif
