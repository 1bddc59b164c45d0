/* PAP, CHAP, MS-CHAP. */
#include <string.h>

#include "formats/radius/mschap.h"
#include "formats/radius/password.h"
#include "roles/radius/radius.h"

err radius_pap(struct radius_login *l, str hidden)
{
	const struct radius_packet *p = &l->r->packet;
	unsigned char clear[RADIUS_PASSWORD];
	struct dir_user user;
	size_t n;

	TRY(radius_password_reveal(l->r->nas->secret, p->authenticator, hidden, clear, &n));
	err e = auth_plain_at(radius_here()->auth, radius_place(l), STR("radius"), l->name,
			      str_of(clear, n), &l->r->arena, &user);

	mem_wipe(clear, sizeof(clear));
	return e;
}

err radius_secret(struct radius_login *l, bool (*fits)(void *arg, str password), void *arg)
{
	struct dir_user user;

	return auth_secret_at(radius_here()->auth, radius_place(l), STR("radius"), l->name, fits,
			      arg, &l->r->arena, &user);
}

struct chap {
	str value, challenge;
};

static bool chap_fits(void *arg, str password)
{
	const struct chap *c = arg;

	return radius_chap_fits(c->value, password, c->challenge);
}

/* RFC 2865 5.3, 5.40: the authenticator is the challenge where there is no CHAP-Challenge. */
err radius_chap_login(struct radius_login *l, str value)
{
	const struct radius_packet *p = &l->r->packet;
	struct chap c = { .value = value };

	if (!radius_find(p, RADIUS_CHAP_CHALLENGE, &c.challenge))
		c.challenge = str_of(p->authenticator, RADIUS_AUTH);
	if (value.n != 17 || !c.challenge.n)
		return fail(E_DENIED, "CHAP-Password of %zu octets", value.n);
	return radius_secret(l, chap_fits, &c);
}

struct mschap {
	struct radius_login *l;
	const unsigned char *challenge, *peer, *response;
};

static bool mschap2_fits_password(void *arg, str password)
{
	const struct mschap *m = arg;
	struct radius_login *l = m->l;
	unsigned char hash[MSCHAP_HASH];
	char proof[MSCHAP_AUTHENTICATOR];
	bool fits = mschap_hash(password, hash) == OK &&
		    mschap2_fits(hash, m->peer, m->challenge, l->name, m->response);

	if (fits) {
		mschap2_proof(hash, m->peer, m->challenge, l->name, m->response, proof);
		l->ms_success = arena_dup(&l->r->arena, str_of(proof, sizeof(proof)));
		mschap2_keys(hash, m->response, l->send, l->receive);
		l->ms_keys = true;
	}
	mem_wipe(hash, sizeof(hash));
	return fits;
}

/* RFC 2548 2.3.2: ident, flags, peer's challenge of 16, 8 zeros, response of 24. */
err radius_mschap2(struct radius_login *l, str challenge, str value)
{
	const unsigned char *b = (const void *)value.p;

	if (challenge.n != 16 || value.n != MSCHAP_VALUE)
		return fail(E_DENIED, "MS-CHAP2-Response of %zu octets", value.n);
	struct mschap m = { l, (const void *)challenge.p, b + 2, b + 26 };

	l->ms_ident = b[0];
	return radius_secret(l, mschap2_fits_password, &m);
}

static bool mschap1_fits_password(void *arg, str password)
{
	const struct mschap *m = arg;
	struct radius_login *l = m->l;
	unsigned char hash[MSCHAP_HASH], want[MSCHAP_RESPONSE];
	bool fits = mschap_hash(password, hash) == OK;

	if (fits) {
		mschap_response(m->challenge, hash, want);
		fits = memcmp(want, m->response, sizeof(want)) == 0;
	}
	if (fits) {
		mschap1_keys(hash, l->ms1_keys);
		l->ms1 = true;
	}
	mem_wipe(hash, sizeof(hash));
	return fits;
}

/* RFC 2548 2.1.3: ident, flags (1: the NT response counts), LM response of 24, NT response of 24.
 */
err radius_mschap1(struct radius_login *l, str challenge, str value)
{
	const unsigned char *b = (const void *)value.p;

	if (!l->set->mschap1 || challenge.n != 8 || value.n != MSCHAP_VALUE || b[1] != 1)
		return fail(E_DENIED, "MS-CHAP-Response of %zu octets, or not wanted", value.n);
	struct mschap m = { l, (const void *)challenge.p, NULL, b + 26 };

	return radius_secret(l, mschap1_fits_password, &m);
}
