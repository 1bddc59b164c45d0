#include "base/enc.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char hex_digits[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

void enc_base64(struct buf *out, str in)
{
	for (; in.n; in = str_skip(in, 3)) {
		unsigned v = 0;

		for (size_t i = 0; i < 3; i++)
			v = v << 8 | (i < in.n ? (unsigned char)in.p[i] : 0);
		char four[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63],
				 in.n > 1 ? alphabet[v >> 6 & 63] : '=',
				 in.n > 2 ? alphabet[v & 63] : '=' };

		buf_add(out, str_of(four, 4));
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ch_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters, the last pad of them '='. */
static err base64_quad(struct buf *out, const char *p, unsigned pad)
{
	unsigned v = 0;

	for (unsigned i = 0; i < 4; i++) {
		int d = i < 4 - pad ? base64_value(p[i]) : 0;

		if (d < 0)
			return E_SYNTAX;
		v = v << 6 | (unsigned)d;
	}
	if (pad && v & (pad == 2 ? 0xffffu : 0xffu))
		return E_SYNTAX;
	for (unsigned i = 0; i < 3 - pad; i++)
		buf_u8(out, v >> (16 - 8 * i) & 0xff);
	return OK;
}

err dec_base64(struct buf *out, str in)
{
	if (in.n % 4)
		return E_SYNTAX;
	for (; in.n; in = str_skip(in, 4)) {
		unsigned pad = 0;

		if (in.n == 4 && in.p[3] == '=')
			pad = in.p[2] == '=' ? 2 : 1;
		TRY(base64_quad(out, in.p, pad));
	}
	return buf_done(out);
}

void enc_hex(struct buf *out, str in)
{
	for (size_t i = 0; i < in.n; i++) {
		buf_addc(out, hex_digits[(unsigned char)in.p[i] >> 4]);
		buf_addc(out, hex_digits[in.p[i] & 15]);
	}
}

static int hex_value(char c)
{
	c = ch_lower(c);
	return ch_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static err hex_pair(struct buf *out, const char *p)
{
	int high = hex_value(p[0]), low = hex_value(p[1]);

	if (high < 0 || low < 0)
		return E_SYNTAX;
	buf_u8(out, (unsigned)(high << 4 | low));
	return OK;
}

err dec_hex(struct buf *out, str in)
{
	if (in.n % 2)
		return E_SYNTAX;
	for (; in.n; in = str_skip(in, 2))
		TRY(hex_pair(out, in.p));
	return buf_done(out);
}

static bool xchar(char c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

void enc_xtext(struct buf *out, str in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (xchar(in.p[i])) {
			buf_addc(out, in.p[i]);
			continue;
		}
		buf_addc(out, '+');
		buf_addc(out, hex_upper[(unsigned char)in.p[i] >> 4]);
		buf_addc(out, hex_upper[in.p[i] & 15]);
	}
}

err dec_xtext(struct buf *out, str in)
{
	while (in.n) {
		if (in.p[0] == '+') {
			if (in.n < 3)
				return E_SYNTAX;
			TRY(hex_pair(out, in.p + 1));
			in = str_skip(in, 3);
			continue;
		}
		if (!xchar(in.p[0]))
			return E_SYNTAX;
		buf_addc(out, in.p[0]);
		in = str_skip(in, 1);
	}
	return buf_done(out);
}

/* Length of the sequence that lead begins and its payload bits; 0 when it begins none. */
static unsigned utf8_lead(unsigned char lead, uint32_t *bits)
{
	if (lead < 0x80) {
		*bits = lead;
		return 1;
	}
	if (lead >= 0xc2 && lead <= 0xdf) {
		*bits = lead & 0x1fu;
		return 2;
	}
	if ((lead & 0xf0) == 0xe0) {
		*bits = lead & 0x0fu;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		*bits = lead & 0x07u;
		return 4;
	}
	return 0;
}

/* The code point at the start of s and its length; -1 when malformed. */
static int32_t utf8_one(str s, unsigned *length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t cp = 0;
	unsigned n = utf8_lead((unsigned char)s.p[0], &cp);

	if (n == 0 || n > s.n)
		return -1;
	for (unsigned i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return -1;
		cp = cp << 6 | (s.p[i] & 0x3fu);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return -1;
	*length = n;
	return (int32_t)cp;
}

bool utf8_valid(str s)
{
	while (s.n) {
		unsigned n;

		if (utf8_one(s, &n) < 0)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

int32_t utf8_next(str *s)
{
	unsigned n = 1;

	if (!s->n)
		return -1;
	int32_t cp = utf8_one(*s, &n);

	*s = str_skip(*s, cp < 0 ? 1 : n);
	return cp < 0 ? 0xfffd : cp;
}

void utf8_add(struct buf *out, int32_t cp)
{
	if (cp < 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = 0xfffd;
	uint32_t c = (uint32_t)cp;

	if (c < 0x80) {
		buf_u8(out, c);
		return;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	buf_u8(out, ((0xff00u >> (more + 1)) & 0xffu) | c >> (6 * more));
	while (more--)
		buf_u8(out, 0x80u | (c >> (6 * more) & 0x3fu));
}

bool utf8_shown(int32_t cp)
{
	if (cp < 0xa0)
		return cp >= ' ' && cp < 0x7f;
	return cp != 0xad && !(cp >= 0x200b && cp <= 0x200f) && !(cp >= 0x2028 && cp <= 0x202e) &&
	       !(cp >= 0x2060 && cp <= 0x206f) && cp != 0xfeff && cp != 0xfffd && cp < 0xe0000;
}

void utf8_add_shown(struct buf *out, str s)
{
	while (s.n) {
		int32_t cp = utf8_next(&s);

		utf8_add(out, utf8_shown(cp) ? cp : '?');
	}
}
