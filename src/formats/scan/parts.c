/* A message's parts, found as SpamAssassin finds them; where it differs from formats/mime (which
 * boundaries count, what stands in a part without an empty line) its rules can tell. */
#include <string.h>

#include "formats/scan/view.h"

/* ---- Content-Type ---- */

/* Where word starts as a word ("\bword" in a pattern), any case; s.n: nowhere. */
static size_t find_word(str s, str word, size_t from)
{
	for (size_t i = from; i + word.n <= s.n; i++) {
		i += str_searchi(str_skip(s, i), word);
		if (i >= s.n)
			break;
		if (i == 0 || !is_word(s.p[i - 1]))
			return i;
	}
	return s.n;
}

/* Behind white space, "=" and white space at s[at]; 0: not there. */
static size_t behind_equals(str s, size_t at)
{
	while (at < s.n && is_space(s.p[at]))
		at++;
	if (at >= s.n || s.p[at] != '=')
		return 0;
	at++;
	while (at < s.n && is_space(s.p[at]))
		at++;
	return at;
}

static str find_boundary(struct scan_mail *m, str s)
{
	for (size_t i = 0; (i = find_word(s, STR("boundary"), i)) < s.n; i++) {
		size_t at = behind_equals(s, i + 8), n = at;
		struct out o;

		if (!at || at >= s.n)
			continue;
		if (s.p[at] == '"') {
			n = view_find_from(s, '"', at + 1);
			if (n > at + 1)
				return str_of(s.p + at + 1, n - at - 1);
			continue;
		}
		while (n < s.n && !is_space(s.p[n]) && s.p[n] != '"' && s.p[n] != ';')
			n++;
		if (n == at || (n < s.n && s.p[n] == '"') || !view_out(m, &o, n - at))
			continue;
		return str_of(s.p + at, n - at);
	}
	return (str){ NULL, 0 };
}

/* A value up to ";" without a quote at either end. */
static str loose_value(str s, size_t at)
{
	str v;

	if (at < s.n && (s.p[at] == '"' || s.p[at] == '\''))
		at++;
	v = str_take(str_skip(s, at), str_find(str_skip(s, at), ';'));
	if (v.n && (v.p[v.n - 1] == '"' || v.p[v.n - 1] == '\''))
		v.n--;
	return v;
}

static str find_value(str s, str word)
{
	for (size_t i = 0; (i = find_word(s, word, i)) < s.n; i++) {
		size_t at = behind_equals(s, i + word.n);

		if (at)
			return loose_value(s, at);
	}
	return (str){ NULL, 0 };
}

/* name= or filename=, whichever comes first; else the pieces name*0=, name*1=, ... */
static str find_name(struct scan_mail *m, str s)
{
	str a = find_value(s, STR("name")), b = find_value(s, STR("filename"));
	struct out o;

	if (a.p && b.p)
		a = a.p < b.p ? a : b;
	else if (!a.p)
		a = b;
	if (a.n ||
	    (find_word(s, STR("name*0"), 0) == s.n && find_word(s, STR("filename*0"), 0) == s.n))
		return a;
	if (!view_out(m, &o, s.n))
		return STR("");
	for (size_t i = 0; (i += str_searchi(str_skip(s, i), STR("name*"))) < s.n; i++) {
		size_t at = i + 5;

		while (at < s.n && ch_digit(s.p[at]))
			at++;
		if (at > i + 5 && (at = behind_equals(s, at)))
			out_add(&o, loose_value(s, at));
	}
	return out_str(&o);
}

static bool type_char(char c)
{
	return c > ' ' && (unsigned char)c < 127 && c != '"' && c != '(' && c != ')' && c != ',' &&
	       !(c >= ':' && c <= '@') && !(c >= '[' && c <= ']');
}

static str media_type(struct scan_mail *m, str s)
{
	struct out o;
	size_t slash, n;

	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	s = str_take(s, str_find(s, ';'));
	slash = str_find(s, '/');
	if (slash > 0 && slash < s.n) {
		n = slash + 1;
		while (n < s.n && s.p[n] != '/' && !is_space(s.p[n]))
			n++;
		s = str_take(s, n);
	}
	if (s.n == 0 || (str_startsi(s, STR("text")) && (s.n == 4 || !is_word(s.p[4])) &&
			 !str_eqi(s, STR("text/x-vcard")) && !str_eqi(s, STR("text/calendar")) &&
			 !str_eqi(s, STR("text/html"))))
		return STR("text/plain");
	if (!view_out(m, &o, s.n))
		return STR("text/plain");
	for (size_t i = 0; i < s.n; i++)
		if (type_char(s.p[i]))
			out_c(&o, ch_lower(s.p[i]));
	return out_str(&o);
}

