/* The variants of a URI that rules match: what browsers make of it, and where redirectors lead. */
#include <string.h>

#include "formats/scan/view.h"

static void add(struct scan_mail *m, struct view_list *l, str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return;
	if (l->n < LIM_SCAN_VARIANTS)
		view_push(m, l, s);
	else
		m->cut |= SCAN_CUT_URIS;
}

static str cat(struct scan_mail *m, str a, str b, str c, str d)
{
	struct out o;

	if (!view_out(m, &o, a.n + b.n + c.n + d.n))
		return STR("");
	out_add(&o, a);
	out_add(&o, b);
	out_add(&o, c);
	out_add(&o, d);
	return out_str(&o);
}

static str no_line_ends(struct scan_mail *m, str s)
{
	struct out o;

	if (str_find(s, '\n') < s.n || str_find(s, '\r') < s.n) {
		if (!view_out(m, &o, s.n))
			return s;
		for (size_t i = 0; i < s.n; i++)
			if (s.p[i] != '\n' && s.p[i] != '\r')
				out_c(&o, s.p[i]);
		s = out_str(&o);
	}
	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

static bool is_escape(str s, size_t i)
{
	return i + 2 < s.n && s.p[i] == '%' && is_xdigit(s.p[i + 1]) && is_xdigit(s.p[i + 2]);
}

static bool has_escape(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_escape(s, i))
			return true;
	return false;
}

/* Escapes of printable characters are undone, what must be escaped is. */
static str reencode(struct scan_mail *m, str s)
{
	static const char hex[] = "0123456789abcdef";
	struct out o;

	if (!view_out(m, &o, size_mul(s.n, 3)))
		return s;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_escape(s, i)) {
			unsigned v = hex_of(s.p[i + 1]) << 4 | hex_of(s.p[i + 2]);

			if (v > 0x20 && v < 0x7f)
				out_c(&o, (char)v);
			else
				out_add(&o, str_of(s.p + i, 3));
			i += 2;
		} else if (c <= ' ' || c >= 0x7f || c == '"' || c == '%' || c == '<' || c == '>') {
			out_c(&o, '%');
			out_c(&o, hex[c >> 4]);
			out_c(&o, hex[c & 15]);
		} else {
			out_c(&o, (char)c);
		}
	}
	return out_str(&o);
}

/* "&#46;" at s[i]: its length and what it stands for; 0: none that is undone. */
static size_t entity(str s, size_t i, char *c)
{
	static const str dots[] = { S("x2e"),	S("12290"), S("x3002"), S("65294"),
				    S("xff0e"), S("65377"), S("xff61") };
	size_t at = i + 2, end = view_find_from(str_take(s, i + 16), ';', at);
	str in;
	unsigned v = 0;

	if (i + 3 >= s.n || s.p[i + 1] != '#' || end >= s.n || end >= i + 16 || s.p[end] != ';')
		return 0;
	in = str_of(s.p + at, end - at);
	for (size_t k = 0; k < sizeof(dots) / sizeof(dots[0]); k++)
		if (str_eqi(in, dots[k])) {
			*c = '.';
			return end + 1 - i;
		}
	bool hex = in.n && in.p[0] == 'x';

	if (hex)
		in = str_skip(in, 1);
	if (in.n == 0)
		return 0;
	for (size_t k = 0; k < in.n; k++) {
		if (!(hex ? is_xdigit(in.p[k]) : ch_digit(in.p[k])) || v > 255)
			return 0;
		v = v * (hex ? 16 : 10) + hex_of(in.p[k]);
	}
	if (v < 33 || v > 126)
		return 0;
	*c = (char)v;
	return end + 1 - i;
}

static str no_entities(struct scan_mail *m, str s)
{
	struct out o;
	char c;
	size_t n;

	if (str_search(s, STR("&#")) == s.n || !view_out(m, &o, s.n))
		return s;
	for (size_t i = 0; i < s.n; i++) {
		n = s.p[i] == '&' ? entity(s, i, &c) : 0;
		out_c(&o, n ? c : s.p[i]);
		i += n ? n - 1 : 0;
	}
	return out_str(&o);
}

