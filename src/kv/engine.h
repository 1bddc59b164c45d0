/* kv/engine.h: what an ordered engine (RocksDB, memory) gives to kv. Keys and values are plain
 * bytes here: partitions, checksums, guards, group commit and blobs' pieces are the work of kv.c,
 * commit.c and blob.c above it. Every call comes from any thread and blocks. */
#ifndef KV_ENGINE_H
#define KV_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "kv/kv.h"

/* Three ordered spaces, apart because they are read and written so differently. */
enum space {
	SPACE_PARTS, /* partition -> epoch */
	SPACE_ROWS,  /* partition 0 key -> value */
	SPACE_BLOBS, /* id 0 piece -> compressed bytes */
	SPACE_COUNT
};

struct change {
	enum { CHANGE_PUT, CHANGE_DEL, CHANGE_DEL_RANGE } what;
	enum space space;
	str key, value; /* DEL_RANGE: [key, value) */
};

struct engine;
/* One row of a range; false ends it. Views are valid during the call. */
typedef bool row_fn(void *arg, str key, str value);

struct engine_ops {
	void (*close)(struct engine *e);
	/* Appends the value to out. E_NOTFOUND. */
	err (*get)(struct engine *e, enum space s, str key, struct buf *out);
	/* from <= key < to, to "" is the end; reverse begins at the end. */
	err (*range)(struct engine *e, enum space s, str from, str to, bool reverse, row_fn *row,
		     void *arg);
	/* All or nothing; sync: this and all that was written before is durable on return. */
	err (*write)(struct engine *e, const struct change *v, size_t n, bool sync);
	err (*space)(struct engine *e, uint64_t *used, uint64_t *free);
	err (*tidy)(struct engine *e);
	err (*compact)(struct engine *e);
	err (*checkpoint)(struct engine *e, const char *dir);
};
struct engine {
	const struct engine_ops *ops;
};

MUST_USE err engine_rocksdb(const char *dir, bool existing, struct engine **out);
struct engine *engine_memory(void);

struct kv {
	struct engine *engine;
	uint64_t reserve;
	_Atomic bool pretend_full, broken;
	/* Group commit: jobs wait here, the first one's thread writes for all. */
	pthread_mutex_t mu;
	struct link waiting;
	bool leading;
	/* Small blobs wait in memory for the next group, those of the running one until it is
	 * written: a write of their own would queue behind the running sync, and their commit
	 * behind the next. */
	struct link pending, writing;
	size_t pending_octets;
	/* blob.c */
	pthread_mutex_t zstd_mu;
	struct link zstd;
};

/* ---- commit.c ---- */
struct pending {
	struct link link;
	struct change *changes; /* [0] is the head */
	size_t n;
	struct buf bytes; /* what they point into */
};
/* Takes p over; false: too much waits already. */
bool commit_pend(struct kv *k, struct pending *p);
void pending_free(struct pending *p);
/* True when the blob with that key of its head waits. */
bool commit_pends(struct kv *k, str head);
/* Writes what waits. */
MUST_USE err commit_settle(struct kv *k);
void commit_init(struct kv *k);
void commit_end(struct kv *k);

/* ---- blob.c ---- */
void blob_init(struct kv *k);
void blob_end(struct kv *k);

/* ---- kv.c ---- */
/* A stored value is the value and a CRC-32C over key and value. E_CORRUPT. */
void checked_add(struct buf *out, str key, str value);
MUST_USE err checked_take(str key, str stored, str *value);
/* Every write goes through here: never onto a disk so full that the log might not fit, and never
 * after one that failed. */
MUST_USE err kv_write(struct kv *k, const struct change *v, size_t n, bool sync);

#endif
