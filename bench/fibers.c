/* What fibers cost: a switch, a life, an echo over a socket, and the memory of one that idles. */
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "run/fiber.h"
#include "run/stream.h"
#include "run/work.h"

enum { SWITCHES = 5000000, LIVES = 200000, ECHOES = 200000, IDLE = 10000, JOBS = 50000 };

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *what, double began, double n)
{
	(void)printf("%-34s %9.1f ns\n", what, (now() - began) / n * 1e9);
}

/* Resident memory in KiB. */
static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		(void)fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

WAITS static err yields(void *arg)
{
	for (int i = 0; i < SWITCHES / 2; i++)
		TRY(fiber_yield());
	return OK;
}

static err nothing(void *arg)
{
	return OK;
}

WAITS static err switches(void)
{
	double began = now();
	struct fiber *a = fiber_start("a", yields, NULL), *b = fiber_start("b", yields, NULL);

	TRY(fiber_join(a));
	TRY(fiber_join(b));
	say("switch to a fiber and back", began, SWITCHES);
	began = now();
	for (int i = 0; i < LIVES; i++)
		TRY(fiber_join(fiber_start("short", nothing, NULL)));
	say("start, run, join", began, LIVES);
	began = now();
	for (int i = 0; i < JOBS; i++)
		TRY(work(POOL_DISK, nothing, NULL));
	say("job in a helper thread", began, JOBS);
	return OK;
}

WAITS static err echo(void *arg)
{
	struct stream *s = arg;
	str line;

	while (stream_line(s, 100, LINE_CRLF, &line) == OK) {
		TRY(stream_write(s, STR("250 OK\r\n")));
		TRY(stream_flush(s));
	}
	stream_close(s);
	return OK;
}

WAITS static err echoes(void)
{
	int fd[2];
	str line;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd))
		return E_IO;
	struct stream *s = stream_open(fd[0], NULL);
	struct fiber *f = fiber_start("echo", echo, stream_open(fd[1], NULL));
	double began = now();

	for (int i = 0; i < ECHOES; i++) {
		TRY(stream_write(s, STR("NOOP\r\n")));
		TRY(stream_flush(s));
		TRY(stream_line(s, 100, LINE_CRLF, &line));
	}
	say("line and answer, both ends", began, ECHOES);
	stream_close(s);
	return fiber_join(f);
}

static struct waitq crowd;

WAITS static err idles(void *arg)
{
	return waitq_wait(&crowd, clock_in(600000));
}

WAITS static err idle(void)
{
	long before = resident();

	waitq_init(&crowd);
	for (int i = 0; i < IDLE; i++)
		(void)fiber_spawn("idle", idles, NULL);
	TRY(fiber_yield());
	(void)printf("%-34s %9.1f KiB\n", "idle fiber, resident",
		     (double)(resident() - before) / IDLE);
	TRY(fiber_sleep(clock_in(2500)));
	(void)printf("%-34s %9.1f KiB\n", "the same, trimmed",
		     (double)(resident() - before) / IDLE);
	waitq_wake_all(&crowd);
	return OK;
}

WAITS static err all(void *arg)
{
	TRY(switches());
	TRY(echoes());
	return idle();
}

int main(void)
{
	return loop_main(all, NULL) == OK ? 0 : 1;
}
