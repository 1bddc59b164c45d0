#include "services/directory/directory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "services/directory/address.h"
#include "services/directory/dirdb.h"
#include "services/directory/schema.h"
#include "services/directory/table.h"

struct place {
	char dir[64], db[96], snapshot[96];
};

static void place_make(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/posta-dir-XXXXXX");
	CHECK(mkdtemp(p->dir) != NULL);
	(void)snprintf(p->db, sizeof(p->db), "%s/directory.db", p->dir);
	(void)snprintf(p->snapshot, sizeof(p->snapshot), "%s/snapshot", p->dir);
}

static void place_drop(struct place *p)
{
	char path[128];
	static const char *const names[] = { "directory.db", "directory.db-journal", "snapshot",
					     "snapshot.new" };

	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", p->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(p->dir);
}

static uint64_t add(struct directory *d, const struct dir_kind *k, const char *name)
{
	uint64_t id = 0;

	CHECK_OK(directory_add(d, k, str_z(name), NULL, 0, &id));
	return id;
}

static err set(struct directory *d, const struct dir_kind *k, const char *name, const char *field,
	       const char *value)
{
	struct dir_set v = { dir_field_find(k, str_z(field)), str_z(value) };

	CHECK(v.field != NULL);
	return directory_set(d, k, str_z(name), &v, 1);
}

static err alias(struct directory *d, const char *address, const char *targets)
{
	str v[8], rest = str_z(targets), one;
	size_t n = 0;

	while (str_next(&rest, ',', &one))
		v[n++] = one;
	return directory_alias_add(d, str_z(address), v, n);
}

/* Domains demo.test, its alias alt.test, and other.test without a catch-all. */
static struct directory *demo(const char *path)
{
	struct directory *d = NULL;

	CHECK_OK(directory_open(path, true, &d));
	(void)add(d, &dir_domain, "demo.test");
	(void)add(d, &dir_domain, "Alt.Test");
	(void)add(d, &dir_domain, "other.test");
	CHECK_OK(set(d, &dir_domain, "alt.test", "alias-of", "demo.test"));
	(void)add(d, &dir_user_kind, "Ana@Demo.test");
	(void)add(d, &dir_user_kind, "bruno@demo.test");
	(void)add(d, &dir_user_kind, "admin@demo.test");
	(void)add(d, &dir_user_kind, "ana@other.test");
	CHECK_OK(set(d, &dir_user_kind, "admin@demo.test", "admin", "yes"));
	CHECK_OK(alias(d, "sales@demo.test", "ana@demo.test,bruno+shop@demo.test"));
	CHECK_OK(alias(d, "solo@demo.test", "bruno+solo@demo.test"));
	CHECK_OK(alias(d, "all@demo.test", "sales@demo.test,else@where.example"));
	CHECK_OK(alias(d, "out@demo.test", "else@where.example"));
	CHECK_OK(alias(d, "loop1@demo.test", "else@where.example"));
	CHECK_OK(alias(d, "loop2@demo.test", "loop1@demo.test"));
	CHECK_OK(
		directory_alias_set(d, STR("loop1@demo.test"), (str[]){ S("loop2@demo.test") }, 1));
	return d;
}

