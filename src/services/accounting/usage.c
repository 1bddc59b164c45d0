#include "services/accounting/usage.h"

#include <inttypes.h>

#include "base/date.h"
#include "base/limits.h"
#include "services/accounting/book.h"

enum { BUSY = 2000, DAYS_OF_ALL = 31, DAYS_OF_USER = 366 };

const char *const acct_by_names[ACCT_BY_COUNT_] = {
	[ACCT_BY_USER] = "user",     [ACCT_BY_NAS] = "nas",	[ACCT_BY_TELCO] = "telco",
	[ACCT_BY_CALLED] = "called", [ACCT_BY_CAUSE] = "cause", [ACCT_BY_MONTH] = "month",
	[ACCT_BY_DAY] = "day",
};

/* RFC 2866 5.10, and our own. */
static const struct {
	int64_t cause;
	const char *name;
} causes[] = {
	{ 1, "User-Request" },
	{ 2, "Lost-Carrier" },
	{ 3, "Lost-Service" },
	{ 4, "Idle-Timeout" },
	{ 5, "Session-Timeout" },
	{ 6, "Admin-Reset" },
	{ 7, "Admin-Reboot" },
	{ 8, "Port-Error" },
	{ 9, "NAS-Error" },
	{ 10, "NAS-Request" },
	{ ACCT_CAUSE_NAS_REBOOT, "NAS-Reboot" },
	{ 12, "Port-Unneeded" },
	{ 13, "Port-Preempted" },
	{ 14, "Port-Suspended" },
	{ 15, "Service-Unavailable" },
	{ 16, "Callback" },
	{ 17, "User-Error" },
	{ 18, "Host-Request" },
	{ ACCT_CAUSE_SILENT, "silent" },
	{ ACCT_CAUSE_REUSED, "id-used-again" },
};

void acct_cause_print(int64_t cause, struct buf *out)
{
	for (size_t i = 0; i < COUNT(causes); i++)
		if (causes[i].cause == cause) {
			buf_add(out, str_z(causes[i].name));
			return;
		}
	if (cause)
		buf_fmt(out, "%" PRId64, cause);
}

static str lowered(str s, char *out, size_t cap)
{
	s = str_take(s, cap);
	for (size_t i = 0; i < s.n; i++)
		out[i] = ch_lower(s.p[i]);
	return str_of(out, s.n);
}

/* The id of a name that is asked for: -1 for "", one that no row has for what was never seen. */
static err id_of(struct sql *s, const char *text, str name, int64_t *id)
{
	*id = -1;
	if (!name.n)
		return OK;
	const struct sql_value v = SQL_T(name);
	err e = sql_get_int(s, str_z(text), &v, 1, id);

	if (e == E_NOTFOUND)
		*id = INT64_MAX;
	return e == E_NOTFOUND ? OK : e;
}

static err open_view(const char *path, struct sql **out)
{
	struct sql *s;

	TRY(sql_open(path, SQL_READ, BUSY, &s));
	err e = sql_begin(s, SQL_READ);

	if (e == OK)
		e = sql_exec(s, "PRAGMA cache_size=-65536");
	if (e) {
		sql_close(s);
		return e;
	}
	*out = s;
	return OK;
}

/* ---- sessions ---- */

struct list {
	struct sql *s;
	const struct acct_find *f;
	int64_t account, nas;
	size_t n;
	err (*fn)(void *arg, const struct acct_session *s);
	void *arg;
};

#define NAMES                                                                                      \
	" coalesce(u.name, ''), coalesce(n.name, ''), coalesce(c.name, ''), coalesce(g.name, '')," \
	" coalesce(t.name, '')"
#define JOINS                                                                                      \
	" LEFT JOIN account AS u ON u.id=l.account LEFT JOIN nas AS n ON n.id=l.nas"               \
	" LEFT JOIN number AS c ON c.id=l.called LEFT JOIN number AS g ON g.id=l.calling"          \
	" LEFT JOIN telco AS t ON t.id=l.telco"
/* ?1 user, ?2 NAS, ?3 since, ?4 until, ?5 at most. */
#define LIVE                                                                                       \
	"SELECT l.start, l.stop, l.seconds, l.incoming, l.outgoing, l.ip, l.port, l.cause,"        \
	" l.session, coalesce(l.ip6, '')," NAMES " FROM live AS l" JOINS
