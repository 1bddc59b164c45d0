#include "services/directory/dialup.h"

#include <arpa/inet.h>

#include "formats/radius/hours.h"

static err clean_ip(str text, int family, struct buf *out)
{
	char z[64], shown[INET6_ADDRSTRLEN];
	unsigned char ip[16];

	if (!text.n)
		return OK;
	if (str_to_z(text, z, sizeof(z)) || inet_pton(family, z, ip) != 1 ||
	    !inet_ntop(family, ip, shown, sizeof(shown)))
		return fail(E_SYNTAX, "\"%.*s\" is no address of %s", STRF(str_take(text, 64)),
			    family == AF_INET ? "IPv4: 192.0.2.1" : "IPv6: 2001:db8::1");
	buf_add(out, str_z(shown));
	return OK;
}

err dialup_clean_address(str text, struct buf *out)
{
	return clean_ip(text, AF_INET, out);
}

err dialup_clean_address6(str text, struct buf *out)
{
	return clean_ip(text, AF_INET6, out);
}

err dialup_clean_prefix6(str text, struct buf *out)
{
	str address = text, bits = STR("");
	uint64_t n = 0;

	if (!text.n)
		return OK;
	if (!str_cut(text, '/', &address, &bits) || str_u64(bits, 128, &n))
		return fail(E_SYNTAX, "\"%.*s\" is no prefix: 2001:db8:1::/56",
			    STRF(str_take(text, 64)));
	TRY(clean_ip(address, AF_INET6, out));
	buf_fmt(out, "/%u", (unsigned)n);
	return OK;
}

err dialup_clean_hours(str text, struct buf *out)
{
	struct radius_hours h;

	TRY(radius_hours_parse(text, &h));
	buf_add(out, text);
	return OK;
}
