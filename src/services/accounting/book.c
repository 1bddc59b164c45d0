#include "services/accounting/book.h"

#include <inttypes.h>

#include "base/mem.h"

/* live: open sessions, and closed ones until they are rolled up; in_last and out_last are the
 * counters that the NAS said last, incoming and outgoing what they add up to over resets.
 * session: closed ones in order of day and user, so that they are packed and a user's lie together;
 * second is the time of day of their end, gap what their begin to end is longer than seconds. */
static const char schema[] =
	"CREATE TABLE source (log TEXT PRIMARY KEY, file INTEGER NOT NULL, at INTEGER NOT NULL,"
	" folded INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE nas (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" restarted INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE number (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE telco (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE live (id INTEGER PRIMARY KEY, nas INTEGER NOT NULL, session TEXT NOT NULL,"
	" account INTEGER NOT NULL, start INTEGER NOT NULL, heard INTEGER NOT NULL,"
	" stop INTEGER NOT NULL, seconds INTEGER NOT NULL, incoming INTEGER NOT NULL,"
	" outgoing INTEGER NOT NULL, in_last INTEGER NOT NULL, out_last INTEGER NOT NULL,"
	" packets_in INTEGER NOT NULL, packets_out INTEGER NOT NULL, ip INTEGER NOT NULL,"
	" port INTEGER NOT NULL, called INTEGER NOT NULL, calling INTEGER NOT NULL,"
	" telco INTEGER NOT NULL, cause INTEGER NOT NULL, flags INTEGER NOT NULL, ip6 TEXT,"
	" port_id TEXT, multi TEXT, class BLOB);"
	"CREATE INDEX live_session ON live (nas, session);"
	"CREATE INDEX live_account ON live (account);"
	"CREATE INDEX live_stop ON live (stop);"
	"CREATE TABLE session (day INTEGER NOT NULL, account INTEGER NOT NULL,"
	" second INTEGER NOT NULL, nas INTEGER NOT NULL, session TEXT NOT NULL,"
	" seconds INTEGER NOT NULL, gap INTEGER NOT NULL, incoming INTEGER NOT NULL,"
	" outgoing INTEGER NOT NULL, ip INTEGER NOT NULL, port INTEGER NOT NULL,"
	" called INTEGER NOT NULL, calling INTEGER NOT NULL, telco INTEGER NOT NULL,"
	" cause INTEGER NOT NULL, flags INTEGER NOT NULL, ip6 TEXT,"
	" PRIMARY KEY (day, account, second, nas, session)) WITHOUT ROWID;"
	"CREATE TABLE usage (month INTEGER NOT NULL, account INTEGER NOT NULL, nas INTEGER NOT "
	"NULL,"
	" telco INTEGER NOT NULL, called INTEGER NOT NULL, cause INTEGER NOT NULL,"
	" sessions INTEGER NOT NULL, seconds INTEGER NOT NULL, incoming INTEGER NOT NULL,"
	" outgoing INTEGER NOT NULL,"
	" PRIMARY KEY (month, account, nas, telco, called, cause)) WITHOUT ROWID;"
	"CREATE TABLE usage_account (month INTEGER NOT NULL, account INTEGER NOT NULL,"
	" sessions INTEGER NOT NULL, seconds INTEGER NOT NULL, incoming INTEGER NOT NULL,"
	" outgoing INTEGER NOT NULL, PRIMARY KEY (month, account)) WITHOUT ROWID;"
	"CREATE TABLE usage_day (day INTEGER NOT NULL, nas INTEGER NOT NULL, telco INTEGER NOT "
	"NULL,"
	" called INTEGER NOT NULL, cause INTEGER NOT NULL, sessions INTEGER NOT NULL,"
	" seconds INTEGER NOT NULL, incoming INTEGER NOT NULL, outgoing INTEGER NOT NULL,"
	" PRIMARY KEY (day, nas, telco, called, cause)) WITHOUT ROWID;"
	"PRAGMA user_version=1";

enum { BUSY = 2000, CACHED_NAMES = 1000000 };

static err make_tables(struct book *b)
{
	int64_t version;

	TRY(sql_begin(b->s, SQL_WRITE));
	err e = sql_get_int(b->s, STR("PRAGMA user_version"), NULL, 0, &version);

	if (e == OK && version == 0)
		e = sql_exec(b->s, schema);
	if (e == OK && version > 1)
		e = fail(E_CORRUPT, "the accounting database is of a newer posta (%" PRId64 ")",
			 version);
	if (e == OK)
		e = sql_commit(b->s);
	if (e)
		sql_rollback(b->s);
	return e;
}

/* temp.moving: ids of the sessions to roll up, in the order of their new place; this connection's
 * own. The pages of a day's sessions and of the newest sums stay in the cache. The write-ahead log
 * is copied back before it gets longer than a batch of the roll-up needs. */
static err set_up(struct book *b)
{
	TRY(sql_exec(b->s,
		     "PRAGMA cache_size=-131072; PRAGMA wal_autocheckpoint=8000;"
		     "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;"
		     "CREATE TEMP TABLE moving (n INTEGER PRIMARY KEY, id INTEGER NOT NULL)"));
	return make_tables(b);
}

err book_open(const char *path, bool create, struct book *b)
{
	*b = (struct book){ .rolled = -1 };
	for (size_t i = 0; i < COUNT(b->names); i++)
		map_init(&b->names[i]);
	if (create)
		TRY(sql_make(path, 0660));
	TRY(sql_open(path, SQL_WRITE | SQL_WAL, BUSY, &b->s));
	err e = set_up(b);

	if (e)
		book_close(b);
	return e;
}

static void forget_names(struct book *b)
{
	for (size_t i = 0; i < COUNT(b->names); i++) {
		map_free(&b->names[i]);
		map_init(&b->names[i]);
	}
	b->nnames = 0;
}

void book_close(struct book *b)
{
	forget_names(b);
	sql_close(b->s);
	b->s = NULL;
}

err book_begin(struct book *b)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	TRY(sql_begin(b->s, SQL_WRITE));
	TRY(sql_query(b->s, STR("SELECT coalesce(max(day), -1) FROM session"), NULL, 0, &st));
	TRY(sql_step(st));
	b->rolled = sql_int(st, 0);
	return OK;
}

err book_commit(struct book *b)
{
	return sql_commit(b->s);
}

void book_rollback(struct book *b)
{
	sql_rollback(b->s);
	forget_names(b);
}

/* ---- names ---- */

static const struct {
	const char *find, *add;
} name_sql[] = {
	[NAME_NAS] = { "SELECT id FROM nas WHERE name=?", "INSERT INTO nas (name) VALUES (?)" },
	[NAME_ACCOUNT] = { "SELECT id FROM account WHERE name=?",
			   "INSERT INTO account (name) VALUES (?)" },
	[NAME_NUMBER] = { "SELECT id FROM number WHERE name=?",
			  "INSERT INTO number (name) VALUES (?)" },
	[NAME_TELCO] = { "SELECT id FROM telco WHERE name=?",
			 "INSERT INTO telco (name) VALUES (?)" },
};

static err find_id(struct book *b, enum book_name table, str name, int64_t *id)
{
	const struct sql_value v = SQL_T(name);
	err e = sql_get_int(b->s, str_z(name_sql[table].find), &v, 1, id);

	if (e != E_NOTFOUND)
		return e;
	TRY(sql_run(b->s, str_z(name_sql[table].add), &v, 1));
	*id = sql_last_id(b->s);
	return OK;
}

err book_id(struct book *b, enum book_name table, str name, int64_t *id)
{
	*id = 0;
	if (!name.n)
		return OK;
	void *known = map_get(&b->names[table], name);

	if (known) {
		*id = (int64_t)(intptr_t)known;
		return OK;
	}
	TRY(find_id(b, table, name, id));
	if (b->nnames == CACHED_NAMES)
		forget_names(b);
	(void)map_put(&b->names[table], name, (void *)(intptr_t)*id);
	b->nnames++;
	return OK;
}

/* ---- places ---- */

err book_place(struct book *b, str log, struct acct_place *p)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;

	*p = (struct acct_place){ 0 };
	TRY(SQL_QUERY(b->s, &st, "SELECT file, at FROM source WHERE log=?", SQL_T(log)));
	err e = sql_step(st);

	if (e == OK)
		*p = (struct acct_place){ (uint64_t)sql_int(st, 0), (uint64_t)sql_int(st, 1) };
	return e == E_EOF ? OK : e;
}

err book_set_place(struct book *b, str log, struct acct_place p, int64_t now)
{
	return SQL_RUN(b->s,
		       "INSERT INTO source (log, file, at, folded) VALUES (?, ?, ?, ?)"
		       " ON CONFLICT (log) DO UPDATE SET file=excluded.file, at=excluded.at,"
		       " folded=excluded.folded",
		       SQL_T(log), SQL_I(p.file), SQL_I(p.at), SQL_I(now));
}
