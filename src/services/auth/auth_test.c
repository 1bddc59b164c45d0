#include "services/auth/auth_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "formats/sasl/sasl.h"
#include "formats/sasl/scram.h"
#include "services/auth/brake.h"
#include "services/directory/dirdb.h"
#include "services/directory/secrets.h"

/* A directory with ana (yescrypt), old (an imported hash), off (disabled), in a folder that dies
 * with it. */
struct bench {
	char dir[64], db[96], secrets_db[96], key[96];
	struct directory *d;
	struct secrets *s;
	struct dirtable *t;
	struct auth *a;
	uint64_t ana, old, off;
	struct net_addr peer;
};

static uint64_t add(struct bench *b, const char *name, const char *hash)
{
	uint64_t id = 0;

	CHECK_OK(directory_add(b->d, &dir_user_kind, str_z(name), NULL, 0, &id));
	CHECK_OK(secrets_put(b->s, id, str_z(hash), NULL, STR("")));
	return id;
}

WAITS static void bench_open(struct bench *b)
{
	struct dir_set off = { dir_field_find(&dir_user_kind, STR("disabled")), STR("yes") };
	char hash[PASSWORD_HASH];
	uint64_t id;

	*b = (struct bench){ 0 };
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/posta-auth-XXXXXX");
	CHECK(mkdtemp(b->dir) != NULL);
	(void)snprintf(b->db, sizeof(b->db), "%s/directory.db", b->dir);
	(void)snprintf(b->secrets_db, sizeof(b->secrets_db), "%s/secrets.db", b->dir);
	(void)snprintf(b->key, sizeof(b->key), "%s/key", b->dir);
	CHECK_OK(directory_open(b->db, true, &b->d));
	CHECK_OK(secrets_open(b->secrets_db, b->key, true, &b->s));
	CHECK_OK(directory_add(b->d, &dir_domain, STR("demo.test"), NULL, 0, &id));
	CHECK_OK(password_hash(STR("ana-secret"), hash));
	b->ana = add(b, "ana@demo.test", hash);
	/* crypt(3): SHA-256, "Hello world!" */
	b->old = add(b, "old@demo.test",
		     "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
	b->off = add(b, "off@demo.test", hash);
	CHECK_OK(directory_set(b->d, &dir_user_kind, STR("off@demo.test"), &off, 1));
	struct dirtable_options to = { b->db, NULL, 10 };

	CHECK_OK(dirtable_open(&to, &b->t));
	struct auth_options ao = { .table = b->t,
				   .secrets = b->secrets_db,
				   .default_domain = STR("demo.test"),
				   .failures_address = 8,
				   .failures_account = 3 };

	CHECK_OK(auth_open(&ao, &b->a));
	CHECK_OK(net_parse(STR("192.0.2.7:1000"), &b->peer));
}

WAITS static void bench_close(struct bench *b)
{
	static const char *const names[] = { "directory.db", "secrets.db", "secrets.db-wal",
					     "secrets.db-shm", "key" };

	auth_close(b->a);
	dirtable_close(b->t);
	secrets_close(b->s);
	directory_close(b->d);
	for (size_t i = 0; i < COUNT(names); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		(void)unlink(path);
	}
	CHECK(rmdir(b->dir) == 0);
}

WAITS static err login_from(struct bench *b, const char *ip, const char *login,
			    const char *password)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_user u = { 0 };
	struct net_addr peer;

	arena_init(&a, KIB(64));
	CHECK_OK(net_parse(str_z(ip), &peer));
	err e = auth_plain(b->a, &peer, STR("imap"), str_z(login), str_z(password), &a, &u);

	CHECK((e == OK) == (u.id != 0));
	return e;
}

WAITS static err login(struct bench *b, const char *name, const char *password)
{
	return login_from(b, "192.0.2.7:1", name, password);
}

