/* bench/run kv [DIR]: durable 10 KB messages a second: kv's group commit against RocksDB's own, by
 * number of writers. DIR lies on the disk to be measured (default: the current folder). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rocksdb/c.h>

#include "kv/kv.h"

enum { SIZE = 10000, SECONDS = 3, MOST = 64 };

static double seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct bench {
	struct kv *kv;
	rocksdb_t *db;
	bool one_partition;
	_Atomic uint64_t next, done;
	double end;
	char body[SIZE];
};

static void must(err e)
{
	if (e == OK)
		return;
	(void)fprintf(stderr, "bench: %s\n", err_last()->text);
	exit(1);
}

/* What a delivery writes: a body, the mail, its cache, its folder, the box. */
static void rows(struct kv_batch *b, uint64_t n, const char *body)
{
	char key[32];

	kv_put(b,
	       str_of(key, (size_t)snprintf(key, sizeof(key), "m%016llx", (unsigned long long)n)),
	       str_of(body, 70));
	kv_put(b,
	       str_of(key, (size_t)snprintf(key, sizeof(key), "c%016llx", (unsigned long long)n)),
	       str_of(body, 1500));
	kv_put(b, STR("F"), str_of(body, 60));
	kv_put(b, STR("B"), str_of(body, 30));
}

static void *kv_writer(void *arg)
{
	struct bench *w = arg;
	struct kv_batch *b = kv_batch_new();
	char id[16] = { 0 }, part[32];

	while (seconds() < w->end) {
		uint64_t n = w->next++;

		memcpy(id, &n, sizeof(n));
		int len = snprintf(part, sizeof(part), "u/%llu",
				   (unsigned long long)(w->one_partition ? 0 : n % 1000));
		kv_batch_reset(b);
		rows(b, n, w->body);
		must(kv_blob_put(w->kv, str_of(id, sizeof(id)), str_of(w->body, SIZE)));
		must(kv_commit(w->kv, &(struct kv_part){ str_of(part, (size_t)len), 0 }, b,
			       KV_GROWS));
		w->done++;
	}
	kv_batch_free(b);
	return NULL;
}

/* The same octets in one batch of RocksDB, synced by RocksDB's own group commit. */
static void *rocks_writer(void *arg)
{
	struct bench *w = arg;
	rocksdb_writebatch_t *b = rocksdb_writebatch_create();
	rocksdb_writeoptions_t *o = rocksdb_writeoptions_create();
	char key[40], *message = NULL;

	rocksdb_writeoptions_set_sync(o, 1);
	while (seconds() < w->end) {
		uint64_t n = w->next++;
		int len = snprintf(key, sizeof(key), "b%016llx", (unsigned long long)n);

		rocksdb_writebatch_clear(b);
		rocksdb_writebatch_put(b, key, (size_t)len, w->body, SIZE);
		key[0] = 'm';
		rocksdb_writebatch_put(b, key, (size_t)len, w->body, 70);
		key[0] = 'c';
		rocksdb_writebatch_put(b, key, (size_t)len, w->body, 1500);
		len = snprintf(key, sizeof(key), "F%llu", (unsigned long long)n % 1000);
		rocksdb_writebatch_put(b, key, (size_t)len, w->body, 90);
		rocksdb_write(w->db, o, b, &message);
		must(message ? fail(E_IO, "%s", message) : OK);
		w->done++;
	}
	rocksdb_writeoptions_destroy(o);
	rocksdb_writebatch_destroy(b);
	return NULL;
}

static void measure(struct bench *w, const char *name, size_t n, void *(*fn)(void *))
{
	pthread_t threads[MOST];
	double begin = seconds(), used = cpu();

	w->done = 0;
	w->end = begin + SECONDS;
	for (size_t i = 0; i < n; i++)
		must(pthread_create(&threads[i], NULL, fn, w) ? fail(E_IO, "no thread") : OK);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	double took = seconds() - begin;
	(void)printf("%-34s %3zu writers %8.0f messages/s %6.0f us CPU a message\n", name, n,
		     (double)w->done / took, (cpu() - used) / (double)w->done * 1e6);
}

/* Text that compresses about as mail does. */
static void fill(char *p, size_t n)
{
	static const char words[] = "the mail of a provider is kept once for all who get it and "
				    "given back when it is old ";
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = i % 3 ? words[(i + (x >> 28)) % (sizeof(words) - 1)]
			     : (char)('a' + (x >> 24) % 26);
	}
}

int main(int argc, char **argv)
{
	static const size_t writers[] = { 1, 4, 16, 64 };
	struct bench *w = mem_get(sizeof(*w));
	char dir[512], sub[600], *message = NULL;

	(void)snprintf(dir, sizeof(dir), "%s/bench-kv-XXXXXX", argc > 1 ? argv[1] : ".");
	must(mkdtemp(dir) ? OK : fail(E_IO, "%s: %m", dir));
	fill(w->body, SIZE);
	(void)printf("settings: %d octets a message, %d s a row, in %s\n", SIZE, SECONDS, dir);
	(void)snprintf(sub, sizeof(sub), "%s/kv", dir);
	must(kv_open_rocksdb(&(struct kv_options){ .dir = sub }, &w->kv));
	for (size_t i = 0; i < COUNT(writers); i++)
		measure(w, "kv, 1000 partitions", writers[i], kv_writer);
	w->one_partition = true;
	for (size_t i = 0; i < COUNT(writers); i++)
		measure(w, "kv, one partition", writers[i], kv_writer);
	kv_close(w->kv);
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_options_set_create_if_missing(o, 1);
	rocksdb_options_set_enable_blob_files(o, 1);
	rocksdb_options_set_min_blob_size(o, 4096);
	rocksdb_options_set_blob_compression_type(o, rocksdb_zstd_compression);
	(void)snprintf(sub, sizeof(sub), "%s/rocksdb", dir);
	w->db = rocksdb_open(o, sub, &message);
	must(message ? fail(E_IO, "%s", message) : OK);
	for (size_t i = 0; i < COUNT(writers); i++)
		measure(w, "RocksDB's own group commit", writers[i], rocks_writer);
	rocksdb_close(w->db);
	rocksdb_options_destroy(o);
	mem_free(w);
	(void)fflush(stdout);
	return execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
}
