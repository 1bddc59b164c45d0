/* services/mailauth/reports_store.h: the SQLite file of counts. Everything here blocks. */
#ifndef SERVICES_MAILAUTH_REPORTS_STORE_H
#define SERVICES_MAILAUTH_REPORTS_STORE_H

#include "services/mailauth/reports.h"

/* A count under way: these texts in the order of the table's columns, as lstr of base/buf.h behind
 * the kind and the day. */
enum { REPORTS_DMARC_TEXTS = 11, REPORTS_TLS_TEXTS = 6 };

/* <dir>/reports.db, made when absent. E_IO, E_CORRUPT. */
MUST_USE err reports_store_open(const char *dir, struct reports_store **out);
/* counts: u8 'd' or 't', varint day, the texts; again and again. One transaction. left_out: rows
 * that a day has no more room for. */
MUST_USE err reports_store_add(struct reports_store *s, str counts, uint64_t *left_out);
/* Days before this one go. */
MUST_USE err reports_store_prune(struct reports_store *s, int64_t day);

struct reports_tls_row {
	str policy, failure, sending_ip, mx_host, receiving_ip;
	uint64_t n;
};
/* Rows of one policy follow one another. */
MUST_USE err reports_tls_rows(struct reports_store *s, int64_t day, str domain,
			      err (*each)(void *arg, const struct reports_tls_row *row), void *arg);

/* Domains that mail was delivered to. */
MUST_USE err reports_tls_domains(struct reports_store *s, int64_t day,
				 err (*each)(void *arg, str domain), void *arg);
/* The id of a report, unlike that of every other one of ours. */
void reports_id(struct buf *out, int64_t day, str domain, str published);

/* One report to one address. A claim is written before the report leaves, and stays whatever
 * happens then, so that a report is sent once. */
struct reports_claim {
	int64_t day;
	bool tls;
	str domain, published; /* published: "" for TLS */
	str address;	       /* as the record has it */
};
/* what: "sending", or why it is not sent. E_EXISTS: it was claimed before. */
MUST_USE err reports_claim(struct reports_store *s, const struct reports_claim *c,
			   const char *what);
MUST_USE err reports_claimed(struct reports_store *s, const struct reports_claim *c, bool *out);
/* what became of it; NULL: it did not leave, and may be claimed again. */
MUST_USE err reports_claim_end(struct reports_store *s, const struct reports_claim *c,
			       const char *what);

#endif
