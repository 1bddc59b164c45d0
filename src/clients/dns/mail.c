/* Where a domain's mail goes: MX records and their addresses. */
#include "clients/dns/dns.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"

/* A name in wire form without compression (libunbound gives RDATA whole). Labels with a dot or an
 * octet that no host name has make it malformed: it would be another name as text. */
static err parse_name(str wire, struct buf *out)
{
	struct cur c = { .rest = wire };

	for (;;) {
		unsigned n = cur_u8(&c);

		if (c.e != OK || n > 63)
			return fail(E_SYNTAX, "malformed name in the DNS");
		if (!n)
			break;
		str label = cur_bytes(&c, n);

		for (size_t i = 0; i < label.n; i++) {
			char ch = label.p[i];

			if (!ch_alnum(ch) && ch != '-' && ch != '_')
				return fail(E_SYNTAX, "malformed name in the DNS");
			/* Lower case, so that equal hosts are equal. */
			if (!i && out->n)
				buf_addc(out, '.');
			buf_addc(out, ch_lower(ch));
		}
	}
	return c.rest.n ? fail(E_SYNTAX, "malformed name in the DNS") : buf_done(out);
}

static err parse_one(str rdata, struct arena *a, struct dns_mx *mx)
{
	CLEANUP(buf_free) struct buf host;

	buf_init(&host, 300);
	if (rdata.n < 3)
		return fail(E_SYNTAX, "malformed MX record");
	mx->preference = (unsigned)(unsigned char)rdata.p[0] << 8 | (unsigned char)rdata.p[1];
	TRY(parse_name(str_skip(rdata, 2), &host));
	mx->host = arena_dup(a, buf_str(&host));
	if (getrandom(&mx->shuffle, sizeof(mx->shuffle), 0) < 0)
		mx->shuffle = 0; /* the order of the answer does as well */
	return mx->host.p ? OK : fail(E_LIMIT, "memory for MX records");
}

static int by_preference(const void *x, const void *y)
{
	const struct dns_mx *a = x, *b = y;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return (a->shuffle > b->shuffle) - (a->shuffle < b->shuffle);
}

err dns_parse_mx(const struct dns_answer *answer, struct arena *a, struct dns_mx_answer *out)
{
	*out = (struct dns_mx_answer){ .secure = answer->secure };
	out->mx = NEW_TRY(a, struct dns_mx, answer->n + 1);
	if (!out->mx)
		return fail(E_LIMIT, "memory for %zu MX records", answer->n);
	for (size_t i = 0; i < answer->n; i++) {
		struct dns_mx *mx = &out->mx[out->n];

		TRY(parse_one(answer->rdata[i], a, mx));
		/* RFC 7505 3: "." is null MX when it stands alone; beside others it names no host.
		 */
		if (mx->host.n)
			out->n++;
	}
	out->null = answer->n > 0 && out->n == 0;
	if (out->n)
		qsort(out->mx, out->n, sizeof(*out->mx), by_preference);
	return OK;
}

WAITS err dns_mx(struct dns *d, str domain, msec deadline, struct arena *a,
		 struct dns_mx_answer *out)
{
	struct dns_answer answer;

	TRY(dns_ask(d, domain, DNS_MX, deadline, a, &answer));
	if (answer.nxdomain)
		return fail(E_NOTFOUND, "domain %.*s does not exist", STRF(domain));
	TRY(dns_parse_mx(&answer, a, out));
	if (out->n || out->null)
		return OK;
	/* RFC 5321 5.1: no MX is one of preference 0 that is the domain itself. */
	out->mx[0] = (struct dns_mx){ .host = arena_dup(a, domain) };
	out->n = 1;
	out->implicit = true;
	return out->mx[0].host.p ? OK : fail(E_LIMIT, "memory for MX records");
}

static void add_v4(struct dns_hosts *h, str rdata)
{
	struct sockaddr_in s = { .sin_family = AF_INET };

	if (rdata.n != 4)
		return;
	memcpy(&s.sin_addr, rdata.p, 4);
	memcpy(&h->addr[h->n].ss, &s, sizeof(s));
	h->addr[h->n++].n = sizeof(s);
}

static void add_v6(struct dns_hosts *h, str rdata)
{
	struct sockaddr_in6 s = { .sin6_family = AF_INET6 };

	if (rdata.n != 16)
		return;
	memcpy(&s.sin6_addr, rdata.p, 16);
	memcpy(&h->addr[h->n].ss, &s, sizeof(s));
	h->addr[h->n++].n = sizeof(s);
}

WAITS err dns_hosts(struct dns *d, str host, msec deadline, struct arena *a, struct dns_hosts *out)
{
	struct dns_answer v4 = { 0 }, v6 = { 0 };
	err e4 = dns_ask(d, host, DNS_A, deadline, a, &v4), e6 = E_NOTFOUND;

	*out = (struct dns_hosts){ 0 };
	if (e4 == E_CANCELED || e4 == E_SYNTAX)
		return e4;
	if (!v4.nxdomain)
		e6 = dns_ask(d, host, DNS_AAAA, deadline, a, &v6);
	if (e6 == E_CANCELED)
		return e6;
	out->addr = NEW_TRY(a, struct net_addr, v4.n + v6.n + 1);
	if (!out->addr)
		return fail(E_LIMIT, "memory for addresses");
	out->secure = (!v4.n || v4.secure) && (!v6.n || v6.secure);
	for (size_t i = 0; i < v4.n || i < v6.n; i++) {
		if (i < v6.n)
			add_v6(out, v6.rdata[i]);
		if (i < v4.n)
			add_v4(out, v4.rdata[i]);
	}
	if (out->n)
		return OK;
	if (e4 != OK || (e6 != OK && e6 != E_NOTFOUND)) /* one of the two is not known */
		return e4 != OK ? e4 : e6;
	return fail(E_NOTFOUND, "%.*s has no address", STRF(host));
}
