#include "services/queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "formats/smtp/smtp.h"
#include "services/queue/state.h"

enum { HOUR = 3600 * 1000, MIN = 60 * 1000, START = 1700000000 };

static const msec schedule[] = { 5 * MIN, 15 * MIN, HOUR };

/* What the pretended outside did and saw. */
struct call {
	int64_t at; /* seconds since START */
	char from[64], to[64], id[32];
	size_t n;
	unsigned notify;
	char message[8192];
};
static struct world {
	struct kv *kv;
	struct queue *q;
	struct queue_options o;
	struct call calls[3000];
	size_t ncalls;
	unsigned now, most; /* attempts at a time */
	msec takes;	    /* each */
	enum try_what what; /* of mail; DSNs are delivered */
	bool away;
	unsigned away_until_call;
	struct queue_limits limits;
} w;

static void remember(const struct queue_mail *m, struct spool *message, const struct queue_try *t,
		     size_t n)
{
	struct call *c = &w.calls[w.ncalls++];
	str view;

	CHECK(w.ncalls < COUNT(w.calls));
	c->at = clock_unix() - START;
	c->n = n;
	c->notify = t[0].rcpt->notify;
	(void)snprintf(c->from, sizeof(c->from), "%.*s", STRF(m->from));
	(void)snprintf(c->to, sizeof(c->to), "%.*s", STRF(t[0].rcpt->address));
	(void)snprintf(c->id, sizeof(c->id), "%.*s", STRF(m->id));
	CHECK_OK(spool_view(message, &view));
	(void)snprintf(c->message, sizeof(c->message), "%.*s", STRF(view));
}

WAITS static void attempt(void *arg, const struct queue_mail *m, struct spool *message,
			  struct queue_try *t, size_t n)
{
	(void)arg;
	remember(m, message, t, n);
	w.now++;
	if (w.now > w.most)
		w.most = w.now;
	if (w.takes && fiber_sleep(clock_in(w.takes)) != OK) {
		w.now--;
		return;
	}
	w.now--;
	for (size_t i = 0; i < n; i++) {
		bool away = w.away && w.ncalls < w.away_until_call;

		t[i].what = m->from.n ? (away ? TRY_LATER : w.what) : TRY_DELIVERED;
		t[i].away = away;
		if (str_starts(t[i].rcpt->address, STR("dead")))
			t[i].what = TRY_FAILED;
		(void)snprintf(t[i].text, sizeof(t[i].text), "%s", "550 5.1.1 so it is");
		(void)snprintf(t[i].status, sizeof(t[i].status), "%s",
			       t[i].what == TRY_FAILED ? "5.1.1" : "");
		(void)snprintf(t[i].server, sizeof(t[i].server), "%s", "mx.test");
	}
}

static str destination(void *arg, str address, struct arena *a)
{
	(void)arg;
	(void)a;
	return str_skip(address, str_find(address, '@') + 1);
}

static struct queue_limits limits(void *arg, str d)
{
	(void)arg;
	(void)d;
	return w.limits;
}

static void world_new(void)
{
	memset(&w, 0, sizeof(w));
	clock_fake(1000, START);
	CHECK_OK(kv_open_memory(&w.kv));
	w.o = (struct queue_options){ .kv = w.kv,
				      .spool_dir = "/tmp",
				      .name = STR("relay"),
				      .hostname = STR("mail.test"),
				      .attempt = attempt,
				      .destination = destination,
				      .limits = limits,
				      .schedule = schedule,
				      .nschedule = COUNT(schedule),
				      .lifetime = 5 * HOUR,
				      .warn = 2 * HOUR,
				      .parallel = 20,
				      .per_destination = 5 };
}

static void world_free(void)
{
	kv_close(w.kv);
	clock_fake(-1, -1);
}

