#include "services/accounting/accounting.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "run/fiber.h"
#include "services/accounting/book.h"
#include "services/accounting/record.h"
#include "services/accounting/usage.h"

#define T0 INT64_C(1795824000) /* 2026-11-28, midnight */

static char dir[64], path[128];
static struct book book;

static void begin(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/posta-acct-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/accounting.db", dir);
}

static void end(void)
{
	char command[160];

	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK(system(command) == 0);
}

static void begin_book(void)
{
	begin();
	CHECK_OK(book_open(path, true, &book));
	CHECK_OK(book_begin(&book));
}

static void end_book(void)
{
	CHECK_OK(book_commit(&book));
	book_close(&book);
	end();
}

/* An event t seconds after T0, of a session that began at T0. */
static struct acct_event event(enum acct_kind kind, str session, uint32_t t, uint64_t in,
			       uint64_t out)
{
	return (struct acct_event){ .kind = kind,
				    .arrived = T0 + t,
				    .nas = STR("nas1"),
				    .session = session,
				    .login = STR("ana@demo.test"),
				    .called = STR("5550100"),
				    .calling = STR("5551234"),
				    .seconds = kind == ACCT_START ? 0 : t,
				    .in = in,
				    .out = out,
				    .cause = kind == ACCT_STOP ? 1 : 0 };
}

static void apply(const struct acct_event *e)
{
	CHECK_OK(book_apply(&book, e, NULL, 0));
}

static int64_t ask(const char *text)
{
	int64_t v = -1;
	err e = sql_get_int(book.s, str_z(text), NULL, 0, &v);

	CHECK(e == OK || e == E_NOTFOUND);
	return v;
}

/* ---- orders ---- */

enum { EVENTS = 4, TWICE = 2 * EVENTS };
static const struct {
	enum acct_kind kind;
	uint32_t t;
	uint64_t in, out;
} story[EVENTS] = { { ACCT_START, 0, 0, 0 },
		    { ACCT_INTERIM, 300, 100, 2000 },
		    { ACCT_INTERIM, 600, 300, 5000000000 },
		    { ACCT_STOP, 900, 500, 6000000000 } };
static size_t orders;

static void tell(const unsigned char *order, size_t n)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%08zX", orders++);
	for (size_t i = 0; i < n; i++) {
		struct acct_event e = event(story[order[i]].kind, str_z(name), story[order[i]].t,
					    story[order[i]].in, story[order[i]].out);

		e.gigawords = true;
		apply(&e);
	}
}

/* Every order of the events, each of them twice, as two servers may tell it. */
static void permute(unsigned char *order, size_t n, unsigned char left[EVENTS])
{
	if (n == TWICE) {
		tell(order, n);
		return;
	}
	for (unsigned char i = 0; i < EVENTS; i++) {
		if (!left[i])
			continue;
		left[i]--;
		order[n] = i;
		permute(order, n + 1, left);
		left[i]++;
	}
}

TEST(every_order_counts_once)
{
	unsigned char order[TWICE], left[EVENTS] = { 2, 2, 2, 2 };

	begin_book();
	permute(order, 0, left);
	CHECK(orders == 2520);
	CHECK(ask("SELECT count(*) FROM live") == 2520);
	CHECK(ask("SELECT count(*) FROM live WHERE start=1795824000 AND stop=1795824900"
		  " AND seconds=900 AND incoming=500 AND outgoing=6000000000 AND cause=1") == 2520);
	CHECK(ask("SELECT count(DISTINCT session) FROM live") == 2520);
	end_book();
}

TEST(stop_alone_start_alone)
{
	struct acct_event e = event(ACCT_STOP, STR("A"), 900, 5, 6);

	begin_book();
	apply(&e);
	CHECK(ask("SELECT start FROM live WHERE session='A'") == T0);
	e = event(ACCT_START, STR("B"), 0, 0, 0);
	apply(&e);
	CHECK(ask("SELECT stop FROM live WHERE session='B'") == 0);
	e.delay = 30; /* RFC 2866 5.2: the same Start, sent again */
	e.arrived += 30;
	apply(&e);
	CHECK(ask("SELECT count(*) FROM live WHERE session='B' AND start=1795824000") == 1);
	e = event(ACCT_STOP, STR("C"), 900, 5, 6);
	e.arrived += 7200; /* kept by the NAS for two hours: its own clock says when it was */
	e.stamp = T0 + 900;
	apply(&e);
	CHECK(ask("SELECT stop FROM live WHERE session='C'") == T0 + 900);
	e = event(ACCT_STOP, STR("D"), 900, 5, 6);
	e.stamp = 86400; /* a NAS without a clock says 1970 */
	apply(&e);
	CHECK(ask("SELECT stop FROM live WHERE session='D'") == T0 + 900);
	end_book();
}

