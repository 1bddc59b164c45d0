#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "clients/smtp/client.h"
#include "run/fiber.h"

/* The server's words are a script; what the client said is looked at behind. */
struct talk {
	bool lmtp;
	str server, said; /* script; what the client must say */
	str body;
	size_t nrcpts;
	struct smtp_out_mail mail;
	int codes[4]; /* of the recipients, in the end */
	enum smtp_tls tls;
	str user;     /* AUTH, with the password "secret" */
	bool at_once; /* the script is not cut into pieces */
	err want;
};

static struct spool *message(str body)
{
	struct spool *s = spool_new("/tmp", LIM_MESSAGE);

	CHECK_OK(spool_add(s, body));
	return s;
}

WAITS static err play(void *arg)
{
	const struct talk *t = arg;
	struct stream *io = stream_script(t->server, t->at_once ? 0 : 7);
	struct smtp_client_options o = { .lmtp = t->lmtp,
					 .helo = STR("me.test"),
					 .tls = t->tls,
					 .auth_user = t->user,
					 .auth_password = STR("secret") };
	struct smtp_client *c = smtp_client_over(io, &o);
	struct smtp_out_rcpt v[4] = { { .address = STR("a@x") },
				      { .address = STR("b@x"), .notify = SMTP_NOTIFY_NEVER },
				      { .address = STR("c@x") },
				      { .address = STR("d@x") } };
	struct spool *m = message(t->body);
	struct smtp_reply r;
	err e = smtp_client_begin(c, &r);

	if (!e)
		e = smtp_client_send(c, &t->mail, STR("Received: x\r\n"), m, v, t->nrcpts);
	CHECK(e == t->want);
	for (size_t i = 0; i < t->nrcpts; i++)
		CHECK_ROW(i, v[i].reply.code == t->codes[i]);
	CHECK_STR(stream_written(io), t->said);
	spool_drop(m);
	smtp_client_close(c);
	return OK;
}

#define HELLO "220 x ESMTP\r\n250-x\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 DSN\r\n"

static void run(struct talk t)
{
	CHECK_OK(loop_main(play, &t));
}

TEST(client_sends)
{
	run((struct talk){
		.server = STR(HELLO "250 2.1.0 OK\r\n250 2.1.5 OK\r\n550 5.1.1 no\r\n354 go\r\n250 "
				    "2.0.0 kept\r\n"),
		.mail = { .from = STR("s@y"), .size = 10, .envid = STR("e+1") },
		.nrcpts = 2,
		.body = STR(".a\n\r\nb"),
		.codes = { 250, 550 },
		.said = STR("EHLO me.test\r\n"
			    "MAIL FROM:<s@y> SIZE=10 ENVID=e+2B1\r\n"
			    "RCPT TO:<a@x>\r\nRCPT TO:<b@x> NOTIFY=NEVER\r\n"
			    "DATA\r\nReceived: x\r\n..a\r\n\r\nb\r\n.\r\n"),
	});
}

TEST(client_lmtp_answers_each)
{
	run((struct talk){
		.lmtp = true,
		.server = STR(
			"220 x LMTP\r\n250 x\r\n250 OK\r\n250 OK\r\n452 4.2.2 full\r\n250 OK\r\n"
			"354 go\r\n250 2.1.5 a\r\n550-5.2.0 c\r\n550 5.2.0 not\r\n"),
		.mail = { .from = STR("") },
		.nrcpts = 3,
		.body = STR("x\r\n"),
		.codes = { 250, 452, 550 },
		.said = STR("LHLO me.test\r\nMAIL FROM:<>\r\nRCPT TO:<a@x>\r\nRCPT TO:<b@x>\r\n"
			    "RCPT TO:<c@x>\r\nDATA\r\nReceived: x\r\nx\r\n.\r\n"),
	});
}

TEST(client_falls_back_to_helo)
{
	run((struct talk){
		.server = STR(
			"220 x\r\n502 what\r\n250 x\r\n250 OK\r\n250 OK\r\n354 go\r\n250 OK\r\n"),
		.mail = { .from = STR("s@y"), .size = 10 },
		.nrcpts = 1,
		.body = STR("x\r\n"),
		.codes = { 250 },
		.said = STR("EHLO me.test\r\nHELO me.test\r\nMAIL FROM:<s@y>\r\nRCPT "
			    "TO:<a@x>\r\nDATA\r\n"
			    "Received: x\r\nx\r\n.\r\n"),
	});
}

