/* URIs: found in text as mail programs find them, in HTML as links, and made canonical, so that
 * what a browser would open is what rules and lists see. */
#include <string.h>

#include "base/enc.h"
#include "formats/scan/mail.h"

/* ---- references, RFC 3986 5.2 ---- */

struct parts {
	str scheme, authority, path, query, fragment;
	bool has_scheme, has_authority, has_query, has_fragment;
};

static struct parts split(str u)
{
	struct parts p = { 0 };
	size_t n = 0;

	while (n < u.n && !strchr(":/?#", u.p[n]))
		n++;
	if (n && n < u.n && u.p[n] == ':') {
		p.scheme = str_take(u, n);
		p.has_scheme = true;
		u = str_skip(u, n + 1);
	}
	if (str_starts(u, STR("//"))) {
		u = str_skip(u, 2);
		for (n = 0; n < u.n && !strchr("/?#", u.p[n]);)
			n++;
		p.authority = str_take(u, n);
		p.has_authority = true;
		u = str_skip(u, n);
	}
	p.has_fragment = str_find(u, '#') < u.n;
	p.fragment = str_skip(u, str_find(u, '#') + 1);
	u = str_take(u, str_find(u, '#'));
	p.has_query = str_find(u, '?') < u.n;
	p.query = str_skip(u, str_find(u, '?') + 1);
	p.path = str_take(u, str_find(u, '?'));
	return p;
}

/* "." and ".." taken out. */
static str without_dots(struct arena *a, str path)
{
	char *out;
	size_t n = 0;

	if (str_search(path, STR(".")) == path.n || !(out = arena_try(a, path.n + 1, 1)))
		return path;
	if (str_starts(path, STR("../")))
		path = str_skip(path, 2);
	else if (str_starts(path, STR("./")))
		path = str_skip(path, 1);
	while (path.n) {
		str rest = str_skip(path, path.p[0] == '/');
		size_t k = str_find(rest, '/');
		str piece = str_take(rest, k);
		bool rooted = path.p[0] == '/', last = k == rest.n;

		if (rooted && str_eq(piece, STR("."))) {
			path = last ? STR("") : str_skip(rest, k);
			if (last)
				out[n++] = '/';
		} else if (rooted && str_eq(piece, STR(".."))) {
			while (n && out[n - 1] != '/')
				n--;
			n -= n > 0;
			path = last ? STR("") : str_skip(rest, k);
			if (last)
				out[n++] = '/';
		} else {
			memcpy(out + n, path.p, rooted + k);
			n += rooted + k;
			path = str_skip(path, rooted + k);
		}
	}
	return str_of(out, n);
}

static str merged(struct arena *a, const struct parts *base, str path)
{
	if (base->has_authority && !base->path.n)
		return arena_fmt(a, "/%.*s", STRF(path));
	return arena_fmt(a, "%.*s%.*s",
			 STRF(str_take(base->path, str_rfind(base->path, '/') < base->path.n
							   ? str_rfind(base->path, '/') + 1
							   : 0)),
			 STRF(path));
}

static bool numbered(str s, const char *word)
{
	size_t n;

	if (!str_startsi(s, str_z(word)))
		return false;
	for (n = str_z(word).n; n < s.n && s.p[n] >= '0' && s.p[n] <= '9';)
		n++;
	return n < s.n && s.p[n] == '.';
}

static str print_parts(struct arena *a, const struct parts *t)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, 4 * LIM_SCAN_URI);
	if (t->scheme.n)
		buf_fmt(&b, "%.*s:", STRF(t->scheme));
	else if (t->has_authority && numbered(t->authority, "www"))
		buf_add(&b, STR("http:"));
	else if (t->has_authority && numbered(t->authority, "ftp"))
		buf_add(&b, STR("ftp:"));
	if (t->has_authority)
		buf_fmt(&b, "//%.*s", STRF(t->authority));
	buf_add(&b, t->path);
	if (t->has_query)
		buf_fmt(&b, "?%.*s", STRF(t->query));
	if (t->has_fragment)
		buf_fmt(&b, "#%.*s", STRF(t->fragment));
	return arena_dup(a, buf_str(&b));
}

