#include "formats/imap/response.h"

#include "base/test.h"

TEST(imap_reply)
{
	static const struct {
		str in, again; /* again "": refused */
	} rows[] = {
		{ S("* OK [CAPABILITY IMAP4rev1 IDLE] ready"),
		  S("* OK [CAPABILITY IMAP4rev1 IDLE] ready") },
		{ S("a1 NO [TRYCREATE] no such mailbox"), S("a1 NO [TRYCREATE] no such mailbox") },
		{ S("a1 OK [ 3] [X] y"),
		  S("a1 OK [ 3] [X] y") }, /* found by fuzzing: no code, so text */
		{ S("a1 OK"), S("a1 OK ") },
		{ S("+ idling"), S("+ idling") },
		{ S("+"), S("+ ") },
		{ S("* 12 FETCH (UID 5 FLAGS (\\Seen $x) BODY[HEADER.FIELDS (A B)]<0> {3}\r\nabc)"),
		  S("* 12 FETCH (UID 5 FLAGS (\\Seen $x) BODY[HEADER.FIELDS (A B)]<0> \"abc\")") },
		{ S("* LIST (\\HasNoChildren) \"/\" INBOX"),
		  S("* LIST (\\HasNoChildren) \"/\" INBOX") },
		{ S("* SEARCH 1 2 3 "), S("* SEARCH 1 2 3") },
		{ S("* FLAGS (\\Seen \\*)"), S("* FLAGS (\\Seen \\*)") },
		{ S("* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" NIL)(\"a\" \"b\" nil) "
		    "\"mixed\"))"),
		  S("* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" NIL) (\"a\" \"b\" nil) "
		    "\"mixed\"))") },
		{ S("* ESEARCH (TAG \"a\") UID ALL 1:3,5"),
		  S("* ESEARCH (TAG \"a\") UID ALL 1:3,5") },
		{ S("* 1 FETCH (BINARY[1] ~{3}\r\n\0\1\2)"),
		  S("* 1 FETCH (BINARY[1] ~{3}\r\n\0\1\2)") },
		{ S("a1 FETCH ()"), S("") },
		{ S("* 1 FETCH (UID"), S("") },
		{ S("* 1 FETCH UID)"), S("") },
		{ S("*"), S("") },
		{ S(""), S("") },
		{ S("* LIST () \"/\" \"x"), S("") },
	};
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;

	arena_init(&a, KIB(64));
	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_reply r;

		buf_reset(&b);
		if (imap_parse_reply(rows[i].in, &a, &r) == OK)
			imap_add_reply(&b, &r);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].again);
	}
}

TEST(imap_reply_values)
{
	CLEANUP(arena_free) struct arena a;
	struct imap_reply r;
	uint64_t n = 0;

	arena_init(&a, KIB(64));
	CHECK_OK(imap_parse_reply(STR("* 7 FETCH (UID 12 RFC822.SIZE 5)"), &a, &r));
	CHECK(r.kind == IMAP_DATA && r.has_number && r.number == 7);
	CHECK_OK(imap_value_number(imap_value_of(r.values->child, STR("uid")), &n));
	CHECK(n == 12);
	CHECK(imap_value_number(imap_value_of(r.values->child, STR("x")), &n) == E_SYNTAX);
	CHECK_OK(imap_parse_reply(STR("t OK [COPYUID 1 2:3 4:5] done"), &a, &r));
	CHECK_STR(r.code, STR("COPYUID"));
	CHECK_STR(r.code_rest, STR("1 2:3 4:5"));
	CHECK_STR(r.text, STR("done"));
}
