/* Functions over links: SpamAssassin's URIEval, HTTPSMismatch, and lists of hosts. */
#include "services/rules/eval_part.h"

/* ---- check_uri_host_listed ---- */

enum {
	HOST_LABELS = 11, /* of a long name, the last ones */
};

/* 1: the list has the name, -1: it has "!name", 0: neither. */
static int listed(struct eval *e, str list, str name)
{
	str not = arena_fmt(scan_arena(e->m), "!%.*s", STRF(name));

	if (not .p && rules_listed(e->lists, list, not ))
		return -1;
	return rules_listed(e->lists, list, name);
}

/* The name itself, then the domains that it is in. */
static bool host_listed(struct eval *e, str list, str host)
{
	size_t labels = 1;

	if (host.n > 2 && host.p[0] == '[')
		return listed(e, list, str_take(str_skip(host, 1), host.n - 2)) > 0;
	if (eval_is_ipv4(host))
		return listed(e, list, host) > 0;
	for (size_t i = 0; i < host.n; i++)
		labels += host.p[i] == '.';
	for (; host.n; labels--) {
		int found = labels <= HOST_LABELS ? listed(e, list, host) : 0;

		if (found)
			return found > 0;
		if (str_find(host, '.') == host.n)
			break;
		host = str_skip(host, str_find(host, '.') + 1);
	}
	return false;
}

static unsigned any_host_listed(struct eval *e, str name)
{
	str list = arena_fmt(scan_arena(e->m), "enlist_uri_host %.*s", STRF(name));
	struct scan_uris all;
	struct arena_mark mark;
	unsigned hit = 0;

	if (rules_list(e->lists, list).n == 0)
		return 0;
	all = scan_uris(e->m);
	mark = arena_mark(scan_arena(e->m));
	for (size_t i = 0; i < all.n && !hit; i++) {
		if (str_startsi(all.v[i].uri, STR("mailto:")))
			continue;
		for (size_t j = 0; j < all.v[i].hosts.n && !hit; j++)
			hit = host_listed(e, list, all.v[i].hosts.v[j]);
	}
	arena_release(scan_arena(e->m), mark);
	return hit;
}

unsigned eval_check_uri_host_listed(struct eval *e)
{
	return any_host_listed(e, eval_arg(e, 0));
}

unsigned eval_check_uri_host_in_blocklist(struct eval *e)
{
	return any_host_listed(e, STR("BLOCK"));
}

unsigned eval_check_uri_host_in_welcomelist(struct eval *e)
{
	return any_host_listed(e, STR("WELCOME"));
}

/* ---- links that say something else than where they lead ---- */

/* The host behind "https://" at or behind *from; where it ended is the new *from. */
static str https_host(str s, size_t *from)
{
	size_t at = *from + str_searchi(str_skip(s, *from), STR("https://"));
	str rest = str_skip(s, at + 8);
	size_t n = 0;

	while (n < rest.n && !ch_space(rest.p[n]) && str_find(STR("/:?#"), rest.p[n]) == 4)
		n++;
	*from = at + 8;
	return str_take(rest, n);
}

static str http_host(str uri)
{
	str rest = str_skip(uri, str_startsi(uri, STR("https://")) ? 8 : 7);
	size_t n = 0;

	if (!str_startsi(uri, STR("http://")) && !str_startsi(uri, STR("https://")))
		return STR("");
	while (n < rest.n && str_find(STR("/:?#"), rest.p[n]) == 4)
		n++;
	return str_take(rest, n);
}

/* An anchor of this link names another domain. */
static bool anchors_differ(struct eval *e, const struct scan_html_uri *u, str domain)
{
	for (size_t i = 0; i < u->anchors.n; i++) {
		size_t from = 0;
		str other = STR("");

		while (other.n == 0 && from < u->anchors.v[i].n)
			other = https_host(u->anchors.v[i], &from);
		if (other.n == 0)
			continue;
		if (!eval_is_ip(other)) {
			other = eval_trim_domain(e, other);
			if (!eval_domain_valid(e, other))
				continue;
		}
		if (!str_eqi(domain, other))
			return true;
	}
	return false;
}

unsigned eval_check_https_http_mismatch(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);
	double min = e->nargs > 0 ? eval_arg_number(e, 0) : 1;

	for (size_t i = 0; i < all.n; i++) {
		double anchors = 0;
		bool hit = false;

		for (size_t j = 0; j < all.v[i].nuris; j++) {
			const struct scan_html_uri *u = &all.v[i].uris[j];
			str host = u->anchors.n ? http_host(u->uri) : STR("");

			if (host.n == 0 || eval_is_ip(host))
				continue;
			host = eval_trim_domain(e, host);
			if (!eval_domain_valid(e, host))
				continue;
			anchors++;
			hit = hit || anchors_differ(e, u, host);
		}
		if (hit && anchors >= min && (e->nargs < 2 || anchors < eval_arg_number(e, 1)))
			return 1;
	}
	return 0;
}

/* "https:" with four numbers behind it, also behind "user@"; http too when so asked. */
static bool is_ip_link(str s, bool plain)
{
	unsigned numbers = 0;
	size_t at;

	if (str_startsi(s, STR("https:")))
		s = str_skip(s, 6);
	else if (plain && str_startsi(s, STR("http:")))
		s = str_skip(s, 5);
	else
		return false;
	while (s.n && s.p[0] == '/')
		s = str_skip(s, 1);
	at = str_find(str_take(s, str_find(s, '/')), '@');
	if (at > 0 && at < str_find(s, '/'))
		s = str_skip(s, at + 1);
	for (;;) {
		size_t n = 0;

		while (n < s.n && ch_digit(s.p[n]))
			n++;
		if (n == 0)
			return false;
		if (++numbers == 4)
			return true;
		if (n == s.n || s.p[n] != '.')
			return false;
		s = str_skip(s, n + 1);
	}
}

unsigned eval_check_https_ip_mismatch(struct eval *e)
{
	struct scan_htmls all = scan_htmls(e->m);

	for (size_t i = 0; i < all.n; i++)
		for (size_t j = 0; j < all.v[i].nuris; j++) {
			const struct scan_html_uri *u = &all.v[i].uris[j];

			if (!is_ip_link(u->uri, true))
				continue;
			for (size_t k = 0; k < u->anchors.n; k++) {
				str a = u->anchors.v[k];

				if (!is_ip_link(a, false) && str_searchi(a, STR("https:")) < a.n)
					return 1;
			}
		}
	return 0;
}

unsigned eval_check_uri_truncated(struct eval *e)
{
	return (scan_flags(e->m) & SCAN_FLAG_URI_TRUNCATED) != 0;
}
