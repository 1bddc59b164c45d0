#include "services/mailauth/dkim.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/enc.h"
#include "base/limits.h"
#include "base/test.h"
#include "run/fiber.h"
#include "services/mailauth/arc.h"
#include "services/mailauth/sign.h"
#include "services/mailauth/zone_test.h"

/* Three keys, made once, and a zone that has them. */
enum { RSA2048, ED25519, SMALL, NKEYS };
static struct lab {
	struct sign_key *keys[NKEYS];
	char p[NKEYS][1200];
	struct zone_row rows[30];
	struct zone zone;
	struct mailauth_dns dns;
	struct arena a;
} lab;

static EVP_PKEY *make(int which)
{
	return which == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
				: EVP_RSA_gen(which == RSA2048 ? 2048 : 512);
}

static void public_of(EVP_PKEY *k, int which, char *out)
{
	unsigned char raw[32], *der = NULL;
	size_t n = sizeof(raw);
	struct buf b;

	buf_init(&b, 1200);
	if (which == ED25519) {
		CHECK(EVP_PKEY_get_raw_public_key(k, raw, &n) == 1);
		enc_base64(&b, str_of(raw, n));
	} else {
		int len = i2d_PUBKEY(k, &der);

		CHECK(len > 0);
		enc_base64(&b, str_of(der, (size_t)len));
	}
	OPENSSL_free(der);
	CHECK_OK(str_to_z(buf_str(&b), out, sizeof(lab.p[0])));
	buf_free(&b);
}

static void row(const char *selector, const char *domain, str text)
{
	str name = arena_fmt(&lab.a, "%s._domainkey.%s", selector, domain);

	CHECK(lab.zone.n < COUNT(lab.rows));
	lab.rows[lab.zone.n++] = (struct zone_row){ name, DNS_TXT, text };
}

static void key_row(const char *selector, const char *tags, int which)
{
	row(selector, "b.example", arena_fmt(&lab.a, "%s p=%s", tags, lab.p[which]));
}

static void rows(void)
{
	lab.zone.rows = lab.rows;
	key_row("rsa", "v=DKIM1; k=rsa;", RSA2048);
	key_row("ed", "v=DKIM1; k=ed25519;", ED25519);
	key_row("small", "v=DKIM1; k=rsa;", SMALL);
	key_row("bare", "", RSA2048);
	key_row("test", "t=y;", RSA2048);
	key_row("strict", "v=DKIM1; t=s;", RSA2048);
	key_row("sha1", "v=DKIM1; h=sha1;", RSA2048);
	key_row("web", "v=DKIM1; s=web;", RSA2048);
	key_row("wrong", "v=DKIM1; k=rsa;", ED25519);
	key_row("kind", "v=DKIM1; k=ed25519;", RSA2048);
	row("gone", "b.example", STR("v=DKIM1; p="));
	row("odd", "b.example", STR("v=DKIM1; p=?"));
	row("two", "b.example", STR("v=spf1 -all"));
	key_row("two", "", RSA2048);
	lab.rows[lab.zone.n++] =
		(struct zone_row){ STR("late._domainkey.b.example"), 0, STR("TIMEOUT") };
}

/* The key named so in the zone. */
static struct sign_key *load(const char *selector, EVP_PKEY *k)
{
	struct sign_key *out = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;

	CHECK(PEM_write_bio_PrivateKey(bio, k, NULL, NULL, 0, NULL, NULL) == 1);
	long n = BIO_get_mem_data(bio, &p);

	if (sign_key_load(STR("b.example"), str_z(selector), str_of(p, (size_t)n), &out) != OK)
		out = NULL;
	BIO_free(bio);
	return out;
}

static EVP_PKEY *pairs[NKEYS];

static void begin(void)
{
	static const char *const selectors[] = { "rsa", "ed", "small" };

	lab.dns = (struct mailauth_dns){ zone_ask, &lab.zone };
	arena_init(&lab.a, MIB(64));
	for (int i = 0; i < NKEYS; i++) {
		pairs[i] = make(i);
		CHECK(pairs[i] != NULL);
		public_of(pairs[i], i, lab.p[i]);
		lab.keys[i] = load(selectors[i], pairs[i]);
	}
	CHECK(lab.keys[SMALL] == NULL); /* 8301 3.2: nor do we sign with it */
	lab.zone.n = 0;
	rows();
}

