#include "formats/imap/fetch.h"

#include "base/test.h"
#include "formats/imap/store.h"

/* What is written again is what was understood; "" means refused. */
TEST(imap_fetch)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("ALL"), S("(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)") }, /* 9051 6.4.5 */
		{ S("fast"), S("(FLAGS INTERNALDATE RFC822.SIZE)") },
		{ S("FULL"), S("(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)") },
		{ S("(FLAGS BODY[HEADER.FIELDS (DATE FROM)])"),
		  S("(FLAGS BODY[HEADER.FIELDS (DATE FROM)])") },
		{ S("body.peek[1.2.mime]<0.100>"), S("(BODY.PEEK[1.2.MIME]<0.100>)") },
		{ S("(UID BODY[] BODY BODYSTRUCTURE)"), S("(UID BODY BODYSTRUCTURE BODY[])") },
		{ S("BODY[4.2.2.2.HEADER.FIELDS.NOT (\"a b\" {2}\r\nxy)]"),
		  S("(BODY[4.2.2.2.HEADER.FIELDS.NOT (\"a b\" xy)])") },
		{ S("(RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)"),
		  S("(RFC822.SIZE RFC822 RFC822.HEADER RFC822.TEXT)") }, /* 3501 6.4.5 */
		{ S("BINARY.PEEK[1]<2.3>"), S("(BINARY.PEEK[1]<2.3>)") },
		{ S("BINARY.SIZE[1.2]"), S("(BINARY.SIZE[1.2])") },
		{ S("FLAGS (CHANGEDSINCE 17)"),
		  S("(FLAGS MODSEQ) (CHANGEDSINCE 17)") }, /* 7162 3.1.4.1 */
		{ S("(EMAILID THREADID SAVEDATE MODSEQ)"),
		  S("(MODSEQ EMAILID THREADID SAVEDATE)") },
		{ S("(ALL)"), S("") },
		{ S("()"), S("") },
		{ S("(FLAGS"), S("") },
		{ S("FLAGS UID"), S("") },
		{ S("BODY[MIME]"), S("") },
		{ S("BODY[0]"), S("") },
		{ S("BODY[1.]"), S("") },
		{ S("BODY[1..2]"), S("") },
		{ S("BODY[]<5>"), S("") },
		{ S("BODY[]<5.0>"), S("") },
		{ S("BINARY[1.TEXT]"), S("") },
		{ S("BINARY.SIZE[1]<0.1>"), S("") },
		{ S("BODY[HEADER.FIELDS]"), S("") },
		{ S("BODY[HEADER.FIELDS ()]"), S("") },
		{ S("RFC822[]"), S("") },
		{ S("BODY[99999999999]"), S("") },
		{ S("FLAGS (VANISHED)"), S("") },
	};
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;

	arena_init(&a, KIB(64));
	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, &a };
		struct imap_fetch f;

		buf_reset(&b);
		if (imap_parse_fetch(&in, &f) == OK)
			imap_add_fetch(&b, &f);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(imap_store)
{
	static const struct {
		str in;
		enum imap_store_op op;
		bool silent;
		unsigned system;
		size_t keywords;
		err want;
	} rows[] = {
		{ S("FLAGS (\\Seen)"), IMAP_STORE_SET, false, IMAP_SEEN, 0, OK },
		{ S("+flags.silent \\Deleted"), IMAP_STORE_ADD, true, IMAP_DELETED, 0, OK },
		{ S("-FLAGS \\Seen $Junk x"), IMAP_STORE_REMOVE, false, IMAP_SEEN, 2, OK },
		{ S("FLAGS ()"), IMAP_STORE_SET, false, 0, 0, OK },
		{ S("(UNCHANGEDSINCE 5) FLAGS (a A)"), IMAP_STORE_SET, false, 0, 1,
		  OK }, /* keywords in any case */
		{ S("FLAGS (\\Unknown)"), 0, false, 0, 0, E_SYNTAX },
		{ S("FLAGS"), 0, false, 0, 0, E_SYNTAX },
		{ S("FLAG (\\Seen)"), 0, false, 0, 0, E_SYNTAX },
		{ S("FLAGS (\\Seen) x"), 0, false, 0, 0, E_SYNTAX },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, KIB(64));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, &a };
		struct imap_store s = { 0 };

		CHECK_ROW(i, imap_parse_store(&in, &s) == rows[i].want);
		CHECK_ROW(i, s.op == rows[i].op && s.silent == rows[i].silent);
		CHECK_ROW(i, s.flags.system == rows[i].system);
		CHECK_ROW(i, s.flags.nkeywords == rows[i].keywords);
	}
}