TEST(counters)
{
	static const struct {
		uint64_t in[4]; /* at 300, 600, 900, and of the Stop at 1200 */
		bool gigawords;
		int64_t want;
	} rows[] = {
		{ { 10, 20, 30, 40 }, true, 40 },
		{ { 100, 20, 30, 40 }, true, 140 },		   /* reset after the first */
		{ { 100, 200, 300, 0 }, false, 300 },		   /* the Stop says nothing */
		{ { 100, 4000000000, 5, 10 }, false, 4294967306 }, /* wrapped: no gigawords */
		{ { 4294967290, 4294967300, 8589934600, 8589934601 }, true, 8589934601 },
		{ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, true, INT64_MAX },
	};

	begin_book();
	for (size_t i = 0; i < COUNT(rows); i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%zu", i);
		for (uint32_t k = 0; k < 4; k++) {
			struct acct_event e = event(k == 3 ? ACCT_STOP : ACCT_INTERIM, str_z(name),
						    300 * (k + 1), rows[i].in[k], 0);

			e.gigawords = rows[i].gigawords;
			apply(&e);
		}
		CHECK_ROW(i, ask("SELECT incoming FROM live ORDER BY id DESC LIMIT 1") ==
				     rows[i].want);
	}
	end_book();
}

TEST(id_used_again)
{
	struct acct_event e = event(ACCT_START, STR("00000001"), 0, 0, 0);

	begin_book();
	apply(&e);
	e = event(ACCT_INTERIM, STR("00000001"), 300, 7, 8);
	apply(&e);
	e = event(ACCT_START, STR("00000001"), 7200, 0, 0); /* the NAS lost its power in between */
	apply(&e);
	CHECK(ask("SELECT count(*) FROM live") == 2);
	CHECK(ask("SELECT cause FROM live WHERE stop=1795824300") == ACCT_CAUSE_REUSED);
	e = event(ACCT_STOP, STR("00000001"), 7500, 1, 2);
	e.seconds = 300;
	apply(&e);
	CHECK(ask("SELECT count(*) FROM live WHERE stop=0") == 0);
	CHECK(ask("SELECT incoming FROM live WHERE stop=1795831500") == 1);
	e = event(ACCT_START, STR("00000001"), 7505, 0, 0); /* and another user at once */
	e.login = STR("bruno@demo.test");
	apply(&e);
	CHECK(ask("SELECT count(*) FROM live WHERE stop=0") == 1);
	CHECK(ask("SELECT count(*) FROM live") == 3);
	end_book();
}

TEST(on_and_off)
{
	struct acct_event e = event(ACCT_START, STR("A"), 0, 0, 0);

	begin_book();
	apply(&e);
	e = event(ACCT_INTERIM, STR("A"), 300, 7, 8);
	apply(&e);
	e = event(ACCT_START, STR("B"), 0, 0, 0);
	e.nas = STR("nas2");
	apply(&e);
	e = event(ACCT_START, STR("C"), 1000, 0, 0); /* after the restart, told before it */
	apply(&e);
	e = event(ACCT_ON, STR(""), 900, 0, 0);
	apply(&e);
	CHECK(ask("SELECT stop FROM live WHERE session='A'") == T0 + 300);
	CHECK(ask("SELECT seconds FROM live WHERE session='A'") == 300);
	CHECK(ask("SELECT cause FROM live WHERE session='A'") == ACCT_CAUSE_NAS_REBOOT);
	CHECK(ask("SELECT stop FROM live WHERE session='B'") == 0);
	CHECK(ask("SELECT stop FROM live WHERE session='C'") == 0);
	e = event(ACCT_START, STR("D"), 10, 0, 0); /* before it, told after it */
	apply(&e);
	CHECK(ask("SELECT stop FROM live WHERE session='D'") == T0 + 10);
	e = event(ACCT_OFF, STR(""), 2000, 0, 0);
	apply(&e);
	CHECK(ask("SELECT seconds FROM live WHERE session='C'") == 1000);
	end_book();
}

