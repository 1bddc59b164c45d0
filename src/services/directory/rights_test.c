/* What a role's user can and cannot open: as root, with children under other users. Decision 0050.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "services/directory/dirdb.h"
#include "services/directory/secrets.h"

enum { GROUP_DIRECTORY = 54321, GROUP_SECRETS = 54322, NOBODY = 54320 };

struct place {
	char top[64], folder[80], db[96], secrets_folder[80], secrets_db[96], key[96];
};

/* The code of fn in a child that is NOBODY with one further group. */
static int as_other(gid_t group, int (*fn)(const struct place *), const struct place *p)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (setgroups(1, &group) || setgid(NOBODY) || setuid(NOBODY))
			_exit(100);
		_exit(fn(p));
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int reads(const struct place *p)
{
	struct directory *d = NULL;
	uint64_t id = 0;
	err e = directory_open(p->db, false, &d);

	if (!e)
		e = directory_find(d, &dir_user_kind, STR("ana@demo.test"), &id);
	directory_close(d);
	return (int)e;
}

static int writes(const struct place *p)
{
	struct directory *d = NULL;
	uint64_t id;
	err e = directory_open(p->db, true, &d);

	if (!e)
		e = directory_add(d, &dir_domain, STR("mine.test"), NULL, 0, &id);
	directory_close(d);
	return (int)e;
}

static int learns(const struct place *p)
{
	struct secrets *s = NULL;
	CLEANUP(buf_free) struct buf chap;
	struct scram_verifier v = { .nsalt = 16, .iterations = 4096 };

	buf_init(&chap, 512);
	err e = secrets_open(p->secrets_db, p->key, false, &s);

	if (!e)
		e = secrets_learn(s, 1, STR("$y$x"), STR("$y$x"), &v);
	if (!e)
		e = secrets_chap(s, 1, &chap);
	secrets_close(s);
	return (int)e;
}

static void make(struct place *p)
{
	struct directory *d = NULL;
	struct secrets *s = NULL;
	uint64_t id;

	(void)snprintf(p->top, sizeof(p->top), "/tmp/posta-rights-XXXXXX");
	CHECK(mkdtemp(p->top) != NULL);
	(void)snprintf(p->folder, sizeof(p->folder), "%s/directory", p->top);
	(void)snprintf(p->secrets_folder, sizeof(p->secrets_folder), "%s/secrets", p->top);
	(void)snprintf(p->db, sizeof(p->db), "%s/directory.db", p->folder);
	(void)snprintf(p->secrets_db, sizeof(p->secrets_db), "%s/secrets.db", p->secrets_folder);
	(void)snprintf(p->key, sizeof(p->key), "%s/key", p->secrets_folder);
	CHECK(chmod(p->top, 0755) == 0);
	/* as the supervisor makes them */
	CHECK(!mkdir(p->folder, 0700) && !chown(p->folder, 0, GROUP_DIRECTORY) &&
	      !chmod(p->folder, 02750));
	CHECK(!mkdir(p->secrets_folder, 0700) && !chown(p->secrets_folder, 0, GROUP_SECRETS) &&
	      !chmod(p->secrets_folder, 02770));
	CHECK_OK(directory_open(p->db, true, &d));
	CHECK_OK(directory_add(d, &dir_domain, STR("demo.test"), NULL, 0, &id));
	CHECK_OK(directory_add(d, &dir_user_kind, STR("ana@demo.test"), NULL, 0, &id));
	CHECK_OK(secrets_open(p->secrets_db, p->key, true, &s));
	CHECK_OK(secrets_put(s, id, STR("$y$x"), NULL, STR("ana-secret")));
	directory_close(d);
	secrets_close(s);
}

static void drop(const struct place *p)
{
	char command[128];
	static const char *const names[] = {
		"directory/directory.db",
		"directory/directory.db-journal",
		"directory",
		"secrets/secrets.db",
		"secrets/secrets.db-wal",
		"secrets/secrets.db-shm",
		"secrets/key",
		"secrets",
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(command, sizeof(command), "%s/%s", p->top, names[i]);
		(void)remove(command);
	}
	CHECK(rmdir(p->top) == 0);
}

/* A writer that dies in the middle of its commit leaves a journal: readers wait until somebody who
 * may write has rolled it back, and then see the state before. */
static void check_hot_journal(const struct place *p)
{
	struct directory *d = NULL;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint64_t id;

		if (directory_open(p->db, true, &d) ||
		    sql_exec(directory_sql(d), "PRAGMA cache_spill=1; PRAGMA cache_size=1") ||
		    directory_begin(d))
			_exit(1);
		for (int i = 0; i < 2000; i++) {
			char name[32];
			int n = snprintf(name, sizeof(name), "u%d@demo.test", i);

			if (directory_add(d, &dir_user_kind, str_of(name, (size_t)n), NULL, 0, &id))
				_exit(1);
		}
		_exit(0); /* pages are in the file, the commit is not */
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(as_other(GROUP_DIRECTORY, reads, p) == E_AGAIN);
	CHECK_OK(directory_open(p->db, true, &d));
	directory_close(d);
	CHECK(as_other(GROUP_DIRECTORY, reads, p) == OK);
}

TEST(roles_open_what_is_theirs)
{
	struct place p;
	struct directory *d = NULL;
	struct secrets *s = NULL;

	if (geteuid() != 0)
		SKIP("needs root");
	make(&p);
	CHECK(as_other(GROUP_DIRECTORY, reads, &p) == OK);
	CHECK(as_other(GROUP_DIRECTORY, writes, &p) == E_DENIED);
	CHECK(as_other(GROUP_DIRECTORY, learns, &p) != OK); /* the mx and passwords */
	CHECK(as_other(NOBODY, reads, &p) != OK);
	CHECK(as_other(GROUP_SECRETS, reads, &p) != OK);
	CHECK(as_other(GROUP_SECRETS, learns, &p) == OK);
	/* while root has them open, and after it has closed them */
	CHECK_OK(directory_open(p.db, true, &d));
	CHECK_OK(secrets_open(p.secrets_db, p.key, false, &s));
	CHECK_OK(secrets_put(s, 2, STR("$y$y"), NULL, STR("")));
	CHECK(as_other(GROUP_DIRECTORY, reads, &p) == OK);
	CHECK(as_other(GROUP_SECRETS, learns, &p) == OK);
	directory_close(d);
	secrets_close(s);
	CHECK(as_other(GROUP_DIRECTORY, reads, &p) == OK);
	CHECK(as_other(GROUP_SECRETS, learns, &p) == OK);
	check_hot_journal(&p);
	drop(&p);
}
