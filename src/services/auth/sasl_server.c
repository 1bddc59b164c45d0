/* The serving side of a SASL exchange (RFC 4422), whatever the protocol around it. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "formats/sasl/sasl.h"
#include "formats/sasl/scram.h"
#include "run/stream.h"
#include "services/auth/auth_state.h"

struct mechanism {
	str name;
	WAITS err (*step)(struct sasl_server *s, str message, struct buf *challenge, bool *done);
	bool server_first; /* speaks first when the client sent nothing */
	bool plain, scram, plus, external;
};
struct sasl_server {
	struct sasl_config c;
	const struct mechanism *m;
	struct arena arena;
	unsigned step;
	bool started;
	struct dir_user user;
	str login; /* in the arena */
	char password[LIM_PASSWORD];
	size_t npassword;
	/* SCRAM */
	struct attempt attempt;
	struct scram_first first;
	struct scram_verifier verifier;
	bool fake; /* no such user, or no verifier */
	str server_first, nonce;
};

/* ---- PLAIN, LOGIN ---- */

/* Only a proxy may name another user, and it uses EXTERNAL: in PLAIN the two names must be one. */
static bool same_user(struct sasl_server *s, str authzid)
{
	struct dir_user other;

	if (!authzid.n || str_eqi(authzid, s->login))
		return true;
	return dirtable_login(s->c.auth->table, authzid, str_z(s->c.auth->default_domain),
			      &s->arena, &other) == OK &&
	       other.id == s->user.id;
}

/* Checked against LIM_PASSWORD by the grammar. */
static void keep_password(struct sasl_server *s, str password)
{
	s->npassword = str_take(password, sizeof(s->password)).n;
	memcpy(s->password, password.p, s->npassword);
}

WAITS static err step_plain(struct sasl_server *s, str message, struct buf *challenge, bool *done)
{
	struct sasl_plain p;

	(void)challenge;
	TRY(sasl_plain_parse(message, &p));
	s->login = arena_dup(&s->arena, p.authcid);
	if (!s->login.p)
		return fail(E_LIMIT, "SASL: no room");
	TRY(auth_plain(s->c.auth, s->c.peer, s->c.service, s->login, p.password, &s->arena,
		       &s->user));
	if (!same_user(s, p.authzid)) {
		s->user = (struct dir_user){ 0 };
		return fail(E_DENIED, "the name or the password is wrong");
	}
	keep_password(s, p.password);
	*done = true;
	return OK;
}

WAITS static err step_login(struct sasl_server *s, str message, struct buf *challenge, bool *done)
{
	str v;

	TRY(sasl_login_parse(message, s->step ? LIM_PASSWORD : LIM_USER, &v));
	if (s->step++ == 0) {
		s->login = arena_dup(&s->arena, v);
		buf_add(challenge, SASL_LOGIN_PASSWORD);
		return s->login.p ? OK : fail(E_LIMIT, "SASL: no room");
	}
	TRY(auth_plain(s->c.auth, s->c.peer, s->c.service, s->login, v, &s->arena, &s->user));
	keep_password(s, v);
	*done = true;
	return OK;
}

/* ---- EXTERNAL: the peer is proven, and names the user whom it has let in ---- */

WAITS static err step_external(struct sasl_server *s, str message, struct buf *challenge,
			       bool *done)
{
	str authzid;

	(void)challenge;
	TRY(sasl_external_parse(message, &authzid));
	if (!authzid.n)
		return fail(E_DENIED, "EXTERNAL: name the user");
	err e = dirtable_login(s->c.auth->table, authzid, str_z(s->c.auth->default_domain),
			       &s->arena, &s->user);

	if (e == E_NOTFOUND || (!e && s->user.flags & (USER_DISABLED | USER_NO_LOGIN)))
		e = fail(E_DENIED, "no such user, or disabled");
	LOG(LOG_INFO, "auth.on_behalf", KS("by", str_z(s->c.external)), KS("login", authzid),
	    KS("service", s->c.service), KI("ok", !e));
	*done = !e;
	return e;
}

/* ---- SCRAM ---- */

