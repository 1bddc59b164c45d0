#include "formats/imap/list.h"

#include "base/test.h"
#include "formats/imap/write.h"

TEST(imap_match)
{
	static const struct {
		str pattern, name;
		bool want, below;
	} rows[] = {
		{ S("*"), S("a/b/c"), true, true },
		{ S("%"), S("a"), true, false },
		{ S("%"), S("a/b"), false, false },
		{ S("%/%"), S("a/b"), true, false },
		{ S("a/%"), S("a"), false, true },
		{ S("a*"), S("a"), true, true },
		{ S("inbox"), S("INBOX"), true, false },
		{ S("inbox/x"), S("INBOX"), false, false },
		{ S("*b%d"), S("xbyb/bzd"), true, true },
		{ S("%b*d"), S("xb/yd"), true, true },
		{ S("*%"), S("a/b"), true, true },
		{ S("*/b"), S("a/b"), true, true },
		{ S("a/b/%"), S("a"), false, true },
		{ S("b/%"), S("a"), false, false },
		{ S(""), S(""), true, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, imap_match(rows[i].pattern, rows[i].name) == rows[i].want);
		CHECK_ROW(i, imap_match_below(rows[i].pattern, rows[i].name) == rows[i].below);
	}
}

TEST(imap_list)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("\"\" *"), S("\"\" \"*\"") },
		{ S("(SUBSCRIBED RECURSIVEMATCH) \"\" (a% b) RETURN (CHILDREN STATUS (MESSAGES "
		    "UNSEEN))"),
		  S("(SUBSCRIBED RECURSIVEMATCH) \"\" (\"a%\" \"b\") RETURN (CHILDREN STATUS "
		    "(MESSAGES UNSEEN))") },
		{ S("() \"\" \"%\""), S("\"\" \"%\"") },
		{ S("\"\" p&AOQ- RETURN (SPECIAL-USE)"),
		  S("\"\" \"p&AOQ-\" RETURN (SPECIAL-USE)") },
		{ S("(RECURSIVEMATCH) \"\" *"), S("") }, /* 5258 3.1 */
		{ S("(RECURSIVEMATCH REMOTE) \"\" *"), S("") },
		{ S("(IMAPTEST) \"\" *"), S("") },
		{ S("\"\" * RETURN (IMAPTEST)"), S("") },
		{ S("\"\""), S("") },
		{ S("\"\" ()"), S("") },
		{ S("\"\" &AO"), S("") },
	};
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;

	arena_init(&a, KIB(64));
	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct imap_in in = { rows[i].in, &a };
		struct imap_list l;

		buf_reset(&b);
		if (imap_parse_list(&in, false, &l) == OK)
			imap_add_list(&b, &l, false);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}
