/* formats/scan/received.h: one Received field, as mail servers of thirty years have written it.
 * RFC 5321 4.4 says how it should look; hardly anybody's does. What is recognised, and what is
 * passed over, is what SpamAssassin 4.0.1 recognises, since rules are written against its reading.
 */
#ifndef FORMATS_SCAN_RECEIVED_H
#define FORMATS_SCAN_RECEIVED_H

#include "formats/scan/scan.h"

enum received_kind {
	RECEIVED_RELAY,	  /* out is filled, but for trusted, internal and msa */
	RECEIVED_NO_HOP,  /* understood; no handover between two machines */
	RECEIVED_FETCHED, /* a program has fetched it from a mailbox: what stands above is another
			     way */
	RECEIVED_UNKNOWN, /* no known form */
};
/* field: the value, folded or not; copies live in a. envfrom: an envelope sender that the field
 * above told about this one, and what this one tells about the next; "" = none. */
enum received_kind received_parse(str field, struct arena *a, str *envfrom, struct scan_relay *out);
/* Is it an address of a private network (RFC 1918, loopback, link-local, RFC 6598)? */
bool received_private(str ip);

#endif
