#include "formats/pop3/pop3.h"

static bool verb_fits(str verb)
{
	if (verb.n < 3 || verb.n > 4)
		return false;
	for (size_t i = 0; i < verb.n; i++)
		if (!ch_alnum(verb.p[i]))
			return false;
	return true;
}

static bool may_hold_utf8(str verb)
{
	return str_eqi(verb, STR("PASS")) || str_eqi(verb, STR("USER")) ||
	       str_eqi(verb, STR("APOP"));
}

err pop3_parse(str line, struct pop3_command *out)
{
	struct pop3_command c = { .verb = line, .rest = STR("") };

	if (str_find(line, '\0') != line.n)
		return E_SYNTAX;
	(void)str_cut(line, ' ', &c.verb, &c.rest);
	if (!verb_fits(c.verb) || (!str_ascii(c.rest) && !may_hold_utf8(c.verb)))
		return E_SYNTAX;
	c.args[0] = c.args[1] = STR("");
	str rest = str_trim(c.rest);

	if (rest.n) {
		c.nargs = 1;
		c.args[0] = rest;
		if (str_cut(rest, ' ', &c.args[0], &c.args[1]))
			c.nargs = 2;
	}
	*out = c;
	return OK;
}

err pop3_number(str arg, size_t max, size_t *out)
{
	uint64_t n;
	err e = str_u64(arg, max, &n);

	if (e == E_SYNTAX)
		return E_SYNTAX;
	if (e != OK || n == 0)
		return E_NOTFOUND;
	*out = (size_t)n;
	return OK;
}
