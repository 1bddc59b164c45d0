#include "services/trace/store.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"

struct trace_db {
	sqlite3 *db;
	sqlite3_stmt *insert, *prune;
};

/* WAL with synchronous=NORMAL: a crash of the process loses nothing that was committed, a loss of
 * power may lose the last batches but never the file. */
static const char setup[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"PRAGMA journal_size_limit=8388608;"
	"CREATE TABLE IF NOT EXISTS event (at INTEGER NOT NULL, id TEXT NOT NULL, stage TEXT NOT "
	"NULL,"
	" address TEXT NOT NULL, detail TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS event_id ON event (id);"
	"CREATE INDEX IF NOT EXISTS event_address ON event (address, at) WHERE address <> '';"
	"CREATE INDEX IF NOT EXISTS event_at ON event (at);";
/* The limit bounds the time that a batch waits for a prune after a long stop. */
static const char prune_sql[] = "DELETE FROM event WHERE rowid IN"
				" (SELECT rowid FROM event WHERE at < ?1 ORDER BY at LIMIT 50000)";

static err sql_fail(const struct trace_db *t, int rc)
{
	err e = rc == SQLITE_FULL			      ? E_FULL
		: rc == SQLITE_BUSY || rc == SQLITE_LOCKED    ? E_AGAIN
		: rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? E_CORRUPT
							      : E_IO;

	return fail(e, "trace store: %s", sqlite3_errmsg(t->db));
}

static err setup_db(struct trace_db *t)
{
	int rc = sqlite3_exec(t->db, setup, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(t->db, "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5)", -1,
					&t->insert, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(t->db, prune_sql, -1, &t->prune, NULL);
	return rc == SQLITE_OK ? OK : sql_fail(t, rc);
}

err trace_db_open(const char *dir, const char *role, struct trace_db **out)
{
	struct trace_db *t = MEM_NEW(struct trace_db);
	char path[1024];
	int n = snprintf(path, sizeof(path), "%s/%s.db", dir, role);
	err e = n < 0 || (size_t)n >= sizeof(path) ? fail(E_LIMIT, "trace folder: name too long")
						   : OK;

	if (e == OK) {
		int rc = sqlite3_open_v2(path, &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
					 NULL);

		/* Two processes of a role may live at a time while one replaces the other. */
		e = rc == SQLITE_OK ? OK : fail(E_IO, "%s: %s", path, sqlite3_errstr(rc));
	}
	if (e == OK) {
		(void)sqlite3_busy_timeout(t->db, 5000);
		e = setup_db(t);
	}
	if (e != OK) {
		trace_db_close(t);
		return e;
	}
	*out = t;
	return OK;
}

void trace_db_close(struct trace_db *t)
{
	if (!t)
		return;
	(void)sqlite3_finalize(t->insert);
	(void)sqlite3_finalize(t->prune);
	(void)sqlite3_close(t->db);
	mem_free(t);
}

static void bind(sqlite3_stmt *s, int at, str v)
{
	(void)sqlite3_bind_text(s, at, v.p, str_width(v), SQLITE_STATIC);
}

/* Addresses are looked up in any case. */
static str lowered(str s, char *out, size_t cap)
{
	s = str_take(s, cap);
	for (size_t i = 0; i < s.n; i++)
		out[i] = ch_lower(s.p[i]);
	return str_of(out, s.n);
}

static err insert_one(struct trace_db *t, struct cur *c)
{
	char address[LIM_SMTP_PATH];
	uint64_t at = cur_u64(c);

	(void)sqlite3_bind_int64(t->insert, 1, (int64_t)at);
	bind(t->insert, 2, cur_lstr(c));
	bind(t->insert, 3, cur_lstr(c));
	bind(t->insert, 4, lowered(cur_lstr(c), address, sizeof(address)));
	bind(t->insert, 5, cur_lstr(c));
	int rc = c->e == OK ? sqlite3_step(t->insert) : SQLITE_CORRUPT;

	(void)sqlite3_reset(t->insert);
	return rc == SQLITE_DONE ? OK : sql_fail(t, rc);
}

err trace_db_add(struct trace_db *t, str events)
{
	struct cur c = { .rest = events };

	if (!events.n)
		return OK;
	int rc = sqlite3_exec(t->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	err e = rc == SQLITE_OK ? OK : sql_fail(t, rc);

	while (e == OK && c.rest.n)
		e = insert_one(t, &c);
	if (e == OK) {
		rc = sqlite3_exec(t->db, "COMMIT", NULL, NULL, NULL);
		e = rc == SQLITE_OK ? OK : sql_fail(t, rc);
	}
	if (e != OK)
		(void)sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL);
	return e;
}

err trace_db_prune(struct trace_db *t, int64_t before)
{
	(void)sqlite3_bind_int64(t->prune, 1, before);
	int rc = sqlite3_step(t->prune);

	(void)sqlite3_reset(t->prune);
	return rc == SQLITE_DONE ? OK : sql_fail(t, rc);
}
