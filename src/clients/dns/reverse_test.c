/* A resolver of a few names, on this loop. */
#include "clients/dns/reverse.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "formats/dns/message.h"
#include "run/role.h"

static const struct {
	const char *name;
	uint16_t type;
	str rdata; /* a name in wire form, or an address */
} zone[] = {
	{ "1.2.0.192.in-addr.arpa.", DNS_PTR, S("\4Mail\7example\0") },
	{ "mail.example.", DNS_A, S("\xc0\0\2\1") },
	{ "2.2.0.192.in-addr.arpa.", DNS_PTR, S("\4mail\7example\0") }, /* leads elsewhere */
	{ "3.2.0.192.in-addr.arpa.", DNS_PTR, S("\6absent\7example\0") },
	{ "3.2.0.192.in-addr.arpa.", DNS_PTR, S("\5three\7example\0") },
	{ "three.example.", DNS_A, S("\xc0\0\2\3") },
	{ "4.2.0.192.in-addr.arpa.", DNS_PTR, S("\5a b)c\7example\0") },
	{ "a\\032b)c.example.", DNS_A, S("\xc0\0\2\4") },
	{ "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", DNS_PTR,
	  S("\3six\7example\0") },
	{ "six.example.", DNS_AAAA, S("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1") },
};
static bool silent, refuses;
static unsigned questions;

static size_t answer(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	struct dns_name name, of;
	struct dns_reader r;
	struct dns_writer w;
	uint16_t type, class;

	(void)l;
	questions++;
	CHECK_OK(dns_reader_open(q->data, &r));
	CHECK_OK(dns_reader_question(&r, &name, &type, &class));
	if (silent)
		return 0;
	dns_writer_init(&w, out, room);
	dns_writer_header(&w, r.id, (uint16_t)(DNS_QR | (refuses ? DNS_REFUSED : 0)));
	CHECK_OK(dns_writer_question(&w, dns_name_str(&name), type, class));
	for (size_t i = 0; i < COUNT(zone) && !refuses; i++) {
		CHECK_OK(dns_name_parse(str_z(zone[i].name), STR(""), &of));
		if (zone[i].type == type && dns_name_eq(dns_name_str(&of), dns_name_str(&name)))
			CHECK_OK(dns_writer_record(&w, DNS_ANSWER, dns_name_str(&name), type,
						   DNS_IN, 60, zone[i].rdata));
	}
	dns_writer_end(&w);
	return w.n;
}

static const struct listener listener = { .kind = "resolver", .datagram = answer };

WAITS static err serve(void *arg)
{
	return udp_serve(*(int *)arg, &listener);
}

WAITS static err names(void *arg)
{
	static const struct {
		const char *who;
		str want;
	} rows[] = {
		{ "192.0.2.1:25", S("mail.example") },
		{ "192.0.2.2:25", S("") },
		{ "192.0.2.3:25", S("three.example") }, /* its second name */
		{ "192.0.2.4:25", S("") },		/* no name for a header field */
		{ "192.0.2.5:25", S("") },
		{ "[2001:db8::1]:25", S("six.example") },
		{ "unix:/nowhere", S("") },
	};
	struct net_addr at[2], who;
	socklen_t n = sizeof(at[0].ss);
	struct arena a;
	str name;
	int fd;

	(void)arg;
	arena_init(&a, KIB(64));
	CHECK_OK(net_parse(STR("127.0.0.1:0"), &at[0]));
	CHECK_OK(udp_open(&at[0], false, &fd));
	CHECK(getsockname(fd, (void *)&at[0].ss, &n) == 0);
	struct fiber *f = fiber_start("serve", serve, &fd);

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_OK(net_parse(str_z(rows[i].who), &who));
		CHECK_OK(reverse_name(at, 1, &who, clock_in(5000), &a, &name));
		CHECK_STR_ROW(i, name, rows[i].want);
	}
	/* the first resolver is not there */
	at[1] = at[0];
	CHECK_OK(net_parse(STR("127.0.0.1:1"), &at[0]));
	CHECK_OK(net_parse(STR("192.0.2.1:25"), &who));
	CHECK_OK(reverse_name(at, 2, &who, clock_in(5000), &a, &name));
	CHECK_STR(name, STR("mail.example"));
	CHECK_OK(reverse_name(at, 0, &who, clock_in(5000), &a, &name));
	CHECK_STR(name, STR(""));
	questions = 0;
	refuses = true;
	CHECK(reverse_name(at + 1, 1, &who, clock_in(5000), &a, &name) == E_AGAIN);
	silent = true;
	msec began = clock_now();

	CHECK(reverse_name(at + 1, 1, &who, clock_in(60), &a, &name) == E_AGAIN);
	CHECK(questions == 2 && clock_now() - began < 1000);
	fiber_cancel(f);
	(void)!fiber_join(f);
	fiber_fd_forget(fd);
	(void)close(fd);
	arena_free(&a);
	return OK;
}

TEST(reverse_names)
{
	CHECK_OK(loop_main(names, NULL));
}
