/* services/filter/step.h: what the steps of one scan share. */
#ifndef SERVICES_FILTER_STEP_H
#define SERVICES_FILTER_STEP_H

#include "clients/clamd/clamd.h"
#include "services/filter/filter.h"

/* What one set of settings opened; counted, since scans go on over a reload. */
struct tools {
	const struct filter_settings *set;
	struct clamds *clamds;
	unsigned holds;
};
struct filter {
	struct tools *tools;
	unsigned scans; /* under way */
	struct waitq room;
};

struct scan {
	struct filter *f;
	struct tools *tools;
	const struct filter_settings *set;
	const struct filter_request *q;
	str message;
	msec deadline;
	struct arena *a; /* of the answer */
	struct filter_answer *out;
	struct filter_step *times;
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

extern const struct step step_virus;

#endif
