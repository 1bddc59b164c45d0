#include <netinet/in.h>

#include "base/limits.h"
#include "base/test.h"
#include "formats/dns/rdata.h"
#include "run/fiber.h"
#include "run/stream.h"
#include "sessions/dns/test_zone.h"

enum { DO = 1, TCP = 2, PLAIN = 4 /* without EDNS */ };

static struct dns_server *the_server(void)
{
	static struct dns_server *server;

	if (!server)
		server = test_zone_server();
	return server;
}
static struct net_addr peer = { .ss = { .ss_family = AF_INET }, .n = sizeof(struct sockaddr_in) };

static size_t put_question(char *out, const char *name, uint16_t type, uint16_t class, int how)
{
	struct dns_name n;
	static const unsigned char opt[] = { 0, 0, 41, 4096 >> 8, 0, 0, 0, 0, 0, 0, 0 };

	CHECK_OK(dns_name_parse(str_z(name), STR("\0"), &n));
	memset(out, 0, DNS_HEADER);
	dns_put16(out, 0x1234);
	dns_put16(out + 2, DNS_RD);
	dns_put16(out + 4, 1);
	memcpy(out + DNS_HEADER, n.p, n.n);
	size_t at = (size_t)DNS_HEADER + n.n;

	dns_put16(out + at, type);
	dns_put16(out + at + 2, class);
	at += 4;
	if (how & PLAIN)
		return at;
	dns_put16(out + 10, 1);
	memcpy(out + at, opt, sizeof(opt));
	out[at + 7] = (char)(how & DO ? 0x80 : 0);
	return at + sizeof(opt);
}

static size_t ask(const char *name, uint16_t type, int how, char *out, size_t room)
{
	char question[512];
	size_t n = put_question(question, name, type, DNS_IN, how);

	return dns_answer(the_server(), 0, &peer, how & TCP, str_of(question, n), out, room);
}

/* "www.plain. CNAME mail.plain.; mail.plain. A 192.0.2.2" of a section; signatures as RRSIG and
 * their type alone. */
static void print(str message, enum dns_section section, struct buf *out)
{
	struct dns_reader r;
	struct dns_record rr;
	CLEANUP(buf_free) struct buf data = { 0 };

	buf_init(&data, DNS_MESSAGE_MAX);
	CHECK_OK(dns_reader_open(message, &r));
	while (dns_reader_record(&r, &rr) == OK) {
		if (rr.section != section || rr.type == DNS_OPT)
			continue;
		buf_add(out, out->n ? STR("; ") : STR(""));
		dns_name_print(dns_name_str(&rr.name), out);
		buf_addc(out, ' ');
		dns_type_print(rr.type, out);
		buf_addc(out, ' ');
		buf_reset(&data);
		CHECK_OK(dns_rdata_decompress(message, &rr, &data));
		if (rr.type == DNS_RRSIG)
			dns_type_print((uint16_t)dns_get16(data.p), out);
		else
			dns_rdata_print(rr.type, buf_str(&data), out);
		while (out->p[out->n - 1] == ' ')
			out->n--;
	}
}

#define SOA	   "plain. SOA ns.plain. root.plain. 7 3600 600 86400 60"
#define SIGNED_SOA "signed. SOA ns.signed. root.signed. 7 3600 600 86400 60; signed. RRSIG SOA; "
#define AT_A	   "ns.plain. A 192.0.2.1; ns.plain. AAAA 2001:db8::1"

