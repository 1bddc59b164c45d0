#include "clients/dns/blacklist.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "formats/dns/message.h"
#include "run/role.h"

/* A server that answers as it is told. */
static enum mode {
	LISTS, /* with the code */
	ABSENT,
	FAILS,
	SILENT,
	OTHER_ID,
	OTHER_CASE,
	TWO_CODES,
	CUT, /* says two records and has one */
} mode;
static unsigned char code[4];
static unsigned asked;

static size_t answer(const struct udp_query *q, const struct listener *l, char *out, size_t room)
{
	static const unsigned char rr[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4 };
	size_t n = q->data.n;

	(void)l;
	(void)room;
	asked++;
	if (mode == SILENT)
		return 0;
	memcpy(out, q->data.p, n);
	out[2] = (char)0x84;
	out[3] = mode == ABSENT ? DNS_NXDOMAIN : mode == FAILS ? DNS_SERVFAIL : 0;
	out[0] ^= mode == OTHER_ID;
	if (mode == OTHER_CASE)
		for (size_t i = DNS_HEADER; i < n - 4; i++)
			out[i] = ch_lower(out[i]);
	unsigned records = mode == TWO_CODES || mode == CUT  ? 2
			   : mode == ABSENT || mode == FAILS ? 0
							     : 1;

	for (unsigned i = 0; i < records; i++) {
		memcpy(out + n, rr, sizeof(rr));
		memcpy(out + n + sizeof(rr), code, 4);
		if (i)
			out[n + sizeof(rr) + 3] = 3;
		n += sizeof(rr) + 4;
	}
	out[7] = (char)records;
	return mode == CUT ? n - 5 : n;
}

static const struct listener listener = { .kind = "list", .datagram = answer };

WAITS static err serve(void *arg)
{
	return udp_serve(*(int *)arg, &listener);
}

struct world {
	struct net_addr server[2];
	int fd;
	struct fiber *f;
	struct blacklist list;
};
static const struct blacklist_code codes[] = { { 0x7f000002, 0x7f000003 },
					       { 0x7f000009, 0x7f000009 } };

static void begin(struct world *w)
{
	socklen_t n = sizeof(w->server[0].ss);

	CHECK_OK(net_parse(STR("127.0.0.1:0"), &w->server[1]));
	CHECK_OK(udp_open(&w->server[1], false, &w->fd));
	w->server[1].n = sizeof(struct sockaddr_in);
	CHECK(getsockname(w->fd, (void *)&w->server[1].ss, &n) == 0);
	w->server[0] = w->server[1];
	w->f = fiber_start("serve", serve, &w->fd);
	w->list = (struct blacklist){ .label = STR("bl.test"),
				      .servers = &w->server[1],
				      .nservers = 1,
				      .codes = codes,
				      .ncodes = COUNT(codes),
				      .ip4 = true,
				      .ip6 = true,
				      .names = true };
	CHECK_OK(dns_name_parse(STR("bl.test."), STR(""), &w->list.zone));
}

WAITS static void end(struct world *w)
{
	fiber_cancel(w->f);
	CHECK(fiber_join(w->f) == E_CANCELED);
	fiber_fd_forget(w->fd);
	(void)close(w->fd);
}