WAITS static err plain(void *arg)
{
	struct bench b;
	struct secret was, now;

	(void)arg;
	bench_open(&b);
	CHECK_OK(login(&b, "ana@demo.test", "ana-secret"));
	CHECK_OK(
		login(&b, "ANA", "ana-secret")); /* remembered, and another way to write the name */
	CHECK(login(&b, "ana", "Ana-secret") == E_DENIED);
	CHECK(login(&b, "nobody", "ana-secret") == E_DENIED);
	CHECK(login(&b, "off", "ana-secret") == E_DENIED);
	CHECK(login(&b, "ana", "") == E_DENIED);

	/* the first login in clear taught a verifier, and a better hash where it was old */
	CHECK_OK(secrets_get(b.s, b.ana, &now));
	CHECK(now.has_scram && now.scram.iterations == PASSWORD_SCRAM_ITERATIONS);
	CHECK_OK(secrets_get(b.s, b.old, &was));
	CHECK(!was.has_scram);
	CHECK_OK(login(&b, "old@demo.test", "Hello world!"));
	CHECK_OK(secrets_get(b.s, b.old, &now));
	CHECK(now.has_scram && str_starts(str_z(now.crypt), STR("$y$")));
	CHECK(password_verify(STR("Hello world!"), str_z(now.crypt)));

	/* a changed password ends what is remembered */
	char hash[PASSWORD_HASH];

	CHECK_OK(password_hash(STR("new"), hash));
	CHECK_OK(secrets_put(b.s, b.ana, str_z(hash), NULL, STR("")));
	CHECK_OK(login(&b, "ana", "ana-secret"));
	CHECK_OK(directory_note(b.d, "password", b.ana));
	for (int i = 0; i < 2000 && remember_knows(b.a->remember, b.ana, STR(""), STR("ana-secret"),
						   clock_now());
	     i++)
		CHECK_OK(fiber_sleep(clock_in(5)));
	CHECK(login_from(&b, "198.51.100.1:1", "ana", "ana-secret") == E_DENIED);
	CHECK_OK(login(&b, "ana", "new"));
	bench_close(&b);
	return OK;
}

TEST(auth_plain)
{
	CHECK_OK(loop_main(plain, NULL));
}

WAITS static err braked(void *arg)
{
	struct bench b;

	(void)arg;
	bench_open(&b);
	CHECK_OK(login_from(&b, "203.0.113.5:1", "ana", "ana-secret"));
	/* the account: three tries from wherever, then nobody but who was here before */
	CHECK(login_from(&b, "198.51.100.1:1", "ana", "x") == E_DENIED);
	CHECK(login_from(&b, "198.51.101.1:1", "ANA@demo.test", "x") == E_DENIED);
	CHECK(login_from(&b, "198.51.102.1:1", "ana", "x") == E_DENIED);
	CHECK(login_from(&b, "198.51.103.1:1", "ana", "ana-secret") == E_AGAIN);
	CHECK_OK(login_from(&b, "203.0.113.9:1", "ana", "ana-secret"));
	/* the network: eight tries at whomever */
	for (int i = 0; i < 8; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "u%d", i);
		CHECK_ROW(i, login_from(&b, "192.0.2.7:1", name, "x") == E_DENIED);
	}
	CHECK(login_from(&b, "192.0.2.200:1", "old", "Hello world!") == E_AGAIN);
	CHECK_OK(login_from(&b, "192.0.3.1:1", "old", "Hello world!"));
	bench_close(&b);
	return OK;
}

TEST(brute_force_is_braked)
{
	CHECK_OK(loop_main(braked, NULL));
}

/* ---- many tries that begin before the first has failed ---- */

enum { RUSH = 12 }; /* the account's brake holds at 3 */

struct rusher {
	struct bench *b;
	int no;
	err got;
};

WAITS static err rush_one(void *arg)
{
	struct rusher *r = arg;
	char ip[40];

	(void)snprintf(ip, sizeof(ip), "203.0.%d.1:7", r->no);
	/* The right password comes last: it must not be told from the wrong ones. */
	r->got = login_from(r->b, ip, "ana", r->no == RUSH - 1 ? "ana-secret" : "guess");
	return OK;
}

WAITS static err rush(void *arg)
{
	struct bench b;
	struct rusher all[RUSH];
	struct fiber *fibers[RUSH];
	int told = 0;

	(void)arg;
	bench_open(&b);
	for (int i = 0; i < RUSH; i++) {
		all[i] = (struct rusher){ &b, i, OK };
		fibers[i] = fiber_start("rush", rush_one, &all[i]);
	}
	for (int i = 0; i < RUSH; i++) {
		CHECK_OK(fiber_join(fibers[i]));
		CHECK_ROW(i, all[i].got == E_DENIED || all[i].got == E_AGAIN);
		told += all[i].got == E_DENIED;
	}
	CHECK(told <= 3);
	bench_close(&b);
	return OK;
}

TEST(tries_at_once_are_braked)
{
	CHECK_OK(loop_main(rush, NULL));
}

