#include "services/auth/brake.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

#define WAYS 4
#define ONE  1000 /* a failure, so that leaking needs no fractions */

struct slot {
	uint64_t key; /* hash; 0: free */
	int64_t level, at;
};
struct brake {
	pthread_mutex_t lock;
	int64_t limit; /* in ONEs */
	msec window;
	struct slot slots[LIM_BRAKE];
};

struct brake *brake_new(int64_t limit, msec window)
{
	struct brake *b = MEM_NEW(struct brake);

	(void)pthread_mutex_init(&b->lock, NULL);
	b->limit = limit * ONE;
	b->window = window;
	return b;
}

void brake_free(struct brake *b)
{
	if (!b)
		return;
	(void)pthread_mutex_destroy(&b->lock);
	mem_free(b);
}

static int64_t level_now(const struct brake *b, const struct slot *s, msec now)
{
	int64_t gone = now - s->at;

	if (gone >= b->window)
		return 0; /* never above the limit by more than one: see brake_failed */
	int64_t left = s->level - b->limit * (gone < 0 ? 0 : gone) / b->window;

	return left > 0 ? left : 0;
}

/* The slot of key; when there is none and make, the least guilty one of its set. */
static struct slot *find(struct brake *b, str key, msec now, bool make)
{
	uint64_t h = hash_keyed(key) | 1;
	struct slot *set = &b->slots[(h >> 1) % (LIM_BRAKE / WAYS) * WAYS], *least = set;

	for (struct slot *s = set; s < set + WAYS; s++) {
		if (s->key == h)
			return s;
		if (level_now(b, s, now) < level_now(b, least, now))
			least = s;
	}
	if (!make)
		return NULL;
	*least = (struct slot){ .key = h, .at = now };
	return least;
}

bool brake_holds(struct brake *b, str key, msec now)
{
	(void)pthread_mutex_lock(&b->lock);
	struct slot *s = find(b, key, now, false);
	bool holds = s && level_now(b, s, now) > b->limit - ONE;

	(void)pthread_mutex_unlock(&b->lock);
	return holds;
}

void brake_failed(struct brake *b, str key, msec now)
{
	(void)pthread_mutex_lock(&b->lock);
	struct slot *s = find(b, key, now, true);
	int64_t level = level_now(b, s, now) + ONE;

	s->level = level > b->limit ? b->limit : level;
	s->at = now;
	(void)pthread_mutex_unlock(&b->lock);
}