#define LIVE_WHERE                                                                                 \
	" (?2<0 OR l.nas=?2) AND (?3=0 OR l.stop=0 OR l.stop>=?3) AND (?4=0 OR l.start<?4)"        \
	" ORDER BY l.stop=0 DESC, CASE l.stop WHEN 0 THEN l.start ELSE l.stop END DESC LIMIT ?5"

static const char *const live_sql[2][2] = {
	{ LIVE " WHERE ?1<0 AND" LIVE_WHERE, LIVE " WHERE l.account=?1 AND" LIVE_WHERE },
	{ LIVE " WHERE ?1<0 AND l.stop=0 AND" LIVE_WHERE,
	  LIVE " WHERE l.account=?1 AND l.stop=0 AND" LIVE_WHERE },
};
/* The same of one day, ?6. */
#define ROLLED                                                                                     \
	"SELECT l.day*86400+l.second-l.seconds-l.gap, l.day*86400+l.second, l.seconds, "           \
	"l.incoming,"                                                                              \
	" l.outgoing, l.ip, l.port, l.cause, l.session, coalesce(l.ip6, '')," NAMES                \
	" FROM session AS l" JOINS " WHERE l.day=?6"
#define ROLLED_WHERE                                                                               \
	" AND (?2<0 OR l.nas=?2) AND (?3=0 OR l.day*86400+l.second>=?3)"                           \
	" AND (?4=0 OR l.day*86400+l.second-l.seconds-l.gap<?4) ORDER BY l.second DESC LIMIT ?5"

static const char *const rolled_sql[2] = { ROLLED " AND ?1<0" ROLLED_WHERE,
					   ROLLED " AND l.account=?1" ROLLED_WHERE };

static err give(struct list *l, struct sql_stmt *st)
{
	const struct acct_session s = { .start = sql_int(st, 0),
					.stop = sql_int(st, 1),
					.seconds = sql_int(st, 2),
					.in = sql_int(st, 3),
					.out = sql_int(st, 4),
					.ip = sql_int(st, 5),
					.port = sql_int(st, 6),
					.cause = sql_int(st, 7),
					.session = sql_text(st, 8),
					.ip6 = sql_text(st, 9),
					.user = sql_text(st, 10),
					.nas = sql_text(st, 11),
					.called = sql_text(st, 12),
					.calling = sql_text(st, 13),
					.telco = sql_text(st, 14) };

	l->n++;
	return l->fn(l->arg, &s);
}

static err list_rows(struct list *l, const char *text, int64_t day)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	const struct sql_value v[] = { SQL_I(l->account),	SQL_I(l->nas),
				       SQL_I(l->f->since),	SQL_I(l->f->until),
				       SQL_I(l->f->max - l->n), SQL_I(day) };
	err e;

	TRY(sql_query(l->s, str_z(text), v, day < 0 ? 5 : 6, &st));
	while ((e = sql_step(st)) == OK)
		TRY(give(l, st));
	return e == E_EOF ? OK : e;
}

/* A day at a time, backwards: a user's rows of a day lie together. */
static err list_rolled(struct list *l, int64_t now)
{
	int64_t first, last;
	int64_t days = l->account >= 0 ? DAYS_OF_USER : DAYS_OF_ALL;

	TRY(sql_get_int(l->s, STR("SELECT coalesce(max(day), -1) FROM session"), NULL, 0, &last));
	first = l->f->since ? l->f->since / DAY : now / DAY - days;
	/* A session that was on the line then may have ended long after. */
	if (l->f->until && last > l->f->until / DAY + DAYS_OF_ALL)
		last = l->f->until / DAY + DAYS_OF_ALL;
	for (int64_t day = last; day >= first && day >= 0 && l->n < l->f->max; day--)
		TRY(list_rows(l, rolled_sql[l->account >= 0], day));
	return OK;
}

static err list(struct list *l, int64_t now)
{
	TRY(id_of(l->s, "SELECT id FROM account WHERE name=?", l->f->user, &l->account));
	TRY(id_of(l->s, "SELECT id FROM nas WHERE name=?", l->f->nas, &l->nas));
	TRY(list_rows(l, live_sql[l->f->open][l->account >= 0], -1));
	return l->f->open ? OK : list_rolled(l, now);
}

