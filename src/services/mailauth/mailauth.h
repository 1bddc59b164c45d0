/* services/mailauth/mailauth.h: who really sent a message. SPF (RFC 7208), DKIM (RFC 6376, 8301,
 * 8463), DMARC (RFC 9989: tree walk, public suffix list beside it), ARC (RFC 8617), and the field
 * that says so (RFC 8601). All look-ups of one message run side by side under one deadline. */
#ifndef SERVICES_MAILAUTH_MAILAUTH_H
#define SERVICES_MAILAUTH_MAILAUTH_H

#include "base/arena.h"
#include "base/buf.h"
#include "clients/dns/dns.h"
#include "run/net.h"

enum auth_result { /* RFC 8601 2.7; the names are mailauth_name()'s */
		   AUTH_NONE,
		   AUTH_PASS,
		   AUTH_FAIL,
		   AUTH_SOFTFAIL,
		   AUTH_NEUTRAL,
		   AUTH_POLICY,
		   AUTH_TEMPERROR,
		   AUTH_PERMERROR,
};
const char *mailauth_name(enum auth_result r);

struct mailauth_dkim {
	enum auth_result result;
	str domain, selector, identity, algorithm; /* d= s= i= a= */
	str b;					   /* the first 8 characters of b= (RFC 6008) */
	str why;				   /* for people, "" when it passed */
	bool test;				   /* t=y */
	bool partial;				   /* l= leaves bytes of the body unsigned */
	unsigned bits;				   /* of an RSA key */
};
struct mailauth_dmarc {
	enum auth_result result; /* NONE: no record; PASS; FAIL; TEMPERROR; PERMERROR */
	str domain;		 /* the author domain (From) */
	str organization;	 /* its organisational domain */
	str record_domain;	 /* where the record was found */
	char policy;		 /* 'n'one 'q'uarantine 'r'eject that applies; '\0' none */
	bool spf_aligned, dkim_aligned;
	str rua, ruf;  /* as published, for reports */
	str published; /* the record's text, "" when there is none */
};
struct mailauth_result {
	enum auth_result spf;
	str spf_domain; /* the domain that was asked (MAIL FROM's, or HELO's for <>) */
	str spf_why;	/* explanation or error, "" */
	enum auth_result spf_helo;
	struct mailauth_dkim *dkim;
	size_t ndkim;
	struct mailauth_dmarc dmarc;
	enum auth_result arc; /* NONE, PASS, FAIL */
	unsigned arc_instances;
	str arc_sealer; /* d= of the newest seal */
};
struct mailauth_question {
	str message;		   /* whole, CRLF or LF */
	const struct net_addr *ip; /* NULL: no SPF */
	str helo, from;		   /* MAIL FROM without <>, "" = <> */
	str hostname;		   /* our name, for SPF macros and Authentication-Results */
	int64_t now;		   /* seconds since 1970 */
};
/* Results live in a. Never fails because of the message or the DNS: these are results. E_CANCELED.
 */
WAITS MUST_USE err mailauth_check(struct dns *dns, const struct mailauth_question *q, msec deadline,
				  struct arena *a, struct mailauth_result *out);
/* The same, asking as services/mailauth/lookup.h says: for tests with zone data. */
struct mailauth_dns;
WAITS MUST_USE err mailauth_check_by(const struct mailauth_dns *dns,
				     const struct mailauth_question *q, msec deadline,
				     struct arena *a, struct mailauth_result *out);
/* The whole field, folded, ending with CRLF. */
void mailauth_add_field(struct buf *out, str hostname, const struct mailauth_question *q,
			const struct mailauth_result *r);
/* True when SPF (aligned) or DKIM confirms that this domain sent it: what a white list needs. */
bool mailauth_confirms(const struct mailauth_result *r, str domain);

#endif
