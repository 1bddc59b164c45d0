/* What one event changes. The order of events is whatever two servers and their logs make of it:
 * each event says what it knows about its session, and the row keeps the most of it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "services/accounting/book.h"
#include "services/accounting/record.h"

enum { HEARD_START = 1, HEARD_INTERIM = 2, HEARD_STOP = 4 }; /* flags of a row */
enum { SLACK = 600 }; /* seconds that two servers' and a NAS's ideas of a time may differ */
/* A clock that is further off than this is not believed: seconds ahead, and behind. */
enum { AHEAD = 300, BEHIND = 30 * DAY };
enum { LOOK_BACK = 100 }; /* days that a session is looked for among those rolled up */

struct row {
	int64_t id, account, start, heard, stop, seconds, in, out, in_last, out_last, packets_in,
		packets_out, ip, port, called, calling, telco, cause, flags;
};
struct change {
	struct book *b;
	const struct acct_event *e;
	int64_t nas, account, called, calling, telco;
	int64_t at;    /* when it happened */
	int64_t start; /* when the session began, by its own word */
	char ip6[INET6_ADDRSTRLEN + 4];
};

#define COLUMNS                                                                                    \
	"id, account, start, heard, stop, seconds, incoming, outgoing, in_last, out_last,"         \
	" packets_in, packets_out, ip, port, called, calling, telco, cause, flags"

static int64_t event_time(const struct acct_event *e)
{
	int64_t at = e->arrived - e->delay;

	if (e->stamp && e->stamp <= e->arrived + AHEAD && e->stamp >= e->arrived - BEHIND)
		at = e->stamp; /* the NAS's own clock, RFC 2869 5.3 */
	return at > 0 ? at : e->arrived;
}

static bool begins(str s, str with)
{
	return str_startsi(s, with);
}

static str telco_of(const struct acct_event *e, const struct acct_telco *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (begins(acct_nas(e), t[i].nas) && begins(e->called, t[i].called))
			return t[i].name;
	return STR("");
}

