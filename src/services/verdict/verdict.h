/* services/verdict/verdict.h: what becomes of a message for one recipient: the filter's score,
 * held against the recipient's level and lists. Pure but for the directory's table; used by mx
 * whichever filter gave the score, and by the filter for the "recipients" of its answer. */
#ifndef SERVICES_VERDICT_VERDICT_H
#define SERVICES_VERDICT_VERDICT_H

#include "services/directory/directory.h"
#include "services/mailauth/mailauth.h"

enum verdict_place {
	VERDICT_INBOX,
	VERDICT_SPAM,	    /* the Spam folder */
	VERDICT_QUARANTINE, /* a hidden folder, kept 30 days */
	VERDICT_DISCARD,
	VERDICT_REJECT, /* refused at SMTP time, when all recipients say so */
};
/* A level: below tag Inbox, below discard Spam, above: quarantine, discard or refusal as the
 * domain's setting says. */
struct verdict_level {
	str name;
	double tag, discard;
};
/* 0 (filter off) and 1, the least tolerant, to VERDICT_LEVELS - 1, the most tolerant. */
#define VERDICT_LEVELS 6
extern const struct verdict_level verdict_levels[VERDICT_LEVELS];

/* What a filter said; of a foreign one, too. */
struct verdict_message {
	bool scanned; /* false: no filter answered */
	double score, required;
	bool virus;
	bool dangerous; /* attachment policy */
	str reason;	/* name of the virus or file */
};
struct verdict_choice {
	enum verdict_place place;
	double tag, discard;
	enum {
		WHY_SCORE,
		WHY_ALLOWED,
		WHY_CONTACT,
		WHY_BLOCKED,
		WHY_VIRUS,
		WHY_UNSCANNED,
		WHY_OFF
	} why;
};

#endif
