#include "formats/radius/password.h"

#include <string.h>

#include "base/mem.h"
#include "formats/radius/md.h"

enum { BLOCK = 16 };

/* c(i) = p(i) ^ MD5(secret + c(i-1)); the first with what `first` has. forward: hiding. The last
 * block may be cut. */
static void chain(str secret, str first, str more, bool forward, const unsigned char *in, size_t n,
		  unsigned char *out)
{
	unsigned char pad[MD5_OCTETS], before[BLOCK];

	for (size_t at = 0; at < n; at += BLOCK) {
		size_t now = n - at < BLOCK ? n - at : BLOCK;

		if (at == 0)
			md5_of(secret, first, more, STR(""), pad);
		else
			md5_of(secret, str_of(before, BLOCK), STR(""), STR(""), pad);
		if (!forward)
			memcpy(before, in + at, now);
		for (size_t i = 0; i < now; i++)
			out[at + i] = in[at + i] ^ pad[i];
		if (forward)
			memcpy(before, out + at, now);
	}
	mem_wipe(pad, sizeof(pad));
}

err radius_password_hide(str secret, const unsigned char authenticator[RADIUS_AUTH], str clear,
			 unsigned char out[RADIUS_PASSWORD], size_t *n)
{
	unsigned char padded[RADIUS_PASSWORD] = { 0 };

	if (clear.n > sizeof(padded))
		return fail(E_LIMIT, "password of %zu octets", clear.n);
	if (clear.n)
		memcpy(padded, clear.p, clear.n);
	*n = clear.n ? (clear.n + BLOCK - 1) / BLOCK * BLOCK : BLOCK;
	chain(secret, str_of(authenticator, RADIUS_AUTH), STR(""), true, padded, *n, out);
	mem_wipe(padded, sizeof(padded));
	return OK;
}

err radius_password_reveal(str secret, const unsigned char authenticator[RADIUS_AUTH], str hidden,
			   unsigned char out[RADIUS_PASSWORD], size_t *n)
{
	if (!hidden.n || hidden.n % BLOCK || hidden.n > RADIUS_PASSWORD)
		return fail(E_SYNTAX, "User-Password of %zu octets", hidden.n);
	chain(secret, str_of(authenticator, RADIUS_AUTH), STR(""), false,
	      (const unsigned char *)hidden.p, hidden.n, out);
	*n = hidden.n;
	while (*n && out[*n - 1] == 0)
		--*n;
	return OK;
}

err radius_salted_hide(str secret, const unsigned char authenticator[RADIUS_AUTH], unsigned salt,
		       str clear, size_t before, unsigned char out[RADIUS_VALUE], size_t *n)
{
	unsigned char padded[RADIUS_VALUE + BLOCK] = { 0 };
	size_t room = RADIUS_VALUE - before - 2;

	if (clear.n + 1 > room)
		return fail(E_LIMIT, "secret of %zu octets", clear.n);
	padded[0] = (unsigned char)clear.n;
	if (clear.n)
		memcpy(padded + 1, clear.p, clear.n);
	size_t whole = (clear.n + BLOCK) / BLOCK * BLOCK;

	whole = whole < room ? whole : room;
	out[0] = (unsigned char)(salt >> 8 | 0x80);
	out[1] = (unsigned char)salt;
	chain(secret, str_of(authenticator, RADIUS_AUTH), str_of(out, 2), true, padded, whole,
	      out + 2);
	mem_wipe(padded, sizeof(padded));
	*n = whole + 2;
	return OK;
}

err radius_salted_reveal(str secret, const unsigned char authenticator[RADIUS_AUTH], str hidden,
			 unsigned char out[RADIUS_VALUE], size_t *n)
{
	unsigned char clear[RADIUS_VALUE];

	if (hidden.n < 3 || hidden.n > RADIUS_VALUE)
		return fail(E_SYNTAX, "salted secret of %zu octets", hidden.n);
	chain(secret, str_of(authenticator, RADIUS_AUTH), str_take(hidden, 2), false,
	      (const unsigned char *)hidden.p + 2, hidden.n - 2, clear);
	if (clear[0] > hidden.n - 3)
		return fail(E_SYNTAX, "salted secret that says %u octets", clear[0]);
	*n = clear[0];
	memcpy(out, clear + 1, *n);
	mem_wipe(clear, sizeof(clear));
	return OK;
}

void radius_chap(unsigned id, str password, str challenge, unsigned char out[16])
{
	unsigned char first = (unsigned char)id;

	md5_of(str_of(&first, 1), password, challenge, STR(""), out);
}

bool radius_chap_fits(str value, str password, str challenge)
{
	unsigned char want[16];

	if (value.n != 17)
		return false;
	radius_chap((unsigned char)value.p[0], password, challenge, want);
	return same_octets(want, value.p + 1, sizeof(want));
}
