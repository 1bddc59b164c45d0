#include "services/mailauth/lookup.h"

WAITS static err ask_unbound(void *arg, str name, enum dns_type type, msec deadline,
			     struct arena *a, struct dns_answer *out)
{
	return dns_ask(arg, name, type, deadline, a, out);
}

struct mailauth_dns mailauth_dns_of(struct dns *d)
{
	return (struct mailauth_dns){ ask_unbound, d };
}

err mailauth_txt(str rdata, struct arena *a, str *out)
{
	char *p = arena_try(a, rdata.n + 1, 1);
	size_t n = 0;

	if (!p)
		return fail(E_LIMIT, "memory for a TXT record of %zu octets", rdata.n);
	if (!rdata.n)
		return fail(E_SYNTAX, "an empty TXT record");
	while (rdata.n) {
		str s = str_take(str_skip(rdata, 1), (unsigned char)rdata.p[0]);

		if (s.n != (unsigned char)rdata.p[0])
			return fail(E_SYNTAX, "a TXT record that is cut short");
		for (size_t i = 0; i < s.n; i++)
			p[n++] = s.p[i];
		rdata = str_skip(rdata, 1 + s.n);
	}
	*out = str_of(p, n);
	return OK;
}
