#include "base/arena.h"
#include "base/enc.h"
#include "base/limits.h"
#include "base/test.h"
#include "formats/sasl/sasl.h"
#include "formats/sasl/scram.h"

#include <string.h>

TEST(plain)
{
	static const struct {
		str in, authzid, authcid, password;
		err want;
	} rows[] = {
		{ S("\0tim\0tanstaaftanstaaf"), S(""), S("tim"), S("tanstaaftanstaaf"),
		  OK }, /* 4616 4 */
		{ S("Ursel\0Kurt\0xipj3plmq"), S("Ursel"), S("Kurt"), S("xipj3plmq"),
		  OK },						     /* 4616 4 */
		{ S("\0tim\0"), S(""), S(""), S(""), E_SYNTAX },     /* passwd = 1*SAFE */
		{ S("\0\0x"), S(""), S(""), S(""), E_SYNTAX },	     /* authcid = 1*SAFE */
		{ S("tim\0x"), S(""), S(""), S(""), E_SYNTAX },	     /* one NUL */
		{ S("\0tim\0x\0y"), S(""), S(""), S(""), E_SYNTAX }, /* three */
		{ S("\0tim\0\xff"), S(""), S(""), S(""), E_SYNTAX }, /* not UTF-8 */
		{ S(""), S(""), S(""), S(""), E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sasl_plain p = { S(""), S(""), S("") };

		CHECK_ROW(i, sasl_plain_parse(rows[i].in, &p) == rows[i].want);
		CHECK_STR_ROW(i, p.authzid, rows[i].authzid);
		CHECK_STR_ROW(i, p.authcid, rows[i].authcid);
		CHECK_STR_ROW(i, p.password, rows[i].password);
		if (rows[i].want)
			continue;
		CLEANUP(buf_free) struct buf b;

		buf_init(&b, LIM_SASL);
		sasl_plain_print(&p, &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].in);
	}
	char big[LIM_PASSWORD + 10] = "\0u\0";
	struct sasl_plain p;

	memset(big + 3, 'x', sizeof(big) - 3);
	CHECK(sasl_plain_parse(str_of(big, sizeof(big)), &p) == E_LIMIT);
}

TEST(saslprep)
{
	static const struct {
		str in, out;
		err want;
	} rows[] = {
		{ S("I\xc2\xadX"), S("IX"), OK }, /* 4013 3: soft hyphen goes */
		{ S("user"), S("user"), OK },
		{ S("USER"), S("USER"), OK },
		{ S("\xc2\xaa"), S("a"), OK }, /* NFKC */
		{ S("\xe2\x85\xa8"), S("IX"), OK },
		{ S("\x07"), S(""), E_SYNTAX },		/* prohibited */
		{ S("\xd8\xa7\x31"), S(""), E_SYNTAX }, /* bidi */
		{ S("\xff"), S(""), E_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b;

		buf_init(&b, KIB(64));
		CHECK_ROW(i, sasl_prep(rows[i].in, &b) == rows[i].want);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
	}
}

/* The exchange of RFC 7677 3. */
#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST                                                                               \
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL                                                                               \
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"                             \
	"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

TEST(scram_rfc7677_client)
{
	CLEANUP(scram_client_free) struct scram_client c = { 0 };
	CLEANUP(buf_free) struct buf out;

	buf_init(&out, LIM_SASL);
	scram_client_init(&c, STR("n,,"), STR("rOprNGfwEbeRWgbNEkqO"));
	scram_client_first(&c, STR("user"), &out);
	CHECK_STR(buf_str(&out), STR(CLIENT_FIRST));
	buf_reset(&out);
	CHECK_OK(scram_client_final(&c, STR(SERVER_FIRST), STR("pencil"), STR(""), &out));
	CHECK_STR(buf_str(&out), STR(CLIENT_FINAL));
	CHECK_OK(scram_client_verify(&c, STR(SERVER_FINAL)));
	CHECK(scram_client_verify(&c, STR("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")) ==
	      E_DENIED);
	CHECK(scram_client_verify(&c, STR("e=invalid-proof")) == E_DENIED);
	CHECK(scram_client_verify(&c, STR("")) == E_SYNTAX);
}

TEST(scram_rfc7677_server)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct scram_verifier v = { .nsalt = 16, .iterations = 4096 };
	struct scram_server_first s;
	struct scram_first f;
	struct scram_final l;
	uint8_t signature[SCRAM_KEY];

	arena_init(&a, KIB(64));
	buf_init(&b, LIM_SASL);
	CHECK_OK(scram_parse_first(STR(CLIENT_FIRST), &a, &f));
	CHECK_STR(f.user, STR("user"));
	CHECK_STR(f.gs2, STR("n,,"));
	CHECK_OK(scram_parse_server_first(STR(SERVER_FIRST), &s));
	memcpy(v.salt, s.salt, 16);
	scram_derive(STR("pencil"), &v, NULL);
	scram_print_server_first(s.nonce, &v, &b);
	CHECK_STR(buf_str(&b), STR(SERVER_FIRST));
	CHECK_OK(scram_parse_final(STR(CLIENT_FINAL), &a, &l));
	CHECK_STR(l.binding, STR("n,,"));
	CHECK_STR(l.nonce, s.nonce);
	str auth = arena_fmt(&a, "%.*s,%s,%.*s", STRF(f.bare), SERVER_FIRST, STRF(l.without_proof));

	CHECK(scram_check(&v, auth, l.proof, signature));
	buf_reset(&b);
	scram_print_server_final(signature, &b);
	CHECK_STR(buf_str(&b), STR(SERVER_FINAL));
	l.proof[5] ^= 1;
	CHECK(!scram_check(&v, auth, l.proof, signature));
}

