#include "services/mailauth/reports_store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/mem.h"

struct reports_store {
	sqlite3 *db;
};

static const char setup[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"CREATE TABLE IF NOT EXISTS dmarc (day INTEGER, domain TEXT, published TEXT, rua TEXT,"
	" ip TEXT, disposition TEXT, asked TEXT, dkim TEXT, spf TEXT, header_from TEXT,"
	" envelope_from TEXT, results TEXT, n INTEGER NOT NULL,"
	" PRIMARY KEY (day, domain, published, rua, ip, disposition, asked, dkim, spf,"
	" header_from, envelope_from, results)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS tls (day INTEGER, domain TEXT, policy TEXT, failure TEXT,"
	" sending_ip TEXT, mx_host TEXT, receiving_ip TEXT, n INTEGER NOT NULL,"
	" PRIMARY KEY (day, domain, policy, failure, sending_ip, mx_host, receiving_ip))"
	" WITHOUT ROWID;"
	/* what: struct reports_claim */
	"CREATE TABLE IF NOT EXISTS sent (day INTEGER, tls INTEGER, domain TEXT, published TEXT,"
	" address TEXT, what TEXT NOT NULL,"
	" PRIMARY KEY (day, tls, domain, published, address)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS rows (day INTEGER PRIMARY KEY, n INTEGER NOT NULL);";

static err sql_fail(const struct reports_store *s, int rc)
{
	err e = rc == SQLITE_FULL			      ? E_FULL
		: rc == SQLITE_BUSY || rc == SQLITE_LOCKED    ? E_AGAIN
		: rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? E_CORRUPT
							      : E_IO;

	return fail(e, "reports: %s", sqlite3_errmsg(s->db));
}

static err run(struct reports_store *s, const char *sql)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? OK : sql_fail(s, rc);
}

static err path_of(const char *dir, char out[LIM_FILE_PATH])
{
	int n = snprintf(out, LIM_FILE_PATH, "%s/reports.db", dir);

	return n > 0 && n < LIM_FILE_PATH ? OK : fail(E_LIMIT, "reports: the path is too long");
}

static err open_store(const char *path, int flags, const char *first, struct reports_store **out)
{
	struct reports_store *s = MEM_NEW(struct reports_store);
	int rc = sqlite3_open_v2(path, &s->db, flags, NULL);
	err e = rc == SQLITE_OK ? OK : fail(E_IO, "%s: %s", path, sqlite3_errstr(rc));

	if (e == OK) {
		/* Each loop of the role writes, and a role that takes another's place. */
		(void)sqlite3_busy_timeout(s->db, 5000);
		e = run(s, first);
	}
	if (e != OK) {
		reports_read_close(s);
		return e;
	}
	*out = s;
	return OK;
}

err reports_store_open(const char *dir, struct reports_store **out)
{
	char path[LIM_FILE_PATH];

	TRY(path_of(dir, path));
	return open_store(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, setup, out);
}

err reports_read(const char *dir, struct reports_store **out)
{
	char path[LIM_FILE_PATH];

	TRY(path_of(dir, path));
	if (access(path, F_OK) != 0)
		return fail(E_NOTFOUND, "%s: nothing was counted yet", path);
	return open_store(path, SQLITE_OPEN_READWRITE, "PRAGMA query_only=1", out);
}

void reports_read_close(struct reports_store *s)
{
	if (!s)
		return;
	(void)sqlite3_close(s->db);
	mem_free(s);
}

/* ---- statements ---- */
static void finalize(sqlite3_stmt **st)
{
	(void)sqlite3_finalize(*st);
}

static err prepare(struct reports_store *s, const char *sql, sqlite3_stmt **out)
{
	int rc = sqlite3_prepare_v2(s->db, sql, -1, out, NULL);

	return rc == SQLITE_OK ? OK : sql_fail(s, rc);
}

static void put(sqlite3_stmt *st, int at, str v)
{
	(void)sqlite3_bind_text(st, at, v.n ? v.p : "", str_width(v), SQLITE_TRANSIENT);
}

