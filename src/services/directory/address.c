#include "services/directory/address.h"

#include <idn2.h>

#include "base/enc.h"

static bool label_ok(str l)
{
	if (!l.n || l.n > 63 || l.p[0] == '-' || l.p[l.n - 1] == '-')
		return false;
	for (size_t i = 0; i < l.n; i++)
		if (!ch_alnum(l.p[i]) && l.p[i] != '-' && l.p[i] != '_')
			return false;
	return true;
}

/* U-labels to A-labels. in is valid input of any bytes; out has LIM_SMTP_DOMAIN + 1 octets. */
static err to_ascii(str in, char *out)
{
	char u[LIM_SMTP_DOMAIN + 1];
	uint8_t *a = NULL;

	TRY(str_to_z(in, u, sizeof(u)));
	int rc = idn2_lookup_u8((const uint8_t *)u, &a, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);

	if (rc != IDN2_OK)
		return fail(E_SYNTAX, "domain \"%.*s\": %s", STRF(in), idn2_strerror(rc));
	err e = str_to_z(str_z((const char *)a), out, LIM_SMTP_DOMAIN + 1);

	idn2_free(a);
	return e;
}

err dir_domain_parse(str in, char *out, str *domain)
{
	str rest, label;

	if (in.n && in.p[in.n - 1] == '.')
		in.n--;
	if (in.n > LIM_SMTP_DOMAIN)
		return fail(E_LIMIT, "a domain of %zu octets; %d are allowed", in.n,
			    LIM_SMTP_DOMAIN);
	if (!str_ascii(in)) {
		TRY(to_ascii(in, out));
	} else {
		TRY(str_to_z(in, out, LIM_SMTP_DOMAIN + 1));
	}
	rest = *domain = str_z(out);
	for (size_t i = 0; i < rest.n; i++)
		out[i] = ch_lower(out[i]);
	if (!rest.n)
		return fail(E_SYNTAX, "an empty domain");
	while (str_next(&rest, '.', &label))
		if (!label_ok(label))
			return fail(E_SYNTAX, "\"%.*s\" is not a domain name", STRF(in));
	return OK;
}

/* RFC 5322 3.2.3 atext, RFC 6531 3.3 UTF8-non-ascii. */
static bool atext(char c)
{
	return ch_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c && str_find(STR("!#$%&'*+-/=?^_`{|}~"), c) < sizeof("!#$%&'*+-/=?^_`{|}~") - 1);
}

static bool dot_atom(str s)
{
	str rest = s, atom;

	while (str_next(&rest, '.', &atom)) {
		if (!atom.n)
			return false;
		for (size_t i = 0; i < atom.n; i++)
			if (!atext(atom.p[i]))
				return false;
	}
	return s.n && s.p[s.n - 1] != '.' && utf8_valid(s);
}

static err join(str local, str domain, struct dir_address *out)
{
	if (local.n > LIM_SMTP_LOCAL)
		return fail(E_LIMIT, "a local part of %zu octets; %d are allowed", local.n,
			    LIM_SMTP_LOCAL);
	for (size_t i = 0; i < local.n; i++)
		out->text[i] = ch_lower(local.p[i]);
	out->text[local.n] = '@';
	TRY(dir_domain_parse(domain, out->text + local.n + 1, &out->domain));
	out->local = str_of(out->text, local.n);
	out->all = str_of(out->text, local.n + 1 + out->domain.n);
	return OK;
}

err dir_address_parse(str in, bool strict, struct dir_address *out)
{
	size_t at = str_rfind(in, '@');

	if (at == in.n)
		return fail(E_SYNTAX, "\"%.*s\" is not an address; write name@domain", STRF(in));
	if (strict && !dot_atom(str_take(in, at)))
		return fail(E_SYNTAX,
			    "\"%.*s\" is not an address: letters, digits and !#$%%&'*+-/=?^_`{|}~ "
			    "with single dots between stand before the @",
			    STRF(in));
	return join(str_take(in, at), str_skip(in, at + 1), out);
}

err dir_pattern_parse(str in, struct dir_address *out)
{
	size_t at = str_rfind(in, '@');

	if (at == in.n)
		return join(STR(""), in, out);
	return at == 0 ? join(STR(""), str_skip(in, 1), out) : dir_address_parse(in, true, out);
}
