/* Text of parts: decoded, in UTF-8, rendered, and cut into the paragraphs that rules match. */
#include <string.h>

#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/text.h"
#include "formats/scan/mail.h"

/* ---- charsets ---- */

/* Charsets whose seven-bit octets are ASCII: nothing is to be done for them. */
static bool extends_ascii(str charset)
{
	static const str starts[] = { S("us-ascii"), S("ascii"), S("iso-8859"), S("iso8859"),
				      S("windows-"), S("utf-8"), S("utf8"),	S("koi8-"),
				      S("euc-"),     S("big5"),	 S("gb"),	S("ansi") };

	for (size_t i = 0; i < COUNT(starts); i++) {
		if (str_startsi(charset, starts[i]))
			return true;
	}
	return false;
}

str scan_normalize(struct scan_mail *m, str bytes, str charset)
{
	bool ascii = str_ascii(bytes);
	struct buf b;

	if (ascii && (!charset.n || extends_ascii(charset)))
		return bytes;
	if (!ascii && utf8_valid(bytes))
		return bytes;
	buf_init(&b, size_add(size_mul(bytes.n, 3), 16));
	if (str_eqi(charset, STR("iso-8859-1")) || str_eqi(charset, STR("us-ascii")) ||
	    !charset.n || str_startsi(charset, STR("utf")) || !mime_charset(&b, charset, bytes)) {
		buf_reset(&b);
		(void)mime_charset(&b, STR("windows-1252"), bytes);
	}
	return scan_keep(m, &b);
}

/* ---- leaves ---- */

/* SpamAssassin takes all text that is nothing special for plain text, and a file by its name. */
static str leaf_type(struct scan_mail *m, const struct mime_part *p)
{
	str name = mime_filename(p);

	if (str_endsi(name, STR(".html")) || str_endsi(name, STR(".htm")) ||
	    str_endsi(name, STR(".shtml")) || str_endsi(name, STR(".shtm")))
		return STR("text/html");
	if (!str_eq(p->type, STR("text")))
		return arena_fmt(m->a, "%.*s/%.*s", STRF(p->type), STRF(p->subtype));
	if (str_eq(p->subtype, STR("html")))
		return STR("text/html");
	if (str_eq(p->subtype, STR("calendar")))
		return STR("text/calendar");
	if (str_eq(p->subtype, STR("x-vcard")))
		return STR("text/x-vcard");
	return STR("text/plain");
}

static void find_leaves(struct scan_mail *m)
{
	size_t n = 0;

	for (const struct mime_part *p = m->root; p; p = mime_next(m->root, p))
		n += p->kind == MIME_LEAF;
	m->leaves = NEW_TRY(m->a, struct scan_leaf, n + 1);
	if (!m->leaves)
		return;
	for (const struct mime_part *p = m->root; p; p = mime_next(m->root, p)) {
		struct scan_leaf *l;

		if (p->kind != MIME_LEAF)
			continue;
		l = &m->leaves[m->nleaves++];
		l->part = p;
		l->type = leaf_type(m, p);
		l->text = str_eq(l->type, STR("text/plain")) || str_eq(l->type, STR("text/html"));
	}
}

static struct scan_leaf *leaf_of(struct scan_mail *m, const struct mime_part *part)
{
	if (!m->leaves)
		find_leaves(m);
	for (size_t i = 0; i < m->nleaves; i++) {
		if (m->leaves[i].part == part)
			return &m->leaves[i];
	}
	return NULL;
}

static str without_cr(struct scan_mail *m, str s)
{
	char *p;
	size_t n = 0;

	if (str_search(s, STR("\r\n")) == s.n)
		return s;
	p = arena_try(m->a, s.n, 1);
	if (!p)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			p[n++] = s.p[i];
	}
	return str_of(p, n);
}

static str decoded(struct scan_mail *m, struct scan_leaf *l)
{
	struct buf b;

	if (l->decoded.p)
		return l->decoded;
	if (l->part->encoding != MIME_QP && l->part->encoding != MIME_BASE64) {
		l->decoded = l->part->body.p ? l->part->body : STR("");
		return l->decoded;
	}
	buf_init(&b, l->part->body.n + 64);
	if (mime_decode_body(l->part, &b))
		m->cut |= SCAN_CUT_TEXT;
	l->decoded = scan_keep(m, &b);
	if (str_eq(l->part->type, STR("text")) || str_eq(l->part->type, STR("message")))
		l->decoded = without_cr(m, l->decoded);
	return l->decoded;
}