static const struct {
	str in;
	enum dir_what what;
	str want; /* login, or targets with commas */
	str detail;
} resolutions[] = {
	{ S("ana@demo.test"), DIR_USER, S("ana@demo.test"), S("") },
	{ S("ANA@DEMO.TEST"), DIR_USER, S("ana@demo.test"), S("") },
	{ S("ana@demo.test."), DIR_USER, S("ana@demo.test"), S("") },
	{ S("ana+Tag@demo.test"), DIR_USER, S("ana@demo.test"), S("tag") },
	{ S("ana@alt.test"), DIR_USER, S("ana@demo.test"), S("") },
	{ S("ana+x@alt.test"), DIR_USER, S("ana@demo.test"), S("x") },
	{ S("nobody@demo.test"), DIR_UNKNOWN, S(""), S("") },
	{ S("+x@demo.test"), DIR_UNKNOWN, S(""), S("") },
	{ S("ana@elsewhere.test"), DIR_FOREIGN, S(""), S("") },
	{ S("ana"), DIR_FOREIGN, S(""), S("") },
	{ S("@demo.test"), DIR_UNKNOWN, S(""), S("") },
	{ S(""), DIR_FOREIGN, S(""), S("") },
	{ S("\"a b\"@demo.test"), DIR_UNKNOWN, S(""), S("") },
	{ S("postmaster"), DIR_USER, S("admin@demo.test"), S("") }, /* 5321 4.5.1 */
	{ S("Postmaster@demo.test"), DIR_USER, S("admin@demo.test"), S("") },
	{ S("postmaster@other.test"), DIR_USER, S("admin@demo.test"), S("") },
	{ S("abuse@demo.test"), DIR_USER, S("admin@demo.test"), S("") }, /* 2142 4 */
	{ S("sales@demo.test"), DIR_ALIAS, S("ana@demo.test,bruno@demo.test"), S("") },
	{ S("solo@demo.test"), DIR_USER, S("bruno@demo.test"), S("solo") },
	{ S("all@demo.test"), DIR_ALIAS, S("else@where.example,ana@demo.test,bruno@demo.test"),
	  S("") },
	{ S("out@demo.test"), DIR_ALIAS, S("else@where.example"), S("") },
	{ S("loop1@demo.test"), DIR_UNKNOWN, S(""), S("") },
	{ S("loop2+x@demo.test"), DIR_UNKNOWN, S(""), S("") },
};

static void check_resolutions(const struct table *t)
{
	for (size_t i = 0; i < COUNT(resolutions); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;
		struct dir_answer got;

		arena_init(&a, MIB(1));
		buf_init(&b, KIB(4));
		CHECK_OK(table_address(t, resolutions[i].in, &a, &got));
		CHECK_ROW(i, got.what == resolutions[i].what);
		if (got.what == DIR_USER)
			buf_add(&b, got.user.login);
		for (size_t k = 0; k < got.ntargets; k++)
			buf_fmt(&b, "%s%.*s", k ? "," : "", STRF(got.targets[k]));
		CHECK_STR_ROW(i, buf_str(&b), resolutions[i].want);
		if (got.what == DIR_USER)
			CHECK_STR_ROW(i, got.detail, resolutions[i].detail);
	}
}

TEST(addresses_lead_where_they_should)
{
	CLEANUP(place_drop) struct place p;
	struct table *t = NULL;

	place_make(&p);
	struct directory *d = demo(p.db);

	CHECK_OK(table_load(directory_sql(d), &t));
	check_resolutions(t);
	/* a snapshot says the same */
	CHECK_OK(table_save(t, p.snapshot));
	table_free(t);
	CHECK_OK(table_restore(p.snapshot, &t));
	check_resolutions(t);
	table_free(t);

	/* with a catch-all nothing is unknown, but what stands there still wins */
	CHECK_OK(alias(d, "@demo.test", "bruno@demo.test"));
	CHECK_OK(table_load(directory_sql(d), &t));
	CLEANUP(arena_free) struct arena a;
	struct dir_answer got;

	arena_init(&a, MIB(1));
	CHECK_OK(table_address(t, STR("nobody@demo.test"), &a, &got));
	CHECK(got.what == DIR_USER);
	CHECK_STR(got.user.login, STR("bruno@demo.test"));
	CHECK_OK(table_address(t, STR("ana+x@demo.test"), &a, &got));
	CHECK_STR(got.user.login, STR("ana@demo.test"));
	table_free(t);
	directory_close(d);
}

