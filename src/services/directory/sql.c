#include "services/directory/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"

struct sql {
	sqlite3 *db;
	struct map stmts; /* text -> struct sql_stmt: compiled once a connection */
	bool in_tx;
};
struct sql_stmt {
	sqlite3_stmt *st;
	struct sql *owner;
	bool busy;  /* handed out */
	bool loose; /* not in the table: freed by sql_done */
};

static err code_of(int rc, int extended)
{
	switch (rc) {
	case SQLITE_OK:
	case SQLITE_ROW:
		return OK;
	case SQLITE_DONE:
		return E_EOF;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return E_AGAIN;
	case SQLITE_READONLY:
		/* A dead writer's journal waits for somebody who may write. */
		return extended == SQLITE_READONLY_ROLLBACK ||
				       extended == SQLITE_READONLY_RECOVERY ||
				       extended == SQLITE_READONLY_CANTINIT
			       ? E_AGAIN
			       : E_DENIED;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return E_DENIED;
	case SQLITE_CANTOPEN:
		return E_NOTFOUND;
	case SQLITE_CONSTRAINT:
		return extended == SQLITE_CONSTRAINT_FOREIGNKEY ? E_NOTFOUND : E_EXISTS;
	case SQLITE_FULL:
		return E_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return E_CORRUPT;
	case SQLITE_TOOBIG:
		return E_LIMIT;
	default:
		return E_IO;
	}
}

static err check(struct sql *s, int rc)
{
	err e = code_of(rc & 0xff, rc);

	if (e == OK || e == E_EOF)
		return e;
	return fail(e, "%s", sqlite3_errmsg(s->db));
}

/* Of a call that cannot be half way: anything but SQLITE_OK is an error. */
static err check_failed(struct sql *s, int rc)
{
	err e = check(s, rc);

	return e != OK ? e : E_IO;
}

/* full: a commit is on the disk when it returns. cache_spill off: a long transaction keeps its
 * pages in memory, so that readers are kept out for the commit alone, not for its whole length. */
static err set_up(struct sql *s, unsigned how)
{
	TRY(sql_exec(s, "PRAGMA foreign_keys=ON; PRAGMA cache_spill=OFF"));
	if (!(how & SQL_WRITE))
		return OK;
	TRY(sql_exec(s, "PRAGMA synchronous=FULL"));
	return how & SQL_WAL ? sql_exec(s, "PRAGMA journal_mode=WAL") : OK;
}

err sql_open(const char *path, unsigned how, unsigned busy, struct sql **out)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	struct sql *s = MEM_NEW(struct sql);

	map_init(&s->stmts);
	flags |= how & SQL_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	flags |= (how & SQL_CREATE) == SQL_CREATE ? SQLITE_OPEN_CREATE : 0;
	int rc = sqlite3_open_v2(path, &s->db, flags, NULL);

	if (rc != SQLITE_OK) {
		err e = code_of(rc & 0xff, rc);

		e = fail(e, "%s: %s", path, s->db ? sqlite3_errmsg(s->db) : "no memory");
		sql_close(s);
		return e;
	}
	(void)sqlite3_busy_timeout(s->db, (int)busy);
	err e = set_up(s, how);

	if (e) {
		sql_close(s);
		return e;
	}
	*out = s;
	return OK;
}

err sql_make(const char *path, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return errno == EEXIST ? OK
				       : fail(errno == ENOENT ? E_NOTFOUND : E_DENIED, "%s: %s",
					      path, strerrordesc_np(errno));
	bool ok = fchmod(fd, mode) == 0; /* whatever the umask */

	(void)close(fd);
	return ok ? OK : fail(E_IO, "%s: %s", path, strerrordesc_np(errno));
}

void sql_close(struct sql *s)
{
	size_t at = 0;
	str key;
	void *v;

	if (!s)
		return;
	while (map_each(&s->stmts, &at, &key, &v)) {
		struct sql_stmt *st = v;

		(void)sqlite3_finalize(st->st);
		mem_free(st);
	}
	map_free(&s->stmts);
	(void)sqlite3_close_v2(s->db);
	mem_free(s);
}

err sql_exec(struct sql *s, const char *text)
{
	return check(s, sqlite3_exec(s->db, text, NULL, NULL, NULL));
}

