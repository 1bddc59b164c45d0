#include "formats/scan/scan.h"

#include "base/limits.h"
#include "base/test.h"

static const struct scan_envelope nothing = { .known = false };

/* One view of a message, its pieces parted by "|". */
static str view(struct arena *a, str message, str spec, struct buf *out)
{
	struct scan_mail *m = scan_mail_new(a, message, &nothing, NULL);
	struct scan_strs v = { NULL, 0 };
	bool found;

	buf_reset(out);
	if (str_eq(spec, STR("body"))) {
		v = scan_body(m);
	} else if (str_eq(spec, STR("hidden"))) {
		v = scan_body_invisible(m);
	} else if (str_eq(spec, STR("rawbody"))) {
		v = scan_rawbody(m);
	} else if (str_eq(spec, STR("types"))) {
		for (const struct mime_part *p = scan_root(m); p; p = mime_next(scan_root(m), p))
			buf_fmt(out, "%.*s|", STRF(scan_part_type(m, p)));
	} else if (str_eq(spec, STR("uris")) || str_eq(spec, STR("domains"))) {
		struct scan_uris u = scan_uris(m);

		for (size_t i = 0; i < u.n; i++) {
			struct scan_strs s = spec.p[0] == 'u' ? u.v[i].clean : u.v[i].domains;

			for (size_t k = 0; k < s.n; k++)
				buf_fmt(out, "%.*s|", STRF(s.v[k]));
		}
	} else {
		buf_add(out, scan_header_all(m, spec, &found));
		if (!found)
			buf_add(out, STR("-"));
	}
	for (size_t i = 0; i < v.n; i++)
		buf_fmt(out, "%.*s|", STRF(v.v[i]));
	return buf_str(out);
}

struct row {
	str message, spec, want;
};

static void check(const struct row *rows, size_t n)
{
	CLEANUP(buf_free) struct buf b;
	struct arena a;

	buf_init(&b, MIB(1));
	for (size_t i = 0; i < n; i++) {
		arena_init(&a, LIM_SCAN_ARENA);
		CHECK_ROW(i, str_eq(view(&a, rows[i].message, rows[i].spec, &b), rows[i].want));
		arena_free(&a);
	}
}

TEST(scan_header_views)
{
	static const struct row rows[] = {
		{ S("Subject:  a\n b\nSubject: c \n\n"), S("Subject"), S("a b\nc\n") },
		{ S("Subject:  a\n b\n\n"), S("Subject:raw"), S("  a\n b\n") },
		{ S("Subject: =?utf-8?q?a_b?= =?UTF-8?B?w6k=?= c\n\n"), S("Subject"),
		  S("a b\xc3\xa9 c\n") },
		{ S("Subject: =?utf-8?q?=C3?= =?utf-8?q?=A9?=\n\n"), S("Subject"),
		  S("\xc3\xa9\n") },
		{ S("Subject: caf\xe9\n\n"), S("Subject"), S("caf\xc3\xa9\n") },
		{ S("Subject: a\r\n\r\nb\r\n"), S("ALL:raw"), S("Subject: a\n") },
		{ S("x\n\n"), S("Subject"), S("-") },
		{ S("From: \"B, A\" <a@b.example>\n\n"), S("From:addr"), S("a@b.example") },
		{ S("From: \"B, A\" <a@b.example>\n\n"), S("From:name"), S("B, A") },
		{ S("From: a@b.example (A B)\n\n"), S("From:name"), S("A B") },
		{ S("To: x: a@b.example, <c@d.example>;\n\n"), S("To:addr"),
		  S("a@b.example\nc@d.example") },
		{ S("To: \"a@b.example\" <c@d.example>\n\n"), S("To:name"), S("a@b.example") },
		{ S("From: nobody\n\n"), S("From:addr"), S("-") },
		{ S("Return-Path: <a@b.example>\n\n"), S("EnvelopeFrom"), S("a@b.example") },
		{ S("Received: x\nReturn-Path: <a@b.example>\n\n"), S("EnvelopeFrom"), S("-") },
		{ S("To: a\nCc: b\n\n"), S("ToCc"), S("a\nb\n") },
		{ S("a b\nno field\nmore\nmuch\nSubject: x\n"), S("Subject"), S("-") },
	};
	check(rows, COUNT(rows));
}