TEST(logins)
{
	CLEANUP(place_drop) struct place p;
	CLEANUP(arena_free) struct arena a;
	struct table *t = NULL;
	static const struct {
		str login, domain, want;
	} rows[] = {
		{ S("ana@demo.test"), S(""), S("ana@demo.test") },
		{ S("BRUNO"), S(""), S("bruno@demo.test") },
		{ S("ana"), S(""), S("") }, /* in two domains */
		{ S("ana"), S("other.test"), S("ana@other.test") },
		{ S("bruno"), S("alt.test"), S("bruno@demo.test") },
		{ S("ana@alt.test"), S(""), S("ana@demo.test") },
		{ S("sales@demo.test"), S(""), S("") }, /* an alias does not log in */
		{ S("ana+x@demo.test"), S(""), S("") },
		{ S("@demo.test"), S(""), S("") },
		{ S(""), S(""), S("") },
	};

	place_make(&p);
	arena_init(&a, MIB(1));
	struct directory *d = demo(p.db);

	CHECK_OK(table_load(directory_sql(d), &t));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dir_user u = { .login = S("") };

		CHECK_ROW(i, table_login(t, rows[i].login, rows[i].domain, &a, &u) ==
				     (rows[i].want.n ? OK : E_NOTFOUND));
		CHECK_STR_ROW(i, u.login, rows[i].want);
	}
	table_free(t);
	directory_close(d);
}

TEST(lists_of_a_user)
{
	CLEANUP(place_drop) struct place p;
	struct table *t = NULL;
	uint64_t ana = 0;
	static const struct {
		str sender;
		enum dir_listed want;
	} rows[] = {
		{ S("friend@x.example"), LISTED_CONTACT },
		{ S("FRIEND@X.example"), LISTED_CONTACT },
		{ S("other@x.example"), LISTED_BLOCK }, /* its domain */
		{ S("good@y.example"), LISTED_ALLOW },
		{ S("foe@y.example"), LISTED_BLOCK }, /* blocked, though in the address book */
		{ S("z@z.example"), LISTED_ALLOW },
		{ S("nobody@nowhere.example"), LISTED_NOT },
		{ S(""), LISTED_NOT },
	};

	place_make(&p);
	struct directory *d = demo(p.db);

	CHECK_OK(directory_find(d, &dir_user_kind, STR("ana@demo.test"), &ana));
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_CONTACT, STR("Friend@x.example"),
				    STR("A Friend")));
	CHECK(directory_list_add(d, ana, DIR_LIST_CONTACT, STR("friend@x.example"), STR("")) ==
	      E_EXISTS);
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_CONTACT, STR("foe@y.example"), STR("")));
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_BLOCK, STR("@x.example"), STR("")));
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_BLOCK, STR("foe@y.example"), STR("")));
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_BLOCK, STR("good@y.example"), STR("")));
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_ALLOW, STR("good@y.example"),
				    STR(""))); /* the later one stands */
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_ALLOW, STR("z.example"), STR("")));
	CHECK(directory_list_add(d, ana, DIR_LIST_ALLOW, STR("not an address"), STR("")) ==
	      E_SYNTAX);
	CHECK(directory_list_remove(d, ana, DIR_LIST_ALLOW, STR("q@q.example")) == E_NOTFOUND);
	CHECK_OK(table_load(directory_sql(d), &t));
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, table_listed(t, ana, rows[i].sender) == rows[i].want);
	CHECK(table_listed(t, ana + 1, STR("friend@x.example")) == LISTED_NOT);
	table_free(t);
	directory_close(d);
}

/* The user's word, else the domain's, else the nearest tenant's that says something; in a snapshot,
 * too. */