str scan_uri_target(struct arena *a, str base_text, str uri)
{
	struct parts r = split(uri), base = split(base_text), t = { 0 };

	if (r.has_scheme && base.has_scheme && str_eq(r.scheme, base.scheme))
		r.has_scheme = false;
	t = r;
	if (!r.has_scheme) {
		t.scheme = base.scheme;
		if (!r.has_authority) {
			t.authority = base.authority;
			t.has_authority = base.has_authority;
			if (!r.path.n) {
				t.path = base.path;
				if (!r.has_query) {
					t.query = base.query;
					t.has_query = base.has_query;
				}
				return print_parts(a, &t);
			}
			if (r.path.p[0] != '/')
				t.path = merged(a, &base, r.path);
		}
	}
	t.path = without_dots(a, t.path);
	return print_parts(a, &t);
}

/* ---- canonical forms ---- */

struct forms {
	struct scan_mail *m;
	str v[32], todo[16];
	size_t n, ntodo;
};

static void add(struct forms *f, str uri)
{
	if (uri.n > LIM_SCAN_URI) {
		f->m->cut |= SCAN_CUT_URIS;
		uri = str_take(uri, LIM_SCAN_URI);
	}
	for (size_t i = 0; i < f->n; i++) {
		if (str_eq(f->v[i], uri))
			return;
	}
	if (f->n < COUNT(f->v) && uri.p)
		f->v[f->n++] = uri;
}

static void later(struct forms *f, str uri)
{
	for (size_t i = 0; i < f->ntodo; i++) {
		if (str_eq(f->todo[i], uri))
			return;
	}
	if (f->ntodo < COUNT(f->todo))
		f->todo[f->ntodo++] = uri;
}

