/* Who answers: version.bind, version.server, hostname.bind, id.server in class CH (RFC 4892). */
#include "sessions/dns/server.h"

bool chaos_put(struct exchange *x, struct reply *r)
{
	static const struct {
		str name;
		size_t offset;
	} names[] = {
		{ S("\7version\4bind"), offsetof(struct dns_service, version) },
		{ S("\7version\6server"), offsetof(struct dns_service, version) },
		{ S("\10hostname\4bind"), offsetof(struct dns_service, identity) },
		{ S("\2id\6server"), offsetof(struct dns_service, identity) },
	};
	str name = dns_name_str(&x->q.name);
	char text[256];

	for (size_t i = 0; i < COUNT(names); i++) {
		const str *said = (const void *)((const char *)x->o + names[i].offset);

		/* The literal's NUL is the root. */
		if (!str_eqi(name, str_of(names[i].name.p, names[i].name.n + 1)) || !said->n)
			continue;
		if (x->q.type != DNS_TXT && x->q.type != DNS_ANY)
			return true;
		text[0] = (char)(said->n < 255 ? said->n : 255);
		for (size_t k = 0; k < (unsigned char)text[0]; k++)
			text[k + 1] = said->p[k];
		return reply_record(r, DNS_ANSWER, DNS_HEADER, DNS_TXT, x->q.class, 0,
				    str_of(text, (unsigned char)text[0] + 1u));
	}
	return false;
}