TEST(dns_answers)
{
	static const struct {
		const char *name;
		uint16_t type;
		int how;
		unsigned flags; /* AA and TC */
		unsigned rcode;
		const char *answer, *authority, *additional;
	} rows[] = {
		/* 1034 4.3.2 3a */
		{ "ns.plain.", DNS_A, 0, DNS_AA, 0, "ns.plain. A 192.0.2.1", "", "" },
		{ "NS.Plain.", DNS_A, 0, DNS_AA, 0, "NS.Plain. A 192.0.2.1", "", "" },
		{ "plain.", DNS_MX, 0, DNS_AA, 0, "plain. MX 10 mail.plain.", "",
		  "mail.plain. A 192.0.2.2" },
		{ "plain.", DNS_NS, 0, DNS_AA, 0, "plain. NS ns.other.; plain. NS ns.plain.", "",
		  AT_A },
		{ "srv.plain.", DNS_SRV, 0, DNS_AA, 0, "srv.plain. SRV 0 1 993 mail.plain.", "",
		  "mail.plain. A 192.0.2.2" },
		{ "odd.plain.", 65400, 0, DNS_AA, 0, "odd.plain. TYPE65400 \\# 3 010203", "", "" },
		/* 3a, aliases */
		{ "www2.plain.", DNS_A, 0, DNS_AA, 0,
		  "www2.plain. CNAME www.plain.; www.plain. CNAME mail.plain.; mail.plain. A "
		  "192.0.2.2",
		  "", "" },
		{ "www.plain.", DNS_CNAME, 0, DNS_AA, 0, "www.plain. CNAME mail.plain.", "", "" },
		{ "out.plain.", DNS_A, 0, DNS_AA, 0, "out.plain. CNAME www.other.", "", "" },
		{ "www.plain.", DNS_TXT, 0, DNS_AA, 0, "www.plain. CNAME mail.plain.", SOA, "" },
		{ "dangling.plain.", DNS_A, 0, DNS_AA, 3, "dangling.plain. CNAME nothing.plain.",
		  SOA, "" }, /* 6604 3 */
		{ "tosub.plain.", DNS_A, 0, DNS_AA, 0, "tosub.plain. CNAME host.sub.plain.",
		  "sub.plain. NS ns.sub.plain.; sub.plain. NS ns.sub2.plain.",
		  "ns.sub.plain. A 192.0.2.4; ns.sub2.plain. A 192.0.2.5" },
		/* 3b, referrals; 9471 */
		{ "a.b.sub2.plain.", DNS_A, 0, 0, 0, "", "sub2.plain. NS ns.sub2.plain.",
		  "ns.sub2.plain. A 192.0.2.5" },
		{ "ns.sub2.plain.", DNS_A, 0, 0, 0, "", "sub2.plain. NS ns.sub2.plain.",
		  "ns.sub2.plain. A 192.0.2.5" },
		{ "sub2.plain.", DNS_NS, 0, 0, 0, "", "sub2.plain. NS ns.sub2.plain.",
		  "ns.sub2.plain. A 192.0.2.5" },
		/* 4035 3.1.4.1: the parent's, also where the child is served as well */
		{ "child.plain.", DNS_DS, 0, DNS_AA, 0,
		  "child.plain. DS 1 13 2 "
		  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		  "", "" },
		{ "sub2.plain.", DNS_DS, 0, DNS_AA, 0, "", SOA, "" },
		{ "in.child.plain.", DNS_A, 0, DNS_AA, 0, "in.child.plain. A 192.0.2.44", "", "" },
		/* 3c, 2308 */
		{ "no.plain.", DNS_A, 0, DNS_AA, 3, "", SOA, "" },
		{ "ns.plain.", DNS_TXT, 0, DNS_AA, 0, "", SOA, "" },
		{ "b.c.plain.", DNS_A, 0, DNS_AA, 0, "", SOA, "" }, /* 4592 2.2.2 */
		{ "x.b.c.plain.", DNS_A, 0, DNS_AA, 3, "", SOA, "" },
		/* 4592 */
		{ "any.w.plain.", DNS_A, 0, DNS_AA, 0, "any.w.plain. A 192.0.2.9", "", "" },
		{ "a.b.w.plain.", DNS_A, 0, DNS_AA, 0, "a.b.w.plain. A 192.0.2.9", "", "" },
		{ "any.w.plain.", DNS_MX, 0, DNS_AA, 0, "", SOA, "" },
		{ "there.w.plain.", DNS_TXT, 0, DNS_AA, 0, "", SOA, "" },
		{ "x.there.w.plain.", DNS_A, 0, DNS_AA, 3, "", SOA, "" },
		{ "any.wc.plain.", DNS_A, 0, DNS_AA, 0,
		  "any.wc.plain. CNAME mail.plain.; mail.plain. A 192.0.2.2", "", "" },
		/* 6672 */
		{ "www.renamed.plain.", DNS_A, 0, DNS_AA, 0,
		  "renamed.plain. DNAME target.plain.; www.renamed.plain. CNAME www.target.plain.; "
		  "www.target.plain. A 192.0.2.6",
		  "", "" },
		{ "renamed.plain.", DNS_A, 0, DNS_AA, 0, "", SOA, "" },
		{ "renamed.plain.", DNS_DNAME, 0, DNS_AA, 0, "renamed.plain. DNAME target.plain.",
		  "", "" },
		/* elsewhere */
		{ "other.", DNS_A, 0, 0, 5, "", "", "" },
		{ ".", DNS_NS, 0, 0, 5, "", "", "" },
		/* 8482 4.1; TCP gets all */
		{ "mail.plain.", DNS_ANY, 0, DNS_AA, 0, "mail.plain. A 192.0.2.2", "", "" },
		{ "ns.plain.", DNS_ANY, 0, DNS_AA, 0, "ns.plain. A 192.0.2.1", "", "" },
		{ "ns.plain.", DNS_ANY, TCP, DNS_AA, 0, AT_A, "", "" },
		/* 4035 3.1: only where they are asked for */
		{ "a.signed.", DNS_A, 0, DNS_AA, 0, "a.signed. A 192.0.2.1", "", "" },
		{ "a.signed.", DNS_A, DO, DNS_AA, 0, "a.signed. A 192.0.2.1; a.signed. RRSIG A", "",
		  "" },
		{ "a.signed.", DNS_TXT, DO, DNS_AA, 0, "",
		  SIGNED_SOA "a.signed. NSEC ns.signed. A RRSIG NSEC; a.signed. RRSIG NSEC", "" },
		{ "b.ns.signed.", DNS_A, DO, DNS_AA, 3, "",
		  SIGNED_SOA "ns.signed. NSEC sub.signed. A RRSIG NSEC; ns.signed. RRSIG NSEC",
		  "" },
		{ "y.signed.", DNS_A, DO, DNS_AA, 0, "",
		  SIGNED_SOA "*.w.signed. NSEC x.y.signed. A RRSIG NSEC; *.w.signed. RRSIG NSEC",
		  "" },
		{ "x.sub.signed.", DNS_A, DO, 0, 0, "",
		  "sub.signed. NS ns.sub.signed.; sub.signed. NSEC *.w.signed. NS RRSIG NSEC; "
		  "sub.signed. RRSIG NSEC",
		  "ns.sub.signed. A 192.0.2.3" },
		{ "e.w.signed.", DNS_A, DO, DNS_AA, 0,
		  "e.w.signed. A 192.0.2.9; e.w.signed. RRSIG A",
		  "*.w.signed. NSEC x.y.signed. A RRSIG NSEC; *.w.signed. RRSIG NSEC", "" },
		{ "hashed.", DNS_NSEC3PARAM, DO, DNS_AA, 0,
		  "hashed. NSEC3PARAM 1 0 1 ab; hashed. RRSIG NSEC3PARAM", "", "" },
		{ "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.hashed.", DNS_NSEC3, 0, DNS_AA, 3, "",
		  "hashed. SOA ns.hashed. root.hashed. 7 3600 600 86400 60", "" }, /* 5155 7.2.8 */
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		static char out[DNS_MESSAGE_MAX];
		CLEANUP(buf_free) struct buf text = { 0 };
		const char *want[] = { rows[i].answer, rows[i].authority, rows[i].additional };
		size_t n = ask(rows[i].name, rows[i].type, rows[i].how, out, sizeof(out));

		CHECK_ROW(i, n > DNS_HEADER && dns_get16(out) == 0x1234);
		unsigned flags = dns_get16(out + 2);

		CHECK_ROW(i, (flags & 15) == rows[i].rcode);
		CHECK_ROW(i, (flags & (DNS_AA | DNS_TC)) == rows[i].flags);
		CHECK_ROW(i, (flags & (DNS_QR | DNS_RD | DNS_RA | DNS_AD)) == (DNS_QR | DNS_RD));
		buf_init(&text, 1 << 20);
		for (unsigned s = 0; s < 3; s++) {
			buf_reset(&text);
			print(str_of(out, n), s, &text);
			CHECK_STR_ROW(i, buf_str(&text), str_z(want[s]));
		}
	}
}

