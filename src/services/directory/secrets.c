#include "services/directory/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/clock.h"
#include "services/directory/schema.h"

#define BUSY	       2000 /* ms */
#define KEY	       32
#define NONCE	       12
#define TAG	       16
#define SEALED_VERSION 1

struct secrets {
	struct sql *s;
	bool has_key;
	uint8_t key[KEY];
	uint8_t fake[32];
};

/* ---- the key of reversible secrets ---- */

static err make_key(const char *path)
{
	uint8_t key[KEY];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd < 0)
		return errno == EEXIST ? OK : fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
	FILE *f = fdopen(fd, "w");
	bool ok = f && RAND_bytes(key, KEY) == 1 && fwrite(key, 1, KEY, f) == KEY && !fflush(f) &&
		  !fsync(fd);

	if (f)
		(void)fclose(f);
	else
		(void)close(fd);
	mem_wipe(key, sizeof(key));
	if (ok)
		return OK;
	(void)unlink(path); /* nothing is sealed with half a key */
	return fail(E_IO, "%s: it cannot be written", path);
}

static err read_key(struct secrets *s, const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return errno == ENOENT ? OK
				       : fail(E_DENIED, "%s: %s", path, strerrordesc_np(errno));
	char more;
	size_t n = fread(s->key, 1, KEY, f);
	bool longer = fread(&more, 1, 1, f) == 1;

	(void)fclose(f);
	if (n != KEY || longer)
		return fail(E_CORRUPT, "%s: the key must have %d octets", path, KEY);
	s->has_key = true;
	return OK;
}

static err read_fake(struct secrets *s)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(s->s, &st, "SELECT fake FROM identity"));
	TRY(sql_step(st));
	if (sql_text(st, 0).n != sizeof(s->fake))
		return fail(E_CORRUPT, "the secrets' identity has %zu octets", sql_text(st, 0).n);
	memcpy(s->fake, sql_text(st, 0).p, sizeof(s->fake));
	return OK;
}

static err set_up(struct secrets *s, const char *path, const char *key, bool make)
{
	if (make)
		TRY(sql_make(path, 0660));
	TRY(sql_open(path, (make ? SQL_CREATE : SQL_WRITE) | SQL_WAL, BUSY, &s->s));
	if (make)
		TRY(schema_migrate(s->s, &schema_secrets, clock_unix()));
	if (make && key)
		TRY(make_key(key));
	if (key)
		TRY(read_key(s, key));
	return read_fake(s);
}

err secrets_open(const char *path, const char *key, bool make, struct secrets **out)
{
	struct secrets *s = MEM_NEW(struct secrets);
	err e = set_up(s, path, key, make);

	if (e)
		secrets_close(s);
	else
		*out = s;
	return e;
}

void secrets_close(struct secrets *s)
{
	if (!s)
		return;
	sql_close(s->s);
	mem_wipe(s, sizeof(*s));
	mem_free(s);
}

struct sql *secrets_sql(struct secrets *s)
{
	return s->s;
}

err secrets_begin(struct secrets *s)
{
	return sql_begin(s->s, SQL_WRITE);
}

err secrets_commit(struct secrets *s)
{
	return sql_commit(s->s);
}

void secrets_rollback(struct secrets *s)
{
	sql_rollback(s->s);
}

/* ---- sealing: version, nonce, AES-256-GCM, tag; whose it is is authenticated with it ---- */

#define SEALED_MORE (1 + NONCE + TAG) /* octets over the clear ones */

static str user_bytes(uint64_t user, uint8_t out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(user >> (56 - 8 * i));
	return str_of(out, 8);
}

static bool gcm(const struct secrets *s, bool seal, str whose, const uint8_t *nonce, str in,
		uint8_t *out, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;

	bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, nonce, seal) &&
		  (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag)) &&
		  EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)whose.p, (int)whose.n) &&
		  EVP_CipherUpdate(c, out, &n, (const uint8_t *)in.p, (int)in.n) &&
		  EVP_CipherFinal_ex(c, out + n, &n) &&
		  (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag));

	EVP_CIPHER_CTX_free(c);
	return ok;
}