WAITS static void add(str from, const char *const *to, size_t n, str body)
{
	struct queue_rcpt r[20];
	struct queue_mail m = { .id = STR("A1"), .from = from, .rcpts = r, .nrcpts = n };
	struct spool *s = spool_new("/tmp", MIB(1));

	for (size_t i = 0; i < n; i++)
		r[i] = (struct queue_rcpt){ .address = str_z(to[i]) };
	CHECK_OK(spool_add(s, body));
	CHECK_OK(queue_add(w.q, &m, s));
	spool_drop(s);
}

#define BODY STR("Subject: hello\r\n\r\nbody\r\n")
WAITS static void add1(const char *to)
{
	add(STR("ana@demo.test"), &to, 1, BODY);
}

static void run(err (*fn)(void *))
{
	world_new();
	CHECK_OK(loop_main(fn, NULL));
	world_free();
}

/* No row of the partition and no blob is left. */
static void check_empty(void)
{
	CLEANUP(arena_free) struct arena a;
	struct kv_row *rows;
	str *ids;
	size_t n;
	bool more;

	arena_init(&a, MIB(1));
	CHECK_OK(kv_range(w.kv, STR("queue"), STR(""), STR(""), false, 10, &a, &rows, &n, &more));
	CHECK(n == 0);
	CHECK_OK(kv_blobs(w.kv, STR(""), 10, &a, &ids, &n));
	CHECK(n == 0);
}

WAITS static err delivers(void *arg)
{
	static const char *const to[] = { "a@b.test", "c@d.test", "e@b.test" };

	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_PASSED;
	add(STR("ana@demo.test"), to, 3, BODY);
	TRY(fiber_sleep(clock_in(1000)));
	queue_close(w.q, clock_in(1000));
	CHECK(w.ncalls == 2); /* recipients of one destination go together */
	CHECK(w.calls[0].n + w.calls[1].n == 3);
	CHECK_STR(str_z(w.calls[0].message), BODY);
	check_empty();
	return OK;
}

TEST(queue_delivers_once_a_destination)
{
	run(delivers);
}

WAITS static err retries(void *arg)
{
	static const int64_t at[] = { 0, 300, 1200, 4800, 8400, 12000, 15600, 18000, 18000 };
	size_t k = 0;

	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_LATER;
	add1("a@b.test");
	TRY(fiber_sleep(clock_in(6 * HOUR)));
	queue_close(w.q, clock_in(1000));
	for (size_t i = 0; i < w.ncalls; i++) {
		const struct call *c = &w.calls[i];

		if (c->from[0]) { /* the schedule, and the last one when its life ends */
			CHECK_ROW(i, k < 8 && c->at >= at[k] && c->at <= at[k] + 1);
			k++;
		}
	}
	CHECK(k == 8);
	check_empty();
	/* a delayed report once after 2 hours, a failed one at the end */
	CHECK(w.ncalls == 10);
	CHECK(!w.calls[5].from[0] && w.calls[5].at >= 8400 && w.calls[5].at < 8410);
	CHECK_STR(str_z(w.calls[5].to), STR("ana@demo.test"));
	CHECK(strstr(w.calls[5].message, "Action: delayed\r\n") != NULL);
	CHECK(strstr(w.calls[5].message, "Will-Retry-Until:") != NULL);
	CHECK(strstr(w.calls[9].message, "Action: failed\r\nStatus: 4.4.7\r\n") != NULL);
	CHECK(strstr(w.calls[9].message, "\r\n\r\nSubject: hello\r\n\r\nbody\r\n") != NULL);
	return OK;
}

TEST(queue_keeps_its_schedule_and_reports)
{
	run(retries);
}

