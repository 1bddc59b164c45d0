/* bench/run mailbox [DIR]: deliveries a second into a store on DIR's disk, how long deliveries take
 * while deleted mail is given back, and what a folder of 100,000 mails costs to open. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "services/mailbox/mailbox.h"

enum { SIZE = 10000, USERS = 200, SECONDS = 4, MOST_TIMES = 200000, BIG = 100000 };

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(err e)
{
	if (e == OK)
		return;
	(void)fprintf(stderr, "bench: %s\n", err_last()->text);
	exit(1);
}

struct bench {
	struct kv *kv;
	struct mailstore *m;
	struct box *boxes[USERS];
	struct spool *message;
	size_t recipients, ntimes;
	unsigned next;
	double end, times[MOST_TIMES];
	bool until_stopped, stop;
};

WAITS static err writer(void *arg)
{
	struct bench *w = arg;

	while (w->until_stopped ? !w->stop : seconds() < w->end) {
		struct delivery d[16] = { 0 };
		double begin = seconds();

		for (size_t i = 0; i < w->recipients; i++)
			d[i].box = w->boxes[w->next++ % USERS];
		mailstore_deliver(w->m, w->message, d, w->recipients);
		for (size_t i = 0; i < w->recipients; i++)
			must(d[i].result);
		if (w->ntimes < MOST_TIMES)
			w->times[w->ntimes++] = seconds() - begin;
	}
	return OK;
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(struct bench *w, const char *name, size_t fibers, double took)
{
	qsort(w->times, w->ntimes, sizeof(double), by_time);
	(void)printf("%-36s %3zu fibers, %2zu recipients: %6.0f mails/s, ms: median %.1f, 99 %% "
		     "%.1f, worst %.1f\n",
		     name, fibers, w->recipients, (double)(w->ntimes * w->recipients) / took,
		     w->times[w->ntimes / 2] * 1e3, w->times[w->ntimes * 99 / 100] * 1e3,
		     w->times[w->ntimes - 1] * 1e3);
}

WAITS static void deliveries(struct bench *w, size_t fibers, size_t recipients)
{
	struct fiber *f[64];
	double begin = seconds();

	w->recipients = recipients;
	w->ntimes = 0;
	w->end = begin + SECONDS;
	for (size_t i = 0; i < fibers; i++)
		f[i] = fiber_start("writer", writer, w);
	for (size_t i = 0; i < fibers; i++)
		must(fiber_join(f[i]));
	report(w, "delivery", fibers, seconds() - begin);
}

/* Every second mail of every box goes; deliveries go on meanwhile. */
WAITS static void expunge_half(struct box *b)
{
	static const struct flag_change deleted = { FLAGS_ADD, FLAG_DELETED, NULL, 0, UINT64_MAX };
	struct folder_view *v;
	struct arena a;
	uint32_t *uids, *modified;
	size_t n = 0, nmodified;

	arena_init(&a, MIB(64));
	must(folder_open(b, STR("INBOX"), false, &v));
	uids = arena_get(&a, (v->n + 1) * sizeof(*uids), 4);
	for (size_t i = 0; i < v->n; i += 2)
		uids[n++] = v->mails[i].uid;
	must(folder_store(v, uids, n, &deleted, &a, &modified, &nmodified));
	must(folder_expunge(v, NULL, 0));
	folder_close(v);
	arena_free(&a);
}

WAITS static void space_back(struct bench *w)
{
	struct fiber *f[8];
	struct kv_space before, after;
	double begin = seconds();

	must(kv_space(w->kv, &before));
	w->recipients = 1;
	w->ntimes = 0;
	w->until_stopped = true;
	for (size_t i = 0; i < COUNT(f); i++)
		f[i] = fiber_start("writer", writer, w);
	for (size_t i = 0; i < USERS; i++)
		expunge_half(w->boxes[i]);
	must(mailstore_reclaim(w->m));
	w->stop = true;
	for (size_t i = 0; i < COUNT(f); i++)
		must(fiber_join(f[i]));
	report(w, "delivery while half is given back", COUNT(f), seconds() - begin);
	must(kv_space(w->kv, &after));
	(void)printf("disk: %.0f MB before, %.0f MB after %.1f s\n", (double)before.used / 1e6,
		     (double)after.used / 1e6, seconds() - begin);
}

