/* services/mailauth/spf.h: check_host() of RFC 7208 4. */
#ifndef SERVICES_MAILAUTH_SPF_H
#define SERVICES_MAILAUTH_SPF_H

#include "run/net.h"
#include "services/mailauth/lookup.h"
#include "services/mailauth/mailauth.h"

struct spf_question {
	const struct net_addr *ip; /* IPv4, IPv6, IPv4 within IPv6 */
	str from; /* MAIL FROM without <>; "": HELO is checked as postmaster@helo */
	str helo;
	str receiver; /* our name, for %{r} */
	int64_t now;
};
struct spf_answer {
	enum auth_result result;
	str domain;	 /* that was asked, in A-labels where it is a domain name */
	str explanation; /* of a FAIL, by the domain's owner (6.2): printable ASCII, "" when none */
	str why;	 /* for people: the term that matched, or the error */
};
/* Results live in a. OK whatever record and DNS are like; E_CANCELED. */
WAITS MUST_USE err spf_check(const struct mailauth_dns *dns, const struct spf_question *q,
			     msec deadline, struct arena *a, struct spf_answer *out);

#endif
