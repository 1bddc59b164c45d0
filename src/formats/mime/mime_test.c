#include "formats/mime/message.h"

#include <string.h>

#include "base/test.h"
#include "formats/mime/header.h"
#include "formats/mime/imap.h"
#include "formats/mime/text.h"

/* The tree in one line: "multipart/mixed(text/plain[5],...)", the size of each leaf's body in
 * brackets. */
static void show(struct buf *out, const struct mime_part *p)
{
	buf_add(out, p->type);
	buf_addc(out, '/');
	buf_add(out, p->subtype);
	if (p->kind == MIME_LEAF) {
		buf_fmt(out, "[%zu]", p->body.n);
		return;
	}
	buf_addc(out, '(');
	for (const struct mime_part *c = p->child; c; c = c->next) {
		if (c != p->child)
			buf_addc(out, ',');
		show(out, c);
	}
	buf_addc(out, ')');
}

#define M "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static const struct {
	str in, tree;
	unsigned defects;
} trees[] = {
	{ S(""), S("text/plain[0]"), 0 },
	{ S("\r\n"), S("text/plain[0]"), 0 },
	{ S("A: b\r\n\r\nhello\r\n"), S("text/plain[7]"), 0 },
	{ S("A: b\n\nhello"), S("text/plain[5]"), MIME_D_LF },
	{ S("hello\r\nworld"), S("text/plain[12]"), MIME_D_NO_BLANK },
	{ S("A: b\r\nhello"), S("text/plain[5]"), MIME_D_NO_BLANK },
	{ S("From x@y now\r\nA: b\r\n\r\nx"), S("text/plain[1]"), MIME_D_FIELD },
	{ S(M "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"),
	  S("multipart/mixed(text/plain[3],text/plain[3])"), 0 },
	/* 2046 5.1.1: preamble and epilogue are no parts, padding may follow a boundary. */
	{ S(M "pre\r\n--b  \r\n\r\none\r\n--b-- \r\nepi\r\n--b\r\n\r\nx"),
	  S("multipart/mixed(text/plain[3])"), 0 },
	{ S(M "--b\r\n\r\none\r\n--b\r\n"), S("multipart/mixed(text/plain[3])"),
	  MIME_D_NOT_CLOSED },
	{ S(M "--b\r\n"), S("text/plain[5]"), MIME_D_NO_PARTS },
	{ S(M "--b\r\n\r\none"), S("multipart/mixed(text/plain[3])"), MIME_D_NOT_CLOSED },
	{ S(M "--bb\r\n\r\none\r\n--b--"), S("text/plain[18]"), MIME_D_NO_PARTS },
	{ S(M "--b\r\n--b\r\nA: b\r\n--b--"), S("multipart/mixed(text/plain[0],text/plain[0])"),
	  0 },
	{ S(M "--b\r\n\r\n\r\n--b--"), S("multipart/mixed(text/plain[0])"), 0 },
	{ S(M "--b\r\n\r\n--b--"), S("multipart/mixed(text/plain[0])"), 0 },
	{ S(M "--b\r\nno header here\r\n--b--"), S("multipart/mixed(text/plain[14])"),
	  MIME_D_NO_BLANK },
	{ S("Content-Type: multipart/mixed\r\n\r\nx"), S("text/plain[1]"), MIME_D_BOUNDARY },
	{ S("Content-Type: multipart/mixed; boundary=b\r\n--b\r\n\r\nx\r\n--b--"),
	  S("multipart/mixed(text/plain[1])"), MIME_D_NO_BLANK },
	{ S("Content-Type: text\r\n\r\nx"), S("text/plain[1]"), MIME_D_TYPE },
	{ S("Content-Type: text/html\r\nContent-Type: image/gif\r\n\r\nx"), S("text/html[1]"),
	  MIME_D_TWICE },
	/* 2046 5.1.5 */
	{ S("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\nx\r\n--b--"),
	  S("multipart/digest(message/rfc822(text/plain[1]))"), 0 },
	{ S("Content-Type: message/rfc822\r\n\r\nContent-Type: message/global\r\n\r\nA: "
	    "b\r\n\r\nxy"),
	  S("message/rfc822(message/global(text/plain[2]))"), 0 },
	/* An outer boundary ends what is open inside. */
	{ S(M "--b\r\nContent-Type: multipart/x; "
	      "boundary=c\r\n\r\n--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--"),
	  S("multipart/mixed(multipart/x(text/plain[3]),text/plain[3])"), MIME_D_NOT_CLOSED },
	/* One boundary at two levels: the inner one comes first. */
	{ S(M "--b\r\n" M "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--"),
	  S("multipart/mixed(multipart/mixed(text/plain[3]),text/plain[3])"), 0 },
	{ S("Content-Type: multipart/mixed; boundary*0=\"a \"; boundary*1=\"b \"\r\n\r\n--a "
	    "b\r\n\r\nx\r\n--a b--"),
	  S("multipart/mixed(text/plain[1])"), 0 },
	{ S("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQTogYgoK"),
	  S("message/rfc822(text/plain[8])"), MIME_D_ENCODING | MIME_D_NO_BLANK },
};

