/* URIs in rendered text: what mail programs make links of, and names of hosts. */
#include <string.h>

#include "base/map.h"
#include "formats/scan/view.h"

static bool ends(char c) /* no URI goes on here */
{
	return is_space(c) || str_find(STR("><\"`}]{[|\x1b\xa0"), c) < 11;
}

static bool ends_mail(char c)
{
	return ends(c) || is_high(c) || c == ',' || c == '(' || c == '\'';
}

static bool starts(char c)
{
	return is_space(c) || str_find(STR("><\"'`,{[(|\x1b\xa0"), c) < 12;
}

static bool starts_host(char c)
{
	return is_space(c) || c == '\x1b' || c == '\xa0' ||
	       (c > ' ' && c < 127 && !ch_alnum(c) && c != '.' && c != '-' && c != '_' && c != '%');
}

static bool may_start(str s, size_t i)
{
	bool before = i && is_word(s.p[i - 1]), here = is_word(s.p[i]);

	return before != here || (i && starts(s.p[i - 1])) ||
	       (i > 2 && s.p[i - 3] == '\x1b' && s.p[i - 2] == '(');
}

static size_t run(str s, size_t at, bool (*stop)(char c))
{
	while (at < s.n && !stop(s.p[at]))
		at++;
	return at;
}

/* "http://", "www2." and the like at s[i]: their length. */
static size_t scheme(str s, size_t i)
{
	static const str all[] = { S("http://"), S("https://"), S("ftp://"), S("ftp.") };
	str rest = str_skip(s, i);
	size_t n = 3;

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		if (str_startsi(rest, all[k]))
			return all[k].n;
	if (!str_startsi(rest, STR("www")))
		return 0;
	while (n < rest.n && n < 5 && ch_digit(rest.p[n]))
		n++;
	return n < rest.n && rest.p[n] == '.' ? n + 1 : 0;
}

static size_t find_scheme(str s, size_t i)
{
	char c = ch_lower(s.p[i]);
	size_t n = c == 'h' || c == 'f' || c == 'w' ? scheme(s, i) : 0, end;

	if (!n)
		return 0;
	end = run(s, i + n, ends);
	return end > i + n && end - i - n <= 2048 ? end : 0;
}

/* Where the run of characters of an address that i is in ends, and its next "@". */
struct run_of_mail {
	size_t from, end, at;
};

static size_t find_mail(str s, size_t i, struct run_of_mail *r)
{
	if (i >= r->end || i < r->from) {
		r->from = i;
		r->end = run(s, i, ends_mail);
		r->at = r->from;
	}
	if (r->at < i)
		r->at = i;
	if (str_startsi(str_skip(s, i), STR("mailto:")) && r->end > i + 7 && r->end - i - 7 <= 2048)
		return r->end;
	while (r->at < r->end && s.p[r->at] != '@')
		r->at++;
	if (r->at >= r->end || r->at == i || r->at - i > 251 || r->end == r->at + 1 ||
	    r->end - r->at - 1 > 251)
		return 0;
	return r->end;
}

static size_t find_host(struct scan_mail *m, str s, size_t i, str *host)
{
	size_t end = i, at;

	if (!ch_alnum(s.p[i]) || (i && !starts_host(s.p[i - 1])))
		return 0;
	while (end < s.n &&
	       (ch_alnum(s.p[end]) || s.p[end] == '.' || s.p[end] == '_' || s.p[end] == '-'))
		end++;
	at = end;
	if (s.p[end - 1] == '.')
		end--;
	*host = str_of(s.p + i, end - i);
	size_t dot = str_rfind(*host, '.');

	if (host->n > 320 || dot == host->n || dot == 0 || dot + 1 == host->n ||
	    !view_tld_valid(m, view_lower(m, str_skip(*host, dot + 1))))
		return 0;
	if (at < s.n && s.p[at] == ':') {
		size_t digits = at + 1;

		while (digits < s.n && ch_digit(s.p[digits]))
			digits++;
		if (digits == at + 1 || digits > at + 6)
			return 0;
		at = digits;
	}
	if (at < s.n && s.p[at] == '/') {
		size_t path = run(s, at + 1, ends);

		if (path == at + 1 || path - at - 1 > 2048)
			return 0;
		at = path;
	}
	return at < s.n && !ends(s.p[at]) ? 0 : at;
}

static str trim(str s)
{
	size_t open = str_find(s, '('), close = str_find(s, ')');

	if (close < s.n && close < open)
		s = str_take(s, close);
	while (s.n && str_find(STR("-~!@#^&*()_+=:;'?,."), s.p[s.n - 1]) < 19)
		s.n--;
	return s;
}

static bool has_scheme(str s)
{
	static const str all[] = { S("http:"), S("https:"), S("ftp:"), S("mailto:") };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (str_startsi(s, all[i]))
			return true;
	return false;
}

static str with(struct scan_mail *m, str scheme_, str s)
{
	struct out o;

	if (!view_out(m, &o, scheme_.n + s.n))
		return STR("");
	out_add(&o, scheme_);
	out_add(&o, s);
	return out_str(&o);
}