TEST(silent_and_back)
{
	size_t n;
	struct acct_event e = event(ACCT_START, STR("A"), 0, 0, 0);

	begin_book();
	apply(&e);
	e = event(ACCT_START, STR("B"), 0, 0, 0);
	apply(&e);
	e = event(ACCT_INTERIM, STR("B"), 300, 7, 8);
	apply(&e);
	CHECK_OK(book_commit(&book));
	CHECK_OK(book_silent(&book, T0 + 300, 0, &n));
	CHECK(n == 0);
	CHECK_OK(book_silent(&book, T0 + 301, 0, &n));
	CHECK(n == 1 && ask("SELECT cause FROM live WHERE session='B'") == ACCT_CAUSE_SILENT);
	CHECK_OK(book_begin(&book));
	e = event(ACCT_INTERIM, STR("B"), 9000, 70, 80); /* it was the road that was cut */
	apply(&e);
	CHECK(ask("SELECT stop FROM live WHERE session='B'") == 0);
	CHECK(ask("SELECT incoming FROM live WHERE session='B'") == 70);
	CHECK_OK(book_commit(&book));
	CHECK_OK(book_silent(&book, 0, T0 + 1, &n));
	CHECK(n == 1 && ask("SELECT cause FROM live WHERE session='A'") == ACCT_CAUSE_SILENT);
	CHECK_OK(book_begin(&book));
	end_book();
}

/* ---- roll-up ---- */

static void roll_all(int64_t day)
{
	size_t n = 1;

	while (n)
		CHECK_OK(book_roll(&book, day, &n));
}

TEST(roll_up_and_prune)
{
	char name[16];
	size_t n = 1;

	begin_book();
	for (uint32_t i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "%08X", i);
		struct acct_event e = event(ACCT_STOP, str_z(name), 600 + i, 10, 20);

		e.seconds = 600;
		e.login = i % 2 ? STR("Ana@demo.test") : STR("bruno@demo.test");
		e.cause = i % 4 ? 1 : 2;
		apply(&e);
	}
	CHECK_OK(book_commit(&book));
	roll_all(T0 / DAY); /* that day is not over */
	CHECK(ask("SELECT count(*) FROM live") == 1000);
	roll_all(T0 / DAY + 1);
	CHECK(ask("SELECT count(*) FROM live") == 0);
	CHECK(ask("SELECT count(*) FROM session") == 1000);
	CHECK(ask("SELECT sum(sessions) FROM usage") == 1000);
	CHECK(ask("SELECT sum(seconds) FROM usage WHERE month=202611") == 600000);
	CHECK(ask("SELECT sum(incoming) FROM usage_account JOIN account ON id=account"
		  " WHERE name='ana@demo.test'") == 5000);
	CHECK(ask("SELECT sum(sessions) FROM usage_day WHERE cause=2") == 250);
	/* A Stop repeated after the roll-up counts nothing; one that is new is rolled up later. */
	CHECK_OK(book_begin(&book));
	struct acct_event e = event(ACCT_STOP, STR("00000001"), 601, 10, 20);

	e.seconds = 600;
	apply(&e);
	CHECK(ask("SELECT count(*) FROM live") == 0);
	e.session = STR("new");
	apply(&e);
	CHECK_OK(book_commit(&book));
	roll_all(T0 / DAY + 1);
	CHECK(ask("SELECT sum(sessions) FROM usage_day") == 1001);
	CHECK(ask("SELECT sum(sessions) FROM usage_account") == 1001);
	while (n)
		CHECK_OK(book_prune(&book, T0 / DAY + 1, &n));
	CHECK(ask("SELECT count(*) FROM session") == 0);
	CHECK(ask("SELECT sum(sessions) FROM usage") == 1001);
	CHECK_OK(book_begin(&book));
	end_book();
}

