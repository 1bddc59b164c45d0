#include "services/blacklists/hidden.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/test.h"

static void keep(void *arg, str host)
{
	struct buf *b = arg;

	buf_add(b, host);
	buf_addc(b, ' ');
}

TEST(blacklists_hidden)
{
	static const struct {
		str text, want;
	} rows[] = {
		{ S("see hxxp://Bad.example.com/x"), S("bad.example.com ") },
		{ S("hxxps://bad.example.com"), S("bad.example.com ") },
		{ S("hXXp://bad.example.com:8080/"), S("bad.example.com ") },
		{ S("h**p://bad.example.com"), S("bad.example.com ") },
		{ S("hxxps[:]//bad[.]example[.]com/x"), S("bad.example.com ") },
		{ S("http://good.example.com/"), S("") }, /* any program finds it */
		{ S("bad[.]example[.]com"), S("bad.example.com ") },
		{ S("go to bad(.)example(.)com, now"), S("bad.example.com ") },
		{ S("bad [dot] example [ dot ] com"), S("bad.example.com ") },
		{ S("bad{DOT}example.com"), S("bad.example.com ") },
		{ S("shop dot example dot com today"), S("shop.example.com ") },
		{ S("the dotted line"), S("") },
		{ S("a dot"), S("") },
		{ S("dot com"), S("") },
		{ S("plain.example.com"), S("") },
		{ S("brackets [.] alone"), S("brackets.alone ") },
		{ S("[.]example"), S("") },
		{ S("a[.]"), S("") },
		{ S("x[.]y(dot)z hxxp://"), S("x.y.z ") },
		{ S("one[.]example two[.]example"), S("one.example two.example ") },
		{ S("hx"), S("") },
		{ S("hxxp:/"), S("") },
		{ S("a [.."), S("") },
		{ S(""), S("") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		buf_init(&b, KIB(1));
		blacklists_hidden(rows[i].text, 20, keep, &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
		buf_free(&b);
	}
}

TEST(blacklists_hidden_limits)
{
	struct buf text, b;

	buf_init(&text, MIB(1));
	buf_init(&b, MIB(1));
	for (unsigned i = 0; i < 100; i++)
		buf_fmt(&text, "n%u[.]example ", i);
	blacklists_hidden(buf_str(&text), 3, keep, &b);
	CHECK_STR(buf_str(&b), STR("n0.example n1.example n2.example "));
	/* a name over 253 octets is cut, not more */
	buf_reset(&text);
	buf_reset(&b);
	for (unsigned i = 0; i < 400; i++)
		buf_add(&text, STR("a[.]"));
	buf_add(&text, STR("example"));
	blacklists_hidden(buf_str(&text), 1, keep, &b);
	CHECK(b.n == 254);
	buf_free(&text);
	buf_free(&b);
}
