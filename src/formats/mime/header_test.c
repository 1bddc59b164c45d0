#include "formats/mime/header.h"

#include "base/test.h"
#include "formats/mime/thread.h"

TEST(mime_fields)
{
	static const str in = S("A: 1\r\nB : 2\r\n 3\r\njunk\r\nC:\n\r\nD: no\r\n");
	static const struct {
		str name, value;
	} want[] = { { S("A"), S(" 1") }, { S("B"), S(" 2\r\n 3") }, { S("C"), S("") } };
	struct mime_fields it = mime_fields(in);
	struct mime_field f;
	size_t n = 0;

	for (; mime_field(&it, &f); n++) {
		CHECK(n < COUNT(want));
		CHECK_STR_ROW(n, f.name, want[n].name);
		CHECK_STR_ROW(n, f.value, want[n].value);
	}
	CHECK(n == COUNT(want) && it.defects == MIME_D_FIELD);
	CHECK(mime_find(in, STR("b"), &f));
	CHECK_STR(f.raw, STR("B : 2\r\n 3\r\n"));
	CHECK(!mime_find(in, STR("D"), &f));
}

TEST(mime_words)
{
	static const struct {
		str in, want;
		unsigned defects;
	} rows[] = {
		{ S(" plain\r\n text "), S("plain text"), 0 },
		/* 2047 8 */
		{ S("(=?ISO-8859-1?Q?a?=)"), S("(a)"), 0 },
		{ S("=?ISO-8859-1?Q?a?= b"), S("a b"), 0 },
		{ S("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="), S("ab"), 0 },
		{ S("=?ISO-8859-1?Q?a?=\r\n  =?ISO-8859-1?Q?b?="), S("ab"), 0 },
		{ S("=?ISO-8859-1?Q?a_b?="), S("a b"), 0 },
		{ S("=?US-ASCII*en?Q?Keith_Moore?="), S("Keith Moore"), 0 }, /* 2231 5 */
		{ S("=?ISO-8859-1?Q?Olle_J=E4rnefors?="), S("Olle J\xc3\xa4rnefors"), 0 },
		{ S("=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?="),
		  S("\xd7\x9d\xd7\x95\xd7\x9c\xd7\xa9 \xd7\x9f\xd7\x91 "
		    "\xd7\x99\xd7\x9c\xd7\x98\xd7\xa4\xd7\xa0"),
		  0 },
		/* a character cut in two */
		{ S("=?utf-8?Q?=C3?= =?utf-8?Q?=A9?="), S("\xc3\xa9"), 0 },
		{ S("=?utf-8?Q?=C3?= x"), S("\xef\xbf\xbd x"), MIME_D_CHARSET },
		{ S("=?utf-8?X?abc?="), S("=?utf-8?X?abc?="), 0 },
		{ S("=?utf-8?Q?abc"), S("=?utf-8?Q?abc"), 0 },
		{ S("=?nonsense?Q?=E9?="), S("\xc3\xa9"), MIME_D_CHARSET },
		{ S("=?utf-8?Q?=zz?="), S("=zz"), 0 },
		{ S("\xc3\xa9"), S("\xc3\xa9"), 0 },
		{ S("\xe9"), S("\xc3\xa9"), MIME_D_8BIT },
		{ S("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?="), S("\xe6\x97\xa5\xe6\x9c\xac"), 0 },
		{ S("=?gb2312?B?1tDOxA==?="), S("\xe4\xb8\xad\xe6\x96\x87"), 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b;

		buf_init(&b, 1000);
		CHECK_ROW(i, mime_decode_words(&b, rows[i].in) == rows[i].defects);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(mime_date)
{
	static const struct {
		str in;
		int64_t seconds;
		int zone;
		err e;
	} rows[] = {
		{ S("Fri, 21 Nov 1997 09:55:06 -0600"), 880127706, -360, OK }, /* 5322 A */
		{ S("Tue, 1 Jul 2003 10:52:37 +0200"), 1057049557, 120, OK },
		{ S("21 Nov 97 09:55:06 GMT"), 880106106, 0, OK }, /* 5322 A.6.2 */
		{ S("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600"), 880127706, -360, OK },
		{ S("Fri, 21 Nov 1997 09:55 EST"), 880124100, -300, OK },
		{ S("21 Nov 1997"), 880070400, 0, OK },
		{ S("Fri Nov 21 09:55:06 1997"), 880106106, 0, OK },
		{ S("1997-11-21T09:55:06Z"), 880106106, 0, OK },
		{ S("21-Nov-1997 09:55:06 +0000"), 880106106, 0, OK },
		{ S("Fri, 21 Nov 1997 09:55:06 +05:30 (x)"), 880086306, 330, OK },
		{ S("Fri, 21 Nov 1997 09:55:06 K"), 880106106, 0, OK },
		{ S("Fri, 31 Feb 1997 09:55:06 +0000"), 0, 0, E_SYNTAX },
		{ S("Fri, 21 Nov 1997 25:55:06 +0000"), 0, 0, E_SYNTAX },
		{ S("1 Jan 70 00:00:00 +0000"), 0, 0, OK },
		{ S("1 Jan 20 00:00:00 +0000"), 1577836800, 0, OK },
		{ S("1 Jan 103 00:00:00 +0000"), 1041379200, 0, OK },
		{ S(""), 0, 0, E_SYNTAX },
		{ S("not a date"), 0, 0, E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t seconds = 0;
		int zone = 0;

		CHECK_ROW(i, mime_date_parse(rows[i].in, &seconds, &zone) == rows[i].e);
		CHECK_ROW(i, seconds == rows[i].seconds && zone == rows[i].zone);
	}
}

/* name|route|mailbox|domain, '-' for what is absent, '!' in front of what is bad. */
static void show(struct buf *out, const struct mime_address *m)
{
	for (; m; m = m->next) {
		str texts[] = { m->name, m->route, m->mailbox, m->domain };

		if (m->kind != MIME_MAILBOX) {
			buf_add(out, m->kind == MIME_GROUP_START ? STR("{") : STR("}"));
			buf_add(out, m->name);
			continue;
		}
		buf_add(out, m->bad ? STR("[!") : STR("["));
		for (size_t i = 0; i < 4; i++) {
			if (i)
				buf_addc(out, '|');
			buf_add(out, texts[i].p ? texts[i] : STR("-"));
		}
		buf_addc(out, ']');
	}
}

TEST(mime_addresses)
{
	static const struct {
		str in, want;
	} rows[] = {
		/* 5322 A */
		{ S("John Doe <jdoe@machine.example>"), S("[John Doe|-|jdoe|machine.example]") },
		{ S("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
		  S("[Mary Smith|-|mary|x.test][-|-|jdoe|example.org][Who?|-|one|y.test]") },
		{ S("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
		  S("[-|-|boss|nil.test][Giant; \"Big\" Box|-|sysservices|example.net]") },
		{ S("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"),
		  S("{A Group[Ed Jones|-|c|a.test][-|-|joe|where.test][John|-|jdoe|one.test]}") },
		{ S("Undisclosed recipients:;"), S("{Undisclosed recipients}") },
		{ S("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
		  S("[Pete|-|pete|silly.test]") },
		{ S("A Group(Some people)\r\n     :Chris Jones <c@(Chris's "
		    "host.)public.example>,\r\n"
		    "  joe@example.org,\r\n John <jdoe@one.test> (my dear friend); (the end of the "
		    "group)"),
		  S("{A Group[Chris "
		    "Jones|-|c|public.example][-|-|joe|example.org][John|-|jdoe|one.test]}") },
		{ S("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;"),
		  S("{Hidden recipients}") },
		{ S("Joe Q. Public <john.q.public@example.com>"),
		  S("[Joe Q. Public|-|john.q.public|example.com]") },
		{ S("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
		  S("[Mary Smith|@node.test|mary|example.net][-|-|jdoe|test.example]") },
		{ S("John Doe <jdoe@machine(comment).  example>"),
		  S("[John Doe|-|jdoe|machine.example]") },
		{ S("a@[127.0.0.1], b@[IPv6:::1]"), S("[-|-|a|[127.0.0.1]][-|-|b|[IPv6:::1]]") },
		{ S("\"a b\"@c"), S("[-|-|a b|c]") },
		{ S("J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc.test>"),
		  S("[J\xc3\xb6rg|-|j\xc3\xb6rg|b\xc3\xbc.test]") },
		{ S("user@domain (Display Name)"), S("[Display Name|-|user|domain]") },
		{ S("a@b <c@d>"), S("[a@b|-|c|d]") },
		{ S("a@b.c d@e.f"), S("[!-|-|a|b.c]") },
		{ S("a@b@c, <a@b@c.d>"), S("[!-|-|a|b@c][!-|-|a|b@c.d]") },
		{ S("\"A B\", \xc3\xa9, x@y"), S("[!A B|-|-|-][!\xc3\xa9|-|-|-][-|-|x|y]") },
		{ S("root"), S("[!-|-|root|-]") },
		{ S("Display Name"), S("[!Display Name|-|-|-]") },
		{ S("@domain"), S("[!-|-|-|domain]") },
		{ S("<>"), S("[!-|-|-|-]") },
		{ S("x <a@b"), S("[!x|-|a|b]") },
		{ S("a@b;c@d"), S("[!-|-|a|b]") },
		{ S(",,;"), S("") },
		{ S("[List] x: y <a@b>"), S("{[List] x[y|-|a|b]}") },
		{ S("g: a:b <c@d>;"), S("{g[!a b|-|c|d]}") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;

		arena_init(&a, KIB(64));
		buf_init(&b, 1000);
		show(&b, mime_addresses(&a, rows[i].in));
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(mime_typed)
{
	static const struct {
		str in, want; /* type/sub|name=value;...|raw name=value;... */
	} rows[] = {
		{ S("text/plain; charset =us-ascii (Plain text)"),
		  S("text/plain|charset=us-ascii;") },
		{ S("Text/HTML;Charset=\"a\\\"b\""), S("text/html|charset=a\"b;") },
		/* 2231 3, 4.1 */
		{ S("message/external-body; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/\""),
		  S("message/external-body|url=ftp://cs.utk.edu/;") },
		{ S("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),
		  S("application/x-stuff|title=This is ***fun***;") },
		{ S("application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; "
		    "title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\""),
		  S("application/x-stuff|title=This is even more ***fun*** isn't it!;") },
		{ S("a/b; name*1=y; name*0=x; x=1"), S("a/b|name=xy;x=1;") },
		{ S("a/b; name=plain; name*=utf-8''%c3%a9"), S("a/b|name=\xc3\xa9;") },
		{ S("a/b; name==?utf-8?Q?=C3=A9?="), S("a/b|name=\xc3\xa9;") },
		{ S("a/b; name=\"=?utf-8?Q?=C3=A9?=\""), S("a/b|name=\xc3\xa9;") },
		{ S("a/b; name=\xe9"), S("a/b|name=\xc3\xa9;") },
		{ S("a/b; name=two words.txt; x=y"), S("a/b|name=two words.txt;x=y;") },
		{ S("a/b; name=x charset=y"), S("a/b|name=x;charset=y;") },
		{ S("multipart/mixed; boundary=gc0pJq0M:08jU534c0p"),
		  S("multipart/mixed|boundary=gc0pJq0M:08jU534c0p;") },
		{ S("a/b; =x; y; z=1;;"), S("a/b|z=1;") },
		{ S("a/b; x=\"open"), S("a/b|x=open;") },
		{ S("a/b; x="), S("a/b|x=;") },
		{ S("inline"), S("inline/|") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;
		struct mime_param *p, *raw;
		str type, sub;

		arena_init(&a, KIB(64));
		buf_init(&b, 1000);
		(void)mime_typed(&a, rows[i].in, &type, &sub, &p, &raw);
		buf_fmt(&b, "%.*s/%.*s|", STRF(type), STRF(sub));
		for (; p; p = p->next)
			buf_fmt(&b, "%.*s=%.*s;", STRF(p->name), STRF(p->value));
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

/* 2231 6: IMAP shows joined parameters. */
TEST(mime_typed_raw)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("a/b; x=1; name*1=y; name*0=x"), S("x=1;name=xy;") },
		{ S("a/b; name*=utf-8''%41"), S("name*=utf-8''%41;") },
		{ S("a/b; n*0*=utf-8''%41; n*1=\"b c\"; n*2*=%42"), S("n*=utf-8''%41b%20c%42;") },
		{ S("a/b; n=plain; n*0*=utf-8''%41"), S("n=plain;n*=utf-8''%41;") },
		{ S("a/b; n=\"=?utf-8?Q?a?=\""), S("n==?utf-8?Q?a?=;") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;
		struct mime_param *p, *raw;
		str type, sub;

		arena_init(&a, KIB(64));
		buf_init(&b, 1000);
		(void)mime_typed(&a, rows[i].in, &type, &sub, &p, &raw);
		for (; raw; raw = raw->next)
			buf_fmt(&b, "%.*s=%.*s;", STRF(raw->name), STRF(raw->value));
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(mime_base_subject)
{
	static const struct {
		str in, want;
		bool reply;
	} rows[] = {
		{ S("test"), S("test"), false },
		{ S("Re: test"), S("test"), true },
		{ S("RE: re [2]: Fwd :  a   b "), S("a b"), true },
		{ S("[list] Re: test (fwd)"), S("test"), true },
		{ S("Re: [list] test"), S("test"), true },
		{ S("[Fwd: Re: test]"), S("test"), true },
		{ S("[only]"), S("[only]"), false },
		{ S("[a] [b] x"), S("x"), false },
		{ S("regarding: x"), S("regarding: x"), false },
		{ S("Re:"), S(""), true },
		{ S(""), S(""), false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b;

		buf_init(&b, 1000);
		CHECK_ROW(i, mime_base_subject(&b, rows[i].in) == rows[i].reply);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(mime_ids)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S(" <a@b>\r\n <c@d>"), S("a@b c@d ") },
		{ S("<a@b> (from x@y)"), S("a@b ") },
		{ S("Your mail of today <a@b>"), S("a@b ") },
		{ S("a@b junk c@d"), S("a@b c@d ") },
		{ S("<a\r\n @b>"), S("a@b ") },
		{ S("<a<c@d> <> <"), S("c@d ") },
		{ S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;
		str rest = rows[i].in, id;

		arena_init(&a, KIB(64));
		buf_init(&b, 1000);
		while (mime_next_id(&a, &rest, &id))
			buf_fmt(&b, "%.*s ", STRF(id));
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}
