#include "sessions/imap/imap.h"

#include "base/limits.h"
#include "base/test.h"

static struct mailstore *mailstore;

static str hostname(void)
{
	return STR("store.test");
}

static WAITS err login_as(struct stream *io, str login, str origin, struct box **out)
{
	if (str_eq(login, STR("moving@demo.test")))
		return E_AGAIN;
	if (!str_eq(login, STR("ana@demo.test")))
		return E_NOTFOUND;
	return box_open(mailstore, 1, 1, MIB(1), out);
}

static const struct imap_role role = {
	.hostname = hostname, .login_as = login_as, .spool_dir = "/tmp", .message_max = KIB(64)
};

/* ana@demo.test */
#define LOGIN "l AUTHENTICATE EXTERNAL YW5hQGRlbW8udGVzdA==\r\n"

/* What the server says to input, without greeting and login. */
static WAITS void talk(str input, size_t piece, struct buf *got)
{
	struct stream *io = stream_script(input, piece);

	stream_script_keep(io, got);
	(void)!imap_session(io, &role);
}

static str after(str all, str mark)
{
	size_t at = str_search(all, mark);

	return at < all.n ? str_skip(all, at + mark.n) : all;
}

static WAITS void converse(str input, size_t piece, str want, int line)
{
	CLEANUP(buf_free) struct buf got;

	buf_init(&got, MIB(4));
	talk(input, piece, &got);
	str all = after(after(buf_str(&got), STR(" posta\r\n")), STR("] Logged in\r\n"));
	test_check_str(all, want, __FILE__, line, -1);
}
#define CONVERSE(in, want) converse(STR(in), 0, STR(want), __LINE__)
/* Twice, the second time in pieces of 7 octets: for what changes nothing. */
#define BOTH(in, want)	   (CONVERSE(in, want), converse(STR(in), 7, STR(want), __LINE__))
/* The answer has this in it. */
static WAITS void find(str input, str want, int line)
{
	CLEANUP(buf_free) struct buf got;

	buf_init(&got, MIB(4));
	talk(input, 0, &got);
	if (str_search(buf_str(&got), want) == got.n && want.n)
		test_check_str(buf_str(&got), want, __FILE__, line, -1);
}
#define FIND(in, want) find(STR(in), STR(want), __LINE__)

static WAITS void run(str input)
{
	CLEANUP(buf_free) struct buf got;

	buf_init(&got, MIB(4));
	talk(input, 0, &got);
}
#define RUN(in) run(STR(LOGIN in))

static void with_store(err (*fn)(void *))
{
	struct kv *kv;
	struct mailstore_options o = { .keep_expunged = 1000 };

	CHECK_OK(kv_open_memory(&kv));
	o.kv = kv;
	CHECK_OK(mailstore_open(&o, &mailstore));
	CHECK_OK(loop_main(fn, NULL));
	mailstore_close(mailstore);
	kv_close(kv);
}

#define MAIL                                                                                       \
	"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nFrom: Ana <ana@demo.test>\r\nSubject: "           \
	"one\r\n\r\nbody one\r\n"
#define APPEND(n, text) "p APPEND INBOX {" #n "+}\r\n" text "\r\n"

static WAITS err before_login(void *arg)
{
	FIND("", "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 SASL-IR");
	BOTH("a NOOP\r\nb SELECT INBOX\r\nc XYZ\r\n",
	     "a OK Done\r\nb BAD Log in first\r\nc BAD Unknown command\r\n");
	BOTH("a LOGIN ana {3}\r\nxyz\r\n", "+ OK\r\na NO [PRIVACYREQUIRED] No passwords here\r\n");
	BOTH("a AUTHENTICATE PLAIN AGEAYg==\r\n", "a NO [CANNOT] Only EXTERNAL here\r\n");
	BOTH("a AUTHENTICATE EXTERNAL eHg=\r\n",
	     "a NO [AUTHENTICATIONFAILED] No such mailbox for you\r\n");
	BOTH("a AUTHENTICATE EXTERNAL bW92aW5nQGRlbW8udGVzdA==\r\n",
	     "a NO [UNAVAILABLE] The mailbox is not available now\r\n");
	BOTH("a AUTHENTICATE EXTERNAL\r\n*\r\n", "+ \r\na BAD Given up\r\n");
	BOTH("\r\n", "* BAD Expected a tag and a command\r\n");
	BOTH("a LOGOUT\r\n", "* BYE Good-bye\r\na OK Done\r\n");
	BOTH("a ID (\"name\" \"x\")\r\nb ID NIL\r\n", "* ID (\"name\" \"posta\")\r\na OK Done\r\n* "
						      "ID (\"name\" \"posta\")\r\nb OK Done\r\n");
	return OK;
}

/* RFC 9051 4.3, RFC 7888: whatever size a literal has, the next command is understood. */
static WAITS err literals(void *arg)
{
	CONVERSE("a LOGIN {99999999}\r\nb NOOP\r\n",
		 "a BAD [TOOBIG] Literal too large\r\nb OK Done\r\n");
	CONVERSE("a LOGIN {9000+}\r\n", "");
	CONVERSE(LOGIN "a APPEND INBOX {70000}\r\nb NOOP\r\n",
		 "a NO [TOOBIG] Message over 65536 octets\r\nb OK Done\r\n");
	CONVERSE(LOGIN "a APPEND none {5+}\r\n12345\r\nb NOOP\r\n",
		 "a NO [TRYCREATE] No such mailbox\r\nb OK Done\r\n");
	CONVERSE(LOGIN "a APPEND INBOX (\\Bogus) {5+}\r\n12345\r\nb NOOP\r\n",
		 "a BAD Expected mailbox, flags, date and a literal\r\nb OK Done\r\n");
	return OK;
}

static WAITS err folders(void *arg)
{
	CONVERSE(LOGIN "a CREATE p&AOQ-/x\r\nb LIST \"\" p*\r\n",
		 "a OK [MAILBOXID (F8)] Created\r\n* LIST (\\HasChildren) \"/\" \"p&AOQ-\"\r\n"
		 "* LIST (\\HasNoChildren) \"/\" \"p&AOQ-/x\"\r\nb OK Done\r\n");
	RUN("a DELETE p&AOQ-/x\r\n");
	return OK;
}

static WAITS err mails(void *arg)
{
	FIND(LOGIN APPEND(91, MAIL), "p OK [APPENDUID ");
	FIND(LOGIN "s SELECT INBOX\r\nf FETCH 1 (FLAGS RFC822.SIZE BODY.PEEK[TEXT])\r\n",
	     "* 1 FETCH (UID 1 FLAGS (\\Recent) RFC822.SIZE 91 BODY[TEXT] {10}\r\nbody "
	     "one\r\n)\r\nf OK "
	     "Done\r\n");
	return OK;
}

TEST(imap_before_login)
{
	with_store(before_login);
}

TEST(imap_literals)
{
	with_store(literals);
}

TEST(imap_folders)
{
	with_store(folders);
}

TEST(imap_mails)
{
	with_store(mails);
}
