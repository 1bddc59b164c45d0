/* formats/mailauth/dmarc_report.h: a DMARC aggregate report as XML, RFC 9990 3.1 and appendix A.
 * Pure. Texts come from strangers: what XML cannot hold becomes '?'. */
#ifndef FORMATS_MAILAUTH_DMARC_REPORT_H
#define FORMATS_MAILAUTH_DMARC_REPORT_H

#include "base/buf.h"

struct dmarc_report {
	str organization, email; /* of who reports */
	str id;
	int64_t begin, end; /* seconds since 1970, both within */
	str domain;	    /* where the record stands */
	str published;	    /* the record's text */
};
struct dmarc_report_row {
	str ip;
	uint64_t count;
	char disposition; /* 'p'ass, 'n'one, 'q'uarantine, 'r'eject: what became of them */
	char asked;	  /* 'n', 'q', 'r': the policy that applied */
	bool dkim, spf;	  /* aligned and passed */
	str header_from, envelope_from;
	/* Lines "dkim DOMAIN SELECTOR RESULT" and "spf DOMAIN RESULT", each with '\n', fields
	 * separated by a space, an empty one "-". */
	str results;
};
void dmarc_report_begin(struct buf *out, const struct dmarc_report *r);
void dmarc_report_row(struct buf *out, const struct dmarc_report *r,
		      const struct dmarc_report_row *row);
void dmarc_report_end(struct buf *out);

#endif