TEST(spam_levels_come_down)
{
	CLEANUP(place_drop) struct place p;
	enum { NONE, NORMAL = 4, LENIENT, MOST };
	static const struct {
		const struct dir_kind *kind;
		const char *name, *field, *value;
		unsigned level;
		enum dir_above above;
		enum dir_digest digest;
	} rows[] = {
		{ &dir_tenant, "top", "spam-above", "reject", NONE, ABOVE_REJECT },
		{ &dir_tenant, "top", "spam-level", "lenient", LENIENT, ABOVE_REJECT },
		{ &dir_tenant, "below", "spam-level", "normal", NORMAL, ABOVE_REJECT },
		{ &dir_domain, "demo.test", "spam-above", "discard", NORMAL, ABOVE_DISCARD },
		{ &dir_domain, "demo.test", "spam-level", "very-lenient", MOST, ABOVE_DISCARD },
		{ &dir_user_kind, "ana@demo.test", "spam-level", "normal", NORMAL, ABOVE_DISCARD },
		{ &dir_user_kind, "ana@demo.test", "spam-level", "default", MOST, ABOVE_DISCARD },
		{ &dir_tenant, "top", "digest", "all", MOST, ABOVE_DISCARD, DIGEST_ALL },
		{ &dir_domain, "demo.test", "digest", "off", MOST, ABOVE_DISCARD, DIGEST_OFF },
		{ &dir_user_kind, "ana@demo.test", "digest", "quarantine", MOST, ABOVE_DISCARD,
		  DIGEST_QUARANTINE },
	};
	struct arena a;

	place_make(&p);
	arena_init(&a, MIB(1));
	struct directory *d = demo(p.db);

	(void)add(d, &dir_tenant, "top");
	(void)add(d, &dir_tenant, "below");
	CHECK_OK(set(d, &dir_tenant, "below", "parent", "top"));
	CHECK_OK(set(d, &dir_domain, "demo.test", "tenant", "below"));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct table *t = NULL, *restored = NULL;
		struct dir_user u;

		CHECK_OK(set(d, rows[i].kind, rows[i].name, rows[i].field, rows[i].value));
		CHECK_OK(table_load(directory_sql(d), &t));
		CHECK_OK(table_login(t, STR("ana@demo.test"), STR(""), &a, &u));
		CHECK_ROW(i, u.spam_level == rows[i].level && u.spam_above == rows[i].above);
		CHECK_ROW(i, u.digest == rows[i].digest);
		CHECK_OK(table_save(t, p.snapshot));
		CHECK_OK(table_restore(p.snapshot, &restored));
		CHECK_OK(table_login(restored, STR("ana@demo.test"), STR(""), &a, &u));
		CHECK_ROW(i, u.spam_level == rows[i].level && u.spam_above == rows[i].above);
		table_free(t);
		table_free(restored);
	}
	arena_free(&a);
	directory_close(d);
}

TEST(bad_input_changes_nothing)
{
	CLEANUP(place_drop) struct place p;
	static const struct {
		const char *field, *value;
		err want;
	} rows[] = {
		{ "quota", "abc", E_SYNTAX },
		{ "quota", "-1", E_SYNTAX },
		{ "quota", "", E_SYNTAX },
		{ "quota", "9999999T", E_LIMIT },
		{ "quota", "2G", OK },
		{ "quota", "0", OK },
		{ "spam-level", "7", E_SYNTAX },
		{ "spam-level", "lenient", OK },
		{ "spam-above", "reject", OK },
		{ "spam-above", "inbox", E_SYNTAX },
		{ "disabled", "maybe", E_SYNTAX },
		{ "state", "lost", E_SYNTAX },
		{ "epoch", "7", E_DENIED },
		{ "forward", "x", E_SYNTAX },
		{ "forward", "x@y.example,z@y.example", OK },
		{ "vacation-from", "soon", E_SYNTAX },
		{ "vacation-from", "2026-12-24", OK },
		{ "name", "\xff", E_SYNTAX },
	};
	uint64_t id, again;
	int64_t before, after;

	place_make(&p);
	struct directory *d = demo(p.db);
	struct sql *s = directory_sql(d);

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_OK(SQL_GET(s, &before, "SELECT value FROM counters"));
		CHECK_ROW(i, set(d, &dir_user_kind, "ana@demo.test", rows[i].field,
				 rows[i].value) == rows[i].want);
		CHECK_OK(SQL_GET(s, &after, "SELECT value FROM counters"));
		CHECK_ROW(i, after - before == (rows[i].want == OK));
	}
	CHECK(directory_add(d, &dir_user_kind, STR("ana@demo.test"), NULL, 0, &id) == E_EXISTS);
	CHECK(directory_add(d, &dir_user_kind, STR("sales@demo.test"), NULL, 0, &id) == E_EXISTS);
	CHECK(directory_add(d, &dir_user_kind, STR("x@unknown.test"), NULL, 0, &id) == E_NOTFOUND);
	CHECK(directory_add(d, &dir_user_kind, STR("x@alt.test"), NULL, 0, &id) == E_DENIED);
	CHECK(directory_add(d, &dir_user_kind, STR("no address"), NULL, 0, &id) == E_SYNTAX);
	CHECK(directory_add(d, &dir_domain, STR("-bad-.test"), NULL, 0, &id) == E_SYNTAX);
	CHECK(alias(d, "ana@demo.test", "bruno@demo.test") == E_EXISTS);
	CHECK(alias(d, "new@demo.test", "gone@demo.test") == E_NOTFOUND);
	CHECK(alias(d, "self@demo.test", "self@demo.test") == E_DENIED);
	CHECK(directory_remove(d, &dir_domain, STR("demo.test")) == E_DENIED);
	/* a user who is added anew is another user */
	CHECK_OK(directory_find(d, &dir_user_kind, STR("ana@other.test"), &id));
	CHECK_OK(directory_remove(d, &dir_user_kind, STR("ana@other.test")));
	CHECK_OK(directory_add(d, &dir_user_kind, STR("ana@other.test"), NULL, 0, &again));
	CHECK(again > id);
	directory_close(d);
}