TEST(mime_tree)
{
	for (size_t i = 0; i < COUNT(trees); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;

		arena_init(&a, MIB(4));
		buf_init(&b, KIB(64));
		struct mime_part *p = mime_parse(trees[i].in, &a);

		show(&b, p);
		CHECK_STR_ROW(i, buf_str(&b), trees[i].tree);
		CHECK_ROW(i, mime_all_defects(p) == trees[i].defects);
	}
}

static void dump(struct buf *out, const struct mime_part *root)
{
	for (const struct mime_part *p = root; p; p = mime_next(root, p))
		buf_fmt(out, "%zu %zu %zu %zu %x\n", p->header_at, p->body_at, p->end, p->lines,
			p->defects);
	mime_add_bodystructure(root, out, true);
	mime_add_envelope(root, out);
}

/* In pieces of any size the tree is the same. */
TEST(mime_scan)
{
	for (size_t i = 0; i < COUNT(trees); i++) {
		for (size_t step = 1; step < 40; step += 6) {
			CLEANUP(arena_free) struct arena a;
			CLEANUP(buf_free) struct buf b, c;
			struct mime_scan s;

			arena_init(&a, MIB(4));
			buf_init(&b, KIB(64));
			buf_init(&c, KIB(64));
			dump(&b, mime_parse(trees[i].in, &a));
			mime_scan_init(&s, &a);
			for (size_t at = 0; at < trees[i].in.n; at += step)
				mime_scan_feed(&s, str_take(str_skip(trees[i].in, at), step));
			dump(&c, mime_scan_end(&s));
			CHECK_STR_ROW(i, buf_str(&c), buf_str(&b));
		}
	}
}

static void grow(struct buf *b, const char *fmt, unsigned n, unsigned k)
{
	for (unsigned i = 0; i < n; i++) {
		if (k)
			buf_fmt(b, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n",
				i, i);
		else
			buf_add(b, str_z(fmt));
	}
}

TEST(mime_deep)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b, out;
	unsigned deepest = 0;

	arena_init(&a, MIB(4));
	buf_init(&b, MIB(4));
	buf_init(&out, MIB(4));
	grow(&b, NULL, 1000, 1);
	buf_add(&b, STR("\r\nend"));
	struct mime_part *root = mime_parse(buf_str(&b), &a);

	for (struct mime_part *p = root; p; p = mime_next(root, p))
		deepest = p->depth > deepest ? p->depth : deepest;
	CHECK(deepest == LIM_MIME_DEPTH - 1);
	CHECK(mime_all_defects(root) & MIME_D_DEPTH);
	mime_add_bodystructure(root, &out, true);
	CHECK_OK(buf_done(&out));

	buf_reset(&b);
	grow(&b, "Content-Type: message/rfc822\r\n\r\n", 1000, 0);
	root = mime_parse(buf_str(&b), &a);
	CHECK(mime_all_defects(root) & MIME_D_DEPTH);
	mime_add_bodystructure(root, &out, true);
	CHECK_OK(buf_done(&out));
}

