#include "formats/scan/html_view.h"

struct reference {
	str scheme, authority, path, query, fragment; /* p NULL: not there */
};

static struct reference take_apart(str s)
{
	static const str none = { NULL, 0 };
	struct reference r = { none, none, none, none, none };
	size_t n = 0;

	while (n < s.n && s.p[n] != ':' && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	if (n && n < s.n && s.p[n] == ':') {
		r.scheme = str_take(s, n);
		s = str_skip(s, n + 1);
	}
	if (str_starts(s, STR("//"))) {
		s = str_skip(s, 2);
		for (n = 0; n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#'; n++)
			;
		r.authority = str_of(s.p, n);
		s = str_skip(s, n);
	}
	for (n = 0; n < s.n && s.p[n] != '?' && s.p[n] != '#'; n++)
		;
	r.path = str_of(s.n ? s.p : "", n);
	s = str_skip(s, n);
	if (s.n && s.p[0] == '?') {
		n = str_find(s, '#');
		r.query = str_of(s.p + 1, n - 1);
		s = str_skip(s, n);
	}
	if (s.n && s.p[0] == '#') {
		r.fragment = str_of(s.p + 1, str_find(str_skip(s, 1), '\n'));
	}
	return r;
}

static bool dots_only(str s, size_t n)
{
	if (s.n < n + 1 || s.p[0] != '/')
		return false;
	for (size_t i = 1; i <= n; i++)
		if (s.p[i] != '.')
			return false;
	return s.n == n + 1 || s.p[n + 1] == '/';
}

/* RFC 3986 5.2.4. */
static str without_dots(struct scan_mail *m, str in)
{
	struct out o;
	size_t n;

	if (str_search(in, STR("./")) == in.n && !str_ends(in, STR("/.")) &&
	    !str_ends(in, STR("/..")))
		return in;
	if (!view_out(m, &o, in.n + 1))
		return in;
	if (str_starts(in, STR("./")))
		in = str_skip(in, 1);
	else if (str_starts(in, STR("../")))
		in = str_skip(in, 2);
	while (in.n) {
		if (dots_only(in, 1)) {
			in = in.n == 2 ? STR("/") : str_skip(in, 2);
		} else if (dots_only(in, 2)) {
			in = in.n == 3 ? STR("/") : str_skip(in, 3);
			while (o.n && o.p[o.n - 1] != '/')
				o.n--;
			o.n -= o.n > 0;
		} else {
			n = 1 + str_find(str_skip(in, 1), '/');
			out_add(&o, str_take(in, n));
			in = str_skip(in, n);
		}
	}
	return out_str(&o);
}

static str merge(struct scan_mail *m, const struct reference *base, str path)
{
	struct out o;
	str before = base->authority.p && !base->path.n ? STR("/") : base->path;
	size_t slash = str_rfind(before, '/');

	before = slash < before.n ? str_take(before, slash + 1) : STR("");
	if (!view_out(m, &o, before.n + path.n))
		return path;
	out_add(&o, before);
	out_add(&o, path);
	return out_str(&o);
}

static bool like_host(str s, str start)
{
	size_t i = start.n;

	if (!str_startsi(s, start))
		return false;
	while (i < s.n && ch_digit(s.p[i]))
		i++;
	return i < s.n && s.p[i] == '.';
}

static str put_together(struct scan_mail *m, const struct reference *t)
{
	struct out o;

	if (!view_out(m, &o,
		      t->scheme.n + t->authority.n + t->path.n + t->query.n + t->fragment.n + 16))
		return STR("");
	if (t->scheme.n) {
		out_add(&o, t->scheme);
		out_c(&o, ':');
	} else if (t->authority.p) { /* left out to pass filters */
		if (like_host(t->authority, STR("www")))
			out_add(&o, STR("http:"));
		else if (like_host(t->authority, STR("ftp")))
			out_add(&o, STR("ftp:"));
	}
	if (t->authority.p) {
		out_add(&o, STR("//"));
		out_add(&o, t->authority);
	}
	out_add(&o, t->path);
	if (t->query.p) {
		out_c(&o, '?');
		out_add(&o, t->query);
	}
	if (t->fragment.p) {
		out_c(&o, '#');
		out_add(&o, t->fragment);
	}
	return out_str(&o);
}

str view_target(struct scan_mail *m, str base, str ref)
{
	struct reference b = take_apart(base), r = take_apart(ref), t = r;

	if (r.scheme.p && b.scheme.p && str_eq(r.scheme, b.scheme))
		r.scheme.p = NULL;
	if (r.scheme.p || r.authority.p) {
		t.path = without_dots(m, r.path);
		if (!r.scheme.p)
			t.scheme = b.scheme;
		return put_together(m, &t);
	}
	t.scheme = b.scheme;
	t.authority = b.authority;
	if (!r.path.n) {
		t.path = b.path;
		t.query = r.query.p ? r.query : b.query;
	} else {
		t.path = without_dots(m, r.path.p[0] == '/' ? r.path : merge(m, &b, r.path));
	}
	return put_together(m, &t);
}
