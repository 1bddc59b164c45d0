/* services/learning/models.h: the users' models in a database of their own, outside the directory
 * and its change feed, so that they are the same whichever back-end stores the mail. Calls block on
 * disk: from a fiber through work(POOL_DISK). Any thread; one at a time inside. */
#ifndef SERVICES_LEARNING_MODELS_H
#define SERVICES_LEARNING_MODELS_H

#include "services/learning/learning.h"

struct learning_models;
/* path: made when absent. cached: models that are kept in memory, 32 KiB each. */
MUST_USE err learning_models_open(const char *path, size_t cached, struct learning_models **out);
void learning_models_close(struct learning_models *s); /* NULL allowed */

/* user: a login, any case. *model: a copy in the arena, "" when the user never taught. */
MUST_USE err learning_models_get(struct learning_models *s, str user, struct arena *a, str *model);
/* One lesson, durable on return. */
MUST_USE err learning_models_teach(struct learning_models *s, const struct learning_start *start,
				   str user, const struct learning_features *f, bool spam,
				   int64_t now);
/* Forgets what the user taught. E_NOTFOUND: nothing. */
MUST_USE err learning_models_reset(struct learning_models *s, str user);

/* For each user who taught: lessons and when the last one was. */
struct learning_lessons {
	str user;
	unsigned spam, ham;
	int64_t at;
};
MUST_USE err learning_models_each(struct learning_models *s,
				  void (*fn)(void *arg, const struct learning_lessons *l),
				  void *arg);
void learning_lessons_of(str model, struct learning_lessons *out); /* user is left alone */

#endif