static void end(void)
{
	for (int i = 0; i < NKEYS; i++) {
		sign_key_drop(lab.keys[i]);
		EVP_PKEY_free(pairs[i]);
	}
	arena_free(&lab.a);
}

static const str message = S("From: A <a@b.example>\r\nTo: c@d.example\r\nSubject: one\r\n\ttwo\r\n"
			     "Date: Sat, 28 Nov 2026 10:00:00 +0000\r\n\r\n"
			     "Hello,  world \r\n\r\nline\r\n\r\n\r\n");

static str joined(str a, str b)
{
	return arena_fmt(&lab.a, "%.*s%.*s", STRF(a), STRF(b));
}

static str signed_by(const struct sign_order *o, str text)
{
	struct sign_order order = *o;
	struct buf out;

	order.message = text;
	buf_init(&out, KIB(16));
	CHECK_OK(sign_message(&order, &out));
	str s = joined(buf_str(&out), text);

	buf_free(&out);
	return s;
}

static struct mailauth_dkim *verify(str text, size_t want)
{
	struct mailauth_dkim *v;
	size_t n;

	CHECK_OK(dkim_verify_all(&lab.dns, text, 1000, NEVER, &lab.a, &v, &n));
	CHECK(n == want);
	return v;
}

static str replaced(str in, str what, str by)
{
	size_t at = str_search(in, what);

	CHECK(at < in.n);
	return arena_fmt(&lab.a, "%.*s%.*s%.*s", STRF(str_take(in, at)), STRF(by),
			 STRF(str_skip(in, at + what.n)));
}

static str without_cr(str in)
{
	char *p = arena_get(&lab.a, in.n + 1, 1);
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] != '\r')
			p[n++] = in.p[i];
	return str_of(p, n);
}

TEST(dkim_sign_and_verify) /* every form, both algorithms, CRLF and LF */
{
	begin();
	for (int form = 0; form < 4; form++) {
		struct sign_order o = { .keys = lab.keys,
					.nkeys = 2,
					.simple_header = form & 1,
					.simple_body = form & 2,
					.now = 500 };
		str text = signed_by(&o, message);
		struct mailauth_dkim *v = verify(text, 2);

		for (int i = 0; i < 2; i++) {
			CHECK_STR_ROW(form, v[i].why, STR(""));
			CHECK_ROW(form, v[i].result == AUTH_PASS);
			CHECK_ROW(form, str_eq(v[i].domain, STR("b.example")) && v[i].b.n == 8);
			CHECK_ROW(form, v[i].bits == (i ? 0 : 2048));
		}
		CHECK_ROW(form, verify(without_cr(text), 2)[0].result == AUTH_PASS);
		/* what each form forgives: 3.4 */
		str body = replaced(text, STR("Hello,  world "), STR("Hello, world"));
		str header = replaced(text, STR("Subject: one"), STR("SUBJECT:   one"));

		CHECK_ROW(form, (verify(body, 2)[1].result == AUTH_PASS) == !(form & 2));
		CHECK_ROW(form, (verify(header, 2)[1].result == AUTH_PASS) == !(form & 1));
		/* and what none does */
		CHECK_ROW(form, verify(replaced(text, STR("world"), STR("word")), 2)[0].result ==
					AUTH_FAIL);
		CHECK_ROW(form,
			  verify(replaced(text, STR("one"), STR("two")), 2)[0].result == AUTH_FAIL);
		CHECK_ROW(form, verify(joined(STR("From: x@y.example\r\n"), text), 2)[0].result ==
					AUTH_FAIL); /* oversigned */
		CHECK_ROW(form,
			  verify(joined(STR("X-New: x\r\n"), text), 2)[0].result == AUTH_PASS);
	}
	end();
}

