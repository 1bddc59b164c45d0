#include "services/auth/auth.h"

#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "run/metrics.h"
#include "run/work.h"
#include "services/auth/auth_state.h"

METRIC(metric_ok, "posta_auth_total", "result=\"ok\"", METRIC_COUNTER, "Logins tried.");
METRIC(metric_denied, "posta_auth_total", "result=\"denied\"", METRIC_COUNTER, "Logins tried.");
METRIC(metric_braked, "posta_auth_total", "result=\"braked\"", METRIC_COUNTER, "Logins tried.");
METRIC(metric_away, "posta_auth_total", "result=\"away\"", METRIC_COUNTER, "Logins tried.");
METRIC(metric_remembered, "posta_auth_remembered_total", "", METRIC_COUNTER,
       "Logins answered without crypt(3).");

#define MINUTE ((msec)60000)

static char *copy_z(str s)
{
	char *z = mem_get(s.n + 1);

	if (s.n)
		memcpy(z, s.p, s.n);
	return z;
}

static err make_dummy(void *arg)
{
	struct auth *a = arg;

	return password_hash(STR("nobody's password"), a->dummy);
}

static void on_change(void *arg, uint64_t user)
{
	struct auth *a = arg;

	remember_forget(a->remember, user);
	chap_forget(a->chap, user);
}

err auth_open(const struct auth_options *o, struct auth **out)
{
	struct auth *a = MEM_NEW(struct auth);
	msec window = o->window ? o->window : 10 * MINUTE;

	a->table = o->table;
	a->path = copy_z(str_z(o->secrets));
	a->default_domain = copy_z(o->default_domain);
	a->key = o->key ? copy_z(str_z(o->key)) : NULL;
	a->chap = chap_new(o->remember ? o->remember : 10 * MINUTE);
	(void)pthread_mutex_init(&a->db, NULL);
	a->addresses = brake_new(o->failures_address ? o->failures_address : 20, window);
	a->accounts = brake_new(o->failures_account ? o->failures_account : 10, window);
	dirtable_on_change(a->table, on_change, a);
	err e = remember_new(o->remember ? o->remember : 10 * MINUTE, &a->remember);

	if (!e)
		e = work(POOL_CRYPT, make_dummy, a);
	if (e)
		auth_close(a);
	else
		*out = a;
	return e;
}

void auth_close(struct auth *a)
{
	if (!a)
		return;
	dirtable_no_change(a->table, a);
	secrets_close(a->secrets);
	(void)pthread_mutex_destroy(&a->db);
	brake_free(a->addresses);
	brake_free(a->accounts);
	remember_free(a->remember);
	chap_free(a->chap);
	mem_free(a->key);
	mem_free(a->path);
	mem_free(a->default_domain);
	mem_free(a);
}

/* ---- secrets, on helper threads ---- */

struct secrets_job {
	struct auth *a;
	err (*fn)(struct secrets *s, void *arg);
	void *arg;
};

static err secrets_job(void *arg)
{
	struct secrets_job *j = arg;
	struct auth *a = j->a;

	(void)pthread_mutex_lock(&a->db);
	err e = a->secrets ? OK : secrets_open(a->path, a->key, false, &a->secrets);

	if (!e)
		e = j->fn(a->secrets, j->arg);
	if (e == E_IO || e == E_CORRUPT) { /* a fresh connection may see a restored file */
		secrets_close(a->secrets);
		a->secrets = NULL;
	}
	(void)pthread_mutex_unlock(&a->db);
	return e;
}

WAITS err with_secrets(struct auth *a, err (*fn)(struct secrets *s, void *arg), void *arg)
{
	struct secrets_job j = { a, fn, arg };
	err e = work(POOL_DISK, secrets_job, &j);

	if (e == OK || e == E_CANCELED)
		return e;
	metric_add(&metric_away, 1);
	LOG(LOG_WARN, "auth.secrets", KE(e));
	return fail(E_AGAIN, "the password database is away");
}

/* ---- the brake around every try ---- */

