#include "formats/dns/form.h"

#include "formats/dns/rdata.h"

static const struct dns_form forms[] = {
	{ DNS_NS, 0, 1, 0 },	{ 3, 0, 1, 0 },			       /* MD */
	{ 4, 0, 1, 0 },						       /* MF */
	{ DNS_CNAME, 0, 1, 0 }, { DNS_SOA, 0, 2, 20 }, { 7, 0, 1, 0 }, /* MB */
	{ 8, 0, 1, 0 },						       /* MG */
	{ 9, 0, 1, 0 },						       /* MR */
	{ DNS_PTR, 0, 1, 0 },	{ 14, 0, 2, 0 },		       /* MINFO */
	{ DNS_MX, 2, 1, 0 },	{ 17, 0, 2, 0 },		       /* RP */
	{ 18, 2, 1, 0 },					       /* AFSDB */
	{ 21, 2, 1, 0 },					       /* RT */
	{ 26, 2, 2, 0 },					       /* PX */
	{ DNS_SRV, 6, 1, 0 },	{ 36, 2, 1, 0 },		       /* KX */
	{ DNS_DNAME, 0, 1, 0 },
};

const struct dns_form *dns_form_of(uint16_t type)
{
	for (size_t i = 0; i < COUNT(forms); i++)
		if (forms[i].type == type)
			return &forms[i];
	return NULL;
}

unsigned dns_rdata_names(uint16_t type, str rdata, size_t at[2])
{
	const struct dns_form *f = dns_form_of(type);
	size_t i = f ? f->before : 0;

	for (unsigned k = 0; f && k < f->names; k++) {
		at[k] = i;
		while (i < rdata.n && rdata.p[i])
			i += (unsigned char)rdata.p[i] + 1u;
		if (i++ >= rdata.n)
			return k; /* not the form of its type */
	}
	return f ? f->names : 0;
}
