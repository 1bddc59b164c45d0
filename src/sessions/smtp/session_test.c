#include "base/enc.h"
#include "base/test.h"
#include "run/fiber.h"
#include "sessions/smtp/fake.h"

#define HELO   "HELO c\r\n"
#define R_HELO "220 fake.test ESMTP posta\r\n250 fake.test\r\n"
#define EHLO   "EHLO c\r\n"
#define R_EHLO                                                                                     \
	"220 fake.test ESMTP posta\r\n250-fake.test\r\n250-SIZE 10000\r\n250-8BITMIME\r\n"         \
	"250-SMTPUTF8\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n"                   \
	"250-PIPELINING\r\n250 LIMITS RCPTMAX=4\r\n"
#define ENV    "MAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\n"
#define R_ENV  "250 2.1.0 OK\r\n250 2.1.5 OK\r\n"
#define R_DATA "354 End data with <CR><LF>.<CR><LF>\r\n"
#define HELP                                                                                       \
	"214-2.0.0 posta, commands:\r\n214-2.0.0 EHLO\r\n214-2.0.0 HELO\r\n214-2.0.0 MAIL\r\n"     \
	"214-2.0.0 RCPT\r\n214-2.0.0 DATA\r\n214-2.0.0 BDAT\r\n214-2.0.0 RSET\r\n"                 \
	"214-2.0.0 NOOP\r\n214-2.0.0 VRFY\r\n214-2.0.0 HELP\r\n214-2.0.0 QUIT\r\n"                 \
	"214-2.0.0 AUTH\r\n214-2.0.0 STARTTLS\r\n214 2.0.0 End of HELP\r\n"
#define QUIT   "QUIT\r\n"
#define R_QUIT "221 2.0.0 Bye\r\n"

struct row {
	str in, out, seen;
};

static void play(const struct row *rows, size_t n, bool lmtp)
{
	static const size_t pieces[] = { 0, 1, 7 };

	for (size_t i = 0; i < n * COUNT(pieces); i++) {
		const struct row *r = &rows[i / COUNT(pieces)];
		struct fake f;
		struct buf out;

		buf_init(&out, MIB(1));
		fake_init(&f, lmtp);
		fake_run(&f, r->in, pieces[i % COUNT(pieces)], &out);
		CHECK_STR_ROW(i / COUNT(pieces), buf_str(&out), r->out);
		if (r->seen.n)
			CHECK_STR_ROW(i / COUNT(pieces), buf_str(&f.seen), r->seen);
		fake_free(&f);
		buf_free(&out);
	}
}

