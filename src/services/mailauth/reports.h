/* services/mailauth/reports.h: what DMARC aggregate reports (RFC 9990) and TLS reports (RFC 8460)
 * tell, counted by day. One SQLite file in the folder of the role that counts; days older than
 * REPORTS_DAYS go. Counting never waits and never fails: what does not fit is dropped, and a metric
 * says so. */
#ifndef SERVICES_MAILAUTH_REPORTS_H
#define SERVICES_MAILAUTH_REPORTS_H

#include "formats/mailauth/dmarc_report.h"
#include "run/clock.h"
#include "services/mailauth/mailauth.h"

enum { REPORTS_DAYS = 30, REPORTS_DAY = 86400, REPORTS_TEXT = 1000 /* octets of a text */ };

/* ---- counting: in the role's process; a loop has its own. NULL counts nothing ---- */
struct reports;
/* dir: the role's data folder. Starts a fiber that writes every few seconds. */
WAITS MUST_USE err reports_open(const char *dir, struct reports **out);
/* Writes what waits. NULL allowed. */
WAITS void reports_close(struct reports *r);
/* A message whose DMARC result is PASS or FAIL, of a domain that asks for reports; others are not
 * counted. disposition: 'n', 'q', 'r': what became of it when it failed. */
void reports_dmarc(struct reports *r, const struct mailauth_question *q,
		   const struct mailauth_result *result, char disposition);

/* One attempt to deliver to a domain, for its TLS report. */
struct reports_tls {
	str domain;  /* the policy's: the recipients' domain */
	str policy;  /* "sts", "tlsa", "no-policy-found" */
	str failure; /* result-type of RFC 8460 4.3; "": TLS was as it should be */
	str sending_ip, mx_host, receiving_ip;
	int64_t now;
};
void reports_tls(struct reports *r, const struct reports_tls *session);

/* ---- reading: any process that may read the file; blocks ---- */
struct reports_store;
/* E_NOTFOUND: nothing was ever counted. */
MUST_USE err reports_read(const char *dir, struct reports_store **out);
void reports_read_close(struct reports_store *s); /* NULL allowed */

struct reports_domain {
	str domain, published, rua;
	uint64_t messages, failed;
};
/* Views of a callback live as long as it runs. An error of it ends the listing and is given back.
 * day: days since 1970. */
MUST_USE err reports_domains(struct reports_store *s, int64_t day,
			     err (*each)(void *arg, const struct reports_domain *d), void *arg);
/* One domain's report, as XML; d as reports_domains gave it, or with published "": the record that
 * most messages met. organization, email: ours. E_NOTFOUND: nothing counted; E_LIMIT: out is
 * full. */
MUST_USE err reports_xml(struct reports_store *s, int64_t day, const struct reports_domain *d,
			 str organization, str email, struct buf *out);
/* A domain's TLS report, RFC 8460 4.4. E_NOTFOUND, E_LIMIT. */
MUST_USE err reports_tls_json(struct reports_store *s, int64_t day, str domain, str organization,
			      str email, struct buf *out);

#endif
