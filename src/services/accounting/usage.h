/* services/accounting/usage.h: what the SQL file says, for `posta radius sessions` and `usage`.
 * Both block, and see one state of the file while servers go on writing. */
#ifndef SERVICES_ACCOUNTING_USAGE_H
#define SERVICES_ACCOUNTING_USAGE_H

#include "base/buf.h"

struct acct_find {
	str user, nas;	      /* "": any; without case for user */
	bool open;	      /* those alone that are not over */
	int64_t since, until; /* on the line at some time in between, Unix seconds; 0: unbounded */
	size_t max;	      /* the newest */
};
struct acct_session {
	str user, nas, session, called, calling, telco, ip6;
	int64_t start, stop; /* stop 0: open */
	int64_t seconds, in, out, ip, port, cause;
};
/* Calls fn for each, the newest first; an error of fn ends it. E_NOTFOUND: no such file. Sessions
 * that were rolled up are found from `since` on: of the last 31 days where it is 0, of a year with
 * a user. */
MUST_USE err acct_list(const char *path, const struct acct_find *f, int64_t now,
		       err (*fn)(void *arg, const struct acct_session *s), void *arg);

enum acct_by {
	ACCT_BY_ALL,
	ACCT_BY_USER,
	ACCT_BY_NAS,
	ACCT_BY_TELCO,
	ACCT_BY_CALLED,
	ACCT_BY_CAUSE,
	ACCT_BY_MONTH,
	ACCT_BY_DAY,
	ACCT_BY_COUNT_
};
/* "user", "nas", ... ; NULL for ACCT_BY_ALL. */
extern const char *const acct_by_names[ACCT_BY_COUNT_];

struct acct_ask {
	enum acct_by by;
	str user;      /* "": all */
	int64_t month; /* 202611, 0: all */
	size_t max;    /* those with most seconds; by month and day the newest */
};
struct acct_sum {
	str name; /* "ana@demo.test", "2026-11", "2026-11-28", "User-Request" */
	int64_t sessions, seconds, in, out;
};
/* Sessions that are over, in the month (UTC) in which they ended. */
MUST_USE err acct_usage(const char *path, const struct acct_ask *a,
			err (*fn)(void *arg, const struct acct_sum *s), void *arg);

/* "User-Request"; "" for 0, digits for one that has no name. */
void acct_cause_print(int64_t cause, struct buf *out);

#endif