static int hex(char c)
{
	c = ch_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What needs no % is written without it, what needs it gets one. */
static str percent(struct scan_mail *m, str s)
{
	struct buf b;
	bool any = false;

	for (size_t i = 0; i + 2 < s.n && !any; i++)
		any = s.p[i] == '%' && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
	if (!any)
		return s;
	buf_init(&b, 3 * s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		int high = i + 2 < s.n && c == '%' ? hex(s.p[i + 1]) : -1,
		    low = high >= 0 ? hex(s.p[i + 2]) : -1;

		if (low >= 0) {
			int v = high * 16 + low;

			if (v > 0x20 && v < 0x7f)
				buf_addc(&b, (char)v);
			else
				buf_add(&b, str_take(str_skip(s, i), 3));
			i += 2;
		} else if (c <= ' ' || c >= 127 || strchr("\"%<>", (char)c)) {
			buf_fmt(&b, "%%%02x", c);
		} else {
			buf_addc(&b, (char)c);
		}
	}
	return scan_keep(m, &b);
}

/* &#65; in a link is what it stands for; the many full stops are one. */
static str characters(struct scan_mail *m, str s)
{
	struct buf b;

	if (str_search(s, STR("&#")) == s.n)
		return s;
	buf_init(&b, 2 * s.n + 8);
	while (s.n) {
		size_t at = str_search(s, STR("&#")), end = str_find(str_skip(s, at), ';');
		str ref = str_take(str_skip(s, at), end + 1);
		CLEANUP(buf_free) struct buf c;

		buf_add(&b, str_take(s, at));
		s = str_skip(s, at);
		if (!s.n)
			break;
		buf_init(&c, 64);
		if (ref.n > 3 && ref.n < 16 && ref.p[ref.n - 1] == ';')
			html_add_decoded(&c, ref);
		if (c.n == 1 && c.p[0] > ' ' && c.p[0] < 127) {
			buf_addc(&b, c.p[0]);
			s = str_skip(s, ref.n);
		} else if (str_eq(buf_str(&c), STR("\343\200\202")) ||
			   str_eq(buf_str(&c), STR("\357\274\216")) ||
			   str_eq(buf_str(&c), STR("\357\275\241"))) {
			buf_addc(&b, '.');
			s = str_skip(s, ref.n);
		} else {
			buf_add(&b, STR("&#"));
			s = str_skip(s, 2);
		}
	}
	return scan_keep(m, &b);
}

static bool scheme_like(str s)
{
	size_t n = 0;

	while (n < s.n && ((ch_lower(s.p[n]) >= 'a' && ch_lower(s.p[n]) <= 'z') ||
			   (s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '-' || s.p[n] == '_'))
		n++;
	return n && n < s.n && s.p[n] == ':';
}

static void mail_address(struct forms *f, str uri)
{
	size_t at = str_find(uri, '@'), end;
	str tail = str_skip(uri, at + 1), address;

	if (at == uri.n)
		return;
	end = str_find(tail, '?');
	if (end < tail.n)
		add(f, str_take(uri, at + 1 + end));
	end = str_find(str_take(tail, end), '&');
	if (end < str_find(tail, '?') && end < tail.n)
		add(f, str_take(uri, at + 1 + end));
	if (str_search(uri, STR("%20")) < uri.n) {
		address = str_startsi(uri, STR("mailto:")) ? str_skip(uri, 7) : uri;
		while (str_starts(address, STR("%20")))
			address = str_skip(address, 3);
		for (end = 0; end < address.n && !strchr("?&%", address.p[end]);)
			end++;
		if (str_find(address, '@') < end)
			add(f, arena_fmt(f->m->a, "mailto:%.*s", STRF(str_take(address, end))));
	}
	end = str_find(uri, '<');
	if (end < at && str_find(uri, '>') > at && str_find(uri, '>') < uri.n)
		add(f, arena_fmt(f->m->a, "mailto:%.*s",
				 STRF(str_take(str_skip(uri, end + 1),
					       str_find(uri, '>') - end - 1))));
}

/* "0x7f.1.2.3", "2130706433": an address as a browser takes it; p NULL: none. */
static str numeric_host(struct arena *a, str host)
{
	uint64_t v[4] = { 0 };
	size_t n = 0;
	str piece, rest = host;

	while (str_next(&rest, '.', &piece)) {
		bool is_hex = str_startsi(piece, STR("0x")),
		     octal = !is_hex && piece.n > 1 && piece.p[0] == '0';
		str digits = str_skip(piece, is_hex ? 2 : 0);

		if (n == 4 || !digits.n || digits.n > 12)
			return (str){ NULL, 0 };
		for (size_t i = 0; i < digits.n; i++) {
			int d = hex(digits.p[i]);

			if (d < 0 || (!is_hex && d > 9))
				return (str){ NULL, 0 };
			v[n] = v[n] * (is_hex ? 16 : octal && d < 8 ? 8 : 10) + (uint64_t)d;
		}
		n++;
	}
	if (n == 1)
		return arena_fmt(a, "%u.%u.%u.%u", (unsigned)(v[0] >> 24 & 255),
				 (unsigned)(v[0] >> 16 & 255), (unsigned)(v[0] >> 8 & 255),
				 (unsigned)(v[0] & 255));
	return n == 4 ? arena_fmt(a, "%llu.%llu.%llu.%llu", (unsigned long long)v[0],
				  (unsigned long long)v[1], (unsigned long long)v[2],
				  (unsigned long long)v[3])
		      : (str){ NULL, 0 };
}

/* A link inside a link: what a redirector leads to. */
static void redirected(struct forms *f, str rest)
{
	size_t at = str_searchi(rest, STR("http:"));
	size_t tls = str_searchi(rest, STR("https:"));
	str uri;

	at = at < tls ? at : tls;
	uri = str_skip(rest, at);
	if (!uri.n)
		return;
	uri = str_take(uri, str_find(uri, '&'));
	uri = str_take(uri, str_find(uri, '#'));
	if (str_find(uri, '.') < uri.n)
		later(f, uri);
}

static void host_forms(struct forms *f, str scheme, str host, str rest, bool login)
{
	struct arena *a = f->m->a;
	str ascii = scan_ascii_host(a, host), number, port, plain = rest;

	if (str_starts(rest, STR(":"))) {
		size_t n = 1;

		while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
			n++;
		port = str_take(str_skip(rest, 1), n - 1);
		if (str_eq(port, str_eqi(scheme, STR("http://")) ? STR("80") : STR("443"))) {
			plain = str_skip(rest, n);
			add(f, arena_fmt(a, "%.*s%.*s%.*s", STRF(scheme), STRF(host), STRF(plain)));
		}
	} else {
		port = STR("");
	}
	if (ascii.n && !str_eqi(ascii, host)) {
		add(f, arena_fmt(a, "%.*s%.*s%.*s", STRF(scheme), STRF(ascii), STRF(rest)));
		host = ascii;
	}
	redirected(f, rest);
	while (host.n &&
	       !((ch_lower(host.p[host.n - 1]) >= 'a' && ch_lower(host.p[host.n - 1]) <= 'z') ||
		 (host.p[host.n - 1] >= '0' && host.p[host.n - 1] <= '9'))) {
		host.n--;
		if (host.n)
			add(f, arena_fmt(a, "%.*s%.*s%.*s", STRF(scheme), STRF(host), STRF(rest)));
	}
	number = numeric_host(a, host);
	if (number.p) {
		add(f, arena_fmt(a, "%.*s%.*s%.*s", STRF(scheme), STRF(number), STRF(rest)));
	} else if (!login && !port.n && str_eqi(scheme, STR("http://")) &&
		   !str_eqi(host, STR("localhost")) && !scan_host_valid(host)) {
		str one = str_startsi(host, STR("www.")) ? str_skip(host, 4) : host;

		if (one.n && str_find(one, '.') == one.n)
			add(f, arena_fmt(a, "%.*swww.%.*s.com%.*s", STRF(scheme), STRF(one),
					 STRF(rest)));
	}
}

static str without_lines(struct scan_mail *m, str s)
{
	struct buf b;

	s = str_trim_ws(s);
	if (str_find(s, '\n') == s.n && str_find(s, '\r') == s.n)
		return s;
	buf_init(&b, s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\n' && s.p[i] != '\r')
			buf_addc(&b, s.p[i]);
	}
	return scan_keep(m, &b);
}

static str slashes(struct scan_mail *m, str s)
{
	char *p;
	size_t scheme = str_startsi(s, STR("https:"))  ? 6
			: str_startsi(s, STR("http:")) ? 5
						       : 0,
	       n = 0;

	if (!scheme && str_find(s, '\\') == s.n)
		return s;
	p = arena_try(m->a, s.n + 3, 1);
	if (!p)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		p[n++] = s.p[i] == '\\' ? '/' : s.p[i];
		if (scheme && n == scheme) { /* however many there are, two are meant */
			unsigned skip = 0;

			while (skip < 2 && i + 1 < s.n &&
			       (s.p[i + 1] == '/' || s.p[i + 1] == '\\')) {
				i++;
				skip++;
			}
			p[n++] = '/';
			p[n++] = '/';
			scheme = 0;
		}
	}
	return str_of(p, n);
}

/* "http://host?x" means "http://host/?x". */
static str with_path(struct scan_mail *m, str s, size_t scheme)
{
	str host = str_skip(s, scheme);
	size_t n = 0;

	while (n < host.n && !strchr("/?#", host.p[n]))
		n++;
	if (!n || n == host.n || host.p[n] == '/')
		return s;
	return arena_fmt(m->a, "%.*s/%.*s", STRF(str_take(s, scheme + n)), STRF(str_skip(host, n)));
}

static void one_uri(struct forms *f, str uri)
{
	struct scan_mail *m = f->m;
	str u, scheme, host, rest;
	size_t n = 0, login, len;

	uri = without_lines(m, uri);
	if (uri.n <= 1 || strchr("#?&", uri.p[0]) || (uri.p[0] == '/' && uri.p[1] != '/'))
		return;
	add(f, uri);
	if (str_startsi(uri, STR("mailto:")) || str_find(uri, '@') < str_find(uri, ':')) {
		mail_address(f, uri);
		return;
	}
	u = percent(m, slashes(m, uri));
	if (!scheme_like(u))
		u = arena_fmt(m->a, "%s%.*s", str_starts(u, STR("ftp.")) ? "ftp://" : "http://",
			      STRF(u));
	len = str_startsi(u, STR("https://")) ? 8 : str_startsi(u, STR("http://")) ? 7 : 0;
	if (len)
		u = with_path(m, u, len);
	u = characters(m, u);
	add(f, u);
	if (!len || u.n <= len)
		return;
	scheme = str_take(u, len);
	host = str_skip(u, len);
	while (n < host.n && !strchr("/?#", host.p[n]))
		n++;
	login = str_rfind(str_take(host, n), '@');
	if (login < n) {
		host = str_skip(host, login + 1);
		n -= login + 1;
	}
	len = str_find(str_take(host, n), ':');
	rest = str_skip(host, len);
	host = str_take(host, len);
	if (login < str_skip(u, scheme.n).n && login != n)
		add(f, arena_fmt(m->a, "%.*s%.*s%.*s", STRF(scheme), STRF(host), STRF(rest)));
	if (host.n)
		host_forms(f, scheme, host, rest, login < n);
}

/* ---- hosts of an URI ---- */

static bool is_ip(str host)
{
	str piece, rest = host;
	unsigned n = 0;
	uint64_t v;

	while (str_next(&rest, '.', &piece)) {
		if (str_u64(piece, 255, &v) || ++n > 4)
			return false;
	}
	return n == 4;
}

static str host_of(struct arena *a, str uri)
{
	size_t n = 0;

	if (str_startsi(uri, STR("javascript:")) || str_startsi(uri, STR("cid:")) ||
	    str_startsi(uri, STR("file:")))
		return STR("");
	if (str_startsi(uri, STR("mailto:"))) {
		uri = str_take(uri, str_find(uri, '?'));
		if (str_find(uri, '@') != str_rfind(uri, '@') || str_find(uri, '@') == uri.n)
			return STR("");
		uri = str_skip(uri, str_find(uri, '@') + 1);
	} else {
		while (n < uri.n && ch_lower(uri.p[n]) >= 'a' && ch_lower(uri.p[n]) <= 'z')
			n++;
		if (n && n < uri.n && uri.p[n] == ':') {
			uri = str_skip(uri, n + 1);
			for (n = 0; n < 2 && uri.n && uri.p[0] == '/'; n++)
				uri = str_skip(uri, 1);
		}
		for (n = 0; n < uri.n && !strchr("/?#", uri.p[n]);)
			n++;
		uri = str_take(uri, n);
		if (str_rfind(uri, '@') < uri.n)
			uri = str_skip(uri, str_rfind(uri, '@') + 1);
		n = str_rfind(uri, ':');
		uri = str_take(uri, n);
	}
	uri = scan_ascii_host(a, uri);
	return is_ip(uri) || scan_host_valid(uri) ? uri : STR("");
}

/* ---- the list ---- */

struct listing {
	struct scan_mail *m;
	struct scan_uri *v;
	size_t n;
};

static bool once(struct scan_strs *list, str s)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_eq(list->v[i], s))
			return false;
	}
	return true;
}