static err seal(const struct secrets *s, str whose, str clear, struct buf *out)
{
	uint8_t *p = (uint8_t *)buf_room(out, clear.n + SEALED_MORE);

	if (!s->has_key)
		return fail(E_DENIED, "there is no key for reversible secrets");
	if (!p)
		return buf_done(out);
	p[0] = SEALED_VERSION;
	if (RAND_bytes(p + 1, NONCE) != 1 ||
	    !gcm(s, true, whose, p + 1, clear, p + 1 + NONCE, p + 1 + NONCE + clear.n))
		return fail(E_IO, "libcrypto does not seal");
	out->n += clear.n + SEALED_MORE;
	return OK;
}

/* Of a wrong key nothing is left in out. */
static err unseal(const struct secrets *s, str whose, str b, struct buf *out)
{
	uint8_t tag[TAG];

	if (!s->has_key)
		return fail(E_DENIED, "there is no key for reversible secrets");
	if (b.n < SEALED_MORE || b.p[0] != SEALED_VERSION)
		return fail(E_CORRUPT, "a sealed secret of %zu octets", b.n);
	str text = str_take(str_skip(b, 1 + NONCE), b.n - SEALED_MORE);
	uint8_t *p = (uint8_t *)buf_room(out, text.n + 1);

	if (!p)
		return buf_done(out);
	memcpy(tag, b.p + b.n - TAG, TAG);
	if (!gcm(s, false, whose, (const uint8_t *)b.p + 1, text, p, tag)) {
		mem_wipe(p, text.n);
		return fail(E_CORRUPT, "a sealed secret does not open: another key, or another's");
	}
	out->n += text.n;
	return OK;
}

static err store_chap(struct secrets *s, uint64_t user, str clear)
{
	CLEANUP(buf_free) struct buf sealed = { 0 };
	uint8_t whose[8];

	buf_init(&sealed, LIM_PASSWORD + SEALED_MORE);
	if (clear.n > LIM_PASSWORD)
		return fail(E_LIMIT, "the password has %zu octets; %d are allowed", clear.n,
			    LIM_PASSWORD);
	TRY(seal(s, user_bytes(user, whose), clear, &sealed));
	return SQL_RUN(s->s, "INSERT INTO chap (user_id, sealed) VALUES (?, ?)", SQL_I(user),
		       SQL_B(buf_str(&sealed)));
}