/* SCRAM: exchanges that began while the brake was open, ended one after the other. */
WAITS static err rush_scram(void *arg)
{
	struct bench b;
	struct sasl_server *s[RUSH];
	struct buf last[RUSH];
	CLEANUP(buf_free) struct buf out;
	bool done;

	(void)arg;
	bench_open(&b);
	buf_init(&out, LIM_SASL);
	struct sasl_config c = {
		.auth = b.a, .service = STR("imap"), .peer = &b.peer, .scram = true
	};

	CHECK_OK(login_from(&b, "198.51.100.1:1", "ana", "ana-secret")); /* teaches the verifier */
	for (int i = 0; i < RUSH; i++) {
		struct scram_client client;

		scram_client_init(&client, STR("n,,"), STR("fyko+d2lbbFgONRv9qkxdawL"));
		CHECK_OK(sasl_server_new(&c, STR("SCRAM-SHA-256"), &s[i]));
		buf_init(&last[i], LIM_SASL);
		scram_client_first(&client, STR("ana"), &last[i]);
		buf_reset(&out);
		CHECK_OK(sasl_server_step(s[i], true, buf_str(&last[i]), &out, &done));
		buf_reset(&last[i]);
		CHECK_OK(scram_client_final(&client, buf_str(&out),
					    i == RUSH - 1 ? STR("ana-secret") : STR("guess"),
					    STR(""), &last[i]));
		scram_client_free(&client);
	}
	for (int i = 0; i < RUSH; i++) {
		buf_reset(&out);
		err e = sasl_server_step(s[i], true, buf_str(&last[i]), &out, &done);

		CHECK_ROW(i, e == (i < 3 ? E_DENIED : E_AGAIN));
		sasl_server_free(s[i]);
		buf_free(&last[i]);
	}
	bench_close(&b);
	return OK;
}

TEST(scram_tries_at_once_are_braked)
{
	CHECK_OK(loop_main(rush_scram, NULL));
}

TEST(brake_leaks)
{
	struct brake *b = brake_new(2, 1000);

	CHECK(!brake_holds(b, STR("k"), 0));
	brake_failed(b, STR("k"), 0);
	CHECK(!brake_holds(b, STR("k"), 0));
	brake_failed(b, STR("k"), 0);
	CHECK(brake_holds(b, STR("k"), 0) && !brake_holds(b, STR("other"), 0));
	CHECK(!brake_holds(b, STR("k"), 600)); /* one of two is forgotten after half the window */
	brake_failed(b, STR("k"), 600);
	CHECK(brake_holds(b, STR("k"), 600));
	CHECK(!brake_holds(b, STR("k"), 1600));
	brake_free(b);
}

/* ---- SASL ---- */

WAITS static err exchange(struct bench *b, const struct sasl_config *c, const char *mechanism,
			  const str *messages, size_t n, str user)
{
	CLEANUP(buf_free) struct buf challenge;
	struct sasl_server *s = NULL;
	bool done = false;
	err e = sasl_server_new(c, str_z(mechanism), &s);

	(void)b;
	buf_init(&challenge, LIM_SASL);
	for (size_t i = 0; !e && i < n; i++) {
		buf_reset(&challenge);
		e = sasl_server_step(s, messages[i].p != NULL, messages[i], &challenge, &done);
		CHECK(done == (!e && i + 1 == n));
	}
	if (!e && n)
		CHECK_STR(sasl_server_user(s)->login, user);
	sasl_server_free(s);
	return e;
}

WAITS static err scram_as(struct bench *b, const struct sasl_config *c, const char *user,
			  const char *password)
{
	CLEANUP(scram_client_free) struct scram_client client;
	CLEANUP(buf_free) struct buf out;
	CLEANUP(buf_free) struct buf in;
	struct sasl_server *s = NULL;
	bool done = false;

	(void)b;
	buf_init(&out, LIM_SASL);
	buf_init(&in, LIM_SASL);
	scram_client_init(&client, STR("n,,"), STR("fyko+d2lbbFgONRv9qkxdawL"));
	TRY(sasl_server_new(c, STR("SCRAM-SHA-256"), &s));
	scram_client_first(&client, str_z(user), &out);
	CHECK_OK(sasl_server_step(s, true, buf_str(&out), &in, &done));
	CHECK(!done);
	buf_reset(&out);
	CHECK_OK(scram_client_final(&client, buf_str(&in), str_z(password), STR(""), &out));
	buf_reset(&in);
	err e = sasl_server_step(s, true, buf_str(&out), &in, &done);

	CHECK(done == !e);
	if (!e) {
		CHECK_OK(scram_client_verify(&client, buf_str(&in)));
		CHECK_STR(sasl_server_user(s)->login, STR("ana@demo.test"));
		CHECK_STR(sasl_server_password(s), STR(""));
	}
	sasl_server_free(s);
	return e;
}

#define NONE                                                                                       \
	{                                                                                          \
		NULL, 0                                                                            \
	} /* the client sends no initial response */