static void append(struct scan_mail *m, struct scan_strs *list, str s)
{
	str *v;

	if (!once(list, s) || !(v = NEW_TRY(m->a, str, list->n + 1)))
		return;
	if (list->n)
		memcpy(v, list->v, list->n * sizeof *v);
	v[list->n++] = s;
	list->v = v;
}

static struct scan_uri *entry(struct listing *l, str uri)
{
	for (size_t i = 0; i < l->n; i++) {
		if (str_eq(l->v[i].uri, uri))
			return &l->v[i];
	}
	if (l->n == LIM_SCAN_URIS) {
		l->m->cut |= SCAN_CUT_URIS;
		return NULL;
	}
	l->v[l->n] = (struct scan_uri){ .uri = arena_dup(l->m->a, uri) };
	return &l->v[l->n++];
}

static struct scan_uri *list_uri(struct listing *l, str uri, unsigned kinds, bool must_be_host)
{
	struct forms f = { .m = l->m };
	struct scan_strs hosts = { 0 }, domains = { 0 };
	struct scan_uri *u;

	if (kinds & SCAN_URI_DKIM) {
		add(&f, uri);
	} else {
		later(&f, uri);
		for (size_t i = 0; i < f.ntodo; i++)
			one_uri(&f, f.todo[i]);
	}
	for (size_t i = 0; i < f.n; i++) {
		str host = host_of(l->m->a, f.v[i]),
		    domain = host.n ? scan_registered_domain(host) : STR("");

		if (!host.n)
			continue;
		append(l->m, &hosts, host);
		append(l->m, &domains, domain.n ? domain : host);
	}
	if (!f.n || (must_be_host && !hosts.n) || !(u = entry(l, uri)))
		return NULL;
	u->kinds |= kinds;
	for (size_t i = 0; i < f.n && !(kinds & SCAN_URI_DKIM); i++)
		append(l->m, &u->clean, f.v[i]);
	for (size_t i = 0; i < hosts.n; i++)
		append(l->m, &u->hosts, hosts.v[i]);
	for (size_t i = 0; i < domains.n; i++)
		append(l->m, &u->domains, domains.v[i]);
	return u;
}