/* SQL's integers have a sign. */
static int64_t number(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t max_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- rows ---- */

static void take_row(struct sql_stmt *st, struct row *r)
{
	int64_t *const fields[] = { &r->id,	 &r->account,  &r->start,      &r->heard,
				    &r->stop,	 &r->seconds,  &r->in,	       &r->out,
				    &r->in_last, &r->out_last, &r->packets_in, &r->packets_out,
				    &r->ip,	 &r->port,     &r->called,     &r->calling,
				    &r->telco,	 &r->cause,    &r->flags };

	for (size_t i = 0; i < COUNT(fields); i++)
		*fields[i] = sql_int(st, (int)i);
}

static err insert(struct change *c, const struct row *r)
{
	const struct acct_event *e = c->e;

	return SQL_RUN(
		c->b->s,
		"INSERT INTO live (nas, session, account, start, heard, stop, seconds, incoming,"
		" outgoing, in_last, out_last, packets_in, packets_out, ip, port, called, calling,"
		" telco, cause, flags, ip6, port_id, multi, class) VALUES (?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''),"
		" nullif(?, x''))",
		SQL_I(c->nas), SQL_T(e->session), SQL_I(r->account), SQL_I(r->start),
		SQL_I(r->heard), SQL_I(r->stop), SQL_I(r->seconds), SQL_I(r->in), SQL_I(r->out),
		SQL_I(r->in_last), SQL_I(r->out_last), SQL_I(r->packets_in), SQL_I(r->packets_out),
		SQL_I(r->ip), SQL_I(r->port), SQL_I(r->called), SQL_I(r->calling), SQL_I(r->telco),
		SQL_I(r->cause), SQL_I(r->flags), SQL_T(str_z(c->ip6)), SQL_T(e->port_id),
		SQL_T(e->multi), SQL_B(e->class));
}

/* stop stands apart, so that an Interim leaves its index alone. */
static err update(struct change *c, const struct row *r, bool stop_too)
{
	if (stop_too)
		TRY(SQL_RUN(c->b->s, "UPDATE live SET stop=?, cause=? WHERE id=?", SQL_I(r->stop),
			    SQL_I(r->cause), SQL_I(r->id)));
	return SQL_RUN(c->b->s,
		       "UPDATE live SET start=?, heard=?, seconds=?, incoming=?, outgoing=?,"
		       " in_last=?, out_last=?, packets_in=?, packets_out=?, ip=?, port=?,"
		       " called=?, calling=?, telco=?, flags=?, ip6=coalesce(nullif(?, ''), ip6)"
		       " WHERE id=?",
		       SQL_I(r->start), SQL_I(r->heard), SQL_I(r->seconds), SQL_I(r->in),
		       SQL_I(r->out), SQL_I(r->in_last), SQL_I(r->out_last), SQL_I(r->packets_in),
		       SQL_I(r->packets_out), SQL_I(r->ip), SQL_I(r->port), SQL_I(r->called),
		       SQL_I(r->calling), SQL_I(r->telco), SQL_I(r->flags), SQL_T(str_z(c->ip6)),
		       SQL_I(r->id));
}

/* ---- which session ---- */

/* Old equipment counts its Acct-Session-Ids from 1 after each power cut: the same id is the same
 * session only where the times agree. */
static bool same(const struct change *c, const struct row *r)
{
	const struct acct_event *e = c->e;
	int64_t off = c->start > r->start ? c->start - r->start : r->start - c->start;

	if (r->account && c->account && r->account != c->account)
		return false;
	if (off <= SLACK + e->seconds / 100)
		return true;
	if (e->kind == ACCT_START)
		return !(r->flags & HEARD_START) && c->start < r->start;
	/* Its session time was reset, or the packet has none. */
	return !(r->flags & HEARD_STOP) || c->at <= r->stop + SLACK;
}

/* E_NOTFOUND: none. An open session of this id that is another one is closed. */
static err find_live(struct change *c, struct row *out)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	struct row old = { 0 };
	err e;

	TRY(SQL_QUERY(c->b->s, &st,
		      "SELECT " COLUMNS " FROM live WHERE nas=? AND session=? ORDER BY id DESC",
		      SQL_I(c->nas), SQL_T(c->e->session)));
	while ((e = sql_step(st)) == OK) {
		take_row(st, out);
		if (same(c, out))
			return OK;
		if (!out->stop && out->start < c->start)
			old = *out;
	}
	if (e != E_EOF)
		return e;
	if (!old.id)
		return E_NOTFOUND;
	old.stop = max_of(old.heard, old.start);
	old.seconds = max_of(old.seconds, old.stop - old.start);
	old.cause = ACCT_CAUSE_REUSED;
	TRY(SQL_RUN(c->b->s, "UPDATE live SET stop=?, seconds=?, cause=? WHERE id=?",
		    SQL_I(old.stop), SQL_I(old.seconds), SQL_I(old.cause), SQL_I(old.id)));
	return E_NOTFOUND;
}

/* Of a session that was rolled up already, a Stop says nothing new; one that was closed without its
 * Stop comes back to life. E_NOTFOUND: it did not end on that day. */
static err find_rolled_on(struct change *c, int64_t day, struct row *r)
{
	CLEANUP(sql_donep) struct sql_stmt *st = NULL;
	err e;

	TRY(SQL_QUERY(c->b->s, &st,
		      "SELECT second, seconds, gap, flags FROM session"
		      " WHERE day=? AND account=? AND nas=? AND session=?",
		      SQL_I(day), SQL_I(c->account), SQL_I(c->nas), SQL_T(c->e->session)));
	while ((e = sql_step(st)) == OK) {
		int64_t second = sql_int(st, 0);

		*r = (struct row){ .account = c->account,
				   .stop = day * DAY + second,
				   .seconds = sql_int(st, 1),
				   .flags = sql_int(st, 3) };
		r->start = r->stop - r->seconds - sql_int(st, 2);
		if (!same(c, r))
			continue;
		if (r->flags & HEARD_STOP || c->e->kind == ACCT_START || c->at <= r->stop)
			return OK;
		TRY(book_unroll(c->b, day, c->account, second, c->nas, c->e->session));
		return find_live(c, r);
	}
	return e == E_EOF ? E_NOTFOUND : e;
}

