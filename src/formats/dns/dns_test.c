#include <string.h>

#include "base/test.h"
#include "formats/dns/message.h"

static str wire(const char *text, struct dns_name *n)
{
	CHECK_OK(dns_name_parse(str_z(text), STR(""), n));
	return dns_name_str(n);
}

TEST(dns_name_parse_and_print)
{
	static const struct {
		str in;
		err want;
		str out;
	} rows[] = {
		{ S("www.Example."), OK, S("www.Example.") },
		{ S("."), OK, S(".") },
		{ S("@"), OK, S("o.test.") },
		{ S("www"), OK, S("www.o.test.") },
		{ S("a\\.b.c."), OK, S("a\\.b.c.") },
		{ S("a\\000\\255."), OK, S("a\\000\\255.") },
		{ S("\\@."), OK, S("\\@.") },
		{ S("*.x."), OK, S("*.x.") },
		{ S(""), E_SYNTAX, S("") },
		{ S("a..b."), E_SYNTAX, S("") },
		{ S(".a."), E_SYNTAX, S("") },
		{ S("a\\256."), E_SYNTAX, S("") },
		{ S("a\\1."), E_SYNTAX, S("") },
		{ S("a\\"), E_SYNTAX, S("") },
		/* RFC 1035 2.3.4 */
		{ S("0123456789012345678901234567890123456789012345678901234567890123."), E_SYNTAX,
		  S("") },
	};
	struct dns_name origin;
	str o = wire("o.test.", &origin);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_name n = { .n = 0 };
		struct buf b;

		CHECK_ROW(i, dns_name_parse(rows[i].in, o, &n) == rows[i].want);
		if (rows[i].want != OK)
			continue;
		CHECK_ROW(i, dns_name_valid(dns_name_str(&n)));
		buf_init(&b, 2000);
		dns_name_print(dns_name_str(&n), &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
		buf_free(&b);
	}
	CHECK(dns_name_parse(STR("www"), STR(""), &origin) == E_SYNTAX);
}

TEST(dns_name_too_long)
{
	char text[300];
	struct dns_name n;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'a';
	CHECK_OK(dns_name_parse(str_of(text, 254), STR(""), &n)); /* 127 labels: 255 octets */
	CHECK(n.n == 255 && dns_name_labels(dns_name_str(&n)) == 127);
	CHECK(dns_name_parse(str_of(text, 256), STR(""), &n) == E_LIMIT);
}

TEST(dns_name_order) /* RFC 4034 6.1 */
{
	static const char *const order[] = {
		"example.",	    "a.example.",      "yljkjljk.a.example.",
		"Z.a.example.",	    "zABC.a.EXAMPLE.", "z.example.",
		"\\001.z.example.", "*.z.example.",    "\\200.z.example."
	};

	for (size_t i = 0; i < COUNT(order); i++)
		for (size_t k = 0; k < COUNT(order); k++) {
			struct dns_name a, b;
			int c = dns_name_cmp(wire(order[i], &a), wire(order[k], &b));

			CHECK_ROW(i, (c < 0) == (i < k) && (c > 0) == (i > k));
		}
}

TEST(dns_name_relations)
{
	struct dns_name a, b, w;

	CHECK(dns_name_under(wire("www.Example.", &a), wire("example.", &b)));
	CHECK(dns_name_under(wire("example.", &a), wire("example.", &b)));
	CHECK(!dns_name_under(wire("wwwexample.", &a), wire("example.", &b)));
	CHECK(dns_name_under(wire("x.", &a), wire(".", &b)));
	CHECK(dns_name_eq(dns_name_parent(wire("a.b.", &a)), wire("b.", &b)));
	CHECK_OK(dns_name_wildcard(wire("b.", &b), &w));
	CHECK(dns_name_is_wildcard(dns_name_str(&w)) && !dns_name_is_wildcard(dns_name_str(&b)));
}

/* ---- messages ---- */

static const unsigned char question[] = "\x12\x34\x01\x00\0\1\0\0\0\0\0\1"
					"\3wWw\7example\0\0\1\0\1"
					"\0\0\x29\x04\xd0\0\0\x80\0\0\x0c\0\x0a\0\x08"
					"abcdefgh";

TEST(dns_query)
{
	str m = str_of(question, sizeof(question) - 1);
	struct dns_query q;
	struct dns_name n;

	CHECK_OK(dns_query_parse(m, &q));
	CHECK(q.id == 0x1234 && q.flags == DNS_RD && q.opcode == DNS_QUERY && q.type == DNS_A);
	CHECK(dns_name_eq(dns_name_str(&q.name), wire("www.example.", &n)) && q.name.p[1] == 'w' &&
	      q.name.p[2] == 'W');
	CHECK(q.edns.present && q.edns.dnssec_ok && q.edns.udp_size == 1232 && q.edns.version == 0);
	CHECK_STR(q.edns.cookie, STR("abcdefgh"));
	CHECK(q.tsig == 0 && q.question_end == 29);
	for (size_t i = 0; i < m.n; i++) /* every cut is malformed, and read no further */
		CHECK_ROW(i, dns_query_parse(str_take(m, i), &q) == E_SYNTAX);
}

