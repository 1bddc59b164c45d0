/* The RocksDB engine: a column family a space; bodies in blob files, which are collected in small
 * steps as they fill with garbage. Debian's build asserts that handles and iterators are closed
 * before the database is. */
#include "kv/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <rocksdb/c.h>

#include "base/limits.h"

struct rocks {
	struct engine engine;
	rocksdb_t *db;
	rocksdb_options_t *options[SPACE_COUNT + 1]; /* the last one: the database and its unused
							default family */
	rocksdb_block_based_table_options_t *tables[SPACE_COUNT];
	rocksdb_column_family_handle_t *families[SPACE_COUNT + 1];
	rocksdb_cache_t *cache;
	rocksdb_readoptions_t *read;
	rocksdb_writeoptions_t *synced, *unsynced;
	char *dir;
};

enum {
	CACHE = 64 << 20,      /* octets of blocks and bodies kept in memory */
	MEMTABLE = 32 << 20,   /* octets of a family's writes before they go to a file */
	MEMTABLES = 128 << 20, /* of all families */
	WAL_MAX = 512 << 20,   /* octets of logs before the oldest family is flushed */
	BLOB_MIN = 1024,       /* octets from which on a value goes to a blob file */
	BLOB_TABLE = 4 << 20,  /* octets of a table of their keys: a step of tidying */
	BLOB_FILE = 64 << 20,  /* octets of a blob file: small ones die sooner */
	TIDY_LEAST = 1 << 20,  /* octets of garbage that are worth a step */
	OPEN_FILES = 2000,
};

static struct rocks *of(struct engine *e)
{
	return CONTAINER(e, struct rocks, engine);
}

/* RocksDB's message becomes ours and is freed. */
static err said(char *message, const char *what)
{
	if (!message)
		return OK;
	str text = str_z(message);
	bool locked = str_search(text, STR("/LOCK: Resource temporarily unavailable")) < text.n ||
		      str_search(text, STR("lock hold by current process")) < text.n;
	err code = locked ? E_AGAIN : str_starts(text, STR("Corruption")) ? E_CORRUPT : E_IO;
	err e = fail(code, "%s: %.*s", what, STRF(text));
	rocksdb_free(message);
	return e;
}

/* ---- opening ---- */
static rocksdb_options_t *common_options(struct rocks *r)
{
	rocksdb_options_t *o = rocksdb_options_create();

	rocksdb_options_set_create_if_missing(o, 1);
	rocksdb_options_set_create_missing_column_families(o, 1);
	rocksdb_options_set_max_total_wal_size(o, WAL_MAX);
	rocksdb_options_set_db_write_buffer_size(o, MEMTABLES);
	rocksdb_options_set_max_background_jobs(o, 3);
	rocksdb_options_set_bytes_per_sync(o, 1 << 20);
	rocksdb_options_set_max_open_files(o, OPEN_FILES);
	rocksdb_options_set_info_log_level(o, 2); /* warnings */
	rocksdb_options_set_keep_log_file_num(o, 4);
	rocksdb_options_set_write_buffer_size(o, MEMTABLE);
	rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
	rocksdb_options_set_compression(o, rocksdb_zstd_compression);
	return o;
}

static rocksdb_block_based_table_options_t *table_options(struct rocks *r)
{
	rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();

	rocksdb_block_based_options_set_block_cache(t, r->cache);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(t, 1);
	rocksdb_block_based_options_set_filter_policy(t,
						      rocksdb_filterpolicy_create_bloom_full(10));
	rocksdb_block_based_options_set_format_version(t, 5);
	return t;
}