TEST(tenants_have_limits)
{
	CLEANUP(place_drop) struct place p;
	CLEANUP(arena_free) struct arena a;
	struct directory *d = NULL;
	struct table *t = NULL;
	struct dir_user u;
	uint64_t id;

	place_make(&p);
	arena_init(&a, MIB(1));
	CHECK_OK(directory_open(p.db, true, &d));
	(void)add(d, &dir_tenant, "north");
	(void)add(d, &dir_tenant, "shop");
	CHECK_OK(set(d, &dir_tenant, "shop", "parent", "north"));
	CHECK(set(d, &dir_tenant, "north", "parent", "shop") == E_DENIED); /* a circle */
	CHECK_OK(set(d, &dir_tenant, "shop", "max-users", "1"));
	CHECK_OK(set(d, &dir_tenant, "shop", "max-domains", "1"));
	(void)add(d, &dir_domain, "one.test");
	(void)add(d, &dir_domain, "two.test");
	CHECK_OK(set(d, &dir_domain, "one.test", "tenant", "shop"));
	CHECK(set(d, &dir_domain, "two.test", "tenant", "shop") == E_DENIED);
	(void)add(d, &dir_user_kind, "a@one.test");
	CHECK(directory_add(d, &dir_user_kind, STR("b@one.test"), NULL, 0, &id) == E_DENIED);
	CHECK(directory_remove(d, &dir_tenant, STR("shop")) == E_DENIED);
	/* who is off takes all below along */
	CHECK_OK(set(d, &dir_tenant, "north", "disabled", "yes"));
	CHECK_OK(table_load(directory_sql(d), &t));
	CHECK_OK(table_login(t, STR("a@one.test"), STR(""), &a, &u));
	CHECK(u.flags & USER_DISABLED);
	table_free(t);
	directory_close(d);
}

TEST(snapshot_that_rotted)
{
	CLEANUP(place_drop) struct place p;
	struct table *t = NULL;
	static char bytes[4096];

	place_make(&p);
	struct directory *d = demo(p.db);

	CHECK(table_restore(p.snapshot, &t) == E_NOTFOUND);
	CHECK_OK(table_load(directory_sql(d), &t));
	CHECK_OK(table_save(t, p.snapshot));
	table_free(t);
	directory_close(d);
	FILE *f = fopen(p.snapshot, "r");
	size_t n = fread(bytes, 1, sizeof(bytes), f);

	(void)fclose(f);
	CHECK(n > 60 && n < sizeof(bytes));
	for (size_t cut = 0; cut < 2 * n; cut++) { /* first each length, then each octet wrong */
		static char copy[4096];

		memcpy(copy, bytes, n);
		if (cut >= n)
			copy[cut - n] ^= 0x20;
		f = fopen(p.snapshot, "w");
		CHECK(fwrite(copy, 1, cut < n ? cut : n, f) == (cut < n ? cut : n));
		(void)fclose(f);
		t = NULL;
		CHECK_ROW(cut, table_restore(p.snapshot, &t) == E_CORRUPT);
		CHECK_ROW(cut, t == NULL);
	}
}

