#include "base/test.h"
#include "base/limits.h"
#include "services/verdict/verdict.h"

static const struct verdict_policy policy = { .level = 3,
					      .above = VERDICT_QUARANTINE,
					      .virus = VERDICT_REJECT,
					      .dangerous = VERDICT_QUARANTINE };

TEST(verdict_choose)
{
	enum { NONE, OFF, VSTRICT, STRICT, NORMAL, LENIENT, VLENIENT };
	static const struct {
		double score;
		unsigned level;
		enum dir_above above;
		enum dir_listed listed;
		const char *marks; /* v virus, d dangerous, u unscanned, r refuse, e elsewhere */
		enum verdict_place want;
		enum verdict_why why;
	} rows[] = {
		{ 4.9, NONE, 0, 0, "", VERDICT_INBOX, WHY_SCORE },
		{ 5, NONE, 0, 0, "", VERDICT_SPAM, WHY_SCORE },
		{ 11.9, NORMAL, 0, 0, "", VERDICT_SPAM, WHY_SCORE },
		{ 12, NORMAL, 0, 0, "", VERDICT_QUARANTINE, WHY_SCORE },
		{ 12, NORMAL, ABOVE_DISCARD, 0, "", VERDICT_DISCARD, WHY_SCORE },
		{ 12, NORMAL, ABOVE_REJECT, 0, "", VERDICT_REJECT, WHY_SCORE },
		{ 3, VSTRICT, 0, 0, "", VERDICT_SPAM, WHY_SCORE },
		{ 8, VSTRICT, 0, 0, "", VERDICT_QUARANTINE, WHY_SCORE },
		{ 9.9, VLENIENT, 0, 0, "", VERDICT_INBOX, WHY_SCORE },
		{ 24, VLENIENT, 0, 0, "", VERDICT_SPAM, WHY_SCORE },
		{ 1000, OFF, 0, 0, "", VERDICT_INBOX, WHY_OFF },
		{ 1000, 200, 0, 0, "", VERDICT_QUARANTINE, WHY_SCORE }, /* no such level */
		{ 1000, NORMAL, 0, LISTED_CONTACT, "", VERDICT_INBOX, WHY_CONTACT },
		{ 1000, NORMAL, 0, LISTED_ALLOW, "", VERDICT_INBOX, WHY_ALLOWED },
		{ -5, NORMAL, 0, LISTED_BLOCK, "", VERDICT_QUARANTINE, WHY_BLOCKED },
		{ -5, OFF, ABOVE_DISCARD, LISTED_BLOCK, "", VERDICT_DISCARD, WHY_BLOCKED },
		{ 0, NORMAL, 0, LISTED_CONTACT, "v", VERDICT_REJECT, WHY_VIRUS },
		{ 0, OFF, 0, 0, "v", VERDICT_REJECT, WHY_VIRUS },
		{ 0, NORMAL, 0, 0, "d", VERDICT_QUARANTINE, WHY_DANGEROUS },
		{ 0, NORMAL, 0, 0, "u", VERDICT_INBOX, WHY_UNSCANNED },
		{ 0, NORMAL, 0, LISTED_BLOCK, "u", VERDICT_QUARANTINE, WHY_BLOCKED },
		{ 1, NORMAL, 0, 0, "r", VERDICT_QUARANTINE, WHY_SCORE },
		{ 12, NONE, 0, 0, "e", VERDICT_REJECT, WHY_SCORE },
		{ 6, NONE, 0, 0, "e", VERDICT_SPAM, WHY_SCORE },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		str marks = str_z(rows[i].marks);
		struct verdict_message m = { .scanned = str_find(marks, 'u') == marks.n,
					     .score = rows[i].score,
					     .refuse = str_find(marks, 'r') < marks.n,
					     .virus = str_find(marks, 'v') < marks.n,
					     .dangerous = str_find(marks, 'd') < marks.n };
		struct dir_user u = { .spam_level = rows[i].level, .spam_above = rows[i].above };
		struct verdict_choice c;

		verdict_choose(&policy, &m, str_find(marks, 'e') < marks.n ? NULL : &u,
			       rows[i].listed, &c);
		CHECK_ROW(i, c.place == rows[i].want);
		CHECK_ROW(i, c.why == rows[i].why);
	}
}