err secrets_chap(struct secrets *s, uint64_t user, struct buf *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	uint8_t whose[8];

	if (!s->has_key)
		return fail(E_DENIED, "there is no key for reversible secrets");
	TRY(SQL_QUERY(s->s, &st, "SELECT sealed FROM chap WHERE user_id = ?", SQL_I(user)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? E_NOTFOUND : e;
	if (sql_text(st, 0).n > LIM_PASSWORD + SEALED_MORE)
		return fail(E_CORRUPT, "a sealed secret of %zu octets", sql_text(st, 0).n);
	return unseal(s, user_bytes(user, whose), sql_text(st, 0), out);
}

/* ---- private keys ---- */

/* replace: what lies under the name goes, in the place of E_EXISTS. */
static err keep_key(struct secrets *s, str name, str clear, bool replace)
{
	CLEANUP(buf_free) struct buf sealed = { 0 };

	buf_init(&sealed, LIM_SEALED_KEY + SEALED_MORE);
	if (clear.n > LIM_SEALED_KEY)
		return fail(E_LIMIT, "a key of %zu octets; %zu are allowed", clear.n,
			    LIM_SEALED_KEY);
	TRY(seal(s, name, clear, &sealed));
	if (replace)
		TRY(SQL_RUN(s->s, "DELETE FROM private_keys WHERE name = ?", SQL_T(name)));
	return SQL_RUN(s->s, "INSERT INTO private_keys (name, sealed, created) VALUES (?, ?, ?)",
		       SQL_T(name), SQL_B(buf_str(&sealed)), SQL_I(clock_unix()));
}

err secrets_key_put(struct secrets *s, str name, str clear)
{
	return keep_key(s, name, clear, true);
}

err secrets_key_add(struct secrets *s, str name, str clear)
{
	return keep_key(s, name, clear, false);
}

err secrets_key_get(struct secrets *s, str name, struct buf *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(s->s, &st, "SELECT sealed FROM private_keys WHERE name = ?", SQL_T(name)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? fail(E_NOTFOUND, "there is no key %.*s", STRF(name)) : e;
	return unseal(s, name, sql_text(st, 0), out);
}

err secrets_key_remove(struct secrets *s, str name)
{
	TRY(SQL_RUN(s->s, "DELETE FROM private_keys WHERE name = ?", SQL_T(name)));
	return sql_changed(s->s) ? OK : fail(E_NOTFOUND, "there is no key %.*s", STRF(name));
}

err secrets_key_each(struct secrets *s, str prefix, err (*fn)(void *arg, str name), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(s->s, &st,
		      "SELECT name FROM private_keys WHERE SUBSTR(name, 1, ?) = ? ORDER BY name",
		      SQL_I(prefix.n), SQL_T(prefix)));
	while ((e = sql_step(st)) == OK)
		TRY(fn(arg, sql_text(st, 0)));
	return e == E_EOF ? OK : e;
}

/* ---- passwords ---- */

static err get_scram(struct secrets *s, uint64_t user, struct secret *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(SQL_QUERY(
		s->s, &st,
		"SELECT salt, iterations, stored_key, server_key FROM scram WHERE user_id = ?",
		SQL_I(user)));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? OK : e;
	str salt = sql_text(st, 0), stored = sql_text(st, 2), server = sql_text(st, 3);
	int64_t iterations = sql_int(st, 1);

	if (!salt.n || salt.n > SCRAM_SALT_MAX || stored.n != SCRAM_KEY || server.n != SCRAM_KEY ||
	    iterations < 1 || iterations > LIM_SCRAM_ITERATIONS)
		return fail(E_CORRUPT, "the verifier of user %llu", (unsigned long long)user);
	memcpy(out->scram.salt, salt.p, salt.n);
	out->scram.nsalt = salt.n;
	out->scram.iterations = (uint32_t)iterations;
	memcpy(out->scram.stored_key, stored.p, SCRAM_KEY);
	memcpy(out->scram.server_key, server.p, SCRAM_KEY);
	out->has_scram = true;
	return OK;
}

err secrets_get(struct secrets *s, uint64_t user, struct secret *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	int64_t chap;

	*out = (struct secret){ 0 };
	TRY(SQL_QUERY(s->s, &st, "SELECT crypt FROM passwords WHERE user_id = ?", SQL_I(user)));
	err e = sql_step(st);

	if (e == OK)
		TRY(str_to_z(sql_text(st, 0), out->crypt, sizeof(out->crypt)));
	else if (e != E_EOF)
		return e;
	TRY(SQL_GET(s->s, &chap, "SELECT COUNT(*) FROM chap WHERE user_id = ?", SQL_I(user)));
	out->has_chap = chap != 0;
	return get_scram(s, user, out);
}

static err store_scram(struct secrets *s, uint64_t user, const struct scram_verifier *v)
{
	TRY(SQL_RUN(s->s, "DELETE FROM scram WHERE user_id = ?", SQL_I(user)));
	if (!v)
		return OK;
	return SQL_RUN(s->s,
		       "INSERT INTO scram (user_id, salt, iterations, stored_key, server_key) "
		       "VALUES (?, ?, ?, ?, ?)",
		       SQL_I(user), SQL_B(str_of(v->salt, v->nsalt)), SQL_I(v->iterations),
		       SQL_B(str_of(v->stored_key, SCRAM_KEY)),
		       SQL_B(str_of(v->server_key, SCRAM_KEY)));
}

err secrets_put(struct secrets *s, uint64_t user, str crypt, const struct scram_verifier *scram,
		str chap)
{
	if (crypt.n >= PASSWORD_HASH)
		return fail(E_LIMIT, "a hash of %zu octets", crypt.n);
	TRY(SQL_RUN(s->s, "DELETE FROM passwords WHERE user_id = ?", SQL_I(user)));
	TRY(SQL_RUN(s->s, "INSERT INTO passwords (user_id, crypt, changed) VALUES (?, ?, ?)",
		    SQL_I(user), SQL_T(crypt), SQL_I(clock_unix())));
	TRY(SQL_RUN(s->s, "DELETE FROM chap WHERE user_id = ?", SQL_I(user)));
	TRY(store_scram(s, user, scram));
	return chap.n ? store_chap(s, user, chap) : OK;
}

static err learn(struct secrets *s, uint64_t user, str was, str crypt,
		 const struct scram_verifier *scram)
{
	TRY(SQL_RUN(s->s, "UPDATE passwords SET crypt = ? WHERE user_id = ? AND crypt = ?",
		    SQL_T(crypt), SQL_I(user), SQL_T(was)));
	if (!sql_changed(s->s))
		return fail(E_AGAIN, "the password was changed meanwhile");
	return store_scram(s, user, scram);
}

err secrets_learn(struct secrets *s, uint64_t user, str was, str crypt,
		  const struct scram_verifier *scram)
{
	TRY(secrets_begin(s));
	err e = learn(s, user, was, crypt, scram);

	if (!e)
		e = secrets_commit(s);
	if (e)
		secrets_rollback(s);
	return e;
}

err secrets_remove(struct secrets *s, uint64_t user)
{
	TRY(SQL_RUN(s->s, "DELETE FROM passwords WHERE user_id = ?", SQL_I(user)));
	TRY(SQL_RUN(s->s, "DELETE FROM scram WHERE user_id = ?", SQL_I(user)));
	TRY(SQL_RUN(s->s, "DELETE FROM chap WHERE user_id = ?", SQL_I(user)));
	return SQL_RUN(s->s, "DELETE FROM app_passwords WHERE user_id = ?", SQL_I(user));
}

/* ---- app passwords ---- */

err secrets_app_add(struct secrets *s, uint64_t user, str label, str service, str hash)
{
	int64_t n;

	TRY(SQL_GET(s->s, &n, "SELECT COUNT(*) FROM app_passwords WHERE user_id = ?", SQL_I(user)));
	if (n >= LIM_APP_PASSWORDS)
		return fail(E_LIMIT, "a user may have %d app passwords", LIM_APP_PASSWORDS);
	err e = SQL_RUN(s->s,
			"INSERT INTO app_passwords (user_id, label, service, hash, created) VALUES "
			"(?, ?, ?, ?, ?)",
			SQL_I(user), SQL_T(label), SQL_T(service), SQL_T(hash),
			SQL_I(clock_unix()));

	return e == E_EXISTS ? fail(e, "there is an app password \"%.*s\" already", STRF(label))
			     : e;
}

err secrets_app_remove(struct secrets *s, uint64_t user, str label)
{
	TRY(SQL_RUN(s->s, "DELETE FROM app_passwords WHERE user_id = ? AND label = ?", SQL_I(user),
		    SQL_T(label)));
	return sql_changed(s->s)
		       ? OK
		       : fail(E_NOTFOUND, "there is no app password \"%.*s\"", STRF(label));
}

err secrets_app_each(struct secrets *s, uint64_t user,
		     err (*fn)(void *arg, str label, str service, str hash, int64_t created),
		     void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(s->s, &st,
		      "SELECT label, service, hash, created FROM app_passwords WHERE user_id = ? "
		      "ORDER BY label",
		      SQL_I(user)));
	while ((e = sql_step(st)) == OK)
		TRY(fn(arg, sql_text(st, 0), sql_text(st, 1), sql_text(st, 2), sql_int(st, 3)));
	return e == E_EOF ? OK : e;
}

/* ---- for strangers ---- */

err secrets_fake_salt(struct secrets *s, str login, uint8_t salt[SCRAM_SALT])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), s->fake, sizeof(s->fake), (const unsigned char *)login.p, login.n,
		  md, &n) ||
	    n < SCRAM_SALT)
		return fail(E_IO, "libcrypto makes no hash");
	memcpy(salt, md, SCRAM_SALT);
	return OK;
}

err secrets_without_scram(struct secrets *s, int64_t *out)
{
	return SQL_GET(s->s, out,
		       "SELECT COUNT(*) FROM passwords p LEFT JOIN scram c ON c.user_id = p.user_id"
		       " WHERE c.user_id IS NULL AND p.crypt <> ''");
}
