#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"
#include "run/fiber.h"
#include "run/role.h"

/* "later" is answered by udp_send, "silent" not at all, the rest at once with "re:" before it. */
static size_t echo(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	(void)l;
	(void)room;
	if (str_eq(q->data, STR("silent")))
		return 0;
	if (str_eq(q->data, STR("later"))) {
		udp_send(q->path, STR("sent"));
		return 0;
	}
	memcpy(out, "re:", 3);
	memcpy(out + 3, q->data.p, q->data.n);
	return q->data.n + 3;
}

static const struct listener listener = { .kind = "echo", .datagram = echo };

WAITS static err serve(void *arg)
{
	return udp_serve(*(int *)arg, &listener);
}

WAITS static str ask(int fd, const struct net_addr *to, str data, char *room, size_t n)
{
	ssize_t got;

	CHECK(sendto(fd, data.p, data.n, 0, (const void *)&to->ss, to->n) == (ssize_t)data.n);
	while ((got = recv(fd, room, n, MSG_DONTWAIT)) < 0)
		if (fiber_wait_read(fd, clock_in(300)) != OK)
			return STR("");
	return str_of(room, (size_t)got);
}

struct at {
	str text;
};

WAITS static err talk(void *arg)
{
	const struct at *at = arg;
	struct net_addr server, any;
	int fd, mine;
	char room[64], *most = mem_get(UDP_IN + 1);
	socklen_t n = sizeof(server.ss);

	CHECK_OK(net_parse(at->text, &server));
	CHECK_OK(udp_open(&server, true, &fd));
	CHECK(getsockname(fd, (void *)&server.ss, &n) == 0);
	/* bound to all addresses: whom we ask must be whom the answer comes from */
	CHECK_OK(net_parse(server.ss.ss_family == AF_INET ? STR("127.0.0.7:1") : STR("[::1]:1"),
			   &any));
	net_set_port(&any, net_port(&server));
	CHECK((mine = socket(server.ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) >= 0);
	CHECK(connect(mine, (const void *)&any.ss, any.n) == 0);

	struct fiber *f = fiber_start("serve", serve, &fd);

	CHECK_STR(ask(mine, &any, STR("one"), room, sizeof(room)), STR("re:one"));
	CHECK_STR(ask(mine, &any, STR("later"), room, sizeof(room)), STR("sent"));
	CHECK_STR(ask(mine, &any, STR("silent"), room, sizeof(room)), STR(""));
	CHECK_STR(ask(mine, &any, str_of(most, UDP_IN + 1), room, sizeof(room)), STR(""));
	/* more than a batch, all waiting at once */
	for (unsigned i = 0; i < 3 * UDP_BATCH; i++)
		CHECK(send(mine, "x", 1, 0) == 1);
	for (unsigned i = 0; i < 3 * UDP_BATCH; i++) {
		while (recv(mine, room, sizeof(room), MSG_DONTWAIT) < 0)
			CHECK_OK(fiber_wait_read(mine, clock_in(2000)));
		CHECK(!memcmp(room, "re:x", 4));
	}
	fiber_cancel(f);
	CHECK(fiber_join(f) == E_CANCELED);
	fiber_fd_forget(mine);
	fiber_fd_forget(fd);
	(void)close(mine);
	(void)close(fd);
	mem_free(most);
	return OK;
}

TEST(udp_answers)
{
	struct at at = { STR("127.0.0.7:0") };

	CHECK_OK(loop_main(talk, &at));
}

TEST(udp_answers_from_the_address_that_was_asked)
{
	struct at v4 = { STR("0.0.0.0:0") }, v6 = { STR("[::]:0") };

	CHECK_OK(loop_main(talk, &v4));
	int probe = socket(AF_INET6, SOCK_DGRAM, 0);
	struct net_addr one;

	CHECK_OK(net_parse(STR("[::1]:0"), &one));
	bool has_v6 = probe >= 0 && bind(probe, (const void *)&one.ss, one.n) == 0;

	if (probe >= 0)
		(void)close(probe);
	if (has_v6)
		CHECK_OK(loop_main(talk, &v6));
}