struct view_type view_content_type(struct scan_mail *m, str value)
{
	struct view_type t = { .missing = false };

	if (value.n == 0 || str_eq(value, STR("0"))) {
		t.missing = true;
		t.type = STR("text/plain");
		t.charset = STR("us-ascii");
		t.boundary = t.name = (str){ NULL, 0 };
		return t;
	}
	t.boundary = find_boundary(m, value);
	t.charset = find_value(value, STR("charset"));
	t.name = find_name(m, value);
	t.type = media_type(m, value);
	t.missing = value.p[0] == ';';
	return t;
}

/* ---- parts ---- */

struct item {
	struct item *next;
	struct view_part *part;
	str body;
	unsigned depth;
};
struct queue {
	struct item *first, **last;
	unsigned parts;
};

static struct view_part *new_part(struct scan_mail *m, struct view_part *parent)
{
	struct view_part *p = NEW(m->a, struct view_part);

	p->mime.parent = parent ? &parent->mime : NULL;
	p->mime.depth = parent ? parent->mime.depth + 1 : 0;
	return p;
}

static void attach(struct view_part *parent, struct view_part *p)
{
	if (parent->mime.last)
		parent->mime.last->next = &p->mime;
	else
		parent->mime.child = &p->mime;
	parent->mime.last = &p->mime;
	parent->mime.nchild++;
}

static void enqueue(struct scan_mail *m, struct queue *q, struct view_part *p, str body,
		    unsigned depth)
{
	struct item *i = NEW(m->a, struct item);

	*i = (struct item){ .part = p, .body = body, .depth = depth };
	*q->last = i;
	q->last = &i->next;
	q->parts++;
}

/* What formats/mime knows of a header, for who asks for file names and the like. */
static void fill(struct scan_mail *m, struct view_part *p, str header)
{
	struct mime_part *h = mime_parse(header, m->a), keep = p->mime;

	p->mime = *h;
	p->mime.parent = keep.parent;
	p->mime.child = keep.child;
	p->mime.last = keep.last;
	p->mime.next = keep.next;
	p->mime.nchild = keep.nchild;
	p->mime.depth = keep.depth;
	p->mime.kind = MIME_LEAF;
	p->mime.header = header;
}

static void name_type(struct view_part *p, str type)
{
	p->type = type;
	p->mime.subtype = STR("");
	p->mime.type = type;
	(void)str_cut(type, '/', &p->mime.type, &p->mime.subtype);
}

/* The boundary at the start of a line, nothing but white space behind. closing: "--" behind it. */
static bool is_delimiter(str line, str boundary, bool may_close, bool *closing)
{
	str rest;

	*closing = false;
	if (line.n < 2 + boundary.n || line.p[0] != '-' || line.p[1] != '-' ||
	    memcmp(line.p + 2, boundary.p, boundary.n) != 0)
		return false;
	rest = str_skip(line, 2 + boundary.n);
	if (may_close && str_starts(rest, STR("--"))) {
		*closing = true;
		rest = str_skip(rest, 2);
	}
	while (rest.n && is_space(rest.p[0]))
		rest = str_skip(rest, 1);
	return rest.n == 0;
}

