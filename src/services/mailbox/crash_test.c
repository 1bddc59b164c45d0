/* kill -9 in the middle of deliveries, at chosen points and at random: what was acknowledged is
 * there once, nothing is half, and what is left over is reclaimed. The program runs itself as the
 * child that dies. */
#include "base/test.h"
#include "services/mailbox/mailbox.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/map.h"

enum { USERS = 6, WRITERS = 3, BOXES = 3, MOST = 40000, REPORT_FD = 3 };

/* ---- the child: delivers until it dies ---- */
struct fault_at {
	const char *where;
	_Atomic int left;
};

static void die_there(void *arg, const char *where)
{
	struct fault_at *f = arg;

	if (str_eq(str_z(where), str_z(f->where)) && atomic_fetch_sub(&f->left, 1) == 1)
		(void)kill(getpid(), SIGKILL);
}

struct child {
	struct kv *kv;
	struct mailstore *m;
	struct box *boxes[USERS];
	struct fault_at fault;
	int report;	  /* where what was acknowledged is told */
	_Atomic int next; /* number of the next message */
};

static void say_kept(const struct child *c, int number, size_t user)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "%d %zu\n", number, user);

	if (write(c->report, line, (size_t)n) != n)
		_exit(1);
}

static void deliver_one(struct child *c, int number)
{
	char text[3500], id[16];
	int n = snprintf(text, sizeof(text),
			 "Message-ID: <%d@crash>\r\nSubject: %d\r\n\r\n%0*d\r\n", number, number,
			 number * 37 % 3000 + 1, number);
	struct delivery d[BOXES] = { 0 };
	struct spool *s = spool_new("/tmp", LIM_MESSAGE);

	if (spool_add(s, str_of(text, (size_t)n)) != OK)
		_exit(1);
	for (size_t i = 0; i < BOXES; i++) {
		d[i].box = c->boxes[((size_t)number + i) % USERS];
		d[i].delivery = str_of(id, (size_t)snprintf(id, sizeof(id), "%d", number));
	}
	mailstore_deliver(c->m, s, d, BOXES);
	for (size_t i = 0; i < BOXES; i++) {
		if (d[i].result == OK)
			say_kept(c, number, ((size_t)number + i) % USERS);
	}
	spool_drop(s);
}

static void *write_forever(void *arg)
{
	struct child *c = arg;

	for (int number; (number = atomic_fetch_add(&c->next, 1)) < MOST;)
		deliver_one(c, number);
	return NULL;
}

static void *reclaim_forever(void *arg)
{
	struct child *c = arg;

	while (c->next < MOST) {
		if (mailstore_reclaim(c->m) != OK)
			_exit(1);
	}
	return NULL;
}

/* Folder, number of the first message, point of death and its count stand in the environment. */
TEST(crash_child)
{
	const char *dir = getenv("POSTA_CRASH_DIR"), *where = getenv("POSTA_CRASH_WHERE");
	const char *first = getenv("POSTA_CRASH_FIRST"), *count = getenv("POSTA_CRASH_COUNT");
	struct child *c = MEM_NEW(struct child);
	pthread_t threads[WRITERS + 1];

	if (!dir || !where || !first || !count) {
		mem_free(c);
		SKIP("started by the other tests alone");
	}
	c->report = REPORT_FD;
	c->fault.where = where;
	c->fault.left = (int)strtol(count, NULL, 10);
	c->next = (int)strtol(first, NULL, 10);
	CHECK_OK(kv_open_rocksdb(&(struct kv_options){ .dir = dir }, &c->kv));
	CHECK_OK(mailstore_open(&(struct mailstore_options){ .kv = c->kv,
							     .body_age = -1,
							     .threads = 4,
							     .fault = die_there,
							     .fault_arg = &c->fault },
				&c->m));
	for (uint64_t u = 0; u < USERS; u++)
		CHECK_OK(box_open(c->m, u, 0, 0, &c->boxes[u]));
	for (size_t i = 0; i < WRITERS; i++)
		CHECK(!pthread_create(&threads[i], NULL, write_forever, c));
	CHECK(!pthread_create(&threads[WRITERS], NULL, reclaim_forever, c));
	for (size_t i = 0; i <= WRITERS; i++)
		CHECK(!pthread_join(threads[i], NULL));
	_exit(0);
}

/* ---- the parent: what was acknowledged ---- */
struct kept {
	bool is[MOST][USERS];
};

static pid_t start_child(const char *dir, int first, const char *where, int count, int *report)
{
	char number[16], times[16];
	int fds[2];

	CHECK(pipe(fds) == 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		(void)snprintf(number, sizeof(number), "%d", first);
		(void)snprintf(times, sizeof(times), "%d", count);
		(void)setenv("POSTA_CRASH_DIR", dir, 1);
		(void)setenv("POSTA_CRASH_FIRST", number, 1);
		(void)setenv("POSTA_CRASH_WHERE", where, 1);
		(void)setenv("POSTA_CRASH_COUNT", times, 1);
		(void)close(fds[0]);
		if (fds[1] != REPORT_FD && (dup2(fds[1], REPORT_FD) < 0 || close(fds[1])))
			_exit(1);
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(1);
		(void)execl("/proc/self/exe", "posta-crash", "crash_child", (char *)NULL);
		_exit(1);
	}
	(void)close(fds[1]);
	*report = fds[0];
	return pid;
}

/* Until the child has said so much, however slow it is. */
static void wait_for_octets(int report, int n)
{
	int have = 0;

	for (int i = 0; i < 60000 && have < n; i++) {
		CHECK(ioctl(report, FIONREAD, &have) == 0);
		(void)usleep(1000);
	}
	CHECK(have >= n);
}

