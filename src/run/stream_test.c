#include "base/test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "run/fiber.h"
#include "run/stream_state.h"

/* ---- lines ---- */

TEST(stream_line_rows)
{
	static const struct {
		str in;
		enum line_end how;
		size_t max;
		const char *want; /* lines joined by |, ! too long, $ end */
	} rows[] = {
		{ S("a\r\nbc\r\n"), LINE_CRLF, 100, "a|bc|$" },
		{ S("a\nb\r\n"), LINE_CRLF, 100, "a\nb|$" },
		{ S("a\nb\r\n\n"), LINE_LENIENT, 100, "a|b||$" },
		{ S("a\rb\r\r\nrest"), LINE_CRLF, 100, "a\rb\r|$rest" },
		{ S("12345\r\nabc\r\n"), LINE_CRLF, 6, "!abc|$" },
		{ S("1234\r\nabc\r\n"), LINE_CRLF, 6, "1234|abc|$" },
		{ S("123456789\r0123\n456\r\nabc\r\n"), LINE_CRLF, 6, "!abc|$" },
		{ S("123456789\nabc"), LINE_LENIENT, 6, "!$abc" },
		{ S("123456789"), LINE_CRLF, 6, "!$" },
		{ S(""), LINE_CRLF, 6, "$" },
	};

	for (size_t i = 0; i < COUNT(rows) * 3; i++) {
		size_t r = i / 3, piece = i % 3;
		struct stream *s = stream_script(rows[r].in, piece);
		struct buf got;
		err e = OK;

		buf_init(&got, 1000);
		while (e != E_EOF) {
			str line;

			e = stream_line(s, rows[r].max, rows[r].how, &line);
			buf_add(&got, e == E_LIMIT ? STR("!") : e == E_EOF ? STR("$") : line);
			buf_add(&got, e == OK ? STR("|") : e == E_EOF ? line : STR(""));
		}
		CHECK_STR_ROW(r, buf_str(&got), str_z(rows[r].want));
		buf_free(&got);
		stream_close(s);
	}
}

/* A line of 100 MB costs one buffer and one E_LIMIT. */
TEST(stream_line_endless)
{
	struct stream *s;
	struct buf big;
	str line;

	buf_init(&big, MIB(101));
	char *p = buf_room(&big, MIB(100));

	CHECK(p != NULL);
	for (size_t i = 0; i < MIB(100); i++)
		p[i] = 'x';
	big.n = MIB(100);
	buf_add(&big, STR("\r\nnext\r\n"));
	s = stream_script(buf_str(&big), 0);
	buf_free(&big);
	CHECK(stream_line(s, 1000, LINE_CRLF, &line) == E_LIMIT);
	CHECK_OK(stream_line(s, 1000, LINE_CRLF, &line));
	CHECK_STR(line, STR("next"));
	stream_close(s);
}

TEST(stream_reads)
{
	struct stream *s = stream_script(STR("abcdefghij"), 3);
	char p[8];
	size_t got;

	CHECK_OK(stream_fill(s));
	CHECK_STR(stream_peek(s), STR("abc"));
	stream_eat(s, 1);
	CHECK_OK(stream_read(s, p, sizeof(p), &got));
	CHECK_STR(str_of(p, got), STR("bc"));
	CHECK_OK(stream_read_full(s, p, 5));
	CHECK_STR(str_of(p, 5), STR("defgh"));
	CHECK(stream_read_full(s, p, 5) == E_EOF);
	CHECK(stream_fill(s) == E_EOF);
	CHECK_STR(stream_tls_info(s), STR(""));
	stream_close(s);
	stream_close(NULL);
}

TEST(stream_fill_is_bounded)
{
	struct buf big;

	buf_init(&big, MIB(1));
	CHECK(buf_room(&big, KIB(100)) != NULL);
	big.n = KIB(100);
	struct stream *s = stream_script(buf_str(&big), 0);
	err e;

	while ((e = stream_fill(s)) == OK)
		;
	CHECK(e == E_LIMIT);
	CHECK(stream_peek(s).n == LIM_STREAM_IN);
	buf_free(&big);
	stream_close(s);
}

TEST(stream_writes)
{
	struct stream *s = stream_script(STR(""), 0);
	struct buf big;

	buf_init(&big, MIB(1));
	while (big.n < KIB(200))
		buf_add(&big, STR("0123456789"));
	CHECK_OK(stream_write(s, STR("a")));
	CHECK_OK(stream_fmt(s, "%d %s", 5, "b"));
	CHECK(stream_unsent(s) == 4);
	CHECK_STR(stream_written(s), STR(""));
	CHECK_OK(stream_flush(s));
	CHECK_STR(stream_written(s), STR("a5 b"));
	CHECK_OK(stream_write(s, buf_str(&big)));
	CHECK_OK(stream_flush(s));
	CHECK_STR(str_skip(stream_written(s), 4), buf_str(&big));
	buf_free(&big);
	stream_close(s);
}

/* ---- over sockets ---- */

struct pair {
	struct stream *a, *b;
};

static struct pair pair_new(void)
{
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd));
	return (struct pair){ stream_open(fd[0], NULL), stream_open(fd[1], NULL) };
}

WAITS static err echo(void *arg)
{
	struct stream *s = arg;
	char p[3000];
	size_t got;
	err e;

	while ((e = stream_read(s, p, sizeof(p), &got)) == OK) {
		TRY(stream_write(s, str_of(p, got)));
		TRY(stream_flush(s));
	}
	stream_close(s);
	return e == E_EOF ? OK : e;
}