static str column(sqlite3_stmt *st, int at)
{
	const unsigned char *p = sqlite3_column_text(st, at);

	return p ? str_of(p, (size_t)sqlite3_column_bytes(st, at)) : STR("");
}

/* OK: a row is there; E_EOF: no more. */
static err step(struct reports_store *s, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	return rc == SQLITE_ROW ? OK : rc == SQLITE_DONE ? E_EOF : sql_fail(s, rc);
}

/* ---- counting ---- */
enum which { COUNT_DMARC, NEW_DMARC, COUNT_TLS, NEW_TLS, MORE_ROWS, STATEMENTS };
static const char *const statements[STATEMENTS] = {
	[COUNT_DMARC] = "UPDATE dmarc SET n = n + 1 WHERE day=?1 AND domain=?2 AND published=?3 AND"
			" rua=?4 AND ip=?5 AND disposition=?6 AND asked=?7 AND dkim=?8 AND spf=?9"
			" AND header_from=?10 AND envelope_from=?11 AND results=?12",
	[NEW_DMARC] = "INSERT INTO dmarc VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,1)",
	[COUNT_TLS] = "UPDATE tls SET n = n + 1 WHERE day=?1 AND domain=?2 AND policy=?3 AND"
		      " failure=?4 AND sending_ip=?5 AND mx_host=?6 AND receiving_ip=?7",
	[NEW_TLS] = "INSERT INTO tls VALUES (?1,?2,?3,?4,?5,?6,?7,1)",
	[MORE_ROWS] = "INSERT INTO rows VALUES (?1, 1) ON CONFLICT (day) DO UPDATE SET n = n + 1"
		      " WHERE n < ?2",
};
struct adding {
	struct reports_store *s;
	sqlite3_stmt *st[STATEMENTS];
	uint64_t left_out;
};

static void adding_end(struct adding *a)
{
	for (size_t i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(a->st[i]);
}

static err done(struct adding *a, enum which w)
{
	int rc = sqlite3_step(a->st[w]);

	(void)sqlite3_reset(a->st[w]);
	return rc == SQLITE_DONE ? OK : sql_fail(a->s, rc);
}

static err add_one(struct adding *a, struct cur *c)
{
	bool dmarc = cur_u8(c) == 'd';
	uint64_t day = cur_varint(c);
	enum which count = dmarc ? COUNT_DMARC : COUNT_TLS, fresh = dmarc ? NEW_DMARC : NEW_TLS;

	(void)sqlite3_bind_int64(a->st[count], 1, (int64_t)day);
	(void)sqlite3_bind_int64(a->st[fresh], 1, (int64_t)day);
	for (int i = 0; i < (dmarc ? REPORTS_DMARC_TEXTS : REPORTS_TLS_TEXTS); i++) {
		str text = cur_lstr(c);

		put(a->st[count], 2 + i, text);
		put(a->st[fresh], 2 + i, text);
	}
	if (c->e != OK)
		return fail(E_CORRUPT, "reports: a count that is cut short");
	TRY(done(a, count));
	if (sqlite3_changes(a->s->db))
		return OK;
	(void)sqlite3_bind_int64(a->st[MORE_ROWS], 1, (int64_t)day);
	(void)sqlite3_bind_int64(a->st[MORE_ROWS], 2, LIM_REPORTS_ROWS);
	TRY(done(a, MORE_ROWS));
	if (!sqlite3_changes(a->s->db)) {
		a->left_out++;
		return OK;
	}
	return done(a, fresh);
}

static err add_all(struct adding *a, str counts)
{
	struct cur c = { .rest = counts };

	for (size_t i = 0; i < STATEMENTS; i++)
		TRY(prepare(a->s, statements[i], &a->st[i]));
	TRY(run(a->s, "BEGIN IMMEDIATE"));
	while (c.rest.n)
		TRY(add_one(a, &c));
	return run(a->s, "COMMIT");
}

err reports_store_add(struct reports_store *s, str counts, uint64_t *left_out)
{
	CLEANUP(adding_end) struct adding a = { .s = s };
	err e = add_all(&a, counts);

	if (e != OK)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	*left_out = a.left_out;
	return e;
}

err reports_store_prune(struct reports_store *s, int64_t day)
{
	static const char *const tables[] = { "dmarc", "tls", "rows", "sent" };
	char sql[100];

	for (size_t i = 0; i < COUNT(tables); i++) {
		(void)snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE day < %lld", tables[i],
			       (long long)day);
		TRY(run(s, sql));
	}
	return OK;
}

