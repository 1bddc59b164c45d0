/* Functions over the chain of relays: SpamAssassin's RelayEval, and check_mailfrom_matches_rcvd. */
#include "services/rules/eval_part.h"

/* ---- how many ---- */

unsigned eval_check_all_trusted(struct eval *e)
{
	const struct scan_relays *r = scan_relays(e->m);

	return r->ntrusted && !r->nuntrusted && !r->unparseable;
}

unsigned eval_check_no_relays(struct eval *e)
{
	const struct scan_relays *r = scan_relays(e->m);

	return !r->ntrusted && !r->nuntrusted && !r->unparseable;
}

unsigned eval_check_relays_unparseable(struct eval *e)
{
	return scan_relays(e->m)->unparseable > 0;
}

/* ---- what they say of themselves ---- */

/* The octets of the first three numbers and their dots. */
static size_t network_of(str ip)
{
	return str_rfind(ip, '.') + 1;
}

unsigned eval_helo_ip_mismatch(struct eval *e)
{
	const struct scan_relays *r = scan_relays(e->m);

	for (size_t i = 0; i < r->n; i++) {
		str helo = r->v[i].helo, ip = r->v[i].ip;

		if (r->v[i].trusted || !eval_is_ipv4(helo) || eval_is_private(helo) ||
		    !eval_is_ipv4(ip) || eval_is_private(ip))
			continue;
		if (!str_starts(ip, str_take(helo, network_of(helo))))
			return 1;
	}
	return 0;
}

static bool is_dotcom(str helo)
{
	static const str names[] = { S("lycos.com"),	 S("lycos.co.uk"), S("hotmail.com"),
				     S("localhost.com"), S("excite.com"),  S("caramail.com"),
				     S("cs.com"),	 S("aol.com"),	   S("msn.com"),
				     S("yahoo.com"),	 S("drizzle.com") };

	for (size_t i = 0; i < COUNT(names); i++)
		if (str_endsi(helo, names[i]) &&
		    (helo.n == names[i].n || helo.p[helo.n - names[i].n - 1] == '.'))
			return true;
	return false;
}

/* The relay farthest from us with a public address decides. */
unsigned eval_check_for_no_rdns_dotcom_helo(struct eval *e)
{
	const struct scan_relays *r = scan_relays(e->m);

	for (size_t i = r->n; i-- > 0;)
		if (!r->v[i].trusted && !r->v[i].ip_private)
			return is_dotcom(r->v[i].helo) && r->v[i].no_reverse_dns;
	return 0;
}

static bool has_letter(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_alpha(s.p[i]))
			return true;
	return false;
}

/* Two labels, or three below a short top level; what has no letters stays. */
static str short_domain(str host)
{
	size_t last = str_rfind(host, '.'), second, third;
	str top = str_skip(host, last + 1);

	while (host.n && host.p[host.n - 1] == '.') {
		host.n--;
		last = str_rfind(host, '.');
		top = str_skip(host, last + 1);
	}
	if (!has_letter(host) || last >= host.n)
		return host;
	second = str_rfind(str_take(host, last), '.');
	if (second >= last)
		return host;
	if (top.n >= 3 || str_eqi(top, STR("ie")) || str_eqi(top, STR("fr")) ||
	    str_eqi(top, STR("de")))
		return str_skip(host, second + 1);
	third = str_rfind(str_take(host, second), '.');
	return third >= second ? host : str_skip(host, third + 1);
}

/* Letters, then letters, dots and hyphens, then a dot and letters. */
static bool is_host(str s)
{
	size_t dot = str_rfind(s, '.');

	if (dot >= s.n || dot < 2 || dot + 1 == s.n || !ch_word(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!ch_word(s.p[i]) && (i > dot || (s.p[i] != '.' && s.p[i] != '-')))
			return false;
	return true;
}

static bool is_localhost(const struct scan_relay *r)
{
	return (str_eqi(r->rdns, STR("localhost")) ||
		str_eqi(r->rdns, STR("localhost.localdomain"))) &&
	       str_eq(r->ip, STR("127.0.0.1"));
}

/* A relay took the message as one name and the next one gave it under another. */
unsigned eval_check_for_forged_received_trail(struct eval *e)
{
	const struct scan_relays *r = scan_relays(e->m);
	unsigned mismatches = 0;
	str before = STR("");

	for (size_t i = 0; i < r->n; i++) {
		const struct scan_relay *v = &r->v[i];

		if (v->trusted)
			continue;

		str by = short_domain(v->by), from = short_domain(v->rdns);

		if (is_host(by) && is_host(before) && !str_eqi(by, before) &&
		    !(str_eqi(by, STR("msn.com")) && str_eqi(before, STR("hotmail.com"))))
			mismatches++;
		before = is_host(by) && is_localhost(v) ? STR("") : from;
	}
	return mismatches > 1;
}

/* ---- check_mailfrom_matches_rcvd ---- */

static bool relay_matches(struct eval *e, const struct scan_relay *r, str domain)
{
	return r->rdns.n && str_eqi(eval_trim_domain(e, r->rdns), domain);
}

unsigned eval_check_mailfrom_matches_rcvd(struct eval *e)
{
	const struct scan_relays *r = scan_relays(e->m);
	str domain = eval_domain_of(eval_header(e, STR("EnvelopeFrom:addr")));
	size_t dot = str_find(domain, '.');

	if (dot == 0 || dot + 1 >= domain.n)
		return 0;
	domain = eval_trim_domain(e, domain);
	for (size_t i = 0; i < r->n; i++) {
		if (r->nuntrusted && r->v[i].trusted)
			continue;
		if (relay_matches(e, &r->v[i], domain))
			return 1;
		if (r->nuntrusted)
			return 0; /* behind the first one that is not ours, all may be forged */
	}
	return 0;
}
