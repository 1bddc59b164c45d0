/* services/accounting/state.h: what the service consists of, for its own files. */
#ifndef SERVICES_ACCOUNTING_STATE_H
#define SERVICES_ACCOUNTING_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/limits.h"
#include "base/list.h"
#include "run/fiber.h"
#include "services/accounting/book.h"

enum { ACCT_LOOPS = 256 };

/* Events that share a sync. There are two at most: one that gathers, one that is written. */
struct acct_group {
	struct acct *a;
	unsigned parity, refs;
	bool done;
	err e;
	bool lanes[ACCT_LOOPS]; /* whose fibers wait for it */
};

/* A loop's fibers that wait, by the parity of their group. Touched on that loop's thread alone. */
struct acct_lane {
	struct loop *loop;
	struct waitq waits[2];
};
struct acct_wake {
	struct waitq *q;
};

/* An event that the SQL file does not have yet, for simultaneous use. */
struct acct_seen {
	struct link age, same; /* all; those of one login */
	struct acct_user *user;
	enum acct_kind kind;
	struct acct_open open; /* strings lie in text */
	char text[];
};
struct acct_user {
	struct link seen;
	str login;
	char text[];
};

struct acct {
	struct acct_options options; /* under lock; its strings lie in settings */
	struct arena settings;
	char *dir, *database;
	struct acct_log *log;

	pthread_mutex_t lock;  /* over what follows */
	pthread_cond_t more;   /* for the writer: events, or the end */
	pthread_cond_t done;   /* for callers without a fiber */
	pthread_cond_t synced; /* for the folder */
	struct buf pending, writing;
	struct acct_group *group; /* gathers */
	struct acct_lane *lanes[ACCT_LOOPS];
	size_t nlanes;
	bool stop;
	struct map users; /* lower-case login -> struct acct_user */
	struct link seen;
	size_t nseen;
	struct acct_state state;
	struct acct_place folded; /* as far as the folder knows */
	int64_t oldest;		  /* when the oldest unfolded event that is known came */

	pthread_t writer, folder;
	bool has_writer, has_folder;

	pthread_mutex_t reading; /* over the reader's connection */
	struct sql *reader;
	int64_t reader_inode;
};

/* The thread that folds, fn of pthread_create. */
void *acct_fold_thread(void *a);

/* Under the lock. */
void acct_seen_add(struct acct *a, const struct acct_event *e);
void acct_seen_drop(struct acct *a, const struct acct_event *e); /* it is folded */
void acct_seen_free(struct acct *a);

#endif