TEST(older_files_migrate)
{
	CLEANUP(place_drop) struct place p;
	struct schema first = schema_directory;
	struct sql *s = NULL;
	int64_t v = 0;

	place_make(&p);
	first.nsteps = 1;
	CHECK_OK(sql_open(p.db, SQL_CREATE, 100, &s));
	CHECK_OK(schema_migrate(s, &first, 1));
	CHECK_OK(sql_exec(s, "INSERT INTO domains (name, created) VALUES ('old.test', 1)"));
	CHECK_OK(sql_exec(s, "INSERT INTO users (domain_id, local, created) VALUES (1, 'ana', 1)"));
	sql_close(s);
	struct directory *d = NULL;

	CHECK_OK(directory_open(p.db, true, &d));
	CHECK_OK(schema_version(directory_sql(d), &v));
	CHECK(v == (int64_t)schema_directory.nsteps);
	CHECK_OK(set(d, &dir_user_kind, "ana@old.test", "dialup",
		     "yes")); /* a table of the second step */
	/* a file of a program to come */
	CHECK_OK(
		sql_exec(directory_sql(d), "INSERT INTO schema_version VALUES (99, 'to come', 1)"));
	directory_close(d);
	CHECK(directory_open(p.db, true, &d) == E_DENIED);
}

/* ---- the table that follows the feed ---- */

struct follow {
	struct place p;
	struct dirtable *t;
	uint64_t told[16];
	size_t ntold;
};

static void told(void *arg, uint64_t user)
{
	struct follow *f = arg;

	if (f->ntold < 16)
		f->told[f->ntold++] = user;
}

/* Sleeps until cond holds, on however busy a machine; the check behind it says what did not come.
 */
#define UNTIL(cond)                                                                                \
	for (int tries_ = 0; tries_ < 2000 && !(cond); tries_++)                                   \
	CHECK_OK(fiber_sleep(clock_in(5)))

WAITS static enum dir_what what(struct dirtable *t, const char *address)
{
	CLEANUP(arena_free) struct arena a;
	struct dir_answer got;

	arena_init(&a, MIB(1));
	CHECK_OK(dirtable_address(t, str_z(address), &a, &got));
	return got.what;
}

WAITS static void open_table(struct follow *f)
{
	struct dirtable_options o = { f->p.db, f->p.snapshot, 10 };

	CHECK_OK(dirtable_open(&o, &f->t));
	dirtable_on_change(f->t, told, f);
}

WAITS static err follows(void *arg)
{
	struct follow *f = arg;
	struct directory *d = demo(f->p.db);
	uint64_t ana, id;

	open_table(f);
	CHECK(dirtable_complete(f->t));
	CHECK_OK(directory_find(d, &dir_user_kind, STR("ana@demo.test"), &ana));
	CHECK(what(f->t, "new@demo.test") == DIR_UNKNOWN);
	id = add(d, &dir_user_kind, "new@demo.test");
	UNTIL(what(f->t, "new@demo.test") == DIR_USER);
	CHECK(what(f->t, "new@demo.test") == DIR_USER);
	UNTIL(f->ntold); /* a moment after the table has it */
	CHECK(f->ntold == 1 && f->told[0] == id);
	CHECK_OK(directory_list_add(d, ana, DIR_LIST_BLOCK, STR("foe@x.example"), STR("")));
	UNTIL(dirtable_listed(f->t, ana, STR("foe@x.example")) == LISTED_BLOCK);
	CHECK(dirtable_listed(f->t, ana, STR("foe@x.example")) == LISTED_BLOCK);
	CHECK_OK(directory_note(d, "password", ana));
	CHECK_OK(directory_remove(d, &dir_user_kind, STR("new@demo.test")));
	CHECK_OK(alias(d, "fresh@demo.test", "ana@demo.test"));
	UNTIL(what(f->t, "fresh@demo.test") == DIR_USER);
	CHECK(what(f->t, "new@demo.test") == DIR_UNKNOWN);
	CHECK(what(f->t, "fresh@demo.test") == DIR_USER);
	CHECK(dirtable_may_send_as(f->t, ana, STR("fresh@demo.test")));
	CHECK(dirtable_may_send_as(f->t, ana, STR("sales@demo.test")));
	CHECK(!dirtable_may_send_as(f->t, ana, STR("bruno@demo.test")));
	CHECK(!dirtable_may_send_as(f->t, ana, STR("ana@elsewhere.test")));
	/* whoever fell behind loads all */
	f->ntold = 0;
	CHECK_OK(directory_begin(d));
	(void)add(d, &dir_user_kind, "later@demo.test");
	CHECK_OK(sql_exec(directory_sql(d), "DELETE FROM changes"));
	CHECK_OK(directory_commit(d));
	UNTIL(what(f->t, "later@demo.test") == DIR_USER);
	CHECK(what(f->t, "later@demo.test") == DIR_USER);
	UNTIL(f->ntold && f->told[f->ntold - 1] == 0);
	CHECK(f->ntold && f->told[f->ntold - 1] == 0);
	CHECK(dirtable_age(f->t) < 60000);
	dirtable_close(f->t);
	directory_close(d);
	return OK;
}