TEST(scan_bodies)
{
	static const struct row rows[] = {
		{ S("Subject: s\n\na\nb\n\n \nc  d\n"), S("body"), S("s\n|a b\n|c d |") },
		{ S("\nx"), S("body"), S("\n|x|") },
		{ S("Content-Transfer-Encoding: quoted-printable\n\na=\nb =3D  \nc"), S("rawbody"),
		  S("ab =\nc|") },
		{ S("Content-Transfer-Encoding: base64\n\nYW\n!Jj\n"), S("rawbody"), S("abc|") },
		{ S("Content-Type: text/html\n\n<p>a&nbsp;b<br/>c</p><style>x</style>"), S("body"),
		  S("\n|\n|a b c\n|") },
		{ S("Content-Type: text/html\n\na<span style=\"display: none\">b</span>c"),
		  S("hidden"), S("b|") },
		{ S("Content-Type: text/html\n\na<font color=white>b</font><font size=1>c</font>"),
		  S("hidden"), S("bc|") },
		{ S("Content-Type: text/html\n\n&eacute;"), S("body"), S("\n|\xe9|") },
		{ S("Content-Type: text/html\n\n&eacute;&#8364;"), S("body"),
		  S("\n|\xc3\xa9\xe2\x82\xac|") },
	};
	check(rows, COUNT(rows));
}

TEST(scan_parts)
{
#define MULTI "Content-Type: multipart/mixed; boundary=\"b\"\n\n"
	static const struct row rows[] = {
		{ S(MULTI
		    "pre\n--b\n\nx\n--b\nContent-Type: text/html\n\n<b>y</b>\n--b--\nafter\n"),
		  S("types"), S("multipart/mixed|text/plain|text/html|") },
		{ S(MULTI "--b\n\nx\n--b\nContent-Type: text/html\n\n<b>y</b>\n--b--\nafter\n"),
		  S("body"), S("\n|x y|") },
		{ S(MULTI "Content-Type: text/html\n\n<b>y</b>\n"), S("types"),
		  S("multipart/mixed|text/plain|") },
		{ S("Content-Type: multipart/mixed\n\nx\n"), S("types"), S("text/plain|") },
		{ S("Content-Type: message/rfc822\n\nContent-Type: text/html\n\n<i>z</i>"),
		  S("types"), S("message/rfc822|text/html|") },
		{ S("Content-Type: text/enriched\n\nx"), S("types"), S("text/plain|") },
	};
	check(rows, COUNT(rows));
#undef MULTI
}

TEST(scan_relays_in_fields)
{
#define HOP(ip, rdns, helo, by, id, auth)                                                          \
	"[ ip=" ip " rdns=" rdns " helo=" helo " by=" by " ident= envfrom= intl=0 id=" id          \
	" auth=" auth " msa=0 ]"
	static const struct row rows[] = {
		{ S("Received: from h.example (r.example [192.0.2.1])\n\tby m.example (Postfix) "
		    "with "
		    "ESMTP id 123; Mon, 1 Jan 2024 10:00:00 +0000\n\n"),
		  S("X-Spam-Relays-Untrusted"),
		  S(HOP("192.0.2.1", "r.example", "h.example", "m.example", "123", "")) },
		{ S("Received: from h.example (unknown [192.0.2.1]) by m.example (Postfix) with "
		    "ESMTP "
		    "id 123\n\n"),
		  S("X-Spam-Relays-Untrusted"),
		  S(HOP("192.0.2.1", "", "h.example", "m.example", "123", "")) },
		{ S("Received: from r.example ([192.0.2.1] helo=h.example) by m.example with esmtp "
		    "(Exim 4.9) id 1Ab\n\n"),
		  S("X-Spam-Relays-Untrusted"),
		  S(HOP("192.0.2.1", "r.example", "h.example", "m.example", "1Ab", "")) },
		{ S("Received: from unknown (HELO h.example) (192.0.2.1)\n  by m.example with "
		    "SMTP; 1 Jan "
		    "2024 10:00:00 -0000\n\n"),
		  S("X-Spam-Relays-Untrusted"),
		  S(HOP("192.0.2.1", "", "h.example", "m.example", "", "")) },
		{ S("Received: from h.example (2001:db8::1) by m.example (2001:db8::2) with "
		    "Microsoft SMTP "
		    "Server id 15.1.2.3\n\n"),
		  S("X-Spam-Relays-Untrusted"),
		  S(HOP("2001:db8::1", "h.example", "h.example", "m.example", "15.1.2.3", "")) },
		{ S("Received: by m.example with HTTP\n\n"), S("X-Spam-Relays-Untrusted"), S("") },
		{ S("Received: from h.example ([192.0.2.1]) by m.example with ESMTPSA id 123\n\n"),
		  S("X-Spam-Relays-Untrusted"), S("") },
		{ S("X-Originating-IP: [192.0.2.9]\n\n"), S("X-Spam-Relays-Untrusted"),
		  S(HOP("192.0.2.9", "", "", "", "", "")) },
	};
	check(rows, COUNT(rows));
#undef HOP
}