/* RFC 2308 5: the SOA's TTL in a negative answer is its minimum where that is less. */
TEST(dns_negative_ttl)
{
	char out[1232];
	struct dns_reader r;
	struct dns_record rr;
	size_t n = ask("no.plain.", DNS_A, 0, out, sizeof(out));

	CHECK_OK(dns_reader_open(str_of(out, n), &r));
	CHECK_OK(dns_reader_record(&r, &rr));
	CHECK(rr.type == DNS_SOA && rr.ttl == 60);
}

TEST(dns_truncation) /* RFC 2181 9, 6891 6.2.5, 9471 */
{
	static char out[DNS_MESSAGE_MAX];
	size_t n = ask("big.plain.", DNS_TXT, 0, out, sizeof(out));

	CHECK(n <= 1232 && dns_get16(out + 2) & DNS_TC && dns_get16(out + 6) == 0);
	n = ask("big.plain.", DNS_TXT, PLAIN, out, sizeof(out));
	CHECK(n <= 512 && dns_get16(out + 2) & DNS_TC);
	n = ask("big.plain.", DNS_TXT, TCP, out, sizeof(out));
	CHECK(n > 4000 && !(dns_get16(out + 2) & DNS_TC) && dns_get16(out + 6) == 100);
	/* the delegation fits, its glue does not */
	n = ask("x.crowd.plain.", DNS_A, 0, out, sizeof(out));
	CHECK(n <= 1232 && dns_get16(out + 2) & DNS_TC && dns_get16(out + 8) == 40);
	n = ask("x.crowd.plain.", DNS_A, TCP, out, sizeof(out));
	CHECK(!(dns_get16(out + 2) & DNS_TC) && dns_get16(out + 10) == 41);
}