WAITS static err verdicts(void *arg)
{
	static const struct {
		enum mode mode;
		unsigned char code[4];
		enum blacklist_answer want;
	} rows[] = {
		{ LISTS, { 127, 0, 0, 2 }, BLACKLIST_LISTED },
		{ LISTS, { 127, 0, 0, 9 }, BLACKLIST_LISTED },
		{ LISTS, { 127, 0, 0, 4 }, BLACKLIST_ODD },
		{ LISTS, { 127, 255, 255, 254 }, BLACKLIST_ERROR }, /* "use your own resolver" */
		{ LISTS, { 127, 255, 255, 252 }, BLACKLIST_ERROR },
		{ LISTS, { 192, 0, 2, 1 }, BLACKLIST_ERROR }, /* a domain that was sold */
		{ TWO_CODES, { 127, 0, 0, 4 }, BLACKLIST_LISTED },
		{ TWO_CODES, { 127, 255, 255, 254 }, BLACKLIST_ERROR }, /* beside a listed one */
		{ CUT, { 127, 0, 0, 2 }, BLACKLIST_SILENT },
		{ ABSENT, { 0 }, BLACKLIST_NOT },
		{ FAILS, { 0 }, BLACKLIST_SILENT },
		{ SILENT, { 0 }, BLACKLIST_SILENT },
		{ OTHER_ID, { 127, 0, 0, 2 }, BLACKLIST_SILENT },
		{ OTHER_CASE, { 127, 0, 0, 2 }, BLACKLIST_SILENT },
	};
	struct world w;
	struct net_addr who;

	(void)arg;
	begin(&w);
	CHECK_OK(net_parse(STR("[2001:db8::99]:1"), &who)); /* many letters: their case is mixed */
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct blacklist_question q;

		mode = rows[i].mode;
		memcpy(code, rows[i].code, 4);
		CHECK_OK(blacklist_domain(&w.list,
					  STR("abcdefghijklmnopqrstuvwxyzabcdefghij.example"), &q));
		CHECK_OK(blacklist_ask(&q, 1, clock_in(200)));
		CHECK_ROW(i, q.what == rows[i].want);
	}
	/* an error of all its servers: nobody waits */
	struct blacklist_question refused;
	msec began = clock_now();

	mode = FAILS;
	CHECK_OK(blacklist_ip(&w.list, &who, &refused));
	CHECK_OK(blacklist_ask(&refused, 1, clock_in(2000)));
	CHECK(refused.what == BLACKLIST_SILENT && clock_now() - began < 900);
	/* many side by side */
	static struct blacklist_question v[40]; /* too large for a fiber */

	mode = LISTS;
	memcpy(code, (unsigned char[]){ 127, 0, 0, 2 }, 4);
	for (size_t i = 0; i < COUNT(v); i++)
		CHECK_OK(blacklist_ip(&w.list, &who, &v[i]));
	asked = 0;
	CHECK_OK(blacklist_ask(v, COUNT(v), clock_in(2000)));
	for (size_t i = 0; i < COUNT(v); i++)
		CHECK_ROW(i, v[i].what == BLACKLIST_LISTED);
	CHECK(asked == COUNT(v));
	/* the first server is not there: the second one is asked at half the time */
	CHECK_OK(net_parse(STR("127.0.0.1:1"), &w.server[0]));
	w.list.servers = w.server;
	w.list.nservers = 2;
	CHECK_OK(blacklist_ask(v, COUNT(v), clock_in(600)));
	for (size_t i = 0; i < COUNT(v); i++)
		CHECK_ROW(i, v[i].what == BLACKLIST_LISTED);
	end(&w);
	return OK;
}

TEST(blacklist_verdicts)
{
	CHECK_OK(loop_main(verdicts, NULL));
}

TEST(blacklist_names)
{
	static const struct {
		str who, want;
	} rows[] = {
		{ S("192.0.2.99:1"), S("99.2.0.192.bl.test.") },
		{ S("[2001:db8:1:2:3:4:567:89ab]:1"), /* RFC 5782 2.4 */
		  S("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test.") },
	};
	struct blacklist l = { .label = STR("bl.test"), .ip4 = true, .ip6 = true };
	struct blacklist_question q;
	struct net_addr a;
	struct buf b;

	CHECK_OK(dns_name_parse(STR("bl.test."), STR(""), &l.zone));
	buf_init(&b, 300);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_OK(net_parse(rows[i].who, &a));
		CHECK_OK(blacklist_ip(&l, &a, &q));
		buf_reset(&b);
		dns_name_print(dns_name_str(&q.name), &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
	CHECK(blacklist_domain(&l, STR("a.example"), &q) == E_NOTFOUND);
	l.names = true;
	CHECK_OK(blacklist_domain(&l, STR("A.Example."), &q));
	buf_reset(&b);
	dns_name_print(dns_name_str(&q.name), &b);
	CHECK_STR(buf_str(&b), STR("a.example.bl.test."));
	buf_free(&b);
}