TEST(client_refusals)
{
	/* MAIL refused: everybody gets its reply. */
	run((struct talk){
		.server = STR(HELLO "451 4.7.1 greylisted\r\n"),
		.mail = { .from = STR("s@y") },
		.nrcpts = 2,
		.body = STR(""),
		.codes = { 451, 451 },
		.said = STR("EHLO me.test\r\nMAIL FROM:<s@y>\r\n"),
	});
	/* Nobody accepted: no DATA. */
	run((struct talk){
		.server = STR(HELLO "250 OK\r\n550 a\r\n450 b\r\n250 OK\r\n"),
		.mail = { .from = STR("s@y") },
		.nrcpts = 2,
		.body = STR(""),
		.codes = { 550, 450 },
		.said = STR("EHLO me.test\r\nMAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\n"
			    "RCPT TO:<b@x> NOTIFY=NEVER\r\nRSET\r\n"),
	});
	/* RFC 1870: known to be too large before it is said; RFC 6531. */
	run((struct talk){ .server = STR(HELLO),
			   .mail = { .from = STR("s@y"), .size = 1001 },
			   .nrcpts = 1,
			   .body = STR(""),
			   .codes = { 552 },
			   .said = STR("EHLO me.test\r\n") });
	run((struct talk){ .server = STR(HELLO),
			   .mail = { .from = STR("s@y"), .smtputf8 = true },
			   .nrcpts = 1,
			   .body = STR(""),
			   .codes = { 550 },
			   .said = STR("EHLO me.test\r\n") });
	/* An address that would become two commands is never said. */
	run((struct talk){ .server = STR(HELLO),
			   .mail = { .from = STR("s@y>\r\nDATA\r\n") },
			   .nrcpts = 1,
			   .body = STR(""),
			   .codes = { 553 },
			   .said = STR("EHLO me.test\r\n") });
	/* A 250 to DATA is not "kept". */
	run((struct talk){
		.server = STR(HELLO "250 OK\r\n250 OK\r\n250 funny\r\n"),
		.mail = { .from = STR("s@y") },
		.nrcpts = 1,
		.body = STR(""),
		.want = E_IO,
		.codes = { 0 },
		.said = STR("EHLO me.test\r\nMAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\nDATA\r\n") });
}

TEST(client_lost)
{
	/* Gone after the data: nobody knows whether it is kept, so code 0. */
	run((struct talk){
		.server = STR(HELLO "250 OK\r\n250 OK\r\n354 go\r\n"),
		.mail = { .from = STR("s@y") },
		.nrcpts = 1,
		.body = STR("x\r\n"),
		.want = E_EOF,
		.codes = { 0 },
		.said = STR("EHLO me.test\r\nMAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\nDATA\r\nReceived: "
			    "x\r\n"
			    "x\r\n.\r\n"),
	});
	/* Gone between the RCPTs: those without an answer get code 0. */
	run((struct talk){
		.server = STR(HELLO "250 OK\r\n550 no\r\n"),
		.mail = { .from = STR("s@y") },
		.nrcpts = 2,
		.body = STR("x\r\n"),
		.want = E_EOF,
		.codes = { 550, 0 },
		.said = STR("EHLO me.test\r\nMAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\n"
			    "RCPT TO:<b@x> NOTIFY=NEVER\r\n"),
	});
	/* Garbage, a changing code, a server that never stops. */
	run((struct talk){
		.server = STR("hello\r\n"), .body = STR(""), .want = E_SYNTAX, .said = STR("") });
	run((struct talk){ .server = STR("220-x\r\n250 x\r\n"),
			   .body = STR(""),
			   .want = E_SYNTAX,
			   .said = STR("") });
	run((struct talk){ .server = STR("421 4.3.2 busy\r\n"),
			   .body = STR(""),
			   .want = E_AGAIN,
			   .said = STR("") });
}

TEST(client_tls_and_auth)
{
	/* 3207 4.2: an answer that came in clear is not the server's. */
	run((struct talk){ .server =
				   STR("220 x\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n250 evil\r\n"),
			   .tls = SMTP_TLS_MUST,
			   .at_once = true,
			   .body = STR(""),
			   .want = E_IO,
			   .said = STR("EHLO me.test\r\nSTARTTLS\r\n") });
	run((struct talk){ .server = STR(HELLO),
			   .tls = SMTP_TLS_MUST,
			   .body = STR(""),
			   .want = E_DENIED,
			   .said = STR("EHLO me.test\r\n") });
	/* RFC 7435: wished, not there. */
	run((struct talk){
		.server = STR(HELLO "250 OK\r\n250 OK\r\n354 go\r\n250 OK\r\n"),
		.tls = SMTP_TLS_MAY,
		.mail = { .from = STR("s@y") },
		.nrcpts = 1,
		.body = STR(""),
		.codes = { 250 },
		.said = STR("EHLO me.test\r\nMAIL FROM:<s@y>\r\nRCPT TO:<a@x>\r\nDATA\r\n"
			    "Received: x\r\n.\r\n") });
	/* 4954 */
	run((struct talk){ .server = STR(HELLO "535 5.7.8 no\r\n"),
			   .user = STR("ana"),
			   .body = STR(""),
			   .want = E_DENIED,
			   .said = STR("EHLO me.test\r\nAUTH PLAIN AGFuYQBzZWNyZXQ=\r\n") });
}

/* A peer that never says a word costs its time-out, no more. */
WAITS static err silent(void *arg)
{
	struct net_addr peer = { 0 };
	struct smtp_client_options o = { .helo = STR("me"), .command = 50 };
	struct smtp_reply r;
	int fd[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	struct smtp_client *c = smtp_client_over(stream_open(fd[0], &peer), &o);

	CHECK(smtp_client_begin(c, &r) == E_TIMEOUT);
	CHECK(r.code == 0 && str_eq(str_z(r.status), STR("4.4.2")));
	smtp_client_quit(c);
	(void)close(fd[1]);
	return OK;
}

TEST(client_silence)
{
	CHECK_OK(loop_main(silent, NULL));
}
