#include "formats/mailauth/canon.h"

#include <string.h>

#include "base/limits.h"

/* ---- output in blocks ---- */
static void flush(struct canon_body *c)
{
	if (c->n)
		c->sink.add(c->sink.arg, str_of(c->block, c->n));
	c->n = 0;
}

static void emit(struct canon_body *c, str s)
{
	if (s.n > sizeof(c->block) - c->n)
		flush(c);
	if (s.n > sizeof(c->block)) {
		c->sink.add(c->sink.arg, s);
		return;
	}
	memcpy(c->block + c->n, s.p, s.n);
	c->n += s.n;
}

/* ---- body ---- */
void canon_body_begin(struct canon_body *c, bool relaxed, struct canon_sink sink)
{
	c->sink = sink;
	c->relaxed = relaxed;
	c->cr = c->space = c->written = false;
	c->lines = 0;
	c->n = 0;
}

/* Octets that are no line end and, when relaxed, no white space to be judged yet. */
static void content(struct canon_body *c, str s)
{
	for (; c->lines; c->lines--)
		emit(c, STR("\r\n"));
	if (c->space)
		emit(c, STR(" "));
	c->space = false;
	c->written = true;
	emit(c, s);
}

static bool is_end(char c)
{
	return c == '\r' || c == '\n';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* How much of s goes out as it is: to a line end; when relaxed, to white space that is not one
 * space between two others. */
static size_t run_of(str s, bool relaxed)
{
	size_t i = 0;

	if (!relaxed) {
		while (i < s.n && !is_end(s.p[i]))
			i++;
		return i;
	}
	while (i < s.n && s.p[i] != '\t' && !is_end(s.p[i])) {
		if (s.p[i] == ' ' && (i + 1 == s.n || is_space(s.p[i + 1]) || is_end(s.p[i + 1])))
			break;
		i++;
	}
	return i;
}

void canon_body_add(struct canon_body *c, str piece)
{
	while (piece.n) {
		char first = piece.p[0];
		size_t n = 1;

		if (first == '\n') {
			c->lines++;
			c->cr = c->space = false;
		} else if (c->cr) { /* that CR ended no line */
			c->cr = false;
			content(c, STR("\r"));
			continue;
		} else if (first == '\r') {
			c->cr = true;
		} else if (c->relaxed && is_space(first) &&
			   (first == '\t' || c->space || piece.n == 1 || is_space(piece.p[1]) ||
			    is_end(piece.p[1]))) {
			c->space = true;
		} else {
			n = run_of(piece, c->relaxed);
			content(c, str_take(piece, n));
		}
		piece = str_skip(piece, n);
	}
}

void canon_body_end(struct canon_body *c)
{
	if (c->cr)
		content(c, STR("\r"));
	/* 3.4.3: an empty body is one line end; 3.4.4: it stays empty. */
	if (c->written || !c->relaxed)
		emit(c, STR("\r\n"));
	flush(c);
}

/* ---- header ---- */
static size_t line_of(str s)
{
	const char *p = memchr(s.p, '\n', s.n);

	return p ? (size_t)(p - s.p) + 1 : s.n;
}

static size_t field_of(str rest)
{
	size_t n = line_of(rest);

	while (n < rest.n && is_space(rest.p[n]))
		n += line_of(str_skip(rest, n));
	return n;
}

static bool is_empty_line(str s)
{
	return !s.n || s.p[0] == '\n' || (s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n');
}

err canon_split(str message, struct arena *a, struct canon_message *out)
{
	str rest = message;
	size_t n = 0;

	*out = (struct canon_message){ .body = STR("") };
	for (; !is_empty_line(rest); n++)
		rest = str_skip(rest, field_of(rest));
	if (n > LIM_DKIM_FIELDS || message.n - rest.n > LIM_DKIM_HEADER)
		return fail(E_LIMIT, "the header has over %d fields or octets over its limit",
			    LIM_DKIM_FIELDS);
	if (rest.n)
		out->body = str_skip(rest, rest.p[0] == '\n' ? 1 : 2);
	out->fields = NEW_TRY(a, struct canon_field, n + 1);
	if (!out->fields)
		return fail(E_LIMIT, "memory for %zu fields", n);
	for (rest = message; out->n < n; out->n++) {
		struct canon_field *f = &out->fields[out->n];

		f->raw = str_take(rest, field_of(rest));
		size_t colon = str_find(f->raw, ':');

		f->name = colon == f->raw.n ? STR("") : str_trim(str_take(f->raw, colon));
		rest = str_skip(rest, f->raw.n);
	}
	return OK;
}

str canon_value(const struct canon_field *f)
{
	return str_skip(f->raw, str_find(f->raw, ':') + 1);
}

/* Line ends made CRLF, otherwise as it is. */
static void add_simple(str raw, bool last, struct canon_sink sink)
{
	while (raw.n) {
		str line = str_take(raw, line_of(raw));

		raw = str_skip(raw, line.n);
		if (line.n && line.p[line.n - 1] == '\n')
			line.n--;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		sink.add(sink.arg, line);
		if (raw.n || !last)
			sink.add(sink.arg, STR("\r\n"));
	}
}

static void add_name(str name, struct canon_sink sink)
{
	char lower[80];

	while (name.n) {
		str piece = str_take(name, sizeof(lower));

		for (size_t i = 0; i < piece.n; i++)
			lower[i] = ch_lower(piece.p[i]);
		sink.add(sink.arg, str_of(lower, piece.n));
		name = str_skip(name, piece.n);
	}
}

static bool is_white(char c)
{
	return is_space(c) || is_end(c);
}

static void add_words(str value, struct canon_sink sink)
{
	value = str_trim_ws(value);
	for (size_t i = 0; i < value.n;) {
		size_t from = i;

		while (i < value.n && !is_white(value.p[i]))
			i++;
		sink.add(sink.arg, str_of(value.p + from, i - from));
		while (i < value.n && is_white(value.p[i]))
			i++;
		if (i < value.n)
			sink.add(sink.arg, STR(" "));
	}
}

void canon_field(const struct canon_field *f, bool relaxed, bool last, struct canon_sink sink)
{
	if (!relaxed) {
		add_simple(f->raw, last, sink);
		return;
	}
	add_name(f->name, sink);
	sink.add(sink.arg, STR(":"));
	add_words(canon_value(f), sink);
	if (!last)
		sink.add(sink.arg, STR("\r\n"));
}

bool canon_take(const struct canon_message *m, str name, bool *used, size_t *at)
{
	for (size_t i = m->n; i-- > 0;)
		if (!used[i] && m->fields[i].name.n && str_eqi(m->fields[i].name, name)) {
			used[i] = true;
			*at = i;
			return true;
		}
	return false;
}
