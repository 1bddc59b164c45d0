#include "sessions/pop3/pop3.h"

#include "base/limits.h"
#include "base/test.h"
#include "services/mailbox/mailbox.h"

static struct mailstore *mailstore;

static str hostname(void)
{
	return STR("store.test");
}

static WAITS err login_as(struct stream *io, str login, struct box **out)
{
	if (str_eq(login, STR("moving@demo.test")))
		return E_AGAIN;
	if (!str_eq(login, STR("ana@demo.test")))
		return E_NOTFOUND;
	return box_open(mailstore, 1, 1, 0, out);
}

static const struct pop3_role role = { .hostname = hostname, .login_as = login_as };

static WAITS void add_mail(str text)
{
	struct box *b;
	struct spool *s = spool_new("/tmp", MIB(1));
	struct append how = { .folder = STR("INBOX"), .received = 1000 };
	struct appended done;

	CHECK_OK(spool_add(s, text));
	CHECK_OK(box_open(mailstore, 1, 1, 0, &b));
	CHECK_OK(box_append(b, s, &how, &done));
	box_drop(b);
	spool_drop(s);
}

/* ana@demo.test */
#define LOGIN "AUTH EXTERNAL YW5hQGRlbW8udGVzdA==\r\n"

/* A conversation, and what the server's side of it looks like, greeting left out. */
static WAITS void converse(str input, str want, int line)
{
	CLEANUP(buf_free) struct buf got;
	static const str greeting = S("+OK store.test POP3 ready\r\n");

	/* The session closes its stream, so what was written is kept by a second hold on it. */
	struct stream *io = stream_script(input, 0);

	buf_init(&got, MIB(1));
	stream_script_keep(io, &got);
	(void)!pop3_session(io, &role);
	str all = buf_str(&got);

	CHECK(str_starts(all, greeting));
	test_check_str(str_skip(all, greeting.n), want, __FILE__, line, -1);
}
#define CONVERSE(in, want) converse(STR(in), STR(want), __LINE__)

static WAITS err before_login(void *arg)
{
	CONVERSE("STAT\r\nQUIT\r\n", "-ERR Not in this state\r\n+OK Goodbye, 0 removed\r\n");
	CONVERSE("NONSENSE\r\nXYZ\r\n", "-ERR Not a command\r\n-ERR Unknown command\r\n");
	CONVERSE("AUTH PLAIN AGEAYg==\r\n", "-ERR Only EXTERNAL here\r\n");
	CONVERSE("AUTH EXTERNAL eHg=\r\n", "-ERR [AUTH] No such mailbox for you\r\n");
	CONVERSE("AUTH EXTERNAL bW92aW5nQGRlbW8udGVzdA==\r\n",
		 "-ERR [SYS/TEMP] The mailbox is not available now\r\n");
	CONVERSE("AUTH EXTERNAL ***\r\n", "-ERR Not base64 of a name\r\n");
	return OK;
}

static WAITS err transaction(void *arg)
{
	add_mail(STR("Subject: a\r\n\r\n.dot\r\n..two\r\nlast\r\n"));
	add_mail(STR("Subject: b\r\n\r\n"));
	CONVERSE(LOGIN "STAT\r\nLIST\r\nLIST 2\r\nLIST 3\r\nLIST x\r\nQUIT\r\n",
		 "+OK 2 messages\r\n+OK 2 47\r\n+OK 2 messages\r\n1 33\r\n2 14\r\n.\r\n+OK 2 14\r\n"
		 "-ERR No such message\r\n-ERR A message number is wanted\r\n+OK Goodbye, 0 "
		 "removed\r\n");
	/* RFC 1939 3: leading dots are doubled. */
	CONVERSE(LOGIN "RETR 1\r\n", "+OK 2 messages\r\n+OK 33 octets\r\nSubject: "
				     "a\r\n\r\n..dot\r\n...two\r\nlast\r\n.\r\n");
	CONVERSE(LOGIN "TOP 1 0\r\nTOP 1 1\r\nTOP 2 5\r\nTOP 1\r\n",
		 "+OK 2 messages\r\n+OK Top follows\r\nSubject: a\r\n\r\n.\r\n+OK Top "
		 "follows\r\nSubject: a\r\n\r\n..dot\r\n.\r\n"
		 "+OK Top follows\r\nSubject: b\r\n\r\n.\r\n-ERR TOP wants a message and a number "
		 "of lines\r\n");
	/* RFC 1939 5, 6: DELE hides, RSET takes back, a lost connection removes nothing. */
	CONVERSE(LOGIN "DELE 1\r\nRETR 1\r\nSTAT\r\nRSET\r\nSTAT\r\nDELE 1\r\n",
		 "+OK 2 messages\r\n+OK Marked\r\n-ERR No such message\r\n+OK 1 14\r\n+OK Nothing "
		 "is marked\r\n+OK 2 47\r\n"
		 "+OK Marked\r\n");
	CONVERSE(LOGIN "DELE 1\r\nQUIT\r\n",
		 "+OK 2 messages\r\n+OK Marked\r\n+OK Goodbye, 1 removed\r\n");
	CONVERSE(LOGIN "STAT\r\n", "+OK 1 messages\r\n+OK 1 14\r\n");
	return OK;
}

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

TEST(pop3_before_login)
{
	with_store(before_login);
}

TEST(pop3_transaction)
{
	with_store(transaction);
}