/* ---- DMARC reports ---- */
err reports_domains(struct reports_store *s, int64_t day,
		    err (*each)(void *arg, const struct reports_domain *d), void *arg)
{
	CLEANUP(finalize) sqlite3_stmt *st = NULL;
	err e;

	TRY(prepare(s,
		    "SELECT domain, published, rua, sum(n), sum(CASE WHEN disposition = 'p' THEN 0"
		    " ELSE n END) FROM dmarc WHERE day = ?1 GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC",
		    &st));
	(void)sqlite3_bind_int64(st, 1, day);
	while ((e = step(s, st)) == OK) {
		struct reports_domain d = { .domain = column(st, 0),
					    .published = column(st, 1),
					    .rua = column(st, 2),
					    .messages = (uint64_t)sqlite3_column_int64(st, 3),
					    .failed = (uint64_t)sqlite3_column_int64(st, 4) };

		TRY(each(arg, &d));
	}
	return e == E_EOF ? OK : e;
}

static char letter(sqlite3_stmt *st, int at)
{
	str s = column(st, at);

	return s.n ? s.p[0] : 'n';
}

static err add_rows(struct reports_store *s, sqlite3_stmt *st, const struct dmarc_report *r,
		    struct buf *out)
{
	err e;

	while ((e = step(s, st)) == OK) {
		struct dmarc_report_row row = {
			.ip = column(st, 0),
			.disposition = letter(st, 1),
			.asked = letter(st, 2),
			.dkim = letter(st, 3) == 'y',
			.spf = letter(st, 4) == 'y',
			.header_from = column(st, 5),
			.envelope_from = column(st, 6),
			.results = column(st, 7),
			.count = (uint64_t)sqlite3_column_int64(st, 8),
		};

		dmarc_report_row(out, r, &row);
		TRY(buf_done(out));
	}
	return e == E_EOF ? OK : e;
}

/* The record that most messages met. */
static err most_met(struct reports_store *s, int64_t day, str domain, sqlite3_stmt **out,
		    str *published)
{
	TRY(prepare(s,
		    "SELECT published FROM dmarc WHERE day = ?1 AND domain = ?2 GROUP BY 1"
		    " ORDER BY sum(n) DESC LIMIT 1",
		    out));
	(void)sqlite3_bind_int64(*out, 1, day);
	put(*out, 2, domain);
	err e = step(s, *out);

	*published = e == OK ? column(*out, 0) : STR("");
	return e == E_EOF
		       ? fail(E_NOTFOUND, "nothing was counted for %.*s on that day", STRF(domain))
		       : e;
}

/* Two records of one day make two reports, RFC 9990 3.1. */
void reports_id(struct buf *out, int64_t day, str domain, str published)
{
	buf_fmt(out, "%lld.%08x.%.*s", (long long)day, hash_crc32c(0, published), STRF(domain));
}

err reports_xml(struct reports_store *s, int64_t day, const struct reports_domain *d,
		str organization, str email, struct buf *out)
{
	CLEANUP(finalize) sqlite3_stmt *first = NULL;
	CLEANUP(finalize) sqlite3_stmt *st = NULL;
	CLEANUP(buf_free) struct buf id = { 0 };
	str published = d->published;

	if (!published.n)
		TRY(most_met(s, day, d->domain, &first, &published));
	TRY(prepare(s,
		    "SELECT ip, disposition, asked, dkim, spf, header_from, envelope_from, results,"
		    " sum(n) FROM dmarc WHERE day = ?1 AND domain = ?2 AND published = ?3"
		    " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 9 DESC, 1",
		    &st));
	(void)sqlite3_bind_int64(st, 1, day);
	put(st, 2, d->domain);
	put(st, 3, published);
	buf_init(&id, 400);
	reports_id(&id, day, d->domain, published);
	struct dmarc_report r = { .organization = organization,
				  .email = email,
				  .id = buf_str(&id),
				  .begin = day * REPORTS_DAY,
				  .end = (day + 1) * REPORTS_DAY - 1,
				  .domain = d->domain,
				  .published = published };

	dmarc_report_begin(out, &r);
	TRY(add_rows(s, st, &r, out));
	dmarc_report_end(out);
	return buf_done(out);
}