static err prepare(struct sql *s, str text, struct sql_stmt **out)
{
	struct sql_stmt *st = map_get(&s->stmts, text);

	if (st && !st->busy) {
		*out = st;
		return OK;
	}
	if (text.n > INT_MAX)
		return fail(E_LIMIT, "a statement of %zu octets", text.n);
	bool loose = st != NULL; /* the same text is running already, one row up */

	st = MEM_NEW(struct sql_stmt);
	int rc = sqlite3_prepare_v3(s->db, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, &st->st,
				    NULL);

	if (rc != SQLITE_OK) {
		mem_free(st);
		return check_failed(s, rc);
	}
	st->owner = s;
	st->loose = loose;
	if (!loose)
		(void)map_put(&s->stmts, text, st);
	*out = st;
	return OK;
}

static int bind(sqlite3_stmt *st, int at, const struct sql_value *v)
{
	switch (v->kind) {
	case SQL_INT:
		return sqlite3_bind_int64(st, at, v->i);
	case SQL_TEXT:
		return sqlite3_bind_text64(st, at, v->s.n ? v->s.p : "", v->s.n, SQLITE_TRANSIENT,
					   SQLITE_UTF8);
	case SQL_BLOB:
		return sqlite3_bind_blob64(st, at, v->s.n ? v->s.p : "", v->s.n, SQLITE_TRANSIENT);
	default:
		return sqlite3_bind_null(st, at);
	}
}

err sql_query(struct sql *s, str text, const struct sql_value *v, size_t n, struct sql_stmt **out)
{
	struct sql_stmt *st = NULL;

	TRY(prepare(s, text, &st));
	for (size_t i = 0; i < n; i++) {
		int rc = bind(st->st, (int)i + 1, &v[i]);

		if (rc != SQLITE_OK) {
			err e = check_failed(s, rc);

			sql_done(st);
			return e;
		}
	}
	st->busy = true;
	*out = st;
	return OK;
}

err sql_step(struct sql_stmt *st)
{
	return check(st->owner, sqlite3_step(st->st));
}

void sql_done(struct sql_stmt *st)
{
	if (!st)
		return;
	if (st->loose) {
		(void)sqlite3_finalize(st->st);
		mem_free(st);
		return;
	}
	(void)sqlite3_reset(st->st);
	(void)sqlite3_clear_bindings(st->st); /* secrets do not linger in it */
	st->busy = false;
}

err sql_run(struct sql *s, str text, const struct sql_value *v, size_t n)
{
	struct sql_stmt *st = NULL;

	TRY(sql_query(s, text, v, n, &st));
	err e = sql_step(st);

	sql_done(st);
	return e == E_EOF ? OK : e;
}

err sql_get_int(struct sql *s, str text, const struct sql_value *v, size_t n, int64_t *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(sql_query(s, text, v, n, &st));
	err e = sql_step(st);

	if (e)
		return e == E_EOF ? E_NOTFOUND : e;
	*out = sql_int(st, 0);
	return OK;
}

int64_t sql_int(struct sql_stmt *st, int column)
{
	return sqlite3_column_int64(st->st, column);
}

str sql_text(struct sql_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st->st, column);
	int n = sqlite3_column_bytes(st->st, column);

	return p && n > 0 ? str_of(p, (size_t)n) : STR("");
}

struct sql_value sql_column(struct sql_stmt *st, int column)
{
	switch (sqlite3_column_type(st->st, column)) {
	case SQLITE_NULL:
		return SQL_NIL;
	case SQLITE_INTEGER:
		return SQL_I(sql_int(st, column));
	case SQLITE_BLOB:
		return SQL_B(sql_text(st, column));
	default:
		return SQL_T(sql_text(st, column));
	}
}

int64_t sql_last_id(struct sql *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

int64_t sql_changed(struct sql *s)
{
	return sqlite3_changes64(s->db);
}

err sql_begin(struct sql *s, enum sql_how how)
{
	TRY(sql_exec(s, how == SQL_WRITE ? "BEGIN IMMEDIATE" : "BEGIN"));
	s->in_tx = true;
	return OK;
}

err sql_commit(struct sql *s)
{
	TRY(sql_exec(s, "COMMIT"));
	s->in_tx = false;
	return OK;
}

void sql_rollback(struct sql *s)
{
	if (!s->in_tx)
		return;
	s->in_tx = false;
	(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

err sql_data_version(struct sql *s, int64_t *out)
{
	return sql_get_int(s, STR("PRAGMA data_version"), NULL, 0, out);
}
