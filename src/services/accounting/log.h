/* services/accounting/log.h: the append log: files <dir>/<number>.log of records, each its length,
 * its CRC-32C and its body. A file is written by one process and once; what a crash tore off its
 * end was never acknowledged and is passed over. All calls block; the writer's and the reader's
 * come from one thread each. */
#ifndef SERVICES_ACCOUNTING_LOG_H
#define SERVICES_ACCOUNTING_LOG_H

#include "base/buf.h"

struct acct_log;

/* A place in the log: the file's number (0: before all), octets in it. */
struct acct_place {
	uint64_t file, at;
};

/* A folder of its own, made when absent. E_AGAIN: another process writes it. */
MUST_USE err log_open(const char *dir, struct acct_log **out);
void log_close(struct acct_log *l); /* NULL allowed */
/* 16 random hex digits, drawn when the folder was made: whose places these are. */
str log_name(const struct acct_log *l);

/* Adds a record to out, as log_append wants them. */
void log_frame(struct buf *out, str body);
/* Whole records, synced on OK. On an error nothing of it counts; the next call begins a new file.
 * E_FULL: less than reserve would stay free, or the log would hold more than max octets. */
MUST_USE err log_append(struct acct_log *l, str records, uint64_t max, uint64_t reserve);

/* Octets behind *p, the file's number and place moved to the next record that is there: whole
 * records of one file, at most about max octets (one record at least). E_EOF: no more for now. The
 * caller takes them apart with log_next. */
MUST_USE err log_read(struct acct_log *l, struct acct_place *p, size_t max, struct buf *out);
/* The next record of octets that log_read gave; *rest moves behind it. False: no more. */
bool log_next(str *rest, str *body);
/* The files before p's are removed. */
void log_forget(struct acct_log *l, struct acct_place p);
/* Where the next record will stand; octets between p and there. */
struct acct_place log_end(struct acct_log *l);
uint64_t log_octets(struct acct_log *l, struct acct_place p);

/* The whole records at the front of these octets, and why the rest is none: for log_read and its
 * fuzz target. */
size_t log_whole(str octets);

#endif