static void blob_options(struct rocks *r, rocksdb_options_t *o)
{
	rocksdb_options_set_enable_blob_files(o, 1);
	rocksdb_options_set_min_blob_size(o, BLOB_MIN);
	rocksdb_options_set_blob_file_size(o, BLOB_FILE);
	rocksdb_options_set_blob_compression_type(
		o, rocksdb_no_compression); /* blob.c has compressed */
	rocksdb_options_set_blob_cache(o, r->cache);
	/* A blob file that holds nothing alive goes at once. Others are rewritten by rocks_tidy
	 * alone: RocksDB's own collection would rewrite what is alive in its oldest files with
	 * every compaction, garbage or not. Small tables make small steps. */
	rocksdb_options_set_target_file_size_base(o, BLOB_TABLE);
}

static void make_options(struct rocks *r)
{
	r->cache = rocksdb_cache_create_lru(CACHE);
	for (size_t s = 0; s <= SPACE_COUNT; s++) {
		r->options[s] = common_options(r);
		if (s == SPACE_COUNT)
			break;
		r->tables[s] = table_options(r);
		rocksdb_options_set_block_based_table_factory(r->options[s], r->tables[s]);
		/* Many deletions near each other ask for a compaction, so that what is gone leaves
		 * the disk. */
		rocksdb_options_add_compact_on_deletion_collector_factory(r->options[s], 10000,
									  5000);
	}
	blob_options(r, r->options[SPACE_BLOBS]);
	r->read = rocksdb_readoptions_create();
	r->synced = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(r->synced, 1);
	r->unsynced = rocksdb_writeoptions_create();
}

static void rocks_close(struct engine *e)
{
	struct rocks *r = of(e);

	if (r->db) {
		rocksdb_cancel_all_background_work(r->db, 1);
		for (size_t s = 0; s <= SPACE_COUNT; s++)
			rocksdb_column_family_handle_destroy(r->families[s]);
		rocksdb_close(r->db);
	}
	for (size_t s = 0; s <= SPACE_COUNT; s++) {
		if (s < SPACE_COUNT)
			rocksdb_block_based_options_destroy(r->tables[s]);
		rocksdb_options_destroy(r->options[s]);
	}
	rocksdb_readoptions_destroy(r->read);
	rocksdb_writeoptions_destroy(r->synced);
	rocksdb_writeoptions_destroy(r->unsynced);
	rocksdb_cache_destroy(r->cache);
	mem_free(r->dir);
	mem_free(r);
}

/* ---- reading and writing ---- */
static err rocks_get(struct engine *e, enum space s, str key, struct buf *out)
{
	struct rocks *r = of(e);
	char *message = NULL;

	rocksdb_pinnableslice_t *p =
		rocksdb_get_pinned_cf(r->db, r->read, r->families[s], key.p, key.n, &message);
	TRY(said(message, "reading a row"));
	if (!p)
		return E_NOTFOUND;
	size_t n;
	const char *v = rocksdb_pinnableslice_value(p, &n);
	buf_add(out, str_of(v, n));
	rocksdb_pinnableslice_destroy(p);
	return buf_done(out) == OK ? OK : fail(E_LIMIT, "a stored value of %zu octets", n);
}

static void scan_rows(rocksdb_iterator_t *it, bool reverse, row_fn *row, void *arg)
{
	while (rocksdb_iter_valid(it)) {
		size_t kn, vn;
		const char *key = rocksdb_iter_key(it, &kn), *value = rocksdb_iter_value(it, &vn);

		if (!row(arg, str_of(key, kn), str_of(value, vn)))
			return;
		if (reverse)
			rocksdb_iter_prev(it);
		else
			rocksdb_iter_next(it);
	}
}

static err rocks_range(struct engine *e, enum space s, str from, str to, bool reverse, row_fn *row,
		       void *arg)
{
	struct rocks *r = of(e);
	rocksdb_readoptions_t *o = rocksdb_readoptions_create();
	char *message = NULL;

	rocksdb_readoptions_set_iterate_lower_bound(o, from.p, from.n);
	if (to.n)
		rocksdb_readoptions_set_iterate_upper_bound(o, to.p, to.n);
	rocksdb_iterator_t *it = rocksdb_create_iterator_cf(r->db, o, r->families[s]);
	if (reverse)
		rocksdb_iter_seek_to_last(it);
	else
		rocksdb_iter_seek(it, from.p, from.n);
	scan_rows(it, reverse, row, arg);
	rocksdb_iter_get_error(it, &message);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(o);
	return said(message, "reading rows");
}

