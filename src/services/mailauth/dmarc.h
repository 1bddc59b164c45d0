/* services/mailauth/dmarc.h: DMARC, RFC 9989. First dmarc_discover for the author's domain (it can
 * run beside SPF and DKIM), then dmarc_judge with their results. */
#ifndef SERVICES_MAILAUTH_DMARC_H
#define SERVICES_MAILAUTH_DMARC_H

#include "base/limits.h"
#include "formats/mailauth/dmarc.h"
#include "services/mailauth/lookup.h"
#include "services/mailauth/mailauth.h"

/* What a tree walk from one domain finds (4.10). */
struct dmarc_walk {
	str domain;	  /* where it began */
	str organization; /* 4.10.2 */
	bool found;	  /* a record that applies; the rest is filled then */
	str record_domain;
	struct dmarc_record record;
};
/* domain: as mailauth_name_of gives it. E_AGAIN, E_TIMEOUT: a question has no answer; E_CANCELED.
 */
WAITS MUST_USE err dmarc_walk(const struct mailauth_dns *dns, str domain, msec deadline,
			      struct arena *a, struct dmarc_walk *out);

struct dmarc_authors {
	struct dmarc_author {
		struct dmarc_walk walk;
		err e;	      /* of the walk */
		bool missing; /* the domain does not exist (np=) */
	} v[LIM_DMARC_AUTHORS];
	size_t n;
	bool odd; /* no domain in From, or too many, or one that is no domain: no DMARC */
};
/* The domains of all addresses of all From fields (5.3.1, 10.5), each once, and what is published
 * for them. E_CANCELED. */
WAITS MUST_USE err dmarc_discover(const struct mailauth_dns *dns, str message, msec deadline,
				  struct arena *a, struct dmarc_authors *out);
/* out: spf, spf_domain and dkim are given; dmarc is filled. With several authors the one that is
 * worst off counts. E_CANCELED. */
WAITS MUST_USE err dmarc_judge(const struct mailauth_dns *dns, const struct dmarc_authors *authors,
			       msec deadline, struct arena *a, struct mailauth_result *out);

#endif
