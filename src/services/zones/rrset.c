#include <string.h>

#include "formats/dns/message.h"
#include "formats/dns/rdata.h"
#include "services/zones/zone.h"

enum { CANONICAL = 1024 }; /* octets of data with names: a SOA has 530 */

bool zone_rdata_next(const struct zone_rrset *s, const unsigned char **at, str *rdata)
{
	const unsigned char *p = *at ? *at : (const unsigned char *)s->data.p;
	const unsigned char *end = (const unsigned char *)s->data.p + s->data.n;

	if (p == end)
		return false;
	p += s->skip;
	*rdata = str_of(p + 2, dns_get16(p));
	*at = p + 2 + rdata->n;
	return true;
}

int zone_rrset_cmp(const struct zone_rrset *a, const struct zone_rrset *b)
{
	return a->type != b->type ? (int)a->type - (int)b->type : (int)a->covers - (int)b->covers;
}

int zone_rdata_cmp(uint16_t type, str a, str b)
{
	size_t at[2];

	if (a.n <= CANONICAL && b.n <= CANONICAL && dns_rdata_names(type, a, at)) {
		char x[CANONICAL], y[CANONICAL];

		memcpy(x, a.p, a.n);
		memcpy(y, b.p, b.n);
		dns_rdata_canonical(type, x, a.n);
		dns_rdata_canonical(type, y, b.n);
		return str_cmp(str_of(x, a.n), str_of(y, b.n));
	}
	return str_cmp(a, b);
}
