#include "formats/dsn/dsn.h"

#include "base/limits.h"
#include "base/test.h"

static bool has(const struct buf *b, str what)
{
	str s = buf_str(b);

	return str_search(s, what) < s.n;
}

static struct dsn sample(const struct dsn_rcpt *rcpts, size_t n)
{
	return (struct dsn){ .hostname = STR("mail.demo.test"),
			     .id = STR("0abcDEF"),
			     .original_id = STR("0xyz"),
			     .to = STR("ana@demo.test"),
			     .arrived = 1000000000,
			     .now = 1000000600,
			     .rcpts = rcpts,
			     .nrcpts = n };
}

TEST(dsn_fields_of_rfc3464)
{
	static const struct dsn_rcpt rcpts[] = {
		{ S("dead@b.example"), S("rfc822;dead+x@b.example"), DSN_FAILED, S("5.1.1"),
		  S("550 5.1.1 No such user"), S("mx.b.example") },
		{ S("x@c.example"), S(""), DSN_FAILED, S("5.4.4"), S("no such domain"), S("") },
	};
	static const str rows[] = {
		S("From: Mail delivery <MAILER-DAEMON@mail.demo.test>\r\n"),
		S("To: <ana@demo.test>\r\n"),
		S("Auto-Submitted: auto-replied\r\n"),			 /* RFC 3834 5 */
		S("multipart/report; report-type=delivery-status;\r\n"), /* RFC 6522 3 */
		S("Content-Type: message/delivery-status\r\n\r\n"),
		S("Original-Envelope-Id: QQ314159\r\n"),		     /* 3464 2.2.1 */
		S("Reporting-MTA: dns; mail.demo.test\r\n"),		     /* 2.2.2 */
		S("Arrival-Date: Sun, 9 Sep 2001 01:46:40 +0000\r\n"),	     /* 2.2.5 */
		S("\r\n\r\nOriginal-Recipient: rfc822; dead+x@b.example\r\n" /* 2.3.1 */
		  "Final-Recipient: rfc822; dead@b.example\r\n"		     /* 2.3.2 */
		  "Action: failed\r\n"					     /* 2.3.3 */
		  "Status: 5.1.1\r\n"					     /* 2.3.4 */
		  "Remote-MTA: dns; mx.b.example\r\n"			     /* 2.3.5 */
		  "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"	     /* 2.3.6 */
		  "Last-Attempt-Date: Sun, 9 Sep 2001 01:56:40 +0000\r\n"    /* 2.3.7 */
		  "Final-Log-ID: 0xyz\r\n"),				     /* 2.3.8 */
		S("\r\n\r\nFinal-Recipient: rfc822; x@c.example\r\n"
		  "Action: failed\r\nStatus: 5.4.4\r\nDiagnostic-Code: X-Posta; no such "
		  "domain\r\n"),
		S("Content-Type: message/rfc822\r\n\r\nSubject: "
		  "x\r\n\r\nbody\r\n\r\n--=_0abcDEF--\r\n"),
	};
	CLEANUP(buf_free) struct buf b;
	struct dsn d = sample(rcpts, COUNT(rcpts));

	d.envid = STR("QQ314159");
	buf_init(&b, MIB(1));
	dsn_print_head(&b, &d);
	buf_add(&b, STR("Subject: x\r\n\r\nbody\r\n"));
	dsn_print_tail(&b, &d, true);
	CHECK_OK(buf_done(&b));
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, has(&b, rows[i]));
	CHECK(str_ascii(buf_str(&b)));
}

TEST(dsn_delayed_says_until_when)
{
	static const struct dsn_rcpt r = { S("a@b.example"), S(""),	     DSN_DELAYED,
					   S("4.4.1"),	     S("no answer"), S("") };
	CLEANUP(buf_free) struct buf b;
	struct dsn d = sample(&r, 1);

	d.retry_until = 1000432000;
	d.headers_only = true;
	buf_init(&b, MIB(1));
	dsn_print_head(&b, &d);
	CHECK(has(&b, STR("Action: delayed\r\n")));
	CHECK(has(&b, STR("Will-Retry-Until: Fri, 14 Sep 2001 01:46:40 +0000\r\n")));
	CHECK(has(&b, STR("Content-Type: text/rfc822-headers\r\n")));
}

TEST(dsn_of_hostile_strings_keeps_its_lines)
{
	static const struct dsn_rcpt r = { S("\"a\r\nBcc: x\"@b.example"),
					   S("rfc822;x\r\nAction: delivered"),
					   DSN_FAILED,
					   S("5.0.0\r\n"),
					   S("550 bad\r\n\r\n--=_0abcDEF--\r\nX: \xff\x80 \x01"),
					   S("mx\r\nX-Forged: 1") };
	CLEANUP(buf_free) struct buf b;
	struct dsn d = sample(&r, 1);
	str rest, line;

	buf_init(&b, MIB(1));
	d.to = STR("a\r\nBcc: y@z");
	d.envid = STR("q\r\nAction: x");
	dsn_print_head(&b, &d);
	CHECK(str_ascii(buf_str(&b)));
	rest = buf_str(&b);
	while (str_next(&rest, '\n', &line)) {
		CHECK(!str_starts(line, STR("Bcc")) && !str_starts(line, STR("X")) && line.n < 998);
		CHECK(!str_starts(line, STR("Action")) || str_eq(line, STR("Action: failed\r")));
		CHECK(!str_starts(line, STR("--=_0abcDEF--")));
	}
}

TEST(dsn_of_utf8_addresses_rfc6533)
{
	static const struct dsn_rcpt r = { S("\xc3\xb1@b.example"),
					   S("utf-8;\xc3\xb1@b.example"),
					   DSN_FAILED,
					   S("5.6.7"),
					   S("no SMTPUTF8 there"),
					   S("") };
	CLEANUP(buf_free) struct buf b;
	struct dsn d = sample(&r, 1);

	buf_init(&b, MIB(1));
	dsn_print_head(&b, &d); /* the sender's way may be ASCII alone: 7-bit form */
	CHECK(has(&b, STR("Final-Recipient: utf-8; \\x{F1}@b.example\r\n")));
	CHECK(str_ascii(buf_str(&b)));
	buf_reset(&b);
	d.utf8 = true;
	dsn_print_head(&b, &d);
	CHECK(has(&b, STR("Final-Recipient: utf-8; \xc3\xb1@b.example\r\n")));
	CHECK(has(&b, STR("Original-Recipient: utf-8; \xc3\xb1@b.example\r\n")));
	CHECK(has(&b, STR("report-type=global-delivery-status")));
	CHECK(has(&b, STR("Content-Type: message/global\r\n")));
}

TEST(dsn_header_of_a_message)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("A: b\r\nC: d\r\n\r\nbody"), S("A: b\r\nC: d\r\n") },
		{ S("A: b\r\n"), S("A: b\r\n") },
		{ S("\r\nbody"), S("") },
		{ S(""), S("") },
	};
	static char big[LIM_DSN_HEADER * 2];

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_STR_ROW(i, dsn_header_of(rows[i].in), rows[i].want);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i % 100 == 98 ? '\r' : i % 100 == 99 ? '\n' : 'x';
	str cut = dsn_header_of(str_of(big, sizeof(big)));

	CHECK(cut.n <= LIM_DSN_HEADER && cut.n > LIM_DSN_HEADER - 200 &&
	      str_ends(cut, STR("x\r\n")));
}