static void add_mail(struct scan_mail *m, str uri, struct view_list *l)
{
	size_t at = str_find(uri, '@'), n;

	if (at == 0 || at + 1 >= uri.n)
		return;
	n = view_find_from(uri, '?', at);
	if (n < uri.n && n > at + 1)
		add(m, l, str_take(uri, n));
	for (n = at + 1; n < uri.n && uri.p[n] != '?' && uri.p[n] != '&'; n++)
		;
	if (n < uri.n && uri.p[n] == '&' && n > at + 1)
		add(m, l, str_take(uri, n));
	if (str_search(uri, STR("%20")) < uri.n) {
		str s = str_startsi(uri, STR("mailto:")) ? str_skip(uri, 7) : uri;

		while (str_starts(s, STR("%20")))
			s = str_skip(s, 3);
		at = str_find(s, '@');
		for (n = at + 1; n < s.n && s.p[n] != '?' && s.p[n] != '&' && s.p[n] != '%'; n++)
			;
		if (at && at + 1 < s.n && n > at + 1)
			add(m, l, cat(m, STR("mailto:"), str_take(s, n), STR(""), STR("")));
	}
	n = str_find(uri, '<');
	at = view_find_from(uri, '@', n);
	if (n < uri.n && at < uri.n && at > n + 1 && str_find(uri, '?') > n &&
	    str_find(uri, '&') > n && view_find_from(uri, '>', n) > at &&
	    view_find_from(uri, '>', at) < uri.n && view_find_from(uri, '>', at) > at + 1)
		add(m, l,
		    cat(m, STR("mailto:"),
			str_of(uri.p + n + 1, view_find_from(uri, '>', at) - n - 1), STR(""),
			STR("")));
}

static size_t scheme_length(str s)
{
	return str_startsi(s, STR("http://")) ? 7 : str_startsi(s, STR("https://")) ? 8 : 0;
}

/* Slashes, escapes and the scheme set right. */
static str straighten(struct scan_mail *m, str uri)
{
	struct out o;
	str s = uri;
	size_t n = str_startsi(s, STR("http:")) ? 5 : str_startsi(s, STR("https:")) ? 6 : 0, i;

	if (view_out(m, &o, s.n + 2)) {
		for (i = 0; i < s.n; i++) {
			if (n && i == n) {
				out_add(&o, STR("//"));
				for (unsigned k = 0;
				     k < 2 && i < s.n && (s.p[i] == '/' || s.p[i] == '\\'); k++)
					i++;
				if (i == s.n)
					break;
			}
			out_c(&o, s.p[i] == '\\' ? '/' : s.p[i]);
		}
		if (n && s.n == n)
			out_add(&o, STR("//"));
		s = out_str(&o);
	}
	if (has_escape(s))
		s = reencode(m, s);
	for (i = 0; i < s.n && (is_word(s.p[i]) || s.p[i] == '-'); i++)
		;
	if (i == 0 || i == s.n || s.p[i] != ':')
		s = cat(m, str_starts(s, STR("ftp.")) ? STR("ftp://") : STR("http://"), s, STR(""),
			STR(""));
	n = scheme_length(s);
	for (i = n; n && i < s.n && s.p[i] != '/' && s.p[i] != '?' && s.p[i] != '#'; i++)
		;
	if (n && i > n && i < s.n && s.p[i] != '/')
		s = cat(m, str_take(s, i), STR("/"), str_skip(s, i), STR(""));
	return no_entities(m, s);
}

static str ip_of(struct scan_mail *m, uint64_t v)
{
	v &= 0xffffffff;
	str s = arena_fmt(m->a, "%u.%u.%u.%u", (unsigned)(v >> 24), (unsigned)(v >> 16 & 255),
			  (unsigned)(v >> 8 & 255), (unsigned)(v & 255));

	return s.p ? s : STR("");
}

