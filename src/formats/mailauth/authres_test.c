#include "formats/mailauth/authres.h"

#include "base/limits.h"
#include "base/test.h"

static void print(const struct authres *r, struct buf *out)
{
	buf_fmt(out, "%.*s/%u", STRF(r->id), r->version);
	for (size_t i = 0; i < r->n; i++) {
		const struct authres_result *one = &r->results[i];

		buf_fmt(out, "; %.*s/%u=%.*s", STRF(one->method), one->version, STRF(one->result));
		if (one->reason.n)
			buf_fmt(out, " [%.*s]", STRF(one->reason));
		for (size_t k = 0; k < one->nprops; k++)
			buf_fmt(out, " %.*s.%.*s=%.*s", STRF(one->props[k].ptype),
				STRF(one->props[k].name), STRF(one->props[k].value));
	}
}

TEST(authres_parse) /* RFC 8601 2.2 and appendix B */
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S(" example.org 1; none"), S("example.org/1") },
		{ S(" example.com;\r\n spf=pass smtp.mailfrom=example.net"),
		  S("example.com/1; spf/1=pass smtp.mailfrom=example.net") },
		{ S(" example.com; sender-id=fail header.from=example.com;\r\n\tdkim=pass (good "
		    "signature) header.d=example.com"),
		  S("example.com/1; sender-id/1=fail header.from=example.com; dkim/1=pass "
		    "header.d=example.com") },
		{ S(" foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) "
		    "= "
		    "(wait for it) fail\r\n policy (A dot can go here) . (like that) expired\r\n "
		    "(this "
		    "surprised me) = (as I wasn't expecting it) 1362471462"),
		  S("foo.example.net/1; dkim/1=fail policy.expired=1362471462") },
		{ S(" a; dkim=fail reason=\"bad (really)\" header.i=@x.example;"),
		  S("a/1; dkim/1=fail [bad (really)] header.i=@x.example") },
		{ S("a; auth=pass smtp.auth=\"J. \\\"D\\\"\"@x.example"),
		  S("a/1; auth/1=pass smtp.auth=J. \"D\"@x.example") },
		{ S("\"a b\" 2; arc=none"), S("a b/2; arc/1=none") },
		{ S(""), S("bad") },
		{ S("; spf=pass"), S("bad") },
		{ S("a; spf"), S("bad") },
		{ S("a; spf="), S("bad") },
		{ S("a; spf=pass smtp"), S("bad") },
		{ S("a; spf=pass smtp.x"), S("bad") },
		{ S("a; spf=pass smtp.x="), S("bad") },
		{ S("a (never ends; spf=pass"), S("bad") },
		{ S("a; spf=\"pass"), S("bad") },
		{ S("a spf=pass"), S("bad") },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b = { 0 };
		struct authres r;

		buf_init(&b, KIB(4));
		if (authres_parse(rows[i].in, &a, &r) == OK)
			print(&r, &b);
		else
			buf_add(&b, STR("bad"));
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(authres_forged_fields_are_told) /* RFC 8601 5 */
{
	static const struct {
		str name, value;
		bool claims;
	} rows[] = {
		{ S("Authentication-Results"), S(" mx.b.example; spf=pass"), true },
		{ S("authentication-results "), S(" MX.b.Example. ; none"), true },
		{ S("Authentication-Results"), S("\r\n\t(x (y)) mx.b.example(z) 1; none"), true },
		{ S("Authentication-Results"), S(" \"mx.b\\.example\"; none"), true },
		{ S("Authentication-Results"), S(" mx.b.example"), true },
		{ S("Authentication-Results"), S(" (open; none"), true },
		{ S("Authentication-Results"), S(""), true },
		{ S("Authentication-Results"), S(" ; spf=pass"), true },
		{ S("Authentication-Results"), S(" mx.other.example; spf=pass"), false },
		{ S("Authentication-Results"), S(" xmx.b.example; spf=pass"), false },
		{ S("X-Authentication-Results"), S(" mx.b.example; none"), false },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, authres_claims(rows[i].name, rows[i].value, STR("mx.b.example")) ==
				     rows[i].claims);
}

TEST(authres_write)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, LIM_AUTHRES_FIELD);
	struct authres_writer w = authres_begin(&b, STR("mx.b.example"));

	authres_end(&w);
	CHECK_STR(buf_str(&b), STR("Authentication-Results: mx.b.example; none\r\n"));
	buf_reset(&b);
	w = authres_begin(&b, STR("mx.b.example"));
	authres_method(&w, "spf", "fail");
	authres_reason(&w, STR("not \"you\"\r\nX: y"));
	authres_prop(&w, "smtp.mailfrom", STR("a@c.example"));
	authres_prop(&w, "smtp.helo", STR("a b"));
	authres_method(&w, "dkim", "none");
	authres_end(&w);
	CHECK_STR(buf_str(&b),
		  STR("Authentication-Results: mx.b.example;\r\n"
		      "\tspf=fail reason=\"not \\\"you\\\"??X: y\" smtp.mailfrom=a@c.example "
		      "smtp.helo=\"a b\";\r\n"
		      "\tdkim=none\r\n"));
}

/* Cut behind "friend.example", the name of x...x.friend.example.stranger.example would be
 * friend.example's. */
TEST(authres_write_cuts_no_name)
{
	static const struct {
		size_t filler;
		bool written;
	} rows[] = {
		{ 184, true }, /* with ".friend.example" 199 octets */
		{ 185, true },
		{ 288, true },
		{ 289, false }, /* over LIM_AUTHRES_VALUE */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b = { 0 }, name = { 0 };
		CLEANUP(arena_free) struct arena a;
		struct authres r;

		arena_init(&a, MIB(1));
		buf_init(&b, LIM_AUTHRES_FIELD);
		buf_init(&name, KIB(1));
		for (size_t k = 0; k < rows[i].filler; k++)
			buf_addc(&name, 'x');
		buf_add(&name, STR(".friend.example.stranger.example"));
		struct authres_writer w = authres_begin(&b, STR("mx.b.example"));

		authres_method(&w, "spf", "pass");
		authres_prop(&w, "smtp.mailfrom", buf_str(&name));
		authres_end(&w);
		str value = str_skip(buf_str(&b), sizeof("Authentication-Results:") - 1);

		CHECK_ROW(i, authres_parse(value, &a, &r) == OK && r.n == 1);
		CHECK_ROW(i, r.results[0].nprops == rows[i].written);
		if (rows[i].written)
			CHECK_STR_ROW(i, r.results[0].props[0].value, buf_str(&name));
	}
}