TEST(dkim_results)
{
	static const struct {
		str change, to;
		enum auth_result want;
	} tests[] = {
		{ S("s=rsa;"), S("s=nokey;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=gone;"), AUTH_PERMERROR }, /* revoked */
		{ S("s=rsa;"), S("s=odd;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=small;"), AUTH_PERMERROR }, /* 8301 3.2 */
		{ S("s=rsa;"), S("s=sha1;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=web;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=wrong;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=kind;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=late;"), AUTH_TEMPERROR },
		{ S("s=rsa;"), S("s=ed;"), AUTH_PERMERROR },
		{ S("s=rsa;"), S("s=bare;"), AUTH_FAIL }, /* its own field is signed */
		{ S("a=rsa-sha256;"), S("a=rsa-sha1;"), AUTH_PERMERROR }, /* 8301 3.1 */
		{ S("a=rsa-sha256;"), S("a=ed25519-sha256;"), AUTH_PERMERROR },
		{ S("v=1;"), S("v=2;"), AUTH_NEUTRAL },
		{ S("b=;"), S("b=;"), AUTH_NEUTRAL },
		{ S("t=500;"), S("t=500; x=999;"), AUTH_FAIL }, /* expired */
		{ S("c=relaxed/relaxed;"), S("c=relaxed/relaxed; l=99999;"), AUTH_PERMERROR },
		{ S("c=relaxed/relaxed;"), S("c=relaxed;"), AUTH_FAIL },
	};
	struct sign_order o = { .keys = lab.keys, .nkeys = 1, .now = 500 };

	begin();
	str text = signed_by(&o, message);

	CHECK(verify(text, 1)->result == AUTH_PASS);
	for (size_t i = 0; i < COUNT(tests); i++) {
		bool has_it = str_search(text, tests[i].change) < text.n;
		str other = has_it ? replaced(text, tests[i].change, tests[i].to)
				   : replaced(text, STR("b="), STR("b=;x="));
		struct mailauth_dkim *v = verify(other, 1);

		CHECK_ROW(i, v->result == tests[i].want);
		CHECK_ROW(i, v->why.n > 0);
	}
	end();
}

/* A key of another selector, for what the zone says of it. */
static struct mailauth_dkim *by_selector(const char *selector)
{
	struct sign_key *k = load(selector, pairs[RSA2048]);
	struct sign_order o = { .keys = &k, .nkeys = 1, .now = 500 };
	str text = signed_by(&o, message);

	sign_key_drop(k);
	return verify(text, 1);
}

TEST(dkim_key_flags) /* 6376 3.6.1 */
{
	begin();
	CHECK(by_selector("bare")->result == AUTH_PASS);
	CHECK(by_selector("test")->test);
	CHECK(by_selector("strict")->result == AUTH_PASS);
	CHECK(by_selector("two")->result == AUTH_PASS); /* beside another record */
	CHECK(by_selector("gone")->result == AUTH_PERMERROR);
	end();
}

TEST(dkim_several) /* at most LIM_DKIM_SIGNATURES, from the top */
{
	struct sign_key *many[LIM_DKIM_SIGNATURES + 3];

	begin();
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = lab.keys[ED25519];
	struct sign_order o = { .keys = many, .nkeys = COUNT(many), .now = 500 };
	struct mailauth_dkim *v = verify(signed_by(&o, message), LIM_DKIM_SIGNATURES);

	for (size_t i = 0; i < LIM_DKIM_SIGNATURES; i++)
		CHECK_ROW(i, v[i].result == AUTH_PASS);
	CHECK(verify(message, 0) != NULL);
	end();
}

WAITS static err in_a_fiber(void *arg)
{
	str *text = arg;

	CHECK(verify(*text, 2)[0].result == AUTH_PASS);
	return OK;
}

TEST(dkim_big) /* 50 MB, on a loop with its helper threads; white space and empty lines */
{
	struct sign_order o = { .keys = lab.keys, .nkeys = 2, .now = 500 };
	struct buf b;

	begin();
	buf_init(&b, MIB(60));
	buf_add(&b, message);
	while (b.n < MIB(25))
		buf_add(&b, STR("a line  of words,\twith white space \r\n"));
	while (b.n < MIB(50))
		buf_add(&b, STR("\r\n"));
	buf_add(&b, STR("end"));
	o.message = buf_str(&b);
	arena_free(&lab.a);
	arena_init(&lab.a, MIB(200));
	lab.zone.n = 0;
	rows();
	str text = signed_by(&o, buf_str(&b));

	CHECK_OK(loop_main(in_a_fiber, &text));
	buf_free(&b);
	end();
}

