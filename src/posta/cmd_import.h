/* posta/cmd_import.h: what the steps of `posta user import` share: read all, hash what is in clear,
 * write all. */
#ifndef POSTA_CMD_IMPORT_H
#define POSTA_CMD_IMPORT_H

#include "base/limits.h"
#include "posta/cmd_directory.h"

enum { COLUMN_ADDRESS = -1, COLUMN_PASSWORD = -2, COLUMN_HASH = -3 };

struct import_row {
	str address;
	str clear;		      /* of the password, or "" */
	str hash;		      /* given, or made */
	const str *values;	      /* one a column, "" not given */
	struct scram_verifier *scram; /* made with the hash, or NULL */
	size_t line;
};
struct import {
	struct dircmd *c;
	struct arena arena;
	const struct dir_field *columns[LIM_CSV_FIELDS]; /* NULL: see special */
	int special[LIM_CSV_FIELDS];
	size_t ncolumns;
	struct import_row *rows;
	size_t nrows, cap, nclear;
	size_t added, updated;
	bool update, chap;
	struct progress *progress;
};

/* A bar on a terminal, a line now and then elsewhere; on standard error. */
struct progress {
	const char *what; /* "hashing" */
	size_t done, all;
	int64_t began, shown; /* ms */
	bool tty;
};
void progress_begin(struct progress *p, const char *what, size_t all);
void progress_step(struct progress *p, size_t done);
/* Seconds that it took; the line ends. */
double progress_end(struct progress *p);

/* Complains with the line's number and gives the exit code. */
MUST_USE int import_failed(struct import *m, size_t line, err e);
MUST_USE int import_read(struct import *m, const char *path);
MUST_USE int import_hash(struct import *m);
MUST_USE int import_write(struct import *m);

#endif
