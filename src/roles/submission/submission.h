/* roles/submission/submission.h: takes customers' mail. RFC 6409, 4954, 8314. */
#ifndef ROLES_SUBMISSION_SUBMISSION_H
#define ROLES_SUBMISSION_SUBMISSION_H

#include "clients/filter/filter_client.h"
#include "run/role.h"
#include "services/directory/directory.h"
#include "services/mailauth/keys.h"
#include "services/rates/rates.h"
#include "sessions/smtp/smtp.h"

extern const struct role role_submission;

struct submission_settings {
	str hostname, default_domain;
	bool scram, hide_client, remove_bcc, check_from, sign;
	int64_t per_hour, per_day, connections_network;
	int64_t remember, failures_address, failures_account, window;
	struct smtp_limits limits;
	struct net_addr relay;
	str lesson_spam, lesson_ham; /* local parts, "" = none */
	const struct net_addr *filters;
	size_t nfilters;
	struct conf_strs filter_texts;
};
struct submission {
	struct dirtable *table;
	struct auth *auth;
	struct rates *hour, *day; /* recipients a user */
	struct tally *now;	  /* connections by network */
	struct sign_keys *keys;
	struct filters *filters; /* that learn; NULL: none */
};
struct submission *submission_here(void);
const struct submission_settings *submission_settings(
	void); /* in force; lives as long as the process */

/* ---- rcpt.c: who may send as whom, to whom, how much ---- */
WAITS err submission_mail(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);
WAITS err submission_rcpt(struct smtp_info *i, struct smtp_tx *t, const struct smtp_rcpt *r,
			  void **data, struct verdict *v);

/* ---- lesson.c: mail to spam@ and notspam@ of a domain of ours teaches, in the login's name ----
 */
/* True for such an address: *data and *v are what its RCPT comes down to. */
bool submission_lesson_rcpt(const struct smtp_tx *t, const struct smtp_rcpt *r,
			    const struct dir_answer *a, void **data, struct verdict *v);
/* True when the transaction is for such an address, and so for nobody else. */
bool submission_is_lesson(const struct smtp_tx *t);
/* Teaches what is attached to the message, or the message when it was redirected. */
WAITS MUST_USE err submission_lesson(const struct smtp_info *i, const struct smtp_tx *t,
				     struct verdict *v);

/* ---- message.c: the stages that a message goes through before our 250 ---- */
enum { SUBMISSION_HEAD = 32 * 1024 }; /* octets of the fields that we add */
struct submission_message {
	struct smtp_info *i;
	struct smtp_tx *t;
	str header;	     /* of the message as it came */
	struct buf head;     /* fields that we put before it */
	struct spool *spool; /* what goes on: t->message, or a copy that a stage made (owned) */
	bool own; /* made by posta itself: a domain above the author's may sign as well */
};
WAITS err submission_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);
/* The same for mail that posta made: it is signed and handed over. */
WAITS err submission_own_data(struct smtp_info *i, struct smtp_tx *t, struct verdict *v);
/* sign.c */
WAITS MUST_USE err submission_sign(struct submission_message *m, struct verdict *v);
/* The last stage: relay has it synced when *v is OK. handover.c */
WAITS MUST_USE err submission_hand_over(struct submission_message *m, struct verdict *v);

/* ---- inside.c: roles of this node hand over what they made: delivery reports of relay, reports of
 * the filter ---- */
WAITS err submission_inside(struct stream *io, const struct listener *l);

#endif
