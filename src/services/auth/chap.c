#include "services/auth/chap.h"

#include <pthread.h>
#include <string.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

struct entry {
	uint64_t user;
	msec until;
	size_t n;
	char secret[];
};
struct chap {
	pthread_mutex_t lock;
	struct map users;
	msec keep;
	uint64_t era;
};

struct chap *chap_new(msec keep)
{
	struct chap *c = MEM_NEW(struct chap);

	(void)pthread_mutex_init(&c->lock, NULL);
	map_init(&c->users);
	c->keep = keep;
	return c;
}

static void drop(struct entry *e)
{
	if (!e)
		return;
	mem_wipe(e->secret, e->n);
	mem_free(e);
}

static void drop_all(struct chap *c)
{
	size_t at = 0;
	str key;
	void *e;

	while (map_each(&c->users, &at, &key, &e))
		drop(e);
	map_free(&c->users);
	map_init(&c->users);
}

void chap_free(struct chap *c)
{
	if (!c)
		return;
	drop_all(c);
	map_free(&c->users);
	(void)pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

bool chap_knows(struct chap *c, uint64_t user, msec now, struct buf *out)
{
	(void)pthread_mutex_lock(&c->lock);
	const struct entry *e = map_get(&c->users, str_of(&user, sizeof(user)));
	bool known = e && e->until > now;

	if (known)
		buf_add(out, str_of(e->secret, e->n));
	(void)pthread_mutex_unlock(&c->lock);
	return known;
}

uint64_t chap_era(struct chap *c)
{
	(void)pthread_mutex_lock(&c->lock);
	uint64_t era = c->era;

	(void)pthread_mutex_unlock(&c->lock);
	return era;
}

void chap_add(struct chap *c, uint64_t user, str secret, msec now, uint64_t era)
{
	struct entry *e = mem_get(sizeof(*e) + secret.n);

	*e = (struct entry){ .user = user, .until = now + c->keep, .n = secret.n };
	if (secret.n)
		memcpy(e->secret, secret.p, secret.n);
	(void)pthread_mutex_lock(&c->lock);
	if (era == c->era) {
		if (c->users.n >= LIM_CHAP_SECRETS)
			drop_all(c);
		e = map_put(&c->users, str_of(&user, sizeof(user)), e);
	}
	(void)pthread_mutex_unlock(&c->lock);
	drop(e);
}

void chap_forget(struct chap *c, uint64_t user)
{
	(void)pthread_mutex_lock(&c->lock);
	c->era++;
	if (user)
		drop(map_remove(&c->users, str_of(&user, sizeof(user))));
	else
		drop_all(c);
	(void)pthread_mutex_unlock(&c->lock);
}
