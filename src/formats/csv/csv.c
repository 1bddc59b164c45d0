#include "formats/csv/csv.h"

/* What ended a field. */
enum end { END_FIELD, END_RECORD, END_MORE, END_BAD };

static enum end quoted(str in, bool last, size_t *at, struct buf *space, size_t *lines)
{
	for (size_t i = *at + 1; i < in.n; i++) {
		if (in.p[i] != '"') {
			*lines += in.p[i] == '\n';
			buf_addc(space, in.p[i]);
			continue;
		}
		if (i + 1 == in.n && !last)
			return END_MORE; /* its twin, or the end of the field? */
		if (i + 1 < in.n && in.p[i + 1] == '"') {
			buf_addc(space, '"');
			i++;
			continue;
		}
		*at = i + 1;
		return END_FIELD;
	}
	return last ? END_BAD : END_MORE;
}

/* The field at *at; moves *at behind the comma or the line's end. */
static enum end field(str in, bool last, size_t *at, struct buf *space, size_t *lines)
{
	bool closed = *at < in.n && in.p[*at] == '"';

	if (closed) {
		enum end e = quoted(in, last, at, space, lines);

		if (e != END_FIELD)
			return e;
	}
	for (; *at < in.n; ++*at) {
		char c = in.p[*at];

		if (c == ',') {
			++*at;
			return END_FIELD;
		}
		if (c == '\n' || (c == '\r' && *at + 1 < in.n && in.p[*at + 1] == '\n')) {
			*at += c == '\r' ? 2 : 1;
			++*lines;
			return END_RECORD;
		}
		if (c == '\r' && *at + 1 == in.n && !last)
			return END_MORE;
		if (closed || c == '"')
			return END_BAD;
		buf_addc(space, c);
	}
	return last ? END_RECORD : END_MORE;
}

/* The space is whole and moves no more: lengths become views. */
static void fill(struct csv_record *out, const struct buf *space, const size_t *ends)
{
	size_t start = 0;

	for (size_t i = 0; i < out->n; start = ends[i++])
		out->fields[i] = str_skip(str_take(buf_str(space), ends[i]), start);
}

err csv_parse(str in, bool last, struct buf *space, struct csv_record *out)
{
	size_t ends[LIM_CSV_FIELDS], at = 0;
	enum end e = END_FIELD;

	buf_reset(space);
	out->n = out->lines = 0;
	if (!in.n)
		return last ? E_EOF : E_AGAIN;
	while (e == END_FIELD) {
		if (out->n == LIM_CSV_FIELDS)
			return fail(E_LIMIT, "a record of more than %d fields", LIM_CSV_FIELDS);
		e = field(in, last, &at, space, &out->lines);
		ends[out->n++] = space->n;
	}
	if (buf_done(space) || at > LIM_CSV_LINE || (e == END_MORE && in.n > LIM_CSV_LINE))
		return fail(E_LIMIT, "a record of more than %zu octets", LIM_CSV_LINE);
	if (e == END_MORE)
		return E_AGAIN;
	if (e == END_BAD)
		return fail(E_SYNTAX, "a quote stands where none belongs, or its twin is missing");
	out->used = at;
	fill(out, space, ends);
	return OK;
}

void csv_print(str f, struct buf *out)
{
	bool plain = true;

	for (size_t i = 0; i < f.n; i++)
		plain &= f.p[i] != '"' && f.p[i] != ',' && f.p[i] != '\r' && f.p[i] != '\n';
	if (plain) {
		buf_add(out, f);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < f.n; i++) {
		if (f.p[i] == '"')
			buf_addc(out, '"');
		buf_addc(out, f.p[i]);
	}
	buf_addc(out, '"');
}