WAITS static err reports(void *arg)
{
	static const struct {
		unsigned notify;
		const char *from, *to;
		enum try_what what;
		const char *action; /* NULL: no report */
	} rows[] = {
		{ 0, "ana@demo.test", "dead@b.test", TRY_FAILED, "Action: failed" },
		{ SMTP_NOTIFY_NEVER, "ana@demo.test", "dead@b.test", TRY_FAILED, NULL },
		{ SMTP_NOTIFY_SUCCESS, "ana@demo.test", "dead@b.test", TRY_FAILED, NULL },
		{ SMTP_NOTIFY_SUCCESS, "ana@demo.test", "a@b.test", TRY_RELAYED,
		  "Action: relayed" },
		{ SMTP_NOTIFY_SUCCESS, "ana@demo.test", "a@b.test", TRY_DELIVERED,
		  "Action: delivered" },
		{ SMTP_NOTIFY_SUCCESS, "ana@demo.test", "a@b.test", TRY_PASSED, NULL },
		{ SMTP_NOTIFY_FAILURE, "ana@demo.test", "a@b.test", TRY_DELIVERED, NULL },
		{ 0, "", "dead@b.test", TRY_FAILED, NULL }, /* RFC 5321 6.1: never a report on <> */
	};

	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct queue_rcpt r = { .address = str_z(rows[i].to),
					.notify = rows[i].notify,
					.orcpt = STR("rfc822;x@y.test") };
		struct queue_mail m = { .id = STR("A1"),
					.from = str_z(rows[i].from),
					.rcpts = &r,
					.nrcpts = 1,
					.envid = STR("env-1"),
					.ret_hdrs = i % 2 };
		struct spool *s = spool_new("/tmp", MIB(1));

		w.ncalls = 0;
		w.what = rows[i].what;
		CHECK_OK(spool_add(s, BODY));
		CHECK_OK(queue_add(w.q, &m, s));
		spool_drop(s);
		CHECK_OK(fiber_sleep(clock_in(1000)));
		CHECK_ROW(i, w.ncalls == (rows[i].action ? 2 : 1));
		if (!rows[i].action)
			continue;
		CHECK_ROW(i, strstr(w.calls[1].message, rows[i].action) != NULL);
		CHECK_ROW(i, w.calls[1].notify == SMTP_NOTIFY_NEVER); /* RFC 3461 6.1 */
		CHECK_ROW(i, strstr(w.calls[1].message,
				    "Original-Recipient: rfc822; x@y.test\r\n") != NULL);
		CHECK_ROW(i, strstr(w.calls[1].message, "Original-Envelope-Id: env-1\r\n") != NULL);
	}
	queue_close(w.q, clock_in(1000));
	check_empty();
	return OK;
}

TEST(queue_reports_what_was_asked_for)
{
	run(reports);
}

WAITS static err limited(void *arg)
{
	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_PASSED;
	w.takes = 1000;
	for (int i = 0; i < 500; i++) /* more than fit in memory */
		add1("a@big.test");
	add1("a@small.test");
	TRY(fiber_sleep(clock_in(10 * MIN)));
	queue_close(w.q, clock_in(1000));
	CHECK(w.ncalls == 501);
	CHECK(w.most <= 6 && w.most >= 5);
	for (size_t i = 0; i < w.ncalls; i++) { /* the small one does not wait for the big one */
		if (strcmp(w.calls[i].to, "a@small.test") == 0)
			CHECK(w.calls[i].at < 5);
	}
	check_empty();
	return OK;
}

TEST(queue_limits_each_destination)
{
	run(limited);
}

WAITS static err per_minute(void *arg)
{
	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_PASSED;
	w.limits.per_minute = 10;
	for (int i = 0; i < 35; i++)
		add1("a@big.test");
	TRY(fiber_sleep(clock_in(10 * MIN)));
	queue_close(w.q, clock_in(1000));
	CHECK(w.ncalls == 35);
	for (size_t i = 0; i < w.ncalls; i++)
		CHECK_ROW(i, w.calls[i].at >= (int64_t)(i / 10) * 60 - 1);
	return OK;
}

TEST(queue_keeps_the_rate_of_a_destination)
{
	run(per_minute);
}

WAITS static err away(void *arg)
{
	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.away = true;
	w.away_until_call = 3;
	w.what = TRY_PASSED;
	add1("a@gone.test");
	TRY(fiber_sleep(clock_in(1000)));
	for (int i = 0; i < 49; i++)
		add1("a@gone.test");
	TRY(fiber_sleep(clock_in(MIN)));
	CHECK(w.ncalls == 1); /* the others share what the first one found */
	TRY(fiber_sleep(clock_in(HOUR)));
	CHECK(w.ncalls == 2 + 50); /* two found nobody, the third did, and then all went at once */
	for (size_t i = 3; i < w.ncalls; i++)
		CHECK_ROW(i, w.calls[i].at - w.calls[2].at < 10);
	queue_close(w.q, clock_in(1000));
	check_empty();
	return OK;
}

