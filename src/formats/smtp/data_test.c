#include "base/test.h"
#include "formats/smtp/smtp.h"

/* Decodes in, cut into pieces of n octets; what is left behind the end goes to rest. */
static struct smtp_data decode(str in, size_t n, bool bdat, struct buf *out, str *rest)
{
	struct smtp_data d = { .bdat = bdat };
	str piece;

	while (in.n && !d.done) {
		str part = str_take(in, n);
		size_t had = part.n;

		while (smtp_data_next(&d, &part, &piece))
			buf_add(out, piece);
		in = str_skip(in, had - part.n);
	}
	*rest = in;
	return d;
}

TEST(smtp_data)
{
	static const struct {
		str in, out, rest;
		unsigned bare;
		bool done;
	} rows[] = {
		/* 5321 4.1.1.4, 4.5.2 */
		{ S("a\r\nb\r\n.\r\nQUIT\r\n"), S("a\r\nb\r\n"), S("QUIT\r\n"), 0, true },
		{ S(".\r\n"), S(""), S(""), 0, true },
		{ S("..\r\n...a\r\n.b\r\n.\r\n"), S(".\r\n..a\r\nb\r\n"), S(""), 0, true },
		{ S("a.\r\n.\r\n"), S("a.\r\n"), S(""), 0, true },
		{ S("a\r\n"), S("a\r\n"), S(""), 0, false },
		{ S("a\r\n."), S("a\r\n"), S(""), 0, false },
		{ S("a\r\n.\r"), S("a\r\n"), S(""), 0, false },
		/* SMTP smuggling: none of these ends the data (CVE-2023-51764 and its kin) */
		{ S("a\n.\nb\r\n.\r\n"), S("a\n.\nb\r\n"), S(""), 2, true },
		{ S("a\n.\r\nb\r\n.\r\n"), S("a\n.\r\nb\r\n"), S(""), 1, true },
		{ S("a\r\n.\nb\r\n.\r\n"), S("a\r\n\nb\r\n"), S(""), 1, true },
		{ S("a\r.\r\nb\r\n.\r\n"), S("a\r.\r\nb\r\n"), S(""), 1, true },
		{ S("a\r\n.\rb\r\n.\r\n"), S("a\r\n\rb\r\n"), S(""), 1, true },
		{ S("a\r\n.\r\r\n.\r\n"), S("a\r\n\r\r\n"), S(""), 1, true },
		{ S("a\r\r\n.\r\n"), S("a\r\r\n"), S(""), 1, true },
		{ S("\n\r\n.\r\n"), S("\n\r\n"), S(""), 1, true },
		{ S("\0.\r\n.\r\n"), S("\0.\r\n"), S(""), 0, true },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t n = 1; n < 9; n++) {
			struct buf out;
			str rest;

			buf_init(&out, KIB(1));
			struct smtp_data d = decode(rows[i].in, n, false, &out, &rest);

			CHECK_STR_ROW(i, buf_str(&out), rows[i].out);
			CHECK_STR_ROW(i, rest, rows[i].rest);
			CHECK_ROW(i, d.bare == rows[i].bare && d.done == rows[i].done);
			CHECK_ROW(i, d.size == rows[i].out.n);
			buf_free(&out);
		}
	}
}