TEST(table_follows_the_feed)
{
	CLEANUP(place_drop) struct place p;
	struct follow f = { 0 };

	place_make(&p);
	f.p = p;
	CHECK_OK(loop_main(follows, &f));
}

/* The file is lost, and another one, empty, is made in its place: nobody becomes unknown, neither
 * to who runs nor to who starts with the snapshot. */
WAITS static err lost(void *arg)
{
	struct follow *f = arg;
	struct directory *d = demo(f->p.db);

	open_table(f);
	CHECK(what(f->t, "ana@demo.test") == DIR_USER);
	UNTIL(access(f->p.snapshot, R_OK) == 0);
	directory_close(d);
	CHECK(unlink(f->p.db) == 0);
	CHECK_OK(directory_open(f->p.db, true, &d));
	CHECK_OK(fiber_sleep(clock_in(100)));
	CHECK(what(f->t, "ana@demo.test") == DIR_USER);
	dirtable_close(f->t);
	open_table(f);
	CHECK_OK(fiber_sleep(clock_in(100)));
	CHECK(what(f->t, "ana@demo.test") == DIR_USER);
	/* a new directory that is filled counts */
	(void)add(d, &dir_domain, "other.test");
	UNTIL(what(f->t, "ana@demo.test") == DIR_FOREIGN);
	CHECK(what(f->t, "ana@demo.test") == DIR_FOREIGN);
	CHECK(what(f->t, "ana@other.test") == DIR_UNKNOWN);
	dirtable_close(f->t);
	directory_close(d);
	return OK;
}

TEST(lost_directory_makes_nobody_unknown)
{
	CLEANUP(place_drop) struct place p;
	struct follow f = { 0 };

	place_make(&p);
	f.p = p;
	CHECK_OK(loop_main(lost, &f));
}

WAITS static err locked(void *arg)
{
	struct follow *f = arg;
	struct directory *d = demo(f->p.db);
	msec began = clock_now();

	/* nothing to read: no table, no wait */
	CHECK_OK(sql_exec(directory_sql(d), "BEGIN EXCLUSIVE"));
	open_table(f);
	CHECK(clock_now() - began < 20000);
	CHECK(!dirtable_complete(f->t));
	CHECK(what(f->t, "ana@demo.test") == DIR_NOTABLE);
	CHECK(dirtable_age(f->t) == NEVER);
	CHECK_OK(sql_exec(directory_sql(d), "COMMIT"));
	UNTIL(what(f->t, "ana@demo.test") == DIR_USER);
	UNTIL(access(f->p.snapshot, R_OK) == 0);
	dirtable_close(f->t);

	/* locked again: the snapshot answers, and what changes after the lock arrives */
	CHECK_OK(sql_exec(directory_sql(d), "BEGIN EXCLUSIVE"));
	open_table(f);
	CHECK(what(f->t, "ana@demo.test") == DIR_USER);
	CHECK_OK(sql_exec(directory_sql(d), "COMMIT"));
	(void)add(d, &dir_user_kind, "late@demo.test");
	UNTIL(what(f->t, "late@demo.test") == DIR_USER);
	CHECK(what(f->t, "late@demo.test") == DIR_USER);
	dirtable_close(f->t);
	directory_close(d);
	return OK;
}

/* ---- other threads ask while the tail changes the table ---- */

struct asker {
	struct dirtable *t;
	_Atomic bool stop;
	_Atomic unsigned wrong;
};

