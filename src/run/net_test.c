#include "base/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/fiber.h"
#include "run/net.h"
#include "run/stream.h"

TEST(net_parse)
{
	static const struct {
		str in, out, ip; /* out "": an error */
		bool loopback;
		unsigned port;
	} rows[] = {
		{ S("127.0.0.1:25"), S("127.0.0.1:25"), S("127.0.0.1"), true, 25 },
		{ S("0.0.0.0:0"), S("0.0.0.0:0"), S("0.0.0.0"), true, 0 },
		{ S("[::]:25"), S("[::]:25"), S("::"), true, 25 },
		{ S("[::ffff:0.0.0.0]:25"), S("0.0.0.0:25"), S("0.0.0.0"), true, 25 },
		{ S("192.0.2.1:65535"), S("192.0.2.1:65535"), S("192.0.2.1"), false, 65535 },
		{ S("[::1]:25"), S("[::1]:25"), S("::1"), true, 25 },
		{ S("[2001:DB8:0::1]:993"), S("[2001:db8::1]:993"), S("2001:db8::1"), false, 993 },
		{ S("[::ffff:127.0.0.1]:25"), S("127.0.0.1:25"), S("127.0.0.1"), true, 25 },
		{ S("unix:/run/x.sock"), S("unix:/run/x.sock"), S("unix"), false, 0 },
		{ S("/run/x.sock"), S("unix:/run/x.sock"), S("unix"), false, 0 },
		{ S(""), S("") },
		{ S("unix:"), S("") },
		{ S("127.0.0.1"), S("") },
		{ S("127.0.0.1:"), S("") },
		{ S("127.0.0.1:65536"), S("") },
		{ S("127.0.0.1:-1"), S("") },
		{ S("127.0.0.1:2x"), S("") },
		{ S("127.0.0:25"), S("") },
		{ S("localhost:25"), S("") },
		{ S("::1:25"), S("") },
		{ S("[::1]"), S("") },
		{ S("[::1:25"), S("") },
		{ S("[127.0.0.1]:25"), S("") },
		{ S("[]:25"), S("") },
		{ S("127.0.0.1\0x:25"), S("") },
		{ S("/run/0123456789012345678901234567890123456789012345678901234567890123456789"
		    "0123456789012345678901234567890123456789"),
		  S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_addr a;
		struct buf out;
		err e = net_parse(rows[i].in, &a);

		CHECK_ROW(i, e == (rows[i].out.n ? OK : E_SYNTAX));
		if (e != OK)
			continue;
		buf_init(&out, 200);
		net_print(&a, &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].out);
		buf_reset(&out);
		net_print_ip(&a, &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].ip);
		CHECK_ROW(i, net_is_loopback(&a) == rows[i].loopback);
		CHECK_ROW(i, net_port(&a) == rows[i].port);
		CHECK_ROW(i, net_is_unix(&a) == str_eq(rows[i].ip, STR("unix")));
		buf_free(&out);
	}
}

