#include <string.h>

#include "formats/scan/view.h"

bool view_out(struct scan_mail *m, struct out *o, size_t cap)
{
	o->n = 0;
	o->cap = cap;
	o->p = cap ? arena_try(m->a, cap, 1) : NULL;
	if (cap && !o->p) {
		m->cut |= SCAN_CUT_ARENA;
		o->cap = 0;
		return false;
	}
	return true;
}

void out_add(struct out *o, str s)
{
	if (s.n > o->cap - o->n)
		s.n = o->cap - o->n;
	if (s.n)
		memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

void out_cp(struct out *o, uint32_t cp)
{
	if (cp < 0x80) {
		out_c(o, (char)cp);
		return;
	}
	if (o->cap - o->n < (cp < 0x800 ? 2u : cp < 0x10000 ? 3u : 4u))
		return;
	if (cp < 0x800) {
		o->p[o->n++] = (char)(0xc0 | cp >> 6);
	} else {
		if (cp < 0x10000) {
			o->p[o->n++] = (char)(0xe0 | cp >> 12);
		} else {
			o->p[o->n++] = (char)(0xf0 | (cp >> 18 & 7));
			o->p[o->n++] = (char)(0x80 | (cp >> 12 & 0x3f));
		}
		o->p[o->n++] = (char)(0x80 | (cp >> 6 & 0x3f));
	}
	o->p[o->n++] = (char)(0x80 | (cp & 0x3f));
}

str view_dup(struct scan_mail *m, str s)
{
	str d = s.n ? arena_dup(m->a, s) : STR("");

	if (!d.p) {
		m->cut |= SCAN_CUT_ARENA;
		return STR("");
	}
	return d;
}

void view_push(struct scan_mail *m, struct view_list *l, str s)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		str *v = NEW_TRY(m->a, str, cap);

		if (!v) {
			m->cut |= SCAN_CUT_ARENA;
			return;
		}
		if (l->n)
			memcpy(v, l->v, l->n * sizeof(*v));
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = s;
}

str view_lower(struct scan_mail *m, str s)
{
	struct out o;

	if (!view_out(m, &o, s.n))
		return STR("");
	for (size_t i = 0; i < s.n; i++)
		out_c(&o, ch_lower(s.p[i]));
	return out_str(&o);
}

size_t view_find_from(str s, char c, size_t from)
{
	return from >= s.n ? s.n : from + str_find(str_skip(s, from), c);
}

bool view_line(str *rest, str *line)
{
	size_t n = str_find(*rest, '\n');

	if (rest->n == 0)
		return false;
	*line = str_take(*rest, n == rest->n ? n : n + 1);
	*rest = str_skip(*rest, line->n);
	return true;
}

/* SpamAssassin looks at the first and the last line to know how lines end. */
static bool has_crlf(str s)
{
	size_t n = str_find(s, '\n');

	if (n == s.n)
		return false;
	if (n && s.p[n - 1] == '\r')
		return true;
	return str_ends(s, STR("\r\n"));
}

str view_no_cr(struct scan_mail *m, str in)
{
	struct out o;

	if (str_search(in, STR("\r\n")) == in.n)
		return in;
	if (!view_out(m, &o, in.n))
		return STR("");
	for (size_t i = 0; i < in.n; i++)
		if (in.p[i] != '\r' || i + 1 == in.n || in.p[i + 1] != '\n')
			out_c(&o, in.p[i]);
	return out_str(&o);
}

struct scan_mail *scan_mail_new(struct arena *a, str message, const struct scan_envelope *env,
				const struct scan_networks *nets)
{
	struct scan_mail *m = NEW(a, struct scan_mail);

	m->a = a;
	m->env = env;
	m->nets = nets;
	m->full = has_crlf(message) ? view_no_cr(m, message) : message;
	if (m->full.n == 0)
		m->full = STR("\n");
	m->root = view_parse(m);
	return m;
}

void scan_use_lists(struct scan_mail *m, const struct scan_lists *l)
{
	m->lists = l;
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
	return &m->root->mime;
}

str scan_full(struct scan_mail *m)
{
	return m->full;
}

str scan_pristine_header(struct scan_mail *m)
{
	return m->head;
}

str scan_pristine_body(struct scan_mail *m)
{
	return m->body;
}

unsigned scan_cut(const struct scan_mail *m)
{
	return m->cut;
}

unsigned scan_flags(struct scan_mail *m)
{
	return m->flags;
}