WAITS static err pour(void *arg)
{
	struct buf big;
	err e = OK;

	buf_init(&big, MIB(1));
	while (big.n < KIB(500))
		buf_add(&big, STR("0123456789"));
	for (int i = 0; i < 4 && e == OK; i++)
		e = stream_write(arg, buf_str(&big));
	buf_free(&big);
	return e == OK ? stream_flush(arg) : e;
}

WAITS static err big_echo(void *arg)
{
	struct pair p = pair_new();
	struct fiber *e = fiber_start("echo", echo, p.b), *w = fiber_start("pour", pour, p.a);
	char part[1000];

	for (size_t i = 0; i < KIB(2000); i += 500) {
		TRY(stream_read_full(p.a, part, 500));
		for (size_t j = 0; j < 500; j++)
			CHECK(part[j] == '0' + (char)(j % 10));
	}
	TRY(fiber_join(w));
	stream_close(p.a);
	return fiber_join(e);
}

TEST(stream_echo)
{
	CHECK_OK(loop_main(big_echo, NULL));
}

WAITS static err deadlines(void *arg)
{
	struct pair p = pair_new();
	str line;
	err e = OK;

	stream_deadline(p.a, clock_in(20));
	CHECK(stream_fill(p.a) == E_TIMEOUT);
	CHECK(stream_line(p.a, 100, LINE_CRLF, &line) == E_TIMEOUT);
	stream_deadline(p.a, clock_in(50));
	while (e == OK) /* nobody reads at the other end */
		e = stream_write(p.a, STR("0123456789012345678901234567890123456789"));
	CHECK(e == E_TIMEOUT);
	stream_deadline(p.a, NEVER);
	CHECK(stream_write(p.a, STR("x")) == E_TIMEOUT); /* it sticks */
	CHECK(stream_flush(p.a) == E_TIMEOUT);
	CHECK(err_last()->code == E_TIMEOUT);
	stream_close(p.a);
	stream_close(p.b);
	return OK;
}

TEST(stream_deadlines)
{
	CHECK_OK(loop_main(deadlines, NULL));
}

/* The peer goes away while we write: an error, no signal. */
WAITS static err peer_gone(void *arg)
{
	struct pair p = pair_new();

	stream_close(p.b);
	CHECK_OK(stream_write(p.a, STR("x")));
	CHECK(stream_flush(p.a) == E_EOF);
	stream_close(p.a);
	return OK;
}

TEST(stream_peer_gone)
{
	CHECK_OK(loop_main(peer_gone, NULL));
}

/* A session that idles holds no buffer. */
WAITS static err idles(void *arg)
{
	struct pair p = pair_new();
	str line;

	TRY(stream_write(p.b, STR("NOOP\r\n")));
	TRY(stream_flush(p.b));
	TRY(stream_line(p.a, 100, LINE_CRLF, &line));
	TRY(stream_write(p.a, STR("250 ok\r\n")));
	TRY(stream_flush(p.a));
	CHECK(p.a->in.p && p.a->out.p);
	stream_deadline(p.a, clock_in(5));
	CHECK(stream_line(p.a, 100, LINE_CRLF, &line) == E_TIMEOUT);
	CHECK(!p.a->in.p && !p.a->out.p);
	stream_close(p.a);
	stream_close(p.b);
	return OK;
}

TEST(stream_idle_is_small)
{
	CHECK_OK(loop_main(idles, NULL));
}

struct splice {
	struct stream *a, *b;
	uint64_t ab, ba;
	msec idle;
	err want;
};

WAITS static err splicer(void *arg)
{
	struct splice *s = arg;
	err e = stream_splice(s->a, s->b, s->idle, &s->ab, &s->ba);

	CHECK(e == s->want);
	stream_close(s->a);
	stream_close(s->b);
	return OK;
}

WAITS static err splices(void *arg)
{
	struct pair left = pair_new(), right = pair_new();
	struct splice s = { .a = left.b, .b = right.a, .idle = 60000, .want = OK };
	struct fiber *e = fiber_start("echo", echo, right.b),
		     *w = fiber_start("pour", pour, left.a);
	char part[1000];

	TRY(stream_write(s.a, STR("hello")));
	TRY(stream_write(s.b, STR("0123456789")));
	struct fiber *f = fiber_start("splice", splicer, &s);

	TRY(stream_read_full(left.a, part, 5));
	CHECK_STR(str_of(part, 5), STR("hello"));
	for (size_t i = 0; i < KIB(2000) + 10; i += 10)
		TRY(stream_read_full(left.a, part, 10));
	TRY(fiber_join(w));
	stream_close(left.a);
	TRY(fiber_join(f));
	CHECK(s.ab == KIB(2000));
	CHECK(s.ba == KIB(2000) + 10);
	return fiber_join(e);
}

WAITS static err splice_idle(void *arg)
{
	struct pair left = pair_new(), right = pair_new();
	struct splice s = { .a = left.b, .b = right.a, .idle = 30, .want = E_TIMEOUT };

	TRY(fiber_join(fiber_start("splice", splicer, &s)));
	stream_close(left.a);
	stream_close(right.b);
	return OK;
}

TEST(stream_splice)
{
	CHECK_OK(loop_main(splices, NULL));
	CHECK_OK(loop_main(splice_idle, NULL));
}