TEST(verdict_confirmed) /* RFC 8601 2.2, 2.7 */
{
	static const struct {
		str value, domain;
		bool want;
	} rows[] = {
		{ S("mx.test; spf=pass smtp.mailfrom=a@b.test"), S("b.test"), true },
		{ S("mx.test; spf=pass smtp.mailfrom=B.test"), S("b.test"), true },
		{ S("mx.test; spf=fail smtp.mailfrom=a@b.test"), S("b.test"), false },
		{ S("mx.test; spf=pass smtp.mailfrom=a@x.b.test"), S("b.test"), true },
		{ S("mx.test; dkim=pass header.d=a.co.uk"), S("b.co.uk"), false },
		{ S("mx.test; dkim=pass header.d=co.uk"), S("b.co.uk"), false },
		{ S("mx.test; dkim=pass header.d=b.test policy.dkim-rules=unsigned-body"),
		  S("b.test"), false },
		{ S("mx.test; spf=fail;\r\n\tdkim=pass header.d=b.test header.s=s"), S("b.test"),
		  true },
		{ S("mx.test; dkim=pass (ok; or so) header.d=b.test"), S("mail.b.test"), true },
		{ S("mx.test; dkim=pass header.d=test"), S("b.test"), false },
		{ S("mx.test; dkim=pass header.d=evilb.test"), S("b.test"), false },
		{ S("mx.test; dkim=pass header.d=b.test"), S("evilb.test"), false },
		{ S("mx.test; dmarc=pass header.from=b.test"), S("b.test"), true },
		{ S("mx.test; spf=fail (x; dkim=pass header.d=b.test)"), S("b.test"), false },
		{ S("mx.test; spf=fail reason=\"; dkim=pass header.d=b.test\""), S("b.test"),
		  false },
		{ S("mx.test; none"), S("b.test"), false },
		{ S("mx.test; spf=pass smtp.mailfrom="), S(""), false },
		{ S(""), S("b.test"), false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, verdict_confirmed(rows[i].value, rows[i].domain) == rows[i].want);
}

TEST(verdict_forged)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("From: a\r\nX-Spam-Status: No,\r\n score=-100\r\nTo: b\r\n\r\n"),
		  S("From: a\r\nTo: b\r\n\r\n") },
		{ S("x-spam-flag : NO\nA: b\n\n"), S("A: b\n\n") }, /* 5322 4.5 */
		{ S("X-Spamd-Result: x\r\nX-Spamming: kept\r\n\r\n"),
		  S("X-Spamming: kept\r\n\r\n") },
		/* 8601 5: ours alone go */
		{ S("Authentication-Results: mx.test; spf=pass\r\nB: c\r\n\r\n"),
		  S("B: c\r\n\r\n") },
		{ S("Authentication-Results: (a comment)\r\n MX.test 1; spf=pass\r\n\r\n"),
		  S("\r\n") },
		{ S("Authentication-Results: \"mx.test\"; spf=pass\r\n\r\n"), S("\r\n") },
		{ S("Authentication-Results: \"mx.t\\est\"; spf=pass\r\n\r\n"), S("\r\n") },
		{ S("Authentication-Results: other.test; spf=pass\r\n\r\n"),
		  S("Authentication-Results: other.test; spf=pass\r\n\r\n") },
		{ S("Authentication-Results:\r\n\r\n"), S("\r\n") },
		{ S("Authentication-Results: (unended\r\n\r\n"), S("\r\n") },
		{ S("no field\r\nA: b"), S("no field\r\nA: b") },
		{ S(""), S("") },
	};
	struct buf b;

	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		verdict_add_clean(&b, rows[i].in, STR("mx.test"));
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
		CHECK_ROW(i, verdict_has_forged(rows[i].in, STR("mx.test")) ==
				     !str_eq(rows[i].in, rows[i].out));
	}
	buf_free(&b);
	CHECK(verdict_header_size(STR("A: b\r\n\r\nX-Spam-Flag: x\r\n")) == 8);
	CHECK(verdict_header_size(STR("A: b\n\nbody")) == 6);
	CHECK(verdict_header_size(STR("A: b\r\n")) == 6);
}

TEST(verdict_header)
{
	static const struct verdict_symbol tests[] = {
		{ S("GTUBE"), 1000 },
		{ S("A_RULE\r\nEvil: yes"), 1 },
	};
	struct verdict_choice c = { .place = VERDICT_SPAM, .tag = 5, .why = WHY_SCORE };
	struct verdict_message m = { .scanned = true, .score = 3.25 };
	struct buf b;

	buf_init(&b, LIM_SPAM_HEADER);
	verdict_add_header(&b, &m, &c, tests, COUNT(tests));
	CHECK_STR(buf_str(&b), STR("X-Spam-Flag: YES\r\n"
				   "X-Spam-Status: Yes, score=3.2 required=5.0\r\n"
				   "\ttests=GTUBE,A_RULE__Evil__yes\r\n"
				   "X-Spam-Score: 3.2\r\n"
				   "X-Spam-Level: ***\r\n"
				   "X-Spam-Place: spam (score)\r\n"));
	buf_reset(&b);
	c = (struct verdict_choice){ .place = VERDICT_INBOX, .tag = 5, .why = WHY_UNSCANNED };
	m = (struct verdict_message){ 0 };
	verdict_add_header(&b, &m, &c, NULL, 0);
	CHECK_STR(buf_str(&b), STR("X-Spam-Status: No, score=0.0 required=5.0\r\n"
				   "\ttests=NOT_SCANNED\r\n"
				   "X-Spam-Score: 0.0\r\n"
				   "X-Spam-Level: \r\n"
				   "X-Spam-Place: inbox (unscanned)\r\n"));
	buf_reset(&b);
	verdict_add_auth_results(&b, STR(" mx.test;\r\n\tspf=pass\r\nEvil: yes"));
	CHECK_STR(buf_str(&b), STR("Authentication-Results: mx.test; spf=pass Evil: yes\r\n"));
	buf_reset(&b);
	verdict_add_auth_results(&b, STR("mx.test; spf=\x01pass"));
	CHECK(b.n == 0);
	buf_free(&b);
}