TEST(mime_many_parts)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	unsigned n = 0;

	arena_init(&a, MIB(16));
	buf_init(&b, MIB(4));
	buf_add(&b, STR(M));
	grow(&b, "--b\r\n\r\nx\r\n", 10000, 0);
	struct mime_part *root = mime_parse(buf_str(&b), &a);

	for (struct mime_part *p = root; p; p = mime_next(root, p))
		n++;
	CHECK(n == LIM_MIME_PARTS);
	const struct mime_part *last = root ? root->last : NULL;

	CHECK(last && last->defects & MIME_D_PARTS && last->end == b.n);

	/* An arena that is too small makes a smaller tree. */
	CLEANUP(arena_free) struct arena small;

	arena_init(&small, KIB(8));
	root = mime_parse(buf_str(&b), &small);
	CHECK(root->nchild > 0 && root->nchild < 100);
	CHECK(mime_all_defects(root) & MIME_D_LIMIT);
}

TEST(mime_huge_header)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;

	arena_init(&a, MIB(16));
	buf_init(&b, MIB(16));
	buf_add(&b, STR("Subject: x\r\n"));
	grow(&b, " folded and folded and folded again, without an end\r\n", 100000, 0);
	buf_add(&b, STR("Content-Type: text/html\r\n\r\nbody"));
	struct mime_part *p = mime_parse(buf_str(&b), &a);

	CHECK(p->defects & MIME_D_HEADER_CUT);
	CHECK_STR(p->body, STR("body"));
	CHECK_STR(p->subtype, STR("plain"));

	buf_reset(&b);
	grow(&b, "X: y\r\n", 10000, 0);
	p = mime_parse(buf_str(&b), &a);
	CHECK(p->defects & MIME_D_HEADER_CUT);
}

/* A line of 100 MB, in the body and in the header, whole and in pieces. */
TEST(mime_long_line)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	struct mime_scan s;
	char chunk[KIB(1)];

	arena_init(&a, MIB(4));
	memset(chunk, '-', sizeof(chunk));
	mime_scan_init(&s, &a);
	mime_scan_feed(&s, STR("X: "));
	for (unsigned i = 0; i < KIB(100); i++)
		mime_scan_feed(&s, str_of(chunk, sizeof(chunk)));
	mime_scan_feed(&s, STR("\r\n\r\n"));
	for (unsigned i = 0; i < KIB(100); i++)
		mime_scan_feed(&s, str_of(chunk, sizeof(chunk)));
	struct mime_part *p = mime_scan_end(&s);

	CHECK(p->body_at == MIB(100) + 7 && p->end == MIB(200) + 7 && p->lines == 0);
	CHECK(a.used < MIB(2));

	buf_init(&b, MIB(101));
	buf_add(&b, STR(M "--b\r\nContent-Type: image/png\r\n\r\n"));
	for (unsigned i = 0; i < KIB(100); i++)
		buf_add(&b, str_of(chunk, sizeof(chunk)));
	buf_add(&b, STR("\r\n--b--\r\n"));
	p = mime_parse(buf_str(&b), &a);
	CHECK(p->nchild == 1 && p->child->body.n == MIB(100));
}

