#include "base/test.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/spool.h"

/* The octet at an offset: no short period that a shifted copy could hide behind. */
static char octet(uint64_t at)
{
	return (char)(at * 2654435761u >> 13);
}

WAITS static err fill(struct spool *s, uint64_t n)
{
	char part[1000];

	for (uint64_t at = 0; at < n;) {
		size_t k = n - at < sizeof(part) ? (size_t)(n - at) : sizeof(part);

		for (size_t i = 0; i < k; i++)
			part[i] = octet(at + i);
		TRY(spool_add(s, str_of(part, k)));
		at += k;
	}
	return OK;
}

static bool right(str s, uint64_t from)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != octet(from + i))
			return false;
	}
	return true;
}

static err look(void *arg)
{
	struct spool *s = arg;
	str view;

	TRY(spool_view(s, &view));
	CHECK(view.n == spool_size(s));
	CHECK(right(view, 0));
	return OK;
}

WAITS static err round_trip(void *arg)
{
	static const uint64_t sizes[] = {
		0, 1, 999, LIM_MESSAGE_RAM, LIM_MESSAGE_RAM + 1, 3 * LIM_MESSAGE_RAM + 17
	};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct spool *s = spool_new("/tmp", LIM_MESSAGE);
		struct stream *io = stream_script(STR(""), 0);
		char part[777];
		size_t got = 1;

		TRY(fill(s, sizes[i]));
		CHECK_ROW(i, spool_size(s) == sizes[i]);
		for (uint64_t at = 0; got; at += got) {
			TRY(spool_read(s, at, part, sizeof(part), &got));
			CHECK_ROW(i, right(str_of(part, got), at));
			CHECK_ROW(i, got || at == sizes[i]);
		}
		uint64_t from = sizes[i] / 3;

		TRY(spool_send(s, from, io));
		TRY(stream_flush(io));
		CHECK_ROW(i, stream_written(io).n == sizes[i] - from);
		CHECK_ROW(i, right(stream_written(io), from));
		TRY(look(s));
		TRY(look(s));
		(void)spool_hold(s);
		spool_drop(s);
		TRY(spool_read(s, 0, part, sizeof(part), &got));
		spool_drop(s);
		stream_close(io);
	}
	return OK;
}

TEST(spool_sizes)
{
	CHECK_OK(loop_main(round_trip, NULL));
}

TEST(spool_limit)
{
	struct spool *s = spool_new("/tmp", 10);

	CHECK_OK(spool_add(s, STR("0123456789")));
	CHECK(spool_add(s, STR("x")) == E_LIMIT);
	CHECK(spool_add(s, STR("")) == E_LIMIT); /* it sticks */
	spool_drop(s);
	spool_drop(NULL);
}

TEST(spool_no_folder)
{
	struct spool *s = spool_new("/nowhere/at/all", LIM_MESSAGE);

	CHECK(fill(s, LIM_MESSAGE_RAM + 1) == E_IO);
	spool_drop(s);
}

/* /dev/full has no folder; a limit of the file size gives EFBIG, which ends the same way as ENOSPC.
 */
TEST(spool_disk_full)
{
	struct rlimit was, small = { KIB(64), KIB(64) };
	struct spool *s = spool_new("/tmp", LIM_MESSAGE);

	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK(!getrlimit(RLIMIT_FSIZE, &was));
	small.rlim_max = was.rlim_max;
	CHECK(!setrlimit(RLIMIT_FSIZE, &small));
	err e = fill(s, LIM_MESSAGE_RAM * 2);

	CHECK(!setrlimit(RLIMIT_FSIZE, &was));
	CHECK(e == E_FULL);
	CHECK(spool_add(s, STR("x")) == E_FULL);
	spool_drop(s);
}
