/* Scripted clamds on unix sockets of one loop. */
#include "clients/clamd/clamd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "run/stream.h"

enum mode { ANSWERS, CLOSES_AFTER_ONE, TOO_BIG, SILENT, GARBAGE, ENDLESS, HANGS_UP };
struct peer {
	enum mode mode;
	int fd;
	struct fiber *f;
	unsigned sessions, scans;
};

/* A command up to its NUL. */
WAITS static err read_command(struct stream *io, char *out, size_t room)
{
	for (size_t n = 0; n < room; n++) {
		TRY(stream_read_full(io, &out[n], 1));
		if (!out[n])
			return OK;
	}
	return E_LIMIT;
}

WAITS static err read_pieces(struct stream *io, struct buf *out)
{
	for (;;) {
		unsigned char head[4];

		TRY(stream_read_full(io, (char *)head, 4));
		size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 |
			   head[3];

		if (!n)
			return OK;
		char *p = buf_room(out, n);

		if (!p)
			return E_LIMIT;
		TRY(stream_read_full(io, p, n));
		out->n += n;
	}
}

WAITS static err say(struct stream *io, const char *text)
{
	TRY(stream_write(io, str_of(text, strlen(text) + 1)));
	return stream_flush(io);
}

WAITS static err answer(struct peer *p, struct stream *io, str message, unsigned id)
{
	char text[80];

	if (p->mode == SILENT)
		return fiber_sleep(NEVER);
	if (p->mode == GARBAGE)
		return say(io, "UNKNOWN COMMAND");
	if (p->mode == ENDLESS)
		for (;;)
			TRY(stream_write(io, STR("1: stream: oooooooooooooooooooo")));
	(void)snprintf(text, sizeof(text), "%u: stream: %s", id,
		       str_search(message, STR("EICAR")) < message.n ? "Eicar.Test FOUND" : "OK");
	return say(io, text);
}

WAITS static err session(struct peer *p, struct stream *io)
{
	char command[32];
	unsigned id = 0;

	TRY(read_command(io, command, sizeof(command)));
	CHECK_STR(str_z(command), STR("zIDSESSION"));
	for (;;) {
		CLEANUP(buf_free) struct buf message;

		buf_init(&message, MIB(1));
		TRY(read_command(io, command, sizeof(command)));
		CHECK_STR(str_z(command), STR("zINSTREAM"));
		p->scans++;
		if (p->mode == HANGS_UP)
			return OK;
		if (p->mode == TOO_BIG)
			return say(io, "INSTREAM size limit exceeded. ERROR");
		TRY(read_pieces(io, &message));
		TRY(answer(p, io, buf_str(&message), ++id));
		if (p->mode == CLOSES_AFTER_ONE)
			return OK;
	}
}

WAITS static err serve(void *arg)
{
	struct peer *p = arg;

	for (;;) {
		struct net_addr from;
		int fd;

		TRY(net_accept(p->fd, &fd, &from));
		struct stream *io = stream_open(fd, &from);

		p->sessions++;
		err e = session(p, io);

		stream_close(io);
		if (e == E_CANCELED)
			return e;
	}
}

enum { PEERS = 2 };
struct world {
	char folder[64];
	struct net_addr addr[PEERS];
	struct peer peer[PEERS];
	struct clamds *c;
	struct arena a;
};

static void open_peer(struct world *w, size_t i)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%zu", w->folder, i);
	CHECK_OK(net_parse(str_z(path), &w->addr[i]));
	CHECK_OK(net_listen(&w->addr[i], 0600, &w->peer[i].fd));
	w->peer[i].f = fiber_start("clamd", serve, &w->peer[i]);
}

WAITS static void close_peer(struct world *w, size_t i)
{
	struct peer *p = &w->peer[i];

	if (!p->f)
		return;
	fiber_cancel(p->f);
	(void)!fiber_join(p->f);
	p->f = NULL;
	fiber_fd_forget(p->fd);
	(void)close(p->fd);
	(void)unlink(((const struct sockaddr_un *)(const void *)&w->addr[i].ss)->sun_path);
}

static void begin(struct world *w, size_t n, size_t max)
{
	*w = (struct world){ .folder = "/tmp/posta-clamd-XXXXXX" };
	CHECK(mkdtemp(w->folder) != NULL);
	arena_init(&w->a, KIB(64));
	for (size_t i = 0; i < PEERS; i++)
		open_peer(w, i);
	CHECK_OK(clamds_open(w->addr, n, 60000, max, &w->c));
}

WAITS static void end(struct world *w)
{
	clamds_close(w->c);
	for (size_t i = 0; i < PEERS; i++)
		close_peer(w, i);
	arena_free(&w->a);
	(void)rmdir(w->folder);
}

