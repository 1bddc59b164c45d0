#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "run/clock.h"
#include "run/fiber.h"
#include "run/log.h"
#include "run/metrics.h"

METRIC(test_a, "posta_test_total", "kind=\"a\"", METRIC_COUNTER, "Things of the test.");
METRIC(test_b, "posta_test_total", "kind=\"b\"", METRIC_COUNTER, "Things of the test.");
METRIC(test_g, "posta_test_gauge", "", METRIC_GAUGE, "A gauge.");

static char text[LIM_LOG_LINE * 2];

/* What reached standard error since log_catch. */
static int saved, ends[2];
static void catch_begin(void)
{
	CHECK(!pipe2(ends, O_NONBLOCK));
	saved = dup(STDERR_FILENO);
	CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
	clock_fake(0, 1700000000);
}
static str catch_end(void)
{
	ssize_t n = read(ends[0], text, sizeof(text));

	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	(void)close(ends[0]);
	(void)close(ends[1]);
	clock_fake(-1, 0);
	return n > 0 ? str_of(text, (size_t)n) : STR("");
}

TEST(log_values)
{
	static const struct {
		str value, want;
	} rows[] = {
		{ S("plain-1.2@x"), S("plain-1.2@x") },
		{ S(""), S("\"\"") },
		{ S("two words"), S("\"two words\"") },
		{ S("a=b"), S("\"a=b\"") },
		{ S("q\"b\\s"), S("\"q\\\"b\\\\s\"") },
		{ S("x\n2026 forged"), S("\"x\\n2026 forged\"") },
		{ S("\r\t\0\x1b[31m"), S("\"\\r\\t\\x00\\x1b[31m\"") },
		{ S("ñandú"), S("\"ñandú\"") },
		{ S("\xff\xc3"), S("\"\\xff\\xc3\"") },
		{ S("\xc2\x9b"), S("\"\\xc2\\x9b\"") }, /* C1: terminals take it for CSI */
		{ S("a\xe2\x80\xae"
		    "b"),
		  S("\"a\\xe2\\x80\\xaeb\"") }, /* right-to-left override */
		{ S("\x7f"), S("\"\\x7f\"") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char want[200];

		catch_begin();
		LOG(LOG_INFO, "test", KS("v", rows[i].value));
		str got = catch_end();

		(void)snprintf(want, sizeof(want),
			       "2023-11-14T22:13:20.000Z info posta test v=%.*s\n",
			       STRF(rows[i].want));
		CHECK_STR_ROW(i, got, str_z(want));
	}
}

WAITS static err logs(void *arg)
{
	err e = fail(E_LIMIT, "too \"big\"");

	fiber_set_trace(STR("A1b2"));
	LOG(LOG_WARN, "ev", KI("n", -5), KE(e));
	LOG(LOG_INFO, "none");
	return OK;
}

TEST(log_line)
{
	catch_begin();
	CHECK_OK(loop_main(logs, NULL));
	str got = catch_end(), first, rest = got;

	CHECK(str_next(&rest, '\n', &first));
	CHECK(str_starts(first, STR("2023-11-14T22:13:20.000Z warn posta ev trace=A1b2 n=-5 "
				    "error=\"over a limit\" why=\"too \\\"big\\\"\" at=")));
	CHECK_STR(rest, STR("2023-11-14T22:13:20.000Z info posta none trace=A1b2\n"));
}

TEST(log_bounded)
{
	static char big[100000];
	str v = str_of(big, sizeof(big));

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i % 7 ? 'x' : '\n';
	catch_begin();
	LOG(LOG_INFO, "big", KS("a", v), KS("b", v), KS("c", v), KS("d", v), KS("e", v));
	str got = catch_end();

	CHECK(got.n <= LIM_LOG_LINE);
	CHECK(str_find(got, '\n') == got.n - 1);
}

TEST(log_level)
{
	catch_begin();
	log_setup("mx", LOG_WARN);
	LOG(LOG_INFO, "silent");
	LOG(LOG_ERROR, "loud");
	str got = catch_end();

	log_setup("posta", LOG_INFO);
	CHECK_STR(got, STR("2023-11-14T22:13:20.000Z error mx loud\n"));
}

TEST(metrics_text)
{
	struct buf out;

	metric_add(&test_a, 2);
	metric_add(&test_a, 1);
	metric_set(&test_g, -4);
	CHECK(test_b.value == 0);
	buf_init(&out, 100000);
	metrics_print(STR("m\"x"), &out);
	str s = buf_str(&out);

	CHECK(str_search(s, STR("# HELP posta_test_total Things of the test.\n"
				"# TYPE posta_test_total counter\n"
				"posta_test_total{role=\"m\\\"x\",kind=\"a\"} 3\n"
				"posta_test_total{role=\"m\\\"x\",kind=\"b\"} 0\n")) < s.n);
	CHECK(str_search(s, STR("# TYPE posta_test_gauge gauge\n"
				"posta_test_gauge{role=\"m\\\"x\"} -4\n")) < s.n);
	buf_free(&out);
}
