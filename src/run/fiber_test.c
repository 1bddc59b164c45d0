#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "run/fiber.h"
#include "run/sanitize.h"
#include "run/work.h"

/* What the fibers of a test did, in order. */
static char story[256];

static void tell(const char *word)
{
	size_t n = strnlen(story, sizeof(story));

	(void)snprintf(story + n, sizeof(story) - n, "%s ", word);
}

static void run(err (*fn)(void *), void *arg)
{
	story[0] = 0;
	CHECK_OK(loop_main(fn, arg));
	CHECK(fiber_count() == 0);
}

/* ---- order, join ---- */

WAITS static err say_twice(void *arg)
{
	tell(arg);
	TRY(fiber_yield());
	tell(arg);
	return OK;
}

WAITS static err order(void *arg)
{
	static char a[] = "a", b[] = "b";
	struct fiber *one = fiber_start("a", say_twice, a), *two = fiber_start("b", say_twice, b);

	tell("main");
	TRY(fiber_join(one));
	return fiber_join(two);
}

TEST(fiber_order)
{
	run(order, NULL);
	CHECK_STR(str_z(story), STR("main a b a b "));
}

static err fails(void *arg)
{
	return fail(E_CORRUPT, "it broke");
}

WAITS static err join_fault(void *arg)
{
	err e = fiber_join(fiber_start("fails", fails, NULL));

	CHECK(e == E_CORRUPT);
	CHECK_STR(str_z(err_last()->text), STR("it broke"));
	return OK;
}

TEST(fiber_join_carries_fault)
{
	run(join_fault, NULL);
	CHECK(loop_main(fails, NULL) == E_CORRUPT);
	CHECK_STR(str_z(err_last()->text), STR("it broke"));
}

WAITS static err fault_stays(void *arg)
{
	err e = fail(E_LIMIT, "mine");

	TRY(fiber_join(fiber_start("say", say_twice, arg)));
	CHECK(e == E_LIMIT);
	CHECK_STR(str_z(err_last()->text), STR("mine"));
	return OK;
}

TEST(fiber_fault_slot)
{
	static char x[] = "x";

	run(fault_stays, x);
}

/* ---- time ---- */

WAITS static err sleep_for(void *arg)
{
	msec ms = *(msec *)arg;
	char word[24];

	TRY(fiber_sleep(clock_in(ms)));
	(void)snprintf(word, sizeof(word), "%d", (int)ms);
	tell(word);
	return OK;
}

WAITS static err sleeps(void *arg)
{
	static msec ms[] = { 500, 100, 90000, 300, 86400000 };

	for (size_t i = 0; i < COUNT(ms); i++)
		(void)fiber_spawn("sleeper", sleep_for, &ms[i]);
	return OK;
}

TEST(fiber_simulated_time)
{
	clock_fake(1000, 1700000000);
	run(sleeps, NULL);
	CHECK_STR(str_z(story), STR("100 300 500 90000 86400000 "));
	CHECK(clock_now() == 1000 + 86400000);
	CHECK(clock_unix() == 1700000000 + 86400);
	clock_fake(-1, 0);
}

WAITS static err real_sleep(void *arg)
{
	msec began = clock_now();

	TRY(fiber_sleep(clock_in(20)));
	CHECK(clock_now() - began >= 20);
	return OK;
}

TEST(fiber_real_time)
{
	run(real_sleep, NULL);
}

TEST(clock_in_saturates)
{
	CHECK(clock_in(NEVER) == NEVER);
	CHECK(clock_in(5) >= clock_now());
}

/* ---- cancel ---- */

WAITS static err sticky(void *arg)
{
	struct waitq q;

	waitq_init(&q);
	CHECK(fiber_sleep(NEVER) == E_CANCELED);
	CHECK(fiber_sleep(NEVER) == E_CANCELED);
	CHECK(fiber_yield() == E_CANCELED);
	CHECK(waitq_wait(&q, NEVER) == E_CANCELED);
	CHECK(fiber_wait_read(0, NEVER) == E_CANCELED);
	return E_CANCELED;
}

WAITS static err joins_sticky(void *arg)
{
	return fiber_join(fiber_start("inner", sticky, NULL));
}

WAITS static err cancels(void *arg)
{
	struct fiber *f = fiber_start("sticky", sticky, NULL);

	TRY(fiber_yield());
	fiber_cancel(f);
	CHECK(fiber_join(f) == E_CANCELED);
	f = fiber_start("not begun", sticky, NULL);
	fiber_cancel(f);
	CHECK(fiber_join(f) == E_CANCELED);
	f = fiber_start("joins", joins_sticky, NULL);
	TRY(fiber_yield());
	TRY(fiber_yield());
	fiber_cancel(f); /* goes through the join to the inner one */
	CHECK(fiber_join(f) == E_CANCELED);
	return OK;
}

TEST(fiber_cancel)
{
	run(cancels, NULL);
}

WAITS static err wait_forever(void *arg)
{
	CHECK(fiber_sleep(NEVER) == E_CANCELED);
	(void)fiber_spawn("born canceled", sticky, NULL);
	tell("gone");
	return E_CANCELED;
}

