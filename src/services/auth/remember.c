#include "services/auth/remember.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

#define WAYS   4
#define DIGEST 16
#define DAY    ((msec)86400000)

struct slot {
	uint64_t user; /* 0: free */
	msec until;
	uint8_t digest[DIGEST];
};
struct place {
	uint64_t key;
	msec until;
};
struct remember {
	pthread_mutex_t lock;
	msec keep;
	uint64_t era;
	uint8_t key[32];
	struct slot slots[LIM_REMEMBERED];
	struct place places[LIM_REMEMBERED];
};

err remember_new(msec keep, struct remember **out)
{
	struct remember *r = MEM_NEW(struct remember);

	if (RAND_bytes(r->key, sizeof(r->key)) != 1) {
		mem_free(r);
		return fail(E_IO, "no randomness from libcrypto");
	}
	(void)pthread_mutex_init(&r->lock, NULL);
	r->keep = keep;
	*out = r;
	return OK;
}

void remember_free(struct remember *r)
{
	if (!r)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	mem_wipe(r, sizeof(*r));
	mem_free(r);
}

/* HMAC-SHA256 of user, scope and password, cut to 16 octets. False: no memory. */
static bool digest_of(const struct remember *r, uint64_t user, str scope, str password,
		      uint8_t out[DIGEST])
{
	unsigned char text[8 + 1 + 32 + LIM_PASSWORD], md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (scope.n > 32 || password.n > LIM_PASSWORD)
		return false;
	memcpy(text, &user, 8);
	text[8] = (unsigned char)scope.n;
	memcpy(text + 9, scope.p, scope.n);
	memcpy(text + 9 + scope.n, password.p, password.n);
	bool ok = HMAC(EVP_sha256(), r->key, sizeof(r->key), text, 9 + scope.n + password.n, md,
		       &n) != NULL;

	memcpy(out, md, DIGEST);
	mem_wipe(text, sizeof(text));
	return ok;
}

/* All of one user stand in one set, so that forgetting looks at WAYS slots. */
static struct slot *set_of(struct remember *r, uint64_t user)
{
	return &r->slots[hash_keyed(str_of(&user, sizeof(user))) % (LIM_REMEMBERED / WAYS) * WAYS];
}

bool remember_knows(struct remember *r, uint64_t user, str scope, str password, msec now)
{
	uint8_t digest[DIGEST];
	bool known = false;

	if (!digest_of(r, user, scope, password, digest))
		return false;
	struct slot *set = set_of(r, user);

	(void)pthread_mutex_lock(&r->lock);
	for (int i = 0; i < WAYS; i++)
		known |= set[i].user == user && set[i].until > now &&
			 !CRYPTO_memcmp(set[i].digest, digest, DIGEST);
	(void)pthread_mutex_unlock(&r->lock);
	return known;
}

uint64_t remember_era(struct remember *r)
{
	(void)pthread_mutex_lock(&r->lock);
	uint64_t era = r->era;

	(void)pthread_mutex_unlock(&r->lock);
	return era;
}

void remember_add(struct remember *r, uint64_t user, str scope, str password, msec now,
		  uint64_t era)
{
	struct slot new = { .user = user, .until = now + r->keep };

	if (!digest_of(r, user, scope, password, new.digest))
		return;
	struct slot *set = set_of(r, user), *oldest = set;

	(void)pthread_mutex_lock(&r->lock);
	for (int i = 1; i < WAYS; i++)
		if (set[i].until < oldest->until)
			oldest = &set[i];
	if (era == r->era)
		*oldest = new;
	(void)pthread_mutex_unlock(&r->lock);
}

void remember_forget(struct remember *r, uint64_t user)
{
	(void)pthread_mutex_lock(&r->lock);
	r->era++;
	if (!user) {
		mem_wipe(r->slots, sizeof(r->slots));
	} else {
		struct slot *set = set_of(r, user);

		for (int i = 0; i < WAYS; i++)
			if (set[i].user == user)
				mem_wipe(&set[i], sizeof(set[i]));
	}
	(void)pthread_mutex_unlock(&r->lock);
}

/* ---- places ---- */

static struct place *place_of(struct remember *r, uint64_t user, str prefix, uint64_t *key)
{
	char text[8 + 17];

	memcpy(text, &user, 8);
	prefix = str_take(prefix, 17);
	memcpy(text + 8, prefix.p, prefix.n);
	*key = hash_keyed(str_of(text, 8 + prefix.n));
	return &r->places[*key % LIM_REMEMBERED];
}

void remember_place(struct remember *r, uint64_t user, str prefix, msec now)
{
	uint64_t key;
	struct place *p = place_of(r, user, prefix, &key);

	(void)pthread_mutex_lock(&r->lock);
	*p = (struct place){ key, now + DAY };
	(void)pthread_mutex_unlock(&r->lock);
}

bool remember_knows_place(struct remember *r, uint64_t user, str prefix, msec now)
{
	uint64_t key;
	struct place *p = place_of(r, user, prefix, &key);

	(void)pthread_mutex_lock(&r->lock);
	bool known = p->key == key && p->until > now;

	(void)pthread_mutex_unlock(&r->lock);
	return known;
}
