#include "clients/dns/dns.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"

TEST(dns_mx_records)
{
	static const struct {
		str rdata[3];
		size_t n;
		err e;
		bool null;
		str first;
	} rows[] = {
		{ { S("\x00\x0a\x02mx\x01"
		      "b\x00"),
		    S("\x00\x05\x01"
		      "a\x01"
		      "b\x00") },
		  2,
		  OK,
		  false,
		  S("a.b") },
		{ { S("\x00\x00\x00") }, 1, OK, true, S("") }, /* RFC 7505 3 */
		{ { S("\x00\x00\x00"), S("\x00\x05\x02MX\x01"
					 "b\x00") },
		  2,
		  OK,
		  false,
		  S("mx.b") },
		{ { S("\x00\x0a\x02mx\x01") }, 1, E_SYNTAX, false, S("") }, /* cut short */
		{ { S("\x00\x0a\x03m.x\x01"
		      "b\x00") },
		  1,
		  E_SYNTAX,
		  false,
		  S("") },						  /* a dot inside a label */
		{ { S("\x00\x0a\xc0\x0c") }, 1, E_SYNTAX, false, S("") }, /* compression */
		{ { S("\x00") }, 1, E_SYNTAX, false, S("") },
		{ { S("\x00\x0a\x02mx\x00x") }, 1, E_SYNTAX, false, S("") }, /* something behind */
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		str rdata[3] = { rows[i].rdata[0], rows[i].rdata[1], rows[i].rdata[2] };
		struct dns_answer answer = { .rdata = rdata, .n = rows[i].n };
		struct dns_mx_answer mx;

		CHECK_ROW(i, dns_parse_mx(&answer, &a, &mx) == rows[i].e);
		if (rows[i].e != OK)
			continue;
		CHECK_ROW(i, mx.null == rows[i].null && (mx.n == 0) == rows[i].null);
		if (mx.n)
			CHECK_STR_ROW(i, mx.mx[0].host, rows[i].first);
	}
}

TEST(dns_mx_of_equal_preference_take_turns)
{
	CLEANUP(arena_free) struct arena a;
	str rdata[2] = { STR("\x00\x0a\x01"
			     "a\x00"),
			 STR("\x00\x0a\x01"
			     "b\x00") };
	struct dns_answer answer = { .rdata = rdata, .n = 2 };
	unsigned first_a = 0;

	arena_init(&a, MIB(1));
	for (int i = 0; i < 200; i++) {
		struct dns_mx_answer mx;

		CHECK_OK(dns_parse_mx(&answer, &a, &mx));
		first_a += str_eq(mx.mx[0].host, STR("a"));
	}
	CHECK(first_a > 40 && first_a < 160);
}

/* ---- a server of a few names, on this loop ---- */
static int server_fd;

struct record {
	const char *name; /* in wire form, as in the question */
	unsigned type;
	str rdata;
};
static const struct record zone[] = {
	{ "\x02mx\x04test", DNS_MX, S("\x00\x0a\x04host\x02mx\x04test\x00") },
	{ "\x04null\x04test", DNS_MX, S("\x00\x00\x00") },
	{ "\x04host\x02mx\x04test", DNS_A, S("\xc0\x00\x02\x01") },
	{ "\x05plain\x04test", DNS_A, S("\x7f\x00\x00\x01") },
};

static bool name_exists(const char *name)
{
	for (size_t i = 0; i < COUNT(zone); i++)
		if (str_eqi(str_z(zone[i].name), str_z(name)))
			return true;
	return false;
}

