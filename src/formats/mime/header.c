#include "formats/mime/header.h"

#include <string.h>

#include "formats/mime/lex.h"

struct mime_fields mime_fields(str header)
{
	struct mime_fields it = { .rest = str_take(header, LIM_MIME_HEADER),
				  .left = LIM_MIME_FIELDS };

	if (it.rest.n < header.n)
		it.defects |= MIME_D_HEADER_CUT;
	return it;
}

static str take_line(str *rest)
{
	size_t n = str_find(*rest, '\n');
	str line = str_take(*rest, n + 1);

	*rest = str_skip(*rest, line.n);
	return line;
}

static str without_eol(str line)
{
	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

bool mime_field(struct mime_fields *it, struct mime_field *f)
{
	size_t colon;

	for (;;) {
		str line = take_line(&it->rest);

		if (!without_eol(line).n) /* the empty line, or the end */
			return false;
		if (!mime_is_field(line, &colon)) {
			it->defects |= MIME_D_FIELD;
			continue;
		}
		if (it->left == 0) {
			it->defects |= MIME_D_HEADER_CUT;
			return false;
		}
		it->left--;
		while (it->rest.n && (it->rest.p[0] == ' ' || it->rest.p[0] == '\t'))
			line.n += take_line(&it->rest).n;
		f->raw = line;
		f->name = str_trim(str_take(line, colon));
		f->value = without_eol(str_skip(line, colon + 1));
		return true;
	}
}

bool mime_find(str header, str name, struct mime_field *f)
{
	struct mime_fields it = mime_fields(header);

	while (mime_field(&it, f))
		if (str_eqi(f->name, name))
			return true;
	return false;
}

void mime_unfold(struct buf *out, str value)
{
	value = str_trim_ws(value);
	while (value.n) {
		size_t n = 0;

		while (n < value.n && value.p[n] != '\r' && value.p[n] != '\n')
			n++;
		buf_add(out, str_take(value, n));
		value = str_skip(value, n + 1);
	}
}

static bool has_eol(str s)
{
	return str_find(s, '\n') < s.n || str_find(s, '\r') < s.n;
}

str mime_unfolded(struct arena *a, str value)
{
	value = str_trim_ws(value);
	if (!value.n)
		return STR("");
	if (!has_eol(value))
		return value;
	char *p = arena_try(a, value.n, 1);
	size_t n = 0;

	for (size_t i = 0; p && i < value.n; i++)
		if (value.p[i] != '\r' && value.p[i] != '\n')
			p[n++] = value.p[i];
	return (str){ p, n };
}

str mime_decoded(struct arena *a, str value)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, LIM_MIME_HEADER);
	(void)mime_decode_words(&b, value);
	str s = arena_dup(a, buf_str(&b));

	return s.p ? s : STR("");
}

str mime_header_text(struct arena *a, str header, str name)
{
	struct mime_field f;

	return mime_find(header, name, &f) ? mime_decoded(a, f.value) : STR("");
}