/* Until the child is dead. Returns the number behind the last message heard of. */
static int listen_to(int report, struct kept *kept)
{
	FILE *f = fdopen(report, "r");
	int number, highest = 0;
	size_t user;

	CHECK(f != NULL);
	while (fscanf(f, "%d %zu", &number, &user) == 2) {
		CHECK(number >= 0 && number < MOST && user < USERS);
		kept->is[number][user] = true;
		highest = number + 1 > highest ? number + 1 : highest;
	}
	(void)fclose(f);
	return highest;
}

/* ---- the parent: what is there ---- */
static void count_mails(struct mailstore *m, uint64_t user, unsigned *counts)
{
	struct box *b;
	struct folder_view *v;
	struct arena a;
	str body;

	arena_init(&a, MIB(16));
	CHECK_OK(box_open(m, user, 0, 0, &b));
	CHECK_OK(folder_open(b, STR("INBOX"), true, &v));
	for (size_t i = 0; i < v->n; i++) {
		uint64_t number;

		arena_reset(&a);
		CHECK_OK(mail_body(v, v->mails[i].uid, 0, UINT64_MAX, &a, &body));
		CHECK(body.n == v->mails[i].size && str_ends(body, STR("\r\n")));
		str at = str_skip(body, 13);
		CHECK_OK(str_u64(str_take(at, str_find(at, '@')), MOST - 1, &number));
		counts[number]++;
	}
	folder_close(v);
	box_drop(b);
	arena_free(&a);
}

static void check_mails(struct mailstore *m, const struct kept *kept)
{
	for (size_t user = 0; user < USERS; user++) {
		unsigned *counts = mem_get(MOST * sizeof(*counts));

		count_mails(m, user, counts);
		for (size_t i = 0; i < MOST; i++) {
			CHECK_ROW(i, counts[i] <= 1);
			CHECK_ROW(i, counts[i] == 1 || !kept->is[i][user]);
		}
		mem_free(counts);
	}
}

static void check_verify(struct kv *kv, bool orphans_allowed)
{
	struct buf report;
	uint64_t findings;

	buf_init(&report, MIB(1));
	CHECK_OK(mailstore_verify(kv, &report, &findings));
	if (findings)
		printf("%.*s", STRF(buf_str(&report)));
	CHECK(findings == 0);
	CHECK(orphans_allowed || str_search(buf_str(&report), STR("note:")) == report.n);
	buf_free(&report);
}

/* An upstream that heard no answer says everything again. */
static void deliver_again(struct mailstore *m, int upto)
{
	struct child c = { .m = m, .report = open("/dev/null", O_WRONLY | O_CLOEXEC) };

	CHECK(c.report >= 0);
	for (uint64_t u = 0; u < USERS; u++)
		CHECK_OK(box_open(m, u, 0, 0, &c.boxes[u]));
	for (int i = upto > 40 ? upto - 40 : 0; i < upto; i++)
		deliver_one(&c, i);
	(void)close(c.report);
	for (size_t u = 0; u < USERS; u++)
		box_drop(c.boxes[u]);
}

static void check_store(const char *dir, const struct kept *kept, int upto)
{
	struct kv *kv;
	struct mailstore *m;

	CHECK_OK(kv_open_rocksdb(&(struct kv_options){ .dir = dir }, &kv));
	check_verify(kv, true);
	CHECK_OK(mailstore_open(
		&(struct mailstore_options){ .kv = kv, .body_age = -1, .threads = 4 }, &m));
	check_mails(m, kept);
	deliver_again(m, upto);
	check_mails(m, kept);
	CHECK_OK(mailstore_reclaim(m));
	mailstore_close(m);
	check_verify(kv, false);
	kv_close(kv);
}

static void wait_dead(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void rm_tree(const char *dir)
{
	pid_t pid = fork();

	if (!pid) {
		(void)execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
		_exit(1);
	}
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(crash_at_each_step)
{
	static const struct {
		const char *where;
		int count;
	} rows[] = { { "body", 1 },	 { "body", 5 },	     { "commit", 1 },	 { "commit", 11 },
		     { "committed", 7 }, { "committed", 8 }, { "committed", 20 } };
	char dir[] = "/tmp/posta-crash-XXXXXX", sub[64];

	CHECK(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct kept *kept = MEM_NEW(struct kept);
		int report;

		(void)snprintf(sub, sizeof(sub), "%s/%zu", dir, i);
		pid_t pid = start_child(sub, 0, rows[i].where, rows[i].count, &report);
		int upto = listen_to(report, kept);
		wait_dead(pid);
		check_store(sub, kept, upto + BOXES);
		mem_free(kept);
	}
	rm_tree(dir);
}

TEST(crash_at_random)
{
	char dir[] = "/tmp/posta-crash-XXXXXX";
	struct kept *kept = MEM_NEW(struct kept);
	struct timespec now;
	int upto = 0;

	CHECK(mkdtemp(dir) != NULL);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned i = 0; i < 5 && upto < MOST / 2; i++) {
		int report;
		pid_t pid = start_child(dir, upto, "never", 0, &report);

		wait_for_octets(report, 50);
		(void)usleep((useconds_t)((uint64_t)now.tv_nsec / 1000 * (i + 1) % 300000));
		(void)kill(pid, SIGKILL);
		int heard = listen_to(report, kept);
		wait_dead(pid);
		/* Numbers that may be under way are not used again. */
		upto = (heard > upto ? heard : upto) + WRITERS;
		check_store(dir, kept, upto);
	}
	CHECK(upto > 20);
	mem_free(kept);
	rm_tree(dir);
}
