#include "formats/sasl/sasl.h"

#include <unicode/usprep.h>

#include "base/enc.h"
#include "base/limits.h"
#include "base/mem.h"

err sasl_plain_parse(str m, struct sasl_plain *out)
{
	struct sasl_plain p;
	str rest;

	if (m.n > LIM_SASL)
		return fail(E_LIMIT, "a SASL message of %zu octets", m.n);
	if (!str_cut(m, '\0', &p.authzid, &rest) || !str_cut(rest, '\0', &p.authcid, &p.password))
		return fail(E_SYNTAX, "PLAIN: fewer than two NULs");
	if (!p.authcid.n || !p.password.n || str_find(p.password, '\0') != p.password.n)
		return fail(E_SYNTAX, "PLAIN: an empty name or password, or a third NUL");
	if (p.authzid.n > LIM_USER || p.authcid.n > LIM_USER || p.password.n > LIM_PASSWORD)
		return fail(E_LIMIT, "PLAIN: a name or password is too long");
	if (!utf8_valid(m))
		return fail(E_SYNTAX, "PLAIN: not UTF-8");
	*out = p;
	return OK;
}

void sasl_plain_print(const struct sasl_plain *p, struct buf *out)
{
	buf_add(out, p->authzid);
	buf_addc(out, '\0');
	buf_add(out, p->authcid);
	buf_addc(out, '\0');
	buf_add(out, p->password);
}

err sasl_login_parse(str m, size_t max, str *out)
{
	if (!m.n || str_find(m, '\0') != m.n)
		return fail(E_SYNTAX, "LOGIN: an empty answer, or a NUL in it");
	if (m.n > max)
		return fail(E_LIMIT, "LOGIN: an answer of %zu octets", m.n);
	*out = m;
	return OK;
}

err sasl_external_parse(str m, str *authzid)
{
	if (m.n > LIM_USER)
		return fail(E_LIMIT, "EXTERNAL: an authorization identity of %zu octets", m.n);
	if (str_find(m, '\0') != m.n || !utf8_valid(m))
		return fail(E_SYNTAX, "EXTERNAL: a NUL, or not UTF-8");
	*authzid = m;
	return OK;
}

static void add_utf16(const UChar *u, int32_t n, struct buf *out)
{
	for (int32_t i = 0; i < n;) {
		UChar32 c;

		U16_NEXT(u, i, n, c);
		utf8_add(out, c);
	}
}

/* in: at most LIM_PASSWORD octets of UTF-8, so at most as many UTF-16 units; NFKC may make up to 18
 * of one. */
static err prepare(str in, struct buf *out)
{
	UChar from[LIM_PASSWORD], *to = mem_get(sizeof(UChar) * LIM_PASSWORD * 18);
	UErrorCode status = U_ZERO_ERROR;
	UStringPrepProfile *profile = usprep_openByType(USPREP_RFC4013_SASLPREP, &status);
	int32_t n = 0, made = 0;

	while (in.n) {
		UChar32 c = utf8_next(&in);
		UBool bad = 0;

		U16_APPEND(from, n, LIM_PASSWORD, c, bad);
		if (bad)
			break;
	}
	if (U_SUCCESS(status))
		made = usprep_prepare(profile, from, n, to, LIM_PASSWORD * 18, USPREP_DEFAULT, NULL,
				      &status);
	if (U_SUCCESS(status))
		add_utf16(to, made, out);
	if (profile)
		usprep_close(profile);
	mem_wipe(from, sizeof(from));
	mem_wipe(to, sizeof(UChar) * LIM_PASSWORD * 18);
	mem_free(to);
	return U_SUCCESS(status) ? buf_done(out)
				 : fail(E_SYNTAX, "SASLprep: %s", u_errorName(status));
}

err sasl_prep(str in, struct buf *out)
{
	if (in.n > LIM_PASSWORD)
		return fail(E_LIMIT, "SASLprep: %zu octets", in.n);
	if (str_printable(in)) {
		buf_add(out, in);
		return buf_done(out);
	}
	if (!utf8_valid(in))
		return fail(E_SYNTAX, "SASLprep: not UTF-8");
	return prepare(in, out);
}