str scan_decoded(struct scan_mail *m, const struct mime_part *part)
{
	struct scan_leaf *l = leaf_of(m, part);

	if (!l)
		return STR("");
	if (!l->text)
		return decoded(m, l);
	if (!l->utf8.p) {
		str charset = mime_param(part->params, STR("charset"));

		l->utf8 = scan_normalize(m, decoded(m, l), charset);
	}
	return l->utf8;
}

void scan_render_all(struct scan_mail *m)
{
	size_t n = 0;

	if (m->rendered)
		return;
	m->rendered = true;
	if (!m->leaves)
		find_leaves(m);
	for (size_t i = 0; i < m->nleaves; i++)
		n += str_eq(m->leaves[i].type, STR("text/html"));
	m->htmls = NEW_TRY(m->a, struct scan_html, n + 1);
	for (size_t i = 0; i < m->nleaves && m->htmls; i++) {
		struct scan_leaf *l = &m->leaves[i];
		str text;

		if (!l->text)
			continue;
		text = scan_decoded(m, l->part);
		if (str_eq(l->type, STR("text/html")) && text.n) {
			scan_render_html(m, l, &m->htmls[m->nhtmls]);
			m->nhtmls++;
		} else {
			l->rendered = l->visible = text;
			l->invisible = STR("");
		}
	}
}

str scan_rendered(struct scan_mail *m, const struct mime_part *part, str *type)
{
	struct scan_leaf *l = leaf_of(m, part);

	scan_render_all(m);
	*type = l ? l->type : STR("");
	return l && l->text ? l->rendered : STR("");
}

/* Of a part that is no leaf, what it says; of a leaf, what it is taken for. */
str scan_part_type(struct scan_mail *m, const struct mime_part *part)
{
	str type = STR("text");

	if (str_eq(part->type, type) && !str_eq(part->subtype, STR("html")) &&
	    !str_eq(part->subtype, STR("calendar")) && !str_eq(part->subtype, STR("x-vcard")))
		return STR("text/plain");
	return arena_fmt(m->a, "%.*s/%.*s", STRF(part->type), STRF(part->subtype));
}

/* ---- paragraphs ---- */

/* Where to cut what is longer than max: behind the first of the marks within a kilobyte. */
static str cut_at(struct scan_mail *m, str s, size_t max, const char *marks)
{
	if (s.n <= max)
		return s;
	m->cut |= SCAN_CUT_TEXT;
	for (; *marks; marks++) {
		size_t at = str_find(str_take(str_skip(s, max), 1025), *marks);

		if (at <= 1024 && max + at < s.n)
			return str_take(s, max + at + 1);
	}
	return str_take(s, max);
}

size_t scan_space(str s)
{
	static const str wide[] = { S("\302\240"),     S("\302\205"),	  S("\341\232\200"),
				    S("\342\200\250"), S("\342\200\251"), S("\342\200\257"),
				    S("\342\201\237"), S("\343\200\200") };
	unsigned char c = (unsigned char)s.p[0];

	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return 1;
	if (c < 0xc2)
		return 0;
	for (size_t i = 0; i < COUNT(wide); i++) {
		if (str_starts(s, wide[i]))
			return wide[i].n;
	}
	/* U+2000 to U+200A */
	return s.n > 2 && c == 0xe2 && (unsigned char)s.p[1] == 0x80 &&
			       (unsigned char)s.p[2] >= 0x80 && (unsigned char)s.p[2] <= 0x8a
		       ? 3
		       : 0;
}

/* Two line ends within white space part paragraphs; any other white space is one space. */
static void fold(struct buf *out, str s)
{
	while (s.n) {
		size_t n = 0, first = SIZE_MAX, last = 0, k, lines = 0;
		size_t plain = 0;

		while (plain < s.n && !scan_space(str_skip(s, plain)))
			plain++;
		buf_add(out, str_take(s, plain));
		s = str_skip(s, plain);
		while (n < s.n && (k = scan_space(str_skip(s, n)))) {
			if (s.p[n] == '\n') {
				first = first == SIZE_MAX ? n : first;
				last = n;
				lines++;
			}
			n += k;
		}
		if (!n)
			continue;
		if (lines < 2) {
			buf_addc(out, ' ');
		} else {
			if (first > 0)
				buf_addc(out, ' ');
			buf_addc(out, '\n');
			if (last + 1 < n)
				buf_addc(out, ' ');
		}
		s = str_skip(s, n);
	}
}

struct cutter {
	struct scan_mail *m;
	str *v;
	size_t n, room;
};

