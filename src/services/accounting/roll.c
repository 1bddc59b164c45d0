/* What is done with sessions from time to time: closed by silence, rolled up, pruned. */
#include "base/date.h"
#include "services/accounting/book.h"

enum { CHUNK = 20000 }; /* rows that one transaction moves: the other server waits as long */

#define MOVED                                                                                      \
	" FROM temp.moving AS m JOIN live AS l ON l.id=m.id"                                       \
	" WHERE m.n<=?1 AND l.stop BETWEEN ?2 AND ?3"
#define SUMS                                                                                       \
	" ?5*count(*), ?5*sum(l.seconds), ?5*sum(l.incoming), ?5*sum(l.outgoing)" MOVED " GROUP "  \
	"BY "
#define ADD_UP                                                                                     \
	" DO UPDATE SET sessions=sessions+excluded.sessions, seconds=seconds+excluded.seconds,"    \
	" incoming=incoming+excluded.incoming, outgoing=outgoing+excluded.outgoing"

/* In the order in which they are made. ?1 the last of the chunk, ?2 and ?3 the day's first and last
 * second, ?4 the month, ?5 1 or -1. */
static const char *const sums[] = {
	"INSERT INTO usage SELECT ?4, l.account, l.nas, l.telco, l.called, l.cause," SUMS
	"l.account, l.nas, l.telco, l.called, l.cause"
	" ON CONFLICT (month, account, nas, telco, called, cause)" ADD_UP,
	"INSERT INTO usage_account SELECT ?4, l.account," SUMS
	"l.account ON CONFLICT (month, account)" ADD_UP,
	"INSERT INTO usage_day SELECT ?2/86400, l.nas, l.telco, l.called, l.cause," SUMS
	"l.nas, l.telco, l.called, l.cause"
	" ON CONFLICT (day, nas, telco, called, cause)" ADD_UP,
};

static int64_t month_of(int64_t day)
{
	struct date d = date_of(day * DAY, 0);

	return d.year * 100 + d.month;
}

static err add_sums(struct book *b, int64_t last, int64_t day, int sign)
{
	const struct sql_value v[] = { SQL_I(last), SQL_I(day * DAY), SQL_I(day * DAY + DAY - 1),
				       SQL_I(month_of(day)), SQL_I(sign) };

	for (size_t i = 0; i < COUNT(sums); i++)
		TRY(sql_run(b->s, str_z(sums[i]), v, COUNT(v)));
	return OK;
}

static err move_chunk(struct book *b, int64_t last, int64_t day)
{
	const struct sql_value v[] = { SQL_I(last), SQL_I(day * DAY), SQL_I(day * DAY + DAY - 1) };

	TRY(sql_run(b->s,
		    STR("INSERT OR IGNORE INTO session SELECT l.stop/86400, l.account,"
			" l.stop%86400, l.nas, l.session, l.seconds, l.stop-l.start-l.seconds,"
			" l.incoming, l.outgoing, l.ip, l.port, l.called, l.calling, l.telco,"
			" l.cause, l.flags, l.ip6" MOVED " ORDER BY 2, 3, 4, 5"),
		    v, COUNT(v)));
	TRY(add_sums(b, last, day, 1));
	return sql_run(b->s,
		       STR("DELETE FROM live WHERE id IN (SELECT id FROM temp.moving WHERE n<=?1)"
			   " AND stop BETWEEN ?2 AND ?3"),
		       v, COUNT(v));
}

/* The first closed session's day; E_NOTFOUND: nothing is closed. */
static err first_day(struct book *b, int64_t *day)
{
	return sql_get_int(b->s,
			   STR("SELECT stop/86400 FROM live WHERE stop>0 ORDER BY stop LIMIT 1"),
			   NULL, 0, day);
}

/* Of the day's sessions; the table is empty. */
static err collect(struct book *b, int64_t day)
{
	return SQL_RUN(b->s,
		       "INSERT INTO temp.moving (id) SELECT id FROM live"
		       " WHERE stop BETWEEN ? AND ? ORDER BY account, stop",
		       SQL_I(day * DAY), SQL_I(day * DAY + DAY - 1));
}