TEST(scram_first)
{
	static const struct {
		str in;
		err want;
		char binding;
		str authzid, user;
	} rows[] = {
		{ S("n,,n=user,r=abc"), OK, 'n', S(""), S("user") },
		{ S("y,a=other,n=us=2Cer=3D,r=abc"), OK, 'y', S("other"), S("us,er=") },
		{ S("p=tls-exporter,,n=u,r=abc,x=more"), OK, 'p', S(""), S("u") },
		{ S("n,,m=ext,n=user,r=abc"), E_SYNTAX, 0, S(""),
		  S("") }, /* 5802 5.1 m: must fail */
		{ S("n,,n=user"), E_SYNTAX, 0, S(""), S("") },
		{ S("n,,n=us=er,r=abc"), E_SYNTAX, 0, S(""), S("") },
		{ S("n,,n=,r=abc"), E_LIMIT, 0, S(""), S("") },
		{ S("z,,n=user,r=abc"), E_SYNTAX, 0, S(""), S("") },
		{ S("p=,,n=user,r=abc"), E_SYNTAX, 0, S(""), S("") },
		{ S("n,user,n=user,r=abc"), E_SYNTAX, 0, S(""), S("") },
		{ S("n,,n=user,r="), E_SYNTAX, 0, S(""), S("") },
		{ S("n"), E_SYNTAX, 0, S(""), S("") },
		{ S(""), E_SYNTAX, 0, S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		struct scram_first f = { 0 };

		arena_init(&a, KIB(64));
		CHECK_ROW(i, scram_parse_first(rows[i].in, &a, &f) == rows[i].want);
		CHECK_ROW(i, f.binding == rows[i].binding);
		CHECK_STR_ROW(i, f.authzid, rows[i].authzid);
		CHECK_STR_ROW(i, f.user, rows[i].user);
	}
}

TEST(scram_server_first_is_hostile_too)
{
	struct scram_server_first s;

	CHECK(scram_parse_server_first(STR("r=ab,s=QUJD,i=1"), &s) == E_DENIED); /* 7677 4 */
	CHECK(scram_parse_server_first(STR("r=ab,s=QUJD,i=2000000000"), &s) ==
	      E_LIMIT); /* our CPU */
	CHECK(scram_parse_server_first(STR("r=ab,s=,i=4096"), &s) == E_SYNTAX);
	CHECK(scram_parse_server_first(STR("r=ab,i=4096"), &s) == E_SYNTAX);
	CLEANUP(scram_client_free) struct scram_client c = { 0 };
	CLEANUP(buf_free) struct buf out;

	buf_init(&out, LIM_SASL);
	scram_client_init(&c, STR("n,,"), STR("mine"));
	CHECK(scram_client_final(&c, STR("r=other,s=QUJD,i=4096"), STR("x"), STR(""), &out) ==
	      E_DENIED);
	CHECK(scram_client_final(&c, STR("r=mine,s=QUJD,i=4096"), STR("x"), STR(""), &out) ==
	      E_DENIED);
}