/* What is quadratic in a naive parser. */
TEST(mime_hostile)
{
	static const char *const rows[] = {
		"=?a?q?x ", "((((", "\"\\\"", "<@a,", "a*0*=x;",    "a=b ",	"[a]",	 "re:[",
		"<<",	    "@",    ":",      "a;",   "=?utf-8?b?", "\xff\xfe", "\r\n ", "(",
		"1 ",	    "::",   "%41",    "a@b,", "<",	    "[",	"=?",	 ";=",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b, out;
		int64_t when;
		int zone;

		arena_init(&a, MIB(32));
		buf_init(&b, MIB(2));
		buf_init(&out, MIB(32));
		while (b.n < 900000)
			buf_add(&b, str_z(rows[i]));
		str v = buf_str(&b);

		(void)mime_addresses(&a, v);
		(void)mime_decode_words(&out, v);
		CHECK(mime_date_parse(v, &when, &zone) <= E_CORRUPT);
		buf_reset(&b);
		buf_add(&b, STR("From: "));
		while (b.n < 300000)
			buf_add(&b, str_z(rows[i]));
		buf_add(&b, STR("\r\nContent-Type: text/plain; "));
		while (b.n < 600000)
			buf_add(&b, str_z(rows[i]));
		buf_add(&b, STR("\r\nContent-Disposition: a; "));
		while (b.n < 900000)
			buf_add(&b, str_z(rows[i]));
		struct mime_part *p = mime_parse(buf_str(&b), &a);

		mime_add_envelope(p, &out);
		mime_add_bodystructure(p, &out, true);
	}
}

TEST(mime_sections)
{
	static const str in =
		S("A: top\r\n" M "--b\r\nA: 1\r\n\r\none\r\n"
		  "--b\r\nContent-Type: message/rfc822\r\n\r\n"
		  "A: inner\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\nA: "
		  "2.1\r\n\r\nx\r\n--c--\r\n"
		  "--b\r\nContent-Type: message/rfc822\r\n\r\nA: plain\r\n\r\ntext\r\n"
		  "--b--\r\n");
	static const struct {
		uint32_t numbers[3];
		unsigned n;
		enum mime_section_text what;
		const char *want; /* NULL: no such section */
	} rows[] = {
		{ { 1 }, 1, MIME_S_ALL, "one" },
		{ { 1 }, 1, MIME_S_MIME, "A: 1\r\n\r\n" },
		{ { 1 }, 1, MIME_S_HEADER, NULL },
		{ { 1, 1 }, 2, MIME_S_ALL, NULL },
		{ { 0 }, 1, MIME_S_ALL, NULL },
		{ { 4 }, 1, MIME_S_ALL, NULL },
		{ { 2 }, 1, MIME_S_MIME, "Content-Type: message/rfc822\r\n\r\n" },
		{ { 2 },
		  1,
		  MIME_S_HEADER,
		  "A: inner\r\nContent-Type: multipart/x; boundary=c\r\n\r\n" },
		{ { 2 }, 1, MIME_S_TEXT, "--c\r\nA: 2.1\r\n\r\nx\r\n--c--" },
		{ { 2, 1 }, 2, MIME_S_ALL, "x" },
		{ { 2, 1 }, 2, MIME_S_MIME, "A: 2.1\r\n\r\n" },
		{ { 2, 1, 1 }, 3, MIME_S_ALL, NULL },
		{ { 3 }, 1, MIME_S_ALL, "A: plain\r\n\r\ntext" },
		{ { 3, 1 }, 2, MIME_S_ALL, "text" },
		{ { 3, 1 }, 2, MIME_S_MIME, "A: plain\r\n\r\n" },
		{ { 3, 2 }, 2, MIME_S_ALL, NULL },
		{ { 0 }, 0, MIME_S_HEADER, "A: top\r\n" M },
	};
	CLEANUP(arena_free) struct arena a;

	arena_init(&a, MIB(1));
	struct mime_part *root = mime_parse(in, &a);
	size_t at, n;

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool found =
			mime_section_range(root, rows[i].numbers, rows[i].n, rows[i].what, &at, &n);

		CHECK_ROW(i, found == (rows[i].want != NULL));
		if (found)
			CHECK_STR_ROW(i, str_take(str_skip(in, at), n), str_z(rows[i].want));
	}
	CHECK(mime_section_range(root, NULL, 0, MIME_S_ALL, &at, &n) && at == 0 && n == in.n);
	CHECK(mime_section_range(root, NULL, 0, MIME_S_TEXT, &at, &n) && at + n == in.n);
	/* 9051 6.4.5.1: every message has at least one part. */
	root = mime_parse(STR("A: b\r\n\r\nx"), &a);
	CHECK(mime_section(root, (uint32_t[]){ 1 }, 1) == root);
	CHECK(mime_section_range(root, (uint32_t[]){ 1 }, 1, MIME_S_ALL, &at, &n) && n == 1);
}