/* SpamAssassin leaves a zero out: "10..0.1" is what its rules see. */
static str ip_without_zeros(struct scan_mail *m, uint64_t v)
{
	str s = ip_of(m, v), part;
	struct out o;
	bool first = true;

	if (!view_out(m, &o, s.n))
		return s;
	while (str_next(&s, '.', &part)) {
		if (!first)
			out_c(&o, '.');
		first = false;
		if (!str_eq(part, STR("0")))
			out_add(&o, part);
	}
	return out_str(&o);
}

static bool read_number(str s, uint64_t *v)
{
	unsigned base = 10;

	*v = 0;
	if (str_startsi(s, STR("0x"))) {
		base = 16;
		s = str_skip(s, 2);
	} else if (s.n > 1 && s.p[0] == '0') {
		bool octal = true;

		for (size_t i = 0; i < s.n; i++)
			octal &= s.p[i] >= '0' && s.p[i] <= '7';
		base = octal ? 8 : 10;
	}
	if (s.n == 0 || s.n > 20)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!(base == 16 ? is_xdigit(s.p[i]) : ch_digit(s.p[i])))
			return false;
		*v = *v * base + hex_of(s.p[i]);
	}
	return true;
}

/* Addresses written as other numbers than four decimal ones. */
static void add_ips(struct scan_mail *m, str proto, str host, str rest, struct view_list *l)
{
	str part, left = host;
	uint64_t v, all = 0;
	unsigned n = 0;
	bool big = false;

	if (host.n > 2 && !str_startsi(host, STR("0x")) && str_find(host, '.') == host.n) {
		for (size_t i = 0; i < host.n; i++)
			if (!ch_digit(host.p[i]))
				return;
		if (str_u64(host, UINT64_MAX, &v) == OK)
			add(m, l, cat(m, proto, ip_of(m, v), rest, STR("")));
		return;
	}
	if (str_find(host, '.') == host.n && str_startsi(host, STR("0x")) && host.n > 2) {
		if (host.n > 10)
			host = str_skip(host, host.n - 8);
		else
			host = str_skip(host, 2);
		for (size_t i = 0; i < host.n; i++) {
			if (!is_xdigit(host.p[i]))
				return;
			all = all << 4 | hex_of(host.p[i]);
		}
		add(m, l, cat(m, proto, ip_of(m, all), rest, STR("")));
		return;
	}
	while (str_next(&left, '.', &part)) {
		if (++n > 4 || !read_number(part, &v))
			return;
		big |= v > 255;
		all = all << 8 | (v & 255);
	}
	if (n == 4 && !big)
		add(m, l, cat(m, proto, ip_without_zeros(m, all), rest, STR("")));
}

static bool find_target(struct scan_mail *m, str proto, str host, str rest, str *target)
{
	size_t at, n;
	str whole = cat(m, proto, host, rest, STR(""));

	if (m->lists && m->lists->redirect && m->lists->redirect(m->lists->ctx, whole, target) &&
	    str_find(*target, '.') < target->n)
		return true;
	for (at = 0; at < rest.n; at++) {
		at += str_searchi(str_skip(rest, at), STR("http"));
		if (at >= rest.n)
			return false;
		n = at + 4;
		if (n < rest.n && ch_lower(rest.p[n]) == 's')
			n++;
		if (n < rest.n && rest.p[n] == ':')
			break;
	}
	if (at >= rest.n)
		return false;
	for (n = at; n < rest.n && rest.p[n] != '&' && rest.p[n] != '#'; n++)
		;
	*target = str_of(rest.p + at, n - at);
	return n > str_find(str_skip(rest, at), ':') + at + 1 && str_find(*target, '.') < target->n;
}

/* rest without the port that the scheme implies anyway; p NULL: there is no such port. */
static str no_port(str proto, str rest)
{
	str port = proto.n == 7 ? STR(":80") : STR(":443");

	if (str_starts(rest, port) && (rest.n == port.n || !is_word(rest.p[port.n])))
		return str_skip(rest, port.n);
	return (str){ NULL, 0 };
}