TEST(queue_backs_off_for_a_dead_destination)
{
	run(away);
}

WAITS static err many_expire(void *arg)
{
	size_t reports_seen = 0;

	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.away = true;
	w.away_until_call = UINT32_MAX;
	for (int i = 0; i < 150; i++)
		add1("a@gone.test");
	TRY(fiber_sleep(clock_in(7 * HOUR)));
	queue_close(w.q, clock_in(1000));
	for (size_t i = 0; i < w.ncalls; i++)
		reports_seen += strstr(w.calls[i].message, "Status: 4.4.7") != NULL;
	CHECK(reports_seen == 150);
	CHECK(w.ncalls - 300 < 60); /* attempts, the 150 delayed and 150 failed reports aside */
	check_empty();
	return OK;
}

TEST(queue_expires_what_a_dead_destination_holds)
{
	run(many_expire);
}

/* ---- control ---- */
WAITS static err ask(const char *method, const char *path, str has)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, MIB(1));
	TRY(queue_control(w.q, str_z(method), str_z(path), STR(""), &b));
	if (str_search(buf_str(&b), has) == b.n)
		return fail(E_NOTFOUND, "not in %.*s", STRF(buf_str(&b)));
	return OK;
}

WAITS static err controlled(void *arg)
{
	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_LATER;
	add1("a@b.test");
	add1("c@d.test");
	TRY(fiber_sleep(clock_in(1000)));
	CHECK_OK(ask(
		"GET", "/queue",
		STR("\"address\":\"a@b.test\",\"destination\":\"b.test\",\"state\":\"waiting\"")));
	CHECK_OK(ask("GET", "/queue?destination=d.test", STR("\"entries\":[{\"id\":\"A1-2\"")));
	CHECK_OK(ask("GET", "/queue?address=a%40b.test", STR("\"entries\":[{\"id\":\"A1\"")));
	CHECK_OK(ask("GET", "/queue?max=1", STR("\"after\":\"A1\"")));
	CHECK_OK(ask("GET", "/queue?after=A1", STR("\"entries\":[{\"id\":\"A1-2\"")));
	CHECK_OK(ask("GET", "/queue/A1", STR("\"text\":\"550 5.1.1 so it is\"")));
	CHECK_OK(ask("GET", "/queue/A1/message", STR("Subject: hello\\r\\n")));
	CHECK(ask("GET", "/queue/ZZ", STR("")) == E_NOTFOUND);
	CHECK(ask("PUT", "/queue/A1", STR("")) == E_NOTFOUND);

	w.what = TRY_PASSED;
	CHECK_OK(ask("POST", "/queue/A1/hold", STR("ok")));
	CHECK_OK(ask("GET", "/queue/A1", STR("\"state\":\"held\"")));
	TRY(fiber_sleep(clock_in(10 * MIN)));
	CHECK(w.ncalls == 3); /* the held one is not tried, the other went */
	CHECK_OK(ask("POST", "/queue/A1/retry", STR("ok")));
	TRY(fiber_sleep(clock_in(1000)));
	CHECK(w.ncalls == 3);
	CHECK_OK(ask("POST", "/queue/A1/release", STR("ok")));
	TRY(fiber_sleep(clock_in(1000)));
	CHECK(w.ncalls == 4);
	CHECK(ask("GET", "/queue/A1", STR("")) == E_NOTFOUND);

	w.what = TRY_LATER;
	add1("a@b.test");
	TRY(fiber_sleep(clock_in(1000)));
	CHECK_OK(ask("DELETE", "/queue/A1", STR("ok")));
	TRY(fiber_sleep(clock_in(HOUR)));
	CHECK(w.ncalls == 5);
	check_empty();
	add1("a@b.test");
	add1("c@d.test");
	TRY(fiber_sleep(clock_in(1000)));
	w.what = TRY_PASSED;
	CHECK_OK(ask("POST", "/queue/A1/retry", STR("ok")));
	TRY(fiber_sleep(clock_in(1000)));
	CHECK(w.ncalls == 8);
	CHECK_OK(ask("POST", "/queue/flush?destination=d.test", STR("ok")));
	TRY(fiber_sleep(clock_in(1000)));
	CHECK(w.ncalls == 9);
	w.takes = 5000;
	add1("a@b.test");
	TRY(fiber_sleep(clock_in(1000)));
	CHECK(ask("DELETE", "/queue/A1", STR("ok")) == E_AGAIN); /* under way */
	TRY(fiber_sleep(clock_in(5000)));
	queue_close(w.q, clock_in(1000));
	check_empty();
	return OK;
}

