/* Hosts, registered domains, IP addresses in text. */
#include <arpa/inet.h>
#include <idn2.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>

#include "base/enc.h"
#include "formats/scan/view.h"

bool view_fqdn_valid(str host)
{
	str label;
	size_t labels = 1;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0 || host.n > 253)
		return false;
	for (size_t i = 0; i < host.n; i++)
		labels += host.p[i] == '.';
	if (labels < 2)
		return false;
	for (; str_next(&host, '.', &label); labels--) {
		if (label.n < 1 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++) {
			char c = label.p[i];

			if (!ch_alnum(c) && c != '-' && (c != '_' || labels < 3))
				return false;
		}
	}
	return true;
}

static bool host_char(char c)
{
	return ch_alnum(c) || c == '_' || c == '.' || c == ':' || c == '[' || c == ']' || c == '-';
}

/* Full stops of other scripts are full stops. */
static str plain_dots(struct scan_mail *m, str s)
{
	static const str dots[] = { S("\xe3\x80\x82"), S("\xef\xbc\x8e"), S("\xef\xbd\xa1") };
	struct out o;

	if (!view_out(m, &o, s.n))
		return s;
	while (s.n) {
		size_t n = 0;

		for (size_t i = 0; i < 3; i++)
			if (str_starts(s, dots[i]))
				n = 3;
		out_c(&o, n ? '.' : s.p[0]);
		s = str_skip(s, n ? n : 1);
	}
	return out_str(&o);
}

