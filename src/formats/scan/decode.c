/* Transfer encodings and charsets, as forgiving as SpamAssassin. */
#include <string.h>
#include <unicode/ucnv.h>
#include <unicode/utf16.h>

#include "base/enc.h"
#include "formats/scan/view.h"

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ch_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* "=" that is not the end counts as "A"; what is no base64 is passed over. */
str view_base64(struct scan_mail *m, str in)
{
	struct out o;
	unsigned bits = 0, held = 0;
	size_t end = in.n;

	while (end && (is_space(in.p[end - 1]) || in.p[end - 1] == '='))
		end--;
	if (!view_out(m, &o, in.n / 4 * 3 + 3))
		return STR("");
	for (size_t i = 0; i < end; i++) {
		int v = in.p[i] == '=' ? 0 : sextet(in.p[i]);

		if (v < 0)
			continue;
		held = held << 6 | (unsigned)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out_c(&o, (char)(held >> bits & 0xff));
		}
	}
	return out_str(&o);
}

str view_qp(struct scan_mail *m, str in)
{
	struct out o;
	size_t i = 0;

	if (!view_out(m, &o, in.n))
		return STR("");
	while (i < in.n) {
		char c = in.p[i];

		if (c == ' ' || c == '\t') { /* before a line end it goes */
			size_t j = i;

			while (j < in.n && (in.p[j] == ' ' || in.p[j] == '\t'))
				j++;
			if (!(j < in.n && (in.p[j] == '\n' || (in.p[j] == '\r' && j + 1 < in.n &&
							       in.p[j + 1] == '\n'))))
				out_add(&o, str_of(in.p + i, j - i));
			i = j;
		} else if (c != '=') {
			size_t j = i + 1;

			while (j < in.n && in.p[j] != '=' && in.p[j] != ' ' && in.p[j] != '\t')
				j++;
			out_add(&o, str_of(in.p + i, j - i));
			i = j;
		} else {
			size_t j = i + 1;

			while (j < in.n && (in.p[j] == ' ' || in.p[j] == '\t'))
				j++;
			if (j < in.n && in.p[j] == '\r' && j + 1 < in.n && in.p[j + 1] == '\n')
				j++;
			if (j < in.n && in.p[j] == '\n') {
				i = j + 1;
			} else if (i + 2 < in.n && is_xdigit(in.p[i + 1]) &&
				   is_xdigit(in.p[i + 2])) {
				out_c(&o, (char)(hex_of(in.p[i + 1]) << 4 | hex_of(in.p[i + 2])));
				i += 3;
			} else {
				out_c(&o, '=');
				i++;
			}
		}
	}
	return out_str(&o);
}

/* ---- charsets ---- */

static const uint16_t windows_1252[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

/* False: an octet that the charset does not have (strict only). */
static bool from_1252(struct scan_mail *m, str in, bool strict, str *out)
{
	struct out o;

	if (!view_out(m, &o, size_mul(in.n, 3))) {
		*out = STR("");
		return true;
	}
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		uint32_t cp = c >= 0x80 && c < 0xa0 ? windows_1252[c - 0x80] : c;

		if (strict && cp == 0xfffd)
			return false;
		out_cp(&o, cp);
	}
	*out = out_str(&o);
	return true;
}

/* Malformed octets become U+FFFD. */
static str from_utf8(struct scan_mail *m, str in)
{
	struct out o;
	str rest = in;
	int32_t cp;

	if (utf8_valid(in))
		return in;
	if (!view_out(m, &o, size_mul(in.n, 3)))
		return STR("");
	while ((cp = utf8_next(&rest)) >= 0)
		out_cp(&o, (uint32_t)cp);
	return out_str(&o);
}

/* Perl's name for a charset where ICU takes it for something else or does not know it. */
static const struct {
	str name;
	const char *icu; /* NULL: Perl does not know it */
} names[] = {
	{ S("gb2312"), "gb2312" },
	{ S("gb18030"), "gbk" },
	{ S("ks_c_5601-1987"), "windows-949" },
	{ S("shift_jis"), "shift_jis" },
	{ S("x-sjis"), "shift_jis" },
	{ S("iso-8859-8-i"), "iso-8859-8" },
	{ S("big5"), "big5" },
	{ S("unicode"), NULL },
	{ S("ansi"), NULL },
	{ S("8bit"), NULL },
	{ S("cp-850"), NULL },
	{ S("binary"), NULL },
};

static UConverter *open_converter(str charset)
{
	char z[64];
	const char *name = z;
	UErrorCode e = U_ZERO_ERROR;

	if (!charset.n || str_to_z(charset, z, sizeof(z)) != OK)
		return NULL;
	for (size_t i = 0; i < charset.n; i++)
		if (!ch_alnum(z[i]) && str_find(STR("-_.:+"), z[i]) == 5)
			return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eqi(charset, names[i].name))
			name = names[i].icu;
	if (!name || ucnv_countAliases(name, &e) == 0 || U_FAILURE(e))
		return NULL;
	e = U_ZERO_ERROR;
	UConverter *c = ucnv_open(name, &e);

	return U_SUCCESS(e) ? c : NULL;
}