static long resident(void)
{
	char text[128] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	(void)close(fd);
	(void)n;
	return strtol(strchr(text, ' ') ? strchr(text, ' ') : "0", NULL, 10) * 4;
}

WAITS static void big_folder(struct bench *w)
{
	struct folder_view *v, *second;
	struct box *b;

	w->recipients = 16;
	must(box_open(w->m, 100000, 0, 0, &b));
	for (size_t i = 0; i < BIG; i += w->recipients) {
		struct delivery d[16] = { 0 };

		for (size_t k = 0; k < w->recipients; k++)
			d[k].box = b;
		mailstore_deliver(w->m, w->message, d, w->recipients);
	}
	long kib = resident();
	double begin = seconds();
	must(folder_open(b, STR("INBOX"), false, &v));
	(void)printf("folder of %zu mails: opened in %.0f ms, %ld KiB", v->n,
		     (seconds() - begin) * 1e3, resident() - kib);
	begin = seconds();
	must(folder_open(b, STR("INBOX"), false, &second));
	(void)printf("; by a second session in %.2f ms\n", (seconds() - begin) * 1e3);
	folder_close(v);
	folder_close(second);
	box_drop(b);
}

WAITS static err run(void *arg)
{
	struct bench *w = arg;

	for (uint64_t u = 0; u < USERS; u++)
		must(box_open(w->m, u, 0, 0, &w->boxes[u]));
	deliveries(w, 1, 1);
	deliveries(w, 16, 1);
	deliveries(w, 64, 1);
	deliveries(w, 16, 10);
	space_back(w);
	big_folder(w);
	for (size_t u = 0; u < USERS; u++)
		box_drop(w->boxes[u]);
	return OK;
}

/* A message that compresses about as mail does. */
static void make_message(struct spool *s)
{
	char line[80];
	uint32_t x = 1;

	must(spool_add(
		s,
		STR("From: ana@demo.test\r\nTo: bruno@demo.test\r\nSubject: figures\r\nMessage-ID: "
		    "<1@demo.test>\r\nDate: Sat, 21 Nov 2026 23:48:59 +0000\r\n\r\n")));
	while (spool_size(s) < SIZE) {
		x = x * 1664525 + 1013904223;
		int n = snprintf(line, sizeof(line),
				 "the mail of a provider %x is kept once for all who %x get it\r\n",
				 (unsigned)x, (unsigned)(x * 2654435761u));
		must(spool_add(s, str_of(line, (size_t)n)));
	}
}

int main(int argc, char **argv)
{
	struct bench *w = mem_get(sizeof(*w));
	char dir[512];

	(void)snprintf(dir, sizeof(dir), "%s/bench-mailbox-XXXXXX", argc > 1 ? argv[1] : ".");
	must(mkdtemp(dir) ? OK : fail(E_IO, "%s: %m", dir));
	(void)printf("settings: %d octets a message, %d boxes, %d s a row, in %s\n", SIZE, USERS,
		     SECONDS, dir);
	must(kv_open_rocksdb(&(struct kv_options){ .dir = dir }, &w->kv));
	must(mailstore_open(&(struct mailstore_options){ .kv = w->kv, .body_age = -1 }, &w->m));
	w->message = spool_new("/tmp", LIM_MESSAGE);
	make_message(w->message);
	must(loop_main(run, w));
	spool_drop(w->message);
	mailstore_close(w->m);
	kv_close(w->kv);
	mem_free(w);
	(void)fflush(stdout);
	return execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
}