static str no_controls(struct scan_mail *m, str s)
{
	struct out o;
	size_t i = 0;

	while (i < s.n && (unsigned char)s.p[i] > ' ')
		i++;
	if (i == s.n || !view_out(m, &o, s.n))
		return s;
	for (i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > ' ')
			out_c(&o, s.p[i]);
	return out_str(&o);
}

static void add_web(struct scan_mail *m, str uri, struct view_list *targets, struct view_list *l)
{
	size_t n = scheme_length(uri), end = n, at;
	str proto = str_take(uri, n), host, rest, ascii, target, t;
	bool user;

	while (end < uri.n && uri.p[end] != '/' && uri.p[end] != '?' && uri.p[end] != '#')
		end++;
	at = view_find_from(str_take(uri, end), '@', n);
	user = at < end;
	host = str_of(uri.p + (user ? at + 1 : n), end - (user ? at + 1 : n));
	host = str_take(host, str_find(host, ':'));
	if (!n || host.n == 0)
		return;
	rest = str_skip(uri, (size_t)(host.p + host.n - uri.p));
	t = no_port(proto, rest);
	if (t.p)
		add(m, l, cat(m, proto, host, t, STR("")));
	ascii = view_to_ascii(m, host);
	if (!str_eqi(ascii, host)) {
		add(m, l, cat(m, proto, ascii, rest, STR("")));
		if (t.n)
			add(m, l, cat(m, proto, ascii, t, STR("")));
		host = ascii;
	}
	t = no_controls(m, host);
	if (t.n < host.n) {
		host = t;
		add(m, l, cat(m, proto, host, rest, STR("")));
	}
	if (find_target(m, proto, host, rest, &target))
		add(m, targets, target);
	at = str_rfind(host, '@');
	if (at < host.n) {
		host = str_skip(host, at + 1);
		add(m, l, cat(m, proto, host, rest, STR("")));
	}
	t = host;
	while (t.n && !ch_alnum(t.p[t.n - 1]))
		t.n--;
	if (t.n < host.n) {
		host = t;
		add(m, l, cat(m, proto, host, rest, STR("")));
	}
	add_ips(m, proto, host, rest, l);
	/* a browser's guess for a single word */
	t = str_starts(ascii, STR("www.")) ? str_skip(ascii, 4) : ascii;
	if (str_eq(proto, STR("http://")) && !user && t.n && str_find(t, '.') == t.n &&
	    !str_eq(ascii, STR("localhost")) &&
	    (rest.n < 2 || rest.p[0] != ':' || !ch_digit(rest.p[1]) ||
	     str_starts(rest, STR(":80"))) &&
	    !view_domain_valid(m, ascii)) {
		bool number = host.n > 0;

		for (size_t i = 0; i < host.n; i++)
			number &= ch_digit(host.p[i]);
		if (!number && !str_startsi(host, STR("0x")))
			add(m, l, cat(m, STR("http://www."), t, STR(".com"), rest));
	}
}

void view_canon(struct scan_mail *m, str uri, struct view_list *out)
{
	struct view_list todo = { .n = 0 };

	add(m, &todo, uri);
	for (size_t i = 0; i < todo.n; i++) {
		str s = no_line_ends(m, todo.v[i]), n;
		size_t at = str_find(s, '@');

		add(m, out, s);
		if (s.n <= 1 || s.p[0] == '#' || s.p[0] == '?' || s.p[0] == '&' ||
		    (s.p[0] == '/' && s.p[1] != '/'))
			continue;
		if (str_startsi(s, STR("mailto:")) || (at < s.n && str_find(s, ':') > at)) {
			add_mail(m, s, out);
			continue;
		}
		n = straighten(m, s);
		add(m, out, n);
		add_web(m, n, &todo, out);
	}
}
