#include "formats/html/html.h"

#include "base/test.h"

/* What a text is taken apart into: "<a href=x>", "</a>", "'text'", "!comment", ... */
static void show(str in, struct buf *out)
{
	static const char *const marks[] = { "<", "</", "'", "!", "D", "?" };
	struct html_reader r;
	struct html_token t;

	for (html_read_init(&r, in); html_read(&r, &t);) {
		buf_fmt(out, "%s%.*s", marks[t.kind], STRF(t.text));
		for (size_t i = 0; i < t.nattr; i++)
			buf_fmt(out, " %.*s=%.*s", STRF(t.attr[i].name), STRF(t.attr[i].value));
		buf_addc(out, '|');
	}
}

TEST(html_tokens)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("a<b>c</b>"), S("'a|<b|'c|</b|") },
		{ S("<A HREF=\"x>y\" href=z id>t"), S("<A HREF=x>y id=id|'t|") },
		{ S("<a href = 'x'y=z>"), S("<a href=x y=z|") },
		{ S("1 < 2 <b"), S("'1 |'< 2 |'<b|") },
		{ S("<br/>"), S("<br/|") },
		{ S("<!-- a > b -->c"), S("! a > b |'c|") },
		{ S("<!-- open > c"), S("! open |' c|") },
		{ S("<!DOCTYPE html>x"), S("D<!DOCTYPE html>|'x|") },
		{ S("<?php x ?>y"), S("?php x ?|'y|") },
		{ S("<style>a<b{}</style>c"), S("<style|'a<b{}|</style|'c|") },
		{ S("<title>a&amp;</title>"), S("<title|'a&amp;|</title|") },
		{ S("<a href=\"never ends>x"), S("'<a href=\"never ends>x|") },
		{ S("</ x>y"), S("! x|'y|") },
		{ S(""), S("") },
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		show(rows[i].in, &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
	}
}

TEST(html_characters)
{
	static const struct {
		str in, out;
	} rows[] = {
		{ S("a&amp;b &lt; &eacute;&eacute &#65;&#x42;"), S("a&b < \303\251\303\251 AB") },
		{ S("&alpha; &alpha x &nothing; & &#; &#x;"),
		  S("\316\261 &alpha x &nothing; & &#; &#x;") },
		{ S("&#9999999999;"), S("\357\277\2759;") },
		{ S("&nbsp;|&quot;&apos;"), S("\302\240|\"'") },
	};
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		html_add_decoded(&b, rows[i].in);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].out);
	}
}
