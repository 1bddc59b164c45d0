/* Which servers take a domain's mail, in the order in which they are tried: RFC 5321 5.1. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "roles/relay/relay.h"
#include "run/log.h"

enum { ASK = 20000 }; /* milliseconds for each question to the DNS */

static void none(struct relay_hops *h, enum try_what what, const char *status, const char *text)
{
	h->n = 0;
	h->what = what;
	(void)snprintf(h->status, sizeof(h->status), "%s", status);
	(void)snprintf(h->text, sizeof(h->text), "%s", text);
}

/* What a failed question means to the mail. */
static void none_by_dns(struct relay_hops *h, err e)
{
	if (e == E_NOTFOUND || e == E_SYNTAX)
		none(h, TRY_FAILED, "5.1.2", err_last()->text);
	else
		none(h, TRY_LATER, "4.4.3", err_last()->text);
}

static bool usable(const struct net_addr *a)
{
	const struct relay_settings *set = relay_settings();

	if (a->ss.ss_family == AF_INET6 && !set->ipv6)
		return false;
	/* An MX on our loopback would reach listeners that trust it. */
	return set->loopback || !net_is_loopback(a);
}

static void add(struct relay_hops *h, const struct net_addr *a, unsigned port, str host)
{
	if (h->n == LIM_RELAY_HOPS)
		return;
	h->v[h->n] = (struct relay_hop){ *a, host };
	net_set_port(&h->v[h->n++].addr, port);
}

/* All usable addresses of one host. e: the last failure, for who finds no host at all. */
WAITS static err add_host(struct relay_hops *h, str host, unsigned port, bool trusted,
			  struct arena *a)
{
	struct dns_hosts hosts;
	size_t before = h->n;

	TRY(dns_hosts(relay_here()->dns, host, clock_in(ASK), a, &hosts));
	for (size_t i = 0; i < hosts.n; i++)
		if (trusted || usable(&hosts.addr[i]))
			add(h, &hosts.addr[i], port, host);
	return h->n > before ? OK
			     : fail(E_NOTFOUND, "%.*s has no address that can be used", STRF(host));
}

/* RFC 5321 5.1: hosts as preferred as ourselves, or less, would send the mail back to us. */
static size_t before_ourselves(const struct dns_mx_answer *mx)
{
	str me = relay_settings()->hostname;

	for (size_t i = 0; i < mx->n; i++) {
		if (!str_eqi(mx->mx[i].host, me))
			continue;
		unsigned ours = mx->mx[i].preference;

		while (i && mx->mx[i - 1].preference >= ours)
			i--;
		return i;
	}
	return mx->n;
}

WAITS static void by_mx(str domain, struct arena *a, struct relay_hops *h)
{
	struct dns_mx_answer mx;
	err e = dns_mx(relay_here()->dns, domain, clock_in(ASK), a, &mx), last = E_NOTFOUND;

	if (e != OK) {
		none_by_dns(h, e);
		return;
	}
	if (mx.null) {
		none(h, TRY_FAILED, "5.1.10",
		     "the domain takes no mail (null MX)"); /* RFC 7505 4.2 */
		return;
	}
	size_t n = mx.implicit ? mx.n : before_ourselves(&mx);

	if (!n) {
		none(h, TRY_FAILED, "5.4.6",
		     "the domain's MX is this server, which does not know the domain");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		e = add_host(h, mx.mx[i].host, (unsigned)relay_settings()->port, false, a);
		/* One that is known not to exist says less than one that could not be asked. */
		if (e != OK && (last == E_NOTFOUND || e != E_NOTFOUND))
			last = e;
	}
	if (!h->n)
		none_by_dns(h, last);
}

/* RFC 5321 4.1.3: [192.0.2.1], [IPv6:2001:db8::1]. */
static void by_literal(str domain, struct arena *a, struct relay_hops *h)
{
	str inside = str_take(str_skip(domain, 1), domain.n - 2);
	bool v6 = str_startsi(inside, STR("IPv6:"));
	unsigned port = (unsigned)relay_settings()->port;
	str text = v6 ? arena_fmt(a, "[%.*s]:%u", STRF(str_skip(inside, 5)), port)
		      : arena_fmt(a, "%.*s:%u", STRF(inside), port);
	struct net_addr addr;

	if (!text.p || net_parse(text, &addr) != OK || net_is_unix(&addr) || !usable(&addr))
		none(h, TRY_FAILED, "5.1.2", "no such address literal");
	else
		add(h, &addr, port, domain);
}

WAITS static void by_route(const struct relay_route *r, struct arena *a, struct relay_hops *h)
{
	struct net_addr addr;
	size_t colon = str_rfind(r->to, ':');
	uint64_t port;

	if (net_parse(r->to, &addr) == OK) {
		str host = net_is_unix(&addr) ? relay_settings()->hostname : str_take(r->to, colon);

		h->v[h->n++] = (struct relay_hop){ addr, host };
		return;
	}
	if (str_u64(str_skip(r->to, colon + 1), 65535, &port) != OK) {
		none(h, TRY_LATER, "4.3.5", "the configuration's route has no port");
		return;
	}
	err e = add_host(h, str_take(r->to, colon), (unsigned)port, true, a);

	if (e != OK) /* a mistake of ours, or of our DNS: mail is not lost for it */
		none(h, TRY_LATER, "4.3.5", err_last()->text);
}

/* A line of the configuration that holds whatever the directory says. */
static bool is_named(const struct relay_route *r)
{
	return r && !str_eq(r->domain, STR("*"));
}

WAITS void relay_hops(const struct relay_route *route, str domain, struct arena *a,
		      struct relay_hops *out)
{
	*out = (struct relay_hops){ .v = NEW_TRY(a, struct relay_hop, LIM_RELAY_HOPS) };
	if (!out->v)
		none(out, TRY_LATER, "4.3.0", "out of memory");
	else if (!dirtable_complete(relay_here()->table) && relay_settings()->mx.n &&
		 !is_named(route))
		none(out, TRY_LATER, "4.3.0",
		     "the directory is away: whether the domain is ours is not known");
	else if (route && !str_eq(route->to, STR("mx")))
		by_route(route, a, out);
	else if (str_starts(domain, STR("[")) && str_ends(domain, STR("]")))
		by_literal(domain, a, out);
	else
		by_mx(domain, a, out);
}