TEST(mime_envelope)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("\r\n"), S("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)") },
		{ S("Subject:\r\nIn-Reply-To: \r\n\r\n"),
		  S("(NIL \"\" NIL NIL NIL NIL NIL NIL \"\" NIL)") },
		{ S("Subject: a\r\n\t b  \"c\\\r\n\r\n"),
		  S("(NIL \"a b \\\"c\\\\\" NIL NIL NIL NIL NIL NIL NIL NIL)") },
		{ S("Subject: \xc3\xa9\r\n\r\n"),
		  S("(NIL {2}\r\n\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL)") },
		{ S("To: a@b, \"x, y\" <c@d>\r\nTo: e@f\r\n\r\n"),
		  S("(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")(\"x, y\" NIL \"c\" \"d\")(NIL NIL "
		    "\"e\" \"f\")) "
		    "NIL NIL NIL NIL)") },
		{ S("To: undisclosed-recipients:;\r\n\r\n"),
		  S("(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL "
		    "NIL)) "
		    "NIL NIL NIL NIL)") },
		{ S("From: root\r\nSender: s@t\r\n\r\n"),
		  S("(NIL NIL ((NIL NIL \"root\" \"MISSING_DOMAIN\")) ((NIL NIL \"s\" \"t\")) "
		    "((NIL NIL \"root\" \"MISSING_DOMAIN\")) NIL NIL NIL NIL NIL)") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;

		arena_init(&a, MIB(1));
		buf_init(&b, KIB(64));
		mime_add_envelope(mime_parse(rows[i].in, &a), &b);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

static size_t count(str s, str sub)
{
	size_t n = 0;

	for (size_t i; (i = str_search(s, sub)) < s.n; n++)
		s = str_skip(s, i + sub.n);
	return n;
}

/* Lists beyond LIM_MIME_ADDRESSES are cut, in one field and in many. */
TEST(mime_many_addresses)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b, out;

	arena_init(&a, LIM_MIME_ARENA);
	buf_init(&b, MIB(4));
	buf_init(&out, MIB(4));
	buf_add(&b, STR("To: x@y"));
	grow(&b, ",\r\n a@b", 10000, 0);
	buf_add(&b, STR("\r\n\r\n"));
	mime_add_envelope(mime_parse(buf_str(&b), &a), &out);
	CHECK(count(buf_str(&out), STR("\" \"")) == LIM_MIME_ADDRESSES);

	buf_reset(&b);
	buf_reset(&out);
	grow(&b, "Cc: a@b,c@d,e@f\r\n", 1900, 0);
	mime_add_envelope(mime_parse(buf_str(&b), &a), &out);
	CHECK(count(buf_str(&out), STR("\" \"")) < LIM_MIME_ADDRESSES + 3);
}

TEST(mime_many_params)
{
	CLEANUP(arena_free) struct arena a;
	CLEANUP(buf_free) struct buf b;
	size_t n = 0;

	arena_init(&a, LIM_MIME_ARENA);
	buf_init(&b, MIB(1));
	buf_add(&b, STR("Content-Type: text/plain"));
	for (unsigned i = 0; i < 1000; i++)
		buf_fmt(&b, "; p%u=x", i);
	struct mime_part *p = mime_parse(buf_str(&b), &a);

	for (struct mime_param *q = p->params; q; q = q->next)
		n++;
	CHECK(n == LIM_MIME_PARAMS && (p->defects & MIME_D_PARAM));
}

