#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "clients/filter/filter_client.h"
#include "run/stream.h"

/* A filter on a unix socket that answers each connection as its script says. */
struct fake {
	char path[64];
	struct net_addr addr;
	int fd;
	const char *answer; /* NULL: closes without a word; "": says nothing at all */
	bool keep;
	unsigned connections, questions;
	struct buf heard; /* the last question */
	struct fiber *fiber;
};

WAITS static err read_question(struct fake *k, struct stream *io)
{
	str line;
	uint64_t length = 0;
	char c;

	TRY(stream_fill(io));
	buf_reset(&k->heard);
	do {
		TRY(stream_line(io, KIB(4), LINE_CRLF, &line));
		buf_add(&k->heard, line);
		buf_addc(&k->heard, '\n');
		if (str_starts(line, STR("Content-Length: ")))
			(void)!str_u64(str_skip(line, 16), 1000, &length);
	} while (line.n);
	while (length--) {
		TRY(stream_read_full(io, &c, 1));
		buf_addc(&k->heard, c);
	}
	k->questions++;
	return OK;
}

WAITS static err serve(void *arg)
{
	struct fake *k = arg;

	for (;;) {
		struct net_addr peer;
		int fd;

		TRY(net_accept(k->fd, &fd, &peer));
		struct stream *io = stream_open(fd, &peer);

		k->connections++;
		while (k->answer && read_question(k, io) == OK) {
			if (!*k->answer && fiber_sleep(clock_in(60000)) != OK)
				break;
			if (stream_write(io, str_z(k->answer)) != OK || stream_flush(io) != OK ||
			    !k->keep)
				break;
		}
		stream_close(io);
	}
}

static void fake_start(struct fake *k, int number)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, sizeof(k->path));
	buf_fmt(&b, "/tmp/posta-filter-%d-%d%c", (int)getpid(), number, 0);
	CHECK_OK(net_parse(str_of(b.p, b.n - 1), &k->addr));
	CHECK_OK(str_to_z(str_of(b.p, b.n - 1), k->path, sizeof(k->path)));
	CHECK_OK(net_listen(&k->addr, 0600, &k->fd));
	buf_init(&k->heard, KIB(64));
	k->fiber = fiber_start("fake", serve, k);
}

WAITS static void fake_stop(struct fake *k)
{
	fiber_cancel(k->fiber);
	(void)!fiber_join(k->fiber);
	fiber_fd_forget(k->fd);
	(void)close(k->fd);
	(void)unlink(k->path);
	buf_free(&k->heard);
}

WAITS static err check(struct filters *f, msec patience, struct filter_answer *out, struct arena *a)
{
	struct spool *m = spool_new("/tmp", LIM_MESSAGE);
	static const str rcpts[] = { S("ana@demo.test"), S("bad\r\nIP: 1.2.3.4") };
	const struct filter_question q = { .message = m,
					   .ip = STR("192.0.2.1"),
					   .from = STR("x@y.example"),
					   .rcpts = rcpts,
					   .nrcpts = 2 };

	CHECK_OK(spool_add(m, STR("Subject: x\r\n\r\nhi\r\n")));
	err e = filter_check(f, &q, clock_in(patience), a, out);

	spool_drop(m);
	return e;
}

#define SCORE  "{\"score\":3.5,\"required_score\":15,\"action\":\"no action\",\"symbols\":{}}"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 67\r\n\r\n" SCORE
#define CHUNKS "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n43\r\n" SCORE "\r\n0\r\n\r\n"

WAITS static err keeps(void *arg)
{
	struct fake k = { .answer = ANSWER, .keep = true };
	CLEANUP(arena_free) struct arena a;
	struct filter_answer got;
	struct filters *f;

	(void)arg;
	arena_init(&a, MIB(1));
	fake_start(&k, 0);
	CHECK_OK(filters_open(&k.addr, 1, 5000, &f));
	for (int i = 0; i < 3; i++)
		CHECK_OK(check(f, 5000, &got, &a));
	CHECK(got.score == 3.5 && got.required == 15);
	CHECK(k.connections == 1 && k.questions == 3);
	CHECK(str_ends(buf_str(&k.heard), STR("\nSubject: x\r\n\r\nhi\r\n")));
	CHECK(str_search(buf_str(&k.heard), STR("\nFrom: <x@y.example>\nRcpt: ana@demo.test\nIP: "
						"192.0.2.1\n")) < k.heard.n);
	k.answer = CHUNKS;
	CHECK_OK(check(f, 5000, &got, &a));
	/* closed behind the answer: the next question takes a new connection */
	k.keep = false;
	CHECK_OK(check(f, 5000, &got, &a));
	CHECK_OK(check(f, 5000, &got, &a));
	CHECK(k.connections == 2);
	filters_close(f);
	fake_stop(&k);
	return OK;
}

TEST(filter_keeps_connections)
{
	CHECK_OK(loop_main(keeps, NULL));
}

WAITS static err fails_over(void *arg)
{
	static const char *const answers[] = {
		NULL,
		"",
		"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"nonsense\r\n\r\n",
	};

	(void)arg;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct fake bad = { .answer = answers[i] }, good = { .answer = ANSWER };
		struct filters *f;

		fake_start(&bad, 1);
		fake_start(&good, 2);
		const struct net_addr both[] = { bad.addr, good.addr };

		CHECK_OK(filters_open(both, 2, 5000, &f));
		for (int k = 0; k < 4; k++) {
			CLEANUP(arena_free) struct arena a;
			struct filter_answer got;

			arena_init(&a, MIB(1));
			CHECK_ROW(i, check(f, 1000, &got, &a) == OK);
			CHECK_ROW(i, got.score == 3.5);
		}
		/* one that hangs is left alone */
		CHECK_ROW(i, !answers[i] || *answers[i] || bad.questions == 1);
		CHECK_ROW(i, good.questions == 4);
		filters_close(f);
		fake_stop(&bad);
		fake_stop(&good);
	}
	return OK;
}

TEST(filter_fails_over)
{
	CHECK_OK(loop_main(fails_over, NULL));
}

WAITS static err nobody(void *arg)
{
	CLEANUP(arena_free) struct arena a;
	struct filter_answer got;
	struct net_addr addr;
	struct filters *f;

	(void)arg;
	arena_init(&a, MIB(1));
	CHECK_OK(net_parse(STR("/tmp/posta-no-filter-is-here"), &addr));
	CHECK_OK(filters_open(&addr, 1, 5000, &f));
	msec began = clock_now();

	CHECK(check(f, 20000, &got, &a) == E_AGAIN);
	CHECK(clock_now() - began < 5000);
	filters_close(f);
	return OK;
}

TEST(filter_nobody)
{
	CHECK_OK(loop_main(nobody, NULL));
}
