#include <unicode/ucnv.h>
#include <unicode/utf16.h>

#include "base/enc.h"
#include "formats/mime/header.h"
#include "formats/mime/lex.h"

#define CHARSET_NAME 64 /* octets; no charset has a longer name */

static const str replacement = S("\xef\xbf\xbd");

/* What mail means by a name where ICU means something narrower, or knows nothing. */
static const struct {
	str name;
	const char *means;
} meant[] = {
	{ S("iso-8859-1"), "windows-1252" },
	{ S("latin1"), "windows-1252" },
	{ S("latin-1"), "windows-1252" },
	{ S("iso8859-1"), "windows-1252" },
	{ S("iso_8859-1"), "windows-1252" },
	{ S("iso-8859-9"), "windows-1254" },
	{ S("gb2312"), "gb18030" },
	{ S("gbk"), "gb18030" },
	{ S("x-gbk"), "gb18030" },
	{ S("cp-850"), "ibm-850" },
	{ S("ks_c_5601-1987"), "windows-949" },
	{ S("euc-kr"), "windows-949" },
	{ S("iso-8859-8-i"), "iso-8859-8" },
	{ S("iso-8859-8-e"), "iso-8859-8" },
	{ S("iso-8859-6-i"), "iso-8859-6" },
	{ S("unicode-1-1-utf-7"), "utf-7" },
	{ S("shift_jis"), "windows-31j" },
	{ S("shift-jis"), "windows-31j" },
	{ S("x-sjis"), "windows-31j" },
	{ S("x-mac-roman"), "macintosh" },
};

/* ICU looks for a data file for a name that it does not know, so only names of its own list get
 * there. */
static UConverter *open_charset(str charset)
{
	char name[CHARSET_NAME];
	const char *z = name;
	UErrorCode e = U_ZERO_ERROR;

	if (!charset.n || str_to_z(charset, name, sizeof(name)) != OK)
		return NULL;
	for (size_t i = 0; i < charset.n; i++)
		if (!ch_alnum(name[i]) && str_find(STR("-_.:+"), name[i]) == 5)
			return NULL;
	for (size_t i = 0; i < COUNT(meant); i++)
		if (str_eqi(charset, meant[i].name))
			z = meant[i].means;
	if (ucnv_countAliases(z, &e) == 0 || U_FAILURE(e))
		return NULL;
	UConverter *c = ucnv_open(z, &e);

	return U_SUCCESS(e) ? c : NULL;
}

static void converter_close(UConverter **c)
{
	if (*c)
		ucnv_close(*c);
}

static size_t plain_run(str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] > '\0')
		n++;
	return n;
}

/* Well-formed UTF-8 without NULs, from bytes that claim to be it. */
static bool add_utf8(struct buf *out, str s)
{
	bool good = true;

	if (str_find(s, '\0') == s.n && utf8_valid(s))
		return mime_add_fit(out, s);
	while (s.n) {
		str piece = str_take(s, plain_run(s));

		s = str_skip(s, piece.n);
		if (!piece.n) {
			const char *from = s.p;
			int32_t cp = utf8_next(&s);
			bool bad = cp <= 0 || cp == 0xfffd;

			good = good && !bad;
			piece = bad ? replacement : str_of(from, (size_t)(s.p - from));
		}
		if (!mime_add_fit(out, piece))
			return false;
	}
	return good;
}

/* Adds UTF-16; high is a first half that waits for its second. False: something had to be replaced.
 */
static bool add_utf16(struct buf *out, const UChar *u, const UChar *end, int32_t *high)
{
	bool good = true;

	for (; u < end && out->max - out->n >= 4; u++) {
		int32_t cp = *u;

		if (U16_IS_LEAD(cp)) {
			*high = cp;
			continue;
		}
		if (U16_IS_TRAIL(cp) && *high)
			cp = U16_GET_SUPPLEMENTARY(*high, cp);
		*high = 0;
		if (cp == 0)
			cp = 0xfffd;
		good = good && cp != 0xfffd;
		utf8_add(out, cp);
	}
	return good && u == end;
}

static bool convert(struct buf *out, UConverter *from, str bytes)
{
	UChar pivot[512] = { 0 };
	const char *in = bytes.p, *end = bytes.p + bytes.n;
	int32_t high = 0;
	bool good = true;

	for (;;) {
		UChar *at = pivot;
		UErrorCode e = U_ZERO_ERROR;

		ucnv_toUnicode(from, &at, pivot + COUNT(pivot), &in, end, NULL, true, &e);
		good = add_utf16(out, pivot, at, &high) && good;
		if (e != U_BUFFER_OVERFLOW_ERROR || out->max - out->n < 4)
			return good && U_SUCCESS(e);
	}
}

static bool is_utf8_name(str charset)
{
	return str_eqi(charset, STR("utf-8")) || str_eqi(charset, STR("utf8"));
}

static bool is_ascii_name(str charset)
{
	return !charset.n || str_eqi(charset, STR("us-ascii")) || str_eqi(charset, STR("ascii"));
}

/* Bytes over 127 of which nobody said what they are. */
static void guess(struct buf *out, str bytes)
{
	CLEANUP(converter_close) UConverter *latin = NULL;

	if (!utf8_valid(bytes))
		latin = open_charset(STR("windows-1252"));
	if (latin)
		(void)convert(out, latin, bytes);
	else
		(void)add_utf8(out, bytes);
}

bool mime_charset(struct buf *out, str charset, str bytes)
{
	if (is_utf8_name(charset))
		return add_utf8(out, bytes);
	if (is_ascii_name(charset)) {
		if (str_ascii(bytes))
			return add_utf8(out, bytes);
		guess(out, bytes);
		return false;
	}
	CLEANUP(converter_close) UConverter *from = open_charset(charset);

	if (from)
		return convert(out, from, bytes);
	guess(out, bytes);
	return false;
}
