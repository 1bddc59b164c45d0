/* The contract of kv.h, run against every engine, and what RocksDB alone can show: that it is still
 * there afterwards. */
#include "base/test.h"
#include "kv/kv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"

struct bed {
	struct kv *k;
	struct arena a;
	struct kv_batch *b;
	char dir[64];
};

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

static void bed_make(struct bed *t, bool rocks)
{
	*t = (struct bed){ 0 };
	arena_init(&t->a, MIB(64));
	t->b = kv_batch_new();
	if (rocks) {
		(void)snprintf(t->dir, sizeof(t->dir), "/tmp/posta-kv-XXXXXX");
		CHECK(mkdtemp(t->dir) != NULL);
		CHECK_OK(kv_open_rocksdb(&(struct kv_options){ .dir = t->dir }, &t->k));
	} else {
		CHECK_OK(kv_open_memory(&t->k));
	}
}

static void bed_end(struct bed *t)
{
	kv_close(t->k);
	kv_batch_free(t->b);
	arena_free(&t->a);
	if (t->dir[0])
		rm_tree(t->dir);
}

static err commit(struct bed *t, str part, uint64_t epoch)
{
	struct kv_part p = { part, epoch };
	err e = kv_commit(t->k, &p, t->b, KV_GROWS);

	kv_batch_reset(t->b);
	return e;
}

static str get(struct bed *t, str part, str key)
{
	str v = STR("");
	err e = kv_get(t->k, part, key, &t->a, &v);

	return e == OK ? v : e == E_NOTFOUND ? STR("(none)") : STR("(error)");
}

static void rows_come_back(struct bed *t)
{
	kv_put(t->b, STR("a"), STR("1"));
	kv_put(t->b, STR("b"), STR(""));
	kv_put(t->b, STR("bin\0key"), STR("v\0w"));
	CHECK_OK(commit(t, STR("u/1"), 0));
	CHECK_STR(get(t, STR("u/1"), STR("a")), STR("1"));
	CHECK_STR(get(t, STR("u/1"), STR("b")), STR(""));
	CHECK_STR(get(t, STR("u/1"), STR("bin\0key")), STR("v\0w"));
	CHECK_STR(get(t, STR("u/1"), STR("c")), STR("(none)"));
	CHECK_STR(get(t, STR("u/11"), STR("a")), STR("(none)"));
	CHECK_STR(get(t, STR("u/"), STR("1")), STR("(none)"));
	kv_del(t->b, STR("a"));
	kv_put(t->b, STR("b"), STR("2"));
	kv_del(t->b, STR("never there"));
	CHECK_OK(commit(t, STR("u/1"), 0));
	CHECK_STR(get(t, STR("u/1"), STR("a")), STR("(none)"));
	CHECK_STR(get(t, STR("u/1"), STR("b")), STR("2"));
}

static void ranges_are_ordered(struct bed *t)
{
	struct kv_row *rows;
	size_t n;
	bool more;

	for (int i = 0; i < 300; i++) {
		char key[8];

		kv_put(t->b, str_of(key, (size_t)snprintf(key, sizeof(key), "k%03d", i)), STR("v"));
	}
	CHECK_OK(commit(t, STR("p"), 0));
	kv_put(t->b, STR("k000"), STR("other"));
	CHECK_OK(commit(t, STR("p2"), 0));
	CHECK_OK(kv_range(t->k, STR("p"), STR(""), STR(""), false, 1000, &t->a, &rows, &n, &more));
	CHECK(n == 300 && !more);
	CHECK_STR(rows[0].key, STR("k000"));
	CHECK_STR(rows[299].key, STR("k299"));
	CHECK_OK(kv_range(t->k, STR("p"), STR("k010"), STR("k020"), false, 5, &t->a, &rows, &n,
			  &more));
	CHECK(n == 5 && more);
	CHECK_STR(rows[0].key, STR("k010"));
	CHECK_OK(kv_range(t->k, STR("p"), STR("k010"), STR("k020"), true, 10, &t->a, &rows, &n,
			  &more));
	CHECK(n == 10 && !more);
	CHECK_STR(rows[0].key, STR("k019"));
	CHECK_STR(rows[9].key, STR("k010"));
	CHECK_OK(kv_range(t->k, STR("p"), STR(""), STR(""), true, 1, &t->a, &rows, &n, &more));
	CHECK(n == 1 && more);
	CHECK_STR(rows[0].key, STR("k299"));
	CHECK_OK(kv_range(t->k, STR("absent"), STR(""), STR(""), false, 10, &t->a, &rows, &n,
			  &more));
	CHECK(n == 0 && !more);
	kv_del_range(t->b, STR("k001"), STR("k299"));
	CHECK_OK(commit(t, STR("p"), 0));
	CHECK_OK(kv_range(t->k, STR("p"), STR(""), STR(""), false, 10, &t->a, &rows, &n, &more));
	CHECK(n == 2 && !more);
	CHECK_STR(get(t, STR("p2"), STR("k000")), STR("other"));
}

