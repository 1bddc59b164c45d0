/* services/filter/step.h: what the steps of one scan share. */
#ifndef SERVICES_FILTER_STEP_H
#define SERVICES_FILTER_STEP_H

#include "clients/clamd/clamd.h"
#include "services/filter/filter.h"
#include "services/filter/ruleset.h"
#include "services/learning/models.h"
#include "services/mailauth/mailauth.h"
#include "services/mailauth/reports.h"

/* What one set of settings opened; counted, since scans go on over a reload. */
struct tools {
	const struct filter_settings *set;
	struct clamds *clamds;
	struct dns *dns;
	struct blacklists *lists;
	unsigned holds;
};
struct filter {
	struct tools *tools;
	struct ruleset *rules;
	struct dirtable *directory;	/* NULL: nobody's verdict is told */
	struct learning_models *models; /* NULL: nothing is learned */
	struct learning_start start;
	struct reports *reports; /* NULL: nothing is counted */
	unsigned scans;		 /* under way */
	struct waitq room;
};

struct scan {
	struct filter *f;
	struct tools *tools;
	const struct filter_settings *set;
	const struct filter_request *q;
	str message;		/* without the field of ours before it */
	struct arena views;	/* of mail */
	struct scan_mail *mail; /* one step at a time, on whichever thread */
	struct net_addr ip;	/* of the client, */
	bool ip_known;
	msec deadline;
	struct arena *a; /* of the answer */
	struct filter_answer *out;
	struct filter_step *times;
	struct mailauth_result auth; /* of the step auth, */
	bool auth_known;
	struct mailauth_question asked; /* and its question */
	bool clamd_away;
	struct learning_features features; /* of the step learning, */
	double learned;			   /* and the points that are in the score */
};

/* A step adds its symbols; it waits, but does not fail. */
struct step {
	const char *name;
	bool after; /* not side by side with others: it wants what they found */
	bool (*wanted)(const struct scan *s);
	WAITS void (*run)(struct scan *s);
};
/* Adds to the score; texts are copied. Over LIM_FILTER_SYMBOLS: the score counts, the symbol is
 * left out. */
void filter_symbol(struct scan *s, str name, str text, double score);
/* A symbol that says what could not be asked; the answer is incomplete. */
void filter_missing(struct scan *s, const char *symbol, str why);

bool filter_ip(str text, struct net_addr *out);

/* open.c */
WAITS void filter_tools_drop(struct tools *t);
/* The user whose address or login that is; the address itself where nobody knows it. */
str filter_user(struct filter *f, str address, struct arena *a, struct dir_answer *d);
/* step_learning.c: the points of a user's model for this message. */
WAITS double filter_learned(struct scan *s, str user, struct learning_judgement *out);

extern const struct step step_auth, step_lists, step_virus, step_attachments, step_rules,
	step_learning, step_recipients;

#endif