/* ---- in text, as Thunderbird finds them ---- */

static bool in_set(char c, const char *set)
{
	return c && strchr(set, c);
}

static bool end_mark(char c)
{
	return in_set(c, "><\"`}]{[| \t\n\r\f\v\033\240");
}

static bool end_mark_mail(char c)
{
	return end_mark(c) || in_set(c, ",('") || (unsigned char)c >= 0x80;
}

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || (ch_lower(c) >= 'a' && ch_lower(c) <= 'z') || c == '_';
}

static size_t run(str s, bool (*stop)(char), size_t max)
{
	size_t n = 0;

	while (n < s.n && n < max && !stop(s.p[n]))
		n++;
	return n;
}

/* "http://...", "www3.example...": octets, 0: none. */
static size_t known_scheme(str s)
{
	static const str schemes[] = { S("http://"), S("https://"), S("ftp://"), S("ftp.") };
	size_t head = 0;

	for (size_t i = 0; i < COUNT(schemes) && !head; i++) {
		if (str_startsi(s, schemes[i]))
			head = schemes[i].n;
	}
	if (!head && str_startsi(s, STR("www"))) {
		size_t n = 3;

		while (n < s.n && n < 5 && s.p[n] >= '0' && s.p[n] <= '9')
			n++;
		if (n < s.n && s.p[n] == '.')
			head = n + 1;
	}
	if (!head)
		return 0;
	size_t n = run(str_skip(s, head), end_mark, 2048);

	return n && (head + n == s.n || end_mark(s.p[head + n])) ? head + n : 0;
}