TEST(session_commands)
{
	static const struct row rows[] = {
		/* 5321 3.1, 3.3 */
		{ S(HELO ENV "DATA\r\na\r\n..b\r\n.\r\n" QUIT),
		  S(R_HELO R_ENV R_DATA "250 2.0.0 Kept\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|data 7|reset|gone|") },
		/* 4.1.4: order of commands */
		{ S(ENV QUIT),
		  S("220 fake.test ESMTP posta\r\n503 5.5.1 MAIL is out of sequence\r\n"
		    "503 5.5.1 RCPT is out of sequence\r\n" R_QUIT),
		  S("gone|") },
		{ S(HELO "DATA\r\n" QUIT), S(R_HELO "503 5.5.1 DATA is out of sequence\r\n" R_QUIT),
		  S("gone|") },
		{ S(HELO "MAIL FROM:<s@y>\r\nDATA\r\nMAIL FROM:<s@y>\r\n" QUIT),
		  S(R_HELO "250 2.1.0 OK\r\n554 5.5.1 No valid recipients\r\n"
			   "503 5.5.1 MAIL is out of sequence\r\n" R_QUIT),
		  S("mail s@y|reset|gone|") },
		{ S(HELO ENV "RSET\r\nRCPT TO:<a@x>\r\n" QUIT),
		  S(R_HELO R_ENV "250 2.0.0 OK\r\n503 5.5.1 RCPT is out of sequence\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		{ S(HELO ENV HELO "RCPT TO:<a@x>\r\n" QUIT),
		  S(R_HELO R_ENV "250 fake.test\r\n503 5.5.1 RCPT is out of sequence\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		/* 4.2.4, 4.5.3.2.8: unknown, malformed */
		{ S(HELO "FOO\r\nLHLO x\r\nMAIL\r\nMAIL FROM:<s@y> FOO=1\r\nnoop\r\nVRFY a\r\nDATA "
			 "x\r\n" QUIT),
		  S(R_HELO "500 5.5.1 Command unknown\r\n500 5.5.1 Command unknown\r\n"
			   "501 5.5.4 MAIL wants FROM:<address>\r\n"
			   "555 5.5.4 Parameter not offered here\r\n250 2.0.0 OK\r\n"
			   "252 2.1.5 Send some mail, it may arrive\r\n"
			   "503 5.5.1 DATA is out of sequence\r\n" R_QUIT),
		  S("gone|") },
		/* the role's word; an error of the role is a 451 */
		{ S(HELO
		    "MAIL FROM:<bad@y>\r\nMAIL FROM:<>\r\nRCPT TO:<a@z>\r\nRCPT TO:<away@x>\r\n"
		    "RCPT TO:<bye@x>\r\n" QUIT),
		  S(R_HELO "550 5.7.1 Not you\r\n250 2.1.0 OK\r\n550 5.7.1 Relaying denied\r\n"
			   "451 4.3.0 Local problem, try again later\r\n421 4.7.0 Enough\r\n"),
		  S("mail bad@y|reset|mail |rcpt a@z|rcpt away@x|rcpt bye@x|reset|gone|") },
		/* 4.5.3.1.8 */
		{ S(HELO ENV
		    "RCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\nRCPT TO:<e@x>\r\n" QUIT),
		  S(R_HELO R_ENV "250 2.1.5 OK\r\n250 2.1.5 OK\r\n250 2.1.5 OK\r\n"
				 "452 4.5.3 Too many recipients\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|rcpt b@x|rcpt c@x|rcpt d@x|reset|gone|") },
		/* the connection ends in the middle of the data: nothing is kept */
		{ S(HELO ENV "DATA\r\na\r\n"), S(R_HELO R_ENV R_DATA),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		{ S(HELO ENV "DATA\r\na\r\n."), S(R_HELO R_ENV R_DATA),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		/* a browser is told once */
		{ S("POST / HTTP/1.1\r\nHost: x\r\n\r\n" HELO ENV),
		  S("220 fake.test ESMTP posta\r\n554 5.5.1 This is not a web server\r\n"),
		  S("gone|") },
		{ S("STARTTLS\r\nAUTH PLAIN\r\n" QUIT),
		  S("220 fake.test ESMTP posta\r\n454 4.7.0 TLS is not available\r\n"
		    "503 5.5.1 AUTH is out of sequence\r\n" R_QUIT),
		  S("gone|") },
	};
	play(rows, COUNT(rows), false);
}

TEST(session_help)
{
	static const struct row rows[] = {
		/* 5321 4.1.1.8: every command that is served here, from the same table */
		{ S("HELP\r\nHELP MAIL\r\n" QUIT),
		  S("220 fake.test ESMTP posta\r\n" HELP HELP R_QUIT), S("gone|") },
	};
	play(rows, COUNT(rows), false);
}

TEST(session_extensions)
{
	static const struct row rows[] = {
		/* 1870 6.1, 6531 3.4, 3461 */
		{ S(EHLO
		    "MAIL FROM:<s@y> SIZE=10001\r\nMAIL FROM:<s\xc3\xa9@y>\r\n"
		    "MAIL FROM:<s@y> SIZE=100 BODY=8BITMIME RET=HDRS\r\nRCPT TO:<\xc3\xa9@x>\r\n"
		    "RCPT TO:<a@x> NOTIFY=NEVER\r\n" QUIT),
		  S(R_EHLO "552 5.3.4 Message is larger than we take\r\n"
			   "553 5.6.7 Address needs SMTPUTF8\r\n250 2.1.0 OK\r\n"
			   "553 5.6.7 Address needs SMTPUTF8\r\n250 2.1.5 OK\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		/* 3030 2: chunks; nothing in them is unstuffed */
		{ S(EHLO ENV "BDAT 6\r\n.\r\na\r\nBDAT 4 LAST\r\n..\r\n" QUIT),
		  S(R_EHLO R_ENV "250 2.0.0 6 octets received\r\n250 2.0.0 Kept\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|data 10|reset|gone|") },
		{ S(EHLO ENV "BDAT 3 LAST\r\na\nb" QUIT),
		  S(R_EHLO R_ENV "554 5.6.0 Message has a CR or LF that is no line end (RFC 5321 "
				 "2.3.8)\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		/* octets that belong to no message follow all the same and are no commands */
		{ S(EHLO "BDAT 6 LAST\r\nQUIT\r\n" QUIT),
		  S(R_EHLO "503 5.5.1 BDAT needs a recipient\r\n" R_QUIT), S("gone|") },
		{ S(EHLO ENV "BDAT 1\r\naDATA\r\n" QUIT),
		  S(R_EHLO R_ENV
		    "250 2.0.0 1 octets received\r\n503 5.5.1 DATA is out of sequence\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		{ S(EHLO "BDAT x\r\nQUIT\r\n"),
		  S(R_EHLO "501 5.5.4 BDAT wants a number of octets\r\n"), S("gone|") },
		{ S(EHLO ENV "BDAT 999999999999\r\nxx"),
		  S(R_EHLO R_ENV "552 5.3.4 Chunk is much larger than we take\r\n"),
		  S("mail s@y|rcpt a@x|reset|gone|") },
	};
	play(rows, COUNT(rows), false);
}

TEST(session_lines)
{
	static const struct row rows[] = {
		/* 5321 2.3.8, SMTP smuggling: the data does not end, the whole is refused once */
		{ S(HELO ENV "DATA\r\na\n.\nMAIL FROM:<e@y>\r\n.\r\n" QUIT),
		  S(R_HELO R_ENV R_DATA "554 5.6.0 Message has a CR or LF that is no line end (RFC "
					"5321 2.3.8)\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		{ S(HELO ENV "DATA\r\na\r\n.\rMAIL FROM:<e@y>\r\n.\r\n" QUIT),
		  S(R_HELO R_ENV R_DATA "554 5.6.0 Message has a CR or LF that is no line end (RFC "
					"5321 2.3.8)\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|reset|gone|") },
		/* a command with a bare LF: whoever sends it cannot be followed */
		{ S(HELO "NOOP\nMAIL FROM:<s@y>\r\n"),
		  S(R_HELO "554 5.5.2 Lines must end with CRLF\r\n"), S("gone|") },
		{ S("\n"), S("220 fake.test ESMTP posta\r\n554 5.5.2 Lines must end with CRLF\r\n"),
		  S("gone|") },
		{ S(HELO "NO\rOP\r\nNO\0P\r\n" QUIT),
		  S(R_HELO "500 5.5.2 Control character in a command\r\n"
			   "500 5.5.2 Control character in a command\r\n" R_QUIT),
		  S("gone|") },
		/* ten mistakes are enough */
		{ S("a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\nj\r\nk\r\n"),
		  S("220 fake.test ESMTP posta\r\n"
		    "500 5.5.1 Command unknown\r\n500 5.5.1 Command unknown\r\n500 5.5.1 Command "
		    "unknown\r\n"
		    "500 5.5.1 Command unknown\r\n500 5.5.1 Command unknown\r\n500 5.5.1 Command "
		    "unknown\r\n"
		    "500 5.5.1 Command unknown\r\n500 5.5.1 Command unknown\r\n500 5.5.1 Command "
		    "unknown\r\n"
		    "500 5.5.1 Command unknown\r\n421 4.7.0 Too many errors\r\n"),
		  S("gone|") },
	};
	play(rows, COUNT(rows), false);
}

TEST(session_lmtp)
{
	static const struct row rows[] = {
		/* 2033 4.2: one reply a recipient; EHLO and HELO are unknown */
		{ S("EHLO c\r\nLHLO c\r\n"
		    "MAIL FROM:<s@y> XDELIVERYID=Abc\r\nRCPT TO:<a@x>\r\nRCPT TO:<z@z>\r\nRCPT "
		    "TO:<full@x>\r\n"
		    "DATA\r\na\r\n.\r\n" QUIT),
		  S("220 fake.test LMTP posta\r\n500 5.5.1 Command unknown\r\n"
		    "250-fake.test\r\n250-SIZE "
		    "10000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n"
		    "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-PIPELINING\r\n250-LIMITS "
		    "RCPTMAX=4\r\n"
		    "250 XDELIVERYID\r\n" R_ENV
		    "550 5.7.1 Relaying denied\r\n250 2.1.5 OK\r\n" R_DATA
		    "250 2.0.0 Kept\r\n452 4.2.2 Full\r\n" R_QUIT),
		  S("mail s@y|rcpt a@x|rcpt z@z|rcpt full@x|data 3|reset|gone|") },
		{ S("LHLO c\r\nMAIL FROM:<s@y>\r\nRCPT TO:<a@z>\r\nDATA\r\n"),
		  S("220 fake.test LMTP posta\r\n"
		    "250-fake.test\r\n250-SIZE "
		    "10000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n"
		    "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250-PIPELINING\r\n250-LIMITS "
		    "RCPTMAX=4\r\n"
		    "250 XDELIVERYID\r\n250 2.1.0 OK\r\n550 5.7.1 Relaying denied\r\n"
		    "503 5.5.1 No valid recipients\r\n"),
		  S("mail s@y|rcpt a@z|reset|gone|") },
	};
	play(rows, COUNT(rows), true);
}

/* in: what comes before the flood of n octets c, then after. */
static void flood(str before, char c, size_t n, str after, str want)
{
	struct fake f;
	struct buf in, out;

	buf_init(&in, SIZE_MAX);
	buf_init(&out, MIB(1));
	buf_add(&in, before);
	char *p = buf_room(&in, n);
	CHECK(p != NULL);
	for (size_t i = 0; i < n; i++)
		p[i] = c;
	in.n += n;
	buf_add(&in, after);
	fake_init(&f, false);
	fake_run(&f, buf_str(&in), 0, &out);
	CHECK_STR(buf_str(&out), want);
	fake_free(&f);
	buf_free(&in);
	buf_free(&out);
}

TEST(session_floods)
{
	/* 4.5.3.1.4: a line of 100 MB is passed over as it comes */
	flood(STR(HELO), 'x', (size_t)100 << 20, STR("\r\n" QUIT),
	      STR(R_HELO "500 5.5.2 Line is longer than 1000 octets\r\n" R_QUIT));
	/* 4.5.3.1.7, 1870 6.3: the message is read to its end, then refused; the session goes on */
	flood(STR(HELO ENV "DATA\r\n"), 'x', 20000, STR("\r\n.\r\n" QUIT),
	      STR(R_HELO R_ENV R_DATA "552 5.3.4 Message is larger than we take\r\n" R_QUIT));
	/* ... unless it goes on and on */
	flood(STR(HELO ENV "DATA\r\n"), 'x', LIM_SMTP_EXCESS + KIB(80), STR("\r\n.\r\n" QUIT),
	      STR(R_HELO R_ENV R_DATA "552 5.3.4 Message is much larger than we take\r\n"));
	flood(STR(EHLO ENV "BDAT 20000\r\n"), 'x', 20000, STR("BDAT 0 LAST\r\n" QUIT),
	      STR(R_EHLO R_ENV "552 5.3.4 Message is larger than we take\r\n"
			       "503 5.5.1 BDAT needs a recipient\r\n" R_QUIT));
}

TEST(session_received)
{
	struct fake f;
	struct buf in, out;

	buf_init(&in, MIB(1));
	buf_init(&out, MIB(1));
	fake_init(&f, false);
	f.role.received = true;
	fake_run(&f, STR("EHLO (evil)\r\n" ENV "DATA\r\nSubject: x\r\n\r\nReceived: no\r\n.\r\n"),
		 0, &out);
	str last = buf_str(&f.last);
	CHECK(str_starts(last, STR("Received: from ?evil? ([")));
	CHECK(str_search(last, STR("with ESMTP id ")) < last.n);
	CHECK(str_search(last, STR("for <a@x>;")) < last.n);
	CHECK(str_ends(last, STR("\r\nSubject: x\r\n\r\nReceived: no\r\n")));

	/* 5321 6.3: loops */
	buf_reset(&out);
	buf_add(&in, STR(HELO ENV "DATA\r\n"));
	for (int i = 0; i < LIM_RECEIVED; i++)
		buf_add(&in, STR("received: from x\r\n by y\r\n"));
	buf_add(&in, STR("\r\n.\r\n"));
	fake_run(&f, buf_str(&in), 0, &out);
	CHECK_STR(buf_str(&out),
		  STR(R_HELO R_ENV R_DATA "554 5.4.6 Mail loop: over 50 Received fields\r\n"));
	fake_free(&f);
	buf_free(&in);
	buf_free(&out);
}

static const struct sasl_config sasl = { .plain = true };

static const struct sasl_config *offer_sasl(struct smtp_info *i)
{
	return &sasl;
}

TEST(session_auth)
{
	static const struct row rows[] = {
		{ S("MAIL FROM:<s@y>\r\nAUTH PLAIN AGFuYQBzZWNyZXQ=\r\nAUTH PLAIN\r\nMAIL "
		    "FROM:<s@y>\r\n"),
		  S("530 5.7.0 Authentication required\r\n235 2.7.0 Welcome\r\n"
		    "503 5.5.1 Logged in already\r\n250 2.1.0 OK\r\n"),
		  S("") },
		{ S("AUTH PLAIN\r\nAGFuYQBzZWNyZXQ=\r\n"), S("334 \r\n235 2.7.0 Welcome\r\n"),
		  S("") },
		{ S("AUTH PLAIN\r\n*\r\nAUTH PLAIN =\r\nAUTH PLAIN %\r\nAUTH NTLM\r\nAUTH\r\n"),
		  S("334 \r\n501 5.5.2 Authentication cancelled\r\n" /* RFC 4954 4 */
		    "535 5.7.8 Authentication failed\r\n"
		    "501 5.5.2 Not base64, or too long\r\n504 5.5.4 Mechanism is not offered "
		    "here\r\n"
		    "501 5.5.4 AUTH wants a mechanism\r\n"),
		  S("") },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fake f;
		struct buf in, out;

		buf_init(&in, KIB(4));
		buf_init(&out, KIB(4));
		fake_init(&f, false);
		f.role.sasl = offer_sasl;
		f.role.auth_required = true;
		buf_add(&in, STR(EHLO));
		buf_add(&in, rows[i].in);
		fake_run(&f, buf_str(&in), 0, &out);
		str said = buf_str(&out);
		size_t at = str_search(said, STR("250 AUTH PLAIN\r\n"));
		CHECK_ROW(i, at < said.n);
		CHECK_STR_ROW(i, str_skip(said, at + 16), rows[i].out);
		fake_free(&f);
		buf_free(&in);
		buf_free(&out);
	}
}

TEST(session_drains)
{
	struct fake f;
	struct buf out;

	buf_init(&out, KIB(4));
	fake_init(&f, false);
	f.draining = true;
	fake_run(&f, STR(HELO), 0, &out);
	CHECK_STR(buf_str(&out),
		  STR("220 fake.test ESMTP posta\r\n421 4.3.2 Service restarts, come again\r\n"));
	fake_free(&f);
	buf_free(&out);
}