TEST(dns_dname_too_long) /* RFC 6672 2.2: YXDOMAIN */
{
	char out[1232];
	static const char long_name[] =
		"a2345678901234567890123456789012345678901234567890123456789012."
		"b2345678901234567890123456789012345678901234567890123456789012."
		"longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglon.plain.";
	size_t n = ask(long_name, DNS_A, 0, out, sizeof(out));

	CHECK(n && (dns_get16(out + 2) & 15) == 6 && dns_get16(out + 6) == 1);
}

TEST(dns_loop_ends)
{
	char out[1232];
	size_t n = ask("loop.plain.", DNS_A, 0, out, sizeof(out));

	CHECK(n && dns_get16(out + 6) == LIM_DNS_ALIASES);
}

/* What is no question that we answer. */
TEST(dns_refusals)
{
	static const struct {
		const char *why;
		size_t at;
		int octet; /* put there */
		int rcode; /* -1: no answer */
	} rows[] = {
		{ "an answer", 2, 0x81, -1 },
		{ "opcode STATUS", 2, 0x10, 4 },
		{ "opcode UPDATE", 2, 0x28, 4 },
		{ "opcode NOTIFY without the role's function", 2, 0x20, 4 },
		{ "two questions", 5, 2, 1 },
		{ "no question", 5, 0, 1 },
		{ "an answer record that is not there", 7, 1, 1 },
		{ "a label of 64", 12, 64, 1 },
		{ "a pointer", 12, 0xc0, 1 },
		{ "class HS", 12 + 10 + 3, 4, 5 },
		{ "class ANY", 12 + 10 + 3, 255, 5 },
		{ "EDNS version 1", 12 + 14 + 6, 1, 0 /* BADVERS has its upper bits in OPT */ },
		{ "OPT cut", 12 + 14 + 10, 9, 1 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char question[512], out[1232];
		size_t n = put_question(question, "ns.plain.", DNS_A, DNS_IN, 0);

		question[rows[i].at] = (char)rows[i].octet;
		size_t k = dns_answer(the_server(), 0, &peer, false, str_of(question, n), out,
				      sizeof(out));
		CHECK_ROW(i, (k == 0) == (rows[i].rcode < 0));
		CHECK_ROW(i, !k || (dns_get16(out + 2) & 15) == (unsigned)rows[i].rcode);
		CHECK_ROW(i, k <= n + 6); /* never much longer: an extended error at most */
	}
	char short_one[11] = { 0 }, out[1232];

	CHECK(dns_answer(the_server(), 0, &peer, false, str_of(short_one, 11), out, sizeof(out)) ==
	      0);
}

TEST(dns_chaos) /* RFC 4892 */
{
	char question[512], out[1232];
	size_t n = put_question(question, "version.bind.", DNS_TXT, 3, PLAIN);
	size_t k = dns_answer(the_server(), 0, &peer, false, str_of(question, n), out, sizeof(out));

	CHECK(k && dns_get16(out + 6) == 1 && str_search(str_of(out, k), STR("posta")) < k);
	test_service.version = STR("");
	k = dns_answer(the_server(), 0, &peer, false, str_of(question, n), out, sizeof(out));
	CHECK(k && (dns_get16(out + 2) & 15) == DNS_REFUSED);
	test_service.version = STR("posta");
}

/* The OPT of an answer's options, as they stand in it; "" when it has none. */
static str options(str message)
{
	struct dns_reader r;
	struct dns_record rr;
	str found = STR("");

	CHECK_OK(dns_reader_open(message, &r));
	while (dns_reader_record(&r, &rr) == OK)
		if (rr.type == DNS_OPT)
			found = rr.rdata;
	return found;
}

static size_t ask_option(const char *option, size_t n, char out[1232])
{
	char question[512];
	size_t k = put_question(question, "ns.plain.", DNS_A, DNS_IN, 0);

	dns_put16(question + k - 2, (unsigned)n);
	memcpy(question + k, option, n);
	return dns_answer(the_server(), 0, &peer, false, str_of(question, k + n), out, 1232);
}

TEST(dns_cookies) /* RFC 7873 5.2 */
{
	char out[1232], again[28 + 1];

	clock_fake(1000, 1600000000);
	size_t n = ask_option("\0\12\0\10clientok", 12, out);
	str o = options(str_of(out, n));

	CHECK(o.n == 28 && str_starts(str_skip(o, 4), STR("clientok")));
	memcpy(again, o.p, 28);
	test_service.cookie_required = true;
	n = ask_option(again, 28, out);
	CHECK((dns_get16(out + 2) & 15) == 0 && dns_get16(out + 6) == 1);
	again[27] ^= 1;
	n = ask_option(again, 28, out);
	CHECK(dns_get16(out + 6) == 0 && (dns_get16(out + 2) & 15) == (DNS_BADCOOKIE & 15));
	n = ask("ns.plain.", DNS_A, PLAIN, out, sizeof(out));
	CHECK(dns_get16(out + 2) & DNS_TC && dns_get16(out + 6) == 0);
	n = ask("ns.plain.", DNS_A, TCP, out, sizeof(out));
	CHECK(dns_get16(out + 6) == 1);
	test_service.cookie_required = false;
	n = ask_option("\0\12\0\7clients", 11, out);
	CHECK((dns_get16(out + 2) & 15) == DNS_FORMERR);
	clock_fake(-1, -1);
}

TEST(dns_nsid) /* RFC 5001 */
{
	char out[1232];
	size_t n = ask_option("\0\3\0\0", 4, out);

	CHECK_STR(options(str_of(out, n)), STR("\0\3\0\10ns1.test"));
}

TEST(dns_rates)
{
	char out[1232];
	unsigned sent = 0, cut = 0;

	clock_fake(5000, 1600000000);
	test_service.rrl_rate = 10;
	test_service.rrl_slip = 2;
	for (int i = 0; i < 50; i++) {
		size_t n = ask("no.plain.", DNS_A, 0, out, sizeof(out));

		sent += n && !(dns_get16(out + 2) & DNS_TC);
		cut += n && dns_get16(out + 2) & DNS_TC;
	}
	CHECK(sent == 10 && cut == 20);
	/* other names of the zone that do not exist are of the same kind, those that do are not */
	CHECK(ask("no2.plain.", DNS_A, 0, out, sizeof(out)) == 0);
	CHECK(ask("ns.plain.", DNS_A, 0, out, sizeof(out)) != 0);
	CHECK(ask("no.plain.", DNS_A, TCP, out, sizeof(out)) != 0);
	clock_fake(6000, 1600000001);
	CHECK(ask("no.plain.", DNS_A, 0, out, sizeof(out)) != 0);
	test_service.rrl_rate = 0;
	clock_fake(-1, -1);
}

struct talk {
	struct buf input, output;
	err end;
};

static err talk(void *arg)
{
	struct talk *t = arg;
	struct stream *io = stream_script(buf_str(&t->input), 7);

	stream_script_keep(io, &t->output);
	t->end = dns_session(io, the_server(), 0);
	return OK;
}

TEST(dns_session) /* RFC 7766 6.2.1.1: several questions on their way at once */
{
	struct talk t = { 0 };
	size_t answers = 0;

	buf_init(&t.input, 10000);
	buf_init(&t.output, 100000);
	for (int i = 0; i < 5; i++) {
		char question[512];
		size_t n = put_question(question, i == 3 ? "big.plain." : "ns.plain.",
					i == 3 ? DNS_TXT : DNS_A, DNS_IN, 0);

		question[1] = (char)i;
		buf_addc(&t.input, (char)(n >> 8));
		buf_addc(&t.input, (char)n);
		buf_add(&t.input, str_of(question, n));
	}
	(void)the_server(); /* ldns reads NSEC with more stack than a fiber has */
	CHECK_OK(loop_main(talk, &t));
	CHECK(t.end == OK);
	for (str rest = buf_str(&t.output); rest.n; answers++) {
		CHECK(rest.n >= 2 && rest.n - 2 >= dns_get16(rest.p));
		CHECK((size_t)rest.p[3] == answers);
		rest = str_skip(rest, 2 + dns_get16(rest.p));
	}
	CHECK(answers == 5);
	buf_free(&t.input);
	buf_free(&t.output);
}
