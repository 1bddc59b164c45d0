#include "services/rates/rates.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

enum { WAYS = 8 }; /* slots that a key may be in */

struct slot {
	uint64_t hash;	     /* 0: free */
	int64_t turn;	     /* number of the window that now counts */
	int64_t now, before; /* events in it and in the one before */
};
struct rates {
	pthread_mutex_t lock;
	msec window;
	size_t sets; /* a power of two, WAYS slots each */
	struct slot slots[];
};

struct rates *rates_new(size_t keys, msec window)
{
	size_t sets = 1;

	while (sets * WAYS < keys)
		sets *= 2;
	struct rates *r =
		mem_get(size_add(sizeof(*r), size_mul(size_mul(sets, WAYS), sizeof(struct slot))));

	(void)pthread_mutex_init(&r->lock, NULL);
	r->window = window;
	r->sets = sets;
	return r;
}

void rates_free(struct rates *r)
{
	if (!r)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	mem_free(r);
}

static void turn_to(struct slot *s, int64_t turn)
{
	if (turn == s->turn)
		return;
	s->before = turn == s->turn + 1 ? s->now : 0;
	s->now = 0;
	s->turn = turn;
}

/* The key's slot, or the one of its set that matters least, emptied. */
static struct slot *find(struct rates *r, uint64_t hash, int64_t turn)
{
	struct slot *set = r->slots + (hash & (r->sets - 1)) * WAYS, *least = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].hash)
			turn_to(&set[i], turn);
		if (set[i].now + set[i].before < least->now + least->before)
			least = &set[i];
	}
	*least = (struct slot){ .hash = hash, .turn = turn };
	return least;
}

static int64_t count(struct rates *r, uint64_t hash, int64_t n)
{
	msec at = clock_now();
	int64_t turn = at / r->window;
	struct slot *s = find(r, hash, turn);

	turn_to(s, turn);
	s->now = s->now > INT64_MAX / 4 ? s->now : s->now + n;
	/* So much of the window before still lies within the last one; in 1/1024ths. */
	int64_t part = 1024 - (at % r->window) * 1024 / r->window;

	return s->now + (s->before > INT64_MAX / 2048 ? s->before : s->before * part / 1024);
}

int64_t rates_add(struct rates *r, str key, int64_t n)
{
	uint64_t hash = hash_keyed(key);

	(void)pthread_mutex_lock(&r->lock);
	int64_t c = count(r, hash ? hash : 1, n);
	(void)pthread_mutex_unlock(&r->lock);
	return c;
}

struct tally {
	pthread_mutex_t lock;
	struct map map; /* to a counter on the heap */
};

struct tally *tally_new(void)
{
	struct tally *t = MEM_NEW(struct tally);

	(void)pthread_mutex_init(&t->lock, NULL);
	map_init(&t->map);
	return t;
}

void tally_free(struct tally *t)
{
	size_t at = 0;
	str key;
	void *n;

	if (!t)
		return;
	while (map_each(&t->map, &at, &key, &n))
		mem_free(n);
	map_free(&t->map);
	(void)pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

int64_t tally_enter(struct tally *t, str key)
{
	(void)pthread_mutex_lock(&t->lock);
	int64_t *n = map_get(&t->map, key);

	if (!n) {
		n = MEM_NEW(int64_t);
		(void)map_put(&t->map, key, n);
	}
	int64_t now = ++*n;
	(void)pthread_mutex_unlock(&t->lock);
	return now;
}

void tally_leave(struct tally *t, str key)
{
	(void)pthread_mutex_lock(&t->lock);
	int64_t *n = map_get(&t->map, key);

	if (n && --*n <= 0)
		mem_free(map_remove(&t->map, key));
	(void)pthread_mutex_unlock(&t->lock);
}
