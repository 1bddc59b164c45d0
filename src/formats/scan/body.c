/* The body as "body" and "rawbody" rules see it. */
#include <string.h>

#include "formats/scan/view.h"

/* The length of the white space at the start of s, 0: none. Characters know more of it than
 * octets. */
static size_t space_at(str s, bool wide)
{
	unsigned char c = (unsigned char)s.p[0];

	if (c < 0x80)
		return is_space((char)c);
	if (!wide || s.n < 2)
		return 0;
	if (c == 0xc2)
		return s.p[1] == '\x85' || s.p[1] == '\xa0' ? 2 : 0;
	if (s.n < 3)
		return 0;
	if (c == 0xe2 && s.p[1] == '\x80') {
		unsigned char d = (unsigned char)s.p[2];

		return d <= 0x8a || d == 0xa8 || d == 0xa9 || d == 0xaf ? 3 : 0;
	}
	if (memcmp(s.p, "\xe1\x9a\x80", 3) == 0 || memcmp(s.p, "\xe2\x81\x9f", 3) == 0 ||
	    memcmp(s.p, "\xe3\x80\x80", 3) == 0)
		return 3;
	return 0;
}

/* Two line ends with nothing but white space between part paragraphs; all other white space is one
 * blank. */
static void add_paragraphs(struct out *o, str s, bool wide)
{
	while (s.n) {
		size_t first = 0, last = 0, lines = 0, at = 0, n;

		while (at < s.n && (n = space_at(str_skip(s, at), wide))) {
			if (s.p[at] == '\n') {
				first = lines++ ? first : at;
				last = at;
			}
			at += n;
		}
		if (at && lines > 1) {
			if (first > 0)
				out_c(o, ' ');
			out_c(o, '\n');
			if (at > last + 1)
				out_c(o, ' ');
		} else if (at) {
			out_c(o, ' ');
		}
		s = str_skip(s, at);
		for (n = 0; n < s.n && (is_high(s.p[n]) ? wide && !space_at(str_skip(s, n), true)
							: !is_space(s.p[n]) && s.p[n]);
		     n++)
			;
		out_add(o, str_take(s, n));
		s = str_skip(s, n);
		if (s.n && s.p[0] == '\0') {
			out_c(o, '\n');
			s = str_skip(s, 1);
		} else if (s.n > 1 && !wide && is_high(s.p[0])) { /* an octet */
			out_c(o, (char)((unsigned char)s.p[0] << 6 | (s.p[1] & 0x3f)));
			s = str_skip(s, 2);
		} else if (s.n && is_high(s.p[0]) && !wide) {
			s = str_skip(s, 1);
		}
	}
}

/* Behind n characters (octets). */
static size_t behind(struct view_text t, size_t from, size_t n)
{
	if (!t.wide)
		return from + n > t.s.n ? t.s.n : from + n;
	for (; n && from < t.s.n; n--)
		for (from++; from < t.s.n && ((unsigned char)t.s.p[from] & 0xc0) == 0x80; from++)
			;
	return from;
}

/* A part's text up to LIM_SCAN_PART, to the end of a line or word if one is near. */
static str cut_rendered(struct view_text t)
{
	size_t cut, far, at;

	if (t.s.n <= LIM_SCAN_PART)
		return t.s;
	cut = behind(t, 0, LIM_SCAN_PART);
	if (cut >= t.s.n)
		return t.s;
	far = behind(t, cut, 1025);
	at = view_find_from(t.s, '\n', cut);
	if (at >= far)
		at = view_find_from(t.s, ' ', cut);
	return str_take(t.s, at < far ? at + 1 : cut);
}

static void split_lines(struct scan_mail *m, struct view_list *l, str s)
{
	str line;

	while (view_line(&s, &line)) {
		while (line.n > LIM_SCAN_LINE) {
			size_t n = str_rfind(str_take(line, LIM_SCAN_LINE + 1), ' ');

			n = n > LIM_SCAN_LINE ? LIM_SCAN_LINE : n + 1;
			view_push(m, l, str_take(line, n));
			line = str_skip(line, n);
		}
		view_push(m, l, line);
	}
}

