#include "services/blacklists/blacklists.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "formats/dns/message.h"

/* A list that tells of everybody, of nobody, of the right ones, or that has ended. */
static enum mode { RIGHT, EVERYBODY, NOBODY, ENDED, AWAY } mode;

static size_t answer(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	static const unsigned char rr[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2 };
	size_t n = q->data.n;
	bool listed = q->data.n > 13 && q->data.p[13] == '2';

	(void)l;
	(void)room;
	if (mode == AWAY)
		return 0;
	listed = mode == EVERYBODY || mode == ENDED || (mode == RIGHT && listed);
	memcpy(out, q->data.p, n);
	out[2] = (char)0x84;
	out[3] = listed ? 0 : DNS_NXDOMAIN;
	out[7] = listed;
	if (!listed)
		return n;
	memcpy(out + n, rr, sizeof(rr));
	if (mode == ENDED)
		memcpy(out + n + 12, (unsigned char[]){ 127, 255, 255, 254 }, 4);
	return n + sizeof(rr);
}

static const struct listener listener = { .kind = "list", .datagram = answer };

WAITS static err serve(void *arg)
{
	return udp_serve(*(int *)arg, &listener);
}

WAITS static err health(void *arg)
{
	static const struct {
		enum mode mode;
		bool aside;
	} rows[] = { { RIGHT, false }, { EVERYBODY, true }, { RIGHT, false }, { NOBODY, true },
		     { RIGHT, false }, { ENDED, true },	    { RIGHT, false } };
	static const struct blacklist_code codes[] = { { 0x7f000002, 0x7f000002 } };
	struct net_addr server;
	socklen_t n = sizeof(server.ss);
	const struct blacklists_result meaning = { .codes = codes, .ncodes = 1 };
	struct blacklists_list list = { .dns = { .label = STR("bl.test"),
						 .servers = &server,
						 .nservers = 1,
						 .codes = codes,
						 .ncodes = 1,
						 .ip4 = true },
					.of = BLACKLISTS_CLIENT,
					.results = &meaning,
					.nresults = 1 };
	const struct blacklists_settings set = {
		.v = &list, .n = 1, .test = 20, .time = 1000, .domains = 1, .questions = 10
	};
	int fd;

	(void)arg;
	CHECK_OK(dns_name_parse(STR("bl.test."), STR(""), &list.dns.zone));
	CHECK_OK(net_parse(STR("127.0.0.1:0"), &server));
	CHECK_OK(udp_open(&server, false, &fd));
	CHECK(getsockname(fd, (void *)&server.ss, &n) == 0);
	struct fiber *f = fiber_start("serve", serve, &fd);
	struct blacklists *b = blacklists_open(&set);

	for (size_t i = 0; i < COUNT(rows); i++) {
		msec end = clock_in(5000);

		mode = rows[i].mode;
		CHECK_OK(fiber_sleep(clock_in(60)));
		while (blacklists_aside(b, 0) != rows[i].aside && clock_now() < end)
			CHECK_OK(fiber_sleep(clock_in(10)));
		CHECK_ROW(i, blacklists_aside(b, 0) == rows[i].aside);
	}
	mode = AWAY;
	CHECK(blacklists_test(&list, clock_in(100)) == E_NOTFOUND);
	blacklists_close(b);
	fiber_cancel(f);
	(void)!fiber_join(f);
	fiber_fd_forget(fd);
	(void)close(fd);
	return OK;
}

TEST(blacklists_health)
{
	CHECK_OK(loop_main(health, NULL));
}

TEST(blacklists_settings)
{
	static const struct {
		const char *text;
		err want;
	} rows[] = {
		{ "blacklists: { lists = ( { zone = \"a.test\"; servers = [\"127.0.0.1:54\"]; } ); "
		  "};",
		  OK },
		{ "blacklists: { lists = ( { zone = \"a.test\"; } ); };",
		  E_SYNTAX }, /* nobody to ask */
		{ "nodes: { n: { dnsbl: { dnsbl = \"127.0.0.1:54\"; }; }; }; blacklists: { lists = "
		  "( { zone = "
		  "\"a.test\"; } ); };",
		  OK },
		{ "blacklists: { lists = ( { zone = \"a..test\"; servers = [\"127.0.0.1:54\"]; } "
		  "); };",
		  E_SYNTAX },
		{ "blacklists: { lists = ( { zone = \"a.test\"; servers = [\"127.0.0.1:54\"]; "
		  "codes = "
		  "[\"10.0.0.1\"]; } ); };",
		  E_SYNTAX },
		{ "blacklists: { lists = ( { zone = \"a.test\"; servers = [\"127.0.0.1:54\"]; "
		  "kinds = "
		  "[\"ip5\"]; } ); };",
		  E_SYNTAX },
		{ "blacklists: { lists = ( { zone = \"a.test\"; servers = [\"127.0.0.1:54\"]; "
		  "codes = "
		  "[\"127.0.0.2-127.0.0.11\", \"127.0.1.2\"]; kinds = [\"ip4\", \"names\"]; } ); "
		  "};",
		  OK },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct blacklists_settings set = { 0 };
		struct arena a;
		struct buf complaints;
		struct conf *c;

		arena_init(&a, MIB(1));
		buf_init(&complaints, KIB(4));
		CHECK_OK(conf_parse(str_z(rows[i].text), STR("posta.conf"), &complaints, &c));
		const struct role_env env = { .node = STR("n"), .root = conf_root(c), .arena = &a };

		CHECK_ROW(i, blacklists_read(&env, &complaints, &set) == rows[i].want);
		CHECK_ROW(i, (complaints.n > 0) == (rows[i].want != OK));
		buf_free(&complaints);
		arena_free(&a);
		conf_free(c);
	}
}
