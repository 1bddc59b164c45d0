/* A child takes mail and delivers some of it until it is killed; what it acknowledged must be
 * there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/test.h"
#include "run/work.h"
#include "services/queue/queue.h"

enum { FIBERS = 8, ROUNDS = 4, LIFE = 400 }; /* LIFE: milliseconds of a child */

static char dir[64];
static int report_fd; /* the child writes "A<address>\n" when queue_add said OK, "D<address>\n" when
			 delivered */
static unsigned round_no;

static void report(char what, str address)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%c%.*s\n", what, STRF(address));

	/* Shorter than PIPE_BUF: whole or not at all. */
	CHECK(write(report_fd, line, (size_t)n) == n);
}

WAITS static void attempt(void *arg, const struct queue_mail *m, struct spool *message,
			  struct queue_try *t, size_t n)
{
	str view;

	(void)arg;
	(void)m;
	CHECK_OK(spool_view(message, &view));
	CHECK(str_starts(view, STR("Subject: crash\r\n\r\n")));
	for (size_t i = 0; i < n; i++) {
		t[i].what = TRY_PASSED;
		report('D', t[i].rcpt->address);
	}
}

static str destination(void *arg, str address, struct arena *a)
{
	(void)arg;
	(void)a;
	return str_skip(address, str_find(address, '@') + 1);
}

static struct queue *the_queue;
static struct kv *the_kv;

static err open_kv(void *arg)
{
	const struct kv_options o = { .dir = dir };

	(void)arg;
	return kv_open_rocksdb(&o, &the_kv);
}

WAITS static err open_queue(void)
{
	TRY(work(POOL_DISK, open_kv, NULL));
	const struct queue_options o = { .kv = the_kv,
					 .spool_dir = "/tmp",
					 .name = STR("relay"),
					 .hostname = STR("mail.test"),
					 .attempt = attempt,
					 .destination = destination,
					 .parallel = 4,
					 .per_destination = 2 };

	return queue_open(&o, &the_queue);
}

WAITS static err sender(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0;; i++) {
		char address[48];
		struct queue_rcpt r = { 0 };
		struct queue_mail m = {
			.id = STR(""), .from = STR("ana@demo.test"), .rcpts = &r, .nrcpts = 1
		};
		struct spool *s = spool_new("/tmp", MIB(1));

		(void)snprintf(address, sizeof(address), "r%u.%u.%u@d%u.test", round_no, me, i,
			       i % 5);
		r.address = str_z(address);
		TRY(spool_add(s, STR("Subject: crash\r\n\r\nbody\r\n")));
		TRY(queue_add(the_queue, &m, s));
		spool_drop(s);
		report('A', r.address);
	}
}

WAITS static err child(void *arg)
{
	(void)arg;
	TRY(open_queue());
	for (uintptr_t i = 0; i < FIBERS; i++)
		(void)fiber_spawn("sender", sender, (void *)i);
	return fiber_sleep(NEVER);
}

/* The last life: delivers what is left. */
WAITS static err drain(void *arg)
{
	(void)arg;
	TRY(open_queue());
	for (int i = 0; i < 2000; i++) {
		CLEANUP(arena_free) struct arena a;
		struct kv_row *rows;
		size_t n;
		bool more;

		arena_init(&a, MIB(4));
		TRY(fiber_sleep(clock_in(50)));
		TRY(kv_range(the_kv, STR("queue"), STR(""), STR(""), false, 1, &a, &rows, &n,
			     &more));
		if (!n)
			break;
	}
	queue_close(the_queue, clock_in(1000));
	kv_close(the_kv);
	return OK;
}

static struct map seen[2]; /* acknowledged, delivered */
static size_t twice;
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
	while (str_next(&rest, '\n', &line)) {
		if (line.n < 2)
			continue;
		bool again = map_put(&seen[line.p[0] == 'D'], str_skip(line, 1), &present) != NULL;

		twice += again && line.p[0] == 'D';
	}
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
		err e = loop_main(last ? drain : child, NULL);

		_exit(e == OK ? 0 : 1);
	}
	(void)close(fds[1]);
	if (!last) {
		wait_for_octets(fds[0], 800);
		(void)usleep(LIFE * 1000);
		CHECK(kill(pid, SIGKILL) == 0);
	}
	read_reports(fds[0]);
	(void)close(fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(last ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status));
	round_no++;
}

TEST(queue_survives_kill)
{
	char command[128];
	void *value;
	str key;

	(void)snprintf(dir, sizeof(dir), "/tmp/posta-queue-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	map_init(&seen[0]);
	map_init(&seen[1]);
	for (int i = 0; i < ROUNDS; i++)
		life(false);
	life(true);
	CHECK(seen[0].n > 50);
	for (size_t at = 0; map_each(&seen[0], &at, &key, &value);) /* none is lost */
		CHECK_STR(map_get(&seen[1], key) ? key : STR("lost"), key);
	/* Twice came at most what was between its delivery and its commit when the child died. */
	CHECK(twice <= ROUNDS * 4);
	map_free(&seen[0]);
	map_free(&seen[1]);
	(void)snprintf(command, sizeof(command), "%s", dir);
	char *const argv[] = { (char[]){ "rm" }, (char[]){ "-r" }, command, NULL };
	pid_t rm = fork();

	if (rm == 0) {
		(void)execvp("rm", argv);
		_exit(1);
	}
	CHECK(waitpid(rm, NULL, 0) == rm);
}
