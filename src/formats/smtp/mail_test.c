#include "base/test.h"
#include "formats/smtp/smtp.h"

enum { ALL = 0xffff };

TEST(smtp_address)
{
	static const struct {
		str in, text, local, domain;
		err want;
	} rows[] = {
		/* 5321 4.1.2: Dot-string, Domain */
		{ S("ana@demo.test"), S("ana@demo.test"), S("ana"), S("demo.test"), OK },
		{ S("Ana.B@DEMO.Test"), S("Ana.B@demo.test"), S("Ana.B"), S("demo.test"), OK },
		{ S("!#$%&'*+-/=?^_`{|}~@a"), S("!#$%&'*+-/=?^_`{|}~@a"), S("!#$%&'*+-/=?^_`{|}~"),
		  S("a"), OK },
		{ S(".a@b"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a.@b"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a..b@b"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a b@b"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a"), S(""), S(""), S(""), E_SYNTAX },
		{ S("@b"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@b@c"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@b."), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@-b"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@b..c"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@b\0c"), S(""), S(""), S(""), E_SYNTAX },
		/* 4.1.2: Quoted-string; needless quotes vanish, so no name has two spellings */
		{ S("\"ana\"@demo.test"), S("ana@demo.test"), S("ana"), S("demo.test"), OK },
		{ S("\"a b\"@c"), S("\"a b\"@c"), S("a b"), S("c"), OK },
		{ S("\"a\\\"b\"@c"), S("\"a\\\"b\"@c"), S("a\"b"), S("c"), OK },
		{ S("\"a\\b\"@c"), S("ab@c"), S("ab"), S("c"), OK },
		{ S("\"a@x\"@c"), S("\"a@x\"@c"), S("a@x"), S("c"), OK },
		{ S("\"\"@c"), S("\"\"@c"), S(""), S("c"), OK },
		{ S("\"a\rb\"@c"), S(""), S(""), S(""), E_SYNTAX },
		{ S("\"a@c"), S(""), S(""), S(""), E_SYNTAX },
		{ S("\"a\"b@c"), S(""), S(""), S(""), E_SYNTAX },
		/* 4.1.3: address literals */
		{ S("a@[192.0.2.1]"), S("a@[192.0.2.1]"), S("a"), S("[192.0.2.1]"), OK },
		{ S("a@[IPv6:2001:DB8::1]"), S("a@[ipv6:2001:db8::1]"), S("a"),
		  S("[ipv6:2001:db8::1]"), OK },
		{ S("a@[300.0.2.1]"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@[]"), S(""), S(""), S(""), E_SYNTAX },
		{ S("a@[192.0.2.1"), S(""), S(""), S(""), E_SYNTAX },
		/* 6531 3.3 */
		{ S("jos\xc3\xa9@\xc3\xb1.test"), S("jos\xc3\xa9@\xc3\xb1.test"), S("jos\xc3\xa9"),
		  S("\xc3\xb1.test"), OK },
		{ S("jos\xe9@b"), S(""), S(""), S(""), E_SYNTAX },
		/* 4.5.3.1.1: 64 octets */
		{ S("1234567890123456789012345678901234567890123456789012345678901234@b"),
		  S("1234567890123456789012345678901234567890123456789012345678901234@b"),
		  S("1234567890123456789012345678901234567890123456789012345678901234"), S("b"),
		  OK },
		{ S("12345678901234567890123456789012345678901234567890123456789012345@b"), S(""),
		  S(""), S(""), E_LIMIT },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a;
		struct smtp_address r = { S(""), S(""), S(""), false };

		arena_init(&a, KIB(4));
		CHECK_ROW(i, smtp_parse_address(rows[i].in, &a, &r) == rows[i].want);
		CHECK_STR_ROW(i, r.text, rows[i].text);
		CHECK_STR_ROW(i, r.local, rows[i].local);
		CHECK_STR_ROW(i, r.domain, rows[i].domain);
		arena_free(&a);
	}
}

TEST(smtp_mail)
{
	static const struct {
		str in;
		unsigned ext;
		err want;
		str out; /* printed again */
	} rows[] = {
		{ S("FROM:<a@b.example>"), 0, OK, S("MAIL FROM:<a@b.example>") },
		{ S("from:<>"), 0, OK, S("MAIL FROM:<>") },		  /* 5321 4.5.5 */
		{ S("FROM:<@x,@y.z:a@b>"), 0, OK, S("MAIL FROM:<a@b>") }, /* 5321 C */
		{ S("FROM:<\"a>b\"@c>"), 0, OK, S("MAIL FROM:<\"a>b\"@c>") },
		{ S("FROM: <a@b>"), 0, E_SYNTAX, S("") }, /* 5321 3.3: no space */
		{ S("FROM:a@b"), 0, E_SYNTAX, S("") },
		{ S("FROM:<a@b"), 0, E_SYNTAX, S("") },
		{ S("FROM:<a@b>x"), 0, E_SYNTAX, S("") },
		{ S("FROM:<postmaster>"), 0, E_SYNTAX, S("") },
		{ S("FROM:<@x>"), 0, E_SYNTAX, S("") },
		{ S("FROM:<@x:>"), 0, E_SYNTAX, S("") },
		{ S("TO:<a@b>"), 0, E_SYNTAX, S("") },
		{ S(""), 0, E_SYNTAX, S("") },
		/* 1870 4, 6152 2, 6531 3.4 */
		{ S("FROM:<a@b> SIZE=1000 BODY=8BITMIME SMTPUTF8"), ALL, OK,
		  S("MAIL FROM:<a@b> SIZE=1000 BODY=8BITMIME SMTPUTF8") },
		{ S("FROM:<a@b> size=5 body=7bit"), ALL, OK,
		  S("MAIL FROM:<a@b> SIZE=5 BODY=7BIT") },
		{ S("FROM:<a@b> SIZE=1"), 0, E_DENIED, S("") },
		{ S("FROM:<a@b> SIZE="), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> SIZE=-1"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> SIZE=99999999999999999999999"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> SIZE=1 SIZE=2"), ALL, E_EXISTS, S("") },
		{ S("FROM:<a@b> BODY=BINARYMIME"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> SMTPUTF8=1"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> FOO"), ALL, E_DENIED, S("") },
		{ S("FROM:<a@b> =x"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> F\x01=x"), ALL, E_SYNTAX, S("") },
		/* 3461 4.3, 4.4 */
		{ S("FROM:<a@b> RET=HDRS ENVID=a+2Bb"), ALL, OK,
		  S("MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb") },
		{ S("FROM:<a@b> RET=ALL"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> ENVID"), ALL, E_SYNTAX, S("") },
		{ S("FROM:<a@b> ENVID=a+0D+0Ab"), ALL, E_SYNTAX, S("") }, /* no line ends inside */
		{ S("FROM:<a@b> AUTH=<>"), ALL, OK, S("MAIL FROM:<a@b> AUTH=<>") }, /* 4954 5 */
		{ S("FROM:<a@b> XDELIVERYID=Ab12"), ALL, OK,
		  S("MAIL FROM:<a@b> XDELIVERYID=Ab12") },
		{ S("FROM:<a@b> XDELIVERYID=Ab12"), ALL & ~SMTP_EXT_DELIVERYID, E_DENIED, S("") },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a;
		struct buf b;
		struct smtp_mail m = { 0 };

		arena_init(&a, KIB(4));
		buf_init(&b, KIB(4));
		CHECK_ROW(i, smtp_parse_mail(rows[i].in, rows[i].ext, &a, &m) == rows[i].want);
		if (rows[i].want == OK)
			smtp_print_mail(&b, &m, ALL);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
		buf_free(&b);
		arena_free(&a);
	}
}

TEST(smtp_rcpt)
{
	static const struct {
		str in, out;
		err want;
	} rows[] = {
		{ S("TO:<a@b.example>"), S("RCPT TO:<a@b.example>"), OK },
		{ S("to:<Postmaster>"), S("RCPT TO:<Postmaster>"), OK }, /* 5321 4.1.1.3 */
		{ S("TO:<@r.example:a@b.example>"), S("RCPT TO:<a@b.example>"), OK }, /* C */
		{ S("TO: <a@b.example>"), S(""), E_SYNTAX },			      /* 3.3 */
		{ S("TO:<>"), S(""), E_SYNTAX },
		{ S("TO:<ana>"), S(""), E_SYNTAX },
		{ S("TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bx@b"),
		  S("RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bx@b"), OK },
		{ S("TO:<a@b> NOTIFY=NEVER"), S("RCPT TO:<a@b> NOTIFY=NEVER"), OK },
		{ S("TO:<a@b> NOTIFY=NEVER,DELAY"), S(""), E_SYNTAX }, /* 3461 4.1 */
		{ S("TO:<a@b> NOTIFY=,"), S(""), E_SYNTAX },
		{ S("TO:<a@b> ORCPT=x"), S(""), E_SYNTAX },
		{ S("TO:<a@b> ORCPT=r+20;a"), S(""), E_SYNTAX }, /* the type is an atom (fuzz) */
		{ S("TO:<a@b> ORCPT=rfc822;a+0Ab"), S(""), E_SYNTAX },
		{ S("TO:<a@b> SIZE=1"), S(""), E_DENIED },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena a;
		struct buf b;
		struct smtp_rcpt r = { 0 };

		arena_init(&a, KIB(4));
		buf_init(&b, KIB(4));
		CHECK_ROW(i, smtp_parse_rcpt(rows[i].in, ALL, &a, &r) == rows[i].want);
		if (rows[i].want == OK)
			smtp_print_rcpt(&b, &r, ALL);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
		buf_free(&b);
		arena_free(&a);
	}
}

TEST(smtp_bdat)
{
	static const struct {
		str in;
		err want;
		uint64_t n;
		bool last;
	} rows[] = {
		{ S("10"), OK, 10, false },
		{ S("0 LAST"), OK, 0, true }, /* 3030 2 */
		{ S("10 last "), OK, 10, true },
		{ S(""), E_SYNTAX, 0, false },
		{ S("-1"), E_SYNTAX, 0, false },
		{ S("1 FIRST"), E_SYNTAX, 0, false },
		{ S("1 LAST x"), E_SYNTAX, 0, false },
		{ S("99999999999999999999"), E_SYNTAX, 0, false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t n = 0;
		bool last = false;

		CHECK_ROW(i, smtp_parse_bdat(rows[i].in, &n, &last) == rows[i].want);
		CHECK_ROW(i, n == rows[i].n && last == rows[i].last);
	}
}

TEST(smtp_helo_auth)
{
	str name = STR(""), mech = STR(""), initial = STR("");
	bool has = false;

	CHECK_OK(smtp_parse_helo(STR(" mail.example "), &name));
	CHECK_STR(name, STR("mail.example"));
	CHECK(smtp_parse_helo(STR(""), &name) == E_SYNTAX);
	CHECK(smtp_parse_helo(STR("a b"), &name) == E_SYNTAX);
	CHECK(smtp_parse_helo(STR("a\x01"), &name) == E_SYNTAX);
	CHECK_OK(smtp_parse_auth(STR("PLAIN ="), &mech, &has, &initial)); /* 4954 4 */
	CHECK(has && str_eq(initial, STR("=")));
	CHECK_OK(smtp_parse_auth(STR("SCRAM-SHA-256"), &mech, &has, &initial));
	CHECK(!has && str_eq(mech, STR("SCRAM-SHA-256")));
	CHECK(smtp_parse_auth(STR(""), &mech, &has, &initial) == E_SYNTAX);
	CHECK(smtp_parse_auth(STR("PLAIN a b"), &mech, &has, &initial) == E_SYNTAX);
}