TEST(queue_control_changes_entries)
{
	run(controlled);
}

/* ---- restarts and damage ---- */
WAITS static err restarted(void *arg)
{
	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_PASSED;
	w.takes = HOUR;
	for (int i = 0; i < 300; i++)
		add1(i % 3 ? "a@b.test" : "c@d.test");
	TRY(fiber_sleep(clock_in(1000)));
	queue_close(w.q, clock_in(1000)); /* all under way are broken off and stay */
	w.takes = 0;
	size_t before = w.ncalls;
	TRY(queue_open(&w.o, &w.q));
	TRY(fiber_sleep(clock_in(10000)));
	CHECK(w.ncalls == before + 300);
	queue_close(w.q, clock_in(1000));
	check_empty();
	return OK;
}

TEST(queue_goes_on_after_a_restart)
{
	run(restarted);
}

static void spoil(str key)
{
	struct kv_batch *b = kv_batch_new();
	struct kv_part part = { .name = STR("queue") };

	kv_put(b, key, STR("\x01garbage"));
	CHECK_OK(kv_commit(w.kv, &part, b, 0));
	kv_batch_free(b);
}

WAITS static err damaged(void *arg)
{
	CLEANUP(arena_free) struct arena a;
	struct kv_row *rows;
	size_t n;
	bool more;

	(void)arg;
	arena_init(&a, MIB(1));
	TRY(queue_open(&w.o, &w.q));
	w.what = TRY_LATER;
	add1("a@b.test");
	add1("a@b.test");
	add1("a@b.test");
	TRY(fiber_sleep(clock_in(1000)));
	spoil(key_entry(&a, STR("A1")));
	spoil(key_lot(&a, STR("A1-2"), 0));
	w.what = TRY_PASSED;
	CHECK_OK(ask("GET", "/queue", STR("\"id\":\"A1\",\"error\"")));
	TRY(fiber_sleep(clock_in(HOUR)));
	CHECK(w.ncalls == 4); /* the third one goes on */
	CHECK_OK(kv_range(w.kv, STR("queue"), STR("x"), STR("y"), false, 10, &a, &rows, &n, &more));
	CHECK(n == 2);
	CHECK_OK(kv_range(w.kv, STR("queue"), STR("t"), STR("x"), false, 10, &a, &rows, &n, &more));
	CHECK(n == 0);
	CHECK_OK(ask("GET", "/queue", STR("\"id\":\"A1-2\",\"error\"")));
	CHECK(ask("POST", "/queue/A1/hold", STR("")) == E_CORRUPT);
	CHECK_OK(ask("DELETE", "/queue/A1", STR("ok")));
	CHECK_OK(ask("DELETE", "/queue/A1-2", STR("ok")));
	CHECK_OK(kv_range(w.kv, STR("queue"), STR(""), STR(""), false, 10, &a, &rows, &n, &more));
	CHECK(n == 0);
	queue_close(w.q, clock_in(1000));
	TRY(queue_open(&w.o, &w.q)); /* the sweep takes the messages */
	TRY(fiber_sleep(clock_in(1000)));
	queue_close(w.q, clock_in(1000));
	check_empty();
	return OK;
}

