#include "formats/html/html.h"

#include "base/buf.h"
#include "base/test.h"

/* What a text is taken apart into: "S(a href=[x])", "E(a)", "T[text]", ... */
static void show(str in, struct buf *out)
{
	static const char marks[] = "TSECDP";
	struct html_reader r;
	struct html_token t;
	char text[512];
	bool wide = false;

	for (html_start(&r, in); html_next(&r, &t);) {
		str raw = t.raw;

		if (t.kind == HTML_INSTRUCTION)
			continue;
		buf_fmt(out, " %c", marks[t.kind]);
		if (t.kind == HTML_START || t.kind == HTML_END) {
			buf_fmt(out, "(%.*s", STRF(t.name));
			for (size_t i = 0; i < t.nattrs; i++)
				buf_fmt(out, " %.*s=[%.*s]", STRF(t.attrs[i].name),
					STRF(t.attrs[i].value));
			buf_addc(out, ')');
			continue;
		}
		if (t.kind == HTML_TEXT && !t.cdata && raw.n < sizeof(text))
			raw = str_of(text, html_decode(raw, true, text, &wide));
		buf_fmt(out, "[%.*s]", STRF(raw));
	}
}

/* Each as HTML::Parser 3.81 takes it apart. */
TEST(html_tokens)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("foo bar"), S(" T[foo] T[ bar]") },
		{ S("<_x>a</_x>"), S(" S(_x) T[a] E(_x)") },
		{ S("<1>c<a href=x href=y b>z</a foo='>'>"),
		  S(" T[<1>c] S(a href=[x] b=[b]) T[z] E(a)") },
		{ S("&copy&copy=1&copyx&amp;&ltx&#65&#x41;&#0;&bogus;&notit;<b>"),
		  S(" T[\xc2\xa9\xc2\xa9=1\xc2\xa9x&<xAA&#0;&bogus;\xc2\xacit;] S(b)") },
		{ S("<!--> foo -->x"), S(" C[<!--> foo -->] T[x]") },
		{ S("<!-- a -- b > c -->d"), S(" C[<!-- a -- b > c -->] T[d]") },
		{ S("<!x y>f<!>g</>h</ x>i<?php >j"),
		  S(" C[<!x y>] T[f] C[<!>] T[g] C[</>] T[h] C[</ x>] T[i] T[j]") },
		{ S("<![if !vml]>k<![endif]>l<![CDATA[m<b>&amp;]]>n"),
		  S(" C[<![if !vml]>] T[k] C[<![endif]>] T[l] T[m<b>&amp;] T[n]") },
		{ S("<title>a<b>&amp;</title >o<title>p<b>q"),
		  S(" S(title) T[a<b>&] E(title) T[o] S(title) T[p] E(title) S(b) T[q]") },
		{ S("<textarea><b></textarea><xmp><i>&amp;</xmp>"),
		  S(" S(textarea) T[<b>] E(textarea) S(xmp) T[<i>&amp;] E(xmp)") },
		{ S("<plaintext>a</plaintext>b"), S(" S(plaintext) T[a</plaintext>b]") },
		{ S("<iframe>x<b></iframe>"), S(" S(iframe) T[x<b>] E(iframe)") },
		{ S("<!DOCTYPE 'a>b' -- c -->y<!foo>z"),
		  S(" D[<!DOCTYPE 'a>b' -- c -->] T[y] C[<!foo>] T[z]") },
		{ S("<a href='x>y"), S(" C[<a href='x>y]") },
		{ S("<!-- abc > def"), S(" C[<!-- abc >] T[ def]") },
		{ S("<br/ ><a/href=\"x\">t"), S(" S(br/) S(a/href=\"x\") T[t]") },
		{ S("a < b <c"), S(" T[a ] T[< b ] C[<c]") },
		{ S("<a\n href\n=\n'x'y=\"z\"=w>k"), S(" S(a href=[x] y=[z] =w=[=w]) T[k]") },
		{ S("</a \"b>c\">n"), S(" E(a) T[n]") },
		{ S("</a b\"c>d\">o"), S(" E(a) T[d\">o]") },
		{ S("<a b='c'/>d"), S(" S(a b=[c] /=[/]) T[d]") },
		{ S("x<"), S(" T[x] C[<]") },
		{ S("<script>a"), S(" S(script) T[a] E(script)") },
		{ S(""), S("") },
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, KIB(4));
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		show(rows[i].in, &b);
		CHECK_ROW(i, str_eq(buf_str(&b), rows[i].out));
	}
}

TEST(html_colours)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("Red"), S("#ff0000") },	    { S(" #FFF "), S("#ffffff") },
		{ S("#12"), S("#112200") },	    { S("#12345"), S("#112233") },
		{ S("#1234567"), S("#123456") },    { S("ff0000"), S("invalid") },
		{ S("rgb(1, 2,3)"), S("#010203") }, { S("rgb(100%,0%,0%)"), S("#ff0000") },
		{ S("#12345g"), S("invalid") },	    { S(""), S("invalid") },
	};
	char out[HTML_COLOR];

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK_ROW(i, str_eq(str_of(out, html_color(rows[i].in, out)), rows[i].out));
}

/* Unclosed elements over and over: each is looked for once. */
TEST(html_is_linear)
{
	CLEANUP(buf_free) struct buf b;
	struct html_reader r;
	struct html_token t;
	size_t n = 0;

	buf_init(&b, MIB(4));
	while (b.n < MIB(2))
		buf_add(&b, STR("<title><textarea <a href='"));
	for (html_start(&r, buf_str(&b)); html_next(&r, &t);)
		n++;
	CHECK(n > 0);
}