static err find_rolled(struct change *c, struct row *r)
{
	int64_t day = max_of((c->start - SLACK) / DAY, c->b->rolled - LOOK_BACK);
	err e = E_NOTFOUND;

	for (; c->account && day <= c->b->rolled && e == E_NOTFOUND; day++)
		e = find_rolled_on(c, day, r);
	return e;
}

/* ---- what it says ---- */

/* What a counter adds: it was reset when it is lower than before, or has wrapped at 2^32 where the
 * NAS knows no gigawords. */
static int64_t grown(int64_t last, int64_t now, bool gigawords)
{
	if (now >= last)
		return now - last;
	if (!gigawords && last >= INT64_C(1) << 31 && last <= UINT32_MAX)
		return now + (INT64_C(1) << 32) - last;
	return now;
}

static void count(struct row *r, const struct acct_event *e)
{
	int64_t in = number(e->in), out = number(e->out);

	r->in += grown(r->in_last, in, e->gigawords);
	r->out += grown(r->out_last, out, e->gigawords);
	r->in_last = in;
	r->out_last = out;
	r->packets_in = max_of(r->packets_in, number(e->packets_in));
	r->packets_out = max_of(r->packets_out, number(e->packets_out));
	r->seconds = max_of(r->seconds, e->seconds);
}

static void fill(int64_t *field, int64_t v)
{
	*field = v ? v : *field;
}

static void fill_in(struct change *c, struct row *r)
{
	if (!r->account)
		r->account = c->account;
	fill(&r->ip, c->e->ip);
	fill(&r->port, c->e->port);
	fill(&r->called, c->called);
	fill(&r->calling, c->calling);
	fill(&r->telco, c->telco);
}

/* Whether it knows more of the session's traffic than what was counted. An Interim that was
 * overtaken does not; nor does anything after the Stop. */
static bool is_news(const struct change *c, const struct row *r)
{
	if (c->e->kind == ACCT_START || r->flags & HEARD_STOP)
		return false;
	return c->e->kind == ACCT_STOP || c->at > r->heard ||
	       (c->at == r->heard && c->e->seconds > r->seconds) || !(r->flags & HEARD_INTERIM);
}

static unsigned heard(const struct acct_event *e)
{
	return e->kind == ACCT_START  ? HEARD_START
	       : e->kind == ACCT_STOP ? HEARD_STOP
				      : HEARD_INTERIM;
}

/* True when stop or cause changed. */
static bool end_or_go_on(struct change *c, struct row *r)
{
	if (c->e->kind == ACCT_STOP) {
		r->stop = max_of(c->at, r->start);
		r->cause = c->e->cause;
		if (!r->seconds)
			r->seconds = r->stop - r->start;
		return true;
	}
	if (!r->stop || c->e->kind == ACCT_START || c->at <= r->stop)
		return false;
	r->stop = r->cause = 0; /* it was thought dead, and speaks */
	return true;
}

static err change_row(struct change *c, struct row *r)
{
	bool again = (r->flags & heard(c->e)) && c->e->kind != ACCT_INTERIM;
	bool stop_too = false;

	if (again || (c->e->kind == ACCT_INTERIM && !is_news(c, r))) {
		c->b->repeated++;
		return OK;
	}
	if (is_news(c, r)) {
		count(r, c->e);
		stop_too = end_or_go_on(c, r);
	}
	if (c->e->kind == ACCT_START)
		r->start = r->flags & HEARD_STOP ? r->start : c->start;
	r->heard = max_of(r->heard, c->at);
	r->flags |= heard(c->e);
	fill_in(c, r);
	return update(c, r, stop_too);
}

