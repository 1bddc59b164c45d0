/* services/learning/learning.h: what one user calls spam. A compact linear model per user over a
 * shipped, conservative start: hashed features of a message, a weight each, decaying. Never over
 * all users together. */
#ifndef SERVICES_LEARNING_LEARNING_H
#define SERVICES_LEARNING_LEARNING_H

#include "base/arena.h"
#include "base/buf.h"
#include "formats/scan/scan.h"

#define LEARNING_MODEL_MAX 32768 /* octets of one user's model, at most */

/* The features of a message: sorted hashes with their values; text kept for explanations. */
struct learning_features {
	struct learning_feature {
		uint32_t hash;
		float value;
		str text;
	} * v;
	size_t n;
};
/* Pure. rules: names of the rules that hit (features, too). Lives in the mail's arena. */
void learning_features(struct scan_mail *m, const str *rules, size_t nrules,
		       struct learning_features *out);

/* A user's model as it is stored; view "" = never trained. */
struct learning_verdict {
	double probability; /* of spam, calibrated */
	double score;	    /* points to add, within the limits of the settings */
	const struct learning_feature *top[8]; /* those that weighed most */
	double weight[8];
	unsigned ntop;
};
void learning_judge(str model, const struct learning_features *f, struct learning_verdict *out);
/* The model after one more lesson: at most LEARNING_MODEL_MAX octets, in the arena. */
MUST_USE err learning_teach(str model, const struct learning_features *f, bool spam, int64_t now,
			    struct arena *a, str *out);

#endif