TEST(rolled_up_session_speaks)
{
	size_t n;
	struct acct_event e = event(ACCT_INTERIM, STR("A"), 300, 100, 100);

	begin_book();
	apply(&e);
	CHECK_OK(book_commit(&book));
	CHECK_OK(book_silent(&book, T0 + 1000, 0, &n));
	roll_all(T0 / DAY + 1);
	CHECK(ask("SELECT sum(seconds) FROM usage") == 300);
	CHECK_OK(book_begin(&book));
	e = event(ACCT_STOP, STR("A"), 4 * DAY, 150, 200);
	apply(&e);
	CHECK_OK(book_commit(&book));
	CHECK(ask("SELECT count(*) FROM session") == 0);
	CHECK(ask("SELECT sum(seconds) FROM usage") == 0);
	roll_all(T0 / DAY + 5);
	CHECK(ask("SELECT sum(seconds) FROM usage") == 4 * DAY);
	CHECK(ask("SELECT sum(sessions) FROM usage") == 1);
	CHECK(ask("SELECT sum(incoming) FROM usage WHERE month=202612") == 150);
	CHECK_OK(book_begin(&book));
	end_book();
}

TEST(telcos)
{
	static const struct acct_telco table[] = {
		{ S("telecom"), S("cordoba-"), S("") },
		{ S("telefonica"), S(""), S("0610") },
		{ S("other"), S(""), S("") },
	};
	static const struct {
		str nas, called;
		const char *want;
	} rows[] = {
		{ S("cordoba-3"), S("5550100"), "telecom" },
		{ S("rosario-1"), S("06105550"), "telefonica" },
		{ S("rosario-1"), S("5550"), "other" },
	};

	begin_book();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct acct_event e = event(ACCT_STOP, STR("A"), 1, 0, 0);
		CLEANUP(sql_donep) struct sql_stmt *st = NULL;

		e.nas = rows[i].nas;
		e.called = rows[i].called;
		e.login = i ? STR("bruno") : STR("ana");
		e.arrived += (int64_t)i * 5000;
		CHECK_OK(book_apply(&book, &e, table, COUNT(table)));
		CHECK_OK(sql_query(book.s,
				   STR("SELECT name FROM live JOIN telco ON telco.id=telco"
				       " ORDER BY live.id DESC LIMIT 1"),
				   NULL, 0, &st));
		CHECK_ROW(i, sql_step(st) == OK);
		CHECK_STR_ROW(i, sql_text(st, 0), str_z(rows[i].want));
	}
	end_book();
}

TEST(refused_events)
{
	static char much[LIM_ACCT_TEXT + 1];
	struct acct_event e = event(ACCT_START, STR(""), 0, 0, 0);

	CHECK(acct_check(&e) == E_SYNTAX);
	e.kind = ACCT_ON;
	CHECK(acct_check(&e) == OK);
	e.nas = STR("");
	CHECK(acct_check(&e) == E_SYNTAX);
	e = event(9, STR("A"), 0, 0, 0);
	CHECK(acct_check(&e) == E_SYNTAX);
	e = event(ACCT_START, str_of(much, sizeof(much)), 0, 0, 0);
	CHECK(acct_check(&e) == E_LIMIT);
}

/* ---- the log ---- */

static void append_n(struct acct_log *l, int from, int n)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, MIB(1));
	for (int i = from; i < from + n; i++) {
		char body[16];
		int len = snprintf(body, sizeof(body), "record %d", i);

		log_frame(&b, str_of(body, (size_t)len));
	}
	CHECK_OK(log_append(l, buf_str(&b), MIB(100), 0));
}

/* Reads what there is from *p on; checks that the numbers go up from `from`; gives the next. */
static int read_all(struct acct_log *l, struct acct_place *p, int from)
{
	CLEANUP(buf_free) struct buf b;
	str rest, body;

	buf_init(&b, MIB(1));
	while (log_read(l, p, 50, &b) == OK) {
		p->at += b.n;
		for (rest = buf_str(&b); log_next(&rest, &body);) {
			char want[32];

			(void)snprintf(want, sizeof(want), "record %d", from++);
			CHECK_STR(body, str_z(want));
		}
	}
	return from;
}