static err restarted(struct change *c, int64_t *at)
{
	return SQL_GET(c->b->s, at, "SELECT restarted FROM nas WHERE id=?", SQL_I(c->nas));
}

static err new_row(struct change *c)
{
	struct row r = {
		.account = c->account, .start = c->start, .heard = c->at, .flags = heard(c->e)
	};
	int64_t reboot;

	fill_in(c, &r);
	count(&r, c->e);
	(void)end_or_go_on(c, &r);
	TRY(restarted(c, &reboot));
	if (!r.stop && c->at < reboot) { /* it came late: its NAS has forgotten it */
		r.stop = c->at;
		r.cause = ACCT_CAUSE_NAS_REBOOT;
	}
	return insert(c, &r);
}

/* An On after a crash says nothing of when its sessions ended: what was heard last counts. */
static err on_off(struct change *c)
{
	TRY(SQL_RUN(c->b->s, "UPDATE nas SET restarted=max(restarted, ?) WHERE id=?", SQL_I(c->at),
		    SQL_I(c->nas)));
	return SQL_RUN(
		c->b->s,
		"UPDATE live SET stop=CASE ?1 WHEN 1 THEN max(?2, start) ELSE heard END,"
		" seconds=max(seconds, CASE ?1 WHEN 1 THEN max(?2, start) ELSE heard END - start),"
		" cause=?3 WHERE nas=?4 AND stop=0 AND heard<=?2",
		SQL_I(c->e->kind == ACCT_OFF), SQL_I(c->at), SQL_I(ACCT_CAUSE_NAS_REBOOT),
		SQL_I(c->nas));
}

/* ---- */

static void print_ip6(struct change *c)
{
	const struct acct_event *e = c->e;
	char text[INET6_ADDRSTRLEN] = "";

	if (!e->has_ip6 && !e->prefix_bits)
		return;
	(void)inet_ntop(AF_INET6, e->has_ip6 ? e->ip6 : e->prefix, text, sizeof(text));
	(void)snprintf(c->ip6, sizeof(c->ip6), e->has_ip6 ? "%s" : "%s/%d", text, e->prefix_bits);
}

static str lowered(str s, char *out, size_t cap)
{
	s = str_take(s, cap);
	for (size_t i = 0; i < s.n; i++)
		out[i] = ch_lower(s.p[i]);
	return str_of(out, s.n);
}

static err name_all(struct change *c, const struct acct_telco *t, size_t n)
{
	char login[LIM_ACCT_TEXT];

	TRY(book_id(c->b, NAME_NAS, acct_nas(c->e), &c->nas));
	if (c->e->kind == ACCT_ON || c->e->kind == ACCT_OFF)
		return OK;
	TRY(book_id(c->b, NAME_ACCOUNT, lowered(c->e->login, login, sizeof(login)), &c->account));
	TRY(book_id(c->b, NAME_NUMBER, c->e->called, &c->called));
	TRY(book_id(c->b, NAME_NUMBER, c->e->calling, &c->calling));
	return book_id(c->b, NAME_TELCO, telco_of(c->e, t, n), &c->telco);
}

err book_apply(struct book *b, const struct acct_event *e, const struct acct_telco *telcos,
	       size_t ntelcos)
{
	struct change c = { .b = b, .e = e, .at = event_time(e) };
	struct row r;

	c.start = max_of(c.at - e->seconds, 0);
	TRY(name_all(&c, telcos, ntelcos));
	if (e->kind == ACCT_ON || e->kind == ACCT_OFF)
		return on_off(&c);
	print_ip6(&c);
	err found = find_live(&c, &r);

	if (found == OK)
		return change_row(&c, &r);
	if (found == E_NOTFOUND)
		found = find_rolled(&c, &r);
	if (found == OK && r.id)
		return change_row(&c, &r);
	if (found == OK) {
		b->repeated++;
		return OK;
	}
	return found == E_NOTFOUND ? new_row(&c) : found;
}