WAITS static err scan(struct world *w, str message, struct clamd_answer *out)
{
	return clamds_scan(w->c, message, clock_in(300), &w->a, out);
}

WAITS static err reuse(void *arg)
{
	struct clamd_answer answer;
	struct world w;

	(void)arg;
	begin(&w, 1, KIB(64));
	for (unsigned i = 0; i < 5; i++) {
		CHECK_OK(scan(&w, i % 2 ? STR("an EICAR mail") : STR("clean"), &answer));
		CHECK_ROW(i, answer.infected == (i % 2 == 1));
	}
	CHECK(w.peer[0].sessions == 1 && w.peer[0].scans == 5);
	/* one that ends its session: the next message has a new one */
	w.peer[0].mode = CLOSES_AFTER_ONE;
	for (unsigned i = 0; i < 3; i++)
		CHECK_OK(scan(&w, STR("EICAR"), &answer));
	CHECK_STR(answer.name, STR("Eicar.Test"));
	CHECK(w.peer[0].scans == 8 && w.peer[0].sessions == 3);
	end(&w);
	return OK;
}

TEST(clamd_session_is_kept)
{
	CHECK_OK(loop_main(reuse, NULL));
}

WAITS static err sizes(void *arg)
{
	static char big[100000]; /* more than one piece */
	struct clamd_answer answer;
	struct world w;

	(void)arg;
	memset(big, 'x', sizeof(big));
	memcpy(big + sizeof(big) - 5, "EICAR", 5);
	begin(&w, 1, sizeof(big));
	CHECK_OK(scan(&w, str_of(big, sizeof(big)), &answer));
	CHECK(answer.infected && !answer.too_big);
	clamds_close(w.c);
	CHECK_OK(clamds_open(w.addr, 1, 60000, sizeof(big) - 1, &w.c));
	CHECK_OK(scan(&w, str_of(big, sizeof(big)), &answer));
	CHECK(!answer.infected && answer.too_big); /* its last octet was not sent */
	w.peer[0].mode = TOO_BIG;
	CHECK_OK(scan(&w, STR("EICAR"), &answer));
	CHECK(!answer.infected && answer.too_big); /* clamd's own limit is smaller */
	w.peer[0].mode = ANSWERS;
	CHECK_OK(scan(&w, STR(""), &answer));
	CHECK(!answer.infected && !answer.too_big);
	end(&w);
	return OK;
}

TEST(clamd_sizes)
{
	CHECK_OK(loop_main(sizes, NULL));
}

WAITS static err failures(void *arg)
{
	static const enum mode rows[] = { SILENT, GARBAGE, ENDLESS, HANGS_UP };
	struct clamd_answer answer;

	(void)arg;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w;

		begin(&w, 2, KIB(64));
		w.peer[0].mode = rows[i];
		msec began = clock_now();

		CHECK_OK(scan(&w, STR("EICAR"), &answer)); /* the second one answers in time */
		CHECK_ROW(i, answer.infected && w.peer[1].scans == 1);
		CHECK_ROW(i, clock_now() - began < 290);
		for (unsigned k = 0; k < 3; k++) /* and the first one is left alone */
			CHECK_OK(scan(&w, STR("x"), &answer));
		CHECK_ROW(i, w.peer[0].sessions == 1);
		/* none: at once, once both are known to be away */
		close_peer(&w, 1);
		CHECK_ROW(i, scan(&w, STR("x"), &answer) == E_AGAIN);
		began = clock_now();
		CHECK_ROW(i, scan(&w, STR("x"), &answer) == E_AGAIN && clock_now() - began < 50);
		end(&w);
	}
	return OK;
}

TEST(clamd_failures)
{
	CHECK_OK(loop_main(failures, NULL));
}

WAITS static err comes_back(void *arg)
{
	struct clamd_answer answer;
	struct world w;

	(void)arg;
	begin(&w, 1, KIB(64));
	clamds_close(w.c);
	CHECK_OK(clamds_open(w.addr, 1, 20, KIB(64), &w.c));
	close_peer(&w, 0);
	CHECK(scan(&w, STR("x"), &answer) == E_AGAIN);
	open_peer(&w, 0);
	CHECK_OK(fiber_sleep(clock_in(30)));
	CHECK_OK(scan(&w, STR("x"), &answer));
	end(&w);
	CHECK(clamds_open(NULL, 0, 1, 1, &w.c) == E_NOTFOUND);
	return OK;
}

TEST(clamd_comes_back)
{
	CHECK_OK(loop_main(comes_back, NULL));
}