static void expectations_guard(struct bed *t)
{
	kv_put(t->b, STR("n"), STR("1"));
	kv_expect(t->b, STR("n"), (str){ 0 });
	CHECK_OK(commit(t, STR("g"), 0));
	kv_put(t->b, STR("n"), STR("2"));
	kv_put(t->b, STR("m"), STR("2"));
	kv_expect(t->b, STR("n"), (str){ 0 });
	CHECK(commit(t, STR("g"), 0) == E_AGAIN);
	CHECK_STR(get(t, STR("g"), STR("n")), STR("1"));
	CHECK_STR(get(t, STR("g"), STR("m")), STR("(none)"));
	kv_put(t->b, STR("n"), STR("2"));
	kv_expect(t->b, STR("n"), STR("1"));
	CHECK_OK(commit(t, STR("g"), 0));
	CHECK_STR(get(t, STR("g"), STR("n")), STR("2"));
}

static void the_taken_are_fenced(struct bed *t)
{
	uint64_t epoch;

	CHECK_OK(kv_epoch(t->k, STR("e"), &epoch));
	CHECK(epoch == 0);
	kv_put(t->b, STR("x"), STR("0"));
	CHECK_OK(commit(t, STR("e"), 0));
	CHECK_OK(kv_take(t->k, STR("e"), 7));
	CHECK(kv_take(t->k, STR("e"), 7) == E_DENIED);
	CHECK(kv_take(t->k, STR("e"), 3) == E_DENIED);
	CHECK_OK(kv_epoch(t->k, STR("e"), &epoch));
	CHECK(epoch == 7);
	kv_put(t->b, STR("x"), STR("1"));
	CHECK(commit(t, STR("e"), 0) == E_DENIED);
	CHECK_STR(get(t, STR("e"), STR("x")), STR("0"));
	kv_put(t->b, STR("x"), STR("1"));
	CHECK_OK(commit(t, STR("e"), 7));
	CHECK_STR(get(t, STR("e"), STR("x")), STR("1"));
}

static void jobs_keep_their_order(struct bed *t)
{
	struct kv_job v[4];

	for (size_t i = 0; i < 4; i++) {
		v[i] = (struct kv_job){ .part = { i == 3 ? STR("other") : STR("j"), 0 },
					.batch = kv_batch_new() };
		kv_put(v[i].batch, STR("n"), i == 0 ? STR("1") : i == 1 ? STR("2") : STR("3"));
	}
	kv_expect(v[1].batch, STR("n"), STR("1")); /* what the first one writes */
	kv_expect(v[2].batch, STR("n"), STR("1")); /* no longer so */
	kv_commit_many(t->k, v, 4);
	CHECK_OK(v[0].result);
	CHECK_OK(v[1].result);
	CHECK(v[2].result == E_AGAIN);
	CHECK_OK(v[3].result);
	CHECK_STR(get(t, STR("j"), STR("n")), STR("2"));
	CHECK_STR(get(t, STR("other"), STR("n")), STR("3"));
	for (size_t i = 0; i < 4; i++)
		kv_batch_free(v[i].batch);
}

static void partitions_are_listed(struct bed *t)
{
	static const str names[] = { S("q/1"), S("w/1"), S("w/2"), S("w/3") };
	str *found;
	size_t n;

	for (size_t i = 0; i < COUNT(names); i++) {
		kv_put(t->b, STR("x"), STR(""));
		CHECK_OK(commit(t, names[i], 0));
	}
	CHECK_OK(kv_parts(t->k, STR("w/"), STR(""), 10, &t->a, &found, &n));
	CHECK(n == 3);
	CHECK_STR(found[0], STR("w/1"));
	CHECK_OK(kv_parts(t->k, STR("w/"), STR("w/1"), 1, &t->a, &found, &n));
	CHECK(n == 1);
	CHECK_STR(found[0], STR("w/2"));
	CHECK_OK(kv_parts(t->k, STR("w/"), STR("w/3"), 1, &t->a, &found, &n));
	CHECK(n == 0);
}

