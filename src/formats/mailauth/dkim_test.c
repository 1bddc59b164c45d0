#include "formats/mailauth/dkim.h"

#include "base/limits.h"
#include "base/test.h"

#define BH "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
#define OK_SIG                                                                                     \
	"v=1; a=rsa-sha256; c=relaxed/simple; d=b.example; s=k; h=from : to; " BH "; b=YWJj\r\n "  \
	"ZA"

TEST(dkim_signatures)
{
	static const struct {
		str in;
		enum dkim_kind kind;
		err want;
	} rows[] = {
		{ S(OK_SIG), DKIM_SIGNATURE, OK },
		{ S(OK_SIG "; t=1; x=2; q=dns/txt; z=From:a; l=10; i=a=20b@x.b.example; new=1;"),
		  DKIM_SIGNATURE, OK },
		{ S("v=1;a=ed25519-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  OK },
		/* 3.5: each that is required */
		{ S("a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=2;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=1;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE, E_SYNTAX },
		{ S("v=1;a=rsa-sha256;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE, E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;" BH ";b=YWJj"), DKIM_SIGNATURE, E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=from;b=YWJj"), DKIM_SIGNATURE, E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=from;" BH), DKIM_SIGNATURE, E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b="), DKIM_SIGNATURE,
		  E_SYNTAX },
		/* 8301 3.1, and what nobody knows */
		{ S("v=1;a=rsa-sha1;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_DENIED },
		{ S("v=1;a=rsa-md5;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_DENIED },
		{ S(OK_SIG "; q=dns/srv"), DKIM_SIGNATURE, E_DENIED },
		{ S(OK_SIG "; q=x : dns/txt"), DKIM_SIGNATURE, OK },
		/* 5.4: From is signed */
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=to;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S(OK_SIG "; i=a@c.example"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; i=a@xb.example"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; i=b.example"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; i=a=2@b.example"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; t=2; x=2"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; t=-1"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; l=x"), DKIM_SIGNATURE, E_SYNTAX },
		{ S(OK_SIG "; d=b.example"), DKIM_SIGNATURE, E_SYNTAX }, /* twice */
		{ S("v=1;a=rsa-sha256;c=future;d=b.example;s=k;h=from;" BH ";b=YWJj"),
		  DKIM_SIGNATURE, E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=from;bh=YWJj;b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b..example;s=k;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k/x;h=from;" BH ";b=YWJj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		{ S("v=1;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=Y!Jj"), DKIM_SIGNATURE,
		  E_SYNTAX },
		/* 8617 4.1 */
		{ S("i=1;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_ARC_MESSAGE,
		  OK },
		{ S("i=0;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_ARC_MESSAGE,
		  E_SYNTAX },
		{ S("i=51;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj"), DKIM_ARC_MESSAGE,
		  E_SYNTAX },
		{ S("i=1;a=rsa-sha256;d=b.example;s=k;h=from:arc-seal;" BH ";b=YWJj"),
		  DKIM_ARC_MESSAGE, E_SYNTAX },
		{ S("i=50;cv=pass;a=rsa-sha256;d=b.example;s=k;b=YWJj"), DKIM_ARC_SEAL, OK },
		{ S("i=1;a=rsa-sha256;d=b.example;s=k;b=YWJj"), DKIM_ARC_SEAL, E_SYNTAX },
		{ S("i=1;cv=x;a=rsa-sha256;d=b.example;s=k;b=YWJj"), DKIM_ARC_SEAL, E_SYNTAX },
		{ S("i=1;cv=none;a=rsa-sha256;d=b.example;s=k;h=from;b=YWJj"), DKIM_ARC_SEAL,
		  E_SYNTAX },
	};
	struct dkim_signature s;
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, dkim_parse(rows[i].in, rows[i].kind, &a, &s) == rows[i].want);
	CHECK_OK(dkim_parse(STR(OK_SIG ";i=a=20b@x.B.example;l=10;x=9"), DKIM_SIGNATURE, &a, &s));
	CHECK(s.relaxed_header && !s.relaxed_body && s.limited && s.length == 10);
	CHECK_STR(s.identity, STR("a b@x.B.example"));
	CHECK_STR(s.b, STR("abcd"));
	CHECK(s.time == -1 && s.expires == 9 && s.bh.n == 32);
	arena_free(&a);
}

TEST(dkim_takes_b_out) /* 6376 3.7 */
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("DKIM-Signature: v=1;a=rsa-sha256;d=b.example;s=k;b= YW\r\n Jj ;h=from;" BH
		    "\r\n"),
		  S("DKIM-Signature: v=1;a=rsa-sha256;d=b.example;s=k;b=;h=from;" BH "\r\n") },
		{ S("DKIM-Signature: v=1;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=YWJj\r\n"),
		  S("DKIM-Signature: v=1;a=rsa-sha256;d=b.example;s=k;h=from;" BH ";b=\r\n") },
	};
	struct dkim_signature s;
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct canon_field f = { STR("DKIM-Signature"), rows[i].in };

		CHECK_OK(dkim_parse(canon_value(&f), DKIM_SIGNATURE, &a, &s));
		CHECK_STR_ROW(i, dkim_without_b(&f, &s, &a), rows[i].want);
	}
	arena_free(&a);
}

TEST(dkim_keys) /* 6376 3.6.1 */
{
	static const struct {
		str in;
		err want;
		bool ed25519, revoked, test, strict;
	} rows[] = {
		{ S("v=DKIM1; p=YWJj"), OK, 0, 0, 0, 0 },
		{ S("p=YW Jj"), OK, 0, 0, 0, 0 },
		{ S("k=rsa; t=y:s; p=YWJj"), OK, 0, 0, 1, 1 },
		{ S("v=DKIM1; k=ed25519; p=YWJj"), OK, 1, 0, 0, 0 },
		{ S("v=DKIM1; p="), OK, 0, 1, 0, 0 },
		{ S("v=DKIM1; h=sha1:sha256; s=tlsrpt:email; n=note; g=; x=y; p=YWJj"), OK, 0, 0, 0,
		  0 },
		{ S("v=DKIM1; s=*; t=; p=YWJj"), OK, 0, 0, 0, 0 },
		{ S("v=DKIM2; p=YWJj"), E_SYNTAX, 0, 0, 0, 0 },
		{ S("p=YWJj; v=DKIM1"), E_SYNTAX, 0, 0, 0, 0 },
		{ S("v=DKIM1"), E_SYNTAX, 0, 0, 0, 0 },
		{ S("v=DKIM1; p=Y*"), E_SYNTAX, 0, 0, 0, 0 },
		{ S("v=DKIM1; k=x; p=YWJj"), E_DENIED, 0, 0, 0, 0 },
		{ S("v=DKIM1; h=sha1; p=YWJj"), E_DENIED, 0, 0, 0, 0 },
		{ S("v=DKIM1; s=tlsrpt; p=YWJj"), E_DENIED, 0, 0, 0, 0 },
		{ S("v=spf1 -all"), E_SYNTAX, 0, 0, 0, 0 },
		{ S(""), E_SYNTAX, 0, 0, 0, 0 },
	};
	struct dkim_key k;
	struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK_ROW(i, dkim_parse_key(rows[i].in, &a, &k) == rows[i].want);
		CHECK_ROW(i,
			  rows[i].want != OK ||
				  (k.ed25519 == rows[i].ed25519 && k.revoked == rows[i].revoked &&
				   k.test == rows[i].test && k.strict == rows[i].strict));
	}
	arena_free(&a);
}

TEST(dkim_writes)
{
	static const str names[] = { S("From"), S("From"), S("Subject") };
	const struct dkim_writing w = { .algorithm = DKIM_ED25519_SHA256,
					.relaxed_header = true,
					.domain = STR("b.example"),
					.selector = STR("e202611"),
					.identity = STR("a;b@b.example"),
					.names = names,
					.nnames = 3,
					.time = 1,
					.expires = -1,
					.bh = STR("0123456789abcdef0123456789abcdef") };
	struct buf b;

	buf_init(&b, KIB(4));
	dkim_write(&b, DKIM_SIGNATURE, &w);
	dkim_write_b(&b, STR("abc"));
	CHECK_STR(buf_str(&b),
		  STR("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=b.example;\r\n"
		      "\ts=e202611; i=a=3Bb@b.example; t=1;\r\n"
		      "\th=From:From:Subject; bh=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=;\r\n"
		      "\tb=YWJj\r\n"));
	buf_free(&b);
}