TEST(queue_sets_damaged_entries_aside)
{
	run(damaged);
}

WAITS static err swept(void *arg)
{
	CLEANUP(arena_free) struct arena a;
	str *ids;
	size_t n;

	(void)arg;
	arena_init(&a, MIB(1));
	CHECK_OK(kv_blob_put(w.kv, STR("q/0000000000000000000A/B7"),
			     STR("left by a crash before its commit")));
	TRY(queue_open(&w.o, &w.q));
	TRY(fiber_sleep(clock_in(1000)));
	CHECK_OK(kv_blobs(w.kv, STR(""), 10, &a, &ids, &n));
	CHECK(n == 0);
	queue_close(w.q, clock_in(1000));
	return OK;
}

TEST(queue_sweeps_what_a_crash_left)
{
	run(swept);
}

/* The sweep runs beside the work: it must leave a message whose commit is under way, even when the
 * clock was set back since the queue was opened. */
WAITS static err swept_meanwhile(void *arg)
{
	CLEANUP(arena_free) struct arena a;
	struct kv_batch *b = kv_batch_new();
	struct queue_rcpt r = { .address = STR("a@b.test") };
	struct queue_mail m = { .from = STR("ana@demo.test"), .rcpts = &r, .nrcpts = 1 };
	struct stored_mail s = { .mail = &m, .message = BODY, .arena = &a, .id = STR("A1") };
	uint64_t entries = 0;
	str got;

	(void)arg;
	arena_init(&a, MIB(1));
	TRY(queue_open(&w.o, &w.q));
	for (int64_t back = 0; back <= 3600; back += 3600) {
		clock_fake(1000, START - back);
		CHECK_OK(store_lots(w.q, &s));
		CHECK_OK(store_add_to(w.q, &s, b));
		CHECK_OK(store_sweep(w.q, &entries));
		CHECK_ROW(back, kv_blob_get(w.kv, s.blob, 0, MIB(1), &a, &got) == OK);
		CHECK_STR_ROW(back, got, BODY);
	}
	kv_batch_free(b);
	queue_close(w.q, clock_in(1000));
	return OK;
}

TEST(queue_sweep_leaves_what_is_being_added)
{
	run(swept_meanwhile);
}

/* ---- size and space ---- */
static size_t counted;

WAITS static void count_attempt(void *arg, const struct queue_mail *m, struct spool *message,
				struct queue_try *t, size_t n)
{
	(void)arg;
	(void)m;
	(void)message;
	counted += n;
	for (size_t i = 0; i < n; i++)
		t[i].what = TRY_PASSED;
}

/* More destinations than memory takes: all come to their turn, whether they come by a restart or
 * one by one. */
WAITS static err many_destinations(void *arg)
{
	enum { MANY = LIM_QUEUE_DESTINATIONS + 500, EACH = 250 };

	(void)arg;
	w.o.attempt = count_attempt;
	w.o.parallel = 1;
	TRY(queue_open(&w.o, &w.q));
	for (unsigned i = 0; i < MANY; i += EACH) {
		static char names[EACH][32];
		static const char *to[EACH];
		static struct queue_rcpt r[EACH];
		struct queue_mail m = {
			.id = STR(""), .from = STR("a@b.test"), .rcpts = r, .nrcpts = EACH
		};
		struct spool *s = spool_new("/tmp", MIB(1));

		for (unsigned k = 0; k < EACH; k++) {
			(void)snprintf(names[k], sizeof(names[k]), "a@d%u.test", i + k);
			to[k] = names[k];
			r[k] = (struct queue_rcpt){ .address = str_z(to[k]) };
		}
		CHECK_OK(spool_add(s, BODY));
		CHECK_OK(queue_add(w.q, &m, s));
		spool_drop(s);
	}
	queue_close(w.q, clock_in(1000));
	CHECK(counted < MANY);
	w.o.parallel = 50;
	TRY(queue_open(&w.o, &w.q));
	for (int i = 0; i < 600 && counted < MANY; i++)
		TRY(fiber_sleep(clock_in(1000)));
	CHECK(counted == MANY);
	TRY(fiber_sleep(clock_in(1000)));
	queue_close(w.q, clock_in(1000));
	check_empty();
	return OK;
}