TEST(log_torn_tail)
{
	struct acct_log *l;
	struct acct_place p = { 0 };
	char file[128];

	begin();
	CHECK_OK(log_open(dir, &l));
	CHECK(read_all(l, &p, 0) == 0);
	append_n(l, 0, 10);
	CHECK(read_all(l, &p, 0) == 10);
	append_n(l, 10, 5);
	log_close(l);
	(void)snprintf(file, sizeof(file), "%s/0000000000000001.log", dir);
	int fd = open(file, O_WRONLY | O_APPEND);

	CHECK(fd >= 0 && write(fd, "\0\0\0\x08\x01\x02", 6) == 6); /* a record half written */
	(void)close(fd);
	CHECK_OK(log_open(dir, &l));
	CHECK(read_all(l, &p, 10) == 15);
	append_n(l, 15, 5);
	CHECK(read_all(l, &p, 15) == 20);
	CHECK(p.file == 2);
	log_forget(l, p);
	CHECK(access(file, F_OK) != 0);
	struct acct_place first = { 0 };

	CHECK(read_all(l, &first, 15) == 20);
	log_close(l);
	CHECK_OK(log_open(dir, &l));
	CHECK(read_all(l, &p, 20) == 20);
	append_n(l, 20, 1);
	CHECK(read_all(l, &p, 20) == 21);
	log_close(l);
	end();
}

TEST(log_full)
{
	struct acct_log *l;
	CLEANUP(buf_free) struct buf b;

	begin();
	buf_init(&b, KIB(1));
	log_frame(&b, STR("body"));
	CHECK_OK(log_open(dir, &l));
	CHECK(log_append(l, buf_str(&b), MIB(1), UINT64_MAX / 2) == E_FULL);
	CHECK(log_append(l, buf_str(&b), 5, 0) == E_FULL);
	CHECK_OK(log_append(l, buf_str(&b), MIB(1), 0));
	log_close(l);
	end();
}

/* ---- the service ---- */

static struct acct *service;

static struct acct_options options(void)
{
	return (struct acct_options){ .dir = dir, .database = path, .fold_every = 20 };
}

static size_t open_of(const char *login, err want)
{
	CLEANUP(arena_free) struct arena a;
	struct acct_open *rows;
	size_t n;

	arena_init(&a, KIB(64));
	CHECK(acct_sessions_of(service, str_z(login), 10, &a, &rows, &n) == want);
	return n;
}

static err many(void *arg)
{
	char name[16];

	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "%02X%06X", (unsigned)(uintptr_t)arg, i);
		struct acct_event e = event(ACCT_START, str_z(name), i, 0, 0);

		TRY(acct_append(service, &e));
	}
	return OK;
}

WAITS static err use(void *arg)
{
	struct fiber *f[20];
	struct acct_event e;
	struct acct_state s;
	struct acct_options o = options();

	(void)arg;
	CHECK_OK(acct_open(&o, &service));
	for (uintptr_t i = 0; i < COUNT(f); i++)
		f[i] = fiber_start("events", many, (void *)i);
	for (size_t i = 0; i < COUNT(f); i++)
		CHECK_OK(fiber_join(f[i]));
	e = event(ACCT_START, STR("x"), 0, 0, 0);
	e.login = STR("Bruno@demo.test");
	CHECK_OK(acct_append(service, &e));
	CHECK_OK(acct_settled(service, clock_in(20000)));
	CHECK(open_of("bruno@demo.test", OK) == 1);
	CHECK(open_of("ana@demo.test", OK) == 10); /* its most */
	acct_state(service, &s);
	CHECK(s.appended == 1001 && s.folded == 1001 && s.repeated == 0);
	e.kind = ACCT_STOP;
	CHECK_OK(acct_append(service, &e));
	CHECK(open_of("bruno@demo.test", OK) == 0); /* folded or not */
	CHECK_OK(acct_settled(service, clock_in(20000)));
	acct_close(service);
	return OK;
}

TEST(service)
{
	begin();
	CHECK_OK(loop_main(use, NULL));
	CHECK_OK(book_open(path, false, &book));
	CHECK(ask("SELECT count(*) FROM live") == 1001);
	CHECK(ask("SELECT count(*) FROM live WHERE stop=0") == 1000);
	book_close(&book);
	end();
}