enum { ALL, VISIBLE, INVISIBLE };

static struct scan_strs body(struct scan_mail *m, unsigned which)
{
	struct out text, o;
	struct view_list l = { .n = 0 };
	struct mime_part *root = &m->root->mime;
	str subject = STR("");
	size_t n = 0;
	bool wide = false, found;

	if (m->bodies[which].done)
		return m->bodies[which].v;
	m->bodies[which].done = true;
	for (struct mime_part *p = root; p; p = mime_next(root, p)) {
		struct view_part *v = (struct view_part *)p;

		view_render(m, v);
		n += (v->all.s.n > v->visible.s.n ? v->all.s.n : v->visible.s.n) +
		     v->invisible.s.n + 1;
	}
	if (which != INVISIBLE)
		subject = view_last(m, &m->root->fields, STR("Subject"), &found);
	if (!view_out(m, &text, n) || !view_out(m, &o, n + subject.n + 2))
		return m->bodies[which].v;
	for (struct mime_part *p = root; p; p = mime_next(root, p)) {
		struct view_part *v = (struct view_part *)p;
		struct view_text *t = which == ALL	 ? &v->all
				      : which == VISIBLE ? &v->visible
							 : &v->invisible;

		if (p->kind != MIME_LEAF)
			continue;
		if (text.n)
			out_c(&text, '\n');
		if (v->shown_as.n) {
			out_add(&text, cut_rendered(*t));
			wide |= t->wide;
		}
	}
	if (which != INVISIBLE) {
		out_add(&o, subject);
		out_c(&o, '\n');
	}
	add_paragraphs(&o, out_str(&text), wide);
	split_lines(m, &l, out_str(&o));
	m->bodies[which].v = view_strs(&l);
	return m->bodies[which].v;
}

struct scan_strs scan_body(struct scan_mail *m)
{
	return body(m, ALL);
}

struct scan_strs scan_body_visible(struct scan_mail *m)
{
	return body(m, VISIBLE);
}

struct scan_strs scan_body_invisible(struct scan_mail *m)
{
	return body(m, INVISIBLE);
}

/* Behind the first c at or behind from, if it is not farther than far; else from's own end. */
static size_t break_at(str s, size_t from, size_t far)
{
	static const char at[] = { '\n', '>', ' ' };

	for (size_t i = 0; i < sizeof(at); i++) {
		size_t j = view_find_from(str_take(s, far), at[i], from);

		if (j < far && j < s.n)
			return j + 1;
	}
	return 0;
}

static void split_raw(struct scan_mail *m, struct view_list *l, str s)
{
	if (s.n <= LIM_SCAN_LINE) {
		view_push(m, l, s);
		return;
	}
	while (s.n > 2 * LIM_SCAN_LINE) {
		size_t n = break_at(s, LIM_SCAN_LINE, 2 * LIM_SCAN_LINE);

		n = n ? n : LIM_SCAN_LINE + 1;
		view_push(m, l, str_take(s, n));
		s = str_skip(s, n);
	}
	if (s.n)
		view_push(m, l, s);
}

struct scan_strs scan_rawbody(struct scan_mail *m)
{
	struct view_list l = { .n = 0 };
	struct mime_part *root = &m->root->mime;

	if (m->rawbody.done)
		return m->rawbody.v;
	m->rawbody.done = true;
	for (struct mime_part *p = root; p; p = mime_next(root, p)) {
		struct view_part *v = (struct view_part *)p;
		str type, text;

		if (p->kind != MIME_LEAF)
			continue;
		type = view_effective(v);
		if (!(str_starts(type, STR("text/")) || str_starts(type, STR("message/"))) ||
		    str_eq(v->type, STR("text/calendar")))
			continue;
		text = view_decoded(m, v);
		if (text.n > LIM_SCAN_RAW) {
			size_t n = break_at(text, LIM_SCAN_RAW, LIM_SCAN_RAW + 1025);

			text = str_take(text, n ? n : LIM_SCAN_RAW);
		}
		split_raw(m, &l, text);
	}
	m->rawbody.v = view_strs(&l);
	return m->rawbody.v;
}