static void put(struct cutter *c, str s)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		str *v = NEW_TRY(c->m->a, str, room);

		if (!v) {
			c->m->cut |= SCAN_CUT_ARENA;
			return;
		}
		if (c->n)
			memcpy(v, c->v, c->n * sizeof *v);
		c->v = v;
		c->room = room;
	}
	c->v[c->n++] = s;
}

/* Lines with their ends, long ones cut behind a space. */
static void short_lines(struct cutter *c, str s)
{
	while (s.n) {
		size_t n = str_find(s, '\n');
		str line = str_take(s, n < s.n ? n + 1 : n);

		s = str_skip(s, line.n);
		while (line.n > LIM_SCAN_LINE) {
			size_t at = str_rfind(str_take(line, LIM_SCAN_LINE + 1), ' ');

			at = at <= LIM_SCAN_LINE ? at + 1 : LIM_SCAN_LINE;
			put(c, str_take(line, at));
			line = str_skip(line, at);
		}
		put(c, line);
	}
}

enum which { ALL_TEXT, VISIBLE, INVISIBLE };

static str subject(struct scan_mail *m)
{
	for (size_t i = m->nfields; i-- > 0;) {
		if (str_eqi(m->fields[i].name, STR("Subject")))
			return arena_fmt(m->a, "%.*s\n", STRF(scan_field_value(m, &m->fields[i])));
	}
	return STR("\n");
}

static struct scan_strs paragraphs(struct scan_mail *m, enum which which)
{
	struct cutter c = { .m = m };
	struct buf text, out;
	size_t all = 64;

	if (m->has_text[which])
		return m->text[which];
	m->has_text[which] = true;
	scan_render_all(m);
	for (size_t i = 0; i < m->nleaves; i++)
		all += m->leaves[i].rendered.n + 2;
	buf_init(&text, all);
	for (size_t i = 0; i < m->nleaves; i++) {
		struct scan_leaf *l = &m->leaves[i];
		str s = which == ALL_TEXT  ? l->rendered
			: which == VISIBLE ? l->visible
					   : l->invisible;

		if (text.n)
			buf_addc(&text, '\n');
		if (l->text)
			buf_add(&text, cut_at(m, s, LIM_SCAN_PART, "\n "));
	}
	buf_init(&out, all + LIM_SCAN_VALUE * 4);
	if (which != INVISIBLE)
		buf_add(&out, subject(m));
	fold(&out, buf_str(&text));
	buf_free(&text);
	short_lines(&c, scan_keep(m, &out));
	m->text[which] = (struct scan_strs){ c.v, c.n };
	return m->text[which];
}

struct scan_strs scan_body(struct scan_mail *m)
{
	return paragraphs(m, ALL_TEXT);
}

struct scan_strs scan_body_visible(struct scan_mail *m)
{
	return paragraphs(m, VISIBLE);
}

struct scan_strs scan_body_invisible(struct scan_mail *m)
{
	return paragraphs(m, INVISIBLE);
}

/* Pieces of two to four kilobytes, cut behind a line end, a tag or a space. */
static void short_paragraphs(struct cutter *c, str s)
{
	if (s.n <= LIM_SCAN_LINE) {
		put(c, s);
		return;
	}
	while (s.n > 2 * LIM_SCAN_LINE) {
		size_t at = LIM_SCAN_LINE;

		for (const char *mark = "\n> "; *mark; mark++) {
			size_t k = str_find(str_take(str_skip(s, LIM_SCAN_LINE), LIM_SCAN_LINE),
					    *mark);

			if (k < LIM_SCAN_LINE) {
				at = LIM_SCAN_LINE + k;
				break;
			}
		}
		put(c, str_take(s, at + 1));
		s = str_skip(s, at + 1);
	}
	if (s.n)
		put(c, s);
}

struct scan_strs scan_rawbody(struct scan_mail *m)
{
	struct cutter c = { .m = m };

	if (m->has_raw)
		return m->raw;
	m->has_raw = true;
	if (!m->leaves)
		find_leaves(m);
	for (size_t i = 0; i < m->nleaves; i++) {
		struct scan_leaf *l = &m->leaves[i];

		if (!str_starts(l->type, STR("text/")) && !str_starts(l->type, STR("message/")))
			continue;
		if (!str_eq(l->type, STR("text/calendar")))
			short_paragraphs(&c, cut_at(m, decoded(m, l), LIM_SCAN_RAW, "\n> "));
	}
	m->raw = (struct scan_strs){ c.v, c.n };
	return m->raw;
}
