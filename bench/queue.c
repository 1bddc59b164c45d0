/* bench/run queue [DIR]: 10 KB messages a second through the queue on RocksDB: taken (synced), then
 * delivered by an attempt that does nothing and taken out again, by number of senders. DIR lies on
 * the disk to be measured. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "run/log.h"
#include "run/work.h"
#include "services/queue/queue.h"

enum { SIZE = 10000, MAILS = 4000, DESTINATIONS = 50 };

static struct bench {
	struct kv *kv;
	struct queue *q;
	struct spool *message;
	unsigned senders, running;
	unsigned long added, delivered;
	const char *dir;
} b;

static void must(err e)
{
	if (e == OK)
		return;
	(void)fprintf(stderr, "bench: %s\n", err_last()->text);
	exit(1);
}

static double cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

WAITS static void attempt(void *arg, const struct queue_mail *m, struct spool *message,
			  struct queue_try *t, size_t n)
{
	(void)arg;
	(void)m;
	(void)message;
	for (size_t i = 0; i < n; i++)
		t[i].what = TRY_PASSED;
	b.delivered += n;
}

static str destination(void *arg, str address, struct arena *a)
{
	(void)arg;
	(void)a;
	return str_skip(address, str_find(address, '@') + 1);
}

WAITS static err sender(void *arg)
{
	(void)arg;
	while (b.added < MAILS) {
		char address[40];
		unsigned long n = b.added++;
		struct queue_rcpt r = { 0 };
		struct queue_mail m = {
			.id = STR(""), .from = STR("ana@demo.test"), .rcpts = &r, .nrcpts = 1
		};

		(void)snprintf(address, sizeof(address), "u%lu@d%lu.test", n, n % DESTINATIONS);
		r.address = str_z(address);
		must(queue_add(b.q, &m, b.message));
	}
	b.running--;
	return OK;
}

static err open_kv(void *arg)
{
	const struct kv_options o = { .dir = b.dir };

	(void)arg;
	return kv_open_rocksdb(&o, &b.kv);
}

WAITS static err round_of(unsigned senders)
{
	double cpu0 = cpu();
	msec start = clock_now();

	b.added = b.delivered = 0;
	b.running = senders;
	for (unsigned i = 0; i < senders; i++)
		(void)fiber_spawn("sender", sender, NULL);
	while (b.running)
		TRY(fiber_sleep(clock_in(1)));
	msec taken = clock_now() - start;

	while (b.delivered < b.added)
		TRY(fiber_sleep(clock_in(1)));
	msec all = clock_now() - start;

	printf("%8u senders  %8.0f taken/s  %8.0f taken and delivered/s  %6.0f us CPU each\n",
	       senders, (double)b.added * 1000 / (double)(taken ? taken : 1),
	       (double)b.added * 1000 / (double)(all ? all : 1),
	       (cpu() - cpu0) * 1e6 / (double)b.added);
	return OK;
}

WAITS static err bench(void *arg)
{
	static char body[SIZE];

	(void)arg;
	for (size_t i = 0; i < SIZE; i++)
		body[i] = (char)(i % 78 == 77 ? '\n' : 'a' + (int)(i * 7919 % 26));
	TRY(work(POOL_DISK, open_kv, NULL));
	const struct queue_options o = { .kv = b.kv,
					 .spool_dir = "/tmp",
					 .name = STR("bench"),
					 .hostname = STR("bench.test"),
					 .attempt = attempt,
					 .destination = destination,
					 .parallel = 64,
					 .per_destination = 10 };

	TRY(queue_open(&o, &b.q));
	b.message = spool_new("/tmp", SIZE);
	TRY(spool_add(b.message, str_of(body, SIZE)));
	for (unsigned n = 1; n <= 64; n *= 4)
		TRY(round_of(n));
	spool_drop(b.message);
	queue_close(b.q, clock_in(5000));
	kv_close(b.kv);
	return OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

int main(int argc, char **argv)
{
	char dir[512];

	(void)snprintf(dir, sizeof(dir), "%s/bench-queue-XXXXXX", argc > 1 ? argv[1] : "/tmp");
	b.dir = mkdtemp(dir);
	if (!b.dir) {
		(void)fprintf(stderr, "bench: cannot make %s\n", dir);
		return 1;
	}
	log_setup("bench", LOG_WARN);
	printf("%d messages of %d octets to %d destinations in %s\n", MAILS, SIZE, DESTINATIONS,
	       b.dir);
	must(loop_main(bench, NULL));
	return nftw(b.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0;
}
