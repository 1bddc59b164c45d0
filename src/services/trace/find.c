/* The reading end: asks the files of all roles and merges what they know. */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "services/trace/trace.h"

enum { MAX_ROWS = 100000 };

struct id_seen {
	str id;
	int64_t last; /* newest event of the address */
};
/* A row and its place among those found: events of one role keep their order within a millisecond.
 */
struct found {
	struct trace_row row;
	size_t place;
};
struct search {
	struct arena *a;
	str want; /* id, or address in lower case */
	bool by_address;
	size_t max;
	struct id_seen *ids;
	size_t nids;
	struct found *rows;
	size_t nrows, cap;
};
/* One role's open file. */
struct source {
	sqlite3 *db;
	str role;
};

static str column(struct search *s, sqlite3_stmt *st, int i)
{
	const void *p = sqlite3_column_text(st, i);

	return arena_dup(s->a, str_of(p ? p : "", (size_t)sqlite3_column_bytes(st, i)));
}

/* Remembers an id of the address; ids beyond max push out the oldest. */
static void note_id(struct search *s, str id, int64_t last)
{
	size_t oldest = 0;

	for (size_t i = 0; i < s->nids; i++) {
		if (str_eq(s->ids[i].id, id)) {
			s->ids[i].last = last > s->ids[i].last ? last : s->ids[i].last;
			return;
		}
		if (s->ids[i].last < s->ids[oldest].last)
			oldest = i;
	}
	if (s->nids < s->max)
		s->ids[s->nids++] = (struct id_seen){ arena_dup(s->a, id), last };
	else if (s->nids && s->ids[oldest].last < last)
		s->ids[oldest] = (struct id_seen){ arena_dup(s->a, id), last };
}

static err find_ids(struct search *s, const struct source *src)
{
	static const char sql[] =
		"SELECT id, MAX(at) FROM event WHERE address = ?1 AND address <> ''"
		" GROUP BY id ORDER BY 2 DESC LIMIT ?2";
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(src->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_text(st, 1, s->want.p, str_width(s->want), SQLITE_STATIC);
		(void)sqlite3_bind_int64(st, 2, (int64_t)s->max);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			note_id(s, column(s, st, 0), sqlite3_column_int64(st, 1));
		(void)sqlite3_finalize(st);
	}
	return rc == SQLITE_DONE
		       ? OK
		       : fail(E_IO, "trace of %.*s: %s", STRF(src->role), sqlite3_errmsg(src->db));
}

static err add_row(struct search *s, struct trace_row row)
{
	if (s->nrows == s->cap) {
		if (s->cap >= MAX_ROWS)
			return fail(E_LIMIT, "more than %d events; ask for one id", MAX_ROWS);
		s->cap = s->cap ? s->cap * 2 : 64;
		s->rows = mem_resize(s->rows, size_mul(s->cap, sizeof(*s->rows)));
	}
	s->rows[s->nrows] = (struct found){ row, s->nrows };
	s->nrows++;
	return OK;
}

static err events_of(struct search *s, const struct source *src, str id)
{
	static const char sql[] =
		"SELECT at, id, stage, address, detail FROM event WHERE id = ?1 ORDER BY rowid";
	sqlite3_stmt *st;
	int rc = sqlite3_prepare_v2(src->db, sql, -1, &st, NULL);
	err e = OK;

	if (rc == SQLITE_OK) {
		(void)sqlite3_bind_text(st, 1, id.p, str_width(id), SQLITE_STATIC);
		while (e == OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
			struct trace_row row = { sqlite3_column_int64(st, 0),
						 column(s, st, 1),
						 src->role,
						 column(s, st, 2),
						 column(s, st, 3),
						 column(s, st, 4) };

			e = row.detail.p ? add_row(s, row) : fail(E_LIMIT, "too many events");
		}
		(void)sqlite3_finalize(st);
	}
	if (e != OK || rc == SQLITE_DONE)
		return e;
	return fail(E_IO, "trace of %.*s: %s", STRF(src->role), sqlite3_errmsg(src->db));
}

static err find_events(struct search *s, const struct source *src)
{
	for (size_t i = 0; i < s->nids; i++)
		TRY(events_of(s, src, s->ids[i].id));
	return OK;
}

static err in_source(struct search *s, const char *path, str role,
		     err (*fn)(struct search *, const struct source *))
{
	struct source src = { .role = arena_dup(s->a, role) };
	int rc = sqlite3_open_v2(path, &src.db, SQLITE_OPEN_READWRITE, NULL);

	(void)sqlite3_busy_timeout(src.db, 5000);
	err e = rc == SQLITE_OK ? fn(s, &src)
				: fail(E_IO, "cannot open %s: %s", path, sqlite3_errstr(rc));

	(void)sqlite3_close(src.db);
	return e;
}

/* Runs fn over the store of every role in dir. */
static err each_source(struct search *s, const char *dir,
		       err (*fn)(struct search *, const struct source *))
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	err e = OK;

	if (!d)
		return fail(E_IO, "cannot read the trace folder %s", dir);
	while (e == OK && (entry = readdir(d))) {
		str name = str_z(entry->d_name);
		char path[1024];
		int len = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);

		if (str_ends(name, STR(".db")) && len > 0 && (size_t)len < sizeof(path))
			e = in_source(s, path, str_take(name, name.n - 3), fn);
	}
	(void)closedir(d);
	return e;
}

static int by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->row.at_ms != y->row.at_ms)
		return x->row.at_ms < y->row.at_ms ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static err give(struct search *s, struct trace_row **rows, size_t *n)
{
	struct trace_row *out = NEW_TRY(s->a, struct trace_row, s->nrows + 1);

	if (!out)
		return fail(E_LIMIT, "too many events");
	if (s->nrows)
		qsort(s->rows, s->nrows, sizeof(*s->rows), by_time);
	for (size_t i = 0; i < s->nrows; i++)
		out[i] = s->rows[i].row;
	*rows = out;
	*n = s->nrows;
	return OK;
}

err trace_find(const char *dir, str what, size_t max, struct arena *a, struct trace_row **rows,
	       size_t *n)
{
	struct search s = { .a = a,
			    .max = max ? max : 1,
			    .by_address = str_find(what, '@') < what.n };

	s.ids = NEW_TRY(a, struct id_seen, s.max);
	char *want = arena_z(a, what);

	if (!s.ids || !want)
		return fail(E_LIMIT, "too many ids asked for");
	s.want = str_of(want, what.n);
	if (s.by_address) {
		for (size_t i = 0; i < what.n; i++)
			want[i] = ch_lower(want[i]);
		TRY(each_source(&s, dir, find_ids));
	} else {
		s.ids[s.nids++] = (struct id_seen){ s.want, 0 };
	}
	err e = each_source(&s, dir, find_events);

	if (e == OK)
		e = give(&s, rows, n);
	mem_free(s.rows);
	return e;
}
