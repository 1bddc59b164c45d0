/* bench/run accounting_year [--scale S] [--days N] [--keep] [DIR]: the article's year of dial-up,
 * 500,000 users, 225 million sessions, 4.5 billion minutes, by default a hundredth of it (users and
 * sessions alike): every session's Stop is folded, every day is rolled up, as the role does. Then
 * the octets on disk and what `posta radius usage` takes. DIR lies on the disk to be measured; the
 * whole year (--scale 1) needs 20 GB there. */
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "services/accounting/book.h"
#include "services/accounting/usage.h"

#define USERS	 500000.0
#define SESSIONS 225000000.0
#define T0	 INT64_C(1767225600) /* 2026-01-01 */

enum { YEAR = 365, NASES = 200, CALLED = 60, TELCOS = 6, BATCH = 20000 };

static struct year {
	double scale;
	unsigned days;
	bool keep;
	uint64_t users, sessions, minutes, random;
	double folding, rolling, longest;
	struct book book;
	struct acct_telco telcos[TELCOS];
	char telco_text[TELCOS][2][16];
} y = { .scale = 0.01, .days = YEAR, .random = 1 };

static void must(err e)
{
	if (e == OK)
		return;
	(void)fprintf(stderr, "bench: %s\n", err_last()->text);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The same year each time: splitmix64. */
static uint64_t draw(uint64_t below)
{
	uint64_t z = y.random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % below;
}

PRINTF(3, 4) static str put(char *out, size_t cap, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(out, cap, fmt, ap);

	va_end(ap);
	return str_of(out, (size_t)n);
}

static uint32_t cause(void)
{
	uint64_t at = draw(100);

	return at < 70 ? 1 : at < 85 ? 2 : at < 93 ? 4 : at < 98 ? 5 : 10;
}

/* A user dials one number of the home town, which four access servers answer. */
static void session(int64_t day_start, uint64_t second)
{
	char nas[24], id[24], login[40], called[24], calling[24];
	uint64_t user = draw(y.users), town = user % (NASES / 4);
	uint32_t seconds = (uint32_t)(1 + draw(400) + draw(2000)); /* 20 minutes on average */
	struct acct_event e = { .kind = ACCT_STOP,
				.arrived = day_start + (int64_t)second,
				.seconds = seconds,
				.in = seconds * (100 + draw(400)),
				.out = seconds * (500 + draw(4000)),
				.ip = 0x0a000000 + (uint32_t)draw(1 << 16),
				.port = (uint32_t)draw(240),
				.cause = cause(),
				.gigawords = true };

	e.nas = put(nas, sizeof(nas), "pop%03" PRIu64 ".provider", town * 4 + draw(4));
	e.session = put(id, sizeof(id), "%08" PRIX64, y.sessions & UINT32_MAX);
	e.login = put(login, sizeof(login), "user%06" PRIu64 "@provider.example", user);
	e.called = put(called, sizeof(called), "0610777%04" PRIu64, town % CALLED);
	e.calling = put(calling, sizeof(calling), "11%08" PRIu64, user * 97);
	must(book_apply(&y.book, &e, y.telcos, TELCOS));
	y.sessions++;
	y.minutes += seconds / 60;
}

static void fold_day(int64_t day)
{
	uint64_t n = (uint64_t)(SESSIONS * y.scale / YEAR);

	must(book_begin(&y.book));
	for (uint64_t i = 0; i < n; i++) {
		if (i % BATCH == BATCH - 1) {
			must(book_commit(&y.book));
			must(book_begin(&y.book));
		}
		session(day * DAY, i * DAY / n);
	}
	must(book_commit(&y.book));
}

static void roll(int64_t before)
{
	size_t moved = 1;

	while (moved) {
		double t = now();

		must(book_roll(&y.book, before, &moved));
		t = now() - t;
		y.longest = t > y.longest ? t : y.longest;
	}
}

static void live_through(void)
{
	for (unsigned i = 0; i < y.days; i++) {
		double t = now();

		fold_day(T0 / DAY + i);
		y.folding += now() - t;
		t = now();
		roll(T0 / DAY + i); /* the last day's stay */
		y.rolling += now() - t;
		if (isatty(2))
			(void)fprintf(stderr, "\rday %u", i + 1);
	}
	if (isatty(2))
		(void)fputs("\r          \r", stderr);
}

/* ---- questions ---- */

static err count_sum(void *arg, const struct acct_sum *s)
{
	(void)s;
	++*(unsigned *)arg;
	return OK;
}

static err count_session(void *arg, const struct acct_session *s)
{
	(void)s;
	++*(unsigned *)arg;
	return OK;
}

/* With a connection of its own, as the command has. */
static void ask(const char *path, const char *what, enum acct_by by, const char *user,
		int64_t month)
{
	const struct acct_ask a = { .by = by, .user = str_z(user), .month = month, .max = 100 };
	unsigned rows = 0;
	double t = now();

	must(acct_usage(path, &a, count_sum, &rows));
	printf("  %-44s %7.0f ms, %u rows\n", what, (now() - t) * 1000, rows);
}

static void ask_all(const char *path)
{
	const struct acct_find f = { .user = STR("user000042@provider.example"), .max = 100 };
	int64_t month = y.days > 200 ? 202607 : 202601;
	unsigned rows = 0;

	ask(path, "usage --user U", ACCT_BY_ALL, "user000007@provider.example", 0);
	ask(path, "usage --user U --by month", ACCT_BY_MONTH, "user000042@provider.example", 0);
	ask(path, "usage --user U --by cause", ACCT_BY_CAUSE, "user000042@provider.example", 0);
	ask(path, "usage --user U --by day --month M", ACCT_BY_DAY, "user000042@provider.example",
	    month);
	ask(path, "usage --month M", ACCT_BY_ALL, "", month);
	ask(path, "usage --by nas --month M", ACCT_BY_NAS, "", month);
	ask(path, "usage --by telco --month M", ACCT_BY_TELCO, "", month);
	ask(path, "usage --by called --month M", ACCT_BY_CALLED, "", month);
	ask(path, "usage --by user --month M (the first 100)", ACCT_BY_USER, "", month);
	ask(path, "usage --by month", ACCT_BY_MONTH, "", 0);
	double t = now();

	must(acct_list(path, &f, T0 + y.days * DAY, count_session, &rows));
	printf("  %-44s %7.0f ms, %u rows\n", "sessions --user U", (now() - t) * 1000, rows);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void name_telcos(void)
{
	for (unsigned i = 0; i < TELCOS; i++) {
		y.telcos[i].name = put(y.telco_text[i][0], 16, "telco%u", i);
		y.telcos[i].nas =
			i + 1 < TELCOS ? put(y.telco_text[i][1], 16, "pop0%u", i) : STR("");
		y.telcos[i].called = STR("");
	}
}

static void options(int argc, char **argv, const char **dir)
{
	for (int i = 1; i < argc; i++) {
		if (str_eq(str_z(argv[i]), STR("--scale")) && i + 1 < argc)
			y.scale = strtod(argv[++i], NULL);
		else if (str_eq(str_z(argv[i]), STR("--days")) && i + 1 < argc)
			y.days = (unsigned)strtoul(argv[++i], NULL, 10);
		else if (str_eq(str_z(argv[i]), STR("--keep")))
			y.keep = true;
		else
			*dir = argv[i];
	}
}

int main(int argc, char **argv)
{
	char folder[256], path[300];
	const char *dir = "/tmp";
	struct stat st;

	options(argc, argv, &dir);
	y.users = (uint64_t)(USERS * y.scale);
	y.users = y.users < 1000 ? 1000 : y.users;
	name_telcos();
	(void)snprintf(folder, sizeof(folder), "%s/posta-year-XXXXXX", dir);
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	(void)snprintf(path, sizeof(path), "%s/accounting.db", folder);
	must(book_open(path, true, &y.book));
	live_through();
	must(sql_exec(y.book.s, "PRAGMA wal_checkpoint(TRUNCATE)"));
	book_close(&y.book);
	double n = (double)y.sessions;

	if (stat(path, &st) != 0)
		return 1;
	printf("%u days, %" PRIu64 " users, %" PRIu64 " sessions, %" PRIu64 " minutes\n", y.days,
	       y.users, y.sessions, y.minutes);
	printf("folded: %.0f s, %.0f sessions/s; rolled up: %.0f s, %.0f sessions/s, a day in %.2f "
	       "s,"
	       " the longest lock %.2f s\n",
	       y.folding, n / y.folding, y.rolling, n / y.rolling, y.rolling / y.days, y.longest);
	printf("on disk: %.1f MB, %.1f octets a session\n", (double)st.st_size / 1e6,
	       (double)st.st_size / n);
	ask_all(path);
	if (y.keep)
		printf("kept: %s\n", path);
	return y.keep ? 0 : nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