static err roll_chunk(struct book *b, int64_t day, size_t *moved)
{
	int64_t last = 0;
	err e = SQL_GET(b->s, &last,
			"SELECT n FROM (SELECT n FROM temp.moving ORDER BY n LIMIT ?)"
			" ORDER BY n DESC LIMIT 1",
			SQL_I(CHUNK));

	if (e)
		return e;
	TRY(move_chunk(b, last, day));
	*moved = (size_t)sql_changed(b->s);
	TRY(SQL_RUN(b->s, "DELETE FROM temp.moving WHERE n<=?", SQL_I(last)));
	/* Another server may have moved them all: that is no end either. */
	*moved = *moved ? *moved : 1;
	return OK;
}

/* What was collected and has changed since is left for the next time: the day is part of each
 * statement. */
static err roll(struct book *b, int64_t before, size_t *moved)
{
	int64_t day;
	err e = first_day(b, &day);

	if (e || day >= before)
		return e == E_NOTFOUND ? OK : e;
	e = roll_chunk(b, day, moved);
	if (e != E_NOTFOUND)
		return e;
	TRY(collect(b, day));
	return roll_chunk(b, day, moved);
}

static err end(struct book *b, err e)
{
	if (e == OK)
		e = book_commit(b);
	if (e)
		book_rollback(b);
	return e;
}

err book_roll(struct book *b, int64_t day, size_t *moved)
{
	*moved = 0;
	TRY(book_begin(b));
	return end(b, roll(b, day, moved));
}

err book_silent(struct book *b, int64_t interims_before, int64_t starts_before, size_t *closed)
{
	TRY(book_begin(b));
	err e = SQL_RUN(b->s,
			"UPDATE live SET stop=max(heard, start), cause=?,"
			" seconds=max(seconds, heard-start) WHERE stop=0"
			" AND heard<CASE flags&2 WHEN 2 THEN ? ELSE ? END",
			SQL_I(ACCT_CAUSE_SILENT), SQL_I(interims_before), SQL_I(starts_before));

	*closed = e == OK ? (size_t)sql_changed(b->s) : 0;
	return end(b, e);
}

static err prune(struct book *b, int64_t before, size_t *removed)
{
	int64_t day, account;
	err e = sql_get_int(b->s, STR("SELECT day FROM session ORDER BY day LIMIT 1"), NULL, 0,
			    &day);

	if (e || day >= before)
		return e == E_NOTFOUND ? OK : e;
	e = SQL_GET(b->s, &account,
		    "SELECT account FROM session WHERE day=? ORDER BY account LIMIT 1 OFFSET ?",
		    SQL_I(day), SQL_I(CHUNK));
	if (e == E_NOTFOUND)
		account = INT64_MAX;
	else if (e)
		return e;
	TRY(SQL_RUN(b->s, "DELETE FROM session WHERE day=? AND account<=?", SQL_I(day),
		    SQL_I(account)));
	*removed = (size_t)sql_changed(b->s);
	return OK;
}

err book_prune(struct book *b, int64_t day, size_t *removed)
{
	*removed = 0;
	TRY(book_begin(b));
	return end(b, prune(b, day, removed));
}

err book_unroll(struct book *b, int64_t day, int64_t account, int64_t second, int64_t nas,
		str session)
{
	const struct sql_value v[] = { SQL_I(day), SQL_I(account), SQL_I(second), SQL_I(nas),
				       SQL_T(session) };

	TRY(sql_run(b->s,
		    STR("INSERT INTO live (nas, session, account, start, heard, stop, seconds,"
			" incoming, outgoing, in_last, out_last, packets_in, packets_out, ip, port,"
			" called, calling, telco, cause, flags, ip6)"
			" SELECT nas, session, account, day*86400+second-seconds-gap,"
			" day*86400+second, day*86400+second, seconds, incoming, outgoing,"
			" incoming, outgoing, 0, 0, ip, port, called, calling, telco, cause, flags,"
			" ip6 FROM session WHERE day=? AND account=? AND second=? AND nas=?"
			" AND session=?"),
		    v, COUNT(v)));
	TRY(SQL_RUN(b->s, "INSERT INTO temp.moving (n, id) VALUES (-1, ?)",
		    SQL_I(sql_last_id(b->s))));
	TRY(add_sums(b, -1, day, -1));
	TRY(sql_exec(b->s, "DELETE FROM temp.moving WHERE n=-1"));
	return sql_run(b->s,
		       STR("DELETE FROM session WHERE day=? AND account=? AND second=? AND nas=?"
			   " AND session=?"),
		       v, COUNT(v));
}
