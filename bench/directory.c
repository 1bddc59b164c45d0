/* The directory with many users: import, the table's load, its memory, its answers.
 * bench/run directory [USERS] (500000). */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "services/directory/dirdb.h"
#include "services/directory/table.h"

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)(m.uordblks + m.hblkhd) / 1048576;
}

static err fill(struct directory *d, int users)
{
	uint64_t id;

	TRY(directory_begin(d));
	directory_note_all(d);
	TRY(directory_add(d, &dir_domain, STR("demo.test"), NULL, 0, &id));
	for (int i = 0; i < users; i++) {
		char name[48];
		int n = snprintf(name, sizeof(name), "user%07d@demo.test", i);

		TRY(directory_add(d, &dir_user_kind, str_of(name, (size_t)n), NULL, 0, &id));
	}
	return directory_commit(d);
}

static err lookups(const struct table *t, int users, int n)
{
	struct arena a;

	arena_init(&a, MIB(1));
	for (int i = 0; i < n; i++) {
		char name[48];
		int len = snprintf(name, sizeof(name), "user%07d@demo.test",
				   (int)((unsigned)i * 7919u % (unsigned)users));
		struct dir_answer out;

		arena_reset(&a);
		TRY(table_address(t, str_of(name, (size_t)len), &a, &out));
		if (out.what != DIR_USER)
			return E_NOTFOUND;
	}
	arena_free(&a);
	return OK;
}

static err measure(const char *dir, int users)
{
	char db[128], snapshot[128];
	struct directory *d = NULL;
	struct table *t = NULL, *again = NULL;

	(void)snprintf(db, sizeof(db), "%s/directory.db", dir);
	(void)snprintf(snapshot, sizeof(snapshot), "%s/snapshot", dir);
	TRY(directory_open(db, true, &d));
	double began = now();

	TRY(fill(d, users));
	printf("%d users written in one transaction: %.1f s\n", users, now() - began);
	double before = heap();

	began = now();
	TRY(table_load(directory_sql(d), &t));
	printf("table loaded: %.2f s, %.0f MiB of heap\n", now() - began, heap() - before);
	began = now();
	TRY(lookups(t, users, 1000000));
	printf("addresses answered: %.0f/s on one thread\n", 1e6 / (now() - began));
	began = now();
	TRY(table_save(t, snapshot));
	printf("snapshot written and synced: %.2f s\n", now() - began);
	began = now();
	TRY(table_restore(snapshot, &again));
	printf("snapshot read and checked: %.2f s\n", now() - began);
	table_free(t);
	table_free(again);
	directory_close(d);
	(void)unlink(db);
	(void)unlink(snapshot);
	return OK;
}

int main(int argc, char **argv)
{
	char dir[] = "/var/tmp/posta-bench-XXXXXX";
	int users = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 500000;

	if (users < 1 || users > 10000000 || !mkdtemp(dir))
		return 2;
	err e = measure(dir, users);

	(void)rmdir(dir);
	if (e)
		fprintf(stderr, "bench-directory: %s: %s\n", err_name(e), err_last()->text);
	return e != OK;
}
