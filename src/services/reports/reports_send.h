/* services/reports/reports_send.h: reports of each day leave as mail through submission, which
 * signs them. A report goes to an address once: what is about to leave is written down first, so
 * that one that a crash interrupted is not sent again. */
#ifndef SERVICES_REPORTS_REPORTS_SEND_H
#define SERVICES_REPORTS_REPORTS_SEND_H

#include "run/role.h"
#include "services/mailauth/lookup.h"

/* posta.conf's group "reports" (a role that reads it names it in its groups). */
struct reports_policy {
	bool send;
	str organization, from;
	int64_t delay; /* milliseconds after the day's end, in UTC */
	/* A submission server elsewhere, "" for this node's, with a login there. */
	str via, via_name, user, password;
	bool via_verify;
	struct net_addr submission; /* it, or this node's inside listener */
	bool has_submission;
};
MUST_USE err reports_policy_read(const struct role_env *env, struct buf *complaints,
				 struct reports_policy *out);
void reports_policy_describe(struct buf *out); /* for `posta check --settings` */

struct reports_sending {
	const char *dir; /* the role's data folder, with reports.db */
	bool tls;	 /* TLS reports; else DMARC's */
	/* The settings in force; what it gives stays. */
	const struct reports_policy *(*policy)(void);
	const str *hostname; /* ours; stays */
	struct mailauth_dns dns;
};
struct reports_sender;
/* Starts the fiber, on this loop. Strings and dns are borrowed. */
struct reports_sender *reports_sender_start(const struct reports_sending *o);
/* NULL allowed. */
WAITS void reports_sender_stop(struct reports_sender *s);

#endif
