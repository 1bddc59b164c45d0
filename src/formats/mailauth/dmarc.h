/* formats/mailauth/dmarc.h: a DMARC policy record, RFC 9989 4.7, 4.8. Pure. Views point into the
 * text. Only its beginning must be right: what is wrong behind it is left out, and the defaults
 * stand (4.7). */
#ifndef FORMATS_MAILAUTH_DMARC_H
#define FORMATS_MAILAUTH_DMARC_H

#include "base/str.h"

struct dmarc_record {
	str text;     /* whole, as published */
	char policy;  /* p=: 'n'one, 'q'uarantine, 'r'eject; '\0': not given, or another word */
	char sub;     /* sp=, likewise */
	char missing; /* np=, likewise */
	bool odd;     /* sp= or np= is there with another word */
	bool strict_dkim, strict_spf;
	bool test;    /* t=y */
	char psd;     /* 'y', 'n', 'u' */
	str rua, ruf; /* as published, "" when not given */
	str fo;	      /* "0" when not given */
};
/* True and out filled when the text begins as a record of this version does ("v=DMARC1", this case,
 * then ';' or the end). */
bool dmarc_parse(str text, struct dmarc_record *out);
/* A record that can be used (RFC 9989 4.10.1): p is taken as none where it is missing, or sp or np
 * is odd, and there is an address for reports; false: the record asks for nothing. */
bool dmarc_usable(struct dmarc_record *r);
/* The next URI of a list (rua, ruf), trimmed, a size limit of RFC 7489 ("!10m") taken off. False at
 * the end. */
bool dmarc_next_uri(str *rest, str *uri);

#endif