/* ---- TLS reports ---- */
err reports_tls_rows(struct reports_store *s, int64_t day, str domain,
		     err (*each)(void *arg, const struct reports_tls_row *row), void *arg)
{
	CLEANUP(finalize) sqlite3_stmt *st = NULL;
	err e;

	TRY(prepare(s,
		    "SELECT policy, failure, sending_ip, mx_host, receiving_ip, n FROM tls WHERE"
		    " day = ?1 AND domain = ?2 ORDER BY 1, 6 DESC, 2",
		    &st));
	(void)sqlite3_bind_int64(st, 1, day);
	put(st, 2, domain);
	while ((e = step(s, st)) == OK) {
		struct reports_tls_row row = { .policy = column(st, 0),
					       .failure = column(st, 1),
					       .sending_ip = column(st, 2),
					       .mx_host = column(st, 3),
					       .receiving_ip = column(st, 4),
					       .n = (uint64_t)sqlite3_column_int64(st, 5) };

		TRY(each(arg, &row));
	}
	return e == E_EOF ? OK : e;
}

err reports_tls_domains(struct reports_store *s, int64_t day, err (*each)(void *arg, str domain),
			void *arg)
{
	CLEANUP(finalize) sqlite3_stmt *st = NULL;
	err e;

	TRY(prepare(s, "SELECT DISTINCT domain FROM tls WHERE day = ?1 ORDER BY 1", &st));
	(void)sqlite3_bind_int64(st, 1, day);
	while ((e = step(s, st)) == OK)
		TRY(each(arg, column(st, 0)));
	return e == E_EOF ? OK : e;
}

/* ---- what was sent ---- */
static void put_claim(sqlite3_stmt *st, const struct reports_claim *c)
{
	(void)sqlite3_bind_int64(st, 1, c->day);
	(void)sqlite3_bind_int64(st, 2, c->tls);
	put(st, 3, c->domain);
	put(st, 4, c->published);
	put(st, 5, c->address);
}

static err run_claim(struct reports_store *s, const char *sql, const struct reports_claim *c,
		     const char *what)
{
	CLEANUP(finalize) sqlite3_stmt *st = NULL;

	TRY(prepare(s, sql, &st));
	put_claim(st, c);
	if (what)
		put(st, 6, str_z(what));
	int rc = sqlite3_step(st);

	return rc == SQLITE_DONE ? OK : sql_fail(s, rc);
}

err reports_claim(struct reports_store *s, const struct reports_claim *c, const char *what)
{
	TRY(run_claim(s, "INSERT OR IGNORE INTO sent VALUES (?1,?2,?3,?4,?5,?6)", c, what));
	return sqlite3_changes(s->db) ? OK : E_EXISTS;
}

err reports_claimed(struct reports_store *s, const struct reports_claim *c, bool *out)
{
	CLEANUP(finalize) sqlite3_stmt *st = NULL;

	TRY(prepare(s,
		    "SELECT 1 FROM sent WHERE day=?1 AND tls=?2 AND domain=?3 AND published=?4 AND"
		    " address=?5",
		    &st));
	put_claim(st, c);
	err e = step(s, st);

	*out = e == OK;
	return e == E_EOF ? OK : e;
}

err reports_claim_end(struct reports_store *s, const struct reports_claim *c, const char *what)
{
	if (!what)
		return run_claim(s,
				 "DELETE FROM sent WHERE day=?1 AND tls=?2 AND domain=?3 AND"
				 " published=?4 AND address=?5",
				 c, NULL);
	return run_claim(s,
			 "UPDATE sent SET what=?6 WHERE day=?1 AND tls=?2 AND domain=?3 AND"
			 " published=?4 AND address=?5",
			 c, what);
}
