/* Which hosts can be, and what their registered domain is: by the public suffix list that libpsl
 * brings. */
#include <libpsl.h>
#include <string.h>

#include <idn2.h>

#include "formats/scan/mail.h"

static str label_after(str host)
{
	size_t dot = str_rfind(host, '.');

	return dot < host.n ? str_skip(host, dot + 1) : STR("");
}

static bool digits(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

static bool lower_z(str s, char *out, size_t room)
{
	if (str_to_z(s, out, room))
		return false;
	for (size_t i = 0; out[i]; i++)
		out[i] = ch_lower(out[i]);
	return true;
}

bool scan_known_top(str top)
{
	char z[64];

	return top.n && !digits(top) && lower_z(top, z, sizeof z) &&
	       psl_is_public_suffix2(psl_builtin(), z, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}

bool scan_domain_valid(str domain)
{
	for (size_t i = 0; i < domain.n; i++) {
		if (domain.p[i] == ' ' || (domain.p[i] >= '\t' && domain.p[i] <= '\r'))
			return false;
	}
	return str_find(domain, '.') < domain.n && scan_known_top(label_after(domain));
}

static bool label_ok(str l, bool last_two)
{
	if (!l.n || l.n > 63 || l.p[0] == '-' || l.p[l.n - 1] == '-')
		return false;
	for (size_t i = 0; i < l.n; i++) {
		char c = ch_lower(l.p[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		      (c == '_' && !last_two)))
			return false;
	}
	return true;
}

bool scan_host_valid(str host)
{
	str rest = host, label;
	size_t labels = 1, i = 0;

	for (size_t k = 0; k < host.n; k++)
		labels += host.p[k] == '.';
	if (labels < 2 || host.n > 253 || !scan_known_top(label_after(host)))
		return false;
	while (str_next(&rest, '.', &label)) {
		i++;
		if (!label_ok(label, i + 2 > labels))
			return false;
	}
	return true;
}

str scan_ascii_host(struct arena *a, str host)
{
	char z[256];
	uint8_t *ascii = NULL;
	str out;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!lower_z(host, z, sizeof z))
		return STR("");
	if (str_ascii(host))
		return arena_dup(a, str_z(z));
	if (idn2_lookup_u8((const uint8_t *)z, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
	    IDN2_OK)
		return arena_dup(a, str_z(z));
	out = arena_dup(a, str_z((const char *)ascii));
	idn2_free(ascii);
	return out;
}

static bool is_address(str host)
{
	str piece, rest = host;
	uint64_t v;

	if (str_find(host, ':') < host.n)
		return true;
	while (str_next(&rest, '.', &piece)) {
		if (str_u64(piece, 255, &v))
			return false;
	}
	return true;
}

str scan_registered_domain(str host)
{
	char z[256];
	const char *domain;

	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (!host.n || is_address(host))
		return host;
	if (!lower_z(host, z, sizeof z))
		return STR("");
	/* The registries' part alone: what a hoster gives away is its own domain's. */
	domain = z;
	for (const char *next = strchr(z, '.'); next; next = strchr(next + 1, '.')) {
		if (psl_is_public_suffix2(psl_builtin(), next + 1, PSL_TYPE_ICANN))
			break;
		domain = next + 1;
	}
	return str_skip(host, host.n - str_z(domain).n);
}
