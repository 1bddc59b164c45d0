/* run/work.h: what blocks for real goes through a helper thread while the fiber sleeps. */
#ifndef RUN_WORK_H
#define RUN_WORK_H

#include "base/err.h"

enum pool {
	POOL_DISK,  /* RocksDB, SQLite, files */
	POOL_CRYPT, /* crypt(3), SCRAM iterations: few threads, so that logins cannot eat the
		       machine */
	POOL_CPU,   /* long computations: parsing and compressing big messages */
	POOL_COUNT_
};

/* Runs fn(job) on a thread of the pool, gives its result; the fault text comes along. A cancel
 * waits for the thread, since job lies on our stack. Outside a fiber it just runs fn. */
WAITS MUST_USE err work(enum pool p, err (*fn)(void *), void *job);
/* Before the first work(): the number of threads of a pool (defaults: disk 8, crypt 2, cpu 2). */
void work_threads(enum pool p, unsigned n);

#endif