str view_to_ascii(struct scan_mail *m, str host)
{
	size_t i = 0;
	char *z, *out = NULL;
	str done;

	while (i < host.n && host_char(host.p[i]))
		i++;
	if (i == host.n || host.n > 1024 || !utf8_valid(host))
		return view_lower(m, host);
	host = plain_dots(m, host);
	z = arena_z(m->a, host);
	if (!z || str_find(host, '\0') < host.n)
		return host;
	if (idn2_to_ascii_8z(z, &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return host;
	done = view_dup(m, str_z(out));
	idn2_free(out);
	return done;
}

static bool psl_has(str host)
{
	char z[256];

	if (str_to_z(host, z, sizeof(z)) != OK)
		return false;
	for (char *c = z; *c; c++)
		*c = ch_lower(*c);
	return psl_is_public_suffix2(psl_builtin(), z, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}

bool view_tld_valid(struct scan_mail *m, str tld)
{
	return m->lists ? m->lists->registry(m->lists->ctx, 1, tld) : psl_has(tld);
}

static bool is_state(str s)
{
	static const char all[] =
		"akalarazcacoctdcdeflgaguhiiaidilinkskylamamdmemimnmomsmtncndnenhnjnm"
		"nvnyohokorpaprriscsdtntxutvavivtwawiwvwy";

	if (s.n != 2)
		return false;
	for (size_t i = 0; i + 1 < sizeof(all); i += 2)
		if (all[i] == s.p[0] && all[i + 1] == s.p[1])
			return true;
	return false;
}

/* Is the whole of s, which has so many labels, a place where domains are registered? */
static bool is_registry(const struct scan_lists *l, str s, size_t labels)
{
	str label[4];
	str rest = s;

	if (labels == 1)
		return true;
	if (labels > 4)
		return false;
	for (size_t i = 0; i < labels; i++)
		if (!str_next(&rest, '.', &label[i]))
			return false;
	if (labels == 2)
		return l->registry(l->ctx, 2, s);
	if (!str_eq(label[labels - 1], STR("us")))
		return labels == 3 && l->registry(l->ctx, 3, s);
	if (labels == 3)
		return is_state(label[1]);
	return is_state(label[2]) &&
	       ((str_eq(label[0], STR("pvt")) && str_eq(label[1], STR("k12"))) ||
		(label[0].n == 2 && label[0].p[0] == 'c' &&
		 (label[0].p[1] == 'i' || label[0].p[1] == 'o')));
}

str scan_registered_domain(str host)
{
	char z[256];
	const char *domain = z;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!host.n || view_is_ip(host))
		return host;
	if (str_to_z(host, z, sizeof(z)) != OK)
		return STR("");
	for (char *c = z; *c; c++)
		*c = ch_lower(*c);
	/* The registries' part alone: what a hoster gives away is its own domain's. */
	for (const char *next = strchr(z, '.'); next; next = strchr(next + 1, '.')) {
		if (psl_is_public_suffix2(psl_builtin(), next + 1, PSL_TYPE_ICANN))
			break;
		domain = next + 1;
	}
	return str_skip(host, host.n - str_z(domain).n);
}

str view_trim_domain(struct scan_mail *m, str host)
{
	str rest = host, last = host;
	size_t labels = 1;

	while (host.n && host.p[0] == '.')
		host = str_skip(host, 1);
	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!m->lists) {
		rest = scan_registered_domain(host);
		return rest.n ? rest : host;
	}
	for (size_t i = 0; i < host.n; i++)
		labels += host.p[i] == '.';
	rest = last = host;
	while (labels > 1 && !is_registry(m->lists, rest, labels)) {
		last = rest;
		rest = str_skip(rest, str_find(rest, '.') + 1);
		labels--;
	}
	return last;
}

bool view_domain_valid(struct scan_mail *m, str host)
{
	size_t dot;

	host = view_to_ascii(m, host);
	for (size_t i = 0; i < host.n; i++)
		if (is_space(host.p[i]))
			return false;
	dot = str_rfind(host, '.');
	return dot + 1 < host.n && view_tld_valid(m, str_skip(host, dot + 1));
}

bool scan_host_valid(str host)
{
	return view_fqdn_valid(host) && scan_domain_valid(host);
}

bool scan_domain_valid(str domain)
{
	size_t dot = str_rfind(domain, '.');

	for (size_t i = 0; i < domain.n; i++)
		if (is_space(domain.p[i]))
			return false;
	return dot + 1 < domain.n && psl_has(str_skip(domain, dot + 1));
}

/* %21 to %7e but what begins with %20: a host that is still encoded is none. */
static bool is_encoded(str s)
{
	for (size_t i = 0; i + 2 < s.n; i++) {
		i += str_find(str_skip(s, i), '%');
		if (i + 2 >= s.n || !is_xdigit(s.p[i + 1]) || !is_xdigit(s.p[i + 2]))
			continue;
		unsigned v = hex_of(s.p[i + 1]) << 4 | hex_of(s.p[i + 2]);

		if (v > 0x20 && v < 0x7f)
			return true;
	}
	return false;
}

static bool mail_host(str *s)
{
	size_t at;

	*s = str_take(str_skip(*s, 7), str_find(str_skip(*s, 7), '?'));
	at = str_find(*s, '@');
	if (at == s->n || str_rfind(*s, '@') != at)
		return false;
	*s = str_skip(*s, at + 1);
	return true;
}

static void web_host(str *s)
{
	size_t n = 0, at;

	while (n < s->n && ch_alpha(s->p[n]))
		n++;
	if (n && n < s->n && s->p[n] == ':') {
		*s = str_skip(*s, n + 1);
		for (unsigned i = 0; i < 2 && s->n && s->p[0] == '/'; i++)
			*s = str_skip(*s, 1);
	}
	for (n = 0; n < s->n && s->p[n] != '/' && s->p[n] != '?' && s->p[n] != '#'; n++)
		;
	*s = str_take(*s, n);
	at = str_rfind(*s, '@');
	if (at < s->n)
		*s = str_skip(*s, at + 1);
	n = s->n;
	while (n && ch_digit(s->p[n - 1]))
		n--;
	if (n && s->p[n - 1] == ':')
		*s = str_take(*s, n - 1);
}

bool view_uri_domain(struct scan_mail *m, str uri, str *domain, str *host)
{
	str s = uri;

	if (str_startsi(s, STR("javascript:")) || str_startsi(s, STR("cid:")) ||
	    str_startsi(s, STR("file:")))
		return false;
	if (str_startsi(s, STR("mailto:"))) {
		if (!mail_host(&s))
			return false;
	} else {
		web_host(&s);
	}
	if (is_encoded(s))
		return false;
	*host = view_to_ascii(m, s);
	*domain = *host;
	if (view_is_ip(*host))
		return true;
	if (!view_fqdn_valid(*host) || !view_domain_valid(m, *host))
		return false;
	*domain = view_trim_domain(m, *host);
	return true;
}

/* ---- IP addresses ---- */

/* One number of an IPv4 address at the start of s: its length, 0: none. */
static size_t octet(str s)
{
	size_t n = 0;
	unsigned v = 0;

	while (n < s.n && n < 3 && ch_digit(s.p[n]))
		v = v * 10 + (unsigned)(s.p[n++] - '0');
	if (n == 0 || v > 255 || (n > 1 && s.p[0] == '0'))
		return 0;
	return n;
}

static size_t ipv4(str s)
{
	size_t at = 0;

	for (unsigned i = 0; i < 4; i++) {
		size_t n;

		if (i && (at >= s.n || s.p[at++] != '.'))
			return 0;
		n = octet(str_skip(s, at));
		if (!n)
			return 0;
		at += n;
	}
	return at < s.n && is_word(s.p[at]) ? 0 : at;
}

static size_t ipv6(str s)
{
	char z[INET6_ADDRSTRLEN];
	unsigned char addr[16];
	size_t n = 0, colons = 0;

	while (n < s.n && n < sizeof(z) && (is_xdigit(s.p[n]) || s.p[n] == ':' || s.p[n] == '.'))
		colons += s.p[n++] == ':';
	while (n && s.p[n - 1] == '.')
		n--;
	if (colons < 2 || n >= sizeof(z) || str_to_z(str_take(s, n), z, sizeof(z)) != OK)
		return 0;
	return inet_pton(AF_INET6, z, addr) == 1 ? n : 0;
}

size_t view_ip(str s, char before)
{
	size_t n;

	if (s.n < 2)
		return 0;
	if (str_startsi(s, STR("IPv6:"))) {
		n = ipv6(str_skip(s, 5));
		return n ? n + 5 : 0;
	}
	if (before == ':' || !(is_xdigit(s.p[0]) || s.p[0] == ':'))
		return 0;
	n = is_word(before) ? 0 : ipv4(s);
	if (n)
		return n;
	return is_xdigit(before) ? 0 : ipv6(s);
}

bool view_is_ip(str s)
{
	return s.n && view_ip(s, ' ') == s.n;
}

static bool private_v4(const unsigned char *a)
{
	return a[0] == 10 || a[0] == 127 || (a[0] == 169 && a[1] == 254) ||
	       (a[0] == 172 && a[1] >= 16 && a[1] < 32) || (a[0] == 192 && a[1] == 168) ||
	       (a[0] == 100 && a[1] >= 64 && a[1] < 128);
}

bool view_ip_private(str s)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const unsigned char loopback[16] = { [15] = 1 };
	unsigned char a[16];
	char z[INET6_ADDRSTRLEN];

	if (str_startsi(s, STR("IPv6:")))
		s = str_skip(s, 5);
	if (str_to_z(s, z, sizeof(z)) != OK)
		return false;
	if (inet_pton(AF_INET, z, a) == 1)
		return private_v4(a);
	if (inet_pton(AF_INET6, z, a) != 1)
		return false;
	if (memcmp(a, mapped, 12) == 0)
		return private_v4(a + 12);
	return (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || memcmp(a, loopback, 16) == 0;
}
