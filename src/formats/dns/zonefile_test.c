#include "formats/dns/zonefile.h"

#include "base/limits.h"
#include "base/test.h"
#include "formats/dns/rdata.h"

/* What was read, a line a record, as it would be printed. */
static err keep(void *arg, const struct zonefile_record *r)
{
	struct buf *out = arg;

	dns_name_print(r->owner, out);
	buf_fmt(out, " %u ", r->ttl);
	dns_type_print(r->type, out);
	buf_addc(out, ' ');
	dns_rdata_print(r->type, r->rdata, out);
	buf_addc(out, '\n');
	return OK;
}

static err include(void *arg, str path, str from, str *text)
{
	(void)arg;
	(void)from;
	if (str_eq(path, STR("sub")))
		*text = STR("$TTL 5\nin A 192.0.2.9\n$ORIGIN other.\n@ A 192.0.2.8\n");
	else if (str_eq(path, STR("loop")))
		*text = STR("$INCLUDE loop\n");
	else
		return fail(E_NOTFOUND, "there is no file %.*s", STRF(path));
	return OK;
}

TEST(zonefile)
{
	static const struct {
		str in;
		err want;
		str out; /* records, or the complaints */
	} rows[] = {
		/* RFC 1035 5.3's way of writing */
		{ S("$TTL 1h\n@ IN SOA ns host ( 1 ; serial\n 2h 1h 2w 5m )\n\tNS ns\nns 60 IN A "
		    "192.0.2.1\n"
		    "ns IN 60 AAAA 2001:db8::1\n"),
		  OK,
		  S("o.test. 3600 SOA ns.o.test. host.o.test. 1 7200 3600 1209600 300\n"
		    "o.test. 3600 NS ns.o.test.\nns.o.test. 60 A 192.0.2.1\nns.o.test. 60 AAAA "
		    "2001:db8::1\n") },
		{ S("a 1 TXT \"one; (two)\" three \"q\\\"\\\\\\065\"\n"), OK,
		  S("a.o.test. 1 TXT \"one; (two)\" \"three\" \"q\\\"\\\\A\"\n") },
		{ S("a 1 MX 10 m\n  2 MX 20 m.x.\n"), OK,
		  S("a.o.test. 1 MX 10 m.o.test.\na.o.test. 2 MX 20 m.x.\n") },
		/* RFC 3597 */
		{ S("a 1 TYPE65280 \\# 3 01 0203\na 1 A \\# 4 c0000201\na 1 CLASS1 TYPE1 "
		    "192.0.2.1\n"),
		  OK,
		  S("a.o.test. 1 TYPE65280 \\# 3 010203\na.o.test. 1 A 192.0.2.1\na.o.test. 1 A "
		    "192.0.2.1\n") },
		{ S("a 1 CAA 0 issue \"ca.test\"\na 1 TLSA 3 1 1 "
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"),
		  OK,
		  S("a.o.test. 1 CAA 0 issue \"ca.test\"\na.o.test. 1 TLSA 3 1 1 "
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n") },
		{ S("$ORIGIN sub\nx 1 A 192.0.2.1\n$ORIGIN o.test.\n$INCLUDE sub in\ny A "
		    "192.0.2.2\n"),
		  OK,
		  S("x.sub.o.test. 1 A 192.0.2.1\nin.in.o.test. 5 A 192.0.2.9\nother. 5 A "
		    "192.0.2.8\n"
		    "y.o.test. 5 A 192.0.2.2\n") },
		/* BIND's $GENERATE */
		{ S("$TTL 1\n$GENERATE 1-5/2 h$ A 192.0.2.$\n"), OK,
		  S("h1.o.test. 1 A 192.0.2.1\nh3.o.test. 1 A 192.0.2.3\nh5.o.test. 1 A "
		    "192.0.2.5\n") },
		{ S("$TTL 1\n$GENERATE 9-10 a${1,3,d}-${0,2,x} 7 IN CNAME b$$.${-9}.\n"), OK,
		  S("a010-09.o.test. 7 CNAME b\\$.0.\na011-0a.o.test. 7 CNAME b\\$.1.\n") },
		{ S("$TTL 1\n$GENERATE 18-18 ${0,7,n} PTR x\n"), OK,
		  S("2.1.0.0.o.test. 1 PTR x.o.test.\n") },
		/* errors: file, line, reason, and on it goes */
		{ S("a A 192.0.2.1\n"), E_SYNTAX,
		  S("z:1: no TTL: none here, no $TTL, and none before\n") },
		{ S("$TTL 1\na A 192.0.2.256\nb A 192.0.2.1\nc NS ..\n"), E_SYNTAX,
		  S("z:2: \"192.0.2.256\" is no IPv4 address\nz:4: an empty label\n") },
		{ S("a 1 A 192.0.2.1 x\n"), E_SYNTAX, S("z:1: \"x\" is too much\n") },
		{ S("a 1 CH A 192.0.2.1\n"), E_SYNTAX, S("z:1: class CH: only IN is served\n") },
		{ S("a 1 NOSUCH x\n"), E_SYNTAX, S("z:1: \"NOSUCH\" is no type\n") },
		{ S("a 1 TXT \"x\nb 1 A 192.0.2.1\n"), E_SYNTAX,
		  S("z:1: a quoted text has no end on its line\n") },
		{ S("a 1 MX ( 10 b\n"), E_SYNTAX, S("z:1: a ( without its )\n") },
		{ S("a 1 A 192.0.2.1 )\n"), E_SYNTAX, S("z:1: a ) without its (\n") },
		{ S(" A 192.0.2.1\n"), E_SYNTAX, S("z:1: the first record has no owner\n") },
		{ S("$INCLUDE nowhere\n"), E_SYNTAX, S("z:1: there is no file nowhere\n") },
		{ S("$INCLUDE loop\n"), E_SYNTAX,
		  S("loop:1: more than 10 files include each other\n") },
		{ S("$GENERATE 1-2000000 a A 192.0.2.$\n"), E_SYNTAX,
		  S("z:1: $GENERATE of more than 1048576 records\n") },
		{ S("a 2147483648 A 192.0.2.1\n"), E_SYNTAX,
		  S("z:1: the TTL 2147483648 is over 2147483647\n") },
		{ S("a 1 A \\# 3 010203\n"), E_SYNTAX,
		  S("z:1: these octets are no data of their type\n") },
	};
	struct dns_name origin;

	CHECK_OK(dns_name_parse(STR("o.test."), STR(""), &origin));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out, complaints;

		buf_init(&out, KIB(16));
		buf_init(&complaints, KIB(16));
		struct zonefile z = { .origin = dns_name_str(&origin),
				      .record = keep,
				      .include = include,
				      .arg = &out,
				      .complaints = &complaints };

		CHECK_ROW(i, zonefile_read(&z, rows[i].in, STR("z")) == rows[i].want);
		CHECK_STR_ROW(i, buf_str(rows[i].want == OK ? &out : &complaints), rows[i].out);
		buf_free(&out);
		buf_free(&complaints);
	}
}

TEST(rdata_forms)
{
	static const struct {
		uint16_t type;
		str text;
		err want;
	} rows[] = {
		{ DNS_SRV, S("1 2 3 t."), OK },
		{ DNS_SVCB, S("1 . alpn=h2"), OK },
		{ DNS_HTTPS, S("0 x.test."), OK },
		{ DNS_DS,
		  S("1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
		  OK },
		{ DNS_DS, S("1 13 2 0123"), E_SYNTAX },
		{ DNS_SVCB, S("\\# 5 0001 00 0001"), E_SYNTAX }, /* a parameter is cut */
		{ DNS_MX, S("65536 x."), E_SYNTAX },
		{ DNS_TXT, S(""), E_SYNTAX },
		{ DNS_CAA, S("0 is-sue \"x\""), E_SYNTAX },
		{ DNS_TLSA, S("3 1 1 0123"), E_SYNTAX },
		{ 108, S("00-00-5e-00-53-2a"), OK },
		{ 35, S("100 10 \"S\" \"z\" \"\" t."), OK },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf wire, text, again;

		buf_init(&wire, KIB(16));
		buf_init(&text, KIB(16));
		buf_init(&again, KIB(16));
		CHECK_ROW(i, dns_rdata_parse(rows[i].type, rows[i].text, STR(""), &wire) ==
				     rows[i].want);
		if (rows[i].want == OK) {
			dns_rdata_print(rows[i].type, buf_str(&wire), &text);
			CHECK_ROW(i, dns_rdata_parse(rows[i].type, buf_str(&text), STR(""),
						     &again) == OK);
			CHECK_STR_ROW(i, buf_str(&again), buf_str(&wire));
		}
		buf_free(&wire);
		buf_free(&text);
		buf_free(&again);
	}
}