static size_t answer_to(char *m, size_t n, size_t room)
{
	const char *name = m + 12;
	size_t name_n = str_z(name).n, end = 12 + name_n + 1 + 4;
	unsigned type = (unsigned)(unsigned char)m[end - 4] << 8 | (unsigned char)m[end - 3],
		 found = 0;

	CHECK(end <= n && end + 100 < room);
	m[2] = (char)0x85;
	m[3] = (char)(name_exists(name) ? 0x80 : 0x83);
	memset(m + 6, 0, 6);
	for (size_t i = 0; i < COUNT(zone); i++) {
		const struct record *r = &zone[i];

		if (r->type != type || !str_eqi(str_z(r->name), str_z(name)))
			continue;
		char head[12] = { (char)0xc0, 12, 0, (char)type, 0, 1,
				  0,	      0,  0, 60,	 0, (char)r->rdata.n };

		memcpy(m + end, head, 12);
		memcpy(m + end + 12, r->rdata.p, r->rdata.n);
		end += 12 + r->rdata.n;
		found++;
	}
	m[7] = (char)found;
	return end;
}

WAITS static err serve(void *arg)
{
	(void)arg;
	for (;;) {
		struct sockaddr_storage from;
		socklen_t from_n = sizeof(from);
		char m[600];
		ssize_t n = recvfrom(server_fd, m, 500, MSG_DONTWAIT, (struct sockaddr *)&from,
				     &from_n);

		if (n < 0) {
			TRY(fiber_wait_read(server_fd, NEVER));
			continue;
		}
		/* "silent.test" gets no answer at all */
		if (n < 17 || str_search(str_of(m, (size_t)n), STR("silent")) < (size_t)n)
			continue;
		size_t out = answer_to(m, (size_t)n, sizeof(m));

		(void)sendto(server_fd, m, out, 0, (struct sockaddr *)&from, from_n);
	}
}

WAITS static err questions(void *arg)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct sockaddr_in me = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct net_addr at = { .n = sizeof(me) };
	struct dns_mx_answer mx;
	struct dns_hosts hosts;
	struct dns *d;

	(void)arg;
	arena_init(&a, MIB(1));
	buf_init(&b, 100);
	server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(bind(server_fd, (struct sockaddr *)&me, sizeof(me)) == 0);
	CHECK(getsockname(server_fd, (struct sockaddr *)&at.ss, &at.n) == 0);
	net_print(&at, &b);
	struct fiber *server = fiber_start("server", serve, NULL);
	str forward = buf_str(&b);
	const struct dns_options o = { .forward = &forward, .nforward = 1, .dnssec = true };

	CHECK_OK(dns_open(&o, &d));
	CHECK_OK(dns_mx(d, STR("mx.test"), clock_in(30000), &a, &mx));
	CHECK(mx.n == 1 && !mx.implicit && !mx.secure);
	CHECK_STR(mx.mx[0].host, STR("host.mx.test"));
	CHECK_OK(dns_hosts(d, mx.mx[0].host, clock_in(30000), &a, &hosts));
	CHECK(hosts.n == 1);
	CHECK_OK(dns_mx(d, STR("null.test"), clock_in(30000), &a, &mx));
	CHECK(mx.null && mx.n == 0);
	CHECK_OK(dns_mx(d, STR("plain.test"), clock_in(30000), &a, &mx));
	CHECK(mx.implicit && mx.n == 1);
	CHECK_STR(mx.mx[0].host, STR("plain.test"));
	CHECK(dns_mx(d, STR("nowhere.test"), clock_in(30000), &a, &mx) == E_NOTFOUND);
	CHECK(dns_hosts(d, STR("null.test"), clock_in(30000), &a, &hosts) == E_NOTFOUND);
	CHECK(dns_mx(d, STR("silent.test"), clock_in(300), &a, &mx) == E_TIMEOUT);
	CHECK(dns_mx(d, STR(""), clock_in(300), &a, &mx) == E_SYNTAX);
	dns_close(d);
	fiber_cancel(server);
	CHECK(fiber_join(server) == E_CANCELED);
	fiber_fd_forget(server_fd);
	(void)close(server_fd);
	return OK;
}

TEST(dns_asks_a_resolver)
{
	CHECK_OK(loop_main(questions, NULL));
}