WAITS static err sasl(void *arg)
{
	struct bench b;
	CLEANUP(buf_free) struct buf list;

	(void)arg;
	bench_open(&b);
	struct sasl_config c = {
		.auth = b.a, .service = STR("imap"), .peer = &b.peer, .scram = true, .plain = true
	};

	buf_init(&list, 1024);
	sasl_mechanisms(&c, "AUTH=", " ", &list);
	CHECK_STR(buf_str(&list), STR("AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN"));
	str ana = STR("ana@demo.test");

	CHECK_OK(exchange(&b, &c, "PLAIN", (str[]){ S("\0ana\0ana-secret") }, 1, ana));
	CHECK_OK(exchange(&b, &c, "plain", (str[]){ NONE, S("\0ana\0ana-secret") }, 2, ana));
	CHECK_OK(exchange(&b, &c, "PLAIN", (str[]){ S("ana@demo.test\0ana\0ana-secret") }, 1, ana));
	CHECK(exchange(&b, &c, "PLAIN", (str[]){ S("old\0ana\0ana-secret") }, 1, ana) == E_DENIED);
	CHECK(exchange(&b, &c, "PLAIN", (str[]){ S("ana-secret") }, 1, ana) == E_SYNTAX);
	CHECK_OK(exchange(&b, &c, "LOGIN", (str[]){ NONE, S("ana"), S("ana-secret") }, 3, ana));
	CHECK_OK(exchange(&b, &c, "LOGIN", (str[]){ S("ana"), S("ana-secret") }, 2, ana));
	CHECK(exchange(&b, &c, "LOGIN", (str[]){ S("ana"), S("wrong") }, 2, ana) == E_DENIED);
	CHECK(exchange(&b, &c, "CRAM-MD5", NULL, 0, ana) == E_NOTFOUND);
	CHECK(exchange(&b, &c, "EXTERNAL", (str[]){ S("ana") }, 1, ana) == E_NOTFOUND);
	CHECK(exchange(&b, &c, "SCRAM-SHA-256-PLUS", NULL, 0, ana) == E_NOTFOUND); /* no TLS here */
	/* PLAIN taught the verifier */
	CHECK_OK(scram_as(&b, &c, "ana", "ana-secret"));
	CHECK(scram_as(&b, &c, "ana", "wrong") == E_DENIED);
	CHECK(scram_as(&b, &c, "nobody", "ana-secret") == E_DENIED);
	CHECK(exchange(&b, &c, "SCRAM-SHA-256", (str[]){ S("p=tls-exporter,,n=ana,r=abc") }, 1,
		       ana) == E_SYNTAX);
	c.external = "proxy";
	c.plain = c.scram = false;
	CHECK_OK(exchange(&b, &c, "EXTERNAL", (str[]){ S("ana") }, 1, ana));
	CHECK(exchange(&b, &c, "EXTERNAL", (str[]){ S("") }, 1, ana) == E_DENIED);
	CHECK(exchange(&b, &c, "EXTERNAL", (str[]){ S("off") }, 1, ana) == E_DENIED);
	CHECK(exchange(&b, &c, "PLAIN", (str[]){ S("\0ana\0ana-secret") }, 1, ana) == E_NOTFOUND);
	bench_close(&b);
	return OK;
}

TEST(sasl_exchanges)
{
	CHECK_OK(loop_main(sasl, NULL));
}

WAITS static err apps(void *arg)
{
	struct bench b;
	char password[32], hash[PASSWORD_HASH];
	CLEANUP(arena_free) struct arena a;
	struct dir_user u;

	(void)arg;
	bench_open(&b);
	arena_init(&a, KIB(64));
	CHECK_OK(password_app(password, hash));
	CHECK_OK(secrets_app_add(b.s, b.ana, STR("phone"), STR("imap"), str_z(hash)));
	CHECK(secrets_app_add(b.s, b.ana, STR("phone"), STR(""), str_z(hash)) == E_EXISTS);
	for (int i = 0; i < 2; i++) { /* the second time remembered */
		CHECK_OK(auth_plain(b.a, NULL, STR("imap"), STR("ana"), str_z(password), &a, &u));
		CHECK(auth_plain(b.a, NULL, STR("smtp"), STR("ana"), str_z(password), &a, &u) ==
		      E_DENIED);
	}
	bench_close(&b);
	return OK;
}

TEST(app_passwords_are_for_their_service)
{
	CHECK_OK(loop_main(apps, NULL));
}

WAITS static err away(void *arg)
{
	struct bench b;

	(void)arg;
	bench_open(&b);
	CHECK_OK(login(&b, "ana", "ana-secret"));
	auth_close(b.a);
	struct auth_options o = { .table = b.t,
				  .secrets = "/nowhere/secrets.db",
				  .default_domain = STR("demo.test") };

	CHECK_OK(auth_open(&o, &b.a));
	CHECK(login(&b, "ana", "ana-secret") == E_AGAIN);
	bench_close(&b);
	return OK;
}

TEST(secrets_that_are_away)
{
	CHECK_OK(loop_main(away, NULL));
}