err acct_list(const char *path, const struct acct_find *f, int64_t now,
	      err (*fn)(void *arg, const struct acct_session *s), void *arg)
{
	char user[LIM_ACCT_TEXT];
	struct acct_find find = *f;
	struct list l = { .f = &find, .fn = fn, .arg = arg };

	find.user = lowered(f->user, user, sizeof(user));
	TRY(open_view(path, &l.s));
	err e = list(&l, now);

	sql_close(l.s);
	return e;
}

/* ---- sums ---- */

/* Three tables hold the sums, each for what it is shortest for; sessions that are over and not yet
 * rolled up are added from live. key: what is summed by, in the table and in live. */
#define MONTH_OF(stop) "CAST(strftime('%Y%m', " stop ", 'unixepoch') AS INTEGER)"

static const struct {
	const char *key, *live, *names; /* names: NULL for a number */
} keys[ACCT_BY_COUNT_] = {
	[ACCT_BY_ALL] = { "0", "0", NULL },
	[ACCT_BY_USER] = { "account", "account", "account" },
	[ACCT_BY_NAS] = { "nas", "nas", "nas" },
	[ACCT_BY_TELCO] = { "telco", "telco", "telco" },
	[ACCT_BY_CALLED] = { "called", "called", "number" },
	[ACCT_BY_CAUSE] = { "cause", "cause", NULL },
	[ACCT_BY_MONTH] = { "month", MONTH_OF("stop"), NULL },
	[ACCT_BY_DAY] = { "day", "stop/86400", NULL },
};

#define TOTALS                                                                                     \
	"sum(sessions) AS sessions, sum(seconds) AS seconds, sum(incoming) AS incoming,"           \
	" sum(outgoing) AS outgoing"

/* The first and the last day of a month. */
static void days_of(int64_t month, int64_t *first, int64_t *last)
{
	struct date d = { .year = (int)(month / 100), .month = (int)(month % 100), .day = 1 };

	*first = date_seconds(&d) / DAY;
	d.year += d.month == 12;
	d.month = d.month % 12 + 1;
	*last = date_seconds(&d) / DAY - 1;
}

/* A user's: month by month, since the month comes first in the key; by day from single sessions. */
static void from_user(struct buf *b, const struct acct_ask *a)
{
	if (a->by == ACCT_BY_DAY) {
		buf_fmt(b, "SELECT day AS k, count(*) AS sessions, sum(seconds) AS seconds,"
			   " sum(incoming) AS incoming, sum(outgoing) AS outgoing FROM session"
			   " WHERE account=?1 AND day IN (WITH RECURSIVE d(day) AS (SELECT"
			   " max(?2, (SELECT coalesce(min(day), 0) FROM session)) UNION ALL SELECT "
			   "day+1"
			   " FROM d WHERE day<min(?3, (SELECT coalesce(max(day), 0) FROM session)))"
			   " SELECT day FROM d) GROUP BY 1");
		return;
	}
	bool short_one = a->by == ACCT_BY_ALL || a->by == ACCT_BY_MONTH || a->by == ACCT_BY_USER;

	buf_fmt(b,
		"SELECT %s AS k, " TOTALS " FROM %s WHERE account=?1 AND month IN"
		" (WITH RECURSIVE m(month) AS (SELECT min(month) FROM usage_account UNION ALL"
		" SELECT (SELECT min(month) FROM usage_account WHERE month>m.month) FROM m"
		" WHERE m.month IS NOT NULL) SELECT month FROM m WHERE month IS NOT NULL)"
		" AND month BETWEEN ?4 AND ?5 GROUP BY 1",
		keys[a->by].key, short_one ? "usage_account" : "usage");
}

static void from_all(struct buf *b, const struct acct_ask *a)
{
	if (a->by == ACCT_BY_USER)
		buf_fmt(b, "SELECT account AS k, " TOTALS " FROM usage_account WHERE ?1<0"
			   " AND month BETWEEN ?4 AND ?5 GROUP BY 1");
	else
		buf_fmt(b,
			"SELECT %s AS k, " TOTALS " FROM usage_day WHERE ?1<0"
			" AND day BETWEEN ?2 AND ?3 GROUP BY 1",
			a->by == ACCT_BY_MONTH ? MONTH_OF("day*86400") : keys[a->by].key);
}