static void set_account(struct attempt *t)
{
	if (t->known) { /* every way to write the name counts as the same account */
		memcpy(t->account, &t->user.id, sizeof(t->user.id));
		t->naccount = sizeof(t->user.id);
		return;
	}
	str l = str_take(t->login, LIM_USER);

	t->account[0] = '?';
	for (size_t i = 0; i < l.n; i++)
		t->account[i + 1] = ch_lower(l.p[i]);
	t->naccount = l.n + 1;
}

static err begin(struct attempt *t, struct auth *a, str service, str login, struct arena *ar)
{
	err e = dirtable_login(a->table, login, str_z(a->default_domain), ar, &t->user);

	if (e && e != E_NOTFOUND)
		return e;
	t->known = !e;
	set_account(t);
	return attempt_held(t) ? attempt_braked(t) : OK;
}

err attempt_begin(struct attempt *t, struct auth *a, const struct net_addr *peer, str service,
		  str login, struct arena *ar)
{
	*t = (struct attempt){ .a = a, .service = service, .login = login };
	t->by_address = peer && !net_is_unix(peer);
	if (t->by_address)
		t->prefix = net_prefix(peer, 24, 64, t->prefix_space);
	return begin(t, a, service, login, ar);
}

/* A place may be of any length: its keyed hash stands for it. */
err attempt_begin_at(struct attempt *t, struct auth *a, str place, str service, str login,
		     struct arena *ar)
{
	uint64_t hash = hash_keyed(place);

	*t = (struct attempt){ .a = a, .service = service, .login = login };
	t->by_address = place.n > 0;
	memcpy(t->prefix_space, &hash, sizeof(hash));
	t->prefix = str_of(t->prefix_space, sizeof(hash));
	return begin(t, a, service, login, ar);
}

bool attempt_held(const struct attempt *t)
{
	const struct auth *a = t->a;
	msec now = clock_now();

	if (t->by_address && brake_holds(a->addresses, t->prefix, now))
		return true;
	return brake_holds(a->accounts, str_of(t->account, t->naccount), now) &&
	       !(t->known && t->by_address &&
		 remember_knows_place(a->remember, t->user.id, t->prefix, now));
}

err attempt_braked(const struct attempt *t)
{
	metric_add(&metric_braked, 1);
	LOG(LOG_INFO, "auth.braked", KS("login", t->login), KS("service", t->service));
	return fail(E_AGAIN, "too many failed logins; wait some minutes");
}

err attempt_failed(struct attempt *t, const char *why)
{
	msec now = clock_now();

	if (t->by_address)
		brake_failed(t->a->addresses, t->prefix, now);
	brake_failed(t->a->accounts, str_of(t->account, t->naccount), now);
	metric_add(&metric_denied, 1);
	LOG(LOG_INFO, "auth.denied", KS("login", t->login), KS("service", t->service),
	    KS("why", str_z(why)));
	return fail(E_DENIED, "the name or the password is wrong");
}

err attempt_succeeded(struct attempt *t)
{
	if (t->user.flags & (USER_DISABLED | USER_NO_LOGIN))
		return attempt_failed(t, "disabled");
	if (t->by_address)
		remember_place(t->a->remember, t->user.id, t->prefix, clock_now());
	metric_add(&metric_ok, 1);
	LOG(LOG_INFO, "auth.ok", KS("login", t->user.login), KS("service", t->service));
	return OK;
}

/* ---- passwords in clear ---- */

struct check {
	const struct attempt *attempt;
	uint64_t user;
	str service, password;
	const char *dummy;
	struct secret secret;
	struct {
		char service[33], hash[PASSWORD_HASH];
	} apps[LIM_APP_PASSWORDS];
	size_t napps;
	bool app;   /* an app password fitted */
	str scope;  /* "" or the service that it is for */
	bool learn; /* the fields below hold something better than what is stored */
	char hash[PASSWORD_HASH];
	struct scram_verifier scram;
};