WAITS static err use_away(void *arg)
{
	struct acct_event e = event(ACCT_START, STR("x"), 0, 0, 0);
	struct acct_options o = options();
	char other[160];

	(void)arg;
	(void)snprintf(other, sizeof(other), "%s.moved", path);
	CHECK_OK(acct_open(&o, &service));
	CHECK_OK(acct_append(service, &e));
	CHECK_OK(acct_settled(service, clock_in(20000)));
	CHECK(rename(path, other) == 0);
	e.session = STR("y");
	CHECK_OK(acct_append(service, &e)); /* answers go on */
	CHECK(open_of("ana@demo.test", E_AGAIN) == 1);
	CHECK(acct_settled(service, clock_in(100)) == E_TIMEOUT);
	CHECK(access(path, F_OK) != 0); /* none is made in its place */
	acct_close(service);
	CHECK_OK(acct_open(&o, &service)); /* not even by the next process */
	CHECK(acct_settled(service, clock_in(100)) == E_TIMEOUT);
	CHECK(access(path, F_OK) != 0);
	CHECK(rename(other, path) == 0);
	CHECK_OK(acct_settled(service, clock_in(20000)));
	CHECK(open_of("ana@demo.test", OK) == 2);
	acct_close(service);
	return OK;
}

TEST(database_away)
{
	begin();
	CHECK_OK(loop_main(use_away, NULL));
	end();
}

WAITS static err use_full(void *arg)
{
	struct acct_event e = event(ACCT_START, STR("x"), 0, 0, 0);
	struct acct_options o = options();

	(void)arg;
	o.reserve = UINT64_MAX / 2;
	CHECK_OK(acct_open(&o, &service));
	CHECK(acct_append(service, &e) == E_FULL);
	o.reserve = 0;
	acct_set(service, &o);
	CHECK_OK(acct_append(service, &e));
	acct_close(service);
	return OK;
}

TEST(disk_full)
{
	begin();
	CHECK_OK(loop_main(use_full, NULL));
	end();
}

/* Two servers, one file: the same session told to both. */
WAITS static err use_two(void *arg)
{
	struct acct *two;
	struct acct_options o = options(), p = options();
	char dir2[80];
	struct acct_event e = event(ACCT_START, STR("x"), 0, 0, 0);

	(void)arg;
	(void)snprintf(dir2, sizeof(dir2), "%s/second", dir);
	p.dir = dir2;
	CHECK_OK(acct_open(&o, &service));
	CHECK_OK(acct_settled(service, clock_in(5000)));
	CHECK_OK(acct_append(service, &e));
	CHECK_OK(acct_open(&p, &two));
	e = event(ACCT_STOP, STR("x"), 600, 10, 20);
	CHECK_OK(acct_append(service, &e));
	e.delay = 5; /* the answer was lost: it asks the second server */
	e.arrived += 5;
	CHECK_OK(acct_append(two, &e));
	CHECK_OK(acct_settled(service, clock_in(20000)));
	CHECK_OK(acct_settled(two, clock_in(20000)));
	acct_close(two);
	acct_close(service);
	return OK;
}

TEST(two_servers)
{
	begin();
	CHECK_OK(loop_main(use_two, NULL));
	CHECK_OK(book_open(path, false, &book));
	CHECK(ask("SELECT count(*) FROM live") == 1);
	CHECK(ask("SELECT sum(incoming) FROM live WHERE stop>0") == 10);
	CHECK(ask("SELECT count(*) FROM source") == 2);
	book_close(&book);
	end();
}

/* ---- what the commands read ---- */

static struct buf said;

static err say_sum(void *arg, const struct acct_sum *s)
{
	(void)arg;
	buf_fmt(&said, "%.*s %d %d %d %d;", STRF(s->name), (int)s->sessions, (int)s->seconds,
		(int)s->in, (int)s->out);
	return OK;
}

static err say_session(void *arg, const struct acct_session *s)
{
	(void)arg;
	buf_fmt(&said, "%.*s %.*s %d;", STRF(s->session), STRF(s->user), (int)s->seconds);
	return OK;
}

/* Three days of two months: the first two rolled up, the third not yet, and an open session. */
static void fill_usage(void)
{
	for (uint32_t i = 0; i < 8; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "s%u", i);
		struct acct_event e =
			event(i == 7 ? ACCT_START : ACCT_STOP, str_z(name), 600, 10, 20);

		e.arrived += (int64_t)(i / 2) * 2 * DAY;
		e.login = i % 2 ? STR("ana@demo.test") : STR("bruno@demo.test");
		e.nas = i % 4 ? STR("nas1") : STR("nas2");
		e.cause = i % 2 + 1;
		CHECK_OK(book_apply(&book, &e, NULL, 0));
	}
	CHECK_OK(book_commit(&book));
	roll_all(T0 / DAY + 3);
	CHECK(ask("SELECT count(*) FROM session") == 4);
	CHECK_OK(book_begin(&book));
}