TEST(net_block)
{
	static const struct {
		str block, addr;
		err e;
		bool has;
	} rows[] = {
		{ S("10.0.0.0/8"), S("10.255.0.1:1"), OK, true },
		{ S("10.0.0.0/8"), S("11.0.0.1:1"), OK, false },
		{ S("10.1.2.3/8"), S("10.255.0.1:1"), OK,
		  true }, /* bits behind the mask do not count */
		{ S("192.0.2.1"), S("192.0.2.1:1"), OK, true },
		{ S("192.0.2.1"), S("192.0.2.2:1"), OK, false },
		{ S("192.0.2.128/25"), S("192.0.2.127:1"), OK, false },
		{ S("0.0.0.0/0"), S("192.0.2.1:1"), OK, true },
		{ S("0.0.0.0/0"), S("[2001:db8::1]:1"), OK, false },
		{ S("::/0"), S("192.0.2.1:1"), OK, false },
		{ S("2001:db8::/32"), S("[2001:db8:1::1]:1"), OK, true },
		{ S("2001:db8::/33"), S("[2001:db8:8000::1]:1"), OK, false },
		{ S("10.0.0.0/8"), S("[::ffff:10.0.0.1]:1"), OK, true },
		{ S("::1"), S("/run/x"), OK, false },
		{ S("10.0.0.0/33"), S("/x"), E_SYNTAX, false },
		{ S("10.0.0.0/"), S("/x"), E_SYNTAX, false },
		{ S("::/129"), S("/x"), E_SYNTAX, false },
		{ S("net"), S("/x"), E_SYNTAX, false },
		{ S(""), S("/x"), E_SYNTAX, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_block b;
		struct net_addr a;

		CHECK_OK(net_parse(rows[i].addr, &a));
		CHECK_ROW(i, net_block_parse(rows[i].block, &b) == rows[i].e);
		if (rows[i].e == OK)
			CHECK_ROW(i, net_block_has(&b, &a) == rows[i].has);
	}
}

TEST(net_prefix)
{
	static const struct {
		str a, b;
		bool same;
	} rows[] = {
		{ S("192.0.2.1:1"), S("192.0.2.200:2"), true },
		{ S("192.0.2.1:1"), S("192.0.3.1:1"), false },
		{ S("192.0.2.1:1"), S("[::ffff:192.0.2.9]:1"), true },
		{ S("[2001:db8::1]:1"), S("[2001:db8::2:0:0:1]:1"), true },
		{ S("[2001:db8::1]:1"), S("[2001:db8:0:1::1]:1"), false },
		{ S("/a"), S("/b"), true },
		{ S("/a"), S("0.0.0.0:0"), false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net_addr a, b;
		char x[17], y[17];

		CHECK_OK(net_parse(rows[i].a, &a));
		CHECK_OK(net_parse(rows[i].b, &b));
		CHECK_ROW(i, str_eq(net_prefix(&a, 24, 64, x), net_prefix(&b, 24, 64, y)) ==
				     rows[i].same);
	}
}

/* ---- sockets ---- */

WAITS static err serve_one(void *arg)
{
	int fd;
	struct net_addr peer;

	TRY(net_accept(*(int *)arg, &fd, &peer));
	struct stream *s = stream_open(fd, &peer);
	struct net_cred who;

	CHECK(net_peer_cred(fd, &who) == (net_is_unix(&peer) ? OK : E_DENIED));
	CHECK(!net_is_unix(&peer) || (who.uid == getuid() && who.pid == getpid()));
	CHECK(net_is_unix(stream_peer(s)) || net_is_loopback(stream_peer(s)));
	TRY(stream_write(s, STR("hello")));
	TRY(stream_flush(s));
	stream_close(s);
	return OK;
}

WAITS static err meet(void *arg)
{
	struct net_addr at = { 0 };
	int listening, fd;
	char text[5];

	TRY(net_parse(str_z(arg), &at));
	TRY(net_listen(&at, 0600, &listening));
	if (!net_is_unix(&at)) {
		at.n = sizeof(at.ss);
		CHECK(!getsockname(listening, (struct sockaddr *)(void *)&at.ss, &at.n));
	}
	struct fiber *f = fiber_start("server", serve_one, &listening);

	TRY(net_connect(&at, NULL, clock_in(30000), &fd));
	struct stream *s = stream_open(fd, &at);

	stream_deadline(s, clock_in(30000));
	TRY(stream_read_full(s, text, 5));
	CHECK_STR(str_of(text, 5), STR("hello"));
	CHECK(stream_fill(s) == E_EOF);
	stream_close(s);
	TRY(fiber_join(f));
	fiber_fd_forget(listening);
	(void)close(listening);
	CHECK(net_connect(&at, NULL, clock_in(30000), &fd) == E_IO); /* refused */
	return OK;
}

TEST(net_sockets)
{
	static char tcp[] = "127.0.0.1:0", un[64];
	struct stat st;

	(void)snprintf(un, sizeof(un), "/tmp/net_test.%d", (int)getpid());
	CHECK_OK(loop_main(meet, tcp));
	CHECK_OK(loop_main(meet, un));
	CHECK_OK(loop_main(meet, un)); /* the old socket file is replaced */
	CHECK(!stat(un, &st) && (st.st_mode & 0777) == 0600);
	(void)unlink(un);
}

TEST(net_listen_keeps_files)
{
	static char path[64];
	struct net_addr at;
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/net_test.file.%d", (int)getpid());
	FILE *file = fopen(path, "w");

	CHECK(file && !fclose(file));
	CHECK_OK(net_parse(str_z(path), &at));
	CHECK(net_listen(&at, 0600, &fd) == E_IO);
	CHECK(!unlink(path));
}
