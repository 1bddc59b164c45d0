#include "formats/mailauth/spf.h"

#include "base/limits.h"
#include "base/test.h"

TEST(spf_records_are_told)
{
	CHECK(spf_is_record(STR("v=spf1")) && spf_is_record(STR("V=SPF1 -all"))); /* 7208 4.5 */
	CHECK(!spf_is_record(STR("v=spf10")) && !spf_is_record(STR("v=spf1\t-all")));
	CHECK(!spf_is_record(STR("")) && !spf_is_record(STR(" v=spf1")));
}

TEST(spf_parse)
{
	static const struct {
		str in;
		err want;
		size_t n;
	} rows[] = {
		{ S("v=spf1"), OK, 0 },
		{ S("v=spf1  a   -all "), OK, 2 }, /* 4.6.1: any number of spaces */
		{ S("v=spf1 A MX:%{d} PTR ip4:192.0.2.0/24 ip6:2001:db8::/32 ?all"), OK, 6 },
		{ S("v=spf1 a:b.example/24//64 mx//96 a/0"), OK, 3 },
		{ S("v=spf1 redirect=_spf.b.example exp=e.b.example x-y=%{c}"), OK, 0 },
		{ S("v=spf1 a\t-all"), E_SYNTAX, 0 },
		{ S("v=spf1 all:"), E_SYNTAX, 0 },
		{ S("v=spf1 all/8"), E_SYNTAX, 0 },
		{ S("v=spf1 all."), E_SYNTAX, 0 },
		{ S("v=spf1 -"), E_SYNTAX, 0 },
		{ S("v=spf1 =x"), E_SYNTAX, 0 },
		{ S("v=spf1 moo"), E_SYNTAX, 0 },
		{ S("v=spf1 moo:x.example"), E_SYNTAX, 0 },
		{ S("v=spf1 -x=y"), E_SYNTAX, 0 }, /* a modifier has no qualifier */
		{ S("v=spf1 include"), E_SYNTAX, 0 },
		{ S("v=spf1 include:"), E_SYNTAX, 0 },
		{ S("v=spf1 include:b.example/24"), E_SYNTAX, 0 },
		{ S("v=spf1 exists"), E_SYNTAX, 0 },
		{ S("v=spf1 a:"), E_SYNTAX, 0 },
		{ S("v=spf1 a:example"), E_SYNTAX, 0 }, /* 12: domain-end has a dot */
		{ S("v=spf1 a:b.example."), OK, 1 },
		{ S("v=spf1 a:b.111"), E_SYNTAX, 0 },
		{ S("v=spf1 a:b.-x"), E_SYNTAX, 0 },
		{ S("v=spf1 a:b.x-"), E_SYNTAX, 0 },
		{ S("v=spf1 a:b.example:25"), E_SYNTAX, 0 },
		{ S("v=spf1 a/33"), E_SYNTAX, 0 },
		{ S("v=spf1 a/024"), E_SYNTAX, 0 },
		{ S("v=spf1 a/"), E_SYNTAX, 0 },
		{ S("v=spf1 a//129"), E_SYNTAX, 0 },
		{ S("v=spf1 a//64/24"), E_SYNTAX, 0 },
		{ S("v=spf1 ip4:"), E_SYNTAX, 0 },
		{ S("v=spf1 ip4"), E_SYNTAX, 0 },
		{ S("v=spf1 ip4:1.2.3"), E_SYNTAX, 0 },
		{ S("v=spf1 ip4:1.2.3.4/"), E_SYNTAX, 0 },
		{ S("v=spf1 ip4:1.2.3.4//32"), E_SYNTAX, 0 },
		{ S("v=spf1 ip4:%{i}"), E_SYNTAX, 0 },
		{ S("v=spf1 ip6:1.2.3.4"), E_SYNTAX, 0 },
		{ S("v=spf1 ip6:::/0"), OK, 1 },
		{ S("v=spf1 a:%{c}.b.example"), E_SYNTAX, 0 }, /* 7.2: of exp= alone */
		{ S("v=spf1 a:%{d"), E_SYNTAX, 0 },
		{ S("v=spf1 a:%{d0}"), E_SYNTAX, 0 },
		{ S("v=spf1 a:%{dr-;}"), E_SYNTAX, 0 },
		{ S("v=spf1 a:%{a}"), E_SYNTAX, 0 },
		{ S("v=spf1 a:%"), E_SYNTAX, 0 },
		{ S("v=spf1 a:%x.example"), E_SYNTAX, 0 },
		{ S("v=spf1 a:%{D9999999999999999999r.-+,/_=}"), OK, 1 },
		{ S("v=spf1 a:%{d99999999999999999999}"), E_SYNTAX, 0 },  /* over 64 bits */
		{ S("v=spf1 exp=a.example exp=b.example"), E_SYNTAX, 0 }, /* 6 */
		{ S("v=spf1 redirect="), E_SYNTAX, 0 },
		{ S("v=spf1 x=%{q}"), E_SYNTAX, 0 },
		{ S("v=spf1 -all a:"), E_SYNTAX, 0 }, /* 4.6: behind what matches, too */
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(1));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spf_record r;

		CHECK_ROW(i, spf_parse(rows[i].in, &a, &r) == rows[i].want);
		CHECK_ROW(i, rows[i].want != OK || r.n == rows[i].n);
	}
}

