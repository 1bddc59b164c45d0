/* A header taken apart as SpamAssassin does: lenient, and with its limits. */
#include <string.h>

#include "formats/scan/view.h"

void view_add_field(struct scan_mail *m, struct view_fields *f, str name, str raw)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		struct view_field *v =
			f->n < LIM_SCAN_FIELDS ? NEW_TRY(m->a, struct view_field, cap) : NULL;

		if (!v) {
			m->cut |= SCAN_CUT_ARENA;
			return;
		}
		if (f->n)
			memcpy(v, f->v, f->n * sizeof(*v));
		f->v = v;
		f->cap = cap;
	}
	f->v[f->n++] = (struct view_field){ .name = name, .raw = raw };
}

/* Line breaks of folds become one space, white space at both ends goes. */
static str unfold(struct scan_mail *m, str raw)
{
	struct out o;

	raw = str_trim_ws(raw);
	while (raw.n && is_space(raw.p[0]))
		raw = str_skip(raw, 1);
	while (raw.n && is_space(raw.p[raw.n - 1]))
		raw.n--;
	if (str_find(raw, '\n') == raw.n)
		return raw;
	if (!view_out(m, &o, raw.n))
		return STR("");
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\n' && i + 1 < raw.n &&
		    (raw.p[i + 1] == ' ' || raw.p[i + 1] == '\t')) {
			out_c(&o, ' ');
			while (i + 1 < raw.n && (raw.p[i + 1] == ' ' || raw.p[i + 1] == '\t'))
				i++;
		} else {
			out_c(&o, raw.p[i]);
		}
	}
	return out_str(&o);
}

str view_value(struct scan_mail *m, struct view_field *f)
{
	if (!f->value.p)
		f->value = view_decode_words(m, unfold(m, f->raw), f->name);
	return f->value;
}

str view_last(struct scan_mail *m, struct view_fields *f, str name, bool *found)
{
	for (size_t i = f->n; i-- > 0;)
		if (str_eqi(f->v[i].name, name)) {
			if (found)
				*found = true;
			return view_value(m, &f->v[i]);
		}
	if (found)
		*found = false;
	return STR("");
}

static bool name_char(char c)
{
	return c > ' ' && c < 127 && c != ':';
}

/* A field's name, perhaps white space, and a colon. */
static bool is_field(str line)
{
	size_t i = 0;

	while (i < line.n && name_char(line.p[i]))
		i++;
	if (i == 0)
		return false;
	while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
		i++;
	return i < line.n && line.p[i] == ':';
}

static void add(struct scan_mail *m, struct view_fields *f, str field, unsigned *flags)
{
	str name, raw;

	if (!str_cut(field, ':', &name, &raw))
		return;
	while (name.n && (name.p[name.n - 1] == ' ' || name.p[name.n - 1] == '\t'))
		name.n--;
	if (name.n > LIM_SCAN_NAME || raw.n > LIM_SCAN_VALUE)
		*flags |= SCAN_FLAG_HEADER_TRUNCATED;
	view_add_field(m, f, str_take(name, LIM_SCAN_NAME), str_take(raw, LIM_SCAN_VALUE));
}

/* "From " of a mailbox file. */
static bool is_mbox(str line)
{
	size_t i = 4;

	if (!str_starts(line, STR("From")) || line.n < 6 || !is_space(line.p[4]))
		return false;
	while (i < line.n && is_space(line.p[i]))
		i++;
	/* the white space may be given back, so only one blank before a colon is a field */
	return i < line.n ? line.p[i] != ':' || i > 5 : true;
}

struct view_fields view_read_head(struct scan_mail *m, str message, str *head, str *body,
				  unsigned *flags)
{
	struct view_fields f = { .n = 0 };
	str rest = message, line, field = STR("");
	unsigned wrong = 0;

	if (view_line(&rest, &line) && is_mbox(line))
		message = rest;
	rest = message;
	for (;;) {
		str before = rest;
		bool more = view_line(&rest, &line);

		if (more && (line.p[0] == ' ' || line.p[0] == '\t')) {
			field = field.n ? str_of(field.p, field.n + line.n) : line;
			continue;
		}
		if (field.n)
			add(m, &f, field, flags);
		if (!more) {
			*flags |= SCAN_FLAG_HEAD_SEPARATOR;
			break;
		}
		if (str_eq(line, STR("\n")))
			break;
		if (str_starts(line, STR("--")) || (!is_field(line) && ++wrong > 3)) {
			*flags |= SCAN_FLAG_HEAD_SEPARATOR;
			rest = before;
			break;
		}
		field = line;
	}
	*head = str_of(message.p, (size_t)(rest.p - message.p));
	*body = rest;
	return f;
}