static size_t mail_scheme(str s)
{
	size_t n, m;

	if (str_startsi(s, STR("mailto:"))) {
		n = 7 + run(str_skip(s, 7), end_mark_mail, 2048);
		return n > 7 ? n : 0;
	}
	for (n = 0; n < s.n && n < 252 && !end_mark_mail(s.p[n]) && s.p[n] != '@';)
		n++;
	if (!n || n > 251 || n >= s.n || s.p[n] != '@')
		return 0;
	m = run(str_skip(s, n + 1), end_mark_mail, 251);
	return m ? n + 1 + m : 0;
}

static bool host_byte(char c)
{
	return word_byte(c) || c == '.' || c == '-';
}

static bool alnum(char c)
{
	return word_byte(c) && c != '_';
}

static size_t no_scheme(str s)
{
	size_t n = 0, m;
	str host;

	if (!s.n || !alnum(s.p[0]))
		return 0;
	while (n < s.n && n < 300 && host_byte(s.p[n]))
		n++;
	host = str_take(s, n);
	if (host.p[host.n - 1] == '.')
		host.n--;
	if (host.n > 253 || str_rfind(host, '.') == host.n ||
	    !scan_known_top(str_skip(host, str_rfind(host, '.') + 1)))
		return 0;
	if (n < s.n && s.p[n] == ':') {
		for (m = 1; m < 6 && n + m < s.n && s.p[n + m] >= '0' && s.p[n + m] <= '9';)
			m++;
		n += m > 1 ? m : 0;
	}
	if (n < s.n && s.p[n] == '/') {
		m = run(str_skip(s, n + 1), end_mark, 2048);
		n += m ? 1 + m : 0;
	}
	return n == s.n || end_mark(s.p[n]) ? n : 0;
}

static void text_uri(struct listing *l, str raw, bool mail, bool schemeless)
{
	struct arena *a = l->m->a;
	unsigned kinds = SCAN_URI_PARSED;
	size_t open = str_find(raw, '('), close = str_find(raw, ')');
	str uri;

	if (close < open)
		raw = str_take(raw, close);
	while (raw.n && in_set(raw.p[raw.n - 1], "-~!@#^&*()_+=:;'?,."))
		raw.n--;
	if (!raw.n || (mail && str_find(raw, '@') == raw.n) || str_startsi(raw, STR("cid:")) ||
	    str_startsi(raw, STR("mid:")))
		return;
	if (schemeless && !scan_host_valid(str_take(raw, run(raw, end_mark,
							     str_find(raw, '/') < str_find(raw, ':')
								     ? str_find(raw, '/')
								     : str_find(raw, ':')))))
		return;
	uri = raw;
	if (!str_startsi(raw, STR("http:")) && !str_startsi(raw, STR("https:")) &&
	    !str_startsi(raw, STR("ftp:")) && !str_startsi(raw, STR("mailto:"))) {
		size_t at = str_rfind(raw, '@');

		if (str_startsi(raw, STR("ftp."))) {
			uri = arena_fmt(a, "ftp://%.*s", STRF(raw));
		} else if (numbered(raw, "www") || str_find(raw, '/') + 1 < at) {
			if (at < raw.n || numbered(raw, "www"))
				uri = arena_fmt(a, "http://%.*s", STRF(raw));
		}
		if (uri.p == raw.p && at < raw.n) {
			if (str_find(str_skip(raw, at + 2), '.') == str_skip(raw, at + 2).n ||
			    str_search(raw, STR("&nbsp;")) < raw.n)
				return;
			while (str_starts(raw, STR(":")))
				raw = str_skip(raw, 1);
			uri = arena_fmt(a, "mailto:%.*s", STRF(raw));
		} else if (uri.p == raw.p) {
			if (str_find(raw, '.') == raw.n)
				return;
			uri = arena_fmt(a, "http://%.*s", STRF(raw));
			kinds |= SCAN_URI_UNLINKED;
		}
	}
	if (str_startsi(uri, STR("mailto:"))) {
		str host;

		uri = percent(l->m, uri);
		host = str_skip(uri, str_find(uri, '@') + 1);
		host = str_take(host, str_find(host, '?'));
		host = str_take(host, str_find(host, '&'));
		while (str_ends(host, STR("%20")))
			host.n -= 3;
		if (!scan_known_top(str_skip(host, str_rfind(host, '.') + 1)))
			return;
	}
	(void)list_uri(l, uri, kinds, true);
}