TEST(queue_has_more_destinations_than_memory)
{
	counted = 0;
	run(many_destinations);
}

WAITS static err full_disk(void *arg)
{
	struct queue_rcpt r = { .address = STR("a@b.test") };
	struct queue_mail m = {
		.id = STR("A1"), .from = STR("a@b.test"), .rcpts = &r, .nrcpts = 1
	};
	struct spool *s = spool_new("/tmp", MIB(1));

	(void)arg;
	TRY(queue_open(&w.o, &w.q));
	CHECK_OK(spool_add(s, BODY));
	CHECK(queue_add(w.q, &m, s) == E_FULL);
	spool_drop(s);
	queue_close(w.q, clock_in(1000));
	check_empty(); /* not even the message */
	return OK;
}

TEST(queue_refuses_when_the_disk_is_full)
{
	char dir[] = "/tmp/posta-queue-full-XXXXXX", command[64];
	struct kv_options o = { .dir = dir, .reserve = UINT64_MAX / 2 };

	CHECK(mkdtemp(dir) != NULL);
	world_new();
	kv_close(w.kv);
	CHECK_OK(kv_open_rocksdb(&o, &w.kv));
	w.o.kv = w.kv;
	CHECK_OK(loop_main(full_disk, NULL));
	world_free();
	(void)snprintf(command, sizeof(command), "%s", dir);
	char *const argv[] = { (char[]){ "rm" }, (char[]){ "-r" }, command, NULL };
	pid_t rm = fork();

	if (rm == 0) {
		(void)execvp("rm", argv);
		_exit(1);
	}
	CHECK(waitpid(rm, NULL, 0) == rm);
}

TEST(queue_records)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct lot_rcpt r = { .r = { STR("a@b.test"), STR("rfc822;a@b.test"), 5, STR("d1") },
			      .status = STR("4.0.0") };
	struct lot l = { .id = STR("A1"),
			 .no = 7,
			 .destination = STR("b.test"),
			 .state = LOT_HELD,
			 .attempts = 3,
			 .warned = true,
			 .due = 1234567890123,
			 .rcpts = &r,
			 .nrcpts = 1 },
		   got;
	str id, dest;
	unsigned no;
	int64_t due;

	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	lot_print(&b, &l);
	CHECK_OK(lot_parse(buf_str(&b), STR("A1"), 7, &a, &got));
	CHECK(got.state == LOT_HELD && got.attempts == 3 && got.warned && got.due == l.due &&
	      got.nrcpts == 1);
	CHECK_STR(got.rcpts[0].r.delivery, STR("d1"));
	for (size_t i = 0; i < b.n; i++) /* every cut is seen */
		CHECK_ROW(i,
			  lot_parse(str_take(buf_str(&b), i), STR("A1"), 7, &a, &got) == E_CORRUPT);
	for (size_t i = 0; i < b.n; i++) { /* and every flipped bit */
		b.p[i] ^= 1;
		CHECK_ROW(i, lot_parse(buf_str(&b), STR("A1"), 7, &a, &got) == E_CORRUPT);
		b.p[i] ^= 1;
	}
	CHECK_OK(parse_ready_key(key_ready(&a, STR("b.test"), 99, STR("A1-2"), 513), &dest, &due,
				 &id, &no));
	CHECK_STR(dest, STR("b.test"));
	CHECK_STR(id, STR("A1-2"));
	CHECK(due == 99 && no == 513);
	CHECK_OK(parse_due_key(key_due(&a, 77, STR("A1"), 1), &due, &id, &no));
	CHECK(due == 77 && no == 1);
	CHECK(str_cmp(key_due(&a, 255, STR("Z"), 9), key_due(&a, 256, STR("A"), 0)) < 0);
	CHECK_STR(entry_trace(STR("A1-12")), STR("A1"));
}
