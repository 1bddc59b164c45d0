#include "formats/rbl/rbl.h"

#include "base/limits.h"
#include "base/test.h"

TEST(rbl_range4) /* rbldnsd(8), "ip4set Dataset" */
{
	static const struct {
		str in;
		err want;
		uint32_t first, last;
	} rows[] = {
		{ S("127.0.0.1"), OK, 0x7f000001, 0x7f000001 },
		{ S("127.0.0.0/24"), OK, 0x7f000000, 0x7f0000ff },
		{ S("127.0.0"), OK, 0x7f000000, 0x7f0000ff },
		{ S("127/24"), OK, 0x7f000000, 0x7f0000ff },
		{ S("127-127.0.0"), OK, 0x7f000000, 0x7f0000ff },
		{ S("127.0.0.0-127.0.0.255"), OK, 0x7f000000, 0x7f0000ff },
		{ S("127.0.0.1-255"), OK, 0x7f000001, 0x7f0000ff },
		{ S("127.16.0.0-127.31.255.255"), OK, 0x7f100000, 0x7f1fffff },
		{ S("127.16.0-127.31.255"), OK, 0x7f100000, 0x7f1fffff },
		{ S("127.16-127.31"), OK, 0x7f100000, 0x7f1fffff },
		{ S("127.16-31"), OK, 0x7f100000, 0x7f1fffff },
		{ S("127.16/12"), OK, 0x7f100000, 0x7f1fffff },
		{ S("0/0"), OK, 0, 0xffffffff },
		{ S("127/8 ; loopback"), OK, 0x7f000000, 0x7fffffff },
		{ S("127.0.0.2/24"), E_SYNTAX, 0, 0 },
		{ S("256.0.0.1"), E_SYNTAX, 0, 0 },
		{ S("127.0.0.1x"), E_SYNTAX, 0, 0 },
		{ S("127.0.0.9-3"), E_SYNTAX, 0, 0 },
		{ S("x"), E_SYNTAX, 0, 0 },
		{ S("1.2.3.4/33"), E_SYNTAX, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint32_t first, last;
		str rest;

		CHECK_ROW(i, rbl_range4(rows[i].in, false, &first, &last, &rest) == rows[i].want);
		if (rows[i].want == OK)
			CHECK_ROW(i, first == rows[i].first && last == rows[i].last);
	}
}

TEST(rbl_prefix6)
{
	static const struct {
		str in;
		err want;
		unsigned bits;
		unsigned char second, last; /* octets 2 and 16 of the address */
	} rows[] = {
		{ S("2001:21ab:c000/36"), OK, 36, 1, 0 },
		{ S("2001:21ab:def7:4242 :127.0.1.3: x"), OK, 64, 1, 0 },
		{ S("2605:6001:42::/52"), OK, 52, 5, 0 },
		{ S("::1 # localhost"), OK, 128, 0, 1 },
		{ S("2605:6001:42::bead"), OK, 128, 5, 0xad },
		{ S("1:2:3:4:5:6:7:8"), OK, 128, 1, 8 },
		{ S("1:2:3:4:5:6:7:8:9"), E_SYNTAX, 0, 0, 0 },
		{ S("2001:db8::1/64"), E_SYNTAX, 0, 0, 0 },
		{ S("g::"), E_SYNTAX, 0, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned char ip[16];
		unsigned bits;
		str rest;

		CHECK_ROW(i, rbl_prefix6(rows[i].in, ip, &bits, &rest) == rows[i].want);
		if (rows[i].want == OK)
			CHECK_ROW(i, bits == rows[i].bits && ip[1] == rows[i].second &&
					     ip[15] == rows[i].last);
	}
}

struct seen {
	struct buf out;
	str vars[RBL_VARIABLES];
};

static err keep(void *arg, const struct rbl_entry *e)
{
	struct seen *s = arg;

	if (e->exclude)
		buf_addc(&s->out, '!');
	if (e->type == RBL_DNSET || e->type == RBL_GENERIC) {
		struct dns_name n = e->name;

		n.p[n.n++] = 0;
		if (e->wildcard)
			buf_add(&s->out, e->plain ? STR(".") : STR("*."));
		dns_name_print(dns_name_str(&n), &s->out);
	} else {
		buf_fmt(&s->out, "%x-%x", e->first, e->last);
	}
	if (e->type == RBL_GENERIC)
		buf_fmt(&s->out, " %u %u %zu\n", e->rr_type, e->ttl, e->rdata.n);
	else
		buf_fmt(&s->out, " %u %s%.*s\n", e->value.a[3], e->value.has_txt ? "" : "none",
			STRF(e->value.has_txt ? e->value.txt : STR("")));
	return OK;
}

static void variable(void *arg, unsigned which, str text)
{
	struct seen *s = arg;

	s->vars[which] = text;
}

static err dataset(void *arg, enum rbl_type type, str subzones)
{
	struct seen *s = arg;

	buf_fmt(&s->out, "[%.*s %.*s]\n", STRF(rbl_type_name(type)), STRF(subzones));
	return OK;
}

TEST(rbl_files)
{
	static const struct {
		enum rbl_type type;
		str in, out;
		size_t bad;
	} rows[] = {
		/* "Resulting A values and TXT templates" */
		{ RBL_IP4SET,
		  S("# a comment\n; another\n127.0.0.1\n:127.0.0.2:IP address $ is "
		    "listed\n127.0.0.4\n"
		    "127.0.0.5 :5\n127.0.0.6 :6:\n127.0.0.7 IP address $ running an open relay\n"
		    "!127.0.0.8\n127.0.0.9 # no value\n"),
		  S("7f000001-7f000001 2 none\n7f000004-7f000004 2 IP address $ is listed\n"
		    "7f000005-7f000005 5 IP address $ is listed\n7f000006-7f000006 6 none\n"
		    "7f000007-7f000007 2 IP address $ running an open relay\n"
		    "!7f000008-7f000008 2 IP address $ is listed\n"
		    "7f000009-7f000009 2 IP address $ is listed\n"),
		  0 },
		{ RBL_IP4SET, S("$MAXRANGE4 /24\n10.0.0.0/24\n10.0/16\n$MAXRANGE4 /8\n10.1/16\n"),
		  S("a000000-a0000ff 2 none\n"), 2 },
		{ RBL_IP4TRIE, S("10/8 :3:x\n10.0.0.1-10.0.0.9\n"), S("a000000-affffff 3 x\n"), 1 },
		{ RBL_IP4TSET, S("10.0.0.1\n10.0.0/24\n"), S("a000001-a000001 2 none\n"), 1 },
		{ RBL_DNSET, S("Example.com\n*.a.com\n.b.com :9:t\n!c.com.\n.\n"),
		  S("example.com. 2 none\n*.a.com. 2 none\n.b.com. 9 t\n!c.com. 2 none\n"), 1 },
		{ RBL_GENERIC,
		  S("www 3000 A 127.0.0.1\nabout TXT \"some text\"\n@ MX 10 mx.ex.com\nx CNAME "
		    "y\n"),
		  S("www. 1 3000 4\nabout. 16 0 10\n. 15 0 13\n"), 1 },
		{ RBL_COMBINED,
		  S("1.2.3.4\n$DATASET ip4set:proxy proxies @\n:2:x\n127.0.0.2\n$DATASET dnset "
		    "d\na.com\n"
		    "$DATASET combined d\n"),
		  S("[ip4set proxies @]\n7f000002-7f000002 2 x\n[dnset d]\na.com. 2 none\n"), 2 },
		{ RBL_IP4SET, S("#$1 one\n;$2 two\n:$= $1 $= $\n$NOSUCH\n"), S(""), 1 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct seen s = { 0 };
		struct buf complaints;

		buf_init(&s.out, KIB(16));
		buf_init(&complaints, KIB(16));
		struct rbl_reader r = { .type = rows[i].type,
					.entry = keep,
					.dataset = dataset,
					.variable = variable,
					.arg = &s,
					.complaints = &complaints };

		CHECK_ROW(i, rbl_read(&r, rows[i].in, STR("f")) == OK);
		CHECK_STR_ROW(i, buf_str(&s.out), rows[i].out);
		CHECK_ROW(i, r.bad == rows[i].bad);
		buf_free(&s.out);
		buf_free(&complaints);
	}
}

TEST(rbl_text)
{
	static const struct {
		str txt;
		bool base;
		str want;
	} rows[] = {
		{ S("$1/spammer/$ $2"), false, S("See http://x/spammer/1.2.3.4 for details") },
		{ S("This spammer wants some $$$$.  $1/$"), false,
		  S("This spammer wants some $$.  See http://x/1.2.3.4") },
		{ S("r123"), true, S("See ?r123 (1.2.3.4) for details") },
		{ S(""), true, S("See ?1.2.3.4 (1.2.3.4) for details") },
		{ S("=See other blocklists about $"), true,
		  S("See other blocklists about 1.2.3.4") },
		{ S("$9"), false, S("1.2.3.49") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		str vars[RBL_VARIABLES] = { [1] = S("See http://x"), [2] = S("for details") };
		struct buf out;

		if (rows[i].base)
			vars[RBL_BASE] = STR("See ?$= ($) for details");
		buf_init(&out, 1000);
		rbl_text(rows[i].txt, vars, STR("1.2.3.4"), &out);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].want);
		buf_free(&out);
	}
}
