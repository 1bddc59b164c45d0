#include "services/directory/secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"

TEST(password_forms)
{
	static const struct {
		str hash, password;
		bool known, fits;
	} rows[] = {
		{ S("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"), S("Hello world!"),
		  true, true },
		{ S("$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
		    "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
		  S("Hello world!"), true, true },
		{ S("{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
		    "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
		  S("Hello world!"), true, true },
		{ S("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), S("U*U"), true,
		  true },
		{ S("{CRYPT}$1$dXc3I7Rw$ctlgjDdWJLMT.qwHsWhXR1"), S("x"), true, false },
		{ S("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="), S("password"), true, true },
		{ S("{sha}W6ph5Mm5Pz8GgiULbPgzG37mj9g="), S("Password"), true, false },
		{ S("{PLAIN-MD5}5f4dcc3b5aa765d61d8327deb882cf99"), S("password"), true, true },
		{ S("{SSHA}AAAA"), S("x"), false, false }, /* shorter than its digest */
		{ S("{NTLM}abcdef"), S("x"), false, false },
		{ S("plain"), S("plain"), false, false },     /* a password is no hash */
		{ S("rl0uE1LXzzZZQ"), S("x"), false, false }, /* DES */
		{ S(""), S(""), false, false },
		{ S("*"), S("*"), false, false },
		{ S("$y$"), S("x"), false, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, password_form_known(rows[i].hash) == rows[i].known);
		CHECK_ROW(i, password_verify(rows[i].password, rows[i].hash) == rows[i].fits);
		CHECK_ROW(i, password_form_old(rows[i].hash) || !rows[i].known);
	}
	char hash[PASSWORD_HASH];

	CHECK_OK(password_hash(STR("ana-secret"), hash));
	CHECK(str_starts(str_z(hash), STR("$y$")) && !password_form_old(str_z(hash)));
	CHECK(password_verify(STR("ana-secret"), str_z(hash)) &&
	      !password_verify(STR("ana-secre"), str_z(hash)));
	CHECK(password_hash(STR(""), hash) == E_SYNTAX);
	CHECK(password_hash(STR("a\0b"), hash) == E_SYNTAX);
}

static void drop(const char *dir)
{
	static const char *const names[] = { "s.db", "s.db-wal", "s.db-shm", "key", "key2" };
	char path[128];

	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	CHECK(rmdir(dir) == 0);
}

TEST(sealed_secrets)
{
	char dir[] = "/tmp/posta-secrets-XXXXXX", db[64], key[64], key2[64];
	CLEANUP(buf_free) struct buf out;
	struct secrets *s = NULL;
	struct secret got;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(db, sizeof(db), "%s/s.db", dir);
	(void)snprintf(key, sizeof(key), "%s/key", dir);
	(void)snprintf(key2, sizeof(key2), "%s/key2", dir);
	buf_init(&out, LIM_PASSWORD);
	CHECK(secrets_open(db, key, false, &s) == E_NOTFOUND);
	CHECK_OK(secrets_open(db, key, true, &s));
	CHECK_OK(secrets_put(s, 7, STR("$y$x"), NULL, STR("ana-secret")));
	CHECK_OK(secrets_put(s, 8, STR("$y$x"), NULL, STR("other")));
	CHECK_OK(secrets_chap(s, 7, &out));
	CHECK_STR(buf_str(&out), STR("ana-secret"));
	CHECK(secrets_chap(s, 9, &out) == E_NOTFOUND);
	CHECK_OK(secrets_get(s, 7, &got));
	CHECK(got.has_chap && !got.has_scram);
	secrets_close(s);

	/* one user's seal does not open as another's */
	struct sql *q = NULL;

	CHECK_OK(sql_open(db, SQL_WRITE, 100, &q));
	CHECK_OK(sql_exec(q, "UPDATE chap SET sealed = (SELECT sealed FROM chap WHERE user_id = 7) "
			     "WHERE user_id = 8"));
	sql_close(q);
	CHECK_OK(secrets_open(db, key, false, &s));
	CHECK(secrets_chap(s, 8, &out) == E_CORRUPT);
	/* a password set without it ends the sealed one */
	CHECK_OK(secrets_put(s, 7, STR("$y$z"), NULL, STR("")));
	CHECK(secrets_chap(s, 7, &out) == E_NOTFOUND);
	secrets_close(s);
	/* neither does another key, nor none */
	CHECK_OK(secrets_open(db, key2, true, &s));
	CHECK(secrets_chap(s, 8, &out) == E_CORRUPT);
	secrets_close(s);
	CHECK_OK(secrets_open(db, NULL, false, &s));
	CHECK(secrets_chap(s, 8, &out) == E_DENIED);
	/* what a stranger is told is the same each time */
	uint8_t one[SCRAM_SALT], two[SCRAM_SALT], three[SCRAM_SALT];

	CHECK_OK(secrets_fake_salt(s, STR("nobody"), one));
	CHECK_OK(secrets_fake_salt(s, STR("nobody"), two));
	CHECK_OK(secrets_fake_salt(s, STR("somebody"), three));
	CHECK(str_eq(str_of(one, SCRAM_SALT), str_of(two, SCRAM_SALT)));
	CHECK(!str_eq(str_of(one, SCRAM_SALT), str_of(three, SCRAM_SALT)));
	secrets_close(s);
	drop(dir);
}

static err count_name(void *arg, str name)
{
	(void)name;
	++*(int *)arg;
	return OK;
}

TEST(private_keys_are_sealed_under_their_names)
{
	char dir[] = "/tmp/posta-secrets-XXXXXX", db[64], key[64];
	CLEANUP(buf_free) struct buf out;
	struct secrets *s = NULL;
	int n = 0;

	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(db, sizeof(db), "%s/s.db", dir);
	(void)snprintf(key, sizeof(key), "%s/key", dir);
	buf_init(&out, KIB(16));
	CHECK_OK(secrets_open(db, key, true, &s));
	CHECK_OK(secrets_key_put(s, STR("dkim:a"), STR("first")));
	CHECK_OK(secrets_key_put(s, STR("dkim:a"), STR("second")));
	CHECK_OK(secrets_key_put(s, STR("zone:a"), STR("other")));
	CHECK_OK(secrets_key_get(s, STR("dkim:a"), &out));
	CHECK_STR(buf_str(&out), STR("second"));
	CHECK(secrets_key_add(s, STR("dkim:a"), STR("third")) == E_EXISTS);
	buf_reset(&out);
	CHECK_OK(secrets_key_get(s, STR("dkim:a"), &out));
	CHECK_STR(buf_str(&out), STR("second"));
	CHECK(secrets_key_get(s, STR("dkim:b"), &out) == E_NOTFOUND);
	CHECK_OK(secrets_key_each(s, STR("dkim:"), count_name, &n));
	CHECK(n == 1);

	char *big = mem_get(LIM_SEALED_KEY + 1);

	CHECK(secrets_key_put(s, STR("big"), str_of(big, LIM_SEALED_KEY + 1)) == E_LIMIT);
	mem_free(big);
	secrets_close(s);

	/* A row moved to another name does not open. */
	struct sql *raw = NULL;

	CHECK_OK(sql_open(db, SQL_WRITE | SQL_WAL, 1000, &raw));
	CHECK_OK(sql_exec(raw, "UPDATE private_keys SET name = 'dkim:b' WHERE name = 'dkim:a'"));
	sql_close(raw);
	CHECK_OK(secrets_open(db, key, false, &s));
	buf_reset(&out);
	CHECK(secrets_key_get(s, STR("dkim:b"), &out) == E_CORRUPT);
	CHECK_OK(secrets_key_remove(s, STR("dkim:b")));
	CHECK(secrets_key_remove(s, STR("dkim:b")) == E_NOTFOUND);
	secrets_close(s);
	drop(dir);
}