TEST(dns_query_malformed)
{
	static const struct {
		str m;
		const char *why;
	} rows[] = {
		{ S("\0\0\0\0\0\0\0\0\0\0\0\0"), "no question" },
		{ S("\0\0\0\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1"), "two questions" },
		{ S("\0\0\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"), "a pointer to itself" },
		{ S("\0\0\0\0\0\1\0\0\0\0\0\0\x40\0\1\0\1"), "a label of another kind" },
		{ S("\0\0\0\0\0\1\0\0\0\0\0\0\0\0\1\0\1x"), "more octets" },
		{ S("\0\0\0\0\0\1\0\0\0\0\0\2\0\0\1\0\1\0\0\x29\4\0\0\0\0\0\0\0\0\0\x29\4\0\0\0\0\0"
		    "\0\0"),
		  "two OPT" },
		{ S("\0\0\0\0\0\1\0\0\0\0\0\1\0\0\1\0\1\0\0\x29\4\0\0\0\0\0\0\3\0\1\0"),
		  "an option cut" },
		{ S("\0\0\0\0\0\1\0\0\0\0\0\2\0\0\1\0\1\0\0\xfa\0\xff\0\0\0\0\0\0\0\0\1\0\1\0\0\0\0"
		    "\0\0"),
		  "TSIG is not the last" },
	};
	struct dns_query q;

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, dns_query_parse(rows[i].m, &q) == E_SYNTAX);
}

TEST(dns_name_pointers)
{
	static const unsigned char m[] = "\0\0\0\0\0\0\0\0\0\0\0\0\1a\0\1b\xc0\x0c\xc0\x0f\xc0\x15";
	str s = str_of(m, sizeof(m) - 1);
	struct dns_name n, want;
	size_t end;

	CHECK_OK(dns_name_read(s, 15, &n, &end));
	CHECK(dns_name_eq(dns_name_str(&n), wire("b.a.", &want)) && end == 19);
	CHECK_OK(dns_name_read(s, 19, &n, &end));
	CHECK(dns_name_eq(dns_name_str(&n), wire("b.a.", &want)) && end == 21);
	CHECK(dns_name_read(s, 21, &n, &end) == E_SYNTAX); /* to itself */
	CHECK(dns_name_read(s, 23, &n, &end) == E_SYNTAX); /* behind the end */
}

TEST(dns_writer_compresses_and_is_read_back)
{
	unsigned char room[512];
	struct dns_writer w;
	struct dns_name www, zone, mail;
	char mx[100] = "\0\12";
	str m = wire("mail.example.", &mail);

	memcpy(mx + 2, m.p, m.n);
	dns_writer_init(&w, room, sizeof(room));
	dns_writer_header(&w, 7, DNS_QR | DNS_AA);
	CHECK_OK(dns_writer_question(&w, wire("www.example.", &www), DNS_A, DNS_IN));
	CHECK_OK(dns_writer_record(&w, DNS_ANSWER, dns_name_str(&www), DNS_A, DNS_IN, 60,
				   STR("\300\0\2\1")));
	CHECK_OK(dns_writer_record(&w, DNS_AUTHORITY, wire("EXAMPLE.", &zone), DNS_MX, DNS_IN, 60,
				   str_of(mx, 2 + m.n)));
	size_t full = w.n;

	CHECK(dns_writer_record(&w, DNS_ADDITIONAL, m, 65280, DNS_IN, 1, str_of(room, 500)) ==
	      E_LIMIT);
	CHECK(w.n == full);
	dns_writer_end(&w);
	CHECK(full == 12 + 17 + (2 + 10 + 4) + (2 + 10 + 2 + 5 + 2));

	struct dns_reader r;
	struct dns_record rr;
	struct buf data;

	buf_init(&data, 300);
	CHECK_OK(dns_reader_open(str_of(room, w.n), &r));
	CHECK_OK(dns_reader_record(&r, &rr));
	CHECK(rr.type == DNS_A && rr.ttl == 60 && rr.section == DNS_ANSWER &&
	      dns_name_eq(dns_name_str(&rr.name), dns_name_str(&www)));
	CHECK_OK(dns_reader_record(&r, &rr));
	CHECK_OK(dns_rdata_decompress(r.message, &rr, &data));
	CHECK_STR(buf_str(&data), str_of(mx, 2 + m.n));
	CHECK(dns_reader_record(&r, &rr) == E_EOF);
	buf_free(&data);
}
