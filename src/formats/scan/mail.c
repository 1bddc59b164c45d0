#include "formats/scan/mail.h"

#include <string.h>

#include "formats/mime/header.h"

/* CR LF becomes LF, an mbox's "From " line goes. */
static str normal_lines(struct arena *a, str in)
{
	char *p;
	size_t n = 0;

	if (str_starts(in, STR("From ")))
		in = str_skip(in, str_find(in, '\n') + 1);
	if (str_search(in, STR("\r\n")) == in.n)
		return in;
	p = arena_try(a, in.n + 1, 1);
	if (!p)
		return in;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\r' || i + 1 == in.n || in.p[i + 1] != '\n')
			p[n++] = in.p[i];
	}
	return str_of(p, n);
}

/* Length of the name when a field begins there: printable octets, perhaps blanks, a colon. */
static size_t field_name(str line)
{
	size_t n = 0, blanks;

	while (n < line.n && line.p[n] > ' ' && line.p[n] < 127 && line.p[n] != ':')
		n++;
	blanks = n;
	while (blanks < line.n && (line.p[blanks] == ' ' || line.p[blanks] == '\t'))
		blanks++;
	return n && blanks < line.n && line.p[blanks] == ':' ? n : 0;
}

static void add_field(struct scan_mail *m, str field)
{
	str name, raw;

	if (!str_cut(field, ':', &name, &raw) || m->nfields == LIM_MIME_FIELDS)
		return;
	while (name.n && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	if (name.n > LIM_SCAN_NAME || raw.n > LIM_SCAN_VALUE)
		m->cut |= SCAN_CUT_HEADER;
	m->fields[m->nfields++] = (struct scan_field){ .name = str_take(name, LIM_SCAN_NAME),
						       .raw = str_take(raw, LIM_SCAN_VALUE) };
}

/* The header ends at an empty line, at "--", or at the fourth line that is no field. */
static void read_header(struct scan_mail *m)
{
	size_t at = 0, start = 0;
	unsigned bad = 0;
	bool open = false, separated = false;

	while (at < m->full.n) {
		str rest = str_skip(m->full, at);
		size_t n = str_find(rest, '\n');
		str line = str_take(rest, n);
		bool more = line.n && (line.p[0] == ' ' || line.p[0] == '\t');

		if (!more) {
			if (open)
				add_field(m, str_take(str_skip(m->full, start), at - start));
			open = false;
			if (!line.n) {
				at += n < rest.n;
				separated = true;
				break;
			}
			if (str_starts(line, STR("--")) || (!field_name(line) && ++bad > 3))
				break;
			start = at;
			open = true;
		}
		at += n + (n < rest.n);
	}
	if (open)
		add_field(m, str_take(str_skip(m->full, start), at - start));
	if (!separated)
		m->flags |= SCAN_FLAG_HEAD_SEPARATOR;
	m->header = str_take(m->full, at);
	m->body = str_skip(m->full, at);
}

struct scan_mail *scan_mail_new(struct arena *a, str message, const struct scan_envelope *env,
				const struct scan_networks *nets)
{
	struct scan_mail *m = NEW(a, struct scan_mail);

	m->a = a;
	m->env = env;
	m->nets = nets;
	m->full = normal_lines(a, message);
	m->fields = NEW_TRY(a, struct scan_field, LIM_MIME_FIELDS);
	if (m->fields)
		read_header(m);
	else
		m->cut |= SCAN_CUT_ARENA;
	m->root = mime_parse(m->full, a);
	return m;
}

const struct scan_envelope *scan_envelope(const struct scan_mail *m)
{
	return m->env;
}

struct arena *scan_arena(struct scan_mail *m)
{
	return m->a;
}

const struct mime_part *scan_root(struct scan_mail *m)
{
	return m->root;
}

str scan_full(struct scan_mail *m)
{
	return m->full;
}

str scan_pristine_header(struct scan_mail *m)
{
	return m->header;
}

str scan_pristine_body(struct scan_mail *m)
{
	return m->body;
}

unsigned scan_cut(const struct scan_mail *m)
{
	return m->cut;
}

/* Anything but white space and dots behind the delimiter that closes it. */
static bool epilogue(const struct scan_mail *m, const struct mime_part *p)
{
	str rest = str_take(str_skip(m->full, p->last->end), p->end - p->last->end);

	rest = str_skip(rest, rest.n && rest.p[0] == '\n');
	rest = str_skip(rest, str_find(rest, '\n'));
	for (size_t i = 0; i < rest.n; i++) {
		char c = rest.p[i];

		if (c != '.' && c != ' ' && !(c >= '\t' && c <= '\r'))
			return true;
	}
	return false;
}

unsigned scan_flags(struct scan_mail *m)
{
	unsigned flags = m->flags;

	for (const struct mime_part *p = m->root; p; p = mime_next(m->root, p)) {
		if (p->kind == MIME_MULTIPART && !(p->defects & MIME_D_NOT_CLOSED) && p->last &&
		    epilogue(m, p))
			flags |= SCAN_FLAG_EPILOGUE;
		if (p->defects & MIME_D_NOT_CLOSED)
			flags |= SCAN_FLAG_BOUNDARY_MISSING;
		if (p->defects & MIME_D_PARTS)
			flags |= SCAN_FLAG_PART_LIMIT;
		if (!p->parent || p->parent->kind != MIME_MULTIPART)
			continue;
		if (p->defects & MIME_D_NO_BLANK)
			flags |= SCAN_FLAG_PART_SEPARATOR;
		if (!p->header.n || !field_name(p->header))
			flags |= SCAN_FLAG_PART_HEADERS;
	}
	if (m->cut & SCAN_CUT_HEADER)
		flags |= SCAN_FLAG_HEADER_TRUNCATED;
	if (m->cut & SCAN_CUT_URIS)
		flags |= SCAN_FLAG_URI_TRUNCATED;
	return flags;
}

str scan_raw(struct scan_mail *m, const struct mime_part *leaf)
{
	str s = leaf->body.p ? leaf->body : STR("");
	struct buf b;

	buf_init(&b, s.n + s.n / LIM_SCAN_LINE + 16);
	while (s.n) {
		size_t n = str_find(s, '\n');

		n = n < s.n ? n + 1 : n;
		while (n > LIM_SCAN_LINE) {
			buf_add(&b, str_take(s, LIM_SCAN_LINE));
			buf_addc(&b, '\n');
			s = str_skip(s, LIM_SCAN_LINE);
			n -= LIM_SCAN_LINE;
		}
		buf_add(&b, str_take(s, n));
		s = str_skip(s, n);
	}
	return scan_keep(m, &b);
}

str scan_keep(struct scan_mail *m, struct buf *b)
{
	str s = arena_dup(m->a, buf_str(b));

	if (!s.p)
		m->cut |= SCAN_CUT_ARENA;
	buf_free(b);
	return s.p ? s : STR("");
}
