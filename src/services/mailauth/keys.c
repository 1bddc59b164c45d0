#include "services/mailauth/keys.h"

#include <pthread.h>

#include "base/limits.h"
#include "base/map.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/directory/dirmail.h"
#include "services/directory/secrets.h"

enum { FRESH = 60 * 1000 }; /* ms for which what was read is not read again */

METRIC(metric_away, "posta_dkim_keys_away_total", "", METRIC_COUNTER,
       "Look-ups of signing keys while the databases were away.");

struct entry {
	msec read;
	struct sign_set set;
};
struct sign_keys {
	const char *directory_path, *secrets_path, *secret_key;
	struct map domains;   /* struct entry */
	pthread_mutex_t lock; /* of the two below; helper threads alone take it */
	struct directory *d;
	struct secrets *s;
};

struct sign_keys *sign_keys_new(const char *directory, const char *secrets, const char *key)
{
	struct sign_keys *k = MEM_NEW(struct sign_keys);

	k->directory_path = directory;
	k->secrets_path = secrets;
	k->secret_key = key;
	map_init(&k->domains);
	(void)pthread_mutex_init(&k->lock, NULL);
	return k;
}

void sign_set_drop(struct sign_set *s)
{
	while (s->n)
		sign_key_drop(s->v[--s->n]);
}

static void forget_all(struct sign_keys *k)
{
	str name;
	void *value;

	for (size_t at = 0; map_each(&k->domains, &at, &name, &value);) {
		struct entry *e = value;

		sign_set_drop(&e->set);
		mem_free(e);
	}
	map_free(&k->domains);
	map_init(&k->domains);
}

static void close_both(struct sign_keys *k)
{
	directory_close(k->d);
	secrets_close(k->s);
	k->d = NULL;
	k->s = NULL;
}

void sign_keys_free(struct sign_keys *k)
{
	if (!k)
		return;
	forget_all(k);
	map_free(&k->domains);
	close_both(k);
	(void)pthread_mutex_destroy(&k->lock);
	mem_free(k);
}

/* ---- on a helper thread ---- */
struct job {
	struct sign_keys *k;
	str domain;
	struct sign_set set;
};

/* A key without its private half signs nothing; the others do. */
static err load_one(void *arg, const struct dir_dkim *key)
{
	struct job *j = arg;
	struct buf name, pem;
	struct sign_key *loaded = NULL;

	if (j->set.n == SIGN_KEYS)
		return OK;
	buf_init(&name, KIB(1));
	buf_init(&pem, LIM_SEALED_KEY);
	buf_fmt(&name, "dkim:%.*s._domainkey.%.*s", STRF(key->selector), STRF(j->domain));
	err e = secrets_key_get(j->k->s, buf_str(&name), &pem);

	if (!e)
		e = sign_key_load(j->domain, key->selector, buf_str(&pem), &loaded);
	if (!e)
		j->set.v[j->set.n++] = loaded;
	else if (e != E_IO && e != E_AGAIN)
		LOG(LOG_ERROR, "dkim.key", KS("selector", key->selector), KS("domain", j->domain),
		    KE(e));
	buf_free(&name);
	buf_wipe(&pem);
	return e == E_IO || e == E_AGAIN ? e : OK;
}

static err load_locked(struct job *j)
{
	struct sign_keys *k = j->k;

	if (!k->d)
		TRY(directory_open(k->directory_path, false, &k->d));
	if (!k->s)
		TRY(secrets_open(k->secrets_path, k->secret_key, false, &k->s));
	return dirmail_dkim_signing(k->d, j->domain, load_one, j);
}

static err load(void *arg)
{
	struct job *j = arg;

	(void)pthread_mutex_lock(&j->k->lock);
	err e = load_locked(j);

	if (e) { /* a fresh connection may see a restored file */
		close_both(j->k);
		sign_set_drop(&j->set);
	}
	(void)pthread_mutex_unlock(&j->k->lock);
	return e;
}

/* ---- on the loop ---- */
static void copy_set(const struct sign_set *from, struct sign_set *to)
{
	for (to->n = 0; to->n < from->n; to->n++)
		to->v[to->n] = sign_key_hold(from->v[to->n]);
}

static void remember(struct sign_keys *k, str domain, struct sign_set *set)
{
	if (k->domains.n >= LIM_DKIM_DOMAINS)
		forget_all(k);
	struct entry *e = MEM_NEW(struct entry), *old;

	e->read = clock_now();
	e->set = *set;
	old = map_put(&k->domains, domain, e);
	if (old) {
		sign_set_drop(&old->set);
		mem_free(old);
	}
}

WAITS err sign_keys_of(struct sign_keys *k, str domain, struct sign_set *out)
{
	const struct entry *known = map_get(&k->domains, domain);
	struct job j = { .k = k, .domain = domain };

	out->n = 0;
	if (!known || clock_now() - known->read > FRESH) {
		err e = work(POOL_DISK, load, &j);

		if (e == E_CANCELED) {
			sign_set_drop(&j.set);
			return e;
		}
		if (e == OK)
			remember(k, domain, &j.set);
		known = map_get(&k->domains, domain);
		if (e != OK) {
			metric_add(&metric_away, 1);
			LOG(LOG_WARN, "dkim.keys_away", KS("domain", domain), KE(e));
		}
		if (!known)
			return fail(E_AGAIN, "the signing keys are away");
	}
	copy_set(&known->set, out);
	return OK;
}