static bool name_char(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

static bool starts_field(str line, bool blanks)
{
	size_t i = 0;

	while (i < line.n && name_char(line.p[i]))
		i++;
	if (i == 0)
		return false;
	while (blanks && i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	return i < line.n && line.p[i] == ':';
}

static void add_part_field(struct scan_mail *m, struct view_part *p, str field)
{
	str name, raw;

	if (!str_cut(field, ':', &name, &raw))
		return;
	while (raw.n && is_space(raw.p[0]))
		raw = str_skip(raw, 1);
	view_add_field(m, &p->fields, name, raw);
}

/* Lines over LIM_SCAN_LINE are cut in pieces: a copy only if there are any. */
static str cut_lines(struct scan_mail *m, str body, bool spare_last)
{
	str rest = body, line;
	size_t more = 0;
	struct out o;

	while (view_line(&rest, &line))
		more += (line.n - 1) / LIM_SCAN_LINE;
	if (more == 0 || !view_out(m, &o, body.n + more))
		return body;
	for (rest = body; view_line(&rest, &line);) {
		while (line.n > LIM_SCAN_LINE) {
			out_add(&o, str_take(line, LIM_SCAN_LINE));
			out_c(&o, '\n');
			line = str_skip(line, LIM_SCAN_LINE);
		}
		out_add(&o, line);
	}
	(void)spare_last;
	return out_str(&o);
}

struct reading {
	struct scan_mail *m;
	struct queue *q;
	struct view_part *parent, *part;
	str boundary;
	unsigned depth;
	bool in_body, has_body, nested;
	str header, field, body;
	unsigned count;
};

static void extend(str *s, str line)
{
	*s = s->n ? str_of(s->p, (size_t)(line.p + line.n - s->p)) : line;
}

static void start_part(struct reading *r)
{
	r->part = new_part(r->m, r->parent);
	r->in_body = r->has_body = false;
	r->header = r->field = r->body = STR("");
}

static void end_part(struct reading *r, bool found)
{
	struct view_part *p = r->part;
	struct view_type t =
		view_content_type(r->m, view_last(r->m, &p->fields, STR("Content-Type"), NULL));

	if (found && r->body.n && r->body.p[r->body.n - 1] == '\n')
		r->body.n--;
	fill(r->m, p, r->header);
	name_type(p, t.missing && str_eq(r->parent->type, STR("multipart/digest"))
			     ? STR("message/rfc822")
			     : t.type);
	p->boundary = t.boundary.n && !str_eq(t.boundary, STR("0")) ? t.boundary : r->boundary;
	attach(r->parent, p);
	enqueue(r->m, r->q, p, cut_lines(r->m, r->body, !found), r->depth);
}

static void end_field(struct reading *r)
{
	str name;
	struct view_type t;

	if (!r->field.n)
		return;
	add_part_field(r->m, r->part, r->field);
	name = str_take(r->field, str_find(r->field, ':'));
	if (!str_eqi(name, STR("Content-Type")))
		return;
	t = view_content_type(r->m, view_last(r->m, &r->part->fields, name, NULL));
	if (t.boundary.p && str_eq(t.boundary, r->boundary))
		r->nested = true; /* a part that takes its parent's boundary for its own */
}

/* A line that is no delimiter. */
static void part_line(struct reading *r, str line)
{
	if (!r->in_body) {
		if (starts_field(line, true)) {
			if (r->field.n)
				add_part_field(r->m, r->part, r->field);
			r->field = line;
			extend(&r->header, line);
			return;
		}
		if ((line.p[0] == ' ' || line.p[0] == '\t') && r->field.n) {
			extend(&r->field, line);
			extend(&r->header, line);
			return;
		}
		end_field(r);
		r->in_body = true;
		if (str_eq(line, STR("\n")) || str_eq(line, STR("\r\n")))
			return;
		r->m->flags |= SCAN_FLAG_PART_SEPARATOR;
	}
	extend(&r->body, line);
}

static str skip_preamble(struct scan_mail *m, str body, str boundary)
{
	str rest = body, line;
	bool closing;

	while (view_line(&rest, &line)) {
		if (!is_delimiter(line, boundary, false, &closing))
			continue;
		if (rest.n && !starts_field(rest, false))
			m->flags |= SCAN_FLAG_PART_HEADERS;
		m->flags |= SCAN_FLAG_BOUNDARY_MISSING; /* until it is closed, see below */
		return rest;
	}
	return body;
}

static void read_multipart(struct scan_mail *m, struct queue *q, struct view_part *parent, str body,
			   unsigned depth)
{
	struct reading r = {
		.m = m, .q = q, .parent = parent, .boundary = parent->boundary, .depth = depth - 1
	};
	unsigned open = m->flags & SCAN_FLAG_BOUNDARY_MISSING;
	str rest = skip_preamble(m, body, r.boundary), line;

	parent->mime.kind = MIME_MULTIPART;
	start_part(&r);
	while (view_line(&rest, &line)) {
		bool closing, found = is_delimiter(line, r.boundary, true, &closing);

		if (found && r.nested) {
			found = false;
			r.nested = !closing;
		}
		if (rest.n && !found) {
			part_line(&r, line);
			continue;
		}
		if (!found)
			extend(&r.body, line);
		end_part(&r, found);
		if (closing && found) {
			m->flags = (m->flags & ~(unsigned)SCAN_FLAG_BOUNDARY_MISSING) | open;
			break;
		}
		if (rest.n && !starts_field(rest, false))
			m->flags |= SCAN_FLAG_PART_HEADERS;
		if (++r.count == LIM_SCAN_SUBPARTS || q->parts >= LIM_SCAN_PARTS) {
			m->flags |= SCAN_FLAG_PART_LIMIT;
			m->cut |= SCAN_CUT_PARTS;
			return;
		}
		start_part(&r);
	}
	while (rest.n && (is_space(rest.p[0]) || rest.p[0] == '.'))
		rest = str_skip(rest, 1);
	if (rest.n)
		m->flags |= SCAN_FLAG_EPILOGUE;
}

/* More than LIM_SCAN_BLANKS empty lines in a row are as many. */
static str squeeze_blanks(struct scan_mail *m, str body)
{
	str rest = body, line;
	size_t run = 0, longest = 0;
	struct out o;
	bool first = true;

	while (view_line(&rest, &line)) {
		str t = line;

		while (t.n && is_space(t.p[0]))
			t = str_skip(t, 1);
		run = t.n ? 0 : run + 1;
		if (run > longest)
			longest = run;
	}
	if (longest <= LIM_SCAN_BLANKS || !view_out(m, &o, body.n))
		return body;
	run = 0;
	for (rest = body; view_line(&rest, &line); first = false) {
		str t = line;

		while (t.n && is_space(t.p[0]))
			t = str_skip(t, 1);
		run = t.n || first ? 0 : run + 1;
		if (run <= LIM_SCAN_BLANKS)
			out_add(&o, line);
	}
	return out_str(&o);
}

/* A whole message: the root, or what stands in message/rfc822. */
static void start_message(struct scan_mail *m, struct queue *q, struct view_part *p, str text,
			  unsigned depth, unsigned *flags)
{
	struct view_type t;
	str head, body;
	bool closing;
	struct out o;

	p->fields = view_read_head(m, text, &head, &body, flags);
	if (!p->mime.parent) {
		m->head = head;
		m->body = body;
		m->full = str_of(head.p, head.n + body.n);
	}
	t = view_content_type(m, view_last(m, &p->fields, STR("Content-Type"), NULL));
	fill(m, p, head);
	name_type(p, t.type);
	p->boundary = t.boundary;
	body = squeeze_blanks(m, body);
	if (str_starts(t.type, STR("multipart/")) && body.n) {
		str rest = body, line;

		(void)view_line(&rest, &line);
		/* what looks like fields there is the first part's text, not its header */
		if (rest.n && str_trim_ws(line).n &&
		    !(t.boundary.p && is_delimiter(line, t.boundary, true, &closing)) &&
		    view_out(m, &o, body.n + 1)) {
			out_c(&o, '\n');
			out_add(&o, body);
			body = out_str(&o);
		}
	}
	enqueue(m, q, p, body, depth);
}

static void read_leaf(struct scan_mail *m, struct queue *q, struct view_part *p, str body,
		      unsigned depth)
{
	struct view_type t =
		view_content_type(m, view_last(m, &p->fields, STR("Content-Type"), NULL));
	str disposition = view_last(m, &p->fields, STR("Content-Disposition"), NULL);
	str decoded;
	size_t at = str_searchi(disposition, STR("name="));
	unsigned flags = 0;

	if (!t.missing)
		name_type(p, !str_starts(t.type, STR("multipart/")) || p->boundary.p
				     ? t.type
				     : STR("text/plain"));
	p->charset = t.charset;
	p->name = t.name.p ? t.name : STR("");
	if (at < disposition.n) {
		str v = str_skip(disposition, at + 5);

		while (v.n && (is_space(v.p[0])))
			v = str_skip(v, 1);
		if (v.n && v.p[0] == '"')
			v = str_skip(v, 1);
		v = str_take(v, str_find(v, ';'));
		v = str_take(v, str_find(v, '"'));
		if (v.n)
			p->name = v;
	}
	p->raw = body;
	p->mime.body = body;
	if (!str_eq(p->type, STR("message/rfc822")) && !str_eq(p->type, STR("message/global"))) {
		/* A multipart comes here for its depth alone, or without a boundary. */
		if (depth == 0 && str_starts(p->type, STR("multipart/")) && p->boundary.p)
			m->cut |= SCAN_CUT_PARTS;
		return;
	}
	if (depth == 0 || q->parts >= LIM_SCAN_PARTS) {
		m->cut |= SCAN_CUT_PARTS;
		return;
	}
	decoded = view_decoded(m, p);
	if (decoded.n == 0)
		return;
	struct view_part *inner = new_part(m, p);

	p->mime.kind = MIME_MESSAGE;
	attach(p, inner);
	start_message(m, q, inner, decoded, depth - 1, &flags);
}

struct view_part *view_parse(struct scan_mail *m)
{
	struct queue q = { .last = &q.first };
	struct view_part *root = new_part(m, NULL);

	start_message(m, &q, root, m->full, LIM_SCAN_DEPTH, &m->flags);
	for (struct item *i = q.first; i; i = i->next) {
		if (str_starts(i->part->type, STR("multipart/")) && i->part->boundary.p &&
		    i->depth > 0)
			read_multipart(m, &q, i->part, i->body, i->depth);
		else
			read_leaf(m, &q, i->part, i->body, i->depth);
	}
	return root;
}

/* ---- what stands in them ---- */

str view_decoded(struct scan_mail *m, struct view_part *p)
{
	str encoding = view_last(m, &p->fields, STR("Content-Transfer-Encoding"), NULL);

	if (p->was_decoded)
		return p->decoded;
	p->was_decoded = true;
	p->decoded = p->raw;
	if (str_eqi(encoding, STR("quoted-printable"))) {
		p->decoded = view_no_cr(m, view_qp(m, p->raw));
	} else if (str_eqi(encoding, STR("base64"))) {
		p->decoded = view_base64(m, p->raw);
		if (str_starts(p->type, STR("text/")) || str_starts(p->type, STR("message/")))
			p->decoded = view_no_cr(m, p->decoded);
	}
	return p->decoded;
}

str view_effective(const struct view_part *p)
{
	static const str html[] = { S(".html"), S(".htm"), S(".shtml"), S(".shtm") };

	for (size_t i = 0; i < sizeof(html) / sizeof(html[0]); i++)
		if (str_endsi(p->name, html[i]))
			return STR("text/html");
	return p->type;
}

void view_render(struct scan_mail *m, struct view_part *p)
{
	str type = view_effective(p), text;

	if (p->was_rendered)
		return;
	p->was_rendered = true;
	p->shown_as = STR("");
	if (p->mime.kind != MIME_LEAF ||
	    !(str_eq(type, STR("text/plain")) || str_eq(type, STR("text/html"))))
		return;
	p->shown_as = type;
	text = view_decoded(m, p);
	p->all = view_normalize(m, text, p->charset.p ? p->charset : STR("us-ascii"), false);
	if (text.n && str_eq(type, STR("text/html"))) {
		p->html = view_html(m, p, p->all);
		return;
	}
	p->visible = p->all;
	p->invisible = (struct view_text){ STR(""), false };
}

static struct view_part *own(const struct mime_part *p)
{
	/* every part of scan_root's tree was made here, inside a view_part */
	return (struct view_part *)(uintptr_t)p;
}

str scan_decoded(struct scan_mail *m, const struct mime_part *leaf)
{
	return leaf->kind == MIME_LEAF ? view_decoded(m, own(leaf)) : STR("");
}

str scan_rendered(struct scan_mail *m, const struct mime_part *leaf, str *type)
{
	struct view_part *p = own(leaf);

	view_render(m, p);
	*type = p->shown_as;
	return p->shown_as.n ? p->all.s : STR("");
}

str scan_raw(struct scan_mail *m, const struct mime_part *leaf)
{
	(void)m;
	return own(leaf)->raw;
}

str scan_part_type(struct scan_mail *m, const struct mime_part *part)
{
	(void)m;
	return own(part)->type;
}

static str all_fields(struct scan_mail *m, struct view_part *p, bool raw)
{
	struct out o;
	size_t n = 0;

	for (size_t i = 0; i < p->fields.n; i++)
		n += p->fields.v[i].name.n + 3 + p->fields.v[i].raw.n * 3;
	if (!view_out(m, &o, n))
		return STR("");
	for (size_t i = 0; i < p->fields.n; i++) {
		out_add(&o, p->fields.v[i].name);
		out_add(&o, STR(": "));
		out_add(&o, raw ? p->fields.v[i].raw : view_value(m, &p->fields.v[i]));
		if (!raw)
			out_c(&o, '\n');
	}
	return out_str(&o);
}

str scan_part_header(struct scan_mail *m, const struct mime_part *part, str name, bool raw,
		     bool *found)
{
	struct view_part *p = own(part);
	str v;
	struct out o;

	if (str_eq(name, STR("ALL"))) {
		*found = p->fields.n > 0;
		return all_fields(m, p, raw);
	}
	if (raw) {
		for (size_t i = p->fields.n; i-- > 0;)
			if (str_eqi(p->fields.v[i].name, name)) {
				*found = true;
				return p->fields.v[i].raw;
			}
		*found = false;
		return STR("");
	}
	v = view_last(m, &p->fields, name, found);
	if (!*found || !view_out(m, &o, v.n + 1))
		return STR("");
	out_add(&o, v);
	out_c(&o, '\n');
	return out_str(&o);
}