static void limits_hold(struct bed *t)
{
	char *big = mem_get(LIM_KV_VALUE + 1);

	kv_put(t->b, STR("k"), str_of(big, LIM_KV_VALUE));
	CHECK_OK(commit(t, STR("l"), 0));
	CHECK(get(t, STR("l"), STR("k")).n == LIM_KV_VALUE);
	kv_put(t->b, STR("k"), str_of(big, LIM_KV_VALUE + 1));
	CHECK(commit(t, STR("l"), 0) == E_LIMIT);
	kv_put(t->b, str_of(big, LIM_KV_KEY + 1), STR(""));
	kv_put(t->b, STR("fine"), STR(""));
	CHECK(commit(t, STR("l"), 0) == E_LIMIT);
	for (int i = 0; i < 5; i++)
		kv_put(t->b, STR("k"), str_of(big, LIM_KV_VALUE));
	CHECK(commit(t, STR("l"), 0) == E_LIMIT);
	CHECK_STR(get(t, STR("l"), STR("fine")), STR("(none)"));
	mem_free(big);
}

/* Bytes that compress badly or well, the same for the same seed. */
static void noise(char *p, size_t n, unsigned seed, bool text)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(text ? "etaoin shrdlu\r\n"[x >> 28 & 15] : (char)(x >> 24));
		if (text && !p[i])
			p[i] = 'e';
	}
}

static void blobs_come_back(struct bed *t)
{
	static const size_t sizes[] = { 0, 1, 1000, 131072, 131073, 262144, 1000000, 9000000 };
	char *bytes = mem_get(9000000);
	str got;
	uint64_t size;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct arena_mark m = arena_mark(&t->a);
		str all = str_of(bytes, sizes[i]), id = str_of(&(char){ (char)i }, 1);

		noise(bytes, sizes[i], (unsigned)i, i % 2);
		CHECK_ROW(i, kv_blob_put_tagged(t->k, id, STR("tag"), all) == OK);
		CHECK_ROW(i, kv_blob_tag(t->k, id, &t->a, &got) == OK && str_eq(got, STR("tag")));
		CHECK_ROW(i, kv_blob_size(t->k, id, &size) == OK && size == sizes[i]);
		CHECK_ROW(i, kv_blob_get(t->k, id, 0, UINT64_MAX, &t->a, &got) == OK &&
				     str_eq(got, all));
		CHECK_ROW(i, kv_blob_get(t->k, id, 131000, 200, &t->a, &got) == OK &&
				     str_eq(got, str_take(str_skip(all, 131000), 200)));
		CHECK_ROW(i, kv_blob_get(t->k, id, sizes[i], 1, &t->a, &got) == OK && got.n == 0);
		arena_release(&t->a, m);
	}
	CHECK(kv_blob_get(t->k, STR("absent"), 0, 1, &t->a, &got) == E_NOTFOUND);
	mem_free(bytes);
}

static void blobs_are_listed_and_go(struct bed *t)
{
	char id[16];
	str *ids, got;
	size_t n;
	char *bytes = mem_get(700000);

	noise(bytes, 700000, 1, false);
	for (int i = 0; i < 50; i++)
		CHECK_OK(kv_blob_put(t->k,
				     str_of(id, (size_t)snprintf(id, sizeof(id), "blob%02d", i)),
				     str_of(bytes, i == 20 ? 700000 : 2000)));
	CHECK_OK(kv_blobs(t->k, STR("blob1"), 100, &t->a, &ids, &n)); /* shorter ids sort first */
	CHECK(n == 50);
	CHECK_STR(ids[0], STR("blob00"));
	CHECK_STR(ids[20], STR("blob20"));
	CHECK_OK(kv_blobs(t->k, STR("blob19"), 2, &t->a, &ids, &n));
	CHECK(n == 2);
	CHECK_STR(ids[1], STR("blob21"));
	CHECK_OK(kv_blob_del(t->k, STR("blob20")));
	CHECK_OK(kv_blob_del(t->k, STR("blob20")));
	CHECK(kv_blob_get(t->k, STR("blob20"), 0, 1, &t->a, &got) == E_NOTFOUND);
	CHECK_OK(kv_blobs(t->k, STR("blob19"), 2, &t->a, &ids, &n));
	CHECK_STR(ids[0], STR("blob21"));
	CHECK(kv_blob_put(t->k, STR(""), STR("x")) == E_LIMIT);
	mem_free(bytes);
}

