#include "base/enc.h"
#include "formats/smtp/path.h"

/* RFC 5321 4.1.2: esmtp-keyword; a value is visible and has no '='. */
static bool param_valid(str key, str value)
{
	if (!key.n || !ch_alnum(key.p[0]))
		return false;
	for (size_t i = 0; i < key.n; i++) {
		if (!ch_alnum(key.p[i]) && key.p[i] != '-')
			return false;
	}
	for (size_t i = 0; i < value.n; i++) {
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == '=' || value.p[i] == 127)
			return false;
	}
	return true;
}

static const struct smtp_param *find(const struct smtp_param *params, size_t n, str key)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eqi(params[i].keyword, key))
			return &params[i];
	}
	return NULL;
}

err smtp_read_params(str args, unsigned ext, const struct smtp_param *params, size_t n,
		     struct arena *a, void *out)
{
	unsigned seen = 0;
	str word;

	if (args.n && args.p[0] != ' ')
		return fail(E_SYNTAX, "Space wanted behind the address");
	while (str_word(&args, &word)) {
		str key = word, value = STR("");
		bool has = str_cut(word, '=', &key, &value);

		if (!param_valid(key, value) || (has && !value.n))
			return fail(E_SYNTAX, "Malformed parameter");
		const struct smtp_param *p = find(params, n, key);

		if (!p || (p->ext & ext) != p->ext)
			return fail(E_DENIED, "Parameter not offered here");
		if (seen & 1u << (p - params))
			return fail(E_EXISTS, "Parameter given twice");
		seen |= 1u << (p - params);
		TRY(p->read(value, has, a, out));
	}
	return OK;
}

err smtp_read_xtext(str value, size_t max, struct arena *a, str *out)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, max);
	if (value.n > max)
		return fail(E_LIMIT, "Parameter value is longer than %zu octets", max);
	if (dec_xtext(&b, value) != OK || !str_printable(buf_str(&b)))
		return fail(E_SYNTAX, "Parameter value is not xtext of printable octets");
	*out = arena_dup(a, buf_str(&b));
	return out->p ? OK : fail(E_LIMIT, "No memory for the parameter");
}
