/* Which charsets the people here write in (ok_locales). SpamAssassin's Locales. */
#include "services/rules/eval_part.h"

bool eval_any_locale(const struct eval *e)
{
	struct scan_strs ok = rules_list(e->lists, STR("ok_locales"));

	for (size_t i = 0; i < ok.n; i++)
		if (str_eq(ok.v[i], STR("all")))
			return true;
	return ok.n == 0;
}

static bool has_word(str words, str word)
{
	str w;

	while (str_word(&words, &w))
		if (str_eq(w, word))
			return true;
	return false;
}

#define CYRILLIC S("KOI8R KOI8U KOI8T ISOIR111 CP1251 GEORGIANPS PT154 CP866")
static const struct {
	str locale, charsets;
} locales[] = {
	{ S("ja"), S("EUCJP JISX020119760 JISX020819830 JISX020819900 JISX020819970 JISX021219900 "
		     "JISX021320001 JISX021320002 SHIFT_JIS SHIFTJIS ISO2022JP SJIS JIS7 JISX0201 "
		     "JISX0208 JISX0212") },
	{ S("ko"), S("EUCKR KSC56011987") },
	{ S("ru"), CYRILLIC },
	{ S("ka"), CYRILLIC },
	{ S("tg"), CYRILLIC },
	{ S("be"), CYRILLIC },
	{ S("uk"), CYRILLIC },
	{ S("bg"), CYRILLIC },
	{ S("th"), S("TIS620") },
	{ S("zh"), S("GB1988 GB2312 GB231219800 GB18030 GBK BIG5HKSCS BIG5 EUCTW ISO2022CN") },
};

/* Capitals and digits alone, without what quoted-printable leaves of a '='. */
static str plain_name(struct eval *e, str charset)
{
	char *p = arena_try(scan_arena(e->m), charset.n, 1);
	size_t n = 0;
	str s;

	for (size_t i = 0; p && i < charset.n; i++)
		if (ch_alnum(charset.p[i]))
			p[n++] = ch_upper(charset.p[i]);
	s = str_of(p, n);
	return str_starts(s, STR("3D")) ? str_skip(s, 2) : s;
}

bool eval_charset_ok(struct eval *e, str charset)
{
	static const str everybodys[] = { S("USASCII"), S("ASCII"), S("IBM852"), S("XUNKNOWN"),
					  S("ISO") };
	static const str families[] = { S("ISO8859"),	    S("ISO10646"),     S("UTF"),
					S("UCS"),	    S("CP125"),	       S("WINDOWS"),
					S("UNICODE11UTF7"), S("UNICODE11UTF8") };
	struct scan_strs ok = rules_list(e->lists, STR("ok_locales"));
	str name = plain_name(e, charset);

	for (size_t i = 0; i < COUNT(everybodys); i++)
		if (str_eq(name, everybodys[i]))
			return true;
	for (size_t i = 0; i < COUNT(families); i++)
		if (str_starts(name, families[i]))
			return true;
	for (size_t i = 0; i < ok.n; i++)
		for (size_t j = 0; j < COUNT(locales); j++)
			if (str_eq(str_take(ok.v[i], 2), locales[j].locale) &&
			    has_word(locales[j].charsets, name))
				return true;
	return false;
}