TEST(smtp_data_bdat)
{
	static const struct {
		str in;
		unsigned bare;
	} rows[] = {
		{ S("a\r\n.\r\nb"), 0 }, /* 3030: nothing is stuffed, nothing ends it */
		{ S("a\nb"), 1 },
		{ S("a\r"), 1 },
		{ S("a\r\n"), 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out;
		str rest;

		buf_init(&out, KIB(1));
		struct smtp_data d = decode(rows[i].in, 2, true, &out, &rest);

		smtp_data_end(&d);
		CHECK_STR_ROW(i, buf_str(&out), rows[i].in);
		CHECK_ROW(i, d.bare == rows[i].bare && d.done);
		buf_free(&out);
	}
}

TEST(smtp_stuff)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S(""), S(".\r\n") },
		{ S("a\r\n"), S("a\r\n.\r\n") },
		{ S("a"), S("a\r\n.\r\n") },
		{ S(".\r\n..a\r\n"), S("..\r\n...a\r\n.\r\n") },
		/* No smuggled end of data leaves: each of these line ends becomes CRLF, the dot is
		   doubled. */
		{ S("a\n.\nb"), S("a\r\n..\r\nb\r\n.\r\n") },
		{ S("a\r.\rb\r"), S("a\r\n..\r\nb\r\n.\r\n") },
		{ S("a\r\r\n.\r\n"), S("a\r\n\r\n..\r\n.\r\n") },
		{ S("\n\r"), S("\r\n\r\n.\r\n") },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t n = 1; n < 9; n++) {
			struct smtp_stuff s = { 0 };
			struct buf out;

			buf_init(&out, KIB(1));
			for (size_t at = 0; at < rows[i].in.n; at += n)
				smtp_stuff(&s, str_take(str_skip(rows[i].in, at), n), &out);
			smtp_stuff_end(&s, &out);
			CHECK_STR_ROW(i, buf_str(&out), rows[i].out);
			buf_free(&out);
		}
	}
}

TEST(smtp_reply)
{
	static const struct {
		str in, status, text;
		int code;
		bool more;
		err want;
	} rows[] = {
		{ S("250 OK"), S(""), S("OK"), 250, false, OK },
		{ S("250-SIZE 10"), S(""), S("SIZE 10"), 250, true, OK },
		{ S("250"), S(""), S(""), 250, false, OK }, /* 5321 4.2: text may be missing */
		{ S("550 5.1.1 No such user"), S("5.1.1"), S("No such user"), 550, false, OK },
		{ S("550 5.7.26"), S("5.7.26"), S(""), 550, false, OK },
		{ S("550 4.1.1 x"), S(""), S("4.1.1 x"), 550, false,
		  OK }, /* 3463: class must agree */
		{ S("550 5.1.1x"), S(""), S("5.1.1x"), 550, false, OK },
		{ S("25"), S(""), S(""), 0, false, E_SYNTAX },
		{ S("abc x"), S(""), S(""), 0, false, E_SYNTAX },
		{ S("250x"), S(""), S(""), 0, false, E_SYNTAX },
		{ S("999 x"), S(""), S(""), 0, false, E_SYNTAX },
		{ S("100 x"), S(""), S(""), 0, false, E_SYNTAX },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct smtp_reply_line r = { 0, false, S(""), S("") };

		CHECK_ROW(i, smtp_parse_reply_line(rows[i].in, &r) == rows[i].want);
		CHECK_ROW(i, r.code == rows[i].code && r.more == rows[i].more);
		CHECK_STR_ROW(i, r.status, rows[i].status);
		CHECK_STR_ROW(i, r.text, rows[i].text);
	}
}

TEST(smtp_ehlo)
{
	struct smtp_server s = { 0 };

	smtp_parse_ehlo_line(STR("SIZE 52428800"), &s);
	smtp_parse_ehlo_line(STR("starttls"), &s);
	smtp_parse_ehlo_line(STR("AUTH PLAIN LOGIN"), &s);
	smtp_parse_ehlo_line(STR("LIMITS RCPTMAX=20 MAILMAX=5"), &s);
	smtp_parse_ehlo_line(STR("X-OTHER"), &s);
	smtp_parse_ehlo_line(STR(""), &s);
	CHECK(s.ext == (SMTP_EXT_SIZE | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH | SMTP_EXT_LIMITS));
	CHECK(s.size == 52428800 && s.rcpt_max == 20);
	CHECK_STR(s.auth, STR("PLAIN LOGIN"));
	smtp_parse_ehlo_line(STR("SIZE x"), &s);
	CHECK(s.size == 0);
}