static bool can_bind(const struct sasl_config *c)
{
	return c->io && stream_is_tls(c->io);
}

static err check_binding_flag(const struct sasl_server *s, const struct scram_first *f)
{
	if (s->m->plus != (f->binding == 'p'))
		return fail(E_SYNTAX, "SCRAM: the GS2 header does not fit the mechanism");
	/* RFC 5802 6: the client believes that we have no PLUS although we said so: somebody took
	 * it out. */
	if (f->binding == 'y' && can_bind(&s->c))
		return fail(E_DENIED, "SCRAM: channel binding was hidden from the client");
	return OK;
}

struct lookup {
	uint64_t user;
	str login;
	struct secret secret;
	uint8_t salt[SCRAM_SALT];
};

static err read_verifier(struct secrets *s, void *arg)
{
	struct lookup *l = arg;

	TRY(secrets_get(s, l->user, &l->secret));
	return secrets_fake_salt(s, l->login, l->salt);
}

/* The stored verifier, or for whom there is none one that looks the same and fits nothing. */
WAITS static err find_verifier(struct sasl_server *s)
{
	struct lookup *l = MEM_NEW(struct lookup);

	l->user = s->attempt.known ? s->attempt.user.id : 0;
	l->login = s->first.user;
	err e = with_secrets(s->c.auth, read_verifier, l);

	s->fake = e || !s->attempt.known || !l->secret.has_scram;
	if (!s->fake) {
		s->verifier = l->secret.scram;
	} else {
		s->verifier = (struct scram_verifier){ .nsalt = SCRAM_SALT,
						       .iterations = PASSWORD_SCRAM_ITERATIONS };
		memcpy(s->verifier.salt, l->salt, SCRAM_SALT);
	}
	mem_wipe(l, sizeof(*l));
	mem_free(l);
	return e;
}

static err make_nonce(struct sasl_server *s)
{
	CLEANUP(buf_free) struct buf b = { 0 };
	unsigned char r[18];

	if (RAND_bytes(r, sizeof(r)) != 1)
		return fail(E_IO, "no randomness from libcrypto");
	buf_init(&b, 512);
	buf_add(&b, s->first.nonce);
	enc_base64(&b, str_of(r, sizeof(r)));
	TRY(buf_done(&b));
	s->nonce = arena_dup(&s->arena, buf_str(&b));
	return s->nonce.p ? OK : fail(E_LIMIT, "SASL: no room");
}

WAITS static err scram_first(struct sasl_server *s, str message, struct buf *challenge)
{
	str copy = arena_dup(&s->arena, message);
	size_t start = challenge->n;

	if (!copy.p)
		return fail(E_LIMIT, "SASL: no room");
	TRY(scram_parse_first(copy, &s->arena, &s->first));
	TRY(check_binding_flag(s, &s->first));
	s->login = s->first.user;
	TRY(attempt_begin(&s->attempt, s->c.auth, s->c.peer, s->c.service, s->login, &s->arena));
	TRY(find_verifier(s));
	TRY(make_nonce(s));
	scram_print_server_first(s->nonce, &s->verifier, challenge);
	TRY(buf_done(challenge));
	s->server_first = arena_dup(&s->arena, str_skip(buf_str(challenge), start));
	return s->server_first.p ? OK : fail(E_LIMIT, "SASL: no room");
}

/* c= must repeat the GS2 header and the octets that bind this very channel. */
static err check_binding(struct sasl_server *s, str got)
{
	CLEANUP(buf_free) struct buf want = { 0 };

	buf_init(&want, LIM_SASL);
	buf_add(&want, s->first.gs2);
	if (s->m->plus && stream_tls_binding(s->c.io, s->first.binding_type, &want))
		return fail(E_DENIED, "SCRAM: this channel has no binding %.*s",
			    STRF(s->first.binding_type));
	TRY(buf_done(&want));
	if (want.n != got.n || CRYPTO_memcmp(want.p, got.p, got.n) != 0)
		return fail(E_DENIED, "SCRAM: the channel binding is another one");
	return OK;
}