static bool may_start(str text, size_t at)
{
	char before = at ? text.p[at - 1] : '\n';

	return word_byte(before) != word_byte(text.p[at]) ||
	       in_set(before, "><\"'`,{[(| \t\n\r\f\v\033\240");
}

static bool may_start_host(str text, size_t at)
{
	return !at || in_set(text.p[at - 1], "!\"#$&'()*+,/:;<=>?@[\\]^`{|}~ \t\n\r\f\v\033\240");
}

static void text_uris(struct listing *l, str text)
{
	size_t at = 0, dead = 0; /* no '@' of an address before this one */

	while (at < text.n) {
		str here = str_skip(text, at);
		size_t n;

		if (end_mark(text.p[at]) || !may_start(text, at)) {
			at++;
			continue;
		}
		n = known_scheme(here);
		if (n) {
			text_uri(l, str_take(here, n), false, false);
			at += n;
			continue;
		}
		n = at >= dead ? mail_scheme(here) : 0;
		if (n) {
			text_uri(l, str_take(here, n), true, false);
			at += n;
			continue;
		}
		if (at >= dead) { /* the word ahead has none */
			n = 0;
			while (n < here.n && !end_mark_mail(here.p[n]) && here.p[n] != '@')
				n++;
			if (n <= 251)
				dead = at + n;
		}
		n = may_start_host(text, at) ? no_scheme(here) : 0;
		if (n)
			text_uri(l, str_take(here, n), false, true);
		at += n ? n : 1;
	}
}

static void html_uris(struct listing *l, const struct scan_html *h)
{
	for (size_t i = 0; i < h->nuris; i++) {
		const struct scan_html_uri *f = &h->uris[i];
		struct scan_uri *u = list_uri(l, f->uri, f->kinds, false);

		for (size_t k = 0; u && k < f->anchors.n; k++)
			append(l->m, &u->anchors, f->anchors.v[k]);
	}
}

static void dkim_uris(struct listing *l, const char *name)
{
	struct scan_strs v = scan_headers(l->m, str_z(name), false);

	for (size_t i = 0; i < v.n; i++) {
		str rest = v.v[i], tag, key, value;

		while (str_next(&rest, ';', &tag)) {
			if (str_cut(tag, '=', &key, &value) && str_eqi(str_trim_ws(key), STR("d")))
				(void)list_uri(l,
					       arena_fmt(l->m->a, "domainkeys:%.*s",
							 STRF(str_trim_ws(value))),
					       SCAN_URI_DKIM, true);
		}
	}
}

struct scan_uris scan_uris(struct scan_mail *m)
{
	struct listing l = { .m = m };
	struct scan_strs body;

	if (m->has_uris)
		return m->uris;
	m->has_uris = true;
	l.v = NEW_TRY(m->a, struct scan_uri, LIM_SCAN_URIS);
	if (!l.v)
		return m->uris;
	body = scan_body(m);
	for (size_t i = 0; i < body.n; i++)
		text_uris(&l, body.v[i]);
	for (size_t i = 0; i < m->nhtmls; i++)
		html_uris(&l, &m->htmls[i]);
	dkim_uris(&l, "DomainKey-Signature");
	dkim_uris(&l, "DKIM-Signature");
	m->uris = (struct scan_uris){ l.v, l.n };
	return m->uris;
}