TEST(usage_and_sessions)
{
	static const struct {
		enum acct_by by;
		const char *user;
		int64_t month;
		const char *want;
	} sums[] = {
		{ ACCT_BY_ALL, "", 0, "all 7 4200 70 140;" },
		{ ACCT_BY_ALL, "Ana@demo.test", 0, "all 3 1800 30 60;" },
		{ ACCT_BY_ALL, "nobody", 0, "" },
		{ ACCT_BY_USER, "", 0, "bruno@demo.test 4 2400 40 80;ana@demo.test 3 1800 30 60;" },
		{ ACCT_BY_MONTH, "", 0, "2026-12 3 1800 30 60;2026-11 4 2400 40 80;" },
		{ ACCT_BY_MONTH, "ana@demo.test", 0, "2026-12 1 600 10 20;2026-11 2 1200 20 40;" },
		{ ACCT_BY_NAS, "", 202611, "nas1 3 1800 30 60;nas2 1 600 10 20;" },
		{ ACCT_BY_CAUSE, "", 0, "User-Request 4 2400 40 80;Lost-Carrier 3 1800 30 60;" },
		{ ACCT_BY_CAUSE, "ana@demo.test", 202612, "Lost-Carrier 1 600 10 20;" },
		{ ACCT_BY_DAY, "", 202612, "2026-12-04 1 600 10 20;2026-12-02 2 1200 20 40;" },
		{ ACCT_BY_DAY, "ana@demo.test", 202611,
		  "2026-11-30 1 600 10 20;2026-11-28 1 600 10 20;" },
		{ ACCT_BY_CALLED, "", 0, "5550100 7 4200 70 140;" },
		{ ACCT_BY_TELCO, "", 0, " 7 4200 70 140;" },
	};
	static const struct {
		const char *user, *nas;
		bool open;
		int64_t since, until;
		size_t max;
		const char *want;
	} lists[] = {
		{ "", "", true, 0, 0, 9, "s7 ana@demo.test 0;" },
		{ "ANA@demo.test", "", false, 0, 0, 9,
		  "s7 ana@demo.test 0;s5 ana@demo.test 600;s3 ana@demo.test 600;"
		  "s1 ana@demo.test 600;" },
		{ "", "nas2", false, 0, 0, 9, "s4 bruno@demo.test 600;s0 bruno@demo.test 600;" },
		{ "ana@demo.test", "", false, 0, 0, 2, "s7 ana@demo.test 0;s5 ana@demo.test 600;" },
		{ "ana@demo.test", "", false, T0 + DAY, T0 + 3 * DAY, 9, "s3 ana@demo.test 600;" },
		{ "nobody", "", false, 0, 0, 9, "" },
	};

	begin_book();
	fill_usage();
	CHECK_OK(book_commit(&book));
	buf_init(&said, KIB(4));
	for (size_t i = 0; i < COUNT(sums); i++) {
		const struct acct_ask a = { .by = sums[i].by,
					    .user = str_z(sums[i].user),
					    .month = sums[i].month,
					    .max = 10 };

		buf_reset(&said);
		CHECK_OK(acct_usage(path, &a, say_sum, NULL));
		CHECK_STR_ROW(i, buf_str(&said), str_z(sums[i].want));
	}
	for (size_t i = 0; i < COUNT(lists); i++) {
		const struct acct_find f = { .user = str_z(lists[i].user),
					     .nas = str_z(lists[i].nas),
					     .open = lists[i].open,
					     .since = lists[i].since,
					     .until = lists[i].until,
					     .max = lists[i].max };

		buf_reset(&said);
		CHECK_OK(acct_list(path, &f, T0 + 7 * DAY, say_session, NULL));
		CHECK_STR_ROW(i, buf_str(&said), str_z(lists[i].want));
	}
	buf_free(&said);
	CHECK_OK(book_begin(&book));
	end_book();
}
