/* kv/kv.h: the partition contract that the mailbox and the queue stand on.
 * A store holds partitions (one a user, one a queue). A partition has ordered keys and a commit
 * that is all or nothing and durable on return; bodies are blobs beside them. Engines: RocksDB,
 * memory (tests); RADOS fits the same contract (no iterator is kept open, guards are compared
 * inside the commit). Every call may be made from any thread and blocks it: a fiber calls it within
 * work(POOL_DISK, ...), best with several calls in one job. Concurrent commits, of one partition or
 * of many, share one sync (group commit). Every value and every piece of a blob carries a checksum
 * that each read verifies: E_CORRUPT. */
#ifndef KV_KV_H
#define KV_KV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct kv;

struct kv_options {
	const char
		*dir; /* RocksDB: its folder, created when absent; ignored by the memory engine */
	uint64_t reserve; /* octets of disk kept free: below it kv_commit with KV_GROWS says E_FULL
			   * early, so that expunges still work */
	bool existing;	  /* E_NOTFOUND when there is no store, rather than a new one */
};
/* E_AGAIN: another process has it open. */
MUST_USE err kv_open_rocksdb(const struct kv_options *o, struct kv **out);
MUST_USE err kv_open_memory(struct kv **out);
void kv_close(struct kv *k);
/* Tests alone: from now on the disk's reserve counts as reached, or not. */
void kv_pretend_full(struct kv *k, bool full);

/* ---- partitions ---- */
/* A partition's name: bytes without '\0', at most 64, e.g. "u/123". */
struct kv_part {
	str name;
	uint64_t epoch; /* who may write: raised when another node takes the partition (kv_take) */
};
/* Reads the current epoch; 0 for a partition that was never taken. */
MUST_USE err kv_epoch(struct kv *k, str part, uint64_t *epoch);
/* Raises the epoch to `epoch`; E_DENIED when it is there or above already. */
MUST_USE err kv_take(struct kv *k, str part, uint64_t epoch);

/* ---- a batch of changes to one partition ---- */
struct kv_batch;		/* not shared between threads */
enum kv_flags { KV_GROWS = 1 }; /* adds data: refused with E_FULL when the reserve is reached */
struct kv_batch *kv_batch_new(void);
void kv_batch_free(struct kv_batch *b);
void kv_batch_reset(struct kv_batch *b);
size_t kv_batch_size(const struct kv_batch *b); /* octets of its changes so far */
void kv_put(struct kv_batch *b, str key,
	    str value); /* copies; over LIM_KV_KEY/VALUE sticks and commit says E_LIMIT */
void kv_del(struct kv_batch *b, str key);
void kv_del_range(struct kv_batch *b, str from, str to); /* [from, to) */
/* The commit is refused with E_AGAIN unless key has exactly this value now (absent: p NULL). */
void kv_expect(struct kv_batch *b, str key, str value);

/* All or nothing, synced. E_DENIED: fenced, the partition has another epoch than p->epoch (nothing
 * written). E_AGAIN: an expectation failed (nothing written). E_FULL: KV_GROWS and the reserve is
 * reached, or LIM_KV_FLOOR is, which stops every write. E_IO: outcome unknown, read again. */
MUST_USE err kv_commit(struct kv *k, const struct kv_part *p, struct kv_batch *b, unsigned flags);

/* Several at once, each all or nothing with its own result, in one sync. Two of one partition are
 * done in order, and the second one's expectations see the first. */
struct kv_job {
	struct kv_part part;
	struct kv_batch *batch;
	unsigned flags;
	err result;
};
void kv_commit_many(struct kv *k, struct kv_job *v, size_t n);

/* ---- reading ---- */
/* *value lives in the arena. E_NOTFOUND. */
MUST_USE err kv_get(struct kv *k, str part, str key, struct arena *a, str *value);
struct kv_row {
	str key, value;
};
/* Rows with from <= key < to (to "" : end of the partition), in byte order (reverse: from the end),
 * at most max. *more says that there would be others. Rows live in the arena. */
MUST_USE err kv_range(struct kv *k, str part, str from, str to, bool reverse, size_t max,
		      struct arena *a, struct kv_row **rows, size_t *n, bool *more);
/* Names of all partitions that begin with prefix and come after `after`, at most max, in order. */
MUST_USE err kv_parts(struct kv *k, str prefix, str after, size_t max, struct arena *a, str **names,
		      size_t *n);

/* ---- blobs: immutable, by a unique id that the caller made: 1 to 64 bytes, any ---- */
/* Stored compressed (zstd) with a checksum. Not durable yet: it goes with the next commit of any
 * partition, and after a kv_commit that was called later has returned OK, so has the blob. */
MUST_USE err kv_blob_put(struct kv *k, str id, str bytes);
/* The same with a tag, a few octets that are read, and listed, without the blob. */
MUST_USE err kv_blob_put_tagged(struct kv *k, str id, str tag, str bytes);
MUST_USE err kv_blob_tag(struct kv *k, str id, struct arena *a, str *tag); /* E_NOTFOUND */
/* [offset, offset+n) of the plain bytes, cut at the end. E_NOTFOUND; E_CORRUPT when a checksum does
 * not hold or a piece is missing; E_LIMIT when it does not fit the arena. */
MUST_USE err kv_blob_get(struct kv *k, str id, uint64_t offset, uint64_t n, struct arena *a,
			 str *bytes);
MUST_USE err kv_blob_del(struct kv *k, str id); /* gone is fine */
/* Octets of the plain bytes. E_NOTFOUND. */
MUST_USE err kv_blob_size(struct kv *k, str id, uint64_t *size);
/* Ids after `after`, at most max, for sweeps and verify. */
MUST_USE err kv_blobs(struct kv *k, str after, size_t max, struct arena *a, str **ids, size_t *n);

/* ---- care ---- */
/* Octets on disk, free octets of the disk; whether the reserve is reached. */
struct kv_space {
	uint64_t used, free;
	bool full;
};
MUST_USE err kv_space(struct kv *k, struct kv_space *out);
/* E_FULL when the reserve is reached: cheap enough to ask for each recipient. */
MUST_USE err kv_room(struct kv *k);
/* A write has failed (the disk, most likely): reads go on, no write does. The process should end
 * and start anew. */
bool kv_broken(struct kv *k);
/* Gives the space of deleted blobs back to the disk once it is a quarter of what they use; in small
 * steps, beside writes and reads. For a running store, now and then, after many deletions. */
MUST_USE err kv_tidy(struct kv *k);
/* All that can be given back, by writing everything anew: for an operator. */
MUST_USE err kv_compact(struct kv *k);
/* A consistent copy in another folder, by hard links where it can. */
MUST_USE err kv_checkpoint(struct kv *k, const char *dir);

#endif
