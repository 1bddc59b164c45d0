/* services/learning/learning.h: what one user calls spam. A linear model per user over a shipped,
 * conservative start: hashed features of a message, a weight each, decaying. Never over all users
 * together: the start is fitted once, on public mail, by tools/learning-start, and nobody's lessons
 * change it. Which features, which model and which steps were chosen by measurement: decision 0280.
 */
#ifndef SERVICES_LEARNING_LEARNING_H
#define SERVICES_LEARNING_LEARNING_H

#include "base/arena.h"
#include "base/buf.h"
#include "formats/scan/scan.h"

#define LEARNING_MODEL_MAX 32768 /* octets of one user's model, at most */
#define LEARNING_TOP	   8	 /* features that an explanation names */

/* What a message shows, each feature once. Values of a group (words of the body, of the subject,
 * hosts, ...) are scaled so that a long message weighs no more than a short one. */
struct learning_feature {
	uint32_t hash;
	float value;
	const char *group; /* "body", "subject", ... */
	str word;	   /* for explanations */
};
struct learning_features {
	struct learning_feature *v;
	size_t n;
};
/* Pure CPU work; lives in the mail's arena. At most LIM_LEARNING_FEATURES; fewer when the arena is
 * full. */
void learning_features(struct scan_mail *m, struct learning_features *out);

/* The weights that everybody starts with. */
struct learning_start {
	const signed char *weights; /* n of them, a power of two */
	size_t n;
	float scale, bias;
};
void learning_shipped(struct learning_start *out);
/* bytes stay where they are. E_CORRUPT: no such model. */
MUST_USE err learning_start_read(str bytes, struct learning_start *out);

struct learning_judgement {
	double logit;	    /* of spam: start and user together */
	double probability; /* of spam */
	double points;	    /* to add to the score: small while the user has taught little */
	unsigned spam, ham; /* lessons so far */
	unsigned ntop;	    /* features that weighed most, the heaviest first */
	struct learning_reason {
		const struct learning_feature *feature;
		double logit;
	} top[LEARNING_TOP];
};
/* model: as stored, "" = never taught; one that is damaged counts as never taught. */
void learning_judge(const struct learning_start *start, str model,
		    const struct learning_features *f, struct learning_judgement *out);
/* The model after one more lesson: at most LEARNING_MODEL_MAX octets, in the arena. now: seconds
 * since 1970; what was learned before loses half of its weight in LEARNING_HALF_LIFE. E_LIMIT: the
 * arena is full. */
#define LEARNING_HALF_LIFE (180 * 86400)
MUST_USE err learning_teach(const struct learning_start *start, str model,
			    const struct learning_features *f, bool spam, int64_t now,
			    struct arena *a, str *out);

#endif
