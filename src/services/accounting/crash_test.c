/* A child takes events and folds them until it is killed; what it acknowledged must be in SQL,
 * once. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/test.h"
#include "run/fiber.h"
#include "services/accounting/accounting.h"
#include "services/directory/sql.h"

enum { FIBERS = 8, ROUNDS = 6, LIFE = 150 }; /* LIFE: milliseconds of a child */

static char dir[64], path[128];
static int report_fd; /* the child writes "<session>\n" when acct_append said OK */
static unsigned round_no;
static struct acct *service;

static err open_service(void)
{
	const struct acct_options o = { .dir = dir, .database = path, .fold_every = 5 };

	return acct_open(&o, &service);
}

static void report(str session)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%.*s\n", STRF(session));

	/* Shorter than PIPE_BUF: whole or not at all. */
	CHECK(write(report_fd, line, (size_t)n) == n);
}

WAITS static err nas(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0;; i++) {
		char session[32], login[32];
		struct acct_event e = { .kind = ACCT_START,
					.nas = STR("nas1"),
					.called = STR("1") };

		(void)snprintf(session, sizeof(session), "%u.%u.%u", round_no, me, i);
		(void)snprintf(login, sizeof(login), "user%u", i % 50);
		e.session = str_z(session);
		e.login = str_z(login);
		TRY(acct_append(service, &e));
		e.kind = ACCT_STOP;
		e.in = 1;
		TRY(acct_append(service, &e));
		report(e.session);
		TRY(acct_append(service, &e)); /* and once more */
	}
}

WAITS static err child(void *arg)
{
	(void)arg;
	TRY(open_service());
	for (uintptr_t i = 0; i < FIBERS; i++)
		(void)fiber_spawn("nas", nas, (void *)i);
	return fiber_sleep(NEVER);
}

/* The last life: folds what is left. */
WAITS static err settle(void *arg)
{
	(void)arg;
	TRY(open_service());
	TRY(acct_settled(service, clock_in(60000)));
	acct_close(service);
	return OK;
}

static struct map acknowledged;
static int present;

static void read_reports(int fd)
{
	CLEANUP(buf_free) struct buf all;
	ssize_t n = 1;
	str rest, line;

	buf_init(&all, MIB(16));
	while (n > 0) {
		char *p = buf_room(&all, 65536);

		CHECK(p != NULL);
		n = read(fd, p, 65536);
		all.n += n > 0 ? (size_t)n : 0;
	}
	rest = buf_str(&all);
	while (str_next(&rest, '\n', &line))
		if (line.n)
			(void)map_put(&acknowledged, line, &present);
}

/* As a loss of power leaves it: half a record behind the last sync. */
static void tear(void)
{
	DIR *d = opendir(dir);
	const struct dirent *at;
	char newest[300] = "", file[400];

	CHECK(d != NULL);
	while ((at = readdir(d)))
		if (str_ends(str_z(at->d_name), STR(".log")) &&
		    str_cmp(str_z(at->d_name), str_z(newest)) > 0)
			(void)snprintf(newest, sizeof(newest), "%s", at->d_name);
	(void)closedir(d);
	(void)snprintf(file, sizeof(file), "%s/%s", dir, newest);
	int fd = open(file, O_WRONLY | O_APPEND);

	CHECK(fd >= 0 && write(fd, "\0\0\0\x40\x01\x02half", 10) == 10);
	(void)close(fd);
}

/* Until the child has said so much, however slow it is. */
static void wait_for_octets(int fd, int n)
{
	int have = 0;

	for (int i = 0; i < 60000 && have < n; i++) {
		CHECK(ioctl(fd, FIONREAD, &have) == 0);
		(void)usleep(1000);
	}
	CHECK(have >= n);
}

static void life(bool last)
{
	int fds[2], status;

	CHECK(pipe(fds) == 0);
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(fds[0]);
		report_fd = fds[1];
		err e = loop_main(last ? settle : child, NULL);

		_exit(e == OK ? 0 : 1);
	}
	(void)close(fds[1]);
	if (!last) {
		wait_for_octets(fds[0], 200);
		(void)usleep(LIFE * 1000);
		CHECK(kill(pid, SIGKILL) == 0);
	}
	read_reports(fds[0]);
	(void)close(fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(last ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status));
	if (!last)
		tear();
	round_no++;
}

static int64_t ask(struct sql *s, const char *text)
{
	int64_t v = -1;

	CHECK_OK(sql_get_int(s, str_z(text), NULL, 0, &v));
	return v;
}

static void check_sql(void)
{
	struct sql *s;
	void *value;
	str key;

	CHECK_OK(sql_open(path, SQL_READ, 1000, &s));
	for (size_t at = 0; map_each(&acknowledged, &at, &key, &value);) {
		int64_t n;

		CHECK_OK(SQL_GET(s, &n,
				 "SELECT count(*) FROM live WHERE session=? AND stop>0"
				 " AND incoming=1",
				 SQL_T(key)));
		CHECK_STR(n == 1 ? key : STR("lost, or counted twice"), key);
	}
	CHECK(ask(s, "SELECT count(DISTINCT session) FROM live") ==
	      ask(s, "SELECT count(*) FROM live"));
	CHECK(ask(s, "SELECT sum(incoming) FROM live") ==
	      ask(s, "SELECT count(*) FROM live WHERE stop>0"));
	sql_close(s);
}

TEST(accounting_survives_kill)
{
	char command[128];

	(void)snprintf(dir, sizeof(dir), "/tmp/posta-acct-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/accounting.db", dir);
	map_init(&acknowledged);
	for (int i = 0; i < ROUNDS; i++)
		life(false);
	life(true);
	CHECK(acknowledged.n > 50);
	check_sql();
	map_free(&acknowledged);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK(system(command) == 0);
}