TEST(spf_terms_have_a_limit)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b = { 0 };
	struct spf_record r;

	arena_init(&a, MIB(1));
	buf_init(&b, MIB(1));
	buf_add(&b, STR("v=spf1"));
	for (int i = 0; i < LIM_SPF_TERMS; i++)
		buf_add(&b, STR(" a"));
	CHECK_OK(spf_parse(buf_str(&b), &a, &r));
	buf_add(&b, STR(" a"));
	CHECK(spf_parse(buf_str(&b), &a, &r) == E_LIMIT);
}

static const struct spf_macros macros = {
	.local = S("strong-bad"),
	.sender = S("email.example.com"),
	.domain = S("email.example.com"),
	.helo = S("h.example"),
	.ip = S("192.0.2.3"),
	.validated = S("unknown"),
	.shown = S("192.0.2.3"),
	.receiver = S("mx.example.net"),
	.now = 1700000000,
};

TEST(spf_macros) /* 7208 7.4 */
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("%{s}"), S("strong-bad@email.example.com") },
		{ S("%{o}"), S("email.example.com") },
		{ S("%{d4}"), S("email.example.com") },
		{ S("%{d3}"), S("email.example.com") },
		{ S("%{d2}"), S("example.com") },
		{ S("%{d1}"), S("com") },
		{ S("%{dr}"), S("com.example.email") },
		{ S("%{d2r}"), S("example.email") },
		{ S("%{l}"), S("strong-bad") },
		{ S("%{l-}"), S("strong.bad") },
		{ S("%{lr}"), S("strong-bad") },
		{ S("%{lr-}"), S("bad.strong") },
		{ S("%{l1r-}"), S("strong") },
		{ S("%{ir}.%{v}._spf.%{d2}"), S("3.2.0.192.in-addr._spf.example.com") },
		{ S("%{lr-}.lp._spf.%{d2}"), S("bad.strong.lp._spf.example.com") },
		{ S("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}"),
		  S("3.2.0.192.in-addr.strong.lp._spf.example.com") },
		{ S("%{d2}.trusted-domains.example.net."),
		  S("example.com.trusted-domains.example.net") },
		{ S("%%%_%-x.%{h}"), S("% %20x.h.example") },
		{ S("%{S}"), S("strong-bad%40email.example.com") }, /* 7.3: URL escaping */
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b = { 0 };

		buf_init(&b, KIB(4));
		CHECK_ROW(i, spf_expand_name(rows[i].in, &macros, &b) == OK);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(spf_explanations)
{
	CLEANUP(buf_free) struct buf b = { 0 };

	buf_init(&b, KIB(4));
	CHECK_OK(spf_expand_text(STR("See http://b.example/?s=%{S}&i=%{c}&t=%{t} at %{r}"), &macros,
				 &b));
	CHECK_STR(buf_str(&b),
		  STR("See http://b.example/?s=strong-bad%40email.example.com&i=192.0.2.3"
		      "&t=1700000000 at mx.example.net"));
	CHECK(spf_expand_text(STR("50% off"), &macros, &b) == E_SYNTAX);
	CHECK(spf_uses(STR("x %{P2r}"), 'p') && !spf_uses(STR("x %%{p}"), 'p'));
}

TEST(spf_long_names_lose_labels) /* 7.3 */
{
	CLEANUP(buf_free) struct buf b = { 0 };
	char name[400];

	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 10 == 9 ? '.' : 'a';
	struct spf_macros m = { .domain = str_of(name, 399) };

	buf_init(&b, KIB(4));
	CHECK_OK(spf_expand_name(STR("%{d}.b.example"), &m, &b));
	CHECK(b.n == 249 && b.p[0] == 'a' && str_ends(buf_str(&b), STR(".b.example")));
}
