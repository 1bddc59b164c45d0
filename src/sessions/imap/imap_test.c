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

/* What FETCH of one item answers, behind "* 1 FETCH (UID 1 ". */
static WAITS void fetch_row(size_t i, str item, str want)
{
	CLEANUP(buf_free) struct buf in, got;

	buf_init(&in, KIB(4));
	buf_init(&got, MIB(1));
	buf_fmt(&in, LOGIN "s EXAMINE INBOX\r\nf FETCH 1 %.*s\r\n", STRF(item));
	talk(buf_str(&in), 0, &got);
	str all = after(buf_str(&got), STR("* 1 FETCH (UID 1 "));
	size_t end = str_search(all, STR(")\r\nf OK"));
	CHECK_STR_ROW(i, str_take(all, end), want);
}

#define PARTS                                                                                      \
	"From: a@b.test\r\nSubject: out\r\nMIME-Version: 1.0\r\n"                                  \
	"Content-Type: multipart/mixed; boundary=x\r\n\r\npre\r\n--x\r\n\r\none\r\n--x\r\n"        \
	"Content-Type: message/rfc822\r\n\r\nSubject: in\r\nTo: "                                  \
	"c@d.test\r\n\r\ninner\r\n--x--\r\n"

/* RFC 9051 6.4.5, 6.4.5.1 */
static WAITS err sections(void *arg)
{
	static const struct {
		str item, want;
	} rows[] = {
		{ S("BODY.PEEK[1]"), S("BODY[1] {3}\r\none") },
		{ S("BODY.PEEK[1.MIME]"), S("BODY[1.MIME] {2}\r\n\r\n") },
		{ S("BODY.PEEK[2.HEADER]"),
		  S("BODY[2.HEADER] {29}\r\nSubject: in\r\nTo: c@d.test\r\n\r\n") },
		{ S("BODY.PEEK[2.TEXT]"), S("BODY[2.TEXT] {5}\r\ninner") },
		{ S("BODY.PEEK[2.1]"), S("BODY[2.1] {5}\r\ninner") },
		{ S("BODY.PEEK[2.HEADER.FIELDS (to)]"),
		  S("BODY[2.HEADER.FIELDS (to)] {16}\r\nTo: c@d.test\r\n\r\n") },
		{ S("BODY.PEEK[HEADER.FIELDS.NOT (from mime-version content-type)]"),
		  S("BODY[HEADER.FIELDS.NOT (from mime-version content-type)] {16}\r\nSubject: "
		    "out\r\n\r\n") },
		{ S("BODY.PEEK[1.TEXT]"), S("BODY[1.TEXT] NIL") }, /* no message/rfc822 */
		{ S("BODY.PEEK[3]"), S("BODY[3] NIL") },
		{ S("BODY.PEEK[HEADER]<0.4>"), S("BODY[HEADER]<0> {4}\r\nFrom") },
		{ S("BODY.PEEK[1]<3.5>"), S("BODY[1]<3> \"\"") },
		{ S("BODY.PEEK[1]<2.100>"), S("BODY[1]<2> {1}\r\ne") },
		{ S("BINARY.SIZE[1]"), S("BINARY.SIZE[1] 3") },
		{ S("RFC822.SIZE"), S("RFC822.SIZE 191") },
		{ S("INTERNALDATE"), S("INTERNALDATE \"17-Jul-1996 09:44:25 +0000\"") },
	};

	RUN("p APPEND INBOX \"17-Jul-1996 02:44:25 -0700\" {191+}\r\n" PARTS "\r\n");
	_Static_assert(sizeof(PARTS) - 1 == 191, "the literal above");
	for (size_t i = 0; i < COUNT(rows); i++)
		fetch_row(i, rows[i].item, rows[i].want);
	return OK;
}