static err take_app(void *arg, str label, str service, str hash, int64_t created)
{
	struct check *c = arg;

	(void)label;
	(void)created;
	if (c->napps == LIM_APP_PASSWORDS || (service.n && !str_eqi(service, c->service)))
		return OK;
	if (str_to_z(service, c->apps[c->napps].service, sizeof(c->apps[0].service)) ||
	    str_to_z(hash, c->apps[c->napps].hash, PASSWORD_HASH))
		return OK; /* longer than any that we write */
	c->napps++;
	return OK;
}

static err read_secret(struct secrets *s, void *arg)
{
	struct check *c = arg;

	TRY(secrets_get(s, c->user, &c->secret));
	return secrets_app_each(s, c->user, take_app, c);
}

static err learn_secret(struct secrets *s, void *arg)
{
	struct check *c = arg;
	err e = secrets_learn(s, c->user, str_z(c->secret.crypt), str_z(c->hash), &c->scram);

	return e == E_AGAIN ? OK : e; /* changed meanwhile, or busy: the next login teaches it */
}

static bool fits_app(struct check *c)
{
	for (size_t i = 0; i < c->napps; i++) {
		if (!password_verify(c->password, str_z(c->apps[i].hash)))
			continue;
		c->app = true;
		c->scope = str_z(c->apps[i].service);
		return true;
	}
	return false;
}

/* Costs one crypt(3) whether there is such a user or not; 15 to 30 ms more once, when it learns. */
static err check_password(void *arg)
{
	struct check *c = arg;
	bool any = c->secret.crypt[0] != '\0';

	if (attempt_held(c->attempt)) /* the ones before it in the pool's queue failed */
		return E_AGAIN;
	if (fits_app(c))
		return OK;
	if (!password_verify(c->password, str_z(any ? c->secret.crypt : c->dummy)) || !any ||
	    !c->user)
		return E_DENIED;
	bool old = password_form_old(str_z(c->secret.crypt));

	if (!old && c->secret.has_scram)
		return OK;
	memcpy(c->hash, c->secret.crypt, sizeof(c->hash));
	if ((old && password_hash(c->password, c->hash)) || password_scram(c->password, &c->scram))
		return OK; /* nothing learnt */
	c->learn = true;
	return OK;
}

WAITS static err check_with_crypt(struct attempt *t, str password)
{
	struct auth *a = t->a;
	struct check *c = MEM_NEW(struct check);
	uint64_t era = remember_era(a->remember);

	c->attempt = t;
	c->user = t->known ? t->user.id : 0;
	c->service = t->service;
	c->password = password;
	c->dummy = a->dummy;
	c->scope = STR("");
	err e = with_secrets(a, read_secret, c);

	if (!e)
		e = work(POOL_CRYPT, check_password, c);
	if (!e && c->learn && with_secrets(a, learn_secret, c))
		LOG(LOG_WARN, "auth.not_learnt", KI("user", c->user));
	if (!e)
		remember_add(a->remember, c->user, c->scope, password, clock_now(), era);
	mem_wipe(c, sizeof(*c));
	mem_free(c);
	return e;
}

WAITS static err check_any(struct attempt *t, str password)
{
	msec now = clock_now();

	if (t->known && (remember_knows(t->a->remember, t->user.id, STR(""), password, now) ||
			 remember_knows(t->a->remember, t->user.id, t->service, password, now))) {
		metric_add(&metric_remembered, 1);
		return OK;
	}
	return check_with_crypt(t, password);
}

err attempt_plain(struct attempt *t, str password, struct dir_user *user)
{
	if (password.n > LIM_PASSWORD || !password.n)
		return attempt_failed(t, "length");
	err e = check_any(t, password);

	if ((e == OK || e == E_DENIED || e == E_AGAIN) && attempt_held(t))
		return attempt_braked(t);
	if (e == E_DENIED)
		return attempt_failed(t, t->known ? "password" : "unknown");
	TRY(e);
	TRY(attempt_succeeded(t));
	*user = t->user;
	return OK;
}

err auth_plain(struct auth *a, const struct net_addr *peer, str service, str login, str password,
	       struct arena *ar, struct dir_user *user)
{
	struct attempt t;

	TRY(attempt_begin(&t, a, peer, service, login, ar));
	return attempt_plain(&t, password, user);
}
