#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "run/fiber.h"
#include "services/trace/store.h"
#include "services/trace/trace.h"

static char dir[64];

static void new_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/posta-trace-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

static void drop_dir(const char *const *names, size_t n)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[128];

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < COUNT(ends); k++) {
			(void)snprintf(path, sizeof(path), "%s/%s.db%s", dir, names[i], ends[k]);
			(void)unlink(path);
		}
	}
	CHECK(rmdir(dir) == 0);
}

static void record(struct buf *b, int64_t at, str id, str stage, str address, str detail)
{
	buf_u64(b, (uint64_t)at);
	buf_lstr(b, id);
	buf_lstr(b, stage);
	buf_lstr(b, address);
	buf_lstr(b, detail);
}

static size_t count(str what, size_t max)
{
	CLEANUP(arena_free) struct arena a;
	struct trace_row *rows;
	size_t n;

	arena_init(&a, MIB(1));
	CHECK_OK(trace_find(dir, what, max, &a, &rows, &n));
	return n;
}

TEST(trace_id_is_ordered_by_time)
{
	char a[21], b[21];

	clock_fake(1000, 1700000000);
	trace_id_new(a);
	clock_fake(2000, 1700000001);
	trace_id_new(b);
	clock_fake(-1, -1);
	CHECK(strnlen(a, 21) == 20 && strnlen(b, 21) == 20);
	CHECK(memcmp(a, b, 20) < 0);
	for (size_t i = 0; i < 20; i++)
		CHECK_ROW(i, ch_alnum(a[i]));
}

TEST(trace_merges_two_roles_in_order_of_time)
{
	static const char *const names[] = { "mx", "store" };
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct trace_db *mx, *store;
	struct trace_row *rows;
	size_t n;

	new_dir();
	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	CHECK_OK(trace_db_open(dir, "mx", &mx));
	CHECK_OK(trace_db_open(dir, "store", &store));
	record(&b, 1000, STR("A1"), STR("mx.rcpt"), STR("Ana@Demo.Test"), STR("250 2.1.5 OK"));
	record(&b, 3000, STR("A1"), STR("mx.delivered"), STR("ana@demo.test"), STR("x"));
	record(&b, 1500, STR("B2"), STR("mx.rcpt"), STR("bruno@demo.test"), STR(""));
	CHECK_OK(trace_db_add(mx, buf_str(&b)));
	buf_reset(&b);
	record(&b, 2000, STR("A1"), STR("store.saved"), STR("ana@demo.test"),
	       STR("folder INBOX uid 7"));
	CHECK_OK(trace_db_add(store, buf_str(&b)));

	CHECK_OK(trace_find(dir, STR("A1"), 10, &a, &rows, &n));
	CHECK(n == 3);
	CHECK_STR(rows[0].stage, STR("mx.rcpt"));
	CHECK_STR(rows[0].role, STR("mx"));
	CHECK_STR(rows[0].address, STR("ana@demo.test"));
	CHECK_STR(rows[1].stage, STR("store.saved"));
	CHECK_STR(rows[1].detail, STR("folder INBOX uid 7"));
	CHECK_STR(rows[2].stage, STR("mx.delivered"));
	CHECK(count(STR("ANA@demo.test"), 10) == 3);
	CHECK(count(STR("bruno@demo.test"), 10) == 1);
	CHECK(count(STR("nobody@demo.test"), 10) == 0);
	trace_db_close(mx);
	trace_db_close(store);
	drop_dir(names, COUNT(names));
}

TEST(trace_gives_the_newest_ids_of_an_address)
{
	static const char *const names[] = { "mx" };
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct trace_db *mx;
	struct trace_row *rows;
	size_t n;

	new_dir();
	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	CHECK_OK(trace_db_open(dir, "mx", &mx));
	for (int i = 0; i < 100; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "ID%03d", i);
		record(&b, 1000 + i, str_z(id), STR("mx.rcpt"), STR("ana@demo.test"), STR(""));
	}
	CHECK_OK(trace_db_add(mx, buf_str(&b)));
	CHECK_OK(trace_find(dir, STR("ana@demo.test"), 3, &a, &rows, &n));
	CHECK(n == 3);
	CHECK_STR(rows[0].id, STR("ID097"));
	CHECK_STR(rows[2].id, STR("ID099"));

	CHECK_OK(trace_db_prune(mx, 1099));
	CHECK(count(STR("ana@demo.test"), 1000) == 1);
	CHECK(count(STR("ID050"), 1000) == 0);
	trace_db_close(mx);
	drop_dir(names, COUNT(names));
}

TEST(trace_refuses_records_cut_short_whole)
{
	static const char *const names[] = { "mx" };
	CLEANUP(buf_free) struct buf b;
	struct trace_db *mx;

	new_dir();
	buf_init(&b, MIB(1));
	CHECK_OK(trace_db_open(dir, "mx", &mx));
	record(&b, 1, STR("A1"), STR("mx.rcpt"), STR(""), STR("whole"));
	record(&b, 1, STR("A1"), STR("mx.rcpt"), STR(""), STR("cut"));
	CHECK(trace_db_add(mx, str_take(buf_str(&b), b.n - 1)) != OK);
	CHECK(count(STR("A1"), 10) == 0);
	trace_db_close(mx);
	drop_dir(names, COUNT(names));
}

WAITS static err events_from_a_fiber(void *arg)
{
	(void)arg;
	TRY(trace_open(dir, "relay", 0));
	fiber_set_trace(STR("C3"));
	trace_event("relay.queued", STR("ana@demo.test"), "size %d", 7);
	trace_event_for(STR("D4"), "relay.sent", STR(""), "%s", "250 ok");
	for (int i = 0; i < 2000 && count(STR("C3"), 10) == 0; i++)
		CHECK_OK(fiber_sleep(clock_in(10)));
	CHECK(count(STR("C3"), 10) == 1);
	/* what is pending at the end is written too, 2000 events in one go */
	for (int i = 0; i < 2000; i++)
		trace_event("relay.tried", STR(""), "%d", i);
	trace_close();
	trace_event("relay.late", STR(""), "after the end: dropped");
	return OK;
}

TEST(trace_is_written_behind)
{
	static const char *const names[] = { "relay" };

	new_dir();
	CHECK_OK(loop_main(events_from_a_fiber, NULL));
	CHECK(count(STR("C3"), 10) == 2001);
	CHECK(count(STR("D4"), 10) == 1);
	drop_dir(names, COUNT(names));
}
