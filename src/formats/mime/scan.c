#include <string.h>

#include "formats/mime/lex.h"
#include "formats/mime/message.h"
#include "formats/mime/part.h"

#define BOUNDARY_MAX 1000 /* octets; RFC 2046 5.1.1 allows 70 */

static struct mime_part *part_new(struct mime_scan *s, struct mime_part *parent, size_t at)
{
	struct mime_part *p = NULL;

	if (!parent)
		p = NEW(s->a, struct mime_part);
	else if (s->parts < LIM_MIME_PARTS)
		p = NEW_TRY(s->a, struct mime_part, 1);
	if (!p)
		return NULL;
	s->parts++;
	p->header_at = p->body_at = p->end = at;
	p->parent = parent;
	if (parent) {
		p->depth = parent->depth + 1;
		*(parent->last ? &parent->last->next : &parent->child) = p;
		parent->last = p;
		parent->nchild++;
	}
	return p;
}

static void scan_begin(struct mime_scan *s, struct arena *a, const str *whole)
{
	*s = (struct mime_scan){ .a = a, .whole = whole, .in_header = true };
	s->root = part_new(s, NULL, 0);
	s->level[0].part = s->root;
	buf_init(&s->head, LIM_MIME_HEADER);
}

static struct mime_level *top(struct mime_scan *s)
{
	return &s->level[s->top];
}

/* Makes a child of the part at the top and begins its header. False: a limit. */
static bool push(struct mime_scan *s, size_t at)
{
	struct mime_part *p = part_new(s, top(s)->part, at);

	if (!p) {
		top(s)->part->defects |= s->parts < LIM_MIME_PARTS ? MIME_D_LIMIT : MIME_D_PARTS;
		return false;
	}
	s->level[++s->top] = (struct mime_level){ .part = p };
	s->in_header = true;
	buf_reset(&s->head);
	return true;
}

static void header_view(struct mime_scan *s, struct mime_part *p)
{
	if (s->whole) {
		p->header = str_take(str_skip(*s->whole, p->header_at), p->body_at - p->header_at);
		return;
	}
	p->header = arena_dup(s->a, str_take(buf_str(&s->head), p->body_at - p->header_at));
	if (!p->header.p) {
		p->header = STR("");
		p->defects |= MIME_D_LIMIT;
	}
}

/* RFC 2046 5.1.1: no boundary ends with white space. */
static void multipart_begin(struct mime_scan *s, struct mime_part *p)
{
	str b = mime_param(p->params_raw, STR("boundary"));

	if (!b.n)
		b = mime_param(p->params, STR("boundary"));
	while (b.n && mime_ws(b.p[b.n - 1]))
		b.n--;
	if (!b.n || b.n > BOUNDARY_MAX)
		mime_part_take_for(p, STR("text"), STR("plain"), MIME_D_BOUNDARY);
	else
		top(s)->boundary = b;
}

/* The header of the part at the top ends at octet at, and its body begins there. */
static void header_end(struct mime_scan *s, size_t at, size_t lines)
{
	struct mime_part *p = top(s)->part;

	p->body_at = at;
	top(s)->line0 = lines;
	s->in_header = false;
	header_view(s, p);
	mime_part_fill(s->a, p);
	if (p->kind == MIME_LEAF)
		return;
	if (s->top + 1 == LIM_MIME_DEPTH)
		mime_part_take_for(p, STR("application"), STR("octet-stream"), MIME_D_DEPTH);
	else if (p->kind == MIME_MULTIPART)
		multipart_begin(s, p);
	else if (!push(s, at))
		mime_part_take_for(p, STR("application"), STR("octet-stream"), 0);
}

/* Ends the levels above keep at a boundary line or at the end of the message (eol 0). */
static void close_above(struct mime_scan *s, int keep, unsigned eol)
{
	size_t end = s->at - eol, lines = s->lines - (eol > 0);

	while (s->in_header)
		header_end(s, s->at, s->lines);
	for (int i = (int)s->top; i > keep; i--) {
		struct mime_level *l = &s->level[i];
		struct mime_part *p = l->part;

		if (end <
		    p->body_at) { /* the line end before the boundary is the header's empty line */
			end = p->body_at;
			lines = l->line0;
		}
		p->end = end;
		p->lines = lines - l->line0;
		if (s->whole)
			p->body = str_take(str_skip(*s->whole, p->body_at), end - p->body_at);
		else
			p->body = STR("");
		if (p->kind == MIME_MULTIPART && !p->child)
			mime_part_take_for(p, STR("text"), STR("plain"), MIME_D_NO_PARTS);
		else if (p->kind == MIME_MULTIPART && l->boundary.n)
			p->defects |= MIME_D_NOT_CLOSED;
	}
	if (keep >= 0)
		s->top = (unsigned)keep;
}

/* text: a line behind its "--". RFC 2046 5.1.1 lets white space follow, and asks only that the
 * boundary stands whole at the start; we ask for its end too, so that "b" is not found in "b2". */
static bool is_boundary(str text, str boundary, bool *last)
{
	if (!boundary.n || !str_starts(text, boundary))
		return false;
	text = str_skip(text, boundary.n);
	*last = str_starts(text, STR("--"));
	return *last || !text.n || mime_ws(text.p[0]);
}