TEST(mime_bodystructure)
{
	static const struct {
		str in, want;
	} rows[] = {
		{ S("\r\nab\r\n"), S("(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
				     "\"7bit\" 4 1 NIL NIL NIL NIL)") },
		{ S("Content-Type: Image/PNG; name*=utf-8''%41\r\nContent-Disposition: Attachment; "
		    "filename=\"a b\"\r\n"
		    "Content-Transfer-Encoding: BASE64\r\nContent-Language: en (x), fi\r\n\r\nab"),
		  S("(\"image\" \"png\" (\"name*\" \"utf-8''%41\") NIL NIL \"base64\" 2 NIL "
		    "(\"attachment\" (\"filename\" \"a b\")) (\"en\" \"fi\") NIL)") },
		/* 2045 6.4: an unknown encoding is named as it came */
		{ S("Content-Type: image/png\r\nContent-Transfer-Encoding: X-foo\r\n\r\nab"),
		  S("(\"image\" \"png\" NIL NIL NIL \"x-foo\" 2 NIL NIL NIL NIL)") },
		{ S(M "--b\r\n\r\nx\r\n--b--"), S("((\"text\" \"plain\" (\"charset\" \"us-ascii\") "
						  "NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" "
						  "(\"boundary\" \"b\") NIL NIL NIL)") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;

		arena_init(&a, MIB(1));
		buf_init(&b, KIB(64));
		mime_add_bodystructure(mime_parse(rows[i].in, &a), &b, true);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}

TEST(mime_decode)
{
	static const struct {
		enum mime_encoding encoding;
		str in, want;
	} rows[] = {
		{ MIME_7BIT, S("abc\r\n"), S("abc\r\n") },
		{ MIME_BASE64, S("aGVs\r\nbG8="), S("hello") },
		{ MIME_BASE64, S("aGVsbG8"), S("hello") },
		{ MIME_BASE64, S("aG!Vs bG8=aGVsbG8=\r\n"), S("hellohello") },
		{ MIME_QP, S("a=3Db=\r\nc  \r\nd=C3=a9"), S("a=bc\r\nd\xc3\xa9") },
		{ MIME_QP, S("a =\r\nb"), S("a b") },
		{ MIME_QP, S("a=zzb=4"), S("a=zzb=4") },
		{ MIME_QP, S("x=  \r\ny \t\nz  "), S("xy\nz") },
		{ MIME_UUENCODE, S("junk\r\nbegin 644 f\r\n%:&5L;&\\\r\n`\r\nend\r\nx"),
		  S("hello") },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t step = 1; step < 9; step++) {
			CLEANUP(buf_free) struct buf b;
			struct mime_decoder d;

			buf_init(&b, 100);
			mime_decode_init(&d, rows[i].encoding);
			for (size_t at = 0; at < rows[i].in.n; at += step)
				CHECK_OK(mime_decode_feed(
					&d, str_take(str_skip(rows[i].in, at), step), &b));
			CHECK_OK(mime_decode_end(&d, &b));
			CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
		}
	}
}

TEST(mime_text)
{
	static const struct {
		str in, want;
		size_t max;
		err e;
	} rows[] = {
		{ S("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
		    "quoted-printable\r\n\r\n=E9"),
		  S("\xc3\xa9"), 100, OK },
		{ S("Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: "
		    "base64\r\n\r\n8NLJ18XU"),
		  S("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"), 100, OK },
		{ S("Content-Type: text/plain; charset=nonsense\r\n\r\n\xe9"), S("\xc3\xa9"), 100,
		  OK },
		{ S("Content-Type: text/plain\r\n\r\n\xc3\xa9"), S("\xc3\xa9"), 100, OK },
		{ S("\r\nabcdef\xc3\xa9"), S("abcdef"), 7, E_LIMIT },
		{ S("Content-Type: text/plain; charset=../../etc/passwd\r\n\r\nx"), S("x"), 100,
		  OK },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CLEANUP(arena_free) struct arena a;
		CLEANUP(buf_free) struct buf b;

		arena_init(&a, MIB(1));
		buf_init(&b, rows[i].max);
		CHECK_ROW(i, mime_text(mime_parse(rows[i].in, &a), &b) == rows[i].e);
		CHECK_STR_ROW(i, buf_str(&b), rows[i].want);
	}
}