static err rocks_write(struct engine *e, const struct change *v, size_t n, bool sync)
{
	struct rocks *r = of(e);
	rocksdb_writebatch_t *b = rocksdb_writebatch_create();
	char *message = NULL;

	for (size_t i = 0; i < n; i++) {
		rocksdb_column_family_handle_t *f = r->families[v[i].space];
		str key = v[i].key, value = v[i].value;

		if (v[i].what == CHANGE_PUT)
			rocksdb_writebatch_put_cf(b, f, key.p, key.n, value.p, value.n);
		else if (v[i].what == CHANGE_DEL)
			rocksdb_writebatch_delete_cf(b, f, key.p, key.n);
		else
			rocksdb_writebatch_delete_range_cf(b, f, key.p, key.n, value.p, value.n);
	}
	rocksdb_write(r->db, sync ? r->synced : r->unsynced, b, &message);
	rocksdb_writebatch_destroy(b);
	return said(message, "writing");
}

/* ---- care ---- */
static err rocks_space(struct engine *e, uint64_t *used, uint64_t *left)
{
	static const char *const parts[] = { "rocksdb.total-sst-files-size",
					     "rocksdb.total-blob-file-size",
					     "rocksdb.cur-size-all-mem-tables" };
	struct rocks *r = of(e);
	struct statvfs vfs;

	if (statvfs(r->dir, &vfs))
		return fail(E_IO, "statvfs %s: %m", r->dir);
	*left = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (!used)
		return OK;
	*used = 0;
	for (size_t s = 0; s < SPACE_COUNT; s++) {
		for (size_t i = 0; i < COUNT(parts); i++) {
			uint64_t octets = 0;

			(void)rocksdb_property_int_cf(r->db, r->families[s], parts[i], &octets);
			*used += octets;
		}
	}
	return OK;
}

/* ---- giving space back ---- */
static err set_gc(struct rocks *r, bool on)
{
	const char *keys[] = { "enable_blob_garbage_collection",
			       "blob_garbage_collection_age_cutoff" };
	const char *values[] = { on ? "true" : "false", "1.0" };
	char *message = NULL;

	rocksdb_set_options_cf(r->db, r->families[SPACE_BLOBS], 2, keys, values, &message);
	return said(message, "setting garbage collection");
}

static err flush(struct rocks *r, enum space s)
{
	rocksdb_flushoptions_t *o = rocksdb_flushoptions_create();
	char *message = NULL;

	rocksdb_flush_cf(r->db, o, r->families[s], &message);
	rocksdb_flushoptions_destroy(o);
	return said(message, "flushing");
}

/* whole: also what has nothing above it to be merged with. Not exclusive: writes and RocksDB's own
 * compactions go on beside it. */
static void compact_between(struct rocks *r, enum space s, str from, str to, bool whole)
{
	rocksdb_compactoptions_t *o = rocksdb_compactoptions_create();

	rocksdb_compactoptions_set_exclusive_manual_compaction(o, 0);
	rocksdb_compactoptions_set_bottommost_level_compaction(o, whole ? 2 : 0);
	rocksdb_compact_range_cf_opt(r->db, r->families[s], o, from.p, from.n, to.p, to.n);
	rocksdb_compactoptions_destroy(o);
}

static bool is_garbage(struct rocks *r, unsigned percent)
{
	uint64_t all = 0, garbage = 0;

	(void)rocksdb_property_int_cf(r->db, r->families[SPACE_BLOBS],
				      "rocksdb.live-blob-file-size", &all);
	(void)rocksdb_property_int_cf(r->db, r->families[SPACE_BLOBS],
				      "rocksdb.live-blob-file-garbage-size", &garbage);
	return garbage > TIDY_LEAST && garbage > all / 100 * percent;
}