/* True when the line is a delimiter of an open multipart; next: the octet behind it. */
static bool boundary_line(struct mime_scan *s, str line, size_t next)
{
	bool last = false;
	unsigned i = s->top + 1;

	if (s->stop || !str_starts(line, STR("--")))
		return false;
	line = str_skip(line, 2);
	while (i > 0 && !is_boundary(line, s->level[i - 1].boundary, &last))
		i--;
	if (i-- == 0)
		return false;
	if (!last && s->parts >= LIM_MIME_PARTS) {
		top(s)->part->defects |= MIME_D_PARTS;
		s->stop = true;
		return false;
	}
	close_above(s, (int)i, s->eol);
	if (last)
		top(s)->boundary = STR("");
	else if (!push(s, next))
		s->stop = true;
	return true;
}

/* True when the line is no part of the header, which has ended before it. */
static bool header_line(struct mime_scan *s, str line, size_t n, unsigned eol)
{
	struct mime_part *p = top(s)->part;
	bool first = s->at == p->header_at;
	size_t colon;

	if (n == eol && n) {
		header_end(s, s->at + n, s->lines + 1);
		return false;
	}
	if (mime_is_field(line, &colon))
		return false;
	if (line.p[0] == ' ' || line.p[0] == '\t') {
		if (first)
			p->defects |= MIME_D_FIELD;
		return false;
	}
	if (first && (str_starts(line, STR("From ")) || str_starts(line, STR(">From ")))) {
		p->defects |= MIME_D_FIELD;
		return false;
	}
	p->defects |= MIME_D_NO_BLANK;
	header_end(s, s->at, s->lines);
	return true;
}

/* line: the first MIME_SCAN_LINE octets, or more, of a line of n octets that ends with eol of them.
 */
static void scan_line(struct mime_scan *s, str line, size_t n, unsigned eol)
{
	if (eol == 1)
		s->root->defects |= MIME_D_LF;
	/* A header that ended early may open a multipart or a message that this line belongs to. */
	while (!boundary_line(s, line, s->at + n) && s->in_header) {
		if (!header_line(s, line, n, eol))
			break;
		if (s->in_header && !s->whole)
			buf_add(&s->head, str_take(line, n));
	}
	s->at += n;
	s->lines += eol > 0;
	s->eol = eol;
}

static unsigned line_end(char before, char last)
{
	return last != '\n' ? 0 : before == '\r' ? 2 : 1;
}

/* A delimiter with nothing behind it opens no part. */
static void drop_empty_end(struct mime_scan *s)
{
	struct mime_part *p = top(s)->part, *up = p->parent, **at;

	if (!s->in_header || p->header_at != s->at || !up || up->kind != MIME_MULTIPART)
		return;
	up->last = NULL;
	for (at = &up->child; *at != p; at = &(*at)->next)
		up->last = *at;
	*at = NULL;
	up->nchild--;
	s->top--;
	s->in_header = false;
}

static struct mime_part *scan_done(struct mime_scan *s)
{
	drop_empty_end(s);
	close_above(s, -1, 0);
	buf_free(&s->head);
	return s->root;
}

struct mime_part *mime_parse(str message, struct arena *a)
{
	struct mime_scan s;

	if (!message.p)
		message = STR("");
	scan_begin(&s, a, &message);
	while (s.at < message.n) {
		str rest = str_skip(message, s.at);
		size_t n = str_find(rest, '\n');

		n += n < rest.n;
		scan_line(&s, str_take(rest, n), n,
			  line_end(n > 1 ? rest.p[n - 2] : '\0', rest.p[n - 1]));
	}
	return scan_done(&s);
}

void mime_scan_init(struct mime_scan *s, struct arena *a)
{
	scan_begin(s, a, NULL);
	s->line = arena_get(a, MIME_SCAN_LINE, 1);
}

/* Adds a piece of a line to what is kept of it, and of the header. */
static void hold(struct mime_scan *s, str piece)
{
	if (s->line_n < MIME_SCAN_LINE) {
		size_t room = MIME_SCAN_LINE - s->line_n;

		memcpy(s->line + s->line_n, piece.p, piece.n < room ? piece.n : room);
	}
	s->line_n += piece.n;
	s->before = piece.n > 1 ? piece.p[piece.n - 2] : s->last;
	s->last = piece.p[piece.n - 1];
	if (s->in_header)
		buf_add(&s->head, str_take(piece, s->head.max - s->head.n));
}

static void held_line(struct mime_scan *s)
{
	size_t n = s->line_n < MIME_SCAN_LINE ? s->line_n : MIME_SCAN_LINE;

	scan_line(s, str_of(s->line, n), s->line_n,
		  line_end(s->line_n > 1 ? s->before : '\0', s->last));
	s->line_n = 0;
}

void mime_scan_feed(struct mime_scan *s, str bytes)
{
	while (bytes.n) {
		size_t n = str_find(bytes, '\n');
		bool ends = n < bytes.n;
		str piece = str_take(bytes, n + ends);

		bytes = str_skip(bytes, n + ends);
		if (ends && !s->line_n && !s->in_header) {
			scan_line(s, piece, piece.n,
				  line_end(piece.n > 1 ? piece.p[piece.n - 2] : '\0', '\n'));
			continue;
		}
		hold(s, piece);
		if (ends)
			held_line(s);
	}
}

struct mime_part *mime_scan_end(struct mime_scan *s)
{
	if (s->line_n)
		held_line(s);
	return scan_done(s);
}
