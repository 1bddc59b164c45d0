#include "formats/imap/utf7.h"

#include "base/enc.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int value_of(char c)
{
	for (int i = 0; i < 64; i++)
		if (alphabet[i] == c)
			return i;
	return -1;
}

static bool plain(uint32_t unit)
{
	return unit >= 0x20 && unit < 0x7f;
}

/* One UTF-16 unit of a shifted run; *high keeps the first half of a pair. */
static err add_unit(uint32_t unit, uint32_t *high, struct buf *out)
{
	if (*high) {
		if ((unit & 0xfc00u) != 0xdc00u)
			return fail(E_SYNTAX, "Modified UTF-7: lone surrogate");
		utf8_add(out, (int32_t)(0x10000u + ((*high & 0x3ffu) << 10) + (unit & 0x3ffu)));
		*high = 0;
		return OK;
	}
	if ((unit & 0xfc00u) == 0xdc00u)
		return fail(E_SYNTAX, "Modified UTF-7: lone surrogate");
	if (plain(unit))
		return fail(E_SYNTAX, "Modified UTF-7: encoded ASCII");
	if ((unit & 0xfc00u) == 0xd800u)
		*high = unit;
	else
		utf8_add(out, (int32_t)unit);
	return OK;
}

/* run: between "&" and "-". */
static err shifted(str run, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned nbits = 0;

	for (size_t i = 0; i < run.n; i++) {
		int v = value_of(run.p[i]);
		if (v < 0)
			return fail(E_SYNTAX, "Modified UTF-7: invalid character");
		bits = bits << 6 | (uint32_t)v;
		nbits += 6;
		if (nbits >= 16) {
			nbits -= 16;
			TRY(add_unit(bits >> nbits & 0xffffu, &high, out));
			bits &= (1u << nbits) - 1;
		}
	}
	if (high || nbits >= 6 || bits != 0)
		return fail(E_SYNTAX, "Modified UTF-7: incomplete");
	return OK;
}

err utf7_decode(str in, struct buf *out)
{
	bool was_shift = false;

	for (size_t i = 0; i < in.n; i++) {
		if (!plain((unsigned char)in.p[i]))
			return fail(E_SYNTAX, "Mailbox name has 8 bit or control characters");
		if (in.p[i] != '&') {
			buf_addc(out, in.p[i]);
			was_shift = false;
			continue;
		}
		str rest = str_skip(in, i + 1);
		size_t n = str_find(rest, '-');
		if (n >= rest.n)
			return fail(E_SYNTAX, "Modified UTF-7: shift without its end");
		/* "&..-&..-" could have been one run, and then a name would have two forms. */
		if (n > 0 && was_shift)
			return fail(E_SYNTAX, "Modified UTF-7: superfluous shift");
		if (n == 0)
			buf_addc(out, '&');
		else
			TRY(shifted(str_take(rest, n), out));
		was_shift = n > 0;
		i += n + 1;
	}
	return buf_done(out);
}

struct enc7 {
	struct buf *out;
	uint32_t bits;
	unsigned nbits;
	bool on;
};

static void put_unit(struct enc7 *e, uint32_t unit)
{
	if (!e->on)
		buf_addc(e->out, '&');
	e->on = true;
	e->bits = e->bits << 16 | unit;
	e->nbits += 16;
	while (e->nbits >= 6) {
		e->nbits -= 6;
		buf_addc(e->out, alphabet[e->bits >> e->nbits & 63u]);
	}
	e->bits &= (1u << e->nbits) - 1;
}

static void shift_out(struct enc7 *e)
{
	if (!e->on)
		return;
	if (e->nbits)
		buf_addc(e->out, alphabet[e->bits << (6 - e->nbits) & 63u]);
	buf_addc(e->out, '-');
	e->bits = e->nbits = 0;
	e->on = false;
}

void utf7_encode(str in, struct buf *out)
{
	struct enc7 e = { .out = out };

	for (int32_t cp; (cp = utf8_next(&in)) >= 0;) {
		uint32_t u = (uint32_t)cp;
		if (plain(u)) {
			shift_out(&e);
			buf_addc(out, (char)u);
			if (u == '&')
				buf_addc(out, '-');
		} else if (u >= 0x10000u) {
			put_unit(&e, 0xd800u + ((u - 0x10000u) >> 10));
			put_unit(&e, 0xdc00u + ((u - 0x10000u) & 0x3ffu));
		} else {
			put_unit(&e, u);
		}
	}
	shift_out(&e);
}