static void a_full_disk_still_shrinks(struct bed *t)
{
	struct kv_part p = { STR("f"), 0 };
	struct kv_space space;

	kv_put(t->b, STR("a"), STR("1"));
	CHECK_OK(commit(t, STR("f"), 0));
	kv_pretend_full(t->k, true);
	CHECK_OK(kv_space(t->k, &space));
	CHECK(space.full);
	kv_put(t->b, STR("b"), STR("1"));
	CHECK(commit(t, STR("f"), 0) == E_FULL);
	CHECK(kv_blob_put(t->k, STR("full"), STR("x")) == E_FULL);
	kv_del(t->b, STR("a"));
	CHECK_OK(kv_commit(t->k, &p, t->b, 0));
	kv_batch_reset(t->b);
	kv_pretend_full(t->k, false);
	CHECK_STR(get(t, STR("f"), STR("a")), STR("(none)"));
	CHECK_STR(get(t, STR("f"), STR("b")), STR("(none)"));
}

/* ---- many threads: a counter a partition, raised by compare and commit, and plain rows ---- */
enum { THREADS = 8, ROUNDS = 50 };
struct racer {
	struct kv *k;
	int number, tries;
	err e;
};

static err raise_counter(struct racer *r, struct kv_batch *b, struct arena *a, str part)
{
	str old = STR("0");
	char next[24];
	uint64_t n;
	struct kv_part p = { part, 0 };

	err e = kv_get(r->k, part, STR("n"), a, &old);
	if (e != OK && e != E_NOTFOUND)
		return e;
	kv_expect(b, STR("n"), e == OK ? old : (str){ 0 });
	TRY(str_u64(old, UINT64_MAX, &n));
	kv_put(b, STR("n"),
	       str_of(next,
		      (size_t)snprintf(next, sizeof(next), "%llu", (unsigned long long)n + 1)));
	return kv_commit(r->k, &p, b, KV_GROWS);
}

static void *race(void *arg)
{
	struct racer *r = arg;
	struct kv_batch *b = kv_batch_new();
	struct arena a;

	arena_init(&a, MIB(1));
	for (int done = 0; done < ROUNDS && r->e == OK;) {
		kv_batch_reset(b);
		arena_reset(&a);
		err e = raise_counter(r, b, &a, r->number % 2 ? STR("odd") : STR("even"));
		if (e == OK)
			done++;
		else if (e != E_AGAIN)
			r->e = e;
		r->tries++;
	}
	kv_batch_free(b);
	arena_free(&a);
	return NULL;
}