/* With a converter that the caller closes. False: strict, and octets that the charset lacks. */
static bool convert(struct scan_mail *m, UConverter *c, str in, bool strict, str *out)
{
	UErrorCode e = U_ZERO_ERROR;
	const char *at = in.p, *end = in.p + in.n;
	struct out o;
	UChar piece[512];
	uint32_t high = 0;

	*out = STR("");
	if (strict)
		ucnv_setToUCallBack(c, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &e);
	if (!view_out(m, &o, size_add(size_mul(in.n, 4), 8)))
		return true;
	for (;;) {
		UChar *to = piece;

		e = U_ZERO_ERROR;
		ucnv_toUnicode(c, &to, piece + 512, &at, end, NULL, true, &e);
		if (U_FAILURE(e) && e != U_BUFFER_OVERFLOW_ERROR)
			return false;
		for (UChar *u = piece; u < to; u++) {
			if (U16_IS_LEAD(*u)) {
				high = *u;
			} else if (U16_IS_TRAIL(*u) && high) {
				out_cp(&o, (uint32_t)U16_GET_SUPPLEMENTARY(high, *u));
				high = 0;
			} else {
				out_cp(&o, *u);
			}
		}
		if (e != U_BUFFER_OVERFLOW_ERROR)
			break;
	}
	*out = out_str(&o);
	return true;
}

static bool convert_named(struct scan_mail *m, str in, str charset, bool strict, str *out)
{
	UConverter *c = open_converter(charset);
	bool ok;

	if (!c)
		return false;
	ok = convert(m, c, in, strict, out);
	ucnv_close(c);
	return ok;
}

static bool is_ascii_name(str c)
{
	return str_eqi(c, STR("us-ascii")) || str_eqi(c, STR("ascii"));
}

static bool digits(str s, size_t min, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]))
			return false;
	return s.n >= min && s.n <= max;
}

/* Charsets whose lower half is ASCII: nothing to do for plain text. */
static bool extends_ascii(str c)
{
	static const str plain[] = { S("utf-8"), S("utf8"), S("big5"), S("gbk") };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (str_eqi(c, plain[i]))
			return true;
	if (str_startsi(c, STR("iso8859")) || str_startsi(c, STR("iso-8859")) ||
	    str_startsi(c, STR("iso 8859"))) {
		str rest = str_skip(c, c.n > 3 && !ch_digit(c.p[3]) ? 8 : 7);

		return rest.n == 0 || (rest.p[0] == '-' && digits(str_skip(rest, 1), 1, 2));
	}
	if (str_startsi(c, STR("windows-")))
		return digits(str_skip(c, 8), 4, 4);
	if (str_startsi(c, STR("koi8-")) || str_startsi(c, STR("euc-")))
		return c.n >= 5 && c.n <= 7 && ch_alpha(c.p[c.n - 1]);
	return str_startsi(c, STR("gb18030")) || str_startsi(c, STR("gb-18030"));
}

/* Octets that are likely Windows-1252: ASCII, letters, some punctuation. */
static bool like_1252(str in)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c < 0x80 || c == 0xa0 || c == 0xa9 || c == 0xad || c == 0x82 || c == 0x84 ||
		    c == 0x85 || (c >= 0x91 && c <= 0x97) || c == 0x99)
			continue;
		if (c >= 0xc0 && c <= 0xfe && c != 0xd7 && c != 0xdf && c != 0xf7)
			continue;
		return false;
	}
	return true;
}

/* Which end of a UTF-16 text without a mark comes first. */
static const char *guess_utf16(str in)
{
	size_t even = 0, odd = 0, le = 0, be = 0;

	if (in.n >= 2 && (memcmp(in.p, "\xff\xfe", 2) == 0 || memcmp(in.p, "\xfe\xff", 2) == 0))
		return NULL;
	for (size_t i = 0; i + 1 < in.n; i += 2) {
		unsigned char a = (unsigned char)in.p[i], b = (unsigned char)in.p[i + 1];

		even += (a >> 4) + (a & 15);
		odd += (b >> 4) + (b & 15);
		le += a == 0x20 && b == 0;
		be += a == 0 && b == 0x20;
	}
	le += even > odd * 4;
	be += odd * 4 > even;
	return le > be ? "utf-16le" : be > le ? "utf-16be" : NULL;
}

static bool by_name(struct scan_mail *m, str in, str charset, bool insist, bool tried, str *out)
{
	if (str_startsi(charset, STR("utf-16")) || str_startsi(charset, STR("utf16")) ||
	    str_startsi(charset, STR("utf 16"))) {
		const char *name = guess_utf16(in);

		return name && convert_named(m, in, str_z(name), true, out);
	}
	if (str_eqi(charset, STR("utf-8")) || str_eqi(charset, STR("utf8"))) {
		if (tried || (!insist && !utf8_valid(in)))
			return false;
		*out = from_utf8(m, in);
		return true;
	}
	if (str_eqi(charset, STR("iso-8859-1")) || str_eqi(charset, STR("iso8859-1")) ||
	    str_eqi(charset, STR("windows-1252")) || str_eqi(charset, STR("cp1252")))
		return from_1252(m, in, !insist, out);
	return convert_named(m, in, charset, !insist, out);
}

struct view_text view_normalize(struct scan_mail *m, str in, str charset, bool insist)
{
	bool plain = str_ascii(in), tried = false;
	str out;

	if (plain && (is_ascii_name(charset) || extends_ascii(charset)))
		return (struct view_text){ in, false };
	if (!plain && !insist) {
		if (utf8_valid(in))
			return (struct view_text){ in, true };
		tried = true;
	}
	if (is_ascii_name(charset) && !insist)
		; /* it is not */
	else if (by_name(m, in, charset, insist, tried, &out))
		return (struct view_text){ out, true };
	if (plain)
		return (struct view_text){ in, false };
	if (like_1252(in) && from_1252(m, in, true, &out))
		return (struct view_text){ out, true };
	(void)from_1252(m, in, false, &out);
	return (struct view_text){ out, true };
}