/* ---- ARC ---- */
static struct arc_chain chain_of(str text)
{
	struct arc_chain c;

	CHECK_OK(arc_verify(&lab.dns, text, 1000, NEVER, &lab.a, &c));
	return c;
}

static str sealed(str text, int which)
{
	struct arc_chain c = chain_of(text);
	struct sign_order o = { .message = text, .keys = &lab.keys[which], .nkeys = 1, .now = 600 };
	struct buf out;

	buf_init(&out, KIB(64));
	CHECK_OK(sign_seal(&o, &c, STR("b.example; spf=pass smtp.mailfrom=a@b.example"), &out));
	str s = joined(buf_str(&out), text);

	buf_free(&out);
	return s;
}

TEST(arc_seal_and_verify) /* RFC 8617 5.1, 5.2 */
{
	begin();
	CHECK(chain_of(message).result == AUTH_NONE);
	str one = sealed(message, RSA2048), two = sealed(joined(STR("X: y\r\n"), one), ED25519);
	struct arc_chain c = chain_of(two);

	CHECK_STR(c.why, STR(""));
	CHECK(c.result == AUTH_PASS && c.instances == 2);
	CHECK_STR(c.sealer, STR("b.example"));
	CHECK(chain_of(without_cr(two)).result == AUTH_PASS);
	CHECK(chain_of(replaced(two, STR("world"), STR("word"))).result == AUTH_FAIL);
	CHECK(chain_of(replaced(two, STR("spf=pass"), STR("spf=fail"))).result == AUTH_FAIL);
	CHECK(chain_of(replaced(two, STR("cv=pass"), STR("cv=fail"))).result == AUTH_FAIL);
	CHECK(chain_of(replaced(two, STR("ARC-Seal: i=2"), STR("ARC-Seal: i=3"))).result ==
	      AUTH_FAIL);
	CHECK(chain_of(replaced(two, STR("ARC-Seal: i=2"), STR("ARC-Seal: i=1"))).result ==
	      AUTH_FAIL);
	CHECK(chain_of(replaced(two, STR("s=ed;"), STR("s=late;"))).result == AUTH_FAIL);
	CHECK(chain_of(replaced(two, STR("ARC-Seal: i=2"), STR("X-Seal: i=2"))).result ==
	      AUTH_FAIL);
	CHECK(chain_of(joined(STR("ARC-Seal: x\r\n"), two)).result == AUTH_FAIL);
	/* an older message signature may be broken: 5.2 */
	str later = replaced(one, STR("Hello,"), STR("[list] Hello,"));

	struct arc_chain failed = chain_of(sealed(later, RSA2048));

	/* 5.1.2: sealed as failed, and then nobody adds to it */
	CHECK(chain_of(later).result == AUTH_FAIL && !chain_of(later).ended);
	CHECK(failed.result == AUTH_FAIL && failed.ended && failed.instances == 2);
	end();
}

TEST(arc_longest_chain)
{
	begin();
	str text = message;

	for (int i = 0; i < LIM_ARC_INSTANCES; i++)
		text = sealed(text, ED25519);
	struct arc_chain c = chain_of(text);
	struct sign_order o = { .message = text, .keys = &lab.keys[RSA2048], .nkeys = 1 };
	struct buf out;

	CHECK(c.result == AUTH_PASS && c.instances == LIM_ARC_INSTANCES);
	buf_init(&out, KIB(64));
	CHECK(sign_seal(&o, &c, STR("x; none"), &out) == E_DENIED);
	c = (struct arc_chain){ .result = AUTH_FAIL, .ended = true };
	CHECK(sign_seal(&o, &c, STR("x; none"), &out) == E_DENIED);
	buf_free(&out);
	end();
}