/* Table by table, the oldest ids first, until little garbage is left. */
static void collect_garbage(struct rocks *r, unsigned until)
{
	const rocksdb_livefiles_t *files = rocksdb_livefiles(r->db);

	for (int i = 0; i < rocksdb_livefiles_count(files) && is_garbage(r, until); i++) {
		size_t from_n, to_n;
		const char *from = rocksdb_livefiles_smallestkey(files, i, &from_n);
		const char *to = rocksdb_livefiles_largestkey(files, i, &to_n);

		if (str_eq(str_z(rocksdb_livefiles_column_family_name(files, i)), STR("blobs")))
			compact_between(r, SPACE_BLOBS, str_of(from, from_n), str_of(to, to_n),
					true);
	}
	rocksdb_livefiles_destroy(files);
}

/* First the deleted keys are merged away, which costs little since the bytes are elsewhere, and
 * shows how much garbage there is; then, if that is worth it, what is alive in the files is written
 * anew. */
static err tidy(struct rocks *r, unsigned from, unsigned until)
{
	TRY(flush(r, SPACE_BLOBS));
	compact_between(r, SPACE_BLOBS, (str){ 0 }, (str){ 0 }, false);
	if (!is_garbage(r, from))
		return OK;
	TRY(set_gc(r, true));
	collect_garbage(r, until);
	return set_gc(r, false);
}

static err rocks_tidy(struct engine *e)
{
	return tidy(of(e), 25, 10);
}

static err rocks_compact(struct engine *e)
{
	struct rocks *r = of(e);

	for (enum space s = 0; s < SPACE_COUNT; s++) {
		TRY(flush(r, s));
		compact_between(r, s, (str){ 0 }, (str){ 0 }, true);
	}
	return tidy(r, 0, 0);
}

static err rocks_checkpoint(struct engine *e, const char *dir)
{
	struct rocks *r = of(e);
	char *message = NULL;

	rocksdb_checkpoint_t *c = rocksdb_checkpoint_object_create(r->db, &message);
	TRY(said(message, "checkpoint"));
	rocksdb_checkpoint_create(c, dir, 0, &message);
	rocksdb_checkpoint_object_destroy(c);
	return said(message, "checkpoint");
}

/* RocksDB would leave files in a folder that is none of its. */
static err must_exist(const char *dir)
{
	char path[1024];
	int n = snprintf(path, sizeof(path), "%s/CURRENT", dir);

	if (n >= (int)sizeof(path) || access(path, F_OK) != 0)
		return fail(E_NOTFOUND, "%s holds no store", dir);
	return OK;
}

err engine_rocksdb(const char *dir, bool existing, struct engine **out)
{
	static const struct engine_ops ops = {
		rocks_close, rocks_get,	 rocks_range,	rocks_write,
		rocks_space, rocks_tidy, rocks_compact, rocks_checkpoint,
	};
	static const char *const names[SPACE_COUNT + 1] = { "parts", "rows", "blobs", "default" };
	str path = str_z(dir);
	char *message = NULL;

	if (existing)
		TRY(must_exist(dir));
	struct rocks *r = MEM_NEW(struct rocks);

	r->engine.ops = &ops;
	r->dir = mem_get(path.n + 1);
	memcpy(r->dir, path.p, path.n);
	make_options(r);
	r->db = rocksdb_open_column_families(r->options[SPACE_COUNT], dir, SPACE_COUNT + 1, names,
					     (const rocksdb_options_t *const *)r->options,
					     r->families, &message);
	err e = said(message, dir);
	if (e != OK) {
		r->db = NULL;
		rocks_close(&r->engine);
		return e;
	}
	*out = &r->engine;
	return OK;
}
