#include "base/limits.h"
#include "services/mailauth/mailauth.h"
#include "services/mailauth/name.h"
#include "services/mailauth/psl.h"

/* A signature that its domain calls a test, or that leaves the end of the body open, is no reason
 * to let a message pass what others do not. */
static bool dkim_confirms(const struct mailauth_dkim *d, struct arena *a, str name)
{
	str signer = mailauth_name_of(a, d->domain);

	return d->result == AUTH_PASS && !d->test && !d->partial && signer.p &&
	       psl_same(signer, name);
}

bool mailauth_confirms(const struct mailauth_result *r, str domain)
{
	struct arena a;
	bool yes = false;

	arena_init(&a, KIB(16));
	str name = mailauth_name_of(&a, domain);
	str spf = mailauth_name_of(&a, r->spf_domain);

	if (name.p && spf.p && r->spf == AUTH_PASS)
		yes = psl_same(spf, name);
	for (size_t i = 0; name.p && i < r->ndkim && !yes; i++)
		yes = dkim_confirms(&r->dkim[i], &a, name);
	arena_free(&a);
	return yes;
}
