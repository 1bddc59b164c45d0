/* Whom an Authentication-Results value confirms. RFC 8601 2.2. */
#include "services/verdict/word.h"

/* "method=pass": the first word of a result. */
static bool passes(str result, str method)
{
	str name, value;

	return str_cut(result, '=', &name, &value) && str_eqi(str_trim_ws(name), method) &&
	       str_eqi(str_trim_ws(value), STR("pass"));
}

/* The value of "ptype.property=..." among the words behind. */
static str property(str words, str name)
{
	str word, key, value;

	while (verdict_word(&words, &word)) {
		if (str_cut(word, '=', &key, &value) && str_eqi(key, name))
			return value;
	}
	return STR("");
}

/* RFC 6376 3.5: who signs for a domain signs for those below it, too, as alignment (RFC 9989)
 * takes it. One label alone is nobody's. */
static bool is_or_below(str domain, str signer)
{
	if (str_find(signer, '.') == signer.n)
		return false;
	return str_eqi(domain, signer) || (domain.n > signer.n && str_endsi(domain, signer) &&
					   domain.p[domain.n - signer.n - 1] == '.');
}

static bool says(str result, str domain)
{
	str rest = str_trim_ws(result), first;

	if (!verdict_word(&rest, &first))
		return false;
	if (passes(first, STR("dmarc")))
		return str_eqi(property(rest, STR("header.from")), domain);
	if (passes(first, STR("dkim")))
		return is_or_below(domain, property(rest, STR("header.d")));
	if (passes(first, STR("spf"))) {
		str from = property(rest, STR("smtp.mailfrom"));

		return str_find(from, '@') < from.n ? str_eqi(verdict_domain(from), domain)
						    : str_eqi(from, domain);
	}
	return false;
}

/* The text without comments and without what is quoted: both may hold anything, "; dkim=pass" as
 * well. What is left out becomes a space. */
static void add_plain(struct buf *out, str value)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\\' && (quoted || depth))
			i++;
		else if (c == '"' && !depth)
			quoted = !quoted;
		else if (c == '(' && !quoted)
			depth++;
		else if (c == ')' && !quoted && depth)
			depth--;
		else if (!quoted && !depth)
			buf_addc(out, c);
		if (quoted || depth)
			buf_addc(out, ' ');
	}
}

bool verdict_confirmed(str auth_results, str domain)
{
	CLEANUP(buf_free) struct buf plain;
	str rest, result;
	bool yes = false;

	buf_init(&plain, auth_results.n * 2 + 1);
	add_plain(&plain, auth_results);
	if (!domain.n || buf_done(&plain) != OK)
		return false;
	rest = buf_str(&plain);
	while (!yes && str_next(&rest, ';', &result))
		yes = says(result, domain);
	return yes;
}
