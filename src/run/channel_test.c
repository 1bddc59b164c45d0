#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "run/channel.h"
#include "run/role_setup.h"

TEST(channel_carries_descriptors)
{
	static struct channel_msg m;
	struct buf got;
	int ends[2], fd;

	CHECK_OK(channel_pair(ends));
	CHECK(channel_recv(ends[1], &m) == E_AGAIN);
	CHECK_OK(channel_memfd("t", STR("hello"), &fd));
	CHECK_OK(channel_send(ends[0], CHANNEL_CONFIG, STR("body"), &fd, 1));
	(void)close(fd);
	CHECK_OK(channel_recv(ends[1], &m));
	CHECK(m.type == CHANNEL_CONFIG && m.nfds == 1);
	CHECK_STR(m.body, STR("body"));
	buf_init(&got, 64);
	CHECK_OK(channel_read_memfd(m.fds[0], 64, &got));
	CHECK_STR(buf_str(&got), STR("hello"));
	CHECK(channel_read_memfd(m.fds[0], 4, &got) == E_LIMIT);
	CHECK(write(m.fds[0], "x", 1) < 0); /* sealed */
	channel_close_fds(&m);
	(void)close(ends[0]);
	CHECK(channel_recv(ends[1], &m) == E_EOF);
	CHECK(channel_send(ends[1], CHANNEL_READY, STR(""), NULL, 0) == E_EOF);
	(void)close(ends[1]);
	buf_free(&got);
}

TEST(channel_is_bounded)
{
	static struct channel_msg m;
	static char large[LIM_CHANNEL + 100];
	int ends[2];

	CHECK_OK(channel_pair(ends));
	CHECK(channel_send(ends[0], CHANNEL_FAILED, str_of(large, LIM_CHANNEL), NULL, 0) ==
	      E_LIMIT);
	CHECK_OK(channel_send(ends[0], CHANNEL_FAILED, str_of(large, LIM_CHANNEL - 1), NULL, 0));
	CHECK_OK(channel_recv(ends[1], &m));
	/* What another program would send. */
	CHECK(send(ends[0], large, sizeof(large), 0) == sizeof(large));
	CHECK(channel_recv(ends[1], &m) == E_CORRUPT);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

TEST(setup_round_trip)
{
	struct setup_config in = { .role = STR("mx"),
				   .node = STR("demo"),
				   .data = STR("/d"),
				   .run = STR("/r"),
				   .drop = true,
				   .uid = 7,
				   .gid = 8,
				   .groups = { 9, 10 },
				   .ngroups = 2,
				   .peers = { { STR(""), 0 }, { STR("store"), 11 } },
				   .npeers = 2,
				   .loops = 3,
				   .max_connections = 4 };
	struct setup_config out;
	struct arena a;
	struct buf b;

	arena_init(&a, KIB(64));
	buf_init(&b, KIB(8));
	setup_write(&in, &b);
	CHECK_OK(setup_read(buf_str(&b), &a, &out));
	CHECK_STR(out.role, STR("mx"));
	CHECK(out.data.p[out.data.n] == '\0');
	CHECK(out.drop && out.uid == 7 && out.gid == 8 && out.ngroups == 2 && out.groups[1] == 10);
	CHECK(out.npeers == 2 && out.peers[1].uid == 11 && out.loops == 3 &&
	      out.max_connections == 4);
	CHECK_STR(out.peers[1].role, STR("store"));
	/* Cut anywhere, or with more behind: refused, never read beyond. */
	for (size_t n = 0; n < b.n; n++)
		CHECK_ROW(n, setup_read(str_take(buf_str(&b), n), &a, &out) != OK);
	buf_addc(&b, 'x');
	CHECK(setup_read(buf_str(&b), &a, &out) == E_CORRUPT);
	buf_free(&b);
	arena_free(&a);
}