static void print_query(struct buf *b, const struct acct_ask *a)
{
	const char *names = keys[a->by].names;
	bool dated = a->by == ACCT_BY_MONTH || a->by == ACCT_BY_DAY;

	buf_fmt(b,
		"SELECT s.k, %s, s.sessions, s.seconds, s.incoming, s.outgoing FROM (SELECT "
		"k, " TOTALS " FROM (",
		names ? "coalesce(n.name, '')" : "''");
	if (a->user.n)
		from_user(b, a);
	else
		from_all(b, a);
	buf_fmt(b,
		" UNION ALL SELECT %s, count(*), sum(seconds), sum(incoming), sum(outgoing)"
		" FROM live WHERE %s stop>0 AND stop BETWEEN ?2*86400 AND ?3*86400+86399"
		" GROUP BY 1) GROUP BY 1 ORDER BY %s DESC LIMIT ?6) AS s",
		keys[a->by].live, a->user.n ? "account=?1 AND" : "?1<0 AND", dated ? "1" : "3");
	if (names)
		buf_fmt(b, " LEFT JOIN %s AS n ON n.id=s.k", names);
	buf_fmt(b, " WHERE s.sessions>0 ORDER BY %s DESC", dated ? "1" : "4");
}

static void print_name(enum acct_by by, int64_t k, str name, struct buf *out)
{
	CLEANUP(buf_free) struct buf iso;

	buf_init(&iso, 64);
	switch (by) {
	case ACCT_BY_CAUSE:
		acct_cause_print(k, out);
		break;
	case ACCT_BY_MONTH:
		buf_fmt(out, "%04d-%02d", (int)(k / 100), (int)(k % 100));
		break;
	case ACCT_BY_DAY:
		date_add_iso(&iso, k * DAY);
		buf_add(out, str_take(buf_str(&iso), 10));
		break;
	case ACCT_BY_ALL:
		buf_add(out, STR("all"));
		break;
	default:
		buf_add(out, name);
	}
}

static err give_sums(struct sql_stmt *st, enum acct_by by,
		     err (*fn)(void *arg, const struct acct_sum *s), void *arg)
{
	CLEANUP(buf_free) struct buf name;
	err e;

	buf_init(&name, KIB(1));
	while ((e = sql_step(st)) == OK) {
		buf_reset(&name);
		print_name(by, sql_int(st, 0), sql_text(st, 1), &name);
		const struct acct_sum s = { .name = buf_str(&name),
					    .sessions = sql_int(st, 2),
					    .seconds = sql_int(st, 3),
					    .in = sql_int(st, 4),
					    .out = sql_int(st, 5) };

		TRY(fn(arg, &s));
	}
	return e == E_EOF ? OK : e;
}

static err usage(struct sql *s, const struct acct_ask *a,
		 err (*fn)(void *arg, const struct acct_sum *s), void *arg)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	CLEANUP(buf_free) struct buf text;
	char user[LIM_ACCT_TEXT];
	int64_t account, first = 0, last = INT32_MAX;

	buf_init(&text, KIB(8));
	TRY(id_of(s, "SELECT id FROM account WHERE name=?", lowered(a->user, user, sizeof(user)),
		  &account));
	if (a->month)
		days_of(a->month, &first, &last);
	print_query(&text, a);
	TRY(buf_done(&text));
	const struct sql_value v[] = { SQL_I(account),
				       SQL_I(first),
				       SQL_I(last),
				       SQL_I(a->month),
				       SQL_I(a->month ? a->month : INT32_MAX),
				       SQL_I(a->max) };

	TRY(sql_query(s, buf_str(&text), v, COUNT(v), &st));
	return give_sums(st, a->by, fn, arg);
}

err acct_usage(const char *path, const struct acct_ask *a,
	       err (*fn)(void *arg, const struct acct_sum *s), void *arg)
{
	struct sql *s;

	TRY(open_view(path, &s));
	err e = usage(s, a, fn, arg);

	sql_close(s);
	return e;
}