static void threads_do_not_lose_updates(struct bed *t)
{
	struct racer racers[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .k = t->k, .number = i };
		CHECK(!pthread_create(&threads[i], NULL, race, &racers[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		CHECK(!pthread_join(threads[i], NULL));
		CHECK_OK(racers[i].e);
	}
	CHECK_STR(get(t, STR("odd"), STR("n")), STR("200"));
	CHECK_STR(get(t, STR("even"), STR("n")), STR("200"));
}

static void (*const contract[])(struct bed *) = {
	rows_come_back,
	ranges_are_ordered,
	expectations_guard,
	the_taken_are_fenced,
	jobs_keep_their_order,
	partitions_are_listed,
	limits_hold,
	blobs_come_back,
	blobs_are_listed_and_go,
	a_full_disk_still_shrinks,
	threads_do_not_lose_updates,
};

static void run_contract(bool rocks)
{
	for (size_t i = 0; i < COUNT(contract); i++) {
		struct bed t;

		bed_make(&t, rocks);
		contract[i](&t);
		bed_end(&t);
	}
}

TEST(kv_contract_memory)
{
	run_contract(false);
}

TEST(kv_contract_rocksdb)
{
	run_contract(true);
}

TEST(kv_rocksdb_is_there_after_reopening)
{
	struct bed t;
	str got;

	bed_make(&t, true);
	CHECK_OK(kv_blob_put(t.k, STR("blob"), STR("body")));
	kv_put(t.b, STR("a"), STR("1"));
	CHECK_OK(commit(&t, STR("u/1"), 0));
	CHECK_OK(kv_take(t.k, STR("u/1"), 2));
	kv_close(t.k);
	CHECK_OK(kv_open_rocksdb(&(struct kv_options){ .dir = t.dir }, &t.k));
	CHECK_STR(get(&t, STR("u/1"), STR("a")), STR("1"));
	CHECK_OK(kv_blob_get(t.k, STR("blob"), 0, 100, &t.a, &got));
	CHECK_STR(got, STR("body"));
	CHECK(commit(&t, STR("u/1"), 0) == E_DENIED);
	bed_end(&t);
}

TEST(kv_rocksdb_checkpoint_is_a_copy)
{
	struct bed t;
	struct kv *copy;
	char dir[80];
	str v;

	bed_make(&t, true);
	kv_put(t.b, STR("a"), STR("1"));
	CHECK_OK(commit(&t, STR("u/1"), 0));
	(void)snprintf(dir, sizeof(dir), "%s/copy", t.dir);
	CHECK_OK(kv_checkpoint(t.k, dir));
	kv_put(t.b, STR("a"), STR("2"));
	CHECK_OK(commit(&t, STR("u/1"), 0));
	CHECK_OK(kv_open_rocksdb(&(struct kv_options){ .dir = dir }, &copy));
	CHECK_OK(kv_get(copy, STR("u/1"), STR("a"), &t.a, &v));
	CHECK_STR(v, STR("1"));
	kv_close(copy);
	bed_end(&t);
}

TEST(kv_rocksdb_says_what_is_wrong_with_a_folder)
{
	struct kv *k;

	CHECK(kv_open_rocksdb(&(struct kv_options){ .dir = "/proc/nowhere" }, &k) == E_IO);
	CHECK(str_search(str_z(err_last()->text), STR("/proc/nowhere")) < 10);
}

TEST(kv_rocksdb_opens_once_and_only_what_is_there)
{
	struct bed t;
	struct kv *k;
	char dir[80];

	bed_make(&t, true);
	CHECK(kv_open_rocksdb(&(struct kv_options){ .dir = t.dir }, &k) == E_AGAIN);
	(void)snprintf(dir, sizeof(dir), "%s/none", t.dir);
	CHECK(kv_open_rocksdb(&(struct kv_options){ .dir = dir, .existing = true }, &k) ==
	      E_NOTFOUND);
	CHECK(access(dir, F_OK) != 0);
	bed_end(&t);
}

TEST(kv_rocksdb_reserve)
{
	struct bed t;

	bed_make(&t, true);
	kv_close(t.k);
	CHECK_OK(
		kv_open_rocksdb(&(struct kv_options){ .dir = t.dir, .reserve = UINT64_MAX }, &t.k));
	kv_put(t.b, STR("a"), STR("1"));
	CHECK(commit(&t, STR("u/1"), 0) == E_FULL);
	bed_end(&t);
}

/* Deleted bodies leave the disk. */
static void gives_space_back(err (*give)(struct kv *))
{
	enum { N = 400, SIZE = 100000 };
	struct bed t;
	struct kv_space full, empty;
	struct arena_mark m;
	char id[16], *bytes = mem_get(SIZE);
	str got;

	bed_make(&t, true);
	for (unsigned i = 0; i < N; i++) {
		noise(bytes, SIZE, i, false);
		CHECK_OK(kv_blob_put(t.k, str_of(id, (size_t)snprintf(id, sizeof(id), "%04u", i)),
				     str_of(bytes, SIZE)));
	}
	CHECK_OK(kv_compact(t.k));
	CHECK_OK(kv_space(t.k, &full));
	CHECK(full.used > (uint64_t)N * SIZE);
	for (unsigned i = 0; i < N; i++) {
		if (i % 10)
			CHECK_OK(kv_blob_del(
				t.k, str_of(id, (size_t)snprintf(id, sizeof(id), "%04u", i))));
	}
	CHECK_OK(give(t.k));
	CHECK_OK(kv_space(t.k, &empty));
	CHECK(empty.used < full.used / 4);
	m = arena_mark(&t.a);
	for (unsigned i = 0; i < N; i += 10) {
		noise(bytes, SIZE, i, false);
		CHECK_OK(kv_blob_get(t.k, str_of(id, (size_t)snprintf(id, sizeof(id), "%04u", i)),
				     0, SIZE, &t.a, &got));
		CHECK(str_eq(got, str_of(bytes, SIZE)));
		arena_release(&t.a, m);
	}
	mem_free(bytes);
	bed_end(&t);
}

TEST(kv_rocksdb_tidies)
{
	gives_space_back(kv_tidy);
}

TEST(kv_rocksdb_compacts)
{
	gives_space_back(kv_compact);
}