WAITS static err scram_final(struct sasl_server *s, str message, struct buf *challenge, bool *done)
{
	uint8_t signature[SCRAM_KEY];
	struct scram_final f;

	TRY(scram_parse_final(message, &s->arena, &f));
	str auth = arena_fmt(&s->arena, "%.*s,%.*s,%.*s", STRF(s->first.bare),
			     STRF(s->server_first), STRF(f.without_proof));

	if (!auth.p)
		return fail(E_LIMIT, "SASL: no room");
	bool fits = scram_check(&s->verifier, auth, f.proof, signature) && !s->fake &&
		    str_eq(f.nonce, s->nonce);

	if (attempt_held(&s->attempt))
		return attempt_braked(&s->attempt);
	if (check_binding(s, f.binding))
		return attempt_failed(&s->attempt, "channel binding");
	if (!fits || s->attempt.user.flags & (USER_DISABLED | USER_NO_LOGIN))
		return attempt_failed(&s->attempt, fits ? "disabled" : "proof");
	TRY(attempt_succeeded(&s->attempt));
	s->user = s->attempt.user;
	scram_print_server_final(signature, challenge);
	*done = true;
	return OK;
}

WAITS static err step_scram(struct sasl_server *s, str message, struct buf *challenge, bool *done)
{
	return s->step++ == 0 ? scram_first(s, message, challenge)
			      : scram_final(s, message, challenge, done);
}

/* ---- the table ---- */

/* In the order in which they are announced: the best first. */
static const struct mechanism mechanisms[] = {
	{ S("EXTERNAL"), step_external, .external = true },
	{ S("SCRAM-SHA-256-PLUS"), step_scram, .scram = true, .plus = true },
	{ S("SCRAM-SHA-256"), step_scram, .scram = true },
	{ S("PLAIN"), step_plain, .plain = true },
	{ S("LOGIN"), step_login, .plain = true, .server_first = true },
};

static bool allowed(const struct mechanism *m, const struct sasl_config *c)
{
	if (m->external)
		return c->external != NULL;
	if (m->scram)
		return c->scram && (!m->plus || can_bind(c));
	return c->plain;
}

void sasl_mechanisms(const struct sasl_config *c, const char *prefix, const char *sep,
		     struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < COUNT(mechanisms); i++) {
		if (!allowed(&mechanisms[i], c))
			continue;
		buf_fmt(out, "%s%s%.*s", any ? sep : "", prefix, STRF(mechanisms[i].name));
		any = true;
	}
}

err sasl_server_new(const struct sasl_config *c, str mechanism, struct sasl_server **out)
{
	for (size_t i = 0; i < COUNT(mechanisms); i++) {
		if (!str_eqi(mechanism, mechanisms[i].name) || !allowed(&mechanisms[i], c))
			continue;
		struct sasl_server *s = MEM_NEW(struct sasl_server);

		s->c = *c;
		s->m = &mechanisms[i];
		s->login = STR("");
		arena_init(&s->arena, KIB(64));
		*out = s;
		return OK;
	}
	return fail(E_NOTFOUND, "the mechanism %.*s is not offered here",
		    STRF(str_take(mechanism, 32)));
}

void sasl_server_free(struct sasl_server *s)
{
	if (!s)
		return;
	arena_free(&s->arena);
	mem_wipe(s, sizeof(*s));
	mem_free(s);
}

WAITS err sasl_server_step(struct sasl_server *s, bool has, str message, struct buf *challenge,
			   bool *done)
{
	*done = false;
	if (!has && !s->started) {
		s->started = true;
		if (s->m->server_first)
			buf_add(challenge, SASL_LOGIN_USER);
		return buf_done(challenge);
	}
	s->started = true;
	if (!has || message.n > LIM_SASL)
		return fail(E_SYNTAX, "SASL: no answer, or one of %zu octets", message.n);
	TRY(s->m->step(s, message, challenge, done));
	return buf_done(challenge);
}

const struct dir_user *sasl_server_user(const struct sasl_server *s)
{
	return &s->user;
}

str sasl_server_password(const struct sasl_server *s)
{
	return str_of(s->password, s->npassword);
}
