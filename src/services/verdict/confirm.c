/* Whom an Authentication-Results value confirms. RFC 8601 2.7. */
#include "base/limits.h"
#include "formats/mailauth/authres.h"
#include "services/mailauth/name.h"
#include "services/mailauth/psl.h"
#include "services/verdict/verdict.h"

static str property(const struct authres_result *r, str ptype, str name)
{
	for (size_t i = 0; i < r->nprops; i++)
		if (str_eqi(r->props[i].ptype, ptype) && str_eqi(r->props[i].name, name))
			return r->props[i].value;
	return STR("");
}

/* The domain for which this result speaks, "" for none. */
static str spoken_for(const struct authres_result *r)
{
	if (!str_eqi(r->result, STR("pass")))
		return STR("");
	if (str_eqi(r->method, STR("dmarc")))
		return property(r, STR("header"), STR("from"));
	/* A test, or one that leaves the end of the body open, is no reason to trust it. */
	if (str_eqi(r->method, STR("dkim")) && property(r, STR("policy"), STR("dkim-rules")).n)
		return STR("");
	if (str_eqi(r->method, STR("dkim")))
		return property(r, STR("header"), STR("d"));
	if (!str_eqi(r->method, STR("spf")))
		return STR("");
	str from = property(r, STR("smtp"), STR("mailfrom"));

	return str_find(from, '@') < from.n ? verdict_domain(from) : from;
}

/* As services/mailauth has it: domains of one organisation speak for each other. */
static bool speaks_for(struct arena *a, str signer, str domain)
{
	str one = mailauth_name_of(a, signer), other = mailauth_name_of(a, domain);

	return signer.n && one.p && other.p && psl_same(one, other);
}

bool verdict_confirmed(str auth_results, str domain)
{
	struct authres f = { 0 };
	struct arena a;
	bool yes = false;

	arena_init(&a, LIM_AUTH_RESULTS * 8);
	if (!domain.n || auth_results.n > LIM_AUTH_RESULTS ||
	    authres_parse(auth_results, &a, &f) != OK)
		f.n = 0;
	for (size_t i = 0; i < f.n && !yes; i++)
		yes = speaks_for(&a, spoken_for(&f.results[i]), domain);
	arena_free(&a);
	return yes;
}