WAITS static err spawns(void *arg)
{
	for (int i = 0; i < 3; i++)
		(void)fiber_spawn("waits", wait_forever, NULL);
	return OK;
}

static void post_spawn(void *arg)
{
	(void)fiber_spawn("first", spawns, NULL);
}

static void *stop_later(void *arg)
{
	(void)usleep(20000);
	loop_stop(arg);
	return NULL;
}

TEST(loop_stop_cancels_all)
{
	struct loop *l;
	pthread_t t;

	story[0] = 0;
	CHECK_OK(loop_new(&l));
	loop_post(l, post_spawn, NULL);
	CHECK(!pthread_create(&t, NULL, stop_later, l));
	loop_run(l);
	CHECK(!pthread_join(t, NULL));
	loop_free(l);
	CHECK_STR(str_z(story), STR("gone gone gone "));
}

TEST(loop_free_drops_posts)
{
	struct loop *l;

	CHECK_OK(loop_new(&l));
	loop_post(l, post_spawn, NULL);
	loop_free(l);
}

/* ---- waitq ---- */

static struct waitq queue;

WAITS static err wait_turn(void *arg)
{
	TRY(waitq_wait(&queue, NEVER));
	tell(arg);
	return OK;
}

WAITS static err wakes(void *arg)
{
	static char a[] = "a", b[] = "b", c[] = "c";

	waitq_init(&queue);
	CHECK(waitq_wait(&queue, clock_in(10)) == E_TIMEOUT);
	CHECK(waitq_empty(&queue));
	(void)fiber_spawn("a", wait_turn, a);
	(void)fiber_spawn("b", wait_turn, b);
	(void)fiber_spawn("c", wait_turn, c);
	TRY(fiber_yield());
	CHECK(!waitq_empty(&queue));
	waitq_wake_one(&queue);
	TRY(fiber_yield());
	tell("main");
	waitq_wake_all(&queue);
	waitq_wake_one(&queue);
	return OK;
}

TEST(waitq)
{
	run(wakes, NULL);
	CHECK_STR(str_z(story), STR("a main b c "));
}

/* ---- descriptors ---- */

WAITS static err read_word(void *arg)
{
	int fd = *(int *)arg;
	char word[8] = { 0 };

	while (read(fd, word, sizeof(word) - 1) < 0)
		TRY(fiber_wait_read(fd, clock_in(30000)));
	tell(word);
	fiber_fd_forget(fd);
	return OK;
}

WAITS static err fds(void *arg)
{
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	struct fiber *f = fiber_start("reader", read_word, &fd[1]);

	TRY(fiber_yield());
	CHECK(fiber_wait_read(fd[0], clock_in(10)) == E_TIMEOUT);
	CHECK(write(fd[0], "word", 4) == 4);
	TRY(fiber_join(f));
	CHECK_OK(fiber_wait_write(fd[0], clock_in(30000)));
	(void)close(fd[1]);
	CHECK_OK(fiber_wait_read(fd[0], clock_in(30000))); /* the end of file */
	fiber_fd_forget(fd[0]);
	(void)close(fd[0]);
	return OK;
}

TEST(fiber_fds)
{
	run(fds, NULL);
	CHECK_STR(str_z(story), STR("word "));
}

/* An edge that comes while nobody waits is remembered. */
WAITS static err early_edge(void *arg)
{
	int fd[2];
	char c;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	CHECK(fiber_wait_read(fd[0], clock_in(1)) == E_TIMEOUT);
	CHECK(write(fd[1], "x", 1) == 1);
	TRY(fiber_sleep(clock_in(10)));
	CHECK_OK(fiber_wait_read(fd[0], clock_in(30000)));
	CHECK(read(fd[0], &c, 1) == 1);
	CHECK(fiber_wait_read(99999, clock_in(10)) == E_IO);
	fiber_fd_forget(fd[0]);
	(void)close(fd[0]);
	(void)close(fd[1]);
	return OK;
}

TEST(fiber_early_edge)
{
	run(early_edge, NULL);
}

/* ---- helper threads ---- */

static err helper(void *arg)
{
	(void)usleep(20000);
	CHECK_STR(fiber_trace(), STR("T1"));
	*(int *)arg += 1;
	return fail(E_FULL, "disk is full");
}

WAITS static err works(void *arg)
{
	int n = 0;

	fiber_set_trace(STR("T1"));
	CHECK(work(POOL_DISK, helper, &n) == E_FULL);
	CHECK(n == 1);
	CHECK_STR(str_z(err_last()->text), STR("disk is full"));
	return n == 1 ? OK : E_CORRUPT;
}

WAITS static err work_canceled(void *arg)
{
	struct fiber *f = fiber_start("works", works, NULL);

	TRY(fiber_yield());
	TRY(fiber_yield());
	fiber_cancel(f); /* waits for the thread all the same */
	return fiber_join(f);
}

TEST(work_in_thread)
{
	run(works, NULL);
	run(work_canceled, NULL);
}

