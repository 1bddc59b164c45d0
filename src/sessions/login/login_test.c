#include "sessions/login/login.h"

#include "base/limits.h"
#include "base/test.h"

static const struct login_settings settings = { .attempts = 3 };

static str hostname(void)
{
	return STR("mail.test");
}

static const struct login_settings *get_settings(void)
{
	return &settings;
}

/* In clear no mechanism is offered, so nobody is asked. */
static struct auth *no_auth(void)
{
	return NULL;
}

static WAITS err nowhere(const struct net_addr *peer, str service, const struct dir_user *user,
			 str password, struct arena *a, struct login_back *out)
{
	return E_AGAIN;
}

static const struct login_role role = {
	.hostname = hostname,
	.settings = get_settings,
	.auth = no_auth,
	.connect = nowhere,
};

static WAITS void converse(bool imap, str input, str want, int line)
{
	CLEANUP(buf_free) struct buf got;
	struct stream *io = stream_script(input, 0);

	buf_init(&got, MIB(1));
	stream_script_keep(io, &got);
	if (imap)
		(void)!imap_login_session(io, &role);
	else
		(void)!pop3_login_session(io, &role);
	str rest = buf_str(&got), greeting = STR("");

	CHECK(str_cut(rest, '\n', &greeting, &rest));
	test_check_str(rest, want, __FILE__, line, -1);
}
#define IMAP(in, want) converse(true, STR(in), STR(want), __LINE__)
#define POP3(in, want) converse(false, STR(in), STR(want), __LINE__)

#define CAPABILITY "CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- SASL-IR ID LOGINDISABLED\r\n"

static WAITS err imap(void *arg)
{
	IMAP("a CAPABILITY\r\nb NOOP\r\nc LOGOUT\r\nd NOOP\r\n",
	     "* " CAPABILITY "a OK Done\r\nb OK Done\r\n* BYE Goodbye\r\nc OK Done\r\n");
	/* RFC 9051 6.2.3: no password in clear, whatever form it has. */
	IMAP("a LOGIN ana {3}\r\nabc\r\nb LOGIN ana \"x y\"\r\n",
	     "+ Go on\r\na NO [PRIVACYREQUIRED] First STARTTLS: passwords do not cross the network "
	     "in clear\r\n"
	     "b NO [PRIVACYREQUIRED] First STARTTLS: passwords do not cross the network in "
	     "clear\r\n");
	IMAP("a AUTHENTICATE PLAIN AGEAYg==\r\n", "a NO [CANNOT] Mechanism not offered here\r\n");
	IMAP("a STARTTLS\r\n", "a BAD TLS is on already, or there is no certificate\r\n");
	IMAP("a SELECT INBOX\r\n\r\nnonsense\r\n", "a BAD Unknown command, or log in first\r\n"
						   "* BAD A tag and a command are wanted\r\n"
						   "* BAD A tag and a command are wanted\r\n");
	/* A literal that is too long: refused before it is sent; one that comes anyway ends the
	 * session. */
	IMAP("a LOGIN {99999999}\r\nb NOOP\r\n",
	     "* BAD Literal too long before login\r\nb OK Done\r\n");
	IMAP("a LOGIN {99999999+}\r\nb NOOP\r\n", "* BAD Literal too long before login\r\n");
	/* The end in the middle of a line takes no answer away. */
	IMAP("a NOOP\r\nb NO", "a OK Done\r\n");
	IMAP("a ID NIL\r\n", "* ID (\"name\" \"posta\")\r\na OK Done\r\n");
	return OK;
}

static WAITS err pop3(void *arg)
{
	POP3("CAPA\r\nQUIT\r\nNOOP\r\n", "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nUTF8 "
					 "USER\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
					 "IMPLEMENTATION posta\r\n.\r\n+OK Goodbye\r\n");
	POP3("USER ana\r\nPASS x\r\n",
	     "-ERR [AUTH] First STLS: passwords do not cross the network in clear\r\n"
	     "-ERR First USER\r\n");
	POP3("UTF8\r\nQU", "+OK UTF-8 it is\r\n");
	POP3("AUTH PLAIN AGEAYg==\r\n", "-ERR Mechanism not offered here\r\n");
	POP3("STLS\r\nUTF8\r\nSTAT\r\n\r\n",
	     "-ERR TLS is on already, or there is no certificate\r\n+OK UTF-8 it is\r\n"
	     "-ERR Unknown command, or log in first\r\n-ERR Not a command\r\n");
	return OK;
}

TEST(login_imap)
{
	CHECK_OK(loop_main(imap, NULL));
}

TEST(login_pop3)
{
	CHECK_OK(loop_main(pop3, NULL));
}
