#include "formats/mailauth/spf.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/limits.h"

enum argument { NO_ARGUMENT, NEEDS_DOMAIN, MAY_DOMAIN, MAY_DOMAIN_AND_BITS, NEEDS_IP };
static const struct {
	str name;
	enum spf_mechanism what;
	enum argument argument;
} mechanisms[] = {
	{ S("all"), SPF_ALL, NO_ARGUMENT },	{ S("include"), SPF_INCLUDE, NEEDS_DOMAIN },
	{ S("a"), SPF_A, MAY_DOMAIN_AND_BITS }, { S("mx"), SPF_MX, MAY_DOMAIN_AND_BITS },
	{ S("ptr"), SPF_PTR, MAY_DOMAIN },	{ S("ip4"), SPF_IP4, NEEDS_IP },
	{ S("ip6"), SPF_IP6, NEEDS_IP },	{ S("exists"), SPF_EXISTS, NEEDS_DOMAIN },
};
static const str version = S("v=spf1");

bool spf_is_record(str text)
{
	return str_startsi(text, version) && (text.n == version.n || text.p[version.n] == ' ');
}

static err bad(str term)
{
	return fail(E_SYNTAX, "SPF: \"%.*s\" is no term", STRF(term));
}

/* name of 4.6.1: what stands before ':', '/', '=' or the end. */
static str take_name(str *rest)
{
	size_t n = 0;

	while (n < rest->n && (ch_alnum(rest->p[n]) || rest->p[n] == '-' || rest->p[n] == '_' ||
			       rest->p[n] == '.'))
		n++;
	str name = str_take(*rest, n);

	*rest = str_skip(*rest, n);
	return name.n && ch_alpha(name.p[0]) ? name : STR("");
}

/* ---- prefix lengths ---- */
/* "/24" (slashes 1) or "//64" (2) at the end of *s is taken off. False: there is one, and it is no
 * number that the grammar has. */
static bool take_bits(str *s, unsigned slashes, unsigned most, unsigned *bits)
{
	size_t n = s->n;
	uint64_t v;

	while (n && ch_digit(s->p[n - 1]))
		n--;
	if (n == s->n || n < slashes || s->p[n - 1] != '/' || (slashes == 2 && s->p[n - 2] != '/'))
		return true;
	str digits = str_skip(*s, n);

	if (str_u64(digits, most, &v) != OK || (digits.n > 1 && digits.p[0] == '0'))
		return false;
	*bits = (unsigned)v;
	*s = str_take(*s, n - slashes);
	return true;
}

static bool take_ip(str s, struct spf_term *t)
{
	char z[INET6_ADDRSTRLEN];
	bool six = t->what == SPF_IP6;

	if (!take_bits(&s, 1, six ? 128 : 32, six ? &t->bits6 : &t->bits4))
		return false;
	return str_to_z(s, z, sizeof(z)) == OK &&
	       inet_pton(six ? AF_INET6 : AF_INET, z, t->ip) == 1;
}

/* rest: behind the mechanism's name. */
static bool take_argument(enum argument kind, str rest, struct spf_term *t)
{
	bool given = rest.n && rest.p[0] == ':';

	if (kind == NO_ARGUMENT)
		return !rest.n;
	if (kind == NEEDS_IP)
		return given && take_ip(str_skip(rest, 1), t);
	if (kind == MAY_DOMAIN_AND_BITS &&
	    (!take_bits(&rest, 2, 128, &t->bits6) || !take_bits(&rest, 1, 32, &t->bits4)))
		return false;
	if (!given)
		return !rest.n && kind != NEEDS_DOMAIN;
	t->domain = str_skip(rest, 1);
	return spf_domain_spec(t->domain);
}

static err take_mechanism(str term, struct spf_term *t)
{
	str rest = term;

	*t = (struct spf_term){ .qualifier = '+', .text = term, .bits4 = 32, .bits6 = 128 };
	if (memchr("+-~?", term.p[0], 4)) {
		t->qualifier = term.p[0];
		rest = str_skip(rest, 1);
	}
	str name = take_name(&rest);

	for (size_t i = 0; i < COUNT(mechanisms); i++) {
		if (!str_eqi(name, mechanisms[i].name))
			continue;
		t->what = mechanisms[i].what;
		return take_argument(mechanisms[i].argument, rest, t) ? OK : bad(term);
	}
	return bad(term);
}

/* redirect= and exp= once each (6); others are passed over when they are well-formed. */
static err take_modifier(str term, str name, str value, struct spf_record *out)
{
	str *where = str_eqi(name, STR("redirect")) ? &out->redirect
		     : str_eqi(name, STR("exp"))    ? &out->explain
						    : NULL;

	if (!where)
		return spf_macro_string(value) ? OK : bad(term);
	if (where->p)
		return fail(E_SYNTAX, "SPF: %.*s= stands there twice", STRF(name));
	if (!spf_domain_spec(value))
		return bad(term);
	*where = value;
	return OK;
}

static err take_term(str term, struct spf_record *out)
{
	str rest = term, name = take_name(&rest);

	if (name.n && rest.n && rest.p[0] == '=')
		return take_modifier(term, name, str_skip(rest, 1), out);
	return take_mechanism(term, &out->terms[out->n++]);
}

err spf_parse(str text, struct arena *a, struct spf_record *out)
{
	str rest = str_skip(text, version.n), term;
	size_t n = 0;

	for (str look = rest; str_next(&look, ' ', &term);)
		n += term.n > 0;
	if (n > LIM_SPF_TERMS)
		return fail(E_LIMIT, "SPF: a record of %zu terms", n);
	*out = (struct spf_record){ .terms = NEW_TRY(a, struct spf_term, n + 1) };
	if (!out->terms)
		return fail(E_LIMIT, "SPF: memory for %zu terms", n);
	/* Spaces alone are separators (4.6.1): a tab or a line end is part of a term and refused
	 * there. */
	while (str_next(&rest, ' ', &term))
		if (term.n)
			TRY(take_term(term, out));
	return OK;
}
