/* Logins that come through an access server: PAP, and answers to challenges. */
#include "services/auth/auth_state.h"

#include "base/mem.h"

/* The brake and an absent database are told apart: one is the customer's, the other ours. */
static err told_apart(const struct attempt *t, err e)
{
	return e == E_AGAIN && attempt_held(t) ? E_LIMIT : e;
}

err auth_plain_at(struct auth *a, str place, str service, str login, str password, struct arena *ar,
		  struct dir_user *user)
{
	struct attempt t;
	err e = attempt_begin_at(&t, a, place, service, login, ar);

	if (!e)
		e = attempt_plain(&t, password, user);
	return told_apart(&t, e);
}

struct secret_job {
	uint64_t user;
	struct buf *out;
};

static err read_secret(struct secrets *s, void *arg)
{
	struct secret_job *j = arg;
	err e = secrets_chap(s, j->user, j->out);

	return e == E_NOTFOUND ? OK : e; /* nothing in out says it */
}

WAITS static err find_secret(struct auth *a, uint64_t user, struct buf *out)
{
	struct secret_job j = { user, out };

	if (chap_knows(a->chap, user, clock_now(), out))
		return OK;
	TRY(with_secrets(a, read_secret, &j));
	return out->n ? buf_done(out) : fail(E_NOTFOUND, "no reversible secret");
}

WAITS static err check_secret(struct attempt *t, bool (*fits)(void *arg, str password), void *arg)
{
	struct auth *a = t->a;
	CLEANUP(buf_wipe) struct buf secret = { 0 };
	uint64_t era = chap_era(a->chap);

	if (!t->known)
		return attempt_failed(t, "unknown");
	buf_init(&secret, LIM_PASSWORD);
	err e = find_secret(a, t->user.id, &secret);

	if (e == E_NOTFOUND) {
		LOG(LOG_INFO, "auth.no_secret", KS("login", t->user.login));
		return e;
	}
	TRY(e);
	if (attempt_held(t))
		return attempt_braked(t);
	if (!fits(arg, buf_str(&secret)))
		return attempt_failed(t, "password");
	chap_add(a->chap, t->user.id, buf_str(&secret), clock_now(), era);
	return OK;
}

err auth_secret_at(struct auth *a, str place, str service, str login,
		   bool (*fits)(void *arg, str password), void *arg, struct arena *ar,
		   struct dir_user *user)
{
	struct attempt t;
	err e = attempt_begin_at(&t, a, place, service, login, ar);

	if (!e)
		e = check_secret(&t, fits, arg);
	if (!e)
		e = attempt_succeeded(&t);
	if (!e)
		*user = t.user;
	return told_apart(&t, e);
}
