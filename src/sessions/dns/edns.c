/* OPT in answers: RFC 6891 6.1, cookies 7873 5.2, NSID 5001 2.3, extended errors 8914. */
#include <string.h>

#include "sessions/dns/cookie.h"
#include "sessions/dns/server.h"

enum {
	OPT = 11, /* octets of an OPT without options */
	OPTION = 4,
	NSID = 3,
	COOKIE_OPTION = 10,
	EXTENDED_ERROR = 15,
};

void edns_cookie(struct exchange *x)
{
	const struct dns_service *o = x->o;
	bool fresh = false;
	str c = x->q.edns.cookie;

	x->ncookie = 0;
	x->cookie_known = false;
	if (!o->cookies || !o->nsecrets || !c.n)
		return;
	uint32_t now = (uint32_t)clock_unix();

	for (unsigned i = 0; i < o->nsecrets && !x->cookie_known; i++) {
		x->cookie_known = cookie_good(o->secrets[i], c, x->peer, now, &fresh);
		fresh = fresh && i == 0;
	}
	x->ncookie = COOKIE;
	if (x->cookie_known && fresh)
		memcpy(x->cookie, c.p, COOKIE);
	else
		cookie_make(o->secrets[0], c, x->peer, now, x->cookie);
}

static size_t nsid_octets(const struct exchange *x)
{
	return x->q.edns.nsid && x->o->identity.n ? OPTION + x->o->identity.n : 0;
}

size_t edns_room(const struct exchange *x)
{
	if (!x->q.edns.present)
		return 0;
	return OPT + (x->ncookie ? OPTION + x->ncookie : 0) + nsid_octets(x) +
	       (x->o->extended_errors ? OPTION + 2 : 0);
}

static unsigned char *put_option(unsigned char *p, unsigned code, const void *data, size_t n)
{
	dns_put16(p, code);
	dns_put16(p + 2, (unsigned)n);
	memcpy(p + OPTION, data, n);
	return p + OPTION + n;
}

/* Room was reserved. */
void edns_put(const struct exchange *x, struct reply *r)
{
	unsigned char *opt = r->p + r->n, *p = opt + OPT;
	unsigned char code[2];

	if (!x->q.edns.present)
		return;
	opt[0] = 0;
	dns_put16(opt + 1, DNS_OPT);
	dns_put16(opt + 3, (unsigned)x->o->udp_size);
	dns_put32(opt + 5, (uint32_t)(x->rcode >> 4) << 24 | (x->q.edns.dnssec_ok ? 0x8000 : 0));
	if (x->ncookie)
		p = put_option(p, COOKIE_OPTION, x->cookie, x->ncookie);
	if (nsid_octets(x))
		p = put_option(p, NSID, x->o->identity.p, x->o->identity.n);
	if (x->extended >= 0 && x->o->extended_errors) {
		dns_put16(code, (unsigned)x->extended);
		p = put_option(p, EXTENDED_ERROR, code, 2);
	}
	dns_put16(opt + 9, (unsigned)(p - opt - OPT));
	r->n = (size_t)(p - r->p);
	r->counts[DNS_ADDITIONAL]++;
}