/* RFC 9051 6.3.2, RFC 3501 6.3.1, RFC 7162 3.1.2, RFC 8474 4.2 */
static WAITS err selecting(void *arg)
{
	FIND(LOGIN "s SELECT INBOX\r\n",
	     "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n");
	FIND(LOGIN "s SELECT inbox\r\n", "\\Draft \\*)] ");
	FIND(LOGIN "s SELECT INBOX\r\n", "* OK [HIGHESTMODSEQ ");
	FIND(LOGIN "s SELECT INBOX\r\n", "* OK [MAILBOXID (F");
	FIND(LOGIN "s EXAMINE INBOX\r\n", "s OK [READ-ONLY] Examined\r\n");
	/* 6.3.2: a failed SELECT leaves nothing selected */
	CONVERSE(LOGIN "s SELECT none\r\nf FETCH 1 UID\r\n",
		 "s NO [NONEXISTENT] No such mailbox\r\nf BAD Select a mailbox first\r\n");
	FIND(LOGIN "s SELECT INBOX\r\nt SELECT none\r\nf FETCH 1 UID\r\n",
	     "f BAD Select a mailbox first\r\n");
	CONVERSE(LOGIN "s SELECT INBOX (BOGUS)\r\n", "s BAD Unknown parameter\r\n");
	return OK;
}

/* RFC 9051 6.3.4 to 6.3.6, 5.1 */
static WAITS err naming(void *arg)
{
	CONVERSE(LOGIN "a CREATE INBOX\r\n", "a NO [ALREADYEXISTS] Mailbox exists\r\n");
	CONVERSE(LOGIN "a DELETE INBOX\r\nb DELETE none\r\n",
		 "a NO [CANNOT] INBOX stays\r\nb NO [NONEXISTENT] No such mailbox\r\n");
	CONVERSE(LOGIN "a CREATE &AOQ\r\n", "a BAD Modified UTF-7: shift without its end\r\n");
	FIND(LOGIN "a CREATE \"a//b\"\r\n", "a NO [CANNOT] ");
	FIND(LOGIN "a CREATE x (USE (\\Junk \\Sent))\r\n", "a NO [USEATTR] ");
	FIND(LOGIN "a CREATE p/q\r\nb RENAME p r\r\nl LIST \"\" *q\r\n", "\"/\" \"r/q\"\r\nl OK");
	return OK;
}

/* RFC 9051 6.2.1 (STARTTLS), 6.1.2, 2.2.1: what is not in place */
static WAITS err misplaced(void *arg)
{
	CONVERSE(LOGIN "a AUTHENTICATE EXTERNAL YQ==\r\n", "a BAD Already logged in\r\n");
	CONVERSE(LOGIN "a NOOP x\r\nb FETCH\r\nc SELECT\r\nd UID NOOP\r\n",
		 "a BAD NOOP takes no arguments\r\nb BAD Select a mailbox first\r\n"
		 "c BAD SELECT needs arguments\r\nd BAD Unknown command\r\n");
	CONVERSE(LOGIN "a STARTTLS\r\n", "a BAD TLS ends at the proxy\r\n");
	return OK;
}

static bool always(void)
{
	return true;
}

/* A draining process answers what is under way, then ends the session. */
static WAITS err drains(void *arg)
{
	CLEANUP(buf_free) struct buf got;
	struct imap_role leaving = role;
	struct stream *io = stream_script(STR("a NOOP\r\nb NOOP\r\n"), 0);

	leaving.draining = always;
	buf_init(&got, MIB(1));
	stream_script_keep(io, &got);
	CHECK_OK(imap_session(io, &leaving));
	CHECK(str_ends(buf_str(&got), STR("a OK Done\r\n* BYE Restarting, connect again\r\n")));
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

TEST(imap_sections)
{
	with_store(sections);
}

TEST(imap_selecting)
{
	with_store(selecting);
}

TEST(imap_naming)
{
	with_store(naming);
}

TEST(imap_misplaced)
{
	with_store(misplaced);
}

TEST(imap_drains)
{
	with_store(drains);
}