static void *ask(void *arg)
{
	struct asker *k = arg;
	struct arena a;
	struct dir_answer got;

	arena_init(&a, MIB(1));
	while (!k->stop) {
		arena_reset(&a);
		/* ana stays; busy comes and goes; the alias leads somewhere at all times */
		k->wrong += dirtable_address(k->t, STR("ana@demo.test"), &a, &got) ||
			    got.what != DIR_USER;
		k->wrong += dirtable_address(k->t, STR("sales@demo.test"), &a, &got) ||
			    got.what != DIR_ALIAS;
		k->wrong += dirtable_address(k->t, STR("busy@demo.test"), &a, &got) ||
			    (got.what != DIR_USER && got.what != DIR_UNKNOWN);
		(void)dirtable_listed(k->t, 1, STR("foe@x.example"));
	}
	arena_free(&a);
	return NULL;
}

WAITS static err crowd(void *arg)
{
	struct follow *f = arg;
	struct directory *d = demo(f->p.db);
	struct asker k = { 0 };
	pthread_t threads[3];

	open_table(f);
	k.t = f->t;
	for (size_t i = 0; i < COUNT(threads); i++)
		CHECK(pthread_create(&threads[i], NULL, ask, &k) == 0);
	for (int i = 0; i < 8; i++) {
		(void)add(d, &dir_user_kind, "busy@demo.test");
		CHECK_OK(directory_list_add(d, 1, DIR_LIST_BLOCK, STR("foe@x.example"), STR("")));
		UNTIL(what(f->t, "busy@demo.test") == DIR_USER);
		CHECK_OK(directory_remove(d, &dir_user_kind, STR("busy@demo.test")));
		CHECK_OK(directory_list_remove(d, 1, DIR_LIST_BLOCK, STR("foe@x.example")));
		CHECK_OK(directory_begin(d)); /* half of the time everything is loaded anew */
		directory_note_all(d);
		CHECK_OK(set(d, &dir_user_kind, "ana@demo.test", "quota", "1G"));
		CHECK_OK(i & 1 ? directory_commit(d) : (directory_rollback(d), OK));
		UNTIL(what(f->t, "busy@demo.test") == DIR_UNKNOWN);
	}
	k.stop = true;
	for (size_t i = 0; i < COUNT(threads); i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(k.wrong == 0);
	dirtable_close(f->t);
	directory_close(d);
	return OK;
}

TEST(other_threads_ask_meanwhile)
{
	CLEANUP(place_drop) struct place p;
	struct follow f = { 0 };

	place_make(&p);
	f.p = p;
	CHECK_OK(loop_main(crowd, &f));
}

TEST(locked_directory_stops_nobody)
{
	CLEANUP(place_drop) struct place p;
	struct follow f = { 0 };

	place_make(&p);
	f.p = p;
	CHECK_OK(loop_main(locked, &f));
}

TEST(address_forms)
{
	static const struct {
		str in, want;
		err e;
	} rows[] = {
		{ S("Ana@Demo.Test"), S("ana@demo.test"), OK },
		{ S("a@b\xc3\xbc"
		    "cher.example"),
		  S("a@xn--bcher-kva.example"), OK },				/* 5890 */
		{ S("jos\xc3\xa9@x.example"), S("jos\xc3\xa9@x.example"), OK }, /* 6531 */
		{ S("a..b@x.example"), S(""), E_SYNTAX },
		{ S(".a@x.example"), S(""), E_SYNTAX },
		{ S("a.@x.example"), S(""), E_SYNTAX },
		{ S("a b@x.example"), S(""), E_SYNTAX },
		{ S("a@"), S(""), E_SYNTAX },
		{ S("@x.example"), S(""), E_SYNTAX },
		{ S("a@x..example"), S(""), E_SYNTAX },
		{ S("a@[192.0.2.1]"), S(""), E_SYNTAX },
		{ S("a,b@x.example"), S(""), E_SYNTAX },
		{ S("a\0b@x.example"), S(""), E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dir_address a;

		CHECK_ROW(i, dir_address_parse(rows[i].in, true, &a) == rows[i].e);
		if (!rows[i].e)
			CHECK_STR_ROW(i, a.all, rows[i].want);
	}
}