TEST(scan_uris_in_text)
{
	static const struct row rows[] = {
		{ S("\nsee http://a.example.com/x?y, or www.b.com."), S("uris"),
		  S("http://a.example.com/x?y|http://www.b.com|") },
		{ S("\nsee example.com and (example.org)"), S("uris"), S("http://example.com|") },
		{ S("\nmail me@example.com now"), S("uris"), S("mailto:me@example.com|") },
		{ S("\nhttp://user@www.Example.COM:80/%41"), S("domains"), S("example.com|") },
		{ S("\nhttp://192.0.2.1/"), S("domains"), S("192.0.2.1|") },
		{ S("\nhttp://0xc0000201/"), S("uris"),
		  S("http://0xc0000201/|http://192.0.2.1/|") },
		{ S("\nhttp://a.com/r?u=http://b.org/x&y=1"), S("domains"), S("a.com|b.org|") },
		{ S("Content-Type: text/html\n\n<base href='http://a.com/d/e.html'><a "
		    "href=../f>x</a>"),
		  S("uris"),
		  S("http://a.com/d/e.html|http://a.com/f|../f|http://../f|http:///f|") },
		{ S("DKIM-Signature: v=1; d=sub.example.com; s=x\n\n"), S("domains"),
		  S("example.com|") },
		{ S("\nhttp://nothing"), S("uris"), S("http://nothing|http://www.nothing.com|") },
	};
	check(rows, COUNT(rows));
}

/* What is hostile takes no longer than what is not. */
TEST(scan_is_linear)
{
	static const str pieces[] = { S("<div><font>"), S("<a href=x>"), S("</p>"), S("a@"),
				      S("a.b/"),	S("&#"),	 S("<!--"), S("=?a?q?="),
				      S("--b\n"),	S("\n\n\n") };
	CLEANUP(buf_free) struct buf b;
	struct arena a;

	buf_init(&b, MIB(2));
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct scan_mail *m;

		buf_reset(&b);
		buf_add(&b, STR("Content-Type: text/html; boundary=b\nSubject: "));
		for (size_t n = 0; n < 4000; n++)
			buf_add(&b, pieces[i]);
		buf_add(&b, STR("\n\n"));
		while (b.n < MIB(1))
			buf_add(&b, pieces[i]);
		arena_init(&a, LIM_SCAN_ARENA);
		m = scan_mail_new(&a, buf_str(&b), &nothing, NULL);
		(void)scan_body_visible(m);
		(void)scan_rawbody(m);
		(void)scan_uris(m);
		(void)scan_relays(m);
		arena_free(&a);
	}
}

/* What is beyond the limits of parts is said, since nobody looked at it. */
TEST(scan_cut_of_parts)
{
	static const struct {
		unsigned depth, parts;
		bool cut;
	} rows[] = {
		{ LIM_SCAN_DEPTH, 1, false },
		{ LIM_SCAN_DEPTH + 1, 1, true },
		{ 1, LIM_SCAN_SUBPARTS - 1, false },
		{ 1, LIM_SCAN_SUBPARTS + 1, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(buf_free) struct buf b;
		CLEANUP(arena_free) struct arena a;

		buf_init(&b, MIB(1));
		arena_init(&a, LIM_SCAN_ARENA);
		for (unsigned n = 0; n < rows[i].depth; n++)
			buf_fmt(&b, "Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", n, n);
		for (unsigned n = 1; n < rows[i].parts; n++)
			buf_fmt(&b, "\nx\n--b%u\n", rows[i].depth - 1);
		buf_add(&b, STR("\nx\n"));
		struct scan_mail *m = scan_mail_new(&a, buf_str(&b), &nothing, NULL);

		CHECK_ROW(i, rows[i].cut == !!(scan_cut(m) & SCAN_CUT_PARTS));
	}
}

/* A signature's field that names no domain leaves memory for the rest. */
TEST(scan_signer_without_end)
{
	CLEANUP(buf_free) struct buf b;
	CLEANUP(arena_free) struct arena a;

	buf_init(&b, MIB(2));
	arena_init(&a, LIM_SCAN_ARENA);
	for (unsigned n = 0; n < 50; n++) {
		buf_add(&b, STR("DKIM-Signature: "));
		for (unsigned k = 0; k < 4000; k++)
			buf_add(&b, STR("d="));
		buf_addc(&b, '\n');
	}
	buf_add(&b, STR("\nhttp://a.example.com/\n"));
	struct scan_mail *m = scan_mail_new(&a, buf_str(&b), &nothing, NULL);

	CHECK(scan_uris(m).n >= 1);
	CHECK(!(scan_cut(m) & SCAN_CUT_ARENA));
}
