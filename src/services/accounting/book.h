/* services/accounting/book.h: the SQL file, for the service's own files. Everything blocks; one
 * thread a book. docs/design/accounting.md has the tables and why. */
#ifndef SERVICES_ACCOUNTING_BOOK_H
#define SERVICES_ACCOUNTING_BOOK_H

#include "base/map.h"
#include "services/accounting/accounting.h"
#include "services/accounting/log.h"
#include "services/directory/sql.h"

enum { DAY = 86400 };

/* Terminate causes of our own, beside those of RFC 2866 5.10. */
enum {
	ACCT_CAUSE_NAS_REBOOT = 11,
	ACCT_CAUSE_SILENT = 1001, /* nothing was heard of it for too long */
	ACCT_CAUSE_REUSED = 1002, /* the NAS began another session of the same id */
};

/* The tables of names, ids and their cache. */
enum book_name { NAME_NAS, NAME_ACCOUNT, NAME_NUMBER, NAME_TELCO, NAME_COUNT_ };

struct book {
	struct sql *s;
	struct map names[NAME_COUNT_]; /* name -> id + 1 as a pointer; emptied by a rollback */
	size_t nnames;
	int64_t rolled; /* the newest day that was rolled up, as of book_begin; -1: none */
	uint64_t repeated;
};

/* create: made when absent; else E_NOTFOUND. */
MUST_USE err book_open(const char *path, bool create, struct book *b);
void book_close(struct book *b);
MUST_USE err book_begin(struct book *b);
MUST_USE err book_commit(struct book *b);
void book_rollback(struct book *b);

/* 0 for "". In a transaction. */
MUST_USE err book_id(struct book *b, enum book_name table, str name, int64_t *id);

/* How far the log of that name is folded; file 0 when it is new. In a transaction, so that an
 * event counts if and only if the place behind it is kept. */
MUST_USE err book_place(struct book *b, str log, struct acct_place *p);
MUST_USE err book_set_place(struct book *b, str log, struct acct_place p, int64_t now);

/* One event. now: for events without a clock of their own. In a transaction. */
MUST_USE err book_apply(struct book *b, const struct acct_event *e, const struct acct_telco *telcos,
			size_t ntelcos);

/* ---- from time to time; each a transaction of its own, short enough for the other server ---- */
/* Closes sessions of which nothing was heard since then. */
MUST_USE err book_silent(struct book *b, int64_t interims_before, int64_t starts_before,
			 size_t *closed);
/* Moves sessions that ended on days before `day` (days since 1970) to their place by day and user,
 * and adds them to the sums. *moved 0: there are no more. */
MUST_USE err book_roll(struct book *b, int64_t day, size_t *moved);
/* Removes single sessions of days before `day`, some of them. *removed 0: there are no more. */
MUST_USE err book_prune(struct book *b, int64_t day, size_t *removed);
/* The sums of a rolled session are taken back and it lives again: an event of it came very late. */
MUST_USE err book_unroll(struct book *b, int64_t day, int64_t account, int64_t second, int64_t nas,
			 str session);

#endif
