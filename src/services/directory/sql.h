/* services/directory/sql.h: the few calls that the directory asks of a database. SQLite today;
 * another server fits behind the same calls (no SQLite-only SQL is used outside schema.c and the
 * PRAGMAs of sql.c).
 *
 * Every call may block on disk or a lock: from a fiber go through work(POOL_DISK). One thread at a
 * time. Errors: E_AGAIN locked or busy (or a writer died and a reader may not roll back); E_EXISTS
 * a UNIQUE rule; E_NOTFOUND no such file, or a reference to nothing; E_DENIED rights; E_FULL;
 * E_CORRUPT; E_IO. */
#ifndef SERVICES_DIRECTORY_SQL_H
#define SERVICES_DIRECTORY_SQL_H

#include "base/buf.h"

struct sql;
struct sql_stmt;

enum sql_how {
	SQL_READ = 1,	/* rows cannot be changed; the file must exist */
	SQL_WRITE = 2,	/* the file must exist */
	SQL_CREATE = 6, /* made when absent */
	SQL_WAL = 8, /* write-ahead log: readers and writers do not stop each other, and both write
			files */
};
/* busy: milliseconds that a call waits for somebody else's lock. */
MUST_USE err sql_open(const char *path, unsigned how, unsigned busy, struct sql **out);
/* An empty file with exactly these rights, unless there is one: SQLite gives its side files the
 * same ones. */
MUST_USE err sql_make(const char *path, unsigned mode);
void sql_close(struct sql *s); /* NULL allowed; rolls an open transaction back */

/* A value to bind or set. */
struct sql_value {
	enum sql_kind { SQL_NULL, SQL_INT, SQL_TEXT, SQL_BLOB } kind;
	int64_t i;
	str s;
};
#define SQL_I(v) ((struct sql_value){ .kind = SQL_INT, .i = (int64_t)(v) })
#define SQL_T(v) ((struct sql_value){ .kind = SQL_TEXT, .s = (v) })
#define SQL_B(v) ((struct sql_value){ .kind = SQL_BLOB, .s = (v) })
#define SQL_NIL	 ((struct sql_value){ .kind = SQL_NULL })

/* One or more statements without parameters. */
MUST_USE err sql_exec(struct sql *s, const char *text);
/* A prepared statement of the text, with its parameters; kept for the next call with the same text
 * pointer contents. The statement belongs to the connection: sql_done ends its use, at once after
 * the last row. SQL_RUN(s, "UPDATE ... ?", SQL_I(1)) runs one that gives no rows. */
MUST_USE err sql_query(struct sql *s, str text, const struct sql_value *v, size_t n,
		       struct sql_stmt **out);
/* OK: a row. E_EOF: no more. */
MUST_USE err sql_step(struct sql_stmt *st);
/* NULL allowed; CLEANUP(sql_donep). */
void sql_done(struct sql_stmt *st);
static inline void sql_donep(struct sql_stmt **st)
{
	sql_done(*st);
}
#define SQL_QUERY(s, st, text, ...)                                                                \
	sql_query(s, str_z(text), (const struct sql_value[]){ __VA_ARGS__ },                       \
		  sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value),    \
		  st)
#define SQL_RUN(s, text, ...)                                                                      \
	sql_run(s, str_z(text), (const struct sql_value[]){ __VA_ARGS__ },                         \
		sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value))
MUST_USE err sql_run(struct sql *s, str text, const struct sql_value *v, size_t n);

/* Columns of the row, from 0. Views live until the next step. NULL gives 0 and "". */
int64_t sql_int(struct sql_stmt *st, int column);
str sql_text(struct sql_stmt *st, int column);		      /* text or blob */
struct sql_value sql_column(struct sql_stmt *st, int column); /* as it would be bound */

/* The first column of the first row; E_NOTFOUND when there is no row. */
MUST_USE err sql_get_int(struct sql *s, str text, const struct sql_value *v, size_t n,
			 int64_t *out);
#define SQL_GET(s, out, text, ...)                                                                 \
	sql_get_int(s, str_z(text), (const struct sql_value[]){ __VA_ARGS__ },                     \
		    sizeof((const struct sql_value[]){ __VA_ARGS__ }) / sizeof(struct sql_value),  \
		    out)
/* The key that the last INSERT drew; how many rows the last statement changed. */
int64_t sql_last_id(struct sql *s);
int64_t sql_changed(struct sql *s);

/* Transactions. begin takes the write lock at once (SQL_WRITE) or gives a steady view (SQL_READ).
 */
MUST_USE err sql_begin(struct sql *s, enum sql_how how);
MUST_USE err sql_commit(struct sql *s);
void sql_rollback(struct sql *s); /* harmless outside a transaction */
/* A number that changes when another connection has committed. */
MUST_USE err sql_data_version(struct sql *s, int64_t *out);

#endif
