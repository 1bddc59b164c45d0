#include "formats/smtp/smtp.h"

err smtp_parse_helo(str args, str *name)
{
	str n = str_trim(args);

	if (!n.n)
		return fail(E_SYNTAX, "Name wanted");
	if (n.n > LIM_SMTP_DOMAIN)
		return fail(E_LIMIT, "Name is longer than %d octets", LIM_SMTP_DOMAIN);
	for (size_t i = 0; i < n.n; i++) {
		if ((unsigned char)n.p[i] <= ' ' || n.p[i] == 127)
			return fail(E_SYNTAX, "Name must be one word");
	}
	*name = n;
	return OK;
}

err smtp_parse_bdat(str args, uint64_t *size, bool *last)
{
	str number, word;
	uint64_t n;

	if (!str_word(&args, &number) || number.n > 19 || str_u64(number, INT64_MAX, &n) != OK)
		return fail(E_SYNTAX, "BDAT wants a number of octets");
	bool is_last = str_word(&args, &word);

	if (is_last && (!str_eqi(word, STR("LAST")) || str_trim(args).n))
		return fail(E_SYNTAX, "BDAT takes a number and LAST alone");
	*size = n;
	*last = is_last;
	return OK;
}

err smtp_parse_auth(str args, str *mechanism, bool *has_initial, str *initial)
{
	str m, i = STR("");

	if (!str_word(&args, &m) || m.n > 20)
		return fail(E_SYNTAX, "AUTH wants a mechanism");
	for (size_t k = 0; k < m.n; k++) {
		if (!ch_alnum(m.p[k]) && m.p[k] != '-' && m.p[k] != '_')
			return fail(E_SYNTAX, "Malformed mechanism");
	}
	bool has = str_word(&args, &i);

	if (str_trim(args).n)
		return fail(E_SYNTAX, "AUTH takes a mechanism and one response");
	*mechanism = m;
	*has_initial = has;
	*initial = has ? i : STR("");
	return OK;
}