static _Atomic int sum;
static err add_one(void *arg)
{
	sum++;
	return OK;
}
WAITS static err adds(void *arg)
{
	for (int i = 0; i < 20; i++)
		TRY(work(i % 2 ? POOL_CPU : POOL_CRYPT, add_one, NULL));
	return OK;
}
WAITS static err add_many(void *arg)
{
	for (int i = 0; i < 50; i++)
		(void)fiber_spawn("adds", adds, NULL);
	return OK;
}

TEST(work_many)
{
	sum = 0;
	run(add_many, NULL);
	CHECK(sum == 1000);
}

/* The helper threads of the parent do not work for a child. */
TEST(work_after_fork)
{
#ifdef __SANITIZE_ADDRESS__
	SKIP("a thread of the parent may hold a lock of the sanitizer's, which the child waits "
	     "for");
#endif
	int status = -1;

	run(adds, NULL);
	pid_t child = fork();

	if (!child)
		_exit(loop_main(adds, NULL) == OK ? 0 : 1);
	CHECK(child > 0 && waitpid(child, &status, 0) == child);
	CHECK(status == 0);
}

TEST(work_outside_fiber)
{
	sum = 0;
	CHECK_OK(work(POOL_DISK, add_one, NULL));
	CHECK(sum == 1);
}

/* ---- a descriptor that is closed under somebody who waits ---- */

WAITS static err waits_on(void *arg)
{
	return fiber_wait_read(*(int *)arg, NEVER);
}

WAITS static err forgets(void *arg)
{
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	struct fiber *f = fiber_start("waits", waits_on, &fd[0]);

	TRY(fiber_yield());
	fiber_fd_forget(fd[0]);
	CHECK(fiber_join(f) == E_IO);
	(void)close(fd[0]);
	(void)close(fd[1]);
	return OK;
}

TEST(fiber_forgotten_fd)
{
	run(forgets, NULL);
}

/* ---- many; what a fiber keeps ---- */

static struct waitq crowd;
static size_t inside;

WAITS static err one_of_many(void *arg)
{
	double x = (double)inside++ + 0.5; /* floating point survives switches */

	TRY(waitq_wait(&crowd, clock_in(60000)));
	CHECK(x > 0);
	inside--;
	return OK;
}

WAITS static err many(void *arg)
{
	size_t n = *(size_t *)arg;

	waitq_init(&crowd);
	for (size_t i = 0; i < n; i++)
		(void)fiber_spawn("one", one_of_many, NULL);
	TRY(fiber_yield());
	CHECK(inside == n);
	CHECK(fiber_count() == (int64_t)n + 1);
	waitq_wake_all(&crowd);
	TRY(fiber_yield());
	TRY(fiber_yield());
	CHECK(inside == 0);
	return OK;
}

TEST(fiber_ten_thousand)
{
	size_t n = SAN_THREAD ? 2000 : 10000; /* ThreadSanitizer knows 8128 threads */

	run(many, &n);
	run(many, &n);
}

WAITS static err see_trace(void *arg)
{
	CHECK_STR(fiber_trace(), STR("A1b2"));
	fiber_set_trace(STR("0123456789012345678901234567890123456789"));
	CHECK(fiber_trace().n == 31);
	return OK;
}

WAITS static err traces(void *arg)
{
	CHECK_STR(fiber_trace(), STR(""));
	fiber_set_trace(STR("A1b2"));
	TRY(fiber_join(fiber_start("child", see_trace, NULL)));
	CHECK_STR(fiber_trace(), STR("A1b2"));
	CHECK_STR(str_z(fiber_name(fiber_here())), STR("main"));
	return OK;
}

TEST(fiber_trace_inherited)
{
	run(traces, NULL);
	CHECK(!fiber_here());
}

/* Alignment at entry: printf of doubles uses movaps. Recursion: many pages of stack. */
__attribute__((noinline)) static size_t deep(size_t n)
{
	volatile char frame[1000];

	frame[n % sizeof(frame)] = (char)n;
	return n ? deep(n - 1) + (size_t)(frame[n % sizeof(frame)] == (char)n) : 0;
}

WAITS static err stacks(void *arg)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.2f", 2.5);
	tell(text);
	TRY(fiber_yield());
	CHECK(deep(150) == 150);
	return OK;
}

WAITS static err uses_stacks(void *arg)
{
	for (int i = 0; i < 3; i++)
		TRY(fiber_join(fiber_start("stacks", stacks, NULL)));
	return OK;
}

TEST(fiber_stack)
{
	run(uses_stacks, NULL);
	CHECK_STR(str_z(story), STR("2.50 2.50 2.50 "));
}

/* A fiber that waits longer than the trim time finds its stack as it was. */
WAITS static err trimmed(void *arg)
{
	char keep[1500];

	memset(keep, 'k', sizeof(keep));
	CHECK(deep(100) == 100);
	TRY(fiber_sleep(clock_in(2300)));
	for (size_t i = 0; i < sizeof(keep); i++)
		CHECK(keep[i] == 'k');
	CHECK(deep(100) == 100);
	return OK;
}

TEST(fiber_trimmed_stack)
{
	run(trimmed, NULL);
}