static str mail_of(str s)
{
	static const str before[] = { S("skype"), S("email"), S("e-mail"), S("-mail"), S("mail") };
	size_t n = 0, colon;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		if (str_startsi(s, before[i]) && before[i].n < s.n && s.p[before[i].n] == ':') {
			n = before[i].n;
			break;
		}
	for (colon = n; colon < s.n && s.p[colon] == ':'; colon++)
		;
	return colon > n ? str_skip(s, colon) : s;
}

/* The URI that a find stands for; false: none. */
static bool complete(struct scan_mail *m, str raw, str *uri, unsigned *kinds)
{
	size_t at = str_find(raw, '@'), slash = str_find(raw, '/');

	*kinds = SCAN_URI_PARSED;
	*uri = raw;
	if (has_scheme(raw))
		return true;
	if (str_startsi(raw, STR("ftp."))) {
		*uri = with(m, STR("ftp://"), raw);
	} else if (scheme(raw, 0)) {
		*uri = with(m, STR("http://"), raw);
	} else if (slash < raw.n && str_rfind(raw, '@') < raw.n &&
		   str_rfind(raw, '@') > slash + 1) {
		*uri = with(m, STR("http://"), raw);
	} else if (at < raw.n) {
		if (view_find_from(raw, '.', at + 2) >= raw.n ||
		    str_search(raw, STR("&nbsp;")) < raw.n)
			return false;
		*uri = with(m, STR("mailto:"), mail_of(raw));
	} else {
		if (str_find(raw, '.') == raw.n)
			return false;
		*uri = with(m, STR("http://"), raw);
		*kinds |= SCAN_URI_UNLINKED;
	}
	return true;
}

static bool mail_is_valid(struct scan_mail *m, str *uri)
{
	size_t at, n;
	str host;
	struct out o;

	if (str_find(*uri, '%') < uri->n && view_out(m, &o, size_mul(uri->n, 3))) {
		bool escaped = false;

		for (size_t i = 0; i < uri->n; i++) {
			if (uri->p[i] == '%' && i + 2 < uri->n && is_xdigit(uri->p[i + 1]) &&
			    is_xdigit(uri->p[i + 2])) {
				unsigned v = hex_of(uri->p[i + 1]) << 4 | hex_of(uri->p[i + 2]);

				escaped = true;
				if (v > 0x20 && v < 0x7f)
					out_c(&o, (char)v);
				else
					out_add(&o, str_of(uri->p + i, 3));
				i += 2;
			} else if (uri->p[i] == '%') {
				out_add(&o, STR("%25"));
			} else {
				out_c(&o, uri->p[i]);
			}
		}
		if (escaped)
			*uri = out_str(&o);
	}
	at = str_find(*uri, '@');
	if (at == uri->n)
		return false;
	host = str_skip(*uri, at + 1);
	for (n = 0; n < host.n && host.p[n] != '?' && host.p[n] != '&' && host.p[n] != '>'; n++)
		;
	host = str_take(host, n);
	while (str_ends(host, STR("%20")))
		host.n -= 3;
	return view_domain_valid(m, host);
}

struct texts {
	struct scan_mail *m;
	struct map seen;
	void (*found)(void *ctx, str uri, unsigned kinds);
	void *ctx;
	size_t n;
};

static void take(struct texts *x, str raw, str host, bool mail)
{
	str uri;
	unsigned kinds;
	size_t n = 0;

	raw = trim(raw);
	if (map_get(&x->seen, raw) || x->n >= LIM_SCAN_URIS)
		return;
	(void)map_put(&x->seen, raw, x);
	if ((mail && str_find(raw, '@') == raw.n) || (host.n && !view_fqdn_valid(host)) ||
	    str_startsi(raw, STR("cid:")) || str_startsi(raw, STR("mid:")))
		return;
	while (n < raw.n && is_word(raw.p[n]))
		n++;
	if (n && n < raw.n && raw.p[n] == ':' && raw.n <= n + 3 && raw.p[raw.n - 1] == '/')
		return;
	if (!complete(x->m, raw, &uri, &kinds))
		return;
	if (str_startsi(uri, STR("mailto:")) && !mail_is_valid(x->m, &uri))
		return;
	x->n++;
	x->found(x->ctx, uri, kinds);
}

static void look(struct texts *x, str s)
{
	struct run_of_mail r = { 0, 0, 0 };

	for (size_t i = 0; i < s.n;) {
		size_t end;
		str host = STR("");
		bool mail = false;

		if (is_space(s.p[i]) || !may_start(s, i)) {
			i++;
			continue;
		}
		end = find_scheme(s, i);
		if (!end) {
			end = find_mail(s, i, &r);
			mail = end > 0;
		}
		if (!end) {
			end = find_host(x->m, s, i, &host);
			if (!end)
				host = STR("");
		}
		if (!end) {
			i++;
			continue;
		}
		take(x, str_of(s.p + i, end - i), host, mail);
		i = end;
	}
}

void view_text_uris(struct scan_mail *m, void (*found)(void *ctx, str uri, unsigned kinds),
		    void *ctx)
{
	struct texts x = { .m = m, .found = found, .ctx = ctx };
	struct scan_strs body = scan_body(m);

	map_init(&x.seen);
	for (size_t i = 0; i < body.n; i++)
		look(&x, body.v[i]);
	map_free(&x.seen);
}
